//! From the growth of every member to exponents.

use super::{Convergence, Estimate, Growth, Lyapunov};
use crate::numbers::statistics::Moments;
use crate::numbers::verdict::Band;
use crate::spec::{LyapunovSpec, Model};

/// The exponents of all members that have an end, from the largest mean to the smallest.
///
/// A frame in finite time need not have them in order. Where a mean is missing it comes last.
pub(super) fn summarise(spec: &LyapunovSpec, members: &[Option<Growth>]) -> Lyapunov {
    let k = spec.exponents();
    let growths: Vec<&Growth> = members.iter().flatten().collect();
    let logs: Vec<&[f64]> = growths.iter().map(|growth| growth.of_directions.as_slice()).collect();
    let mut totals = vec![vec![0.0; k]; logs.len()];
    let over =
        |totals: &[Vec<f64>], i: usize, steps: usize| estimate(totals.iter().map(|total| total[i] / steps as f64));
    let mut convergence = Vec::new();
    for block in 1..=spec.blocks {
        for (total, log) in totals.iter_mut().zip(&logs) {
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
    let angular = |i: usize| {
        let both = totals.iter().zip(&growths);
        estimate(both.filter_map(|(total, own)| Some(total[i] / spec.depth as f64 - own.of_norm?)))
    };
    let has_states = spec.layer.model != Model::Linear;
    Lyapunov {
        exponents: convergence.last().map(|last| last.exponents.clone()).unwrap_or_default(),
        sum: estimate(totals.iter().map(|total| total.iter().sum::<f64>() / spec.depth as f64)),
        angular_exponents: if has_states { order.iter().map(|&i| angular(i)).collect() } else { Vec::new() },
        convergence,
        collapsed: logs.iter().filter(|log| log.iter().any(|x| !x.is_finite())).count(),
        frozen: members.len() - logs.len(),
        members: members.len(),
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
