//! Text as tokens and back.

use super::Checkpoint;
use super::config;
use crate::error::{Error, Result};
use crate::invalid;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use tokenizers::Tokenizer;

/// Where a tokenizer is described.
pub(super) enum Vocabulary {
    /// `tokenizer.json` of a folder.
    File(PathBuf),
    /// The same as bytes, made of what a GGUF file says.
    Made(Vec<u8>),
    /// Not in a form that is read, with what is said about it.
    Missing(String),
}

/// What `work` of the tokenizers' crate returns, which panics at some descriptions that are damaged.
fn unwound<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> tokenizers::Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("what it says of its parts is impossible".into()))
}

impl Checkpoint {
    /// The tokens that the model would see for a text: what its tokenizer makes of it, with the special tokens that the
    /// tokenizer itself adds (BERT's at both ends; the first one of models that were trained with it), and no others.
    /// Special tokens that are written out in the text are recognised. Nothing is cut off and nothing is filled up.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there is no tokenizer that can be read, or if it does not belong to this model.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let tokenizer = self.tokenizer()?;
        let encoding =
            unwound(|| tokenizer.encode(text, true)).map_err(|error| self.refusal("the tokenizer", error))?;
        let ids = encoding.get_ids().to_vec();
        match ids.iter().find(|id| **id as usize >= self.architecture.vocabulary) {
            None => Ok(ids),
            Some(id) => invalid!(
                "{}: the tokenizer makes token {id} of this text, and the model has {}; it belongs to another model",
                self.path.display(),
                self.architecture.vocabulary
            ),
        }
    }

    /// The text of some tokens, special ones written out.
    ///
    /// # Errors
    /// As for [`Checkpoint::encode`].
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let tokenizer = self.tokenizer()?;
        unwound(|| tokenizer.decode(ids, false)).map_err(|error| self.refusal("the tokenizer", error))
    }

    /// The tokenizer, read when it is first needed.
    fn tokenizer(&self) -> Result<&Tokenizer> {
        if let Some(tokenizer) = self.tokenizer.get() {
            return Ok(tokenizer);
        }
        let read = |bytes: &[u8]| {
            let mut tokenizer = Tokenizer::from_bytes(bytes)?;
            tokenizer.with_truncation(None)?;
            tokenizer.with_padding(None);
            Ok(tokenizer)
        };
        let read = |bytes: &[u8]| unwound(|| read(bytes));
        let tokenizer = match &self.vocabulary {
            Vocabulary::File(path) if path.symlink_metadata().is_err() => {
                return invalid!("{}: is not there; give the text as token ids", path.display());
            }
            Vocabulary::File(path) => read(&config::content(path)?),
            Vocabulary::Made(bytes) => read(bytes),
            Vocabulary::Missing(why) => return invalid!("{}: {why}; give the text as token ids", self.path.display()),
        };
        let tokenizer = tokenizer.map_err(|error| self.refusal("the description of the tokenizer", error))?;
        Ok(self.tokenizer.get_or_init(|| tokenizer))
    }

    fn refusal(&self, what: &str, error: tokenizers::Error) -> Error {
        let why = error.to_string().replace('\n', " ");
        Error::Invalid(format!("{}: {what} fails: {why}; fetch the file again", self.path.display()))
    }
}
