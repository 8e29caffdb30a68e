//! Test matrices for eigenvalue solvers: LAPACK's 21 types (written anew from their description), Higham's gallery,
//! and matrices like those of the models. Every family exists for every width n >= 1.

use crate::oracle::{self, Random};

/// A named matrix, row-major, with its exact eigenvalues where a formula gives them.
pub struct Case {
    pub name: String,
    pub n: usize,
    pub matrix: Vec<f64>,
    pub exact: Option<Vec<[f64; 2]>>,
}

impl Case {
    /// The matching ratio against exact eigenvalues, where there are any: in f64 faer errs as much as we do.
    pub fn against_exact(&self, eigenvalues: &[[f64; 2]], ulp: f64) -> Option<f64> {
        let exact = self.exact.as_ref()?;
        let allowed = oracle::allowance(&self.matrix, self.n, oracle::norm(&self.matrix, self.n), ulp);
        let distance = oracle::bottleneck(eigenvalues, exact);
        Some(if distance == 0.0 { 0.0 } else { distance / allowed })
    }
}

/// All families at width n.
pub fn all(n: usize) -> Vec<Case> {
    let mut random = Random(1000 + n as u64);
    let mut cases = latme(n, &mut random);
    cases.extend(gallery(n, &mut random));
    cases.extend(exact(n, &mut random));
    cases.extend(models(n, &mut random));
    cases
}

fn case(name: impl Into<String>, n: usize, entry: impl FnMut(usize, usize) -> f64) -> Case {
    Case { name: name.into(), n, matrix: from_fn(n, entry), exact: None }
}

fn from_fn(n: usize, mut entry: impl FnMut(usize, usize) -> f64) -> Vec<f64> {
    (0..n * n).map(|k| entry(k / n, k % n)).collect()
}

fn times(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    from_fn(n, |i, j| (0..n).map(|k| a[i * n + k] * b[k * n + j]).sum())
}

fn transposed(a: &[f64], n: usize) -> Vec<f64> {
    from_fn(n, |i, j| a[j * n + i])
}

fn scaled(a: &[f64], factor: f64) -> Vec<f64> {
    a.iter().map(|x| x * factor).collect()
}

/// A random orthogonal matrix: Gram and Schmidt, twice, on a Gaussian one.
pub fn orthogonal(n: usize, random: &mut Random) -> Vec<f64> {
    let mut q = random.normals(n);
    for i in 0..n {
        for _ in 0..2 {
            for j in 0..i {
                let dot: f64 = (0..n).map(|k| q[i * n + k] * q[j * n + k]).sum();
                (0..n).for_each(|k| q[i * n + k] -= dot * q[j * n + k]);
            }
        }
        let length = (0..n).map(|k| q[i * n + k] * q[i * n + k]).sum::<f64>().sqrt();
        (0..n).for_each(|k| q[i * n + k] /= length);
    }
    q
}

/// Diagonals of kind 0 even, 1 geometric, 2 clustered between 1 and ulp, with random signs.
fn diagonal(kind: usize, n: usize, random: &mut Random) -> Vec<f64> {
    let ulp = f64::from(f32::EPSILON);
    let last = (n.max(2) - 1) as f64;
    let size = |i: usize| match kind {
        0 => 1.0 - (1.0 - ulp) * i as f64 / last,
        1 => ulp.powf(i as f64 / last),
        _ => {
            if i == 0 {
                1.0
            } else {
                ulp
            }
        }
    };
    (0..n).map(|i| size(i) * if random.unit() < 0.5 { -1.0 } else { 1.0 }).collect()
}

/// Upper triangular of order 1 with the given diagonal; `pairs` turns neighbours into complex pairs.
fn triangle(diagonal: &[f64], pairs: bool, random: &mut Random) -> Vec<f64> {
    let n = diagonal.len();
    let mut t = from_fn(n, |i, j| {
        if i == j {
            diagonal[i]
        } else if i < j {
            random.unit() * 2.0 - 1.0
        } else {
            0.0
        }
    });
    for i in (0..n.saturating_sub(1)).step_by(2).filter(|_| pairs) {
        t[(i + 1) * n + i + 1] = t[i * n + i];
        t[(i + 1) * n + i] = -0.5;
        t[i * n + i + 1] = 0.5;
    }
    t
}

/// X T X^-1 with singular values of X from 1 down to 1 / `condition`.
fn similar(t: &[f64], n: usize, condition: f64, random: &mut Random) -> Vec<f64> {
    let (u, v) = (orthogonal(n, random), orthogonal(n, random));
    let s = |i: usize| condition.powf(-(i as f64) / (n.max(2) - 1) as f64);
    let inner = times(&times(&v, t, n), &transposed(&v, n), n);
    let inner = from_fn(n, |i, j| inner[i * n + j] * s(i) / s(j));
    times(&times(&u, &inner, n), &transposed(&u, n), n)
}

fn latme(n: usize, random: &mut Random) -> Vec<Case> {
    let ill = 1.0 / f64::from(f32::EPSILON).sqrt();
    let mut cases = vec![
        case("1 zero", n, |_, _| 0.0),
        case("2 identity", n, |i, j| f64::from(i == j)),
        case("3 jordan transposed", n, |i, j| f64::from(i == j || i == j + 1)),
    ];
    for kind in 0..3 {
        let d = diagonal(kind, n, random);
        cases.push(case(format!("{} diagonal", 4 + kind), n, |i, j| if i == j { d[i] } else { 0.0 }));
    }
    for (first, condition) in [(9, 1.0), (13, ill)] {
        for kind in 0..4 {
            let d = diagonal(kind.min(2), n, random);
            let t = triangle(&d, kind == 3, random);
            let matrix = similar(&t, n, condition, random);
            cases.push(Case { name: format!("{} similar", first + kind), n, matrix, exact: None });
        }
    }
    cases.push(case("19 uniform", n, |_, _| random.unit() * 2.0 - 1.0));
    let bases = [3, cases.len() - 2, cases.len() - 1];
    for (base, exponent) in bases.into_iter().flat_map(|b| [60, -60, 40, -40].map(|e| (b, e))) {
        let matrix = scaled(&cases[base].matrix, f64::powi(2.0, exponent));
        cases.push(Case { name: format!("{} times 2^{exponent}", cases[base].name), n, matrix, exact: None });
    }
    cases
}

fn gallery(n: usize, random: &mut Random) -> Vec<Case> {
    let at_least = |i: usize, j: usize| (n - i.max(j)) as f64;
    let mut cases = vec![
        case("grcar", n, |i, j| if i == j + 1 { -1.0 } else { f64::from(i <= j && j <= i + 3) }),
        case("frank", n, |i, j| if j + 1 < i { 0.0 } else { at_least(i, j) }),
        case("lesp", n, |i, j| match (i, j) {
            _ if i == j => -(2.0 * i as f64 + 5.0),
            _ if j == i + 1 => i as f64 + 2.0,
            _ if i == j + 1 => 1.0 / (i as f64 + 1.0),
            _ => 0.0,
        }),
        case("kahan", n, |i, j| {
            let (s, c) = 1.2_f64.sin_cos();
            s.powi(i as i32)
                * if i == j {
                    1.0
                } else if i < j {
                    -c
                } else {
                    0.0
                }
        }),
        case("chebspec", n, |i, j| chebyshev(n, i, j)),
        case("forsythe", n, |i, j| {
            if j == i + 1 {
                1.0
            } else if n > 1 && i == n - 1 && j == 0 {
                f64::powi(2.0, -26)
            } else {
                0.0
            }
        }),
        case("jordan", n, |i, j| f64::from(i == j || j == i + 1)),
        case("nilpotent full", n, |i, j| if i < j { (i + 2 * j) as f64 } else { 0.0 }),
        case("ones", n, |_, _| 1.0),
        case("blocks repeated", n, |i, j| if i / 2 != j / 2 { 0.0 } else { [[1.0, 2.0], [-3.0, 0.5]][i % 2][j % 2] }),
    ];
    let (g, u) = (random.normals(n), random.normals(n));
    cases.push(case("skew", n, |i, j| g[i * n + j] - g[j * n + i]));
    cases.push(case("symmetric", n, |i, j| g[i * n + j] + g[j * n + i]));
    cases.push(case("rank one", n, |i, j| u[i] * g[j]));
    cases.push(case("graded", n, |i, j| g[i * n + j] * f64::powi(2.0, 12 * (i as i32 - j as i32) / n as i32)));
    cases.push(Case { name: "orthogonal".into(), n, matrix: orthogonal(n, random), exact: None });
    cases
}

/// Chebyshev differentiation without its border, scaled to order 1 (nilpotent but for rounding).
fn chebyshev(n: usize, i: usize, j: usize) -> f64 {
    let point = |k: usize| (std::f64::consts::PI * (k + 1) as f64 / (n + 1) as f64).cos();
    let sign = if (i + j).is_multiple_of(2) { 1.0 } else { -1.0 };
    let entry = if i == j { -point(i) / (2.0 * (1.0 - point(i).powi(2))) } else { sign / (point(i) - point(j)) };
    entry / (n * n) as f64
}

/// Families whose spectrum has a formula: an oracle beside faer.
fn exact(n: usize, random: &mut Random) -> Vec<Case> {
    let tau = std::f64::consts::TAU;
    let with = |case: Case, exact: Vec<[f64; 2]>| Case { exact: Some(exact), ..case };
    let real = |f: &dyn Fn(usize) -> f64| (0..n).map(|k| [f(k), 0.0]).collect::<Vec<_>>();
    let roots = |k: usize| [(tau * k as f64 / n as f64).cos(), (tau * k as f64 / n as f64).sin()];
    let clement = case("clement", n, |i, j| {
        if j == i + 1 {
            (n - 1 - i) as f64
        } else if i == j + 1 {
            i as f64
        } else {
            0.0
        }
    });
    let shift = case("cyclic shift", n, |i, j| f64::from((i + 1) % n == j));
    let c: Vec<f64> = (0..n).map(|_| f64::from(random.normal() as f32)).collect();
    let circulant = case("circulant", n, |i, j| c[(j + n - i) % n]);
    let fourier = |k: usize| {
        let term = |j: usize| {
            [c[j] * (tau * (j * k % n) as f64 / n as f64).cos(), c[j] * (tau * (j * k % n) as f64 / n as f64).sin()]
        };
        (0..n).map(term).fold([0.0, 0.0], |sum, z| [sum[0] + z[0], sum[1] + z[1]])
    };
    let d: Vec<f64> = (0..n).map(|_| f64::from(random.normal() as f32)).collect();
    let upper = case("triangular", n, |i, j| {
        if i == j {
            d[i]
        } else if i < j {
            random.normal() / n as f64
        } else {
            0.0
        }
    });
    let lower = Case { name: "triangular lower".into(), matrix: transposed(&upper.matrix, n), n, exact: None };
    // x^n = 1/2: the companion matrix of a sparse polynomial.
    let companion =
        case("companion", n, |i, j| if i == j + 1 { 1.0 } else { 0.0 } + if i == 0 && j == n - 1 { 0.5 } else { 0.0 });
    let root = 0.5_f64.powf(1.0 / n as f64);
    vec![
        with(clement, real(&|k| n as f64 - 1.0 - 2.0 * k as f64)),
        with(shift, (0..n).map(roots).collect()),
        with(circulant, (0..n).map(fourier).collect()),
        with(upper, real(&|k| d[k])),
        with(lower, real(&|k| d[k])),
        with(companion, (0..n).map(|k| roots(k).map(|x| x * root)).collect()),
    ]
}

fn models(n: usize, random: &mut Random) -> Vec<Case> {
    let width = n as f64;
    let g: Vec<f64> = random.normals(n).iter().map(|x| x / width.sqrt()).collect();
    let mut cases: Vec<Case> = [1e-4, 0.01, 0.1, 1.0]
        .map(|h| case(format!("I + {h} A"), n, |i, j| f64::from(i == j) + h * g[i * n + j]))
        .into();
    let logits = random.normals(n);
    let softmax = from_fn(n, |i, j| {
        let row = &logits[i * n..(i + 1) * n];
        logits[i * n + j].exp() / row.iter().map(|x| x.exp()).sum::<f64>()
    });
    cases.push(Case { name: "softmax times V".into(), n, matrix: times(&softmax, &g, n), exact: None });
    cases.push(Case { name: "softmax".into(), n, matrix: softmax, exact: None });
    cases.push(case("low rank + shift", n, |i, j| 0.8 * f64::from(i == j) + g[i] * g[n * n - 1 - j]));
    cases.push(case("layernorm", n, |i, j| f64::from(i == j) - 1.0 / width));
    cases.push(case("ginibre", n, |i, j| 0.97 * g[i * n + j]));
    cases
}
