//! What a spectrum does when its matrix is transposed, permuted, shifted, ..: on batches, on the CPU and on a GPU.

use crate::adapter::software;
use crate::eigen_pack::{batch, bits, widened};
use crate::oracle::{self, bottleneck};
use eulerscope::spectrum::host::batch as cpu;
use eulerscope::spectrum::{Spectrum, device as gpu};
use rayon::prelude::*;

type Solve<'a> = &'a dyn Fn(&[Vec<f32>], usize) -> Vec<Spectrum>;

/// Runs a check on 4,096 matrices on the CPU, and on 256 of them on software Vulkan.
fn everywhere(check: impl Fn(Solve, usize)) {
    check(&|matrices, n| cpu::eigenvalues(&matrices.iter().map(Vec::as_slice).collect::<Vec<_>>(), n), 4096);
    let device = software();
    check(&|matrices, n| gpu::eigenvalues(&device, &matrices.concat(), n).expect("the device works"), 256);
}

/// `count` matrices of width n.
fn some(n: usize, seed: u64, count: usize) -> Vec<Vec<f32>> {
    batch(n, seed).into_iter().take(count).collect()
}

/// Every matrix with entry (i, j) = f(matrix, i, j).
fn mapped(matrices: &[Vec<f32>], n: usize, f: impl Fn(&[f32], usize, usize) -> f32) -> Vec<Vec<f32>> {
    matrices.iter().map(|a| (0..n * n).map(|k| f(a, k / n, k % n)).collect()).collect()
}

/// Both spectra belong to one matrix, so they differ by what rounding may do to either.
fn assert_alike(matrix: &[f32], n: usize, a: &[[f64; 2]], b: &[[f64; 2]], what: &str) {
    let matrix = widened(matrix);
    let allowed = oracle::allowance(&matrix, n, oracle::norm(&matrix, n), f64::from(f32::EPSILON));
    let distance = bottleneck(a, b);
    assert!(distance <= 6.0 * allowed, "{what}: {distance} against {allowed}");
}

#[test]
fn similar_matrices_have_like_spectra() {
    everywhere(|solve, count| {
        let n = 6;
        let matrices = some(n, 13, count);
        let plain = solve(&matrices, n);
        let transposed = solve(&mapped(&matrices, n, |a, i, j| a[j * n + i]), n);
        let permuted = solve(&mapped(&matrices, n, |a, i, j| a[(i * 5 + 2) % n * n + (j * 5 + 2) % n]), n);
        (0..count).into_par_iter().for_each(|m| {
            assert_alike(&matrices[m], n, &plain[m].eigenvalues, &transposed[m].eigenvalues, "transpose");
            assert_alike(&matrices[m], n, &plain[m].eigenvalues, &permuted[m].eigenvalues, "permutation");
        });
    });
}

/// Rounding is symmetric, so signs go through the arithmetic untouched: D A D with D = diag(+-1) has the very same
/// eigenvalues, bit for bit. Unless a reflector meets a first entry that is exactly 0, by chance or because the matrix
/// has zeros: what sign it takes then is not that of its column.
#[test]
fn signs_change_nothing() {
    everywhere(|solve, count| {
        for n in [2, 3, 6, 9, 17] {
            let matrices = some(n, 23, count / n);
            let sign = |i: usize| if i * i % 5 < 2 { -1.0 } else { 1.0 };
            let signed = solve(&mapped(&matrices, n, |a, i, j| sign(i) * sign(j) * a[i * n + j]), n);
            let sorted = |spectrum: &Spectrum| {
                let mut bits = bits(spectrum);
                bits.sort_unstable();
                bits
            };
            let plain = solve(&matrices, n);
            (0..matrices.len()).into_par_iter().for_each(|m| {
                assert_alike(&matrices[m], n, &plain[m].eigenvalues, &signed[m].eigenvalues, "signs");
            });
            let dense: Vec<usize> = (0..matrices.len()).filter(|&m| !matrices[m].contains(&0.0)).collect();
            let same = dense.iter().filter(|&&m| sorted(&plain[m]) == sorted(&signed[m])).count();
            println!("n = {n}: {same} of {} the same", dense.len());
            assert!(100 * same >= 95 * dense.len(), "n = {n}: {same} of {}", dense.len());
        }
    });
}

#[test]
fn a_shift_moves_the_spectrum() {
    everywhere(|solve, count| {
        let n = 6;
        let matrices = some(n, 31, count);
        let plain = solve(&matrices, n);
        for c in [0.75_f32, -40.0] {
            let shifted = mapped(&matrices, n, |a, i, j| a[i * n + j] + if i == j { c } else { 0.0 });
            let found = solve(&shifted, n);
            (0..count).into_par_iter().for_each(|m| {
                let moved: Vec<_> = plain[m].eigenvalues.iter().map(|[re, im]| [re + f64::from(c), *im]).collect();
                assert_alike(&shifted[m], n, &moved, &found[m].eigenvalues, "shift");
            });
        }
    });
}

#[test]
fn a_direct_sum_has_the_union_of_the_spectra() {
    everywhere(|solve, count| {
        let (small, large) = (some(3, 17, count), some(4, 19, count));
        let sum = |(a, b): (&Vec<f32>, &Vec<f32>)| {
            let entry = |i: usize, j: usize| match (i < 3, j < 3) {
                (true, true) => a[i * 3 + j],
                (false, false) => b[(i - 3) * 4 + j - 3],
                _ => 0.0,
            };
            (0..49).map(|k| entry(k / 7, k % 7)).collect()
        };
        let sums: Vec<Vec<f32>> = small.iter().zip(&large).map(sum).collect();
        let (first, second, both) = (solve(&small, 3), solve(&large, 4), solve(&sums, 7));
        (0..count).into_par_iter().for_each(|m| {
            let union = [first[m].eigenvalues.clone(), second[m].eigenvalues.clone()].concat();
            assert_alike(&sums[m], 7, &union, &both[m].eigenvalues, "direct sum");
        });
    });
}
