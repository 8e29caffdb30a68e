//! Exponents along the trajectories of nonlinear layers: tangents through the exact linearisation of every step.

use super::{Estimate, Frame, GrowthOutputs, Lyapunov, block_of, estimate, growth_of, in_chunks, point, summarise};
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::kernel::end_step::observation;
use crate::kernel::shared::trajectory::{event, norm};
use crate::layer::{NonlinearLayer, Tangents, Threshold};
use crate::plan::{Chunk, Ints, Output, Plan, Reals};
use crate::spec::{LyapunovSpec, Weights};
use crate::weights::Source;

/// The norm after the transient, if there is one, is kept in slot 0, the last one in slot 1.
const SLOTS: usize = 2;

/// The exponents of the MLP or the Transformer.
pub fn run(device: &Device, spec: &LyapunovSpec, chunk: usize, progress: Progress) -> Result<Lyapunov> {
    let mut plan = Plan::new();
    let (source, frame, outputs) = record(&mut plan, spec);
    let (mut logs, mut norms, mut frozen) = (Vec::new(), Vec::new(), 0);
    let layers = spec.ensemble.members;
    let interrupted = in_chunks(device, &plan, layers, chunk, &source, progress, &mut |chunk| {
        for member in 0..chunk.members.len() {
            if chunk.ints(outputs.events)[member * event::ROWS + event::DIVERGED_STEP] > 0 {
                frozen += 1;
                continue;
            }
            logs.push(growth_of(spec, &frame, chunk, outputs.growth, (member, device.epsilon())));
            norms.push(growth_of_norm(spec, chunk, &outputs, member) / spec.depth as f64);
        }
    })?;
    let members = logs.len() + frozen;
    let (result, order) = summarise(spec, &frame, &logs);
    let angular_exponents = order.into_iter().map(|i| angular(spec, (i, frame.columns), &logs, &norms)).collect();
    Ok(Lyapunov { angular_exponents, frozen, members, interrupted, ..result })
}

/// What comes back.
pub(super) struct Outputs {
    growth: GrowthOutputs,
    /// `[slots, 6 observations]`.
    observations: Output<Reals>,
    /// `[3 scales | 4 events]`.
    events: Output<Ints>,
    /// `[now | peak | initial]`.
    norms: Output<Reals>,
}

pub(super) fn record(plan: &mut Plan, spec: &LyapunovSpec) -> (Source, Frame, Outputs) {
    let source = Source::of(plan, &spec.ensemble, spec.layer.weights, spec.layer.tokens);
    let threshold = Threshold::new(f64::from(f32::MAX));
    let mut layer = NonlinearLayer::new(plan, &spec.layer, spec.ensemble.width, &[point(spec)], threshold, SLOTS);
    let tangents = Tangents::new(plan, &layer, spec.exponents());
    let shape = layer.shape();
    let frame = Frame::new(plan, (shape.rows * shape.columns, spec.exponents(), tangents.vectors()), 1 + spec.blocks);
    let mut x = layer.start(plan, &source);
    let mut deviations = tangents.draw(plan, &layer, &source);
    frame.orthonormalise(plan, deviations, 0, true);
    for step in 1..=spec.transient_steps + spec.depth {
        if step == 1 || spec.layer.weights == Weights::Iid {
            layer.draw(plan, &source, step as u32 - 1);
        }
        x = layer.step(plan, x, step as u32, usize::from(step > spec.transient_steps));
        deviations = tangents.step(plan, &layer, deviations);
        let block = block_of(spec, step);
        frame.orthonormalise(plan, deviations, block, block > 0 && block != block_of(spec, step - 1));
    }
    let record = layer.record;
    let outputs = Outputs {
        growth: frame.output(plan),
        observations: plan.output(record.observations),
        events: plan.output(record.events),
        norms: plan.output(record.norms),
    };
    (source, frame, outputs)
}

/// ln of the growth of a member's norm over the counted steps.
fn growth_of_norm(spec: &LyapunovSpec, chunk: &Chunk, outputs: &Outputs, member: usize) -> f64 {
    let observations = chunk.reals(outputs.observations);
    let norm = |slot: usize| observations.at((member * SLOTS + slot) * observation::ROWS + observation::NORM);
    let first = match spec.transient_steps {
        0 => chunk.reals(outputs.norms).at(member * norm::ROWS + norm::INITIAL).sqrt(),
        _ => norm(0),
    };
    norm(1).ln() - first.ln()
}

/// The raw exponent `i` of `k` of each member less the growth of its norm.
fn angular(spec: &LyapunovSpec, (i, k): (usize, usize), logs: &[Vec<f64>], norms: &[f64]) -> Estimate {
    let raw = |log: &Vec<f64>| (0..spec.blocks).map(|block| log[block * k + i]).sum::<f64>() / spec.depth as f64;
    estimate(logs.iter().zip(norms).map(|(log, norm)| raw(log) - norm))
}
