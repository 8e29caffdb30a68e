//! Time and error of the batched eigenvalue solver beside faer, one thread each, on the same matrices.
//!
//! `cargo bench --bench eigen [-- --quick]`; then `python benches/peers/eigvals.py` for LAPACK on the same matrices.
//! Every time is the best of many runs; every error is the largest distance to an f64 eigenvalue, over the radius.

use eulerscope::spectrum::host::batch::{Width, eigenvalues_at_width};
use eulerscope::spectrum::host::exact;
use eulerscope::spectrum::host::lanes::Real;
use faer::linalg::evd;
use faer::prelude::*;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|a| a == name);
    let runs = if has("--quick") || has("--test") { 3 } else { 15 };
    let only: Option<usize> = arguments.iter().find_map(|a| a.parse().ok());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread pool of one");
    println!(
        "{:>4} {:>4} {:>7} {:>10} {:>10} {:>7} {:>9} {:>9}",
        "n", "type", "width", "ours us", "faer us", "ratio", "ours err", "faer err"
    );
    pool.install(|| {
        for (n, count) in [(4, 4096), (8, 2048), (16, 1024), (32, 256), (64, 64), (128, 32), (256, 16)] {
            if only.is_none_or(|only| only == n) {
                rows::<f32>("f32", n, count, runs, has("--widths"));
                rows::<f64>("f64", n, count, runs, has("--widths"));
            }
        }
    });
}

fn rows<T: Real + faer::traits::RealField>(name: &str, n: usize, count: usize, runs: usize, all_widths: bool) {
    let wide: Vec<Vec<f64>> = (0..count).map(|member| ginibre(n, member)).collect();
    let matrices: Vec<Vec<T>> = wide.iter().map(|a| a.iter().map(|&x| T::from_f64(x)).collect()).collect();
    let borrowed: Vec<&[T]> = matrices.iter().map(Vec::as_slice).collect();
    let peers = count.min(if n <= 64 { 64 } else { 4 });
    let exact: Vec<_> = matrices[..peers]
        .iter()
        .map(|a| exact::faer_eigenvalues(&a.iter().map(|x| x.to_f64()).collect::<Vec<_>>(), n).unwrap_or_default())
        .collect();
    let (faer_time, faer_values) =
        best(runs.min(5), || borrowed[..peers].iter().map(|a| faer_same_type(a, n)).collect::<Vec<_>>());
    let faer_error = worst(&faer_values, &exact);
    let widths: &[Width] = if all_widths { &[Width::Widest, Width::Half, Width::Portable] } else { &[Width::Auto] };
    for &width in widths {
        let (time, spectra) = best(runs, || eigenvalues_at_width(&borrowed, n, width));
        let values: Vec<_> = spectra[..peers].iter().map(|s| s.eigenvalues.clone()).collect();
        let again = spectra.iter().filter(|s| s.solved_again).count();
        let (ours, theirs) = (time / count as f64 * 1e6, faer_time / peers as f64 * 1e6);
        println!(
            "{n:>4} {name:>4} {:>7} {ours:>10.2} {theirs:>10.2} {:>7.1} {:>9.1e} {faer_error:>9.1e}{}",
            format!("{width:?}"),
            theirs / ours,
            worst(&values, &exact),
            if again > 0 { format!("  {again} solved again") } else { String::new() }
        );
    }
}

/// Best time of `runs` in seconds, and the last result.
fn best<R>(runs: usize, mut job: impl FnMut() -> R) -> (f64, R) {
    let mut least = f64::INFINITY;
    let mut last = job();
    for _ in 0..runs {
        let start = Instant::now();
        last = job();
        least = least.min(start.elapsed().as_secs_f64());
    }
    (least, last)
}

/// faer in the type of the matrix.
fn faer_same_type<T: Real + faer::traits::RealField>(a: &[T], n: usize) -> Vec<[f64; 2]> {
    let (mut re, mut im) = (faer::diag::Diag::<T>::zeros(n), faer::diag::Diag::<T>::zeros(n));
    let no = evd::ComputeEigenvectors::No;
    let mut buffer = faer::dyn_stack::MemBuffer::new(evd::evd_scratch::<T>(n, no, no, Par::Seq, Default::default()));
    let stack = faer::dyn_stack::MemStack::new(&mut buffer);
    let a = MatRef::from_row_major_slice(a, n, n);
    match evd::evd_real(a, re.as_mut(), im.as_mut(), None, None, Par::Seq, stack, Default::default()) {
        Ok(()) => (0..n).map(|i| [Real::to_f64(re[i]), Real::to_f64(im[i])]).collect(),
        Err(_) => Vec::new(),
    }
}

/// The largest distance of a computed eigenvalue to the nearest exact one. (The tests match them one to one.)
fn worst(computed: &[Vec<[f64; 2]>], exact: &[Vec<[f64; 2]>]) -> f64 {
    let mut most = 0.0_f64;
    for (computed, exact) in computed.iter().zip(exact) {
        let radius = exact.iter().map(|z| z[0].hypot(z[1])).fold(0.0, f64::max);
        for z in computed {
            let nearest = exact.iter().map(|w| (z[0] - w[0]).hypot(z[1] - w[1])).fold(f64::INFINITY, f64::min);
            most = if nearest / radius <= most { most } else { nearest / radius };
        }
    }
    most
}

/// Entries uniform with variance 1 / n, from a counter: the same in `peers/eigvals.py`.
fn ginibre(n: usize, member: usize) -> Vec<f64> {
    (0..n * n).map(|i| (unit((member * n * n + i) as u64) - 0.5) * (12.0 / n as f64).sqrt()).collect()
}

/// splitmix64 of a counter, as a number in [0, 1).
fn unit(counter: u64) -> f64 {
    let mut z = counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
