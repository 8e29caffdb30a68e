//! Rates and fates of sweeps: what they are, against the histories of the trajectories and closed forms.

use crate::theory::{cells, devices, outcomes};
use eulerscope::layer::Point;
use eulerscope::numbers::statistics::Maybe;
use eulerscope::rollout::{Rollout, middle};
use eulerscope::spec::{Ensemble, EnsembleSpec, Grid, Integrator, LayerSpec, Model, RadiusKind, SweepSpec, Weights};
use eulerscope::sweep::Remark;
use std::f64::consts::LN_2;

/// The rate is (ln |x_L| - ln |x_m|) / (L - m) with m = floor(L/2), of the norms that a history holds step by step, on
/// both sides of the runs that make many steps at once. Both are sums in the same order, so only logarithms are rounded.
#[test]
fn rates_are_the_slope_of_the_later_half_of_the_history() {
    let ensemble = EnsembleSpec { width: 6, members: 3, ..Default::default() };
    let points = [[0.3, 1.2, 0.1], [1.0, 0.7, 0.0], [0.05, 1.0, 0.4]].map(|[step_size, radius, damping]| Point {
        step_size,
        radius,
        damping,
    });
    let gains = [1.0, 0.5, 1.75];
    for (device, _) in &devices() {
        for weights in [Weights::Tied, Weights::Iid] {
            for depth in [1, 2, 3, 7, 40, 80, 129] {
                for member_gains in [None, Some(&gains[..])] {
                    let layer = LayerSpec { weights, ..LayerSpec::of(Model::Linear) };
                    let own = Rollout { member_gains, ..Rollout::new(&ensemble, &layer, depth, &points) };
                    let history = own.histories(device, 0..3).expect("it runs").log_growth;
                    assert_eq!(middle(depth), depth / 2);
                    for (i, outcome) in outcomes(device, &own, 3).iter().enumerate() {
                        let at = |step: usize| history[(i / 3 * (depth + 1) + step) * 3 + i % 3];
                        let rate = (at(depth) - at(depth / 2)) / (depth - depth / 2) as f64;
                        let error = 16.0 * device.epsilon();
                        assert!((outcome.rate - rate).abs() <= error, "{weights}, {depth}: {outcome:?}, not {rate}");
                        assert!((outcome.log_growth - at(depth)).abs() <= error * depth as f64);
                    }
                }
            }
        }
    }
}

/// A layer of one number multiplies by the same factor in every step, so its rate is that factor's logarithm at any depth.
#[test]
fn rates_of_one_number_are_the_logarithm_of_its_factor() {
    let ensemble = EnsembleSpec { width: 1, shift: 5.0, members: 2, ..Default::default() };
    for (device, _) in devices() {
        for (h, factor) in [(1.0, 4.0_f64), (0.4, 1.0), (0.1, 0.5), (0.35, 0.75)] {
            let (layer, points) = (LayerSpec::of(Model::Linear), [Point { step_size: h, radius: 0.0, damping: 0.0 }]);
            for depth in [1, 10, 2001] {
                let own = Rollout::new(&ensemble, &layer, depth, &points);
                for outcome in outcomes(&device, &own, 2) {
                    let error = 4.0 * device.epsilon();
                    assert!((outcome.rate - factor.ln()).abs() <= error, "{h}, {depth}: {outcome:?}");
                }
            }
        }
    }
}

fn linear(ensemble: EnsembleSpec, (step_size, radius, damping): (&str, &str, &str)) -> SweepSpec {
    let grid = |text| Grid::parse(text).expect("is");
    let (step_size, radius, damping) = (grid(step_size), grid(radius), grid(damping));
    SweepSpec { ensemble, step_size, radius, damping, ..SweepSpec::default() }
}

/// The verdicts of a cell come from its rates, whatever the net growth: friction shrinks all modes but the leading ones,
/// which win in the end, so many members that explode have not grown yet.
#[test]
fn fates_are_verdicts_of_rates() {
    let ensemble = EnsembleSpec { width: 24, members: 40, ..Default::default() };
    let spec = SweepSpec { depth: 12, ..linear(ensemble, ("1", "0.4,0.5", "0.3,0.35")) };
    let (device, _) = devices().swap_remove(0);
    let mut differs = 0;
    for cell in cells(&device, &spec) {
        let (predicted, observed) = (cell.predicted_rate, cell.observed_rate);
        for (rate, fates) in [(predicted, cell.fates_predicted), (observed, cell.fates_observed)] {
            let sum: f64 = [fates.decays, fates.neutral, fates.explodes].into_iter().filter_map(Maybe::get).sum();
            assert!((sum - 1.0).abs() <= 1e-12);
            // The median member's fate is that of most.
            let explodes = rate.median.get().expect("is") > cell.bands.observed.half_width();
            assert_eq!(explodes, fates.explodes.get().expect("is") > 0.5, "{cell:?}");
        }
        assert_eq!(cell.unstable_fraction, cell.fates_predicted.explodes);
        differs += usize::from(cell.grew_fraction != cell.fates_observed.explodes);
        // Quantiles of a logarithm lie where those of the number do, apart from what is between two members.
        let radius = cell.spectral_radius.median.get().expect("is");
        assert!((predicted.median.get().expect("is") - radius.ln()).abs() <= 0.01);
    }
    assert!(differs > 0, "the net growth is another thing");
}

/// All |Φ| are exactly 1: 0.134 of friction is what h = 0.5 adds. Every member is neutral, none unstable.
#[test]
fn neutral_members_are_not_unstable() {
    let ensemble = EnsembleSpec {
        family: Ensemble::Antisymmetric,
        radius_kind: RadiusKind::Exact,
        members: 64,
        width: 16,
        ..Default::default()
    };
    let spec = SweepSpec { depth: 4, ..linear(ensemble, ("0.5", "1", "0.1339745962155614")) };
    for (device, _) in devices() {
        let cell = cells(&device, &spec).remove(0);
        assert_eq!(
            (cell.unstable_fraction.get(), cell.fates_predicted.neutral.get()),
            (Some(0.0), Some(1.0)),
            "{cell:?}"
        );
        let interval = cell.intervals.unstable_fraction.get().expect("is");
        assert!(interval[0] == 0.0 && interval[1] > 0.04 && interval[1] < 0.07, "{interval:?}");
    }
}

/// What is beyond f64 is missing with a remark, and nothing else is.
#[test]
fn what_is_missing_is_said() {
    let still = EnsembleSpec { width: 1, shift: -1.0, members: 3, ..Default::default() };
    let of = |ensemble: &EnsembleSpec, depth, step_size, radius| {
        let spec = SweepSpec { depth, ..linear(ensemble.clone(), (step_size, radius, "0")) };
        cells(&devices()[0].0, &spec).remove(0)
    };
    // 2^600 fits f64 and its square does not.
    let large = of(&still, 600, "1", "0");
    assert_eq!(large.remarks, [Remark::MeanSquareGrowthBeyondF64]);
    assert!(large.mean_square_growth.get().is_none() && large.peak_growth.mean.get().is_some());
    assert!((large.log_mean_square_growth.get().expect("is") - 1200.0 * LN_2).abs() <= 1e-3);
    let larger = of(&still, 2000, "1", "0");
    assert_eq!(larger.remarks, [Remark::MeanSquareGrowthBeyondF64, Remark::PeakGrowthBeyondF64]);
    assert!((larger.log_peak_growth.mean.get().expect("is") - 2000.0 * LN_2).abs() <= 1e-3);
    let decaying = EnsembleSpec { shift: 1.0, ..still.clone() };
    let small = of(&decaying, 600, "0.5", "0");
    assert_eq!((small.remarks, small.mean_square_growth.get()), (vec![Remark::MeanSquareGrowthBelowF64], None));
    // A state that becomes 0 has a mean square of 0, which is no underflow.
    let none = of(&decaying, 3, "1", "0");
    assert_eq!((none.remarks, none.mean_square_growth.get(), none.collapsed), (vec![], Some(0.0), 3));
    assert_eq!((none.observed_rate.median.get(), none.fates_observed.decays.get()), (None, Some(1.0)));
    let wild = EnsembleSpec { width: 1, members: 200, ..Default::default() };
    let tail = of(&wild, 40, "1", "1.5");
    assert_eq!(tail.remarks, [Remark::MeanSquareGrowthOfFewMembers]);
    let error = tail.mean_square_growth_standard_error.get().expect("is");
    assert!(error > 0.3 * tail.mean_square_growth.get().expect("is"), "{error}");
    assert_eq!(of(&wild, 1, "0.01", "0.1").remarks, []);
}

/// Backward Euler of dx/dt = x at h = 1 divides by 0: every member is frozen, and nobody knows its peak.
#[test]
fn frozen_members_have_no_finite_peak() {
    let spec = SweepSpec {
        layer: LayerSpec { integrator: Integrator::BackwardEuler, ..LayerSpec::of(Model::Linear) },
        depth: 4,
        ..linear(EnsembleSpec { width: 2, members: 3, shift: -1.0, ..Default::default() }, ("1", "0", "0"))
    };
    for (device, _) in devices() {
        let cell = cells(&device, &spec).remove(0);
        assert_eq!((cell.frozen, cell.log_peak_growth.mean.get(), cell.peak_growth.mean.get()), (3, None, None));
        assert_eq!((cell.log_peak_growth.median.get(), cell.overshoot_step.get()), (None, Some(1.0)));
        assert_eq!((cell.observed_rate.mean.get(), cell.fates_observed.explodes.get()), (None, Some(1.0)));
        assert_eq!(cell.remarks, [Remark::MeanSquareGrowthInfinite]);
    }
}

/// keep = 2 grows to the end, keep = 1/2 is largest at the start.
#[test]
fn peaks_are_where_the_norm_is_largest() {
    let of = |shift, step_size| {
        let ensemble = EnsembleSpec { width: 2, members: 3, shift, ..Default::default() };
        SweepSpec { depth: 10, ..linear(ensemble, (step_size, "0", "0")) }
    };
    for (device, _) in devices() {
        let growing = cells(&device, &of(-1.0, "1")).remove(0);
        assert_eq!(
            (growing.overshoot_step.get(), growing.crossing_step.get()),
            (Some(10.0), Some(10.0)),
            "2^10 > 1000"
        );
        assert!((growing.log_peak_growth.median.get().expect("is") - 10.0 * LN_2).abs() <= 64.0 * device.epsilon());
        let decaying = cells(&device, &of(1.0, "0.5")).remove(0);
        assert_eq!((decaying.overshoot_step.get(), decaying.crossing_step.get()), (Some(0.0), None));
        assert_eq!((decaying.log_peak_growth.median.get(), decaying.peak_growth.median.get()), (Some(0.0), Some(1.0)));
    }
}
