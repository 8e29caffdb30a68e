//! The keys of a trained model, which several commands have: which model, at which texts.

use super::first_given;
use crate::error::Result;
use crate::input;
use crate::invalid;
use crate::spec::TrainedInput;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which model, at which texts.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
#[command(next_help_heading = "A trained model")]
pub struct TrainedKeys {
    /// A trained model: a Hugging Face folder, or a .gguf file
    #[arg(long, value_name = "PATH")]
    pub checkpoint: Option<PathBuf>,
    /// The text at whose states its layers are taken
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["text", "prompts_file", "token_ids"])]
    pub prompt: Option<String>,
    /// A file with one text
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prompts_file", "token_ids"])]
    pub text: Option<PathBuf>,
    /// A file of texts, one a line
    #[arg(long = "prompts", value_name = "FILE", conflicts_with = "token_ids")]
    pub prompts_file: Option<PathBuf>,
    /// The texts themselves, in a file of keys.
    #[arg(skip)]
    pub prompts: Option<Vec<String>>,
    /// The hashes of the model's files by their names, in the record of a run.
    #[arg(skip)]
    pub recorded_model: BTreeMap<String, String>,
    /// Tokens by their numbers, in place of a text
    #[arg(long, value_name = "IDS", value_delimiter = ',', allow_negative_numbers = true)]
    pub token_ids: Option<Vec<u32>>,
}

/// The longest file of texts, in bytes.
const LONGEST: u64 = 1 << 20;

impl TrainedKeys {
    /// The keys that are no flags.
    pub const RECORDED: &'static [&'static str] = &["prompts"];

    /// The key under which the record of a run has the hashes of a model's files, beside those of its specification.
    pub const MODEL: &'static str = "recorded_model";

    /// The first key that was given of those that mean nothing without a checkpoint.
    pub fn first(&self) -> Option<&'static str> {
        let given = [
            ("prompt", self.prompt.is_some()),
            ("text", self.text.is_some()),
            ("prompts", self.prompts_file.is_some() || self.prompts.is_some()),
            ("token_ids", self.token_ids.is_some()),
        ];
        first_given(given)
    }

    /// Takes them over; a text replaces an earlier one.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file that is no text, [`Error::Io`] for one that cannot be read.
    pub fn apply(&self, input: &mut TrainedInput) -> Result<()> {
        if let Some(checkpoint) = &self.checkpoint {
            input.checkpoint = checkpoint.clone();
            input.recorded_files = self.recorded_model.clone();
        }
        if self.first().is_some() {
            input.prompts = match (&self.prompt, &self.text, &self.prompts_file) {
                (Some(prompt), ..) => vec![prompt.clone()],
                (None, Some(file), _) => vec![read("text", file)?],
                (None, None, Some(file)) => lines(&read("prompts", file)?),
                (None, None, None) => self.prompts.clone().unwrap_or_default(),
            };
            input.token_ids = self.token_ids.clone().unwrap_or_default();
        }
        Ok(())
    }
}

/// Lines with something in them.
fn lines(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// A text that a file holds, without the ends of lines behind it.
fn read(key: &str, path: &Path) -> Result<String> {
    let remedy = "give a file of UTF-8 text";
    match String::from_utf8(input::read(path, LONGEST, remedy)?) {
        Ok(text) if text.trim().is_empty() => invalid!("{key}: {} has no text; {remedy}", path.display()),
        Ok(text) => Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
        Err(_) => invalid!("{key}: {} is not UTF-8; {remedy}", path.display()),
    }
}
