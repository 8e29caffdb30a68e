//! Overshoot and early commitment.

use super::planted::Evidence;
use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::layer::Point;
use crate::spec::{Grid, Model};
use crate::theory;

pub(super) const CLAIM: Claim = Claim {
    id: "overshoot",
    claim: "With h = 1 the simulation overshoots and commits too early.",
    experiment: "A growing mode (λ = 0.1) at step sizes from 1 to 0.01 over the same time, until it is 1,000 times as large; a \
                 choice by attention that feeds on itself, until it is 90 % made; and a decaying mode (λ = -1.5), which Euler's \
                 step flips.",
    remark: "Overshoot needs λ < -1 / h. A growing mode is under-estimated by Euler's method, (1 + h λ) < e^(h λ): with h = 1 it \
             commits later than the solution, not earlier.",
    seconds: 0.1,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// λ of the growing mode.
    pub growth: f64,
    /// λ of the decaying mode.
    pub decay: f64,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { growth: 0.1, decay: -1.5 }
    }
}

/// Growth that counts as commitment.
const COMMITTED: f64 = 1000.0;
/// A fine step, and a time that is long enough.
const FINE: f64 = 0.1;
const LONGEST: f64 = 100.0;
const STEPS: [f64; 6] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0];

/// Measures when the growing mode is there, at every step size, and the sign of a step of the decaying one.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let times: Vec<Measured> = STEPS.iter().map(|&step| time(lab, premise.growth, step)).collect::<Result<_>>()?;
    let solution = COMMITTED.ln() / premise.growth;
    let lead = times[STEPS.len() - 1].minus(Measured::exact(solution));
    let expected = theory::crossing_time(premise.growth, 1.0, COMMITTED) - solution;
    let factor = lab.factor(-premise.decay, 1.0)?;
    let statements = vec![
        Statement::new(
            "with h = 1 a mode with λ < -1 overshoots",
            "growth factor Φ of a step of the decaying mode",
            factor,
            Criterion::Below(0.0),
        )
        .predicted(1.0 + premise.decay, 1e-6),
        Statement::new(
            "with h = 1 a growing mode commits early",
            "time to a factor of 1,000 with h = 1, less that of the solution",
            lead,
            Criterion::Below(0.0),
        )
        .predicted(expected, 1e-9),
        Statement::new(
            "and so does a choice that feeds on itself",
            format!("time until the choice is made with h = 1, less that with h = {FINE}"),
            choice(lab, 1.0)?.minus(choice(lab, FINE)?),
            Criterion::Below(0.0),
        )
        .predicted(predicted_choice(1.0) - predicted_choice(FINE), 1e-2),
    ];
    let graph = Graph {
        x_label: "step size h",
        y_label: "time until a factor of 1,000",
        log_x: true,
        neutral: Some((solution, "solution")),
        curves: vec![Curve::new("Euler", STEPS.iter().copied().zip(times))],
        reading: "The larger the step, the later Euler's method commits.",
    };
    Ok(Finding::new(statements, graph))
}

/// Attention to a planet and an element, with feedback: y' = y + h tanh(y / 10).
fn evidence(step_size: f64) -> Evidence {
    let point = Point { step_size, radius: 1.0, damping: 0.0 };
    Evidence { planet: 1, element: 1, value: 1.0, feedback: 0.2, point }
}

/// Where the lean begins, and where the choice is made: tanh(y / 10) = 0.9.
const LEAN: f64 = 0.01;
fn made() -> f64 {
    10.0 * 0.9_f64.atanh()
}

/// When the choice is made by the layers.
fn choice(lab: &Lab, step_size: f64) -> Result<Measured> {
    let time = evidence(step_size).commitment(lab.device, LEAN, made(), LONGEST)?;
    Ok(time.map_or(Measured::MISSING, Measured::exact))
}

/// When it is made by the recursion.
fn predicted_choice(step_size: f64) -> f64 {
    let steps = (LONGEST / step_size).ceil() as usize;
    theory::commitment(evidence(step_size).law(), LEAN, made(), steps).unwrap_or(f64::NAN)
}

/// The time of the first step beyond the threshold.
fn time(lab: &Lab, rate: f64, step_size: f64) -> Result<Measured> {
    let mut spec = lab.sweep(Model::Linear, 1, 1);
    spec.ensemble.shift = -rate;
    (spec.radius, spec.step_size) = (Grid::single(0.0), Grid::single(step_size));
    (spec.threshold, spec.depth) = (COMMITTED, (1.2 * COMMITTED.ln() / rate / step_size).ceil() as usize);
    let step = lab.outcomes(&spec)?[0].crossing_step;
    Ok(step.map_or(Measured::MISSING, |step| Measured::exact(f64::from(step) * step_size)))
}
