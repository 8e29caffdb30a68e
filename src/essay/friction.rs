//! Would friction mend it?

use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement, trained};
use crate::error::Result;
use crate::spec::{Activation, Grid, Model, NormKind, NormPlacement, Weights};
use crate::sweep::Cell;
use crate::theory::{MeanField, angular_growth};

pub(super) const CLAIM: Claim = Claim {
    id: "friction",
    claim: "A friction term (1 - γ) x would keep the stream from drifting away.",
    experiment: "Linear layers with and without friction; and how far two near states of normed stacks of fresh MLPs (tanh) are \
                 turned apart over 80 layers.",
    remark: "True of layers without a norm. Behind a norm it is directions that are read, and uniform friction keeps the stream \
             short, so that every layer turns it further: near states are separated by orders of magnitude more, and what the \
             prompt has written is forgotten.",
    seconds: 1.0,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// The friction γ.
    pub damping: f64,
    /// The norm of the stacks.
    pub norm: NormPlacement,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { damping: 0.3, norm: NormPlacement::Pre }
    }
}

const WIDTH: usize = 128;
const DEPTH: usize = 80;
/// σ of W1, where tanh pulls near states apart.
const GAIN: f64 = 2.0;

/// Measures growth of linear layers, and of angles in normed stacks, with and without friction.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let raw = linear(lab, premise.damping)?;
    let stacks = stacks(lab, premise.norm, &[0.0, premise.damping])?;
    let (free, damped) = (&stacks[0], &stacks[1]);
    let field = MeanField::of(Activation::Tanh, GAIN);
    let theory = |damping| angular_growth(field, 1.0, damping, DEPTH);
    let excess = turn(damped).minus(turn(free));
    let statement = Statement::new(
        "behind a norm near states stay nearer with friction",
        format!("ln of the growth of angles over {DEPTH} layers, with friction less without"),
        excess,
        Criterion::Below(0.0),
    )
    .unit("nats");
    let mut statements = vec![
        Statement::new(
            "friction tames layers without a norm",
            format!("growth a step of linear layers with h ρ = 0.2 and γ = {}", premise.damping),
            raw,
            Criterion::Below(0.0),
        )
        .unit("nats")
        .predicted((1.2 - premise.damping).ln(), 0.03),
        match premise.norm {
            // The mean of a logarithm over random layers of finite width is off by O(L / n).
            NormPlacement::Pre => statement.predicted(theory(premise.damping) - theory(0.0), 0.8),
            _ => statement,
        },
        Statement::new(
            "behind a norm the stream keeps the prompt with friction",
            "cosine of the state to its beginning after 80 layers, with friction",
            memory(damped),
            Criterion::Above(0.3),
        ),
    ];
    statements.extend(trained::friction(lab)?);
    let dampings: Vec<f64> = vec![0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5];
    let curve = |norm, label: &str| -> Result<Curve> {
        Ok(Curve::new(label, dampings.iter().copied().zip(self::stacks(lab, norm, &dampings)?.iter().map(turn))))
    };
    let graph = Graph {
        x_label: "friction γ",
        y_label: "ln of the growth of angles",
        neutral: Some((0.0, "neutral")),
        curves: vec![
            curve(NormPlacement::Pre, "norm before f")?,
            curve(NormPlacement::Post, "norm behind the sum")?,
            Curve::theory("mean field", dampings.iter().map(|&damping| (damping, theory(damping)))),
        ],
        reading: "More friction turns near states further apart, not nearer, wherever there is a norm.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}

/// Growth a step of tied linear layers.
fn linear(lab: &Lab, damping: f64) -> Result<Measured> {
    let mut spec = lab.sweep(Model::Linear, lab.members(256), 64);
    (spec.radius, spec.damping, spec.depth) = (Grid::single(0.2), Grid::single(damping), 400);
    Ok(Measured::mean(&lab.cell(&spec)?.observed_rate))
}

/// Stacks of fresh MLPs with a tangent along each, at each friction.
fn stacks(lab: &Lab, norm: NormPlacement, dampings: &[f64]) -> Result<Vec<Cell>> {
    let mut spec = lab.sweep(Model::Mlp, lab.members(64), WIDTH);
    (spec.layer.weights, spec.layer.activation) = (Weights::Iid, Activation::Tanh);
    (spec.layer.norm, spec.layer.norm_kind, spec.layer.gains.hidden) = (norm, NormKind::Rmsnorm, GAIN);
    (spec.damping, spec.depth, spec.perturbations) = (Grid::of(dampings)?, DEPTH, true);
    lab.cells(&spec)
}

/// ln of the growth of a tangent, less that of the state: of the angle between near states.
fn turn(cell: &Cell) -> Measured {
    let tangent = cell.log_perturbation_growth.as_deref().map_or(Measured::MISSING, Measured::mean);
    tangent.minus(Measured::mean(&cell.log_growth))
}

/// The mean cosine of the state to its beginning.
fn memory(cell: &Cell) -> Measured {
    let cosine = cell.observations.as_ref().and_then(|seen| seen.cosine);
    // The spread of a cosine in n dimensions is 1 / √n at most here.
    let error = 1.0 / (WIDTH as f64 * cell.members as f64).sqrt();
    cosine.map_or(Measured::MISSING, |cosine| Measured::new(cosine, error))
}
