//! What `essay` does.

use super::trained::TrainedInput;
use serde::Serialize;

/// Which claims are examined, with how much work, and on which trained model besides.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct EssaySpec {
    /// Names of claims; empty: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// Fewer members: all claims in a minute on two cores.
    pub quick: bool,
    /// The seed of every random number.
    pub seed: u64,
    /// A trained model and a text, for the claims that speak of trained models.
    #[serde(flatten)]
    pub trained: Option<TrainedInput>,
}
