//! The update with two sublayers.

use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::spec::{Activation, Grid, Model, NormKind, Weights};
use crate::theory::UniformAttention;

pub(super) const CLAIM: Claim = Claim {
    id: "two-sublayers",
    claim: "A layer is x' = x + MultiHead(LayerNorm(x)), then x = x' + FFN(LayerNorm(x')).",
    experiment: "80 fresh layers of exactly this form with almost uniform attention: the norm of a token and the cosine of two, \
                 against the recursion that follows from the formula.",
    remark: "The formula is right, and its first consequence is that norms grow by an addend a layer and not by a factor.",
    seconds: 2.2,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// Friction of the layers, which the essay's formula has not.
    pub damping: f64,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { damping: 0.0 }
    }
}

const WIDTH: usize = 128;
const TOKENS: usize = 16;
const DEPTH: usize = 80;

/// Measures the mean square of a token and the cosine of two, behind every layer.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let mut spec = lab.sweep(Model::Transformer, lab.members(256), WIDTH);
    spec.layer.weights = Weights::Iid;
    (spec.layer.activation, spec.layer.norm_kind) = (Activation::Relu, NormKind::Rmsnorm);
    (spec.layer.tokens, spec.layer.logit_gain) = (TOKENS, 1e-6);
    (spec.depth, spec.damping) = (DEPTH, Grid::single(premise.damping));
    let history = lab.history(&spec)?;
    let square =
        |step| history.seen(step, |seen| seen.norm.map(|norm| norm * norm)).times(1.0 / (TOKENS * WIDTH) as f64);
    let cosine = |step| history.seen(step, |seen| seen.token_similarity);
    // Means over random layers of finite width are below those of infinite width by O(L / n).
    let said = |says, name: &str, step: usize, measured: Measured, theory: f64, slack: f64| {
        Statement::new(says, format!("{name} after {step} layers"), measured, Criterion::Within(theory, 2.5 * slack))
            .predicted(theory, slack)
    };
    let theory = |step| UniformAttention::START.after(TOKENS, 1.0, 0.0, step);
    let mut statements = Vec::new();
    for step in [12, DEPTH] {
        let (q, c) = (theory(step).square, theory(step).cosine());
        statements.push(said(
            "norms are those of the formula",
            "mean square of a token",
            step,
            square(step),
            q,
            0.06 * q,
        ));
        statements.push(said("cosines are those of the formula", "cosine of two tokens", step, cosine(step), c, 0.02));
    }
    let steps = (1..=DEPTH).step_by(4);
    let graph = Graph {
        x_label: "layer",
        y_label: "mean square of a token",
        curves: vec![
            Curve::new("measured", steps.clone().map(|step| (step as f64, square(step)))),
            Curve::theory("recursion", steps.map(|step| (step as f64, theory(step).square))),
        ],
        reading: "The norm of a pre-norm stream grows as the recursion says: the square of it by about a constant a layer.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}
