//! A sweep that is stopped before its rollouts begin.

use eulerscope::device::Device;
use eulerscope::spec::{EnsembleSpec, Grid, SweepSpec};
use eulerscope::sweep::{self, Sweep};
use std::ops::ControlFlow;

/// Spectra are a part of the progress, by their share of the work, and those that are done are kept.
#[test]
fn a_run_that_is_stopped_in_its_spectra_keeps_them() {
    let device = Device::open("cpu").expect("always there");
    let grid = |text: &str| Grid::parse(text).expect("a grid");
    let spec = SweepSpec {
        ensemble: EnsembleSpec { members: 10, width: 16, ..Default::default() },
        chunk: Some(4),
        trajectories: 20,
        step_size: grid("0.5,1"),
        radius: grid("1"),
        damping: grid("0.1"),
        depth: 5,
        ..Default::default()
    };
    let mut told = Vec::new();
    let whole = sweep::run(&device, &spec, &mut |fraction| {
        told.push(fraction);
        ControlFlow::Continue(())
    });
    let whole = whole.expect("it runs");
    // 25 n³ beside 2 n² for each of 2 points and 5 steps: 20 of 21 parts of the work, in chunks of 4, 4 and 2 members.
    let share = 25.0 * 16.0 / (25.0 * 16.0 + 2.0 * 10.0);
    for (fraction, part) in told.iter().zip([0.4, 0.8, 1.0]) {
        assert!((fraction - share * part).abs() <= 1e-12, "{told:?}");
    }
    assert!(told[3] > share && told.last().is_some_and(|last| (last - 1.0).abs() <= 1e-12), "{told:?}");
    let stopped = sweep::run(&device, &spec, &mut |fraction| {
        if fraction > 0.5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let stopped = stopped.expect("what is done is kept");
    assert!(stopped.interrupted && stopped.courses.is_empty());
    assert!(stopped.cells.iter().all(|cell| cell.members == 0 && cell.log_growth.mean.get().is_none()));
    assert_eq!(stopped.spectra, whole.spectra[..8]);
    let radii = |sweep: &Sweep| sweep.members.iter().map(|member| member.spectral_radius).collect::<Vec<_>>();
    assert_eq!(radii(&stopped), radii(&whole)[..8]);
}
