//! Unstable eigenvalues are everywhere.

use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement, trained};
use crate::error::Result;
use crate::spec::{LyapunovSpec, Model, NormKind, SpectrumSpec, Weights};
use crate::theory;

pub(super) const CLAIM: Claim = Claim {
    id: "everywhere",
    claim: "Unstable eigenvalues are everywhere in a Transformer, nobody keeps them out, and so its states run away.",
    experiment: "Eigenvalues of M = I + A of random layers; the exponents of stacks of them; the growth of a pre-norm stack.",
    remark: "They are everywhere: an undamped random layer has most of its eigenvalues outside of the unit circle. What does not \
             follow is that states run away: exponents sum to about 0, and behind a norm growth is not exponential.",
    seconds: 1.3,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// The radius ρ of A.
    pub radius: f64,
    /// The restoring force μ.
    pub shift: f64,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { radius: 1.0, shift: 0.0 }
    }
}

const WIDTH: usize = 64;

/// Measures the share of eigenvalues outside, the sum of exponents, and growth behind a norm.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let shares = shares(lab, premise, premise.radius)?;
    let fewest = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let exponents = mean_exponent(lab, premise)?;
    let shallow = growth(lab, 100)?;
    let deep = growth(lab, 400)?;
    let plain = premise.shift == 0.0;
    let statements = vec![
        Statement::new(
            "every layer has unstable eigenvalues",
            "smallest share of eigenvalues outside of the unit circle, of all layers",
            Measured::exact(fewest),
            Criterion::Above(0.01),
        ),
        Statement::new(
            "and they are the rule",
            "mean share of eigenvalues outside of the unit circle",
            mean(&shares),
            Criterion::Above(0.5),
        )
        // The edge of finite matrices is soft: a few per cent at width 64.
        .predicted(if plain { theory::disc_outside_circle(premise.radius) } else { f64::NAN }, 0.02),
        Statement::new(
            "so a stack expands more than it contracts",
            "sum of all exponents over their number",
            exponents,
            Criterion::Above(0.05),
        )
        .unit("nats/step"),
        Statement::new(
            "and the states of a normed stack run away",
            "growth a step of a pre-norm stack, layers 200 to 400, over that of layers 50 to 100",
            deep.over(shallow),
            Criterion::Above(0.9),
        )
        .predicted(0.25, 0.05),
    ];
    let radii: Vec<f64> = (1..=8).map(|i| 0.25 * f64::from(i)).collect();
    let measured = radii.iter().map(|&radius| Ok((radius, mean(&self::shares(lab, premise, radius)?))));
    let law = radii.iter().map(|&radius| (radius, theory::disc_outside_circle(radius)));
    let graph = Graph {
        x_label: "radius ρ of A",
        y_label: "share of eigenvalues of I + A outside",
        curves: vec![Curve::new("measured", measured.collect::<Result<Vec<_>>>()?), Curve::theory("circular law", law)],
        reading: "Without friction half of the eigenvalues of any random layer are outside, and more the larger it is.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph).with_model(trained::instability(lab)?))
}

/// The share of eigenvalues of I + A outside of the unit circle, of each layer.
fn shares(lab: &Lab, premise: &Premise, radius: f64) -> Result<Vec<f64>> {
    let mut spec = SpectrumSpec { radius, step_size: Some(1.0), ..SpectrumSpec::default() };
    (spec.ensemble.members, spec.ensemble.width) = (lab.members(2048), WIDTH);
    (spec.ensemble.seed, spec.ensemble.shift) = (lab.seed, premise.shift);
    Ok(lab.spectra(&spec)?.iter().map(|facts| facts.outside as f64 / facts.count as f64).collect())
}

fn mean(values: &[f64]) -> Measured {
    Measured::of(values.iter().copied())
}

/// The mean of all exponents of a stack of fresh layers.
fn mean_exponent(lab: &Lab, premise: &Premise) -> Result<Measured> {
    let mut spec = LyapunovSpec::of(Model::Linear);
    (spec.ensemble.members, spec.ensemble.width, spec.ensemble.seed) = (lab.members(64), 32, lab.seed);
    (spec.ensemble.shift, spec.radius, spec.step_size) = (premise.shift, premise.radius, 0.5);
    (spec.depth, spec.transient_steps) = (200, 50);
    let found = lab.exponents(&spec)?;
    Ok(Measured::from(found.sum).times(1.0 / found.exponents.len() as f64))
}

/// Growth of ln |x| a step over the later half of a pre-norm stack of fresh MLPs.
fn growth(lab: &Lab, depth: usize) -> Result<Measured> {
    let mut spec = lab.sweep(Model::Mlp, lab.members(128), WIDTH);
    (spec.layer.weights, spec.layer.norm_kind, spec.depth) = (Weights::Iid, NormKind::Rmsnorm, depth);
    Ok(lab.cell(&spec)?.norm_rate.as_deref().map_or(Measured::MISSING, Measured::mean))
}
