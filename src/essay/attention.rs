//! Attention as commitment.

use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::spec::{Grid, Model, NormKind};
use crate::sweep::Cell;

pub(super) const CLAIM: Claim = Claim {
    id: "attention",
    claim: "Attention turns scores into commitment: the sharper it is, the harder every nudge is amplified, and nothing holds it.",
    experiment: "What attention alone writes (γ = 1 takes the stream away), and the 2-norm of its Jacobian, against the factor on \
                 its scores.",
    remark: "Sharp attention does commit: its entropy falls. But its Jacobian grows with sharpness only up to a point and falls \
             behind it, for a saturated softmax no longer moves; and what it writes is an average of values, so it is bounded.",
    seconds: 0.1,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// The largest factor on the scores.
    pub sharpest: f64,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { sharpest: 1000.0 }
    }
}

/// Points of the axis of sharpness.
const POINTS: i32 = 9;
/// The bluntest attention.
const BLUNTEST: f64 = 0.01;

/// Measures the norm of the Jacobian and of what is written, at every sharpness.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let ratio = (premise.sharpest / BLUNTEST).powf(1.0 / f64::from(POINTS - 1));
    let gains: Vec<f64> = (0..POINTS).map(|i| BLUNTEST * ratio.powi(i)).collect();
    let cells: Vec<Cell> = gains.iter().map(|&gain| cell(lab, gain)).collect::<Result<_>>()?;
    let norms: Vec<Measured> = cells.iter().map(|cell| Measured::median(&cell.linearised[0].norm)).collect();
    let written: Vec<Measured> = cells.iter().map(|cell| Measured::mean(&cell.log_growth)).collect();
    let last = norms.len() - 1;
    let largest = norms.iter().max_by(|a, b| a.value.unwrap_or(0.0).total_cmp(&b.value.unwrap_or(0.0)));
    let steepest = written[last].minus(written[last - 3]).times(1.0 / (3.0 * ratio.ln()));
    let entropy = |cell: &Cell| {
        cell.observations.as_ref().and_then(|seen| seen.attention_entropy).map_or(Measured::MISSING, Measured::exact)
    };
    let statements = vec![
        Statement::new(
            "sharper attention commits: its entropy falls",
            "entropy of the sharpest attention over that of the bluntest",
            entropy(&cells[last]).over(entropy(&cells[0])),
            Criterion::Below(0.5),
        ),
        Statement::new(
            "and amplifies a nudge harder, the sharper it is",
            "median norm of the Jacobian at its sharpest, over the largest of all",
            norms[last].over(*largest.unwrap_or(&norms[last])),
            Criterion::Above(0.9),
        ),
        Statement::new(
            "and nothing bounds what it writes",
            "growth of ln |f| per unit of ln sharpness, over the sharpest three steps",
            steepest,
            Criterion::Above(0.1),
        )
        .predicted(0.0, 0.05),
    ];
    let curve = |name: &str, values: Vec<Measured>| Curve::new(name, gains.iter().copied().zip(values));
    let graph = Graph {
        x_label: "factor on the scores",
        y_label: "2-norm of the Jacobian; entropy, nats",
        log_x: true,
        curves: vec![
            curve("median norm of the Jacobian", norms),
            curve("entropy of the attention", cells.iter().map(entropy).collect()),
        ],
        reading: "Sharper attention amplifies more, until it is so sharp that it no longer moves.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}

/// One step of attention without its stream, linearised.
fn cell(lab: &Lab, logit_gain: f64) -> Result<Cell> {
    let mut spec = lab.sweep(Model::Attention, lab.members(256), 8);
    (spec.layer.tokens, spec.layer.heads) = (8, 1);
    (spec.layer.norm_kind, spec.layer.logit_gain) = (NormKind::Rmsnorm, logit_gain);
    (spec.damping, spec.depth, spec.linearise_every) = (Grid::single(1.0), 1, Some(1));
    lab.cell(&spec)
}
