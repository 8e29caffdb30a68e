//! The commands on a trained model: `spectrum`, `sweep` and `lyapunov` with `--checkpoint`.

mod lyapunov;
mod spectrum;
mod sweep;

pub use lyapunov::run as lyapunov;
pub use spectrum::{TextSpectra, run as spectrum};
pub use sweep::{TextSweep, run as sweep};

use super::console::Console;
use super::outlook::{duration, memory};
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::spec::TrainedInput;
use crate::trained::Model;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::time::Instant;

/// The tokens of each text.
fn token_ids(model: &Model, input: &TrainedInput) -> Result<Vec<Vec<u32>>> {
    match input.token_ids.is_empty() {
        false => Ok(vec![input.token_ids.clone()]),
        true => input.prompts.iter().map(|prompt| model.checkpoint().encode(prompt)).collect(),
    }
}

/// A number of a table, or that there is none.
fn shown(value: Option<f64>, decimals: usize) -> String {
    value.map_or("missing".to_string(), |value| format!("{value:.decimals$}"))
}

/// What a run would take that does so many times what a trial does, which ends behind the first layer.
fn plan(
    console: &Console,
    device: &Device,
    model: &Model,
    spec: Value,
    texts: &[Vec<u32>],
    repeats: f64,
    trial: impl FnOnce(Progress) -> Result<()>,
) -> Result<()> {
    let start = Instant::now();
    trial(&mut |_| ControlFlow::Break(()))?;
    let seconds = start.elapsed().as_secs_f64() * model.depth() as f64 * repeats;
    let tokens: usize = texts.iter().map(Vec::len).sum();
    let bytes = 4 * model.anatomy().weights() as u64;
    console.show(&format!(
        "{}: {} layers of width {}, {tokens} tokens\n{} for the weights of a layer, one at a time\nabout {}, from a trial of \
         one layer\n",
        model.checkpoint().name(),
        model.depth(),
        model.anatomy().width,
        memory(bytes),
        duration(seconds),
    ))?;
    let plan =
        json!({ "layers": model.depth(), "tokens": tokens, "bytes_per_layer": bytes, "estimated_seconds": seconds });
    console.emit(&json!({ "spec": spec, "device": device.description(), "plan": plan }))
}
