//! One unstable direction as the fate of a stack.

use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::spec::{Grid, LyapunovSpec, Matrices, Model, Origin, SweepSpec, Weights};
use crate::sweep::Cell;
use crate::theory;

pub(super) const CLAIM: Claim = Claim {
    id: "stack",
    claim: "If |1 + h λ| > 1 in one direction the stack explodes along it; it is stable only if all of them are below 1.",
    experiment: "Steps with γ = 0.1 and h ρ = 0.2, whose every layer is unstable: the same layer at each step, a fresh one at each \
                 step, and two layers in turn.",
    remark: "True of one linear layer that is repeated. Of different layers eigenvalues say neither that a stack grows nor that \
             it decays: Lyapunov exponents do, and fresh layers decay where (1 - γ)² + (h ρ)² < 1.",
    seconds: 0.3,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// The friction γ.
    pub damping: f64,
    /// The radius ρ of fresh layers, at h = 1.
    pub radius: f64,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { damping: 0.1, radius: 0.2 }
    }
}

const WIDTH: usize = 64;
const DEPTH: usize = 400;

/// Measures growth a step of tied, fresh and alternating layers whose spectral radius is known.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let tied = rate(lab, Weights::Tied, premise)?;
    let fresh = exponent(lab, premise)?;
    // diag(2, 0.1) and diag(0.1, 2): each has radius 2, and their product 0.2.
    let decaying = alternating(lab, [[2.0, 0.0, 0.0, 0.1], [0.1, 0.0, 0.0, 2.0]])?;
    // [[0, 2], [0, 0]] and [[0, 0], [2, 0]]: each has radius 0, and their product 4.
    let growing = alternating(lab, [[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]])?;
    let (keep, step) = (1.0 - premise.damping, premise.radius);
    let grows = |says, name: &str, rate, theory: f64, slack: f64| {
        Statement::new(says, format!("growth a step, {name}"), rate, Criterion::Above(0.0))
            .unit("nats")
            .predicted(theory, slack)
    };
    let statements = vec![
        grows("a repeated layer with an unstable direction explodes", "tied layers", tied, (keep + step).ln(), 0.03),
        grows(
            "so does a stack of fresh ones",
            "fresh layers",
            fresh,
            theory::iid_exponent(WIDTH, keep, step),
            // Benettin's frame after 100 steps of transient, and f32.
            1e-5,
        ),
        grows("and so do two in turn", "diag(2, 0.1) and diag(0.1, 2)", decaying, 0.2_f64.ln() / 2.0, 1e-5),
        Statement::new(
            "a stack of layers without unstable directions is stable",
            "growth a step, two nilpotent layers in turn",
            growing,
            Criterion::Below(0.0),
        )
        .unit("nats")
        .predicted(2.0_f64.ln(), 1e-5),
    ];
    let radii: Vec<f64> = (1..=12).map(|i| 0.05 * f64::from(i)).collect();
    let graph = Graph {
        x_label: "h ρ of every layer, at γ = 0.1",
        y_label: "growth, nats/step",
        neutral: Some((0.0, "neutral")),
        curves: vec![
            curve(lab, Weights::Tied, "tied layers", &radii)?,
            curve(lab, Weights::Iid, "fresh layers", &radii)?,
        ],
        reading: "Between the two crossings every single layer is unstable, and stacks of fresh ones decay all the same.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}

fn spec(lab: &Lab, weights: Weights, premise: &Premise) -> SweepSpec {
    let mut spec = lab.sweep(Model::Linear, lab.members(256), WIDTH);
    (spec.layer.weights, spec.depth) = (weights, DEPTH);
    (spec.radius, spec.damping) = (Grid::single(premise.radius), Grid::single(premise.damping));
    spec
}

fn rate(lab: &Lab, weights: Weights, premise: &Premise) -> Result<Measured> {
    Ok(Measured::mean(&lab.cell(&spec(lab, weights, premise))?.observed_rate))
}

fn exponent(lab: &Lab, premise: &Premise) -> Result<Measured> {
    let mut spec = LyapunovSpec::of(Model::Linear);
    (spec.ensemble.members, spec.ensemble.width, spec.ensemble.seed) = (lab.members(256), WIDTH, lab.seed);
    (spec.radius, spec.damping, spec.depth, spec.top) = (premise.radius, premise.damping, DEPTH, Some(1));
    Ok(lab.exponents(&spec)?.exponents[0].into())
}

/// Growth a step of two layers M in turn: with γ = 1 a step is A alone.
fn alternating(lab: &Lab, layers: [[f64; 4]; 2]) -> Result<Measured> {
    let matrices = Matrices::new(2, layers.concat().repeat(DEPTH / 2), Origin::default())?;
    let spec = SweepSpec { damping: Grid::single(1.0), ..lab.given(matrices, Weights::Given) };
    Ok(Measured::exact(lab.outcomes(&spec)?[0].rate))
}

fn curve(lab: &Lab, weights: Weights, label: &str, radii: &[f64]) -> Result<Curve> {
    let mut spec = spec(lab, weights, &Premise::default());
    (spec.ensemble.members, spec.radius, spec.depth) = (lab.members(64), Grid::of(radii)?, 80);
    let cells = lab.cells(&spec)?;
    let point = |(&radius, cell): (&f64, &Cell)| (radius, Measured::mean(&cell.observed_rate));
    Ok(Curve::new(label, radii.iter().zip(&cells).map(point)))
}
