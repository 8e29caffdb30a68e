//! Pseudospectra on every device against dense singular values and closed forms, at every scale.

use crate::adapter::{gpu, software_adapters};
use crate::derived::shift;
use crate::oracle::Random;
use eulerscope::device::Device;
use eulerscope::spectrum::host::batch;
use eulerscope::spectrum::pseudospectrum::{Pseudospectrum, pseudospectrum, smallest_singular_values};
use std::ops::ControlFlow::{Break, Continue};

fn cpu() -> Device {
    Device::open("cpu").expect("always there")
}

fn reference() -> Device {
    Device::open("reference").expect("always there")
}

fn grid(device: &Device, matrix: (&[f64], usize), eigenvalues: &[[f64; 2]], points: usize) -> Pseudospectrum {
    let found = pseudospectrum(device, matrix.0, matrix.1, eigenvalues, points, &mut |_| Continue(())).expect("works");
    found.expect("nobody stops it")
}

fn grcar(n: usize) -> Vec<f64> {
    (0..n * n)
        .map(|k| (k / n, k % n))
        .map(|(i, j)| if i == j + 1 { -1.0 } else { f64::from(i <= j && j <= i + 3) })
        .collect()
}

/// Every point of a grid against all singular values of the dense matrix.
#[test]
fn pseudospectra_agree_with_dense_singular_values() {
    let mut random = Random(5);
    let ginibre =
        |n: usize, random: &mut Random| random.normals(n).iter().map(|x| x / (n as f64).sqrt()).collect::<Vec<_>>();
    let scale = f64::powi(2.0, -40);
    let cases = [
        (1, vec![0.5]),
        (2, vec![0.0, 1.0, 0.0, 0.0]),
        (3, vec![0.5, 0.0, 0.0, 0.0, 0.0, 0.8, 0.0, -0.8, 0.0]),
        (4, (0..16).map(|i| f64::from(i % 5 == 0)).collect()),
        (16, shift(16)),
        (24, ginibre(24, &mut random)),
        (30, grcar(30)),
        (9, ginibre(9, &mut random).iter().map(|x| x * scale).collect()),
        (5, vec![0.0; 25]),
    ];
    let mut devices: Vec<Device> = software_adapters().iter().map(|name| gpu(name)).collect();
    devices.push(cpu());
    for (n, matrix) in &cases {
        let eigenvalues = &batch::eigenvalues(&[matrix.as_slice()], *n)[0].eigenvalues;
        let truth = grid(&reference(), (matrix, *n), eigenvalues, 14);
        for device in &devices {
            let found = grid(device, (matrix, *n), eigenvalues, 14);
            let mut worst = 0.0;
            for (i, (value, wanted)) in
                found.smallest_singular_value.iter().zip(&truth.smallest_singular_value).enumerate()
            {
                let (value, wanted) = (value.expect("converges"), wanted.expect("converges"));
                // The residual certifies half of 1e-3 at worst, in practice its square over the gap.
                let error = (value - wanted).abs() / (found.floor + 5e-4 * wanted);
                assert!(error <= 1.0, "n = {n}, point {i} on {}: {value}, not {wanted}", device.description());
                worst = f64::max(worst, (value / wanted - 1.0).abs() * f64::from(wanted > 100.0 * found.floor));
            }
            println!("n = {n} on {}: worst relative error {worst:e}, floor {:e}", device.description(), found.floor);
        }
    }
}

#[test]
fn a_shifted_jordan_block_has_a_tiny_singular_value_that_f64_resolves() {
    // sigma_min of the nilpotent shift plus z is about |z|^n (1 - |z|^2) for small |z|.
    let n = 12;
    let nilpotent: Vec<f64> = (0..n * n).map(|i| f64::from(i % (n + 1) == 1 && i % n > 0)).collect();
    let places = [[0.0, 0.25], [0.25, 0.0]];
    let found = smallest_singular_values(&cpu(), &nilpotent, n, &places, &mut |_| Continue(())).expect("works");
    let (found, _) = found.expect("nobody stops it");
    let wanted = 0.25_f64.powi(12) * (1.0 - 0.0625);
    for value in found {
        assert!((value.expect("converges") / wanted - 1.0).abs() <= 1e-2, "{value:?}, not {wanted}");
    }
}

#[test]
fn the_pseudospectrum_of_a_normal_matrix_is_the_distance_to_its_eigenvalues() {
    // diag(0.5) and a rotation by 0.8 in the plane: eigenvalues 0.5, ± 0.8 i.
    let matrix = [0.5, 0.0, 0.0, 0.0, 0.0, 0.8, 0.0, -0.8, 0.0];
    let spectrum = batch::eigenvalues(&[&matrix], 3).remove(0);
    for points in [2, 7, 10] {
        let found = grid(&reference(), (&matrix, 3), &spectrum.eigenvalues, points);
        for (i, value) in found.smallest_singular_value.iter().enumerate() {
            let (x, y) = (found.re[i % points], found.im[i / points]);
            let distance = [(0.5, 0.0), (0.0, 0.8), (0.0, -0.8)].map(|(re, im)| (x - re).hypot(y - im));
            let wanted = distance.into_iter().fold(f64::INFINITY, f64::min);
            assert!((value.expect("is") - wanted).abs() <= 1e-12, "at {x} + {y} i: {value:?}, not {wanted}");
        }
    }
}

/// A multiple by a power of two has the same grid and the same values, times it, bit for bit: nothing in them is absolute.
#[test]
fn grids_fit_the_matrix_at_every_scale() {
    let n = 12;
    for device in [cpu(), reference()] {
        let at = |e: i32| {
            let matrix: Vec<f64> = grcar(n).iter().map(|x| x * f64::powi(2.0, e)).collect();
            let eigenvalues = batch::eigenvalues(&[matrix.as_slice()], n).remove(0).eigenvalues;
            grid(&device, (&matrix, n), &eigenvalues, 9)
        };
        let plain = at(0);
        let tall = plain.im.last().copied().expect("points");
        assert!((2.0..6.0).contains(&tall), "the norm of Grcar's matrix is about 3: {tall}");
        for e in [-300, -20, 40, 900] {
            let (scaled, factor) = (at(e), f64::powi(2.0, e));
            let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a * factor == *b);
            assert!(same(&plain.re, &scaled.re) && same(&plain.im, &scaled.im), "2^{e}");
            let values = |grid: &Pseudospectrum| -> Vec<f64> {
                grid.smallest_singular_value.iter().map(|value| value.expect("converges")).collect()
            };
            assert!(same(&values(&plain), &values(&scaled)), "2^{e} on {}", device.description());
        }
    }
}

/// Where all eigenvalues are one the grid is as wide as the norm of A - c I, of c I as c, and of 0 it is the unit square.
#[test]
fn grids_of_one_eigenvalue_have_a_size() {
    for (matrix, size) in [([0.0, 3.0, 0.0, 0.0], 3.0), ([7.0, 0.0, 0.0, 7.0], 3.5), ([0.0; 4], 1.0)] {
        let eigenvalues = batch::eigenvalues(&[&matrix], 2).remove(0).eigenvalues;
        let found = grid(&cpu(), (&matrix, 2), &eigenvalues, 3);
        assert!((found.im[2] / size - 1.0).abs() <= 1e-14, "{matrix:?}: {:?}", found.im);
    }
}

#[test]
fn a_grid_beyond_f64_is_refused_and_one_may_be_stopped() {
    let far = [1.5e308, 0.0, 0.0, -1.5e308];
    let eigenvalues = batch::eigenvalues(&[&far], 2).remove(0).eigenvalues;
    let refused = pseudospectrum(&cpu(), &far, 2, &eigenvalues, 5, &mut |_| Continue(())).expect_err("is refused");
    assert!(refused.exit_code() == 4 && refused.to_string().contains("beyond the largest f64"), "{refused}");
    let n = 24;
    let eigenvalues = batch::eigenvalues(&[grcar(n).as_slice()], n).remove(0).eigenvalues;
    for device in [cpu(), reference()] {
        let stopped = pseudospectrum(&device, &grcar(n), n, &eigenvalues, 400, &mut |_| Break(()));
        assert!(stopped.expect("works").is_none(), "{}", device.description());
    }
}
