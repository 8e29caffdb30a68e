//! Must h be tiny?

use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::spec::{Grid, Model};
use crate::sweep::Cell;
use crate::theory;

pub(super) const CLAIM: Claim = Claim {
    id: "tiny-steps",
    claim: "For a simulation to be stable h must be tiny; Transformers take the whole plunge with h = 1.",
    experiment: "Random layers with a restoring force (μ = 1, ρ = 0.5) and without (μ = 0, ρ = 1), eigenvalues against h.",
    remark: "With a restoring force there is a largest h, (2 - γ) / (μ + ρ), and it is not tiny. Without one no h is stable: a \
             smaller step only takes more of them.",
    seconds: 0.1,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// The restoring force of the layers that have one.
    pub shift: f64,
    /// Their radius ρ.
    pub radius: f64,
    /// The restoring force of the others, whose radius is 1.
    pub free_shift: f64,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { shift: 1.0, radius: 0.5, free_shift: 0.0 }
    }
}

/// A tiny step.
const TINY: f64 = 0.01;

/// Measures the share of layers that are unstable at steps below and above the limit of theory, and at a tiny one.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let Premise { shift, radius, free_shift } = *premise;
    let limit = theory::largest_stable_step(shift, radius, 0.0);
    let steps: Vec<f64> = (1..=20).map(|i| 0.1 * f64::from(i)).collect();
    let held = unstable(lab, shift, radius, &[TINY, 0.75 * limit, 1.25 * limit])?;
    let free = unstable(lab, free_shift, 1.0, &[TINY])?;
    let said = |says, name: &str, share: Measured, criterion| {
        Statement::new(says, format!("share of unstable layers, {name}"), share, criterion)
    };
    let statements = vec![
        said("with a restoring force a tiny h is stable", "μ > ρ, h = 0.01", held[0], Criterion::Below(0.1))
            .predicted(0.0, 1e-9),
        said("and a large one is not", "μ > ρ, h = 5/4 of the limit", held[2], Criterion::Above(0.9))
            .predicted(1.0, 0.01),
        said("and nothing but a tiny one is", "μ > ρ, h = 3/4 of the limit", held[1], Criterion::Above(0.5))
            .predicted(0.0, 0.01),
        said("without a restoring force a tiny h is stable", "μ = 0, h = 0.01", free[0], Criterion::Below(0.5))
            .predicted(1.0, 0.01),
    ];
    let graph = Graph {
        x_label: "step size h",
        y_label: "share of unstable layers",
        curves: vec![curve(lab, shift, radius, &steps)?, curve(lab, free_shift, 1.0, &steps)?],
        reading: "With a restoring force layers are stable up to a step of ordinary size; without one at no step at all.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}

fn curve(lab: &Lab, shift: f64, radius: f64, steps: &[f64]) -> Result<Curve> {
    let shares = unstable(lab, shift, radius, steps)?;
    Ok(Curve::new(format!("μ = {shift}, ρ = {radius}"), steps.iter().copied().zip(shares)))
}

/// The share of layers with an eigenvalue of the step outside of the unit circle, at each step size.
fn unstable(lab: &Lab, shift: f64, radius: f64, steps: &[f64]) -> Result<Vec<Measured>> {
    let mut spec = lab.sweep(Model::Linear, lab.members(1024), 64);
    spec.ensemble.shift = shift;
    (spec.radius, spec.step_size, spec.depth) = (Grid::single(radius), Grid::of(steps)?, 2);
    let share = |cell: &Cell| Measured::share(cell.unstable_fraction.get(), cell.members);
    Ok(lab.cells(&spec)?.iter().map(share).collect())
}
