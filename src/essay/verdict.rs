//! What follows from statements.

use super::{Statement, Truth};
use serde::Serialize;

/// What becomes of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every statement is true.
    Holds,
    /// Some statements are true and others are false: the statements say under which conditions.
    HoldsConditionally,
    /// Every statement is false.
    Wrong,
    /// Nothing that can be measured here decides it.
    Undecidable,
}

impl Verdict {
    /// The verdict on some statements. One that is undecided leaves the claim undecided, unless it has both true and false
    /// statements besides.
    pub fn of(statements: &[Statement]) -> Self {
        let some = |truth: Truth| statements.iter().any(|statement| statement.truth() == truth);
        match (some(Truth::Holds), some(Truth::Fails), some(Truth::Undecided)) {
            (true, true, _) => Verdict::HoldsConditionally,
            (true, false, false) => Verdict::Holds,
            (false, true, false) => Verdict::Wrong,
            _ => Verdict::Undecidable,
        }
    }

    /// For JSON and tables.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::HoldsConditionally => "holds_conditionally",
            Verdict::Wrong => "wrong",
            Verdict::Undecidable => "undecidable",
        }
    }

    /// For people.
    pub fn said(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::HoldsConditionally => "holds under conditions",
            Verdict::Wrong => "wrong",
            Verdict::Undecidable => "undecidable here",
        }
    }
}
