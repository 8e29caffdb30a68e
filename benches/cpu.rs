//! Regressions of the CPU path: `cargo bench --bench cpu [-- --quick]`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eulerscope::device::Device;
use eulerscope::layer::Point;
use eulerscope::rollout::Rollout;
use eulerscope::spec::{EnsembleSpec, LayerSpec, Model};
use eulerscope::spectrum;
use eulerscope::weights::ensemble::draw_matrices;
use std::ops::ControlFlow;
use std::time::Duration;

/// A few members of the bench's linear sweep.
fn linear_sweep(criterion: &mut Criterion) {
    let device = Device::open("cpu").expect("always there");
    let mut group = criterion.benchmark_group("linear_sweep");
    for (width, columns) in [(16, 256), (64, 64), (64, 256)] {
        let ensemble = EnsembleSpec { width, members: 8, ..EnsembleSpec::default() };
        let gain = |i: usize| 0.01 + 0.99 * i as f64 / columns as f64;
        let layer = LayerSpec::of(Model::Linear);
        let points: Vec<Point> =
            (0..columns).map(|i| Point { step_size: gain(i), radius: 1.0, damping: 0.1 }).collect();
        let rollout = Rollout::new(&ensemble, &layer, 20, &points);
        let flops = rollout.plan().cost().flops * 8.0;
        group.throughput(Throughput::Elements(flops as u64));
        group.bench_function(format!("width {width}, {columns} points"), |bencher| {
            bencher.iter(|| rollout.run(&device, 0..8, 0, &mut |_| ControlFlow::Continue(())).expect("it runs"));
        });
    }
    group.finish();
}

/// Batches of Ginibre matrices.
fn eigenvalues(criterion: &mut Criterion) {
    let device = Device::open("cpu").expect("always there");
    let mut group = criterion.benchmark_group("eigenvalues");
    for (n, count) in [(16, 256), (64, 64)] {
        let ensemble = EnsembleSpec { width: n, members: count, ..EnsembleSpec::default() };
        let mut matrices = Vec::new();
        draw_matrices(&device, &ensemble, 0..count, 0, &mut |_, values| {
            matrices.extend(values);
            Ok(ControlFlow::Continue(()))
        })
        .expect("they are drawn");
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{n} x {n}"), |bencher| {
            bencher.iter(|| spectrum::eigenvalues(&device, &matrices, n).expect("the sizes fit"));
        });
    }
    group.finish();
}

criterion_group! {
    name = cpu;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3)).without_plots();
    targets = linear_sweep, eigenvalues
}
criterion_main!(cpu);
