//! From which layer on evidence to the contrary comes too late.

use super::Answers;
use crate::essay::Measured;

/// Answers to a context that is turned into its opposite on the way.
#[derive(Clone, Copy, Debug)]
pub struct Turned<'a> {
    /// The layer behind which it is.
    pub layer: usize,
    /// The answers, to the same questions in the same order as those to the plain context.
    pub answers: &'a Answers,
}

/// The mean of the first layer of `turned`, which are in the order of their layers, from which on turning the context changes
/// an answer no more, of the answers that it changes at the first of them; `never` where it changes them at all of them.
///
/// What is not changed at the first does not come from the evidence and says nothing of when that comes too late. Missing
/// where all answers are such.
pub fn locked(plain: &Answers, turned: &[Turned], never: usize) -> Measured {
    let side = |margins: &[f64]| margins.last().is_some_and(|&margin| margin > 0.0);
    let layer = |stack: usize, place: usize| -> Option<f64> {
        let own = side(&plain.stacks()[stack][place]);
        let changed = |turned: &Turned| side(&turned.answers.stacks()[stack][place]) != own;
        let last = turned.iter().rposition(changed);
        let first_without = |last: usize| turned.get(last + 1).map_or(never, |next| next.layer) as f64;
        turned.first().is_some_and(changed).then(|| last.map_or(0.0, first_without))
    };
    let of_stack = |stack: usize| {
        let all = plain.stacks()[stack].len();
        let found: Vec<f64> = (0..all).filter_map(|place| layer(stack, place)).collect();
        (found.iter().sum::<f64>() / all as f64, found.len() as f64 / all as f64)
    };
    let (sums, shares): (Vec<f64>, Vec<f64>) = (0..plain.stacks().len()).map(of_stack).unzip();
    Measured::of(sums).over(Measured::of(shares))
}
