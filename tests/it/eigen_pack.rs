//! The eigenvalue solver against its test pack: every family, every size, both precisions.

use crate::families;
use crate::oracle::{self, Random, Ratios, accept, bottleneck};
use eulerscope::spectrum::host::batch::{Width, eigenvalues, eigenvalues_at_width};
use eulerscope::spectrum::host::lanes::Real;
use eulerscope::spectrum::{Spectrum, Status};
use rayon::prelude::*;

const SIZES: [usize; 17] = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 128];

pub fn solve<T: Real>(matrices: &[Vec<T>], n: usize) -> Vec<Spectrum> {
    eigenvalues(&matrices.iter().map(Vec::as_slice).collect::<Vec<_>>(), n)
}

pub fn rounded<T: Real>(matrix: &[f64]) -> Vec<T> {
    matrix.iter().map(|&x| T::from_f64(x)).collect()
}

pub fn widened<T: Real>(matrix: &[T]) -> Vec<f64> {
    matrix.iter().map(|x| x.to_f64()).collect()
}

/// Runs all families at width n in one batch; gives name and ratios of each, the match with exact values included.
fn judge<T: Real>(n: usize) -> Vec<(String, Ratios)> {
    let cases = families::all(n);
    let matrices: Vec<Vec<T>> = cases.iter().map(|case| rounded(&case.matrix)).collect();
    let spectra = solve(&matrices, n);
    cases
        .par_iter()
        .zip(&matrices)
        .zip(&spectra)
        .map(|((case, matrix), spectrum)| {
            assert_eq!(spectrum.status, Status::Ok, "{} at n = {n}", case.name);
            let mut ratios = accept(&widened(matrix), n, &spectrum.eigenvalues, T::ULP.to_f64());
            ratios.matching = case.against_exact(&spectrum.eigenvalues, T::ULP.to_f64()).unwrap_or(ratios.matching);
            let again = if spectrum.solved_again { " (solved again)" } else { "" };
            (format!("{} at n = {n}{again}", case.name), ratios)
        })
        .collect()
}

fn pack<T: Real>(sizes: &[usize]) {
    let judged: Vec<_> = sizes.iter().flat_map(|&n| judge::<T>(n)).collect();
    for (which, name) in ["sigma", "trace", "trace of square", "matching"].iter().enumerate() {
        let worst = judged.iter().max_by(|a, b| a.1.values()[which].total_cmp(&b.1.values()[which]));
        let (at, value) = worst.map(|(at, ratios)| (at.as_str(), ratios.values()[which])).expect("cases");
        println!("worst {name}: {value:.3} of {at}");
    }
    println!(
        "{} cases, {} solved again",
        judged.len(),
        judged.iter().filter(|(name, _)| name.contains("again")).count()
    );
    let failures: Vec<_> = judged.iter().filter(|(_, ratios)| !ratios.pass()).collect();
    assert!(failures.is_empty(), "{} of {} fail: {failures:#?}", failures.len(), judged.len());
}

#[test]
fn every_family_passes_in_f32() {
    pack::<f32>(&SIZES);
}

#[test]
fn every_family_passes_in_f64() {
    pack::<f64>(&SIZES);
}

/// Name, row-major matrix, eigenvalues.
type Known = (&'static str, &'static [f64], &'static [[f64; 2]]);

/// Matrices whose eigenvalues were computed to 60 digits with mpmath.
const KNOWN: [Known; 12] = include!("known_spectra.in");

#[test]
fn small_nasty_matrices_have_their_known_spectra() {
    for (name, matrix, exact) in KNOWN {
        let n = exact.len();
        let allowed = oracle::allowance(matrix, n, oracle::norm(matrix, n), f64::from(f32::EPSILON));
        let single = &solve::<f32>(&[rounded(matrix)], n)[0];
        let double = &solve::<f64>(&[matrix.to_vec()], n)[0];
        let (error, fine) = (bottleneck(&single.eigenvalues, exact), bottleneck(&double.eigenvalues, exact));
        assert!(error <= 3.0 * allowed, "{name}: {error} against {allowed}");
        assert!(fine <= 1e-3 * allowed, "{name} in f64: {fine} against {allowed}");
    }
}

#[test]
fn gallery_five_stays_within_its_fifth_root() {
    let matrix = [
        -9.0, 11.0, -21.0, 63.0, -252.0, 70.0, -69.0, 141.0, -421.0, 1684.0, -575.0, 575.0, -1149.0, 3451.0, -13801.0,
        3891.0, -3891.0, 7782.0, -23345.0, 93365.0, 1024.0, -1024.0, 2048.0, -6144.0, 24572.0,
    ];
    let ratios = accept(&matrix, 5, &solve::<f32>(&[rounded(&matrix)], 5)[0].eigenvalues, f64::from(f32::EPSILON));
    assert!(ratios.pass(), "{ratios:?}");
}

/// 4096 matrices of width n, dense and sparse.
pub fn batch(n: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut random = Random(seed);
    let sparse = |member: usize, x: f64, keep: f64| if member.is_multiple_of(4) && keep < 0.6 { 0.0 } else { x as f32 };
    (0..4096).map(|member| (0..n * n).map(|_| sparse(member, random.normal(), random.unit())).collect()).collect()
}

pub fn bits(spectrum: &Spectrum) -> Vec<[u64; 2]> {
    spectrum.eigenvalues.iter().map(|z| z.map(f64::to_bits)).collect()
}

#[test]
fn a_spectrum_depends_on_its_matrix_alone() {
    for n in [1, 2, 3, 6, 16] {
        let matrices = batch(n, 7);
        let plain: Vec<_> = solve(&matrices, n).iter().map(bits).collect();
        let reversed = solve(&matrices.iter().rev().cloned().collect::<Vec<_>>(), n);
        assert!(reversed.iter().rev().map(bits).eq(plain.iter().cloned()), "order, n = {n}");
        let poisoned: Vec<Vec<f32>> =
            (0..4096).map(|i| if i % 3 == 0 { matrices[i].clone() } else { vec![f32::NAN; n * n] }).collect();
        for (i, spectrum) in solve(&poisoned, n).iter().enumerate() {
            assert_eq!(spectrum.status, if i % 3 == 0 { Status::Ok } else { Status::Refused });
            assert!(i % 3 != 0 || bits(spectrum) == plain[i], "neighbours, n = {n}");
        }
        for i in (0..4096).step_by(37) {
            assert_eq!(bits(&solve(&matrices[i..=i], n)[0]), plain[i], "alone, n = {n}");
        }
        let borrowed: Vec<&[f32]> = matrices.iter().take(200).map(Vec::as_slice).collect();
        for width in [Width::Widest, Width::Half, Width::Portable] {
            let spectra = eigenvalues_at_width(&borrowed, n, width);
            assert!(spectra.iter().map(bits).eq(plain[..200].iter().cloned()), "{width:?}, n = {n}");
        }
    }
}

#[test]
fn powers_of_two_scale_the_spectrum_exactly() {
    for (n, exponent) in [(2, 60), (5, -60), (8, 17), (16, 61)] {
        let matrices = batch(n, 11);
        let factor = f64::powi(2.0, exponent);
        let larger: Vec<Vec<f32>> = matrices.iter().map(|a| a.iter().map(|x| x * factor as f32).collect()).collect();
        for (plain, larger) in solve(&matrices, n).iter().zip(solve(&larger, n)) {
            let expected: Vec<[f64; 2]> = plain.eigenvalues.iter().map(|z| z.map(|x| x * factor)).collect();
            assert_eq!(expected, larger.eigenvalues, "n = {n}, 2^{exponent}");
        }
    }
}

#[test]
fn odd_inputs_are_answered_not_panicked_over() {
    assert_eq!(solve::<f32>(&[vec![], vec![]], 0).len(), 2);
    assert!(solve::<f64>(&[], 5).is_empty());
    assert_eq!(solve(&[vec![-0.0_f32]], 1)[0].eigenvalues[0].map(f64::to_bits), [0, 0]);
    assert_eq!(solve(&[vec![3.0_f32; 5]], 2)[0].status, Status::Refused);
    assert_eq!(solve::<f32>(&[vec![]], usize::MAX)[0].status, Status::Refused);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(solve(&[vec![1.0, bad, 0.0, 1.0]], 2)[0].status, Status::Refused);
    }
    let tiny = f64::from_bits(1);
    assert_eq!(solve(&[vec![0.0, tiny, -tiny, 0.0]], 2)[0].eigenvalues, [[0.0, tiny], [0.0, -tiny]]);
    assert_eq!(solve(&[vec![f32::MAX, 0.0, 0.0, f32::MIN_POSITIVE]], 2)[0].real, 2);
    let large = solve(&[vec![0.0_f64, f64::MAX, -f64::MAX, 0.0]], 2);
    assert_eq!(large[0].eigenvalues, [[0.0, f64::MAX], [0.0, -f64::MAX]]);
}
