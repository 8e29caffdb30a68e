//! The three fates, on the whole complex plane and with Jordan blocks.

use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::rollout::{Outcome, middle};
use crate::spec::{InitialStates, Matrices, Origin, SweepSpec, Weights};

pub(super) const CLAIM: Claim = Claim {
    id: "fates",
    claim: "Exactly three things can happen: |1 + λ| < 1 dies out, λ = 0 stays, |1 + λ| > 1 explodes.",
    experiment: "Rotations with 169 complex λ about the unit circle of 1 + λ, seven λ on it, and a Jordan block with λ = 0.",
    remark: "Neutral is the whole circle |1 + λ| = 1, of which λ = 0 is one point and λ = -2 another; and on it a state may \
             still grow, by a power of the depth, where eigenvectors are missing.",
    seconds: 0.1,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// |1 + λ| of the modes that are to be neutral.
    pub circle: f64,
    /// Rows of the Jordan block.
    pub block: usize,
    /// Steps of the rotations; the Jordan block takes 64 times as many.
    pub depth: usize,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { circle: 1.0, block: 3, depth: 400 }
    }
}

/// A rate nearer to 0 than this is neutral: rounding makes 1e-7 of it.
const NEUTRAL: f64 = 1e-5;

/// Measures the share of modes with the fate that the essay gives them.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let plane: Vec<[f64; 2]> = plane();
    let of_plane = outcomes(lab, &plane, premise.depth)?;
    let share = |inside: bool| {
        let own = plane.iter().zip(&of_plane).filter(|(phi, _)| (phi[0].hypot(phi[1]) < 1.0) == inside);
        let (good, all) = own.fold((0.0, 0.0), |(good, all), (_, outcome)| {
            let as_said = if inside { outcome.rate < -NEUTRAL } else { outcome.rate > NEUTRAL };
            (good + f64::from(as_said), all + 1.0)
        });
        Measured::exact(good / all)
    };
    let circle: Vec<[f64; 2]> = (1..8)
        .map(|eighth| std::f64::consts::FRAC_PI_4 * f64::from(eighth))
        .map(|angle| [premise.circle * angle.cos(), premise.circle * angle.sin()])
        .collect();
    let stays = outcomes(lab, &circle, premise.depth)?.iter().filter(|one| one.rate.abs() < NEUTRAL).count();
    let power = jordan(lab, premise)?;
    let expected = premise.block as f64 - 1.0;
    let statements = vec![
        Statement::new(
            "|1 + λ| < 1 dies out",
            "share of such modes that decay",
            share(true),
            Criterion::Within(1.0, 1e-9),
        )
        .predicted(1.0, 0.0),
        Statement::new(
            "|1 + λ| > 1 explodes",
            "share of such modes that grow",
            share(false),
            Criterion::Within(1.0, 1e-9),
        )
        .predicted(1.0, 0.0),
        Statement::new(
            "no mode but λ = 0 stays",
            "modes of seven others with |1 + λ| = 1 that stay",
            Measured::exact(stays as f64),
            Criterion::Below(0.5),
        )
        .predicted(if premise.circle == 1.0 { 7.0 } else { 0.0 }, 0.0),
        Statement::new(
            "with λ = 0 a state stays",
            format!("power of the depth by which |x| grows, Jordan block of {}", premise.block),
            power,
            Criterion::Within(0.0, 0.1),
        )
        .predicted(expected, 0.02 * expected),
    ];
    let graph = Graph {
        x_label: "|1 + λ|",
        y_label: "observed growth, nats/step",
        neutral: Some((0.0, "neutral")),
        curves: vec![by_modulus(&plane, &of_plane)],
        reading: "The growth of a mode depends on |1 + λ| alone and changes sign where that is 1.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}

/// The factors Φ = 1 + λ of a grid, none of them on the circle.
fn plane() -> Vec<[f64; 2]> {
    let axis = |i: u32| -1.8 + 0.297 * f64::from(i);
    let all = (0..13).flat_map(|i| (0..13).map(move |j| [axis(i), axis(j)]));
    all.filter(|phi| (phi[0].hypot(phi[1]) - 1.0).abs() > 1e-3).collect()
}

/// What becomes of rotations with these Φ, each a member with A = [[re Φ - 1, -im Φ], [im Φ, re Φ - 1]].
fn outcomes(lab: &Lab, factors: &[[f64; 2]], depth: usize) -> Result<Vec<Outcome>> {
    let matrices = factors.iter().flat_map(|[re, im]| [re - 1.0, -im, *im, re - 1.0]).collect();
    let own = lab.given(Matrices::new(2, matrices, Origin::default())?, Weights::Tied);
    lab.outcomes(&SweepSpec { depth, ..own })
}

/// The power p of |x_k| ~ k^p over the later half, of the Jordan block with λ = 0.
fn jordan(lab: &Lab, premise: &Premise) -> Result<Measured> {
    let rows = premise.block;
    let nilpotent = (0..rows * rows).map(|at| f64::from(at % (rows + 1) == 1)).collect();
    let mut start = vec![0.0; rows];
    start[rows - 1] = 1.0;
    let own = lab.given(Matrices::new(rows, nilpotent, Origin::default())?, Weights::Tied);
    let mut spec = SweepSpec { depth: 64 * premise.depth, ..own };
    spec.ensemble.initial = Some(InitialStates::new(vec![rows], start, Origin::default())?);
    // ln |x_L| - ln |x_(L/2)| = p ln 2.
    let half = (spec.depth - middle(spec.depth)) as f64;
    Ok(Measured::exact(lab.outcomes(&spec)?[0].rate * half / std::f64::consts::LN_2))
}

fn by_modulus(factors: &[[f64; 2]], outcomes: &[Outcome]) -> Curve {
    let mut points: Vec<(f64, Measured)> = factors
        .iter()
        .zip(outcomes)
        .map(|(phi, outcome)| (phi[0].hypot(phi[1]), Measured::exact(outcome.rate)))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Curve::new("rotations", points)
}
