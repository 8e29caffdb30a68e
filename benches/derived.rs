//! Time of norms, peaks and pseudospectra by the kernels' twins beside faer, on all cores, on the same matrices.
//!
//! `cargo bench --bench derived [-- --quick]`. Every time is the best of some runs, in microseconds a matrix, or a point
//! of the grid.

use eulerscope::device::Device;
use eulerscope::numbers::random::sample;
use eulerscope::spec::Quantities;
use eulerscope::spectrum::Spectrum;
use eulerscope::spectrum::derived::derived_all;
use eulerscope::spectrum::host::batch;
use eulerscope::spectrum::norms::{Wanted, norms};
use eulerscope::spectrum::pseudospectrum::smallest_singular_values;
use faer::{MatRef, Side};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::time::Instant;

fn main() {
    let runs = if std::env::args().any(|a| a == "--quick" || a == "--test") { 2 } else { 7 };
    let [cpu, reference] = ["cpu", "reference"].map(|word| Device::open(word).expect("always there"));
    println!("{:>4} {:>16} {:>10} {:>10} {:>10}", "n", "what", "faer f64", "twins f64", "twins f32");
    for (n, count) in [(16, 512), (32, 256), (64, 128), (128, 32), (256, 8)] {
        let matrices: Vec<Vec<f64>> = (0..count).map(|member| ginibre(n, member)).collect();
        let matrices: Vec<&[f64]> = matrices.iter().map(Vec::as_slice).collect();
        let spectra = batch::eigenvalues(&matrices, n);
        let spectra: Vec<&Spectrum> = spectra.iter().collect();
        let each = |work: &dyn Fn()| best(runs, work) / count as f64 * 1e6;
        row(
            n,
            "norm, abscissa",
            [
                each(&|| drop(matrices.par_iter().map(|matrix| by_faer(matrix, n)).collect::<Vec<_>>())),
                each(&|| drop(norms(&reference, &matrices, n, Wanted::All, &spectra).expect("works"))),
                each(&|| drop(norms(&cpu, &matrices, n, Wanted::All, &spectra).expect("works"))),
            ],
        );
        if n <= 128 {
            let all = |device: &Device| {
                each(&|| drop(derived_all(device, &matrices, n, &spectra, Quantities::ALL, &|| false).expect("works")))
            };
            row(n, "all, with peak", [all(&reference), all(&cpu), f64::NAN]);
        }
        let places: Vec<[f64; 2]> =
            (0..256).map(|i| [0.1 * (i % 16) as f64 - 0.8, 0.1 * (i / 16) as f64 - 0.8]).collect();
        let points = &places[..if n <= 64 { 256 } else { 64 }];
        let grid = |device: &Device| {
            let work = || {
                drop(
                    smallest_singular_values(device, matrices[0], n, points, &mut |_| ControlFlow::Continue(()))
                        .expect("works"),
                )
            };
            best(runs.min(3), &work) / points.len() as f64 * 1e6
        };
        row(n, "grid point", [grid(&reference), grid(&cpu), f64::NAN]);
    }
}

fn row(n: usize, what: &str, times: [f64; 3]) {
    let [faer, wide, narrow] = times;
    println!("{n:>4} {what:>16} {faer:>10.1} {wide:>10.1} {narrow:>10.1}");
}

/// Random with spectral radius about 0.8: its powers decay.
fn ginibre(n: usize, member: usize) -> Vec<f64> {
    sample(member as u32, n * n).into_iter().map(|x| 0.8 * x / (n as f64).sqrt()).collect()
}

fn by_faer(matrix: &[f64], n: usize) -> [f64; 2] {
    let a = MatRef::from_row_major_slice(matrix, n, n);
    let symmetric: Vec<f64> = (0..n * n).map(|i| 0.5 * (matrix[i] + matrix[i % n * n + i / n])).collect();
    let values = MatRef::from_row_major_slice(&symmetric, n, n).self_adjoint_eigenvalues(Side::Lower);
    let abscissa = values.expect("faer converges").last().copied().expect("n >= 1");
    [a.singular_values().expect("faer converges")[0], abscissa]
}

fn best(runs: usize, work: &dyn Fn()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..=runs).map(time).fold(f64::INFINITY, f64::min)
}
