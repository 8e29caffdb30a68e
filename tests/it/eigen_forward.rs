//! Forward errors: how far the eigenvalues themselves are off, where the matrix determines them well.
//!
//! Ratios of backward errors cannot see a solver that spoils a triangular matrix: its large entries excuse everything.
//! But no eigenvalue depends on what couples irreducible blocks, so each has to be found as well as in its own block B
//! of width m: to 8 m ulp |B|_2 kappa, where kappa = |x| |y| / |y* x| is the condition number from the right and left
//! eigenvectors of B in f64, and m ulp |B|_2 the usual backward error of balanced Householder and QR steps. Eigenvalues of
//! blocks of one row are exact.

use crate::adapter::{as_on_hardware, double, software};
use crate::oracle::{self, Random};
use eulerscope::device::Device;
use eulerscope::spectrum::host::batch;
use eulerscope::spectrum::{Spectrum, device as gpu};
use faer::linalg::solvers::{DenseSolveCore, Eigen};
use faer::{MatRef, c64};

/// A matrix, its eigenvalues, and how far off each may be in units of ulp.
struct Problem {
    name: String,
    matrix: Vec<f64>,
    exact: Vec<[f64; 2]>,
    allowed: Vec<f64>,
}

/// Eigenvalues of a block and what 8 m |B| kappa allows them.
fn eigenvalues_of(block: &[f64], m: usize) -> (Vec<[f64; 2]>, Vec<f64>) {
    if m == 1 {
        return (vec![[block[0], 0.0]], vec![0.0]);
    }
    let eigen = Eigen::new_from_real(MatRef::from_row_major_slice(block, m, m)).expect("a small matrix");
    let right = eigen.U();
    let left = right.partial_piv_lu().inverse();
    let size = |z: c64| z.re * z.re + z.im * z.im;
    let condition = |k: usize| {
        let squares = |part: &dyn Fn(usize) -> c64| (0..m).map(|i| size(part(i))).sum::<f64>();
        (squares(&|i| right[(i, k)]) * squares(&|i| left[(k, i)])).sqrt()
    };
    let norm = oracle::norm(block, m);
    let values = (0..m).map(|k| [eigen.S()[k].re, eigen.S()[k].im]).collect();
    (values, (0..m).map(|k| 8.0 * m as f64 * norm * condition(k)).collect())
}

/// A block of width m and size about `size` with well separated eigenvalues, exact in f32.
fn block(m: usize, size: f64, random: &mut Random) -> Vec<f64> {
    let entry = |at: usize, x: f64| {
        let (i, j) = (at / m, at % m);
        let turn = if j == i + 1 {
            0.5
        } else if i == j + 1 {
            -0.5
        } else {
            0.0
        };
        0.2 * x + turn + if i == j { 0.3 + i as f64 } else { 0.0 }
    };
    random.normals(m).iter().enumerate().map(|(at, &x)| (size * entry(at, x)) as f32 as f64).collect()
}

/// A permutation of n indices.
fn shuffle(n: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    (1..n).rev().for_each(|i| order.swap(i, (random.unit() * (i + 1) as f64) as usize));
    order
}

/// Blocks along the diagonal, every entry above them `coupling` times a random sign, indices in the order given.
fn assemble(name: &str, blocks: &[Vec<f64>], coupling: f64, order: &[usize], random: &mut Random) -> Problem {
    let widths: Vec<usize> = blocks.iter().map(|block| block.len().isqrt()).collect();
    let n = order.len();
    let mut matrix = vec![0.0; n * n];
    let (mut exact, mut allowed, mut first) = (Vec::new(), Vec::new(), 0);
    for (block, &m) in blocks.iter().zip(&widths) {
        for (i, j) in (first..first + m).flat_map(|i| (first..n).map(move |j| (i, j))) {
            let sign = if random.unit() < 0.5 { -1.0 } else { 1.0 };
            let value = if j < first + m { block[(i - first) * m + j - first] } else { sign * coupling };
            matrix[order[i] * n + order[j]] = value as f32 as f64;
        }
        let (values, bounds) = eigenvalues_of(block, m);
        exact.extend(values);
        allowed.extend(bounds);
        first += m;
    }
    Problem { name: format!("{name}, n = {n}, coupling {coupling:e}"), matrix, exact, allowed }
}

/// Widths that sum to n, none above `most`.
fn widths(n: usize, most: usize) -> Vec<usize> {
    let mut widths = Vec::new();
    while widths.iter().sum::<usize>() < n {
        widths.push((1 + widths.len() % most).min(n - widths.iter().sum::<usize>()));
    }
    widths
}

/// Blocks of up to `most` rows, the k-th of size `size(k)`.
fn blocks(n: usize, most: usize, random: &mut Random, size: impl Fn(usize) -> f64) -> Vec<Vec<f64>> {
    widths(n, most).into_iter().enumerate().map(|(k, m)| block(m, size(k), random)).collect()
}

/// Numbers from 0.2 to 0.8 as blocks.
fn fractions(n: usize) -> Vec<Vec<f64>> {
    (0..n).map(|i| vec![(0.2 + 0.6 * i as f64 / (n - 1) as f64) as f32 as f64]).collect()
}

/// D^-1 B D with D from 1 to 2^range: after balancing as well determined as B.
fn graded(n: usize, range: i32, random: &mut Random) -> Problem {
    let plain = block(n, 1.0, random);
    let (exact, allowed) = eigenvalues_of(&plain, n);
    let exponent = |i: usize| range * i as i32 / n as i32;
    let grade = |at: usize| f64::powi(2.0, exponent(at % n) - exponent(at / n));
    let matrix = plain.iter().enumerate().map(|(at, x)| x * grade(at)).collect();
    Problem { name: format!("graded by 2^{range}, n = {n}"), matrix, exact, allowed }
}

/// The companion matrix of x^n - c: its eigenvalues are the n-th roots of c, and balanced it is |c|^(1/n) times an
/// orthogonal matrix, up to powers of two: kappa is 1 or little more.
fn companion(n: usize, exponent: i32) -> Problem {
    let c = f64::powi(2.0, exponent);
    let mut matrix = vec![0.0; n * n];
    (1..n).for_each(|i| matrix[i * n + i - 1] = 1.0);
    matrix[n - 1] = c;
    let radius = c.powf(1.0 / n as f64);
    let root = |k: usize| std::f64::consts::TAU * k as f64 / n as f64;
    let exact = (0..n).map(|k| [radius * root(k).cos(), radius * root(k).sin()]).collect();
    // Powers of two leave rows and columns apart by up to 2 each way.
    Problem {
        name: format!("companion of 2^{exponent}, n = {n}"),
        matrix,
        exact,
        allowed: vec![32.0 * n as f64 * radius; n],
    }
}

fn problems(n: usize) -> Vec<Problem> {
    let mut random = Random(77 + n as u64);
    let random = &mut random;
    let (up, down): (Vec<usize>, Vec<usize>) = ((0..n).collect(), (0..n).rev().collect());
    let mut problems = Vec::new();
    for coupling in [5.0, 1e6, 1e30] {
        problems.push(assemble("upper triangular", &fractions(n), coupling, &up, random));
        problems.push(assemble("lower triangular", &fractions(n), coupling, &down, random));
        let order = shuffle(n, random);
        problems.push(assemble("permuted triangular", &fractions(n), coupling, &order, random));
        for most in [2, 3, 5] {
            let name = format!("blocks of up to {most} rows");
            let parts = blocks(n, most, random, |_| 1.0);
            problems.push(assemble(&name, &parts, coupling, &down, random));
            let order = shuffle(n, random);
            problems.push(assemble(&format!("permuted {name}"), &parts, coupling, &order, random));
        }
    }
    // The kernels of f32 take what is 2^-50 of the largest entry for rounding errors.
    for step in [0, -4, -12] {
        let order = shuffle(n, random);
        let parts = blocks(n, 4, random, |k| f64::powi(2.0, step * (k % 4) as i32));
        problems.push(assemble(&format!("direct sum, sizes 2^{step}"), &parts, 0.0, &order, random));
    }
    problems.extend([16, -40].map(|range| graded(n, range, random)));
    problems.extend([0, 12, -12].map(|exponent| companion(n, exponent)));
    problems
}

/// A solver of many matrices of one width.
type Solve<'a> = &'a dyn Fn(&[Vec<f64>], usize) -> Vec<Spectrum>;

/// Solves all problems of width n in one batch and judges every eigenvalue.
fn judge(n: usize, ulp: f64, solve: Solve) {
    let problems = problems(n);
    let matrices: Vec<Vec<f64>> = problems.iter().map(|problem| problem.matrix.clone()).collect();
    let mut failures = Vec::new();
    for (problem, found) in problems.iter().zip(solve(&matrices, n)) {
        assert!(found.eigenvalues.len() == n && !found.solved_again, "{}: {found:?}", problem.name);
        // What one rounding of the answer does is allowed besides.
        let share = |i: usize, j: usize| {
            let (exact, found) = (problem.exact[i], found.eigenvalues[j]);
            let rounding = 2.0 * ulp * exact[0].hypot(exact[1]);
            (exact[0] - found[0]).hypot(exact[1] - found[1]) / (ulp * problem.allowed[i] + rounding)
        };
        let worst = oracle::bottleneck_of(n, share);
        let fine = worst <= 1.0;
        if !fine {
            failures.push(format!("{}: {worst:.2} of what is allowed", problem.name));
        }
    }
    assert!(failures.is_empty(), "{} of {}: {failures:#?}", failures.len(), problems.len());
}

const SIZES: [usize; 8] = [2, 5, 8, 12, 16, 17, 33, 70];

fn singles(matrices: &[Vec<f64>]) -> Vec<Vec<f32>> {
    matrices.iter().map(|matrix| matrix.iter().map(|&x| x as f32).collect()).collect()
}

fn on(device: &Device, sizes: &[usize]) {
    let solve = |matrices: &[Vec<f64>], n: usize| {
        gpu::eigenvalues(device, &singles(matrices).concat(), n).expect("the device works")
    };
    sizes.iter().for_each(|&n| judge(n, f64::from(f32::EPSILON), &solve));
}

#[test]
fn well_determined_eigenvalues_are_found_on_the_cpu() {
    for n in SIZES {
        judge(n, f64::from(f32::EPSILON), &|matrices, n| {
            let singles = singles(matrices);
            batch::eigenvalues(&singles.iter().map(Vec::as_slice).collect::<Vec<_>>(), n)
        });
        judge(n, f64::EPSILON, &|matrices, n| {
            batch::eigenvalues(&matrices.iter().map(Vec::as_slice).collect::<Vec<_>>(), n)
        });
    }
}

#[test]
fn well_determined_eigenvalues_are_found_by_the_kernels_twins() {
    on(&Device::open("cpu").expect("always there"), &SIZES);
}

#[test]
fn well_determined_eigenvalues_are_found_on_software_vulkan() {
    on(&software(), &SIZES);
    on(&software(), &[130]);
}

#[test]
fn well_determined_eigenvalues_are_found_with_the_choices_for_hardware() {
    on(&as_on_hardware(), &[2, 5, 8, 12, 16, 33]);
}

#[test]
fn well_determined_eigenvalues_are_found_in_f64_on_software_vulkan() {
    let device = double();
    for n in [5, 12, 17, 33] {
        judge(n, f64::EPSILON, &|matrices, n| gpu::eigenvalues(&device, &matrices.concat(), n).expect("works"));
    }
}
