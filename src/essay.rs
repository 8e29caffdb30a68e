//! The essay, claim by claim: what it says, as statements about numbers; an experiment of ordinary runs that measures them;
//! what theory predicts; and a verdict that follows from the two by rule.
//!
//! The essay is "AI is Dumb. Here's the Proof.": a Transformer is an undamped forward-Euler integrator with h = 1, which is why
//! it drifts, overcommits and hallucinates. A [`Claim`] has a file of its own here and a line in [`CLAIMS`]. Its experiment
//! is a function of a premise (a rate, a radius, a norm ..), so that tests can turn the premise over and see the verdict
//! turn with it.

mod attention;
mod curve;
mod decay;
mod euler_layer;
mod everywhere;
mod exponential;
mod fates;
mod feedforward;
mod friction;
pub mod hallucination;
mod integrators;
mod lab;
mod law;
pub mod mercury;
mod no_friction;
mod overshoot;
pub mod planted;
mod stack;
mod statement;
#[cfg(test)]
mod tests;
mod tiny_steps;
mod trained;
mod trained_mercury;
mod two_sublayers;
mod verdict;

pub use curve::{Curve, Graph};
pub use lab::{Effort, Lab, Run};
pub use statement::{Criterion, Measured, Predicted, Statement, Truth};
pub use trained::Trained;
pub use verdict::Verdict;

use crate::error::Result;
use crate::invalid;
use crate::spec::grid::shown;

/// A claim of the essay.
pub struct Claim {
    /// Its name on the command line.
    pub id: &'static str,
    /// What the essay says, in a few of its words.
    pub claim: &'static str,
    /// What is run.
    pub experiment: &'static str,
    /// What the verdict comes to, whatever it is: what one should know about it.
    pub remark: &'static str,
    /// About how long it takes quickly on two cores, in seconds.
    seconds: f64,
    /// Runs the experiment with the essay's own premise.
    run: fn(&Lab) -> Result<Finding>,
}

/// All claims, in the essay's order.
pub const CLAIMS: &[Claim] = &[
    decay::CLAIM,
    integrators::CLAIM,
    fates::CLAIM,
    tiny_steps::CLAIM,
    euler_layer::CLAIM,
    attention::CLAIM,
    feedforward::CLAIM,
    two_sublayers::CLAIM,
    stack::CLAIM,
    everywhere::CLAIM,
    exponential::CLAIM,
    mercury::CLAIM,
    overshoot::CLAIM,
    friction::CLAIM,
    no_friction::CLAIM,
    hallucination::CLAIM,
];

/// What an experiment found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What the essay says of the numbers.
    pub statements: Vec<Statement>,
    /// What there is to see.
    pub graph: Graph,
    /// What there is to see of a trained model.
    pub of_model: Option<Graph>,
}

impl Finding {
    /// Without a trained model.
    fn new(statements: Vec<Statement>, graph: Graph) -> Self {
        Finding { statements, graph, of_model: None }
    }

    /// With what a trained model adds, if there is one.
    fn with_model(mut self, found: Option<(Vec<Statement>, Graph)>) -> Self {
        let Some((statements, graph)) = found else { return self };
        self.statements.extend(statements);
        Finding { of_model: Some(graph), ..self }
    }
}

/// A claim that was examined.
pub struct Examined {
    /// Which.
    pub claim: &'static Claim,
    /// What was found.
    pub finding: Finding,
    /// The ordinary runs that the experiment consisted of.
    pub runs: Vec<Run>,
    /// How long it took.
    pub seconds: f64,
}

impl Examined {
    /// What follows from the statements.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.finding.statements)
    }
}

/// The claims of these names, in the essay's order; all of them where none is named.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for a name that no claim has.
pub fn chosen(names: &[String]) -> Result<Vec<&'static Claim>> {
    if let Some(name) = names.iter().find(|name| Claim::named(name).is_none()) {
        let all: Vec<&str> = CLAIMS.iter().map(|claim| claim.id).collect();
        return invalid!("claims: the essay has no claim `{}`; there are {}", shown(name), all.join(", "));
    }
    Ok(CLAIMS.iter().filter(|claim| names.is_empty() || names.iter().any(|name| name == claim.id)).collect())
}

impl Claim {
    /// The claim of this name.
    pub fn named(id: &str) -> Option<&'static Claim> {
        CLAIMS.iter().find(|claim| claim.id == id)
    }

    /// About how long it takes on two cores, in seconds: most of it goes with the number of members.
    pub fn seconds(&self, effort: Effort) -> f64 {
        match effort {
            Effort::Quick => self.seconds,
            Effort::Full => Effort::FULL_OVER_QUICK as f64 * self.seconds,
        }
    }

    /// Runs its experiment.
    ///
    /// # Errors
    /// What the device reports; [`Error::Partial`](crate::error::Error::Partial) where it was stopped before its end.
    pub fn examine(&'static self, lab: &Lab) -> Result<Examined> {
        let start = std::time::Instant::now();
        let finding = (self.run)(lab)?;
        Ok(Examined { claim: self, finding, runs: lab.take_runs(), seconds: start.elapsed().as_secs_f64() })
    }
}
