//! The eigenvalue kernels: every family on the twins and on software Vulkan, judged by the oracle.

use crate::adapter::{as_on_hardware, software};
use crate::families;
use crate::oracle::{Random, Ratios, accept};
use eulerscope::device::Device;
use eulerscope::spectrum::device::{Step, Summary, WIDEST, eigenvalues, eigenvalues_in_chunks, summaries};
use eulerscope::spectrum::{Spectrum, Status};
use rayon::prelude::*;

const ULP: f64 = f32::EPSILON as f64;

fn widened(matrix: &[f32]) -> Vec<f64> {
    matrix.iter().map(|&x| f64::from(x)).collect()
}

/// Solves all families of width n in one batch and judges each.
fn judge(device: &Device, n: usize) -> Vec<(String, Ratios, bool)> {
    let cases = families::all(n);
    let stack: Vec<f32> = cases.iter().flat_map(|case| case.matrix.iter().map(|&x| x as f32)).collect();
    let spectra = eigenvalues(device, &stack, n).expect("the device works");
    let all = cases.par_iter().zip(stack.par_chunks(n * n)).zip(&spectra);
    all.map(|((case, matrix), spectrum)| {
        let name = format!("{} at n = {n}", case.name);
        assert_eq!(spectrum.status, Status::Ok, "{name}");
        (name, accept(&widened(matrix), n, &spectrum.eigenvalues, ULP), spectrum.solved_again)
    })
    .collect()
}

fn pack(device: &Device, sizes: &[usize]) {
    let judged: Vec<_> = sizes.iter().flat_map(|&n| judge(device, n)).collect();
    for (which, name) in ["sigma", "trace", "trace of square", "matching"].iter().enumerate() {
        let worst = judged.iter().max_by(|a, b| a.1.values()[which].total_cmp(&b.1.values()[which])).expect("cases");
        println!("worst {name}: {:.3} of {}", worst.1.values()[which], worst.0);
    }
    let again: Vec<_> = judged.iter().filter(|judged| judged.2).map(|judged| &judged.0).collect();
    println!("{} cases on {}, solved again: {again:?}", judged.len(), device.description());
    let failures: Vec<_> = judged.iter().filter(|(_, ratios, _)| !ratios.pass()).collect();
    assert!(failures.is_empty(), "{} of {} fail: {failures:#?}", failures.len(), judged.len());
    // f64 must not do the work of the kernels.
    assert!(50 * again.len() <= judged.len(), "{} of {} solved again", again.len(), judged.len());
}

#[test]
fn every_family_passes_on_the_twins() {
    let cpu = Device::open("cpu").expect("always there");
    pack(&cpu, &[1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65]);
}

#[test]
fn every_family_passes_on_software_vulkan() {
    pack(&software(), &[1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33]);
}

#[test]
fn every_family_passes_with_the_choices_for_hardware() {
    pack(&as_on_hardware(), &[1, 2, 3, 4, 7, 8, 9, 16, 17]);
}

/// `count` normal matrices of width n.
fn stack(n: usize, count: usize, seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    (0..count * n * n).map(|_| random.normal() as f32).collect()
}

fn assert_all_pass(stack: &[f32], n: usize, spectra: &[Spectrum]) {
    stack.par_chunks(n * n).zip(spectra).enumerate().for_each(|(i, (matrix, spectrum))| {
        let ratios = accept(&widened(matrix), n, &spectrum.eigenvalues, ULP);
        assert!(ratios.pass() && !spectrum.solved_again, "matrix {i}, n = {n}: {ratios:?}");
    });
}

#[test]
fn larger_matrices_pass_on_software_vulkan() {
    let device = software();
    // 92 no longer fits lavapipe's workgroup memory unpacked, 128 not even packed and takes the most loop trips.
    for (n, count) in [(63, 2), (64, 2), (65, 2), (92, 1), (128, 1), (130, 1)] {
        let stack = stack(n, count, 5);
        assert_all_pass(&stack, n, &eigenvalues(&device, &stack, n).expect("the device works"));
    }
}

fn bits(spectrum: &Spectrum) -> Vec<[u64; 2]> {
    spectrum.eigenvalues.iter().map(|z| z.map(f64::to_bits)).collect()
}

#[test]
fn a_spectrum_depends_on_its_matrix_alone() {
    for device in [software(), as_on_hardware()] {
        assert_alone(&device);
    }
}

fn assert_alone(device: &Device) {
    for n in [1, 2, 3, 6, 9, 17] {
        let matrices = stack(n, 40, 7);
        let all: Vec<_> = eigenvalues(device, &matrices, n).expect("works").iter().map(bits).collect();
        let reversed: Vec<f32> = matrices.chunks(n * n).rev().flatten().copied().collect();
        let backwards = eigenvalues(device, &reversed, n).expect("works");
        assert!(backwards.iter().rev().map(bits).eq(all.iter().cloned()), "order, n = {n}");
        for chunk in [1, 7, 39] {
            let chunked = eigenvalues_in_chunks(device, &matrices, n, chunk).expect("works");
            assert!(chunked.iter().map(bits).eq(all.iter().cloned()), "chunks of {chunk}, n = {n}");
        }
        let mut poisoned = matrices.clone();
        poisoned.chunks_mut(n * n).step_by(3).for_each(|matrix| matrix[n * n / 2] = f32::NAN);
        for (i, spectrum) in eigenvalues(device, &poisoned, n).expect("works").iter().enumerate() {
            let refused = i % 3 == 0;
            assert_eq!(spectrum.status, if refused { Status::Refused } else { Status::Ok });
            assert!(refused || bits(spectrum) == all[i], "neighbours, n = {n}");
        }
    }
}

#[test]
fn powers_of_two_scale_the_spectrum_exactly() {
    let device = software();
    let n = 9;
    let matrices = stack(n, 8, 11);
    let plain = eigenvalues(&device, &matrices, n).expect("works");
    for exponent in [60, -60, 120, -100] {
        let factor = f64::powi(2.0, exponent);
        let scaled: Vec<f32> = matrices.iter().map(|&x| (f64::from(x) * factor) as f32).collect();
        for (plain, scaled) in plain.iter().zip(eigenvalues(&device, &scaled, n).expect("works")) {
            let expected: Vec<_> = plain.eigenvalues.iter().map(|z| z.map(|x| x * factor)).collect();
            assert_eq!(expected, scaled.eigenvalues, "2^{exponent}");
        }
    }
}

/// The spectrum of I + h G is as good as that of h G: the identity costs no digits.
#[test]
fn a_small_step_keeps_its_digits() {
    let (device, n) = (software(), 16);
    let small: Vec<f32> = stack(n, 4, 23).iter().map(|x| (x / 512.0 * 4096.0).round() / 4_194_304.0).collect();
    let mut near_one = small.clone();
    near_one.chunks_mut(n * n).for_each(|a| a.iter_mut().step_by(n + 1).for_each(|x| *x += 1.0));
    for (i, spectrum) in eigenvalues(&device, &near_one, n).expect("works").iter().enumerate() {
        let moved: Vec<_> = spectrum.eigenvalues.iter().map(|[re, im]| [re - 1.0, *im]).collect();
        let ratios = accept(&widened(&small[i * n * n..(i + 1) * n * n]), n, &moved, ULP);
        assert!(ratios.pass(), "{ratios:?}");
    }
}

#[test]
fn odd_inputs_are_answered() {
    let device = software();
    let solve = |matrix: &[f32], n| eigenvalues(&device, matrix, n).expect("works").remove(0);
    assert!(eigenvalues::<f32>(&device, &[], 3).expect("nothing to do").is_empty());
    assert!(eigenvalues::<f32>(&device, &[], 0).is_err());
    assert!(eigenvalues(&device, &[1.0; 5], 2).is_err());
    assert!(eigenvalues::<f32>(&device, &[], WIDEST + 1).is_err());
    assert_eq!(solve(&[-0.0], 1).eigenvalues[0].map(f64::to_bits), [0, 0]);
    assert_eq!(solve(&[0.0; 49], 7).eigenvalues, [[0.0, 0.0]; 7]);
    let tiny = f32::from_bits(1);
    let expected = [[0.0, f64::from(tiny)], [0.0, -f64::from(tiny)]];
    assert_eq!(solve(&[0.0, tiny, -tiny, 0.0], 2).eigenvalues, expected);
    assert_eq!(solve(&[f32::MAX, 0.0, 0.0, f32::MIN_POSITIVE], 2).real, 2);
    // The cyclic shift is its own QR factor: only exceptional shifts get it going.
    let shift: Vec<f32> = (0..64).map(|k| f32::from(u8::from(k % 8 == (k / 8 + 1) % 8))).collect();
    let spectrum = solve(&shift, 8);
    assert!(!spectrum.solved_again && accept(&widened(&shift), 8, &spectrum.eigenvalues, ULP).pass(), "{spectrum:?}");
}

#[test]
fn summaries_agree_with_their_spectra() {
    let (device, n) = (software(), 12);
    let mut matrices = stack(n, 9, 17);
    matrices[4 * n * n] = f32::INFINITY;
    let steps: Vec<Step> = (0..70).map(|i| Step { keep: 1.0 - i as f32 / 140.0, gain: i as f32 / 200.0 }).collect();
    let solved = summaries(&device, &matrices, n, &steps).expect("works");
    assert!(solved.iter().map(|solved| solved.1.len()).eq((0..9).map(|i| if i == 4 { 0 } else { 70 })));
    for (spectrum, found) in solved {
        for (&step, found) in steps.iter().zip(found) {
            let wanted = Summary::of(&spectrum, step);
            assert!((found.radius - wanted.radius).abs() <= 8.0 * ULP * (1.0 + wanted.radius), "{found:?} {wanted:?}");
            assert!((found.abscissa - wanted.abscissa).abs() <= 8.0 * ULP * (1.0 + wanted.radius));
            assert_eq!((found.outside, found.real), (wanted.outside, wanted.real), "{step:?}");
        }
    }
}

/// Milliseconds for each matrix, printed: `cargo test --release -- --ignored --nocapture time_of`.
#[test]
#[ignore = "a measurement"]
fn time_of_a_matrix() {
    let device = Device::open(&std::env::var("EULERSCOPE_DEVICE").unwrap_or("software".to_string())).expect("opens");
    let software = device.description().software;
    let sizes = std::env::var("EULERSCOPE_SIZES").unwrap_or("16,32,64,128".to_string());
    for n in sizes.split(',').map(|n| n.parse::<usize>().expect("a width")) {
        let count = (1 << 19) / (n * n).next_power_of_two().max(64);
        let matrices = stack(n, if software { count } else { 64 * count }, 3);
        eigenvalues(&device, &matrices[..n * n], n).expect("compiles the kernels");
        let start = std::time::Instant::now();
        let spectra = eigenvalues(&device, &matrices, n).expect("works");
        let milliseconds = 1e3 * start.elapsed().as_secs_f64() / spectra.len() as f64;
        let again = spectra.iter().filter(|spectrum| spectrum.solved_again).count();
        println!("n = {n}: {milliseconds:.4} ms a matrix, {again} of {} solved again", spectra.len());
    }
}
