//! Wrong answers that look right: the oracle has to refuse every one of them.

use crate::eigen_pack::{rounded, solve, widened};
use crate::families;
use crate::oracle::{self, accept};
use eulerscope::spectrum::host::diagonal_blocks::of_block;
use faer::linalg::solvers::Qr;
use faer::{Mat, MatRef};

/// Four matrices as in the calibration of the oracle, with their f32 spectra.
fn calibration() -> Vec<(Vec<f64>, usize, Vec<[f64; 2]>)> {
    let pick = |n: usize, name: &str| {
        let case = families::all(n).into_iter().find(|case| case.name == name).expect("a family of that name");
        let matrix: Vec<f32> = rounded(&case.matrix);
        let spectrum = solve(std::slice::from_ref(&matrix), n).remove(0);
        (widened(&matrix), n, spectrum.eigenvalues)
    };
    vec![pick(64, "ginibre"), pick(64, "I + 0.1 A"), pick(64, "grcar"), pick(20, "12 similar")]
}

type Mutant = (&'static str, fn(&[f64], &[[f64; 2]], f64) -> Vec<[f64; 2]>);

/// Wrong answers that look right: each must be refused.
const MUTANTS: [Mutant; 9] = [
    ("all times 1 + 1e-4", |_, values, _| values.iter().map(|z| z.map(|x| x * 1.0001)).collect()),
    ("one moved", |_, values, norm| edited(values, |v| v[0][0] += 1e-3 * norm)),
    ("one duplicated", |_, values, _| edited(values, |v| v[1] = v[4])),
    ("one lost", |_, values, _| values[1..].to_vec()),
    ("a pair made real", |_, values, _| {
        edited(values, |v| {
            if let Some(i) = v.iter().position(|z| z[1] != 0.0) {
                (v[i][1], v[i + 1][1]) = (0.0, 0.0)
            }
        })
    }),
    ("no conjugates", |_, values, _| values.iter().map(|z| [z[0], z[1].abs()]).collect()),
    ("the diagonal", |matrix, values, _| (0..values.len()).map(|i| [matrix[i * (values.len() + 1)], 0.0]).collect()),
    ("one up, one down", |_, values, norm| {
        edited(values, |v| {
            v[0][0] += 1e-2 * norm;
            v[5][0] -= 1e-2 * norm;
        })
    }),
    ("NaN", |_, values, _| edited(values, |v| v[3][0] = f64::NAN)),
];

fn edited(values: &[[f64; 2]], edit: impl Fn(&mut Vec<[f64; 2]>)) -> Vec<[f64; 2]> {
    let mut values = values.to_vec();
    edit(&mut values);
    values
}

#[test]
fn oracle_kills_mutants() {
    let ulp = f64::from(f32::EPSILON);
    let cases = calibration();
    for (matrix, n, values) in &cases {
        assert!(accept(matrix, *n, values, ulp).pass());
        let norm = oracle::norm(matrix, *n);
        for (name, mutate) in MUTANTS {
            let ratios = accept(matrix, *n, &mutate(matrix, values, norm), ulp);
            assert!(!ratios.pass(), "{name} survives at n = {n}: {ratios:?}");
        }
    }
    // A batch index that is off by one: the neighbour's spectrum.
    assert!(!accept(&cases[0].0, 64, &cases[1].2, ulp).pass());
    assert!(!accept(&cases[2].0, 64, &cases[0].2, ulp).pass());
}

/// Upper Hessenberg form (Householder).
fn hessenberg(matrix: &[f64], n: usize) -> Mat<f64> {
    let mut a = MatRef::from_row_major_slice(matrix, n, n).to_owned();
    for k in 0..n.saturating_sub(2) {
        let mut v: Vec<f64> = (0..n).map(|i| if i > k { a[(i, k)] } else { 0.0 }).collect();
        v[k + 1] += v.iter().map(|x| x * x).sum::<f64>().sqrt().copysign(v[k + 1]);
        let square: f64 = v.iter().map(|x| x * x).sum();
        if square == 0.0 {
            continue;
        }
        for j in 0..n {
            let dot = (0..n).map(|i| v[i] * a[(i, j)]).sum::<f64>() * 2.0 / square;
            (0..n).for_each(|i| a[(i, j)] -= dot * v[i]);
        }
        for i in 0..n {
            let dot = (0..n).map(|j| a[(i, j)] * v[j]).sum::<f64>() * 2.0 / square;
            (0..n).for_each(|j| a[(i, j)] -= dot * v[j]);
        }
    }
    a
}

/// Eigenvalues of a Hessenberg matrix by explicit double shifts in f64, taking subdiagonal entries below `tolerance`
/// times their neighbours for 0.
fn by_tolerance(mut h: Mat<f64>, tolerance: f64) -> Vec<[f64; 2]> {
    for round in 0..10_000 {
        let n = h.nrows();
        if n == 1 {
            return vec![[h[(0, 0)], 0.0]];
        }
        let small = |k: &usize| h[(*k, k - 1)].abs() <= tolerance * (h[(*k, *k)].abs() + h[(k - 1, k - 1)].abs());
        if let Some(k) = (1..n).find(small) {
            let upper = by_tolerance(h.get(..k, ..k).to_owned(), tolerance);
            return [upper, by_tolerance(h.get(k.., k..).to_owned(), tolerance)].concat();
        }
        if n == 2 {
            return of_block(h[(0, 0)], h[(0, 1)], h[(1, 0)], h[(1, 1)]).to_vec();
        }
        let corner = [(n - 2, n - 2), (n - 2, n - 1), (n - 1, n - 2), (n - 1, n - 1)].map(|at| h[at]);
        // Now and then another shift, for a matrix that the usual one leaves as it is.
        let [a, b, c, d] = if round % 10 == 9 { corner.map(|x| 0.7 * x + 0.1) } else { corner };
        let square = &h * &h - (a + d) * &h + (a * d - b * c) * Mat::<f64>::identity(n, n);
        let q = Qr::new(square.as_ref()).compute_Q();
        h = q.transpose() * &h * &q;
    }
    panic!("no convergence");
}

#[test]
fn a_solver_that_deflates_too_early_is_refused() {
    let ulp = f64::from(f32::EPSILON);
    // The fourth matrix hides it: there no entry stops between 1e-3 and rounding, and the answer is right.
    for (matrix, n, _) in calibration().into_iter().take(3) {
        let with = |tolerance: f64| accept(&matrix, n, &by_tolerance(hessenberg(&matrix, n), tolerance), ulp);
        assert!(with(ulp).pass(), "the tolerance alone is to blame, n = {n}: {:?}", with(ulp));
        assert!(!with(1e-3).pass(), "n = {n}: {:?}", with(1e-3));
    }
}
