//! Norms, peaks and pseudospectra: the kernels on every device against faer in f64, closed forms, limits of free
//! probability; and mutants of the shaders, which must be noticed.

use crate::adapter::{gpu, software, software_adapters};
use crate::families;
use crate::oracle::{self, Random};
use crate::parity::compare_kernel;
use crate::theory::devices;
use eulerscope::device::Device;
use eulerscope::kernel::{Entry, KERNELS, Part};
use eulerscope::spec::{EnsembleSpec, Quantities};
use eulerscope::spectrum::Spectrum;
use eulerscope::spectrum::derived::{derived, derived_all};
use eulerscope::spectrum::host::batch;
use eulerscope::spectrum::norms::{Norms, Peak, Wanted, norm_error, norms, peaks};
use eulerscope::spectrum::peak::{MOST_STEPS, PeakStatus};
use eulerscope::weights::ensemble::{draw_matrices, unit};
use faer::{MatRef, Side};
use rayon::prelude::*;
use std::ops::ControlFlow;

fn cpu() -> Device {
    Device::open("cpu").expect("always there")
}

fn reference() -> Device {
    Device::open("reference").expect("always there")
}

fn spectra(matrices: &[&[f64]], n: usize) -> Vec<Spectrum> {
    batch::eigenvalues(matrices, n)
}

fn abscissa_of(norms: &Norms) -> f64 {
    norms.numerical_abscissa.expect("is wanted")
}

fn norms_of(device: &Device, matrices: &[&[f64]], n: usize) -> Vec<Norms> {
    let spectra = spectra(matrices, n);
    norms(device, matrices, n, Wanted::All, &spectra.iter().collect::<Vec<_>>()).expect("the device works")
}

/// ‖A / unit‖_F², summed by rows, so that rounding stays far below f64's share of the bounds.
fn squares(matrix: &[f64], n: usize, unit: f64) -> f64 {
    matrix.chunks(n).map(|row| row.iter().map(|x| (x / unit).powi(2)).sum::<f64>()).sum()
}

/// The largest eigenvalue of (A + Aᵀ) / 2 by faer, and the Frobenius norm; at the scale of the largest entry.
fn oracle_of(matrix: &[f64], n: usize) -> (f64, f64) {
    let largest = matrix.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    if largest == 0.0 {
        return (0.0, 0.0);
    }
    let symmetric: Vec<f64> = (0..n * n).map(|i| (matrix[i] + matrix[i % n * n + i / n]) / (2.0 * largest)).collect();
    let values = MatRef::from_row_major_slice(&symmetric, n, n).self_adjoint_eigenvalues(Side::Lower);
    let abscissa = values.expect("faer converges").last().copied().expect("n >= 1");
    (largest * abscissa, largest * squares(matrix, n, largest).sqrt())
}

/// The worst errors of norm, abscissa and squared departure over all families, in units of epsilon times the norm (of
/// the squared Frobenius norm for the departure), over what is allowed.
fn judge(device: &Device, n: usize) -> [(f64, String); 3] {
    let epsilon = device.epsilon();
    let cases = families::all(n);
    let matrices: Vec<Vec<f64>> =
        cases.iter().map(|case| case.matrix.iter().map(|&x| f64::from(x as f32)).collect()).collect();
    let matrices: Vec<&[f64]> = matrices.iter().map(Vec::as_slice).collect();
    let spectra = spectra(&matrices, n);
    let found =
        norms(device, &matrices, n, Wanted::All, &spectra.iter().collect::<Vec<_>>()).expect("the device works");
    let mut worst = [const { (0.0, String::new()) }; 3];
    for (((case, matrix), spectrum), found) in cases.iter().zip(&matrices).zip(&spectra).zip(found) {
        let norm = oracle::norm(matrix, n);
        let (abscissa, frobenius) = oracle_of(matrix, n);
        let normal: f64 =
            spectrum.eigenvalues.iter().map(|z| (z[0] / frobenius).powi(2) + (z[1] / frobenius).powi(2)).sum();
        let departure = if frobenius > 0.0 { (1.0 - normal).max(0.0) } else { 0.0 };
        let square = |x: f64| if frobenius > 0.0 { (x / frobenius).powi(2) } else { x };
        let errors = [
            (found.norm - norm).abs() / (norm_error(n, epsilon) * norm),
            (abscissa_of(&found) - abscissa).abs() / (norm_error(n, epsilon) * norm),
            (square(found.departure) - departure).abs() / ((2 * n + 64) as f64 * epsilon),
        ];
        for (worst, error) in worst.iter_mut().zip(errors) {
            let error = if norm == 0.0 && found.norm == 0.0 && abscissa_of(&found) == 0.0 { 0.0 } else { error };
            // NaN counts as worst.
            if error <= worst.0 {
                continue;
            }
            *worst = (error, case.name.clone());
        }
    }
    worst
}

fn pack(device: &Device, sizes: &[usize]) {
    for &n in sizes {
        let worst = judge(device, n);
        println!("n = {n} on {}: norm, abscissa, departure {worst:?}", device.description());
        assert!(worst.iter().all(|(error, _)| *error <= 1.0), "n = {n} on {}: {worst:?}", device.description());
    }
}

#[test]
fn norms_of_every_family_are_right_on_the_twins() {
    for device in [cpu(), reference()] {
        pack(&device, &[1, 2, 3, 4, 5, 8, 16, 17, 33, 64, 65]);
    }
}

#[test]
fn norms_of_every_family_are_right_on_software_vulkan() {
    for name in software_adapters() {
        pack(&gpu(&name), &[1, 2, 3, 5, 16, 17, 33]);
    }
    // Beyond workgroup memory, and in several bites.
    pack(&software(), &[92]);
}

/// 0.7 I + 0.8 N with the nilpotent shift N: what the essay's frozen eigenvalues cannot see.
pub fn shift(n: usize) -> Vec<f64> {
    let entry = |i: usize, j: usize| [0.7, 0.8].get(j.wrapping_sub(i)).copied().unwrap_or(0.0);
    (0..n * n).map(|k| entry(k / n, k % n)).collect()
}

#[test]
fn closed_forms_of_norms() {
    let n = 16;
    let (u, v): (Vec<f64>, Vec<f64>) =
        ((1..=n).map(|i| i as f64).collect(), (0..n).map(|i| 1.0 / (1 + i) as f64).collect());
    let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let dot: f64 = u.iter().zip(&v).map(|(u, v)| u * v).sum();
    let from = |f: &dyn Fn(usize, usize) -> f64| -> Vec<f64> { (0..n * n).map(|i| f(i / n, i % n)).collect() };
    let pi = std::f64::consts::PI;
    let product = length(&u) * length(&v);
    // Matrix, norm, numerical abscissa, squared departure.
    let cases = [
        (from(&|i, j| if i == j { -(i as f64) - 1.0 } else { 0.0 }), 16.0, -1.0, 0.0),
        (from(&|i, j| f64::from((i + 1) % 16 == j)), 1.0, 1.0, 0.0),
        (from(&|i, j| if i / 2 == j / 2 && i != j { i as f64 - j as f64 } else { 0.0 }), 1.0, 0.0, 0.0),
        (from(&|i, j| u[i] * v[j]), product, 0.5 * (dot + product), product * product - dot * dot),
        (shift(n), f64::NAN, 0.7 + 0.8 * (pi / 17.0).cos(), 15.0 * 0.64),
        (from(&|_, _| 0.0), 0.0, 0.0, 0.0),
        (from(&|i, j| if i == 0 && j == 1 { 1e30 } else { 0.0 }), 1e30, 0.5e30, 1e60),
    ];
    for (device, _) in devices() {
        let matrices: Vec<&[f64]> = cases.iter().map(|case| case.0.as_slice()).collect();
        for (found, (i, case)) in norms_of(&device, &matrices, n).into_iter().zip(cases.iter().enumerate()) {
            let name = format!("case {i} on {}: {found:?}", device.description());
            let size = if case.1.is_nan() { oracle::norm(&case.0, n) } else { case.1 };
            assert!((found.norm - size).abs() <= norm_error(n, device.epsilon()) * size, "{name}");
            assert!((abscissa_of(&found) - case.2).abs() <= norm_error(n, device.epsilon()) * size, "{name}");
            let frobenius = case.0.iter().map(|x| x * x).sum::<f64>();
            // The eigenvalues of the rank-one matrix are computed too, off by n epsilon of f64.
            let error = 96.0 * device.epsilon() * frobenius;
            assert!((found.departure.powi(2) - case.3).abs() <= error, "{name}: {}", case.3);
        }
    }
}

/// Free probability (research: science 1.2): ‖a I + b G / sqrt n‖ -> b e(a / b), the numerical abscissa of G / sqrt n ->
/// sqrt 2, its squared departure over n -> 1 / 2. At the edge the finite width costs about n^(-2/3).
#[test]
fn random_matrices_have_the_norms_of_free_probability() {
    let n = 96;
    let edge = |z: f64| {
        let root = (1.0 + 8.0 * z * z).sqrt();
        ((root + 3.0).powi(3) / (8.0 * (root + 1.0))).sqrt()
    };
    for (device, fewer) in devices() {
        let spec = EnsembleSpec { width: n, members: 64 / fewer, seed: 11, ..Default::default() };
        let mut drawn: Vec<f64> = Vec::new();
        draw_matrices(&device, &spec, 0..spec.members, 0, &mut |_, values| {
            drawn.extend(values.into_iter().map(f64::from));
            Ok(ControlFlow::Continue(()))
        })
        .expect("the device works");
        for (a, b) in [(1.0, 0.1), (1.0, 1.0), (0.0, 1.0)] {
            let scale = b * unit(&spec);
            let entry = |(i, x): (usize, &f64)| scale * x + if i % (n * n) % (n + 1) == 0 { a } else { 0.0 };
            let stack: Vec<f64> = drawn.iter().enumerate().map(entry).collect();
            let found = norms_of(&device, &stack.chunks(n * n).collect::<Vec<_>>(), n);
            let mean = |f: &dyn Fn(&Norms) -> f64| found.iter().map(f).sum::<f64>() / found.len() as f64;
            let (norm, abscissa) = (mean(&|x| x.norm), mean(&abscissa_of));
            let finite = b * (n as f64).powf(-2.0 / 3.0);
            let limit = if a == 0.0 { 2.0 * b } else { b * edge(a / b) };
            assert!(norm < limit && limit - norm <= 1.6 * finite, "{a}, {b}: norm {norm}, limit {limit}, {finite}");
            let limit = a + 2_f64.sqrt() * b * (1.0 - 0.603 * (n as f64).powf(-2.0 / 3.0));
            // Tracy and Widom's law has a standard deviation of about 0.9 n^(-2/3) sqrt 2 / 2.
            let error = 4.0 * 0.65 * finite / (found.len() as f64).sqrt();
            assert!((abscissa - limit).abs() <= error + 0.1 * finite, "{a}, {b}: abscissa {abscissa}, limit {limit}");
            let departure = mean(&|x| x.departure * x.departure) / (n as f64 * b * b);
            assert!((departure - 0.5).abs() <= 0.02, "{a}, {b}: squared departure over n {departure}");
        }
    }
}

fn assert_peak((found, contracts): (Peak, bool), value: f64, step: usize, error: f64, name: &str) {
    assert!(
        contracts && (found.value / value - 1.0).abs() <= error && found.step == step,
        "{name}: {found:?}, not {value} at {step}"
    );
}

#[test]
fn peaks_of_powers() {
    let n = 16;
    let rotation = |angle: f64, size: f64| -> Vec<f64> {
        let (s, c) = angle.sin_cos();
        let block = |i: usize, j: usize| [[c, -s], [s, c]][i % 2][j % 2] * size;
        (0..n * n).map(|i| if i / n / 2 == i % n / 2 { block(i / n, i % n) } else { 0.0 }).collect()
    };
    let single = |x: f64| -> Vec<f64> { (0..n * n).map(|i| if i == 1 { x } else { 0.0 }).collect() };
    let far = f64::powi(2.0, 60);
    let cases = [shift(n), rotation(0.3, 0.9), single(100.0), single(far), single(0.0), single(1.0 / far)];
    let wanted = [(346_867.0, 48), (1.0, 0), (100.0, 1), (far, 1), (1.0, 0), (1.0, 0)];
    let mut devices: Vec<Device> = software_adapters().iter().map(|name| gpu(name)).collect();
    devices.extend([cpu(), reference()]);
    for device in devices {
        let matrices: Vec<&[f64]> = cases.iter().map(Vec::as_slice).collect();
        let found = peaks(&device, &matrices, n, MOST_STEPS).expect("the device works");
        for (i, (&found, (value, step))) in found.iter().zip(wanted).enumerate() {
            // All entries have one sign: k products of n terms. The published value has six digits.
            let error = 2e-6 + step as f64 * (n + 2) as f64 * device.epsilon();
            assert_peak(found, value, step, error, &format!("case {i} on {}", device.description()));
        }
    }
}

/// Random matrices whose powers decay, against faer in f64. The seventh power of ten that a peak may cost in digits is
/// in the bound: n k epsilon times the square of the peak, as no condition of a power exceeds it.
#[test]
fn peaks_of_random_matrices_agree_with_f64() {
    let mut random = Random(77);
    for (n, radius) in [(5, 0.5), (12, 0.8), (24, 0.9)] {
        let matrix = |_: usize| -> Vec<f64> {
            let g: Vec<f64> = random.normals(n).iter().map(|x| f64::from(*x as f32)).collect();
            let own = spectra(&[&g], n)[0].radius().expect("converges");
            g.iter().map(|x| f64::from((x * radius / own) as f32)).collect()
        };
        let matrices: Vec<Vec<f64>> = (0..12).map(matrix).collect();
        let matrices: Vec<&[f64]> = matrices.iter().map(Vec::as_slice).collect();
        let wanted: Vec<Peak> = (matrices.par_iter().zip(spectra(&matrices, n)))
            .map(|(matrix, spectrum)| derived(matrix, n, &spectrum).transient_peak.expect("decays"))
            .collect();
        for device in [software(), cpu(), reference()] {
            let found = peaks(&device, &matrices, n, MOST_STEPS).expect("the device works");
            for (i, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
                let (found, contracts) = found;
                assert!(*contracts, "matrix {i}, n = {n}: decays");
                let error = (wanted.step + 2) as f64 * (n + 2) as f64 * device.epsilon() * wanted.value;
                assert!(
                    (found.value / wanted.value - 1.0).abs() <= error,
                    "matrix {i}, n = {n}: {found:?}, {wanted:?}"
                );
                // Neighbouring powers may be as large, to rounding.
                assert!(found.step.abs_diff(wanted.step) <= 1, "matrix {i}, n = {n}: {found:?}, {wanted:?}");
            }
        }
    }
}

/// Contractions, also slow ones and one of norm 1, are known by their first power; growth by none.
#[test]
fn one_contraction_is_enough() {
    let found = peaks(&cpu(), &[&[0.999_99_f64], &[-1.0], &[1.25], &[0.5]], 1, 40).expect("works");
    let start = (Peak { value: 1.0, step: 0 }, true);
    assert_eq!([found[0], found[1], found[3]], [start; 3]);
    assert!(!found[2].1 && found[2].0.step >= 39, "{found:?}");
}

/// Slow powers and those that never contract are the host's, on every device: the answers are those of the reference.
#[test]
fn the_host_searches_where_a_device_would_for_long() {
    let n = 4;
    let stochastic: Vec<f64> = (0..16).map(|i| [0.1, 0.2, 0.3, 0.4][(i % 4 + i / 4) % 4]).collect();
    let skewed: Vec<f64> = (0..16).map(|i| [0.7, 0.1, 0.1, 0.1][if i % 4 == 0 { 0 } else { 1 + i % 3 }]).collect();
    let jordan = |x: f64| -> Vec<f64> { (0..16).map(|i| if i % 5 == 0 { x } else { f64::from(i == 1) }).collect() };
    let cases = [stochastic, skewed, jordan(0.999), jordan(1.0), jordan(1.001)];
    let matrices: Vec<&[f64]> = cases.iter().map(Vec::as_slice).collect();
    let spectra = spectra(&matrices, n);
    let spectra: Vec<&Spectrum> = spectra.iter().collect();
    for device in [software(), cpu(), reference()] {
        let found = derived_all(&device, &matrices, n, &spectra, Quantities::ALL, &|| false).expect("works");
        let status: Vec<PeakStatus> =
            found.iter().map(|derived| derived.transient_peak_status.expect("wanted")).collect();
        use PeakStatus::{Found, NotKnown, Settled, Unbounded};
        assert_eq!(status, [Found, Settled, Found, NotKnown, Unbounded], "{}", device.description());
        // Every column of the first sums to 1 too; rows p of the second give sqrt(n) |p| at once.
        assert_eq!(found[0].transient_peak, Some(Peak { value: 1.0, step: 0 }));
        let settled = found[1].transient_peak.expect("is known");
        assert!((settled.value - 2.0 * 0.52_f64.sqrt()).abs() <= 1e-14 && settled.step == 1, "{settled:?}");
        // ‖(x, 1; 0, x)^k‖ is k x^(k-1) and less than x^(k+1) / k more, largest at k = 1 / -ln x = 999.5.
        let slow = found[2].transient_peak.expect("is known");
        let wanted = slow.step as f64 * 0.999_f64.powi(slow.step as i32 - 1);
        assert!((slow.value - wanted).abs() <= 1e-3 && (998..=1001).contains(&slow.step), "{slow:?}, {wanted}");
    }
}

/// The whole answer of a GPU, and that of the host, for matrices of all kinds.
#[test]
fn a_gpu_and_the_host_derive_the_same() {
    let n = 16;
    let wild: Vec<f64> = (0..n * n)
        .map(|i| if i % (n + 1) == 1 { f64::powi(2.0, 140 * (i as i32 / n as i32 % 2)) } else { 0.0 })
        .collect();
    let tiny: Vec<f64> = shift(n).iter().map(|x| x * 1e-300).collect();
    let cases: Vec<Vec<f64>> = vec![shift(n), wild, tiny, vec![0.0; n * n], vec![1.0; n * n]];
    let matrices: Vec<&[f64]> = cases.iter().map(Vec::as_slice).collect();
    let spectra = spectra(&matrices, n);
    let spectra: Vec<&Spectrum> = spectra.iter().collect();
    let truth = derived_all(&reference(), &matrices, n, &spectra, Quantities::ALL, &|| false).expect("works");
    for device in [software(), cpu()] {
        let found = derived_all(&device, &matrices, n, &spectra, Quantities::ALL, &|| false).expect("works");
        for (i, (found, truth)) in found.iter().zip(&truth).enumerate() {
            let name = format!("matrix {i} on {}: {found:?}, not {truth:?}", device.description());
            let size = truth.norm.expect("is");
            let near = |a: Option<f64>, b: Option<f64>, error: f64| (a.expect("is") - b.expect("is")).abs() <= error;
            let epsilon = f64::from(f32::EPSILON);
            assert!(near(found.norm, truth.norm, norm_error(n, epsilon) * size), "{name}");
            assert!(near(found.numerical_abscissa, truth.numerical_abscissa, norm_error(n, epsilon) * size), "{name}");
            let error = (96.0 * n as f64 * epsilon).sqrt() * size;
            assert!(near(found.departure_from_normality, truth.departure_from_normality, error), "{name}");
            assert_eq!(found.critical_step_size, truth.critical_step_size, "{name}");
            assert_eq!(
                found.transient_peak.map(|peak| peak.step),
                truth.transient_peak.map(|peak| peak.step),
                "{name}"
            );
        }
    }
}

/// Each of these changes one thing in one shader; the parity cases must notice.
#[test]
fn mutants_are_noticed() {
    let mutants = [
        ("transposed_product", "let row = id.x / quads;", "let row = id.x % quads;"),
        ("transposed_product", "k < params.n;", "k + 1u < params.n;"),
        ("tridiagonal", "let both = z[j] - 2.0 * share * own;", "let both = z[j] - share * own;"),
        (
            "tridiagonal",
            "0.5 * (s[input + i * params.stride + j] + s[input + j * params.stride + i])",
            "s[input + i * params.stride + j]",
        ),
        ("largest_eigenvalue", "round < ROUNDS", "round + 1u < ROUNDS / 2u"),
        ("largest_eigenvalue", "let reach = entry + (side + next);", "let reach = entry;"),
        ("departure", "re * re + im * im", "re * re - im * im"),
        ("departure", "select(0.0, rest, rest > 0.0)", "abs(rest)"),
        ("watch_power", "gone || !exceeds(norm_exponent, mantissa, 0, 1.0)", "gone"),
        ("watch_power", "*contracted = !exceeds(exponent, mantissa, 0, 1.0);", ""),
        ("watch_power", "countOneBits(u32(state[at])) == 1u", "false"),
        ("watch_power", "b * (1.0 + params.band)", "b"),
        ("watch_power", "state[at + 1u] + unit[member]", "state[at + 1u]"),
        ("inverse_lanczos", "conjugate(pair(n - 1u, WORKING))", "pair(n - 1u, WORKING)"),
        ("inverse_lanczos", "select(r, conjugate(r), adjoint)", "r"),
        ("inverse_lanczos", "- beside * pair(i, BEFORE)", ""),
        ("ritz_value", "const ROUNDS: u32 = 30u;", "const ROUNDS: u32 = 8u;"),
        ("ritz_value", "square / (front + square)", "square / (1.0 + square)"),
    ];
    let name = &software_adapters()[0];
    for (kernel, from, to) in mutants {
        let good = KERNELS.iter().find(|entry| entry.name == kernel).expect("is listed");
        let source = good.source();
        assert_eq!(source.matches(from).count(), 1, "{kernel}: {from}");
        let source: &'static str = Box::leak(source.replace(from, to).into_boxed_str());
        let parts: &'static [Part] = Box::leak(Box::new([Part { stem: good.name, source, constants: &[] }]));
        let mutant: &'static Entry = Box::leak(Box::new(Entry { parts, ..*good }));
        // A device keeps its pipelines by name, so each mutant gets a new one.
        let device = gpu(name);
        let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| compare_kernel(&device, mutant)));
        assert!(judged.is_err(), "{kernel}: nobody noticed `{to}` in place of `{from}`");
    }
}
