//! From the growth of every member to exponents.

use super::{Convergence, Estimate, Lyapunov};
use crate::numbers::statistics::Moments;
use crate::numbers::verdict::Band;
use crate::spec::LyapunovSpec;

/// What grew in the counted steps, of each member that has an end.
pub(super) struct Growths {
    /// ln of the growth of the directions of the frame, `[blocks, exponents]`.
    pub of_directions: Vec<Vec<f64>>,
    /// ln of the growth of the norm a step, where there are states.
    pub of_norms: Option<Vec<f64>>,
}

/// The exponents of all members, from the largest mean to the smallest.
///
/// A frame in finite time need not have them in order. Where a mean is missing it comes last.
pub(super) fn summarise(spec: &LyapunovSpec, growths: &Growths) -> Lyapunov {
    let (k, logs) = (spec.exponents(), &growths.of_directions);
    let mut totals = vec![vec![0.0; k]; logs.len()];
    let over =
        |totals: &[Vec<f64>], i: usize, steps: usize| estimate(totals.iter().map(|total| total[i] / steps as f64));
    let mut convergence = Vec::new();
    for block in 1..=spec.blocks {
        for (total, log) in totals.iter_mut().zip(logs) {
            total.iter_mut().zip(&log[(block - 1) * k..block * k]).for_each(|(total, log)| *total += log);
        }
        // So many steps have blocks `1..=block`.
        let steps = (block * spec.depth).div_ceil(spec.blocks);
        convergence.push(Convergence { steps, exponents: (0..k).map(|i| over(&totals, i, steps)).collect() });
    }
    let mean = |i: usize| convergence[spec.blocks - 1].exponents[i].mean.unwrap_or(f64::NEG_INFINITY);
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by(|&a, &b| mean(b).total_cmp(&mean(a)));
    for point in &mut convergence {
        point.exponents = order.iter().map(|&i| point.exponents[i]).collect();
    }
    let angular = |norms: &Vec<f64>| -> Vec<Estimate> {
        let of = |&i: &usize| totals.iter().zip(norms).map(move |(total, norm)| total[i] / spec.depth as f64 - norm);
        order.iter().map(|i| estimate(of(i))).collect()
    };
    Lyapunov {
        exponents: convergence.last().map(|last| last.exponents.clone()).unwrap_or_default(),
        sum: estimate(totals.iter().map(|total| total.iter().sum::<f64>() / spec.depth as f64)),
        angular_exponents: growths.of_norms.as_ref().map(angular).unwrap_or_default(),
        convergence,
        collapsed: logs.iter().filter(|log| log.iter().any(|x| !x.is_finite())).count(),
        frozen: 0,
        members: logs.len(),
        interrupted: false,
    }
}

/// Sets the growth of directions that the steps annihilate, but for rounding, to minus infinity: those that are
/// multiplied by no more than the [`Band`] of a pivot in the geometric mean of all steps. The norm of a step is taken to
/// be the growth of the member's fastest direction, which is not larger.
pub(super) fn annihilate(spec: &LyapunovSpec, log: &mut [f64], epsilon: f64) {
    let k = spec.exponents();
    let rate = |i: usize| log.iter().skip(i).step_by(k).sum::<f64>() / spec.depth as f64;
    let rates: Vec<f64> = (0..k).map(rate).collect();
    let largest = rates.iter().fold(f64::NEG_INFINITY, |most, &rate| most.max(rate));
    let least = largest + Band::of_eigenvalue(spec.dimension(), epsilon, 1.0).half_width().ln();
    for (i, _) in rates.iter().enumerate().filter(|(_, rate)| **rate <= least) {
        log.iter_mut().skip(i).step_by(k).for_each(|growth| *growth = f64::NEG_INFINITY);
    }
}

/// Mean and standard error over the members that have a finite value.
fn estimate(values: impl Iterator<Item = f64>) -> Estimate {
    let moments = Moments::of(values.filter(|value| value.is_finite()));
    Estimate { mean: moments.mean(), standard_error: moments.standard_error() }
}
