//! Exponential growth without bound.

use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement, trained};
use crate::error::Result;
use crate::spec::{Activation, Model, NormKind, NormPlacement, SweepSpec, Weights};

pub(super) const CLAIM: Claim = Claim {
    id: "exponential",
    claim: "Each layer multiplies what came before: the state is amplified exponentially, without bound.",
    experiment: "Stacks of fresh MLPs without a norm, with a norm before f and with one behind the sum, 120 layers deep.",
    remark: "True without a norm. Behind a norm each layer adds what does not depend on the size of the state, so its square \
             grows by a constant a layer: as the root of the depth. (Weights that grow with depth, as trained ones do, bring \
             a mild exponential back: `everywhere` measures it on a checkpoint.)",
    run: |lab| examine(lab, &Premise::default()),
};

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// The norms, in the order of the statements.
    pub norms: [NormPlacement; 3],
}

impl Default for Premise {
    fn default() -> Self {
        Premise { norms: [NormPlacement::None, NormPlacement::Pre, NormPlacement::Post] }
    }
}

const WIDTH: usize = 64;
/// Without a norm the states grow by about 25 nats, and would be frozen at 33.
const DEPTH: usize = 120;

/// Measures growth over the later half of the depth.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let members = lab.members(256);
    let mut statements = Vec::new();
    let mut curves = Vec::new();
    let says = ["without a norm growth is exponential", "and with a norm before f", "and with a norm behind the sum"];
    for (norm, says) in premise.norms.into_iter().zip(says) {
        let history = lab.history(&spec(lab, members, norm))?;
        let at = |member: usize, step: usize| history.log_growth[member * (DEPTH + 1) + step];
        let mean = |of: &dyn Fn(usize) -> f64| Measured::of((0..members).map(of));
        let late = mean(&|member| (at(member, DEPTH) - at(member, DEPTH / 2)) / (DEPTH / 2) as f64);
        let name = format!("growth a layer over the last {} of {DEPTH}, {}", DEPTH / 2, said(norm));
        let statement = Statement::new(says, name, late, Criterion::Above(0.05)).unit("nats");
        statements.push(match theory(norm) {
            Some((value, slack)) => statement.predicted(value, slack),
            None => statement,
        });
        let steps = (0..=DEPTH).step_by(10);
        curves.push(Curve::new(said(norm), steps.map(|step| (step as f64, mean(&|member| at(member, step))))));
    }
    statements.extend(trained::growth(lab)?);
    let graph = Graph {
        x_label: "layer",
        y_label: "ln |x| / |x_0|",
        curves,
        reading: "A straight line is exponential growth: there is one without a norm only.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}

fn said(norm: NormPlacement) -> &'static str {
    match norm {
        NormPlacement::None => "no norm",
        NormPlacement::Pre => "norm before f",
        NormPlacement::Post => "norm behind the sum",
    }
}

/// Growth a layer over the later half and how well theory knows it: ReLU units have s² = 1/2.
fn theory(norm: NormPlacement) -> Option<(f64, f64)> {
    let half = DEPTH as f64 / 2.0;
    match norm {
        // E |x|² grows by 3/2 a layer; the mean of the logarithm is below by half the variance of it, O(1 / n).
        NormPlacement::None => Some((0.5 * 1.5_f64.ln(), 0.03)),
        NormPlacement::Pre => Some((0.5 * ((1.0 + half) / (1.0 + half / 2.0)).ln() / half, 2e-4)),
        NormPlacement::Post => Some((0.0, 1e-6)),
    }
}

fn spec(lab: &Lab, members: usize, norm: NormPlacement) -> SweepSpec {
    let mut spec = lab.sweep(Model::Mlp, members, WIDTH);
    (spec.layer.weights, spec.layer.activation) = (Weights::Iid, Activation::Relu);
    (spec.layer.norm, spec.layer.norm_kind, spec.depth) = (norm, NormKind::Rmsnorm, DEPTH);
    spec
}
