//! Trained models as their makers publish them: folders of Hugging Face (`config.json`, safetensors, in shards too,
//! `tokenizer.json`) and single GGUF files.
//!
//! A [`Checkpoint`] is opened, not loaded: the weights are mapped into memory, and [`Checkpoint::layer`] makes f32 of one
//! layer at a time, in one order for all families. What is said of a model is its [`Architecture`].
//!
//! Files are not trusted. Whatever is not understood is refused by name, since a layer that leaves a part out has the wrong
//! eigenvalues: unknown families, tensors without a place in the model, scalings of positions, formats of numbers. Whatever
//! a header claims is checked against the bytes that are there before anything is allocated.

mod architecture;
mod block;
mod config;
mod element;
mod family;
mod gguf;
mod layer;
mod naming;
mod provenance;
mod safetensors;
mod store;
mod tokenizer;

pub use architecture::{Activation, Architecture, Biases, Embedding, Family, Norm, Rotary, Unembedding};
pub use provenance::{FileRecord, Provenance, changed_files};

use crate::error::{Error, Result};
use crate::input;
use crate::invalid;
use config::Config;
use naming::Names;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use store::Store;
use tokenizer::Vocabulary;
use tokenizers::Tokenizer;

/// A trained model on disk.
pub struct Checkpoint {
    path: PathBuf,
    name: String,
    architecture: Architecture,
    names: Names,
    store: Store,
    /// Files beside those of the weights that say what the model computes.
    documents: Vec<PathBuf>,
    vocabulary: Vocabulary,
    tokenizer: OnceLock<Tokenizer>,
    provenance: OnceLock<Provenance>,
}

impl Checkpoint {
    /// Opens a folder or a `.gguf` file: reads what describes the model, and checks that all weights are there with the
    /// shapes that follow from it. The weights themselves are not read.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is not supported and for files that are damaged or disagree, [`Error::Io`] if one cannot
    /// be read. The line names the file, and the tensor or key in it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let remedy = "name the folder of a model or a .gguf file";
        input::refuse_unnamed(path, remedy)?;
        let kind = std::fs::metadata(path).map_err(|source| Error::io(path, source, remedy))?;
        let checkpoint = if kind.is_dir() { Self::folder(path) } else { gguf::open(path) }?;
        checkpoint.names.check(&checkpoint.architecture, &checkpoint.store)?;
        Ok(checkpoint)
    }

    fn folder(path: &Path) -> Result<Self> {
        let config = Config::read(path)?;
        let described = family::describe(&config)?;
        let store = safetensors::open(path)?;
        refuse_confusion(&config, &store)?;
        let name = config.text("_name_or_path").filter(|name| !name.is_empty()).map(str::to_owned);
        let own = || path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Checkpoint {
            path: path.to_owned(),
            name: name.unwrap_or_else(own),
            architecture: described.architecture,
            names: Names::of(described.naming, &store),
            store,
            documents: ["config.json", "tokenizer.json", safetensors::INDEX].map(|name| path.join(name)).to_vec(),
            vocabulary: Vocabulary::File(path.join("tokenizer.json")),
            tokenizer: OnceLock::new(),
            provenance: OnceLock::new(),
        })
    }

    /// What the files call the model; the folder's or file's name where they do not.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the model computes.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The states before the first layer, or before the norm of the embedding where there is one: `[tokens, width]`, with
    /// learned positions from 0 and the first type of tokens added. Sums of stored numbers, hence f64.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there are no tokens or more than the model has positions for, if one does not exist, or if a
    /// weight is not finite.
    pub fn embed(&self, token_ids: &[u32]) -> Result<Vec<f64>> {
        let (architecture, naming) = (&self.architecture, self.names.naming);
        let (tokens, longest) = (token_ids.len(), architecture.positions);
        if tokens == 0 || tokens > longest {
            return invalid!("{}: {tokens} tokens; 1 to {longest} are possible", self.path.display());
        }
        if let Some(id) = token_ids.iter().find(|id| **id as usize >= architecture.vocabulary) {
            let most = architecture.vocabulary - 1;
            return invalid!("{}: there is no token {id}; ids go from 0 to {most}", self.path.display());
        }
        let row = |stem: &str, row: usize| self.store.rows(&(self.names.outer(stem) + ".weight"), row..row + 1);
        let mut states = Vec::with_capacity(tokens * architecture.width);
        for (position, id) in token_ids.iter().enumerate() {
            let mut state: Vec<f64> = row(naming.embedding, *id as usize)?.into_iter().map(f64::from).collect();
            let mut add = |row: Vec<f32>| state.iter_mut().zip(row).for_each(|(state, more)| *state += f64::from(more));
            if architecture.embedding.positions {
                add(row(naming.positions, position)?);
            }
            if architecture.embedding.token_types > 0 {
                add(row(naming.token_types, 0)?);
            }
            states.append(&mut state);
        }
        Ok(states)
    }

    /// Rows of the matrix that makes logits of the last states: `[rows, width]`, a row for each token.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the model predicts no tokens, if there are no such rows, or if a weight is not finite.
    pub fn unembedding(&self, rows: Range<usize>) -> Result<Vec<f32>> {
        let naming = self.names.naming;
        match self.architecture.unembedding {
            Unembedding::None => invalid!("{}: this model predicts no next token", self.path.display()),
            Unembedding::Tied => self.store.rows(&(self.names.outer(naming.embedding) + ".weight"), rows),
            Unembedding::Own => self.store.rows(&format!("{}.weight", naming.unembedding), rows),
        }
    }
}

/// Refuses weights of one type of 16 bits where the configuration says the other: one would be read as if it were the other,
/// and any bits are numbers in both.
fn refuse_confusion(config: &Config, store: &Store) -> Result<()> {
    let (key, said) = match (config.text("dtype"), config.text("torch_dtype")) {
        (Some(said), _) => ("dtype", said),
        (None, said) => ("torch_dtype", said.unwrap_or_default()),
    };
    let found = match said {
        "float16" => "BF16",
        "bfloat16" => "F16",
        _ => return Ok(()),
    };
    match store.elements().contains(&found) {
        false => Ok(()),
        true => config.refuse(format_args!(
            "{key} is {said}, and the file has weights of type {found}; correct the one that is wrong"
        )),
    }
}
