//! dx/dt = -5 x at h = 1.

use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::spec::{Grid, Integrator, LayerSpec, Model};
use crate::theory;

pub(super) const CLAIM: Claim = Claim {
    id: "decay",
    claim: "Simulated with h = 1, dx/dt = -5 x explodes: four times larger at each step, with its sign flipped.",
    experiment: "A layer of width 1 with the restoring force μ = 5, stepped by Euler's method and by the exact solution.",
    remark: "It is so, and it is so for every λ below -2 / h. Whether a Transformer has such modes is another question.",
    seconds: 0.1,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// The restoring force μ of dx/dt = -μ x.
    pub shift: f64,
    /// The step size h.
    pub step_size: f64,
}

impl Default for Premise {
    /// The essay's.
    fn default() -> Self {
        Premise { shift: 5.0, step_size: 1.0 }
    }
}

/// Measures Euler's growth factor and its sign, and the decay of the solution.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let Premise { shift, step_size } = *premise;
    let rate = rates(lab, shift, Integrator::Euler, &[step_size])?[0];
    let solution = rates(lab, shift, Integrator::ExponentialEuler, &[step_size])?[0];
    let factor = lab.factor(shift, step_size)?;
    let predicted = |integrator| theory::factor(integrator, -shift * step_size).unwrap_or(f64::NAN);
    let statements = vec![
        Statement::new(
            "it grows fourfold at each step",
            "growth a step, Euler",
            rate.exp(),
            Criterion::Within(4.0, 1e-4),
        )
        .predicted(predicted(Integrator::Euler).abs(), 1e-4),
        Statement::new("and flips its sign", "growth factor Φ of a step, Euler", factor, Criterion::Below(0.0))
            .predicted(predicted(Integrator::Euler), 1e-4),
        Statement::new(
            "while the solution decays",
            "logarithmic growth a step, solution",
            solution,
            Criterion::Below(0.0),
        )
        .unit("nats")
        .predicted(-shift * step_size, 1e-4),
    ];
    let steps: Vec<f64> = (1..=24).map(|i| 0.05 * f64::from(i)).collect();
    let curve = |integrator: Integrator, label: &str| -> Result<Curve> {
        let rates = rates(lab, shift, integrator, &steps)?;
        Ok(Curve::new(label, steps.iter().copied().zip(rates)))
    };
    let graph = Graph {
        x_label: "step size h",
        y_label: "growth, nats/step",
        neutral: Some((0.0, "neutral")),
        curves: vec![curve(Integrator::Euler, "Euler")?, curve(Integrator::ExponentialEuler, "solution")?],
        reading: "Above the line the simulation grows although its equation decays: from h = 2 / 5 on.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}

/// The logarithm of the growth a step of dx/dt = -shift x, at each step size.
pub(super) fn rates(lab: &Lab, shift: f64, integrator: Integrator, steps: &[f64]) -> Result<Vec<Measured>> {
    let mut spec = lab.sweep(Model::Linear, 1, 1);
    spec.ensemble.shift = shift;
    spec.layer = LayerSpec { integrator, ..spec.layer };
    (spec.radius, spec.step_size, spec.depth) = (Grid::single(0.0), Grid::of(steps)?, 24);
    let cells = lab.cells(&spec)?;
    Ok(cells.iter().map(|cell| Measured::median(&cell.observed_rate)).collect())
}
