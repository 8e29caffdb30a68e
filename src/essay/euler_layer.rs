//! Is a layer a step of Euler's method?

use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::rollout::Outcome;
use crate::spec::{
    Activation, EnsembleSpec, Grid, Integrator, LayerSpec, Matrices, Model, NormKind, Origin, StepScaling, SweepSpec,
    Weights,
};
use crate::weights::ensemble::draw_matrices;
use std::ops::ControlFlow;

pub(super) const CLAIM: Claim = Claim {
    id: "euler-layer",
    claim: "A Transformer layer is a step of Euler's method with h = 1 along a differential equation.",
    experiment: "The same time in more and smaller steps: tied layers, layers that change smoothly with depth, fresh layers; \
                 against Runge and Kutta's method with fine steps, or the finest stack.",
    remark: "As algebra it is so, and h is then not a fact of the layer: h and the scale of the weights are one parameter. As \
             numerics it is so for tied and for smooth stacks. Independent layers have no such equation behind them: with \
             steps of 1 / √L they approach a diffusion (Marion et al., JMLR 26, 2025).",
    seconds: 0.4,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is refined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// Whether the layers that the essay speaks of are fresh ones at every step.
    pub weights: Weights,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { weights: Weights::Iid }
    }
}

/// The time that is simulated.
const TIME: usize = 2;
/// Steps of one unit of time.
const FINENESS: [usize; 5] = [1, 2, 4, 8, 16];
/// Layers of the stacks that are refined as a diffusion.
const DEPTHS: [usize; 4] = [16, 32, 64, 128];

/// Measures how the distance from the finest run falls with the step size.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let tied = tied_errors(lab)?;
    let smooth = smooth_errors(lab)?;
    let fresh = excess(lab, premise.weights)?;
    let statements = vec![
        Statement::new(
            "that h is 1 can be told from the layer",
            "difference of ln growth between (h, ρ) = (1, 0.5) and (0.5, 1)",
            unidentified(lab)?,
            Criterion::Above(1e-6),
        )
        .predicted(0.0, 0.0),
        Statement::new(
            "tied layers follow an equation, one order a halving",
            "order of the error in h, tied layers",
            tied.order(),
            Criterion::Within(1.0, 0.25),
        )
        .predicted(1.0, 0.15),
        Statement::new(
            "and so do layers that change smoothly with depth",
            "order of the error in h, smooth layers",
            smooth.order(),
            Criterion::Within(1.0, 0.25),
        )
        .predicted(1.0, 0.15),
        Statement::new(
            "and so do fresh layers",
            "ln of the mean square growth of fresh layers as h = 1 / √L falls",
            fresh[DEPTHS.len() - 1],
            Criterion::Below(0.1),
        )
        .unit("nats")
        // (1 + 1/L)^L is below e by 1 / 2L.
        .predicted(if premise.weights == Weights::Iid { 1.0 } else { f64::NAN }, 0.02),
        Statement::new(
            "at h = 1 the step is near the equation",
            "mean error of ln growth at h = 1 over a time of 2, tied layers",
            Measured::of(tied.errors[0].iter().copied()),
            Criterion::Below(0.01),
        )
        .unit("nats"),
    ];
    let graph = Graph {
        x_label: "step size h",
        y_label: "ln of the error of ln |x|",
        log_x: true,
        curves: vec![tied.curve("tied layers"), smooth.curve("smooth layers")],
        reading: "Where a line rises by one unit per unit the layers are Euler steps of an equation, of order one.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}

/// |ln |x| - ln |x| of the equation| of every member, at each fineness.
struct Refinement {
    /// `[fineness, members]`.
    errors: Vec<Vec<f64>>,
}

impl Refinement {
    /// Of what members do at each fineness, against the equation.
    fn new(found: &[Vec<f64>], truth: &[f64]) -> Self {
        let error = |own: &Vec<f64>| own.iter().zip(truth).map(|(a, b)| (a - b).abs()).collect();
        Refinement { errors: found.iter().map(error).collect() }
    }

    /// The slope of the mean error over h on logarithmic axes, between the two finest steps. Members are the same in both, so
    /// what is uncertain is the ratio of the means of pairs.
    fn order(&self) -> Measured {
        let [coarse, fine] = [&self.errors[FINENESS.len() - 2], &self.errors[FINENESS.len() - 1]];
        let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len() as f64;
        let (of_coarse, of_fine) = (mean(coarse), mean(fine));
        let pairs = coarse.iter().zip(fine).map(|(a, b)| a / of_coarse - b / of_fine);
        let halvings = (FINENESS[FINENESS.len() - 1] as f64 / FINENESS[FINENESS.len() - 2] as f64).ln();
        Measured::new((of_coarse / of_fine).ln(), Measured::of(pairs).standard_error).times(1.0 / halvings)
    }

    fn curve(&self, label: &str) -> Curve {
        let points = FINENESS.iter().zip(&self.errors).rev();
        Curve::new(
            label,
            points.map(|(&fineness, own)| (1.0 / fineness as f64, Measured::of(own.iter().copied()).ln())),
        )
    }
}

fn logs(outcomes: &[Outcome]) -> Vec<f64> {
    outcomes.iter().map(|outcome| outcome.log_growth).collect()
}

/// A tied pre-norm MLP, whose f is smooth.
fn tied(lab: &Lab, integrator: Integrator, fineness: usize) -> Result<Vec<f64>> {
    let mut spec = lab.sweep(Model::Mlp, lab.members(512), 32);
    spec.layer = LayerSpec { activation: Activation::Tanh, norm_kind: NormKind::Rmsnorm, integrator, ..spec.layer };
    (spec.step_size, spec.depth) = (Grid::single(1.0 / fineness as f64), TIME * fineness);
    Ok(logs(&lab.outcomes(&spec)?))
}

/// The errors of tied layers.
fn tied_errors(lab: &Lab) -> Result<Refinement> {
    let truth = tied(lab, Integrator::Rk4, FINENESS[FINENESS.len() - 1])?;
    let found = FINENESS.iter().map(|&fineness| tied(lab, Integrator::Euler, fineness));
    Ok(Refinement::new(&found.collect::<Result<Vec<_>>>()?, &truth))
}

/// The same of stacks A(t) = cos(π t / 4) B + sin(π t / 4) C, whose finest is a whole order finer.
fn smooth_errors(lab: &Lab) -> Result<Refinement> {
    let ensemble = EnsembleSpec { members: 2 * lab.members(64), width: 16, seed: lab.seed, ..EnsembleSpec::default() };
    let mut drawn: Vec<f32> = Vec::new();
    draw_matrices(lab.device, &ensemble, 0..ensemble.members, 0, &mut |_, matrices| {
        drawn.extend(matrices);
        Ok(ControlFlow::Continue(()))
    })?;
    let pairs: Vec<&[f32]> = drawn.chunks(2 * 16 * 16).collect();
    let of = |fineness: usize| pairs.iter().map(|pair| smooth(lab, pair, fineness)).collect::<Result<Vec<f64>>>();
    let truth = of(16 * FINENESS[FINENESS.len() - 1])?;
    let found = FINENESS.iter().map(|&fineness| of(fineness));
    Ok(Refinement::new(&found.collect::<Result<Vec<_>>>()?, &truth))
}

/// ln |x| after the time, of one smooth stack.
fn smooth(lab: &Lab, pair: &[f32], fineness: usize) -> Result<f64> {
    let depth = TIME * fineness;
    let (first, second) = pair.split_at(16 * 16);
    let layer = |step: usize| {
        let (sin, cos) = (std::f64::consts::FRAC_PI_4 * step as f64 / fineness as f64).sin_cos();
        first.iter().zip(second).map(move |(&b, &c)| 0.25 * (cos * f64::from(b) + sin * f64::from(c)))
    };
    let matrices = Matrices::new(16, (0..depth).flat_map(layer).collect(), Origin::default())?;
    let spec = SweepSpec { step_size: Grid::single(1.0 / fineness as f64), ..lab.given(matrices, Weights::Given) };
    Ok(lab.outcomes(&spec)?[0].log_growth)
}

/// ln of the mean square growth of linear layers with h = 1 / √L: (1 + 1/L)^L, so 1 in the limit, if they are fresh ones.
fn excess(lab: &Lab, weights: Weights) -> Result<Vec<Measured>> {
    let mut found = Vec::new();
    for depth in DEPTHS {
        let mut spec = lab.sweep(Model::Linear, lab.members(2048), 32);
        (spec.depth, spec.step_scaling, spec.layer.weights) = (depth, StepScaling::InverseSqrtDepth, weights);
        let cell = lab.cell(&spec)?;
        let mean = Measured {
            value: cell.mean_square_growth.get(),
            standard_error: cell.mean_square_growth_standard_error.get().unwrap_or(0.0),
        };
        found.push(mean.ln());
    }
    Ok(found)
}

/// The largest difference that halving h and doubling ρ makes.
fn unidentified(lab: &Lab) -> Result<Measured> {
    let of = |step_size: f64, radius: f64| {
        let mut spec = lab.sweep(Model::Transformer, lab.members(64), 16);
        (spec.step_size, spec.radius) = (Grid::single(step_size), Grid::single(radius));
        lab.outcomes(&spec)
    };
    let (whole, half) = (of(1.0, 0.5)?, of(0.5, 1.0)?);
    let most = whole.iter().zip(&half).map(|(a, b)| (a.log_growth - b.log_growth).abs()).fold(0.0, f64::max);
    Ok(Measured::exact(most))
}
