//! Matrices whose entries lie so far apart that the small ones are lost if they are scaled before they are balanced.

use crate::adapter::{double, software};
use crate::eigen_pack::solve;
use crate::oracle::{self, Random, bottleneck};
use eulerscope::device::Device;
use eulerscope::spectrum::{Spectrum, Status, device as gpu};

/// Random matrices A of width n, and D^-1 A D with D = diag(2^d), |d| up to `far`: exactly similar.
fn pairs(n: usize, far: i32) -> Vec<(Vec<f64>, Vec<f64>)> {
    let mut random = Random(41);
    let pair = |_| {
        let a: Vec<f64> = random.normals(n).iter().map(|&x| f64::from(x as f32)).collect();
        let d: Vec<i32> = (0..n).map(|_| ((2.0 * random.unit() - 1.0) * f64::from(far)) as i32).collect();
        let apart = (0..n * n).map(|k| a[k] * f64::powi(2.0, d[k % n] - d[k / n])).collect();
        (a, apart)
    };
    (0..40).map(pair).collect()
}

fn assert_like(n: usize, pairs: &[(Vec<f64>, Vec<f64>)], ulp: f64, spectra: &[Spectrum]) {
    for ((a, _), spectrum) in pairs.iter().zip(spectra) {
        assert_eq!(spectrum.status, Status::Ok);
        let exact = eulerscope::spectrum::host::exact::faer_eigenvalues(a, n).expect("faer converges");
        let (distance, allowed) =
            (bottleneck(&spectrum.eigenvalues, &exact), oracle::allowance(a, n, oracle::norm(a, n), ulp));
        assert!(distance <= 6.0 * allowed, "{distance} against {allowed}, n = {n}");
    }
}

fn narrow(matrix: &[f64]) -> Vec<f32> {
    matrix.iter().map(|&x| x as f32).collect()
}

#[test]
fn entries_far_apart_count_on_the_cpu() {
    let spectrum = &solve(&[vec![0.0, 1e300, 1e-300, 0.0]], 2)[0];
    assert_eq!((spectrum.real, spectrum.status), (2, Status::Ok));
    assert!(bottleneck(&spectrum.eigenvalues, &[[1.0, 0.0], [-1.0, 0.0]]) <= 4.0 * f64::EPSILON, "{spectrum:?}");
    for n in [2, 3, 8, 17] {
        let wide = pairs(n, 480);
        let matrices: Vec<Vec<f64>> = wide.iter().map(|pair| pair.1.clone()).collect();
        assert_like(n, &wide, f64::EPSILON, &solve(&matrices, n));
        // In f32 no entry may fall below 2^-126.
        let wide = pairs(n, 48);
        let matrices: Vec<Vec<f32>> = wide.iter().map(|pair| narrow(&pair.1)).collect();
        assert_like(n, &wide, f64::from(f32::EPSILON), &solve(&matrices, n));
    }
}

#[test]
fn entries_far_apart_count_on_software_vulkan() {
    let (single, double): (Device, Device) = (software(), double());
    for n in [2, 5, 9] {
        // 2^10 is the kernels' own work, 2^48 and 2^480 are not.
        for far in [10, 30, 48] {
            let wide = pairs(n, far);
            let stack: Vec<f32> = wide.iter().flat_map(|pair| narrow(&pair.1)).collect();
            let spectra = gpu::eigenvalues(&single, &stack, n).expect("works");
            assert_like(n, &wide, f64::from(f32::EPSILON), &spectra);
            assert!(far > 10 || spectra.iter().all(|spectrum| !spectrum.solved_again));
        }
        for far in [10, 30, 48, 480] {
            let wide = pairs(n, far);
            let stack: Vec<f64> = wide.iter().flat_map(|pair| pair.1.clone()).collect();
            assert_like(n, &wide, f64::EPSILON, &gpu::eigenvalues(&double, &stack, n).expect("works"));
        }
    }
}
