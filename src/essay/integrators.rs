//! Is it Euler's fault?

use super::decay::rates;
use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::spec::{Integrator, Word};
use crate::theory;

pub(super) const CLAIM: Claim = Claim {
    id: "integrators",
    claim: "Forward Euler is the junk food of integrators: it is Euler that explodes, a proper method would not.",
    experiment: "The same equation with h = 1, stepped by Heun's method, Runge and Kutta's of order 4, and backward Euler.",
    remark: "Every explicit method explodes at h λ = -5, those of higher order faster. It takes an implicit step, or a smaller one.",
    seconds: 0.1,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// The restoring force μ.
    pub shift: f64,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { shift: 5.0 }
    }
}

const METHODS: [Integrator; 4] = [Integrator::Euler, Integrator::Heun, Integrator::Rk4, Integrator::BackwardEuler];

/// Measures the growth of one step of each method.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let growth =
        |integrator: Integrator| -> Result<Measured> { Ok(rates(lab, premise.shift, integrator, &[1.0])?[0].exp()) };
    let statement = |says, integrator: Integrator| -> Result<Statement> {
        let predicted = theory::factor(integrator, -premise.shift).unwrap_or(f64::NAN).abs();
        let name = format!("growth a step, {}", integrator.name());
        let statement = Statement::new(says, name, growth(integrator)?, Criterion::Below(1.0));
        Ok(statement.predicted(predicted, 1e-4 * predicted))
    };
    let statements = vec![
        statement("Heun's method does not explode", Integrator::Heun)?,
        statement("Runge and Kutta's method does not explode", Integrator::Rk4)?,
        statement("backward Euler does not explode", Integrator::BackwardEuler)?,
    ];
    let steps: Vec<f64> = (1..=24).map(|i| 0.05 * f64::from(i)).collect();
    let mut curves = Vec::new();
    for integrator in METHODS {
        let rates = rates(lab, premise.shift, integrator, &steps)?;
        curves.push(Curve::new(integrator.name(), steps.iter().copied().zip(rates)));
    }
    let graph = Graph {
        x_label: "step size h",
        y_label: "growth, nats/step",
        neutral: Some((0.0, "neutral")),
        curves,
        reading: "All explicit methods cross the line not far from each other; only the implicit one never does.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}
