//! Input that nobody has thought of, to everything that reads any: it is read or refused, and nothing panics.
//!
//! Each target takes good input with a few random edits, and noise. The ordinary suite runs some hundred cases of each, the
//! same ones every time; `EULERSCOPE_FUZZ=1000` runs a thousand times as many, and others in every run. What a target finds is mended, and kept as a test with a name.

mod checkpoints;
mod command_lines;
mod edits;
mod manifests;
mod matrices;
mod numbers;
mod parts;
mod specifications;
mod tables;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Runs a target on so many cases, or so many times as many as the environment asks for.
#[track_caller]
fn fuzz<S: Strategy>(cases: u32, input: &S, target: impl Fn(S::Value)) {
    let times = std::env::var("EULERSCOPE_FUZZ").ok().map(|times| times.parse::<u32>().expect("a whole number"));
    let config = Config { failure_persistence: None, ..Config::with_cases(cases.saturating_mul(times.unwrap_or(1))) };
    let mut runner = match times {
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
        Some(_) => TestRunner::new(config),
    };
    let found = runner.run(input, |input| {
        target(input);
        Ok::<(), TestCaseError>(())
    });
    found.unwrap_or_else(|failure| panic!("{failure}"));
}

/// An error of input: one line and its exit code.
#[track_caller]
fn refused(error: &eulerscope::error::Error, codes: &[u8]) {
    let line = error.to_string();
    assert!(codes.contains(&error.exit_code()), "{line}");
    assert!(!line.contains('\n') && line.len() < 2000, "one line: {line}");
}
