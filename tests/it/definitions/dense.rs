//! Small matrices and states in plain loops; eigenvalues and singular values by faer.

use super::number::{Number, noise};
use faer::{Mat, MatRef};

/// A state: its tokens, each of so many rows.
pub type State<N> = Vec<Vec<N>>;

/// A matrix, row by row.
pub type Matrix = Vec<Vec<f64>>;

/// scale A x.
pub fn times<N: Number>(a: &Matrix, x: &[N], scale: N) -> Vec<N> {
    a.iter().map(|row| scale * sum(row.iter().zip(x).map(|(&a, &x)| N::from(a) * x))).collect()
}

pub fn sum<N: Number>(terms: impl IntoIterator<Item = N>) -> N {
    terms.into_iter().fold(0.0.into(), |sum, term| sum + term)
}

/// The scalar product.
pub fn dot<N: Number>(a: &[N], b: &[N]) -> N {
    sum(a.iter().zip(b).map(|(&a, &b)| a * b))
}

/// a x + b y.
pub fn combined<N: Number>(a: f64, x: &State<N>, b: f64, y: &State<N>) -> State<N> {
    let row = |x: &Vec<N>, y: &Vec<N>| x.iter().zip(y).map(|(&x, &y)| N::from(a) * x + N::from(b) * y).collect();
    x.iter().zip(y).map(|(x, y)| row(x, y)).collect()
}

/// All numbers of a state, in the order of directions: row by row, with the tokens of a row together.
pub fn flattened<N: Number>(x: &State<N>) -> Vec<N> {
    (0..x[0].len()).flat_map(|row| x.iter().map(move |token| token[row])).collect()
}

/// The state of [`flattened`] numbers.
pub fn unflattened<N: Number>(x: &[N], tokens: usize) -> State<N> {
    (0..tokens).map(|token| x.iter().skip(token).step_by(tokens).copied().collect()).collect()
}

/// |x|, over all tokens.
pub fn norm<N: Number>(x: &State<N>) -> N {
    sum(x.iter().map(|token| dot(token, token))).sqrt()
}

/// The solution of A x = b, by Gauss' elimination with row exchanges.
pub fn solved<N: Number>(mut a: Vec<Vec<N>>, mut b: Vec<N>) -> Vec<N> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].value().abs().total_cmp(&a[j][k].value().abs())).expect("a row");
        a.swap(k, pivot);
        b.swap(k, pivot);
        let row = a[k].clone();
        for i in k + 1..n {
            let ratio = a[i][k] / row[k];
            a[i].iter_mut().zip(&row).skip(k).for_each(|(x, &p)| *x = *x - ratio * p);
            b[i] = b[i] - ratio * b[k];
        }
    }
    for k in (0..n).rev() {
        let known = sum((k + 1..n).map(|j| a[k][j] * b[j]));
        b[k] = (b[k] - known) / a[k][k];
    }
    b
}

fn as_faer(a: &Matrix) -> Mat<f64> {
    let entries: Vec<f64> = a.iter().flatten().copied().collect();
    MatRef::from_row_major_slice(&entries, a.len(), a.len()).to_owned()
}

/// The eigenvalues, as [re, im].
pub fn eigenvalues(a: &Matrix) -> Vec<[f64; 2]> {
    as_faer(a).eigenvalues().expect("faer's iteration ends").iter().map(|z| [z.re, z.im]).collect()
}

/// The largest |λ|.
pub fn spectral_radius(eigenvalues: &[[f64; 2]]) -> f64 {
    eigenvalues.iter().map(|[re, im]| re.hypot(*im)).fold(0.0, f64::max)
}

/// The largest Re λ.
pub fn spectral_abscissa(eigenvalues: &[[f64; 2]]) -> f64 {
    eigenvalues.iter().map(|z| z[0]).fold(f64::NEG_INFINITY, f64::max)
}

/// The 2-norm.
pub fn largest_singular_value(a: &Matrix) -> f64 {
    singular_values(a)[0]
}

/// The singular values, from the largest.
pub fn singular_values(a: &Matrix) -> Vec<f64> {
    as_faer(a).singular_values().expect("faer's iteration ends")
}

/// A matrix as an eigensolver of limited precision sees it: backward stable, with an error of n roundings of its norm.
pub fn blurred(m: &Matrix) -> Matrix {
    let error = (m.len() as f64).sqrt() * frobenius(m);
    m.iter().map(|row| row.iter().map(|x| x + error * noise()).collect()).collect()
}

/// sqrt(Σ a_ij²).
pub fn frobenius(a: &Matrix) -> f64 {
    a.iter().flatten().map(|x| x * x).sum::<f64>().sqrt()
}

/// Henrici's departure from normality, sqrt(‖A‖_F² - Σ|λ|²).
pub fn departure(a: &Matrix, eigenvalues: &[[f64; 2]]) -> f64 {
    let squares: f64 = eigenvalues.iter().flatten().map(|x| x * x).sum();
    (frobenius(a).powi(2) - squares).max(0.0).sqrt()
}

/// The largest eigenvalue of (A + Aᵀ) / 2.
pub fn numerical_abscissa(a: &Matrix) -> f64 {
    let n = a.len();
    let symmetric: Matrix = (0..n).map(|i| (0..n).map(|j| (a[i][j] + a[j][i]) / 2.0).collect()).collect();
    spectral_abscissa(&eigenvalues(&symmetric))
}

pub fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let n = b[0].len();
    a.iter().map(|row| (0..n).map(|j| (0..b.len()).map(|k| row[k] * b[k][j]).sum()).collect()).collect()
}

pub fn identity(n: usize) -> Matrix {
    (0..n).map(|i| (0..n).map(|j| f64::from(i == j)).collect()).collect()
}
