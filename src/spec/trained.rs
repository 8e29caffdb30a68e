//! What is asked of a trained model: which checkpoint, which texts, and what of its layers.

use super::check;
use super::grid::Grid;
use super::spectrum::Quantities;
use super::words::{Control, Integrator};
use crate::error::Result;
use crate::invalid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The most exponents of a trained model.
const MOST_EXPONENTS: usize = 4096;

/// A checkpoint and the texts whose states go through it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TrainedInput {
    /// A folder of Hugging Face or a `.gguf` file.
    pub checkpoint: PathBuf,
    /// The BLAKE3 hashes that its files are to have, by their names: those of a run that is made again. Empty for any.
    #[serde(skip)]
    pub recorded_files: BTreeMap<String, String>,
    /// Texts, each on its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<String>,
    /// Tokens by their numbers, in place of texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token_ids: Vec<u32>,
}

impl TrainedInput {
    /// Refuses an input without a text.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the key to change.
    pub fn validate(&self) -> Result<()> {
        match (self.prompts.is_empty(), self.token_ids.is_empty()) {
            (true, true) => {
                invalid!("checkpoint: Jacobians are those at the states of a text; give prompt, prompts or token_ids")
            }
            (false, false) => invalid!("token_ids: a text has its own tokens; give prompts or token_ids"),
            _ => match self.prompts.iter().position(String::is_empty) {
                Some(place) => invalid!("prompts: number {} is empty; give a text", place + 1),
                None => Ok(()),
            },
        }
    }
}

/// Which tokens of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tokens {
    /// The last one.
    #[default]
    Last,
    /// All of them.
    All,
    /// Those at these places, from 0.
    At(Vec<usize>),
}

impl Tokens {
    /// The places in a text of so many tokens.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) for a place beyond the last one.
    pub fn of(&self, count: usize) -> Result<Vec<usize>> {
        match self {
            Tokens::Last => Ok(vec![count - 1]),
            Tokens::All => Ok((0..count).collect()),
            Tokens::At(places) => match places.iter().find(|&&place| place >= count) {
                Some(place) => {
                    invalid!("tokens: there is no token {place}; the text has {count} of them, counted from 0")
                }
                None => Ok(places.clone()),
            },
        }
    }
}

impl FromStr for Tokens {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.trim() {
            "last" => return Ok(Tokens::Last),
            "all" => return Ok(Tokens::All),
            _ => {}
        }
        let place = |part: &str| {
            part.trim().parse().map_err(|_| format!("`{part}` is no place; give last, all, or places such as 0,4,8"))
        };
        let mut places: Vec<usize> = text.split(',').map(place).collect::<std::result::Result<_, _>>()?;
        places.sort_unstable();
        places.dedup();
        Ok(Tokens::At(places))
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tokens::Last => f.write_str("last"),
            Tokens::All => f.write_str("all"),
            Tokens::At(places) => f.write_str(&places.iter().map(usize::to_string).collect::<Vec<_>>().join(",")),
        }
    }
}

impl Serialize for Tokens {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Place(usize),
            Places(Vec<usize>),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Place(place) => Ok(Tokens::At(vec![place])),
            Form::Places(places) => Ok(Tokens::At(places)),
            Form::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// The Jacobian ∂x⁺_t/∂x_t of every layer of a trained model, its eigenvalues and singular values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainedSpectrumSpec {
    /// Of which model, at which texts.
    #[serde(flatten)]
    pub input: TrainedInput,
    /// Of which tokens t.
    pub tokens: Tokens,
    /// Step size h; a trained model has 1.
    pub step_size: f64,
    /// Friction gamma; a trained model has none.
    pub damping: f64,
    /// How a step is made; a trained model's is Euler's.
    pub integrator: Integrator,
    /// Models of the same form that are measured beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<Control>,
    /// Of the random numbers of controls.
    pub seed: u64,
    /// Only so many of the largest eigenvalues, by Arnoldi's method; nothing is derived then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leading: Option<usize>,
    /// Only so many of the largest singular values, by Lanczos' method; nothing is derived then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub singular: Option<usize>,
    /// What is derived of each Jacobian besides.
    pub derived: Quantities,
    /// Are all eigenvalues and singular values shown?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub values: bool,
}

/// Finite-time Lyapunov exponents along the depth of a trained model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainedLyapunovSpec {
    /// Which model, which text.
    #[serde(flatten)]
    pub input: TrainedInput,
    /// Step size h; a trained model has 1.
    pub step_size: f64,
    /// Friction gamma; a trained model has none.
    pub damping: f64,
    /// How a step is made.
    pub integrator: Integrator,
    /// How many exponents, from the largest.
    pub top: usize,
    /// Of the frame that the tangents begin with.
    pub seed: u64,
    /// So many of the largest singular values of the product of all layers' Jacobians besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub singular: Option<usize>,
}

impl Default for TrainedLyapunovSpec {
    /// 16 exponents of the trained model's own step.
    fn default() -> Self {
        TrainedLyapunovSpec {
            input: TrainedInput::default(),
            step_size: 1.0,
            damping: 0.0,
            integrator: Integrator::Euler,
            top: 16,
            seed: 0,
            singular: None,
        }
    }
}

impl TrainedLyapunovSpec {
    /// Refuses, in one line, what cannot be computed.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the key to change.
    pub fn validate(&self) -> Result<()> {
        self.input.validate()?;
        if self.input.prompts.len() > 1 {
            return invalid!("prompts: exponents are those at the states of one text; give text or prompt");
        }
        check::step_size(self.step_size)?;
        check::damping(self.damping)?;
        check::count("top", self.top, MOST_EXPONENTS)?;
        self.singular.map_or(Ok(()), |count| check::count("singular", count, MOST_EXPONENTS))?;
        explicit(self.integrator)
    }
}

/// A text through a trained model under other step sizes and frictions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainedSweepSpec {
    /// Which model, which text.
    #[serde(flatten)]
    pub input: TrainedInput,
    /// Step sizes h of every sublayer.
    pub step_size: Grid,
    /// Frictions γ of every sublayer.
    pub damping: Grid,
    /// How a step is made.
    pub integrator: Integrator,
    /// Two words whose logits are compared behind the last token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<[String; 2]>,
}

impl Default for TrainedSweepSpec {
    /// Step sizes around 1 without friction, and frictions at step size 1 are asked for on their own.
    fn default() -> Self {
        TrainedSweepSpec {
            input: TrainedInput::default(),
            step_size: Grid::single(1.0),
            damping: Grid::single(0.0),
            integrator: Integrator::Euler,
            margin: None,
        }
    }
}

impl TrainedSweepSpec {
    /// Refuses, in one line, what cannot be computed.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the key to change.
    pub fn validate(&self) -> Result<()> {
        self.input.validate()?;
        if self.input.prompts.len() > 1 {
            return invalid!("prompts: a sweep of a trained model takes one text; give text or prompt");
        }
        self.step_size.values().iter().try_for_each(|&h| check::step_size(h))?;
        self.damping.values().iter().try_for_each(|&gamma| check::damping(gamma))?;
        explicit(self.integrator)
    }
}

/// Refuses an integrator that needs a constant matrix.
fn explicit(integrator: Integrator) -> Result<()> {
    match integrator {
        Integrator::BackwardEuler | Integrator::ExponentialEuler => {
            invalid!("integrator: {integrator} needs a constant matrix; use an explicit one")
        }
        _ => Ok(()),
    }
}

impl Default for TrainedSpectrumSpec {
    /// The last token, step size 1, no friction.
    fn default() -> Self {
        TrainedSpectrumSpec {
            input: TrainedInput::default(),
            tokens: Tokens::Last,
            step_size: 1.0,
            damping: 0.0,
            integrator: Integrator::Euler,
            controls: Vec::new(),
            seed: 0,
            leading: None,
            singular: None,
            derived: Quantities::ALL,
            values: false,
        }
    }
}

impl TrainedSpectrumSpec {
    /// Refuses, in one line, what cannot be computed.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the key to change.
    pub fn validate(&self) -> Result<()> {
        self.input.validate()?;
        check::step_size(self.step_size)?;
        check::damping(self.damping)?;
        self.only_some()?;
        explicit(self.integrator)
    }

    /// Are Jacobians applied to vectors, and never assembled?
    pub fn is_partial(&self) -> bool {
        self.leading.is_some() || self.singular.is_some()
    }

    /// Refuses what needs the whole Jacobian where only some of its values are asked for.
    fn only_some(&self) -> Result<()> {
        let key = match (self.leading, self.singular) {
            (Some(_), _) => "leading",
            (None, Some(_)) => "singular",
            (None, None) => return Ok(()),
        };
        if self.derived != Quantities::NONE {
            return invalid!("derived: {} needs the whole Jacobian; remove `derived` or `{key}`", self.derived);
        }
        if self.values {
            return invalid!(
                "values: the largest ones are there anyway, and others are not; remove `values` or `{key}`"
            );
        }
        Ok(())
    }
}
