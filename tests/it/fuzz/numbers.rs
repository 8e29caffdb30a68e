//! Eigenvalues of any bits, and specifications of any size: what is finite stays so, and no size overflows.

use super::{fuzz, refused};
use crate::adapter;
use eulerscope::device::Device;
use eulerscope::request::file;
use eulerscope::request::keys::{Keys, SweepKeys, SweepRequest};
use eulerscope::spec::{DEEPEST, EnsembleSpec, MOST_POINTS, MOST_TOKENS, WIDEST};
use eulerscope::spectrum::{Spectrum, Status, eigenvalues};
use eulerscope::sweep;
use eulerscope::weights::ensemble::draw_matrices;
use proptest::prelude::*;
use proptest::sample::select;
use std::ops::ControlFlow;

/// A spectrum is whole and finite, with exact pairs, or it is none and says why.
#[track_caller]
fn check(n: usize, matrix: &[f64], spectrum: &Spectrum) {
    let said = || format!("{n}: {matrix:?}: {spectrum:?}");
    let finite = matrix.iter().all(|x| x.is_finite());
    assert_eq!(spectrum.status == Status::Refused, !finite, "{}", said());
    if spectrum.status != Status::Ok {
        assert!(spectrum.eigenvalues.is_empty(), "{}", said());
        return;
    }
    assert_eq!(spectrum.eigenvalues.len(), n, "{}", said());
    assert!(spectrum.eigenvalues.as_flattened().iter().all(|x| x.is_finite()), "{}", said());
    let count = |[re, im]: [f64; 2]| spectrum.eigenvalues.iter().filter(|own| **own == [re, im]).count();
    assert!(spectrum.eigenvalues.iter().all(|&[re, im]| count([re, im]) == count([re, -im])), "{}", said());
    // No eigenvalue is beyond a norm; each entry has a part of the rounding of the scale.
    let norm = matrix.chunks(n).map(|row| row.iter().map(|x| x.abs() / f64::from(n as u32)).sum::<f64>());
    let most = norm.fold(0.0, f64::max);
    let radius = spectrum.radius().expect("there are some");
    assert!(radius / f64::from(n as u32) <= most * 1.001 + f64::from(f32::MIN_POSITIVE), "{}", said());
}

/// A number of any bits, mostly of those that are hard.
fn single() -> impl Strategy<Value = f32> + Clone {
    let special = [0.0, -0.0, 1.0, f32::MIN_POSITIVE, f32::MAX, -f32::MAX, f32::EPSILON, 1e-45];
    prop_oneof![3 => any::<u32>().prop_map(f32::from_bits), 3 => -1.0..1.0_f32, 2 => select(special.to_vec())]
}

fn double() -> impl Strategy<Value = f64> + Clone {
    let special = [0.0, -0.0, 1.0, f64::MIN_POSITIVE, f64::MAX, -f64::MAX, f64::EPSILON, 5e-324];
    prop_oneof![3 => any::<u64>().prop_map(f64::from_bits), 3 => -1.0..1.0, 2 => select(special.to_vec())]
}

/// Matrices of one width, so that they are solved beside each other.
fn matrices<T: std::fmt::Debug + Clone>(
    number: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = (usize, Vec<T>)> {
    let of_width = move |n: usize| prop::collection::vec(number.clone(), 8 * n * n).prop_map(move |values| (n, values));
    (1..=8_usize).prop_flat_map(of_width)
}

#[test]
fn eigenvalues_of_any_bits_are_finite_or_missing() {
    for (device, cases) in [("cpu", 2000), ("reference", 500)] {
        let device = Device::open(device).expect("always there");
        fuzz(cases, &matrices(single()), |(n, values)| {
            let spectra = eigenvalues(&device, &values, n).expect("a stack");
            for (matrix, spectrum) in values.chunks(n * n).zip(&spectra) {
                check(n, &matrix.iter().map(|&x| x.into()).collect::<Vec<f64>>(), spectrum);
            }
        });
        fuzz(cases, &matrices(double()), |(n, values)| {
            let spectra = eigenvalues(&device, &values, n).expect("a stack");
            values.chunks(n * n).zip(&spectra).for_each(|(matrix, spectrum)| check(n, matrix, spectrum));
        });
    }
}

#[test]
fn eigenvalues_of_any_bits_on_a_gpu_are_finite_or_missing() {
    let device = adapter::software();
    fuzz(60, &matrices(single()), |(n, values)| {
        let spectra = eigenvalues(&device, &values, n).expect("a stack");
        for (matrix, spectrum) in values.chunks(n * n).zip(&spectra) {
            check(n, &matrix.iter().map(|&x| x.into()).collect::<Vec<f64>>(), spectrum);
        }
    });
}

/// Keys of whole numbers.
const KEYS: [&str; 9] =
    ["members", "width", "depth", "tokens", "heads", "ffn_ratio", "linearise_every", "trajectories", "chunk"];

/// Sizes at which products of them overflow.
const SIZES: [u64; 14] = [0, 1, 2, 3, 16, 64, 512, 513, 4096, 4097, 1 << 31, 1 << 32, 1 << 53, i64::MAX as u64];

#[test]
fn sizes_of_any_kind_are_refused_or_planned() {
    let model = select(&["linear", "mlp", "transformer"][..]);
    let grid = (0..=20_u32, 0..=20_u32);
    let host = |word: &str| Device::open(word).expect("always there");
    let devices = [host("cpu"), host("reference"), adapter::software()];
    let input = (model, prop::collection::btree_map(select(&KEYS[..]), select(&SIZES[..]), 0..6), grid);
    fuzz(100, &input, |(model, sizes, (h, rho))| {
        let of_key = sizes.iter().map(|(key, size)| format!("{key} = {size}\n"));
        let grids = format!("step_size = 'lin(0.1,1,{})'\nradius = 'lin(0.1,1,{})'\n", 2 << h, 2 << rho);
        let text = format!("model = '{model}'\n{grids}{}", of_key.collect::<String>());
        let spec = match file::parse(&text).and_then(|keys| SweepKeys::specify(keys, SweepKeys::default())) {
            Ok(SweepRequest::Members(spec)) => spec,
            Ok(other) => panic!("{other:?}"),
            Err(error) => return refused(&error, &[4]),
        };
        let (width, tokens, depth) = (spec.ensemble.width, spec.layer.tokens, spec.depth);
        assert!(width <= WIDEST && tokens <= MOST_TOKENS && depth <= DEEPEST && spec.cells() as u64 <= MOST_POINTS);
        // A plan has a run for every operation of every step, and a column for every point.
        if depth * width * tokens > 1 << 16 || spec.cells() > 1 << 10 {
            return;
        }
        let points = sweep::points(&spec);
        let plan = sweep::rollout(&spec, &points).plan();
        for device in &devices {
            let chunk = device.chunk_size(&plan);
            assert!(chunk >= 1, "{text}");
            // In 128 bits nothing overflows.
            let real = device.machine().real_bytes as usize;
            let bytes: u128 = plan.buffers.iter().map(|buffer| buffer.bytes(real) as u128).sum();
            assert!(bytes >= (points.len() * width * tokens) as u128 && bytes < 1 << 40, "{text}: {bytes}");
        }
    });
}

/// Whatever is taken at a time, every member is made once, in order.
#[test]
fn every_member_is_in_one_chunk() {
    let device = Device::open("cpu").expect("always there");
    fuzz(200, &(1..60_usize, 0..70_usize, 1..5_usize), |(members, chunk, width)| {
        let ensemble = EnsembleSpec { members, width, ..EnsembleSpec::default() };
        let mut next = 0;
        draw_matrices(&device, &ensemble, 0..members, chunk, &mut |first, matrices| {
            assert!(first == next && !matrices.is_empty());
            next += matrices.len() / (width * width);
            Ok(ControlFlow::Continue(()))
        })
        .expect("drawn");
        assert_eq!(next, members);
    });
}

/// Found by the targets above: both parts of an eigenvalue were finite, and the spectral radius was not.
#[test]
fn a_magnitude_beyond_the_largest_number_is_an_overflow() {
    for device in ["cpu", "reference"] {
        let device = Device::open(device).expect("always there");
        for (x, status) in [(1.5e308, Status::Overflow), (1.2e308, Status::Ok)] {
            let spectrum = &eigenvalues(&device, &[x, x, -x, x], 2).expect("a stack")[0];
            assert_eq!(spectrum.status, status, "{x:e}: {spectrum:?}");
        }
    }
}
