//! Is there no friction?

use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::rollout::Observation;
use crate::spec::{Activation, Grid, Model, NormKind, NormPlacement, Weights};
use crate::theory::{MeanField, norm_squared};

pub(super) const CLAIM: Claim = Claim {
    id: "no-friction",
    claim: "Transformers have no friction: nothing in the update takes away from what is in the stream.",
    experiment: "The effective damping 1 - |x_k| / |x_(k+1)| of normed stacks of fresh MLPs: what a layer takes from the direction \
                 of the stream.",
    remark: "There is no such factor in the formula. But what is read is the direction of the stream, and of that each layer \
             keeps the share |x_k| / |x_(k+1)| only: about 1 / 2k is lost at layer k before training, and more where trained \
             weights grow with depth.",
    seconds: 0.6,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// The step size h; a stack with h = 0 would do nothing.
    pub step_size: f64,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { step_size: 1.0 }
    }
}

const WIDTH: usize = 128;
const DEPTH: usize = 80;
/// The layer that is spoken of.
const LAYER: usize = 20;

/// Measures the effective damping behind every layer.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let pre = dampings(lab, NormPlacement::Pre, premise.step_size)?;
    let post = dampings(lab, NormPlacement::Post, premise.step_size)?;
    let field = MeanField::of(Activation::Relu, 1.0);
    let kept = |steps| norm_squared(field, premise.step_size, 0.0, steps);
    let theory = |step: usize| 1.0 - (kept(step - 1) / kept(step)).sqrt();
    let lost = |says, name: &str, measured: Measured| {
        Statement::new(says, format!("effective damping of layer {LAYER}, {name}"), measured, Criterion::Below(1e-3))
    };
    let statements = vec![
        lost("with a norm before f nothing is taken from the direction", "norm before f", pre[LAYER])
            .predicted(theory(LAYER), 0.02 * theory(LAYER)),
        lost("nor with a norm behind the sum", "norm behind the sum", post[LAYER])
            // x + h f has mean square 1 + h² s² before it is brought back to 1.
            .predicted(1.0 - 1.0 / (1.0 + premise.step_size.powi(2) * field.written).sqrt(), 0.01),
    ];
    let steps: Vec<usize> = (1..=DEPTH).collect();
    let curve = |name: &str, of: &dyn Fn(usize) -> Measured| {
        Curve::new(name, steps.iter().map(|&step| (step as f64, of(step))))
    };
    let graph = Graph {
        x_label: "layer",
        y_label: "effective damping",
        log_x: true,
        neutral: Some((0.0, "none")),
        curves: vec![
            curve("norm before f", &|step| pre[step]),
            curve("norm behind the sum", &|step| post[step]),
            Curve::theory("mean field, norm before f", steps.iter().map(|&step| (step as f64, theory(step)))),
        ],
        reading: "The friction that the formula does not have is there in the direction of the stream.",
    };
    Ok(Finding::new(statements, graph))
}

/// The mean effective damping of each step, from 1. With a norm behind the sum it is what the norm takes away, one less
/// the cosine of the angle between the states before and after.
fn dampings(lab: &Lab, norm: NormPlacement, step_size: f64) -> Result<Vec<Measured>> {
    let mut spec = lab.sweep(Model::Mlp, lab.members(64), WIDTH);
    (spec.layer.weights, spec.layer.activation) = (Weights::Iid, Activation::Relu);
    (spec.layer.norm, spec.layer.norm_kind, spec.depth) = (norm, NormKind::Rmsnorm, DEPTH);
    spec.step_size = Grid::single(step_size);
    let history = lab.history(&spec)?;
    let of = |one: &Observation| match norm {
        // Of equal norms: |x' - x|² = 2 - 2 cos.
        NormPlacement::Post => one.effective_step.map(|step| 0.5 * step * step),
        _ => one.effective_damping,
    };
    Ok((0..=DEPTH).map(|step| history.seen(step, of)).collect())
}
