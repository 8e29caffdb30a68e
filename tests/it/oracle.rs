//! Judges a spectrum against its matrix, whoever computed it: the acceptance ratios C1 to C6.
//!
//! All ratios are in units of n * ulp * ||A||_2, so that limits do not depend on size or precision. A matrix of zeros
//! has only zeros as eigenvalues; anything else has infinite ratios.

use eulerscope::spectrum::host::exact::faer_eigenvalues;
use faer::linalg::solvers::Svd;
use faer::{MatRef, c64};

/// A counter-based stream of numbers: splitmix64.
pub struct Random(pub u64);

impl Random {
    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// n * n standard normals.
    pub fn normals(&mut self, n: usize) -> Vec<f64> {
        (0..n * n).map(|_| self.normal()).collect()
    }
}

/// How far a spectrum is from that of its matrix, one number per way to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratios {
    /// C1: n finite values.
    pub complete: bool,
    /// C2: complex values come in bit-exact conjugate pairs.
    pub closed: bool,
    /// C3: largest sigma_min(A - lambda I), over up to 16 eigenvalues.
    pub sigma: f64,
    /// C4: sum of the eigenvalues against the trace.
    pub trace: f64,
    /// C5: sum of their squares against tr A^2, over ||A||_2^2.
    pub trace_of_square: f64,
    /// C6: bottleneck distance to the f64 spectrum over what random perturbations of relative size n ulp do to it.
    pub matching: f64,
}

/// The limits of C3 to C6. LAPACK stays below .32, 1.43, 2.45 and 1.40.
pub const LIMITS: [f64; 4] = [2.0, 6.0, 10.0, 3.0];

impl Ratios {
    /// C3 to C6 as numbers.
    pub fn values(&self) -> [f64; 4] {
        [self.sigma, self.trace, self.trace_of_square, self.matching]
    }

    /// Is everything within the limits? NaN is not.
    pub fn pass(&self) -> bool {
        self.complete && self.closed && self.values().iter().zip(LIMITS).all(|(value, limit)| *value <= limit)
    }
}

/// Judges `spectrum` as the eigenvalues of the row-major `matrix` computed with unit roundoff `ulp`.
pub fn accept(matrix: &[f64], n: usize, spectrum: &[[f64; 2]], ulp: f64) -> Ratios {
    let complete = spectrum.len() == n && spectrum.iter().flatten().all(|x| x.is_finite());
    let bad = f64::INFINITY;
    if !complete {
        return Ratios { complete, closed: false, sigma: bad, trace: bad, trace_of_square: bad, matching: bad };
    }
    let norm = norm(matrix, n);
    let unit = n as f64 * ulp * norm;
    let (mut trace, mut squares) = (Sum::default(), Sum::default());
    for [re, im] in spectrum {
        trace.add(*re, 1.0);
        squares.add(*re, *re);
        squares.add(*im, -im);
    }
    for i in 0..n {
        trace.add(matrix[i * n + i], -1.0);
        (0..n).for_each(|j| squares.add(matrix[i * n + j], -matrix[j * n + i]));
    }
    Ratios {
        complete,
        closed: closed(spectrum),
        sigma: over(largest_sigma(matrix, n, spectrum, norm), unit),
        trace: over(trace.value().abs(), unit),
        trace_of_square: over(squares.value().abs(), unit * norm),
        matching: over(distance_to_reference(matrix, n, spectrum), allowance(matrix, n, norm, ulp)),
    }
}

/// a / b with 0 / 0 = 0, so that the zero matrix can be judged.
fn over(a: f64, b: f64) -> f64 {
    if a == 0.0 && b >= 0.0 { 0.0 } else { a / b }
}

/// A sum of products in twice the precision of f64: a plain one would err by as much as the spectra that it judges.
#[derive(Default)]
struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    /// Adds a b (Dekker's product, Knuth's sum).
    fn add(&mut self, a: f64, b: f64) {
        let product = a * b;
        let sum = self.high + product;
        let virtual_part = sum - self.high;
        let lost = (self.high - (sum - virtual_part)) + (product - virtual_part);
        self.high = sum;
        self.low += lost + a.mul_add(b, -product);
    }

    fn value(&self) -> f64 {
        self.high + self.low
    }
}

/// The 2-norm.
pub fn norm(matrix: &[f64], n: usize) -> f64 {
    let largest = matrix.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    if n == 0 || largest == 0.0 {
        return 0.0;
    }
    let values = MatRef::from_row_major_slice(matrix, n, n).to_owned();
    Svd::new(values.as_ref()).map_or(f64::NAN, |svd| svd.S()[0])
}

/// Does every value with an imaginary part have its own exact conjugate?
fn closed(spectrum: &[[f64; 2]]) -> bool {
    let bits = |z: &[f64; 2], sign: f64| (z[0].to_bits(), (z[1] * sign).to_bits());
    let side = |sign: f64| {
        let mut half: Vec<_> = spectrum.iter().filter(|z| z[1] * sign > 0.0).map(|z| bits(z, sign)).collect();
        half.sort_unstable();
        half
    };
    side(1.0) == side(-1.0)
}

/// The largest sigma_min(A - lambda I) over the 8 largest eigenvalues and 8 more.
fn largest_sigma(matrix: &[f64], n: usize, spectrum: &[[f64; 2]], norm: f64) -> f64 {
    let mut chosen: Vec<[f64; 2]> = spectrum.iter().copied().filter(|z| z[1] >= 0.0).collect();
    chosen.sort_by(|z, w| w[0].hypot(w[1]).total_cmp(&z[0].hypot(z[1])));
    let rest = chosen.split_off(chosen.len().min(8));
    chosen.extend(rest.iter().step_by(rest.len().div_ceil(8).max(1)));
    let sigmas = chosen.iter().map(|&[re, im]| smallest_singular_value(matrix, n, c64::new(re, im), norm));
    sigmas.fold(0.0, |most: f64, sigma| if sigma <= most { most } else { sigma })
}

/// sigma_min(A - z I) from above, by inverse iteration with an LU factorisation; |z| for A = 0.
fn smallest_singular_value(matrix: &[f64], n: usize, z: c64, norm: f64) -> f64 {
    let entry = |i: usize, j: usize| c64::new(matrix[i * n + j], 0.0) - if i == j { z } else { c64::new(0.0, 0.0) };
    if norm == 0.0 {
        return z.re.hypot(z.im);
    }
    let mut lu: Vec<c64> = (0..n * n).map(|k| entry(k / n, k % n)).collect();
    let order = factor(&mut lu, n, norm * 1e-18);
    let mut random = Random(n as u64);
    let mut x: Vec<c64> = (0..n).map(|_| c64::new(random.normal(), random.normal())).collect();
    let mut least = f64::INFINITY;
    for _ in 0..3 {
        normalise(&mut x);
        x = solve(&lu, n, &order, &x);
        let length = normalise(&mut x);
        least = least.min(1.0 / length);
        x = solve_adjoint(&lu, n, &order, &x);
    }
    least
}

fn normalise(x: &mut [c64]) -> f64 {
    let length = x.iter().map(|z| z.re * z.re + z.im * z.im).sum::<f64>().sqrt();
    x.iter_mut().for_each(|z| *z = c64::new(z.re / length, z.im / length));
    length
}

/// LU with row exchanges, in place; pivots below `least` are replaced by it (the matrix is singular on purpose).
fn factor(a: &mut [c64], n: usize, least: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let size = |z: c64| z.re.abs() + z.im.abs();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| size(a[i * n + k]).total_cmp(&size(a[j * n + k]))).unwrap_or(k);
        order.swap(k, pivot);
        (0..n).for_each(|j| a.swap(k * n + j, pivot * n + j));
        if size(a[k * n + k]) <= least {
            a[k * n + k] = c64::new(least.max(f64::MIN_POSITIVE), 0.0);
        }
        let (upper, lower) = a.split_at_mut((k + 1) * n);
        let top = &upper[k * n..];
        for row in lower.chunks_exact_mut(n) {
            let ratio = row[k] / top[k];
            row[k] = ratio;
            row[k + 1..].iter_mut().zip(&top[k + 1..]).for_each(|(x, &t)| *x -= ratio * t);
        }
    }
    order
}

fn solve(lu: &[c64], n: usize, order: &[usize], b: &[c64]) -> Vec<c64> {
    let mut x: Vec<c64> = order.iter().map(|&i| b[i]).collect();
    for i in 0..n {
        let sum = (0..i).fold(c64::new(0.0, 0.0), |sum, j| sum + lu[i * n + j] * x[j]);
        x[i] -= sum;
    }
    for i in (0..n).rev() {
        let sum = (i + 1..n).fold(c64::new(0.0, 0.0), |sum, j| sum + lu[i * n + j] * x[j]);
        x[i] = (x[i] - sum) / lu[i * n + i];
    }
    x
}

fn solve_adjoint(lu: &[c64], n: usize, order: &[usize], b: &[c64]) -> Vec<c64> {
    let mut x = b.to_vec();
    for i in 0..n {
        let sum = (0..i).fold(c64::new(0.0, 0.0), |sum, j| sum + lu[j * n + i].conj() * x[j]);
        x[i] = (x[i] - sum) / lu[i * n + i].conj();
    }
    for i in (0..n).rev() {
        let sum = (i + 1..n).fold(c64::new(0.0, 0.0), |sum, j| sum + lu[j * n + i].conj() * x[j]);
        x[i] -= sum;
    }
    let mut out = x.clone();
    order.iter().zip(x).for_each(|(&i, x)| out[i] = x);
    out
}

fn distance_to_reference(matrix: &[f64], n: usize, spectrum: &[[f64; 2]]) -> f64 {
    faer_eigenvalues(matrix, n).map_or(f64::NAN, |reference| bottleneck(spectrum, &reference))
}

/// The largest move of the spectrum under 8 random perturbations of 2-norm n ulp ||A||_2.
pub fn allowance(matrix: &[f64], n: usize, norm: f64, ulp: f64) -> f64 {
    let Some(reference) = faer_eigenvalues(matrix, n) else { return f64::NAN };
    let mut random = Random(0x5eed);
    // A Gaussian matrix has 2-norm 2 sqrt n nearly (exactly |x| for n = 1).
    let size = n as f64 * ulp * norm / (2.0 * (n as f64).sqrt());
    (0..8).fold(0.0, |most: f64, _| {
        let moved: Vec<f64> = matrix.iter().map(|x| x + size * random.normal()).collect();
        let distance = faer_eigenvalues(&moved, n).map_or(f64::NAN, |moved| bottleneck(&moved, &reference));
        if distance <= most { most } else { distance }
    })
}

/// min over pairings of the largest distance within a pair: the smallest radius with a perfect matching.
pub fn bottleneck(a: &[[f64; 2]], b: &[[f64; 2]]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let distance = |i: usize, j: usize| (a[i][0] - b[j][0]).hypot(a[i][1] - b[j][1]);
    bottleneck_of(a.len(), distance)
}

/// The same from the distances themselves.
pub fn bottleneck_of(n: usize, distance: impl Fn(usize, usize) -> f64) -> f64 {
    let all: Vec<f64> = (0..n * n).map(|k| distance(k / n, k % n)).collect();
    // No radius below every point's nearest distance can do: start the search there.
    let nearest = |i: usize| all[i * n..(i + 1) * n].iter().copied().fold(f64::INFINITY, f64::min);
    let floor = (0..n).map(nearest).fold(0.0, f64::max);
    let mut radii: Vec<f64> = all.iter().copied().filter(|d| *d >= floor).collect();
    radii.sort_unstable_by(f64::total_cmp);
    radii.dedup();
    let (mut low, mut high) = (0, radii.len());
    if n == 0 || radii.first().is_some_and(|r| matches_within(&all, n, *r)) {
        return floor;
    }
    while low < high {
        let middle = (low + high) / 2;
        if matches_within(&all, n, radii[middle]) { high = middle } else { low = middle + 1 }
    }
    radii.get(low).copied().unwrap_or(f64::INFINITY)
}

/// Is there a perfect matching with distances up to `radius`? Augmenting paths.
fn matches_within(all: &[f64], n: usize, radius: f64) -> bool {
    fn augment(all: &[f64], n: usize, radius: f64, i: usize, seen: &mut [bool], partner: &mut [usize]) -> bool {
        for j in 0..n {
            if !seen[j] && all[i * n + j] <= radius {
                seen[j] = true;
                if partner[j] == n || augment(all, n, radius, partner[j], seen, partner) {
                    partner[j] = i;
                    return true;
                }
            }
        }
        false
    }
    let mut partner = vec![n; n];
    (0..n).all(|i| augment(all, n, radius, i, &mut vec![false; n], &mut partner))
}
