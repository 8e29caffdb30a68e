//! Exponential growth without bound.

use super::law::excess_of_exponential;
use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Predicted, Statement, trained};
use crate::error::Result;
use crate::spec::{Activation, Model, NormKind, NormPlacement, SweepSpec, Weights};

pub(super) const CLAIM: Claim = Claim {
    id: "exponential",
    claim: "Each layer multiplies what came before: the state is amplified exponentially, without bound.",
    experiment: "Stacks of fresh MLPs without a norm, with a norm before f and with one behind the sum, 120 layers deep.",
    remark: "True without a norm. Behind a norm each layer adds what does not depend on the size of the state, so its square \
             grows by a constant a layer: as the root of the depth. (Weights that grow with depth, as trained ones do, bring \
             a mild exponential back: with a checkpoint it is measured here, too.)",
    seconds: 1.2,
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
    let mut statements = Vec::new();
    let mut laws = Vec::new();
    let mut curves = Vec::new();
    let says = ["without a norm growth is exponential", "and with a norm before f", "and with a norm behind the sum"];
    for (norm, says) in premise.norms.into_iter().zip(says) {
        let history = lab.history(&spec(lab, norm))?;
        let late = history.growth(DEPTH / 2, DEPTH).times(2.0 / DEPTH as f64);
        let name = format!("growth a layer over the last {} of {DEPTH}, {}", DEPTH / 2, said(norm));
        let Predicted { value, tolerance } = theory(norm);
        let statement = Statement::new(says, name, late, Criterion::Above(0.05)).unit("nats");
        statements.push(statement.predicted(value, tolerance));
        laws.push(Statement::new(
            "and no slower law of growth describes it better",
            format!(
                "AIC of e^(r k) less that of the best of e^(r √k), 1 + r k and its root, mean over members, {}",
                said(norm)
            ),
            history.of_logs(excess_of_exponential),
            Criterion::Below(-2.0),
        ));
        let steps = (0..=DEPTH).step_by(10);
        curves.push(Curve::new(said(norm), steps.map(|step| (step as f64, history.growth(0, step)))));
    }
    statements.extend(laws);
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

/// Growth a layer over the later half, and how well theory knows it: ReLU units have s² = 1/2.
fn theory(norm: NormPlacement) -> Predicted {
    let half = DEPTH as f64 / 2.0;
    let (value, tolerance) = match norm {
        // E |x|² grows by 3/2 a layer; the mean of the logarithm is below by half the variance of it, O(1 / n).
        NormPlacement::None => (0.5 * 1.5_f64.ln(), 0.03),
        NormPlacement::Pre => (0.5 * ((1.0 + half) / (1.0 + half / 2.0)).ln() / half, 2e-4),
        NormPlacement::Post => (0.0, 1e-6),
    };
    Predicted { value, tolerance }
}

fn spec(lab: &Lab, norm: NormPlacement) -> SweepSpec {
    let mut spec = lab.sweep(Model::Mlp, lab.members(256), WIDTH);
    (spec.layer.weights, spec.layer.activation) = (Weights::Iid, Activation::Relu);
    (spec.layer.norm, spec.layer.norm_kind, spec.depth) = (norm, NormKind::Rmsnorm, DEPTH);
    spec
}
