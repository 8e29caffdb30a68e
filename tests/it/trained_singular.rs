//! Largest singular values of Jacobians that are not assembled, against known ones and those of the assembled matrices.

use crate::checkpoint::forward;
use crate::checkpoint::oracles::{data, ids, json, tiny};
use crate::checkpoint::real::smollm2_file;
use crate::trained::{OWN, TINY, device};
use eulerscope::numbers::random::sample;
use eulerscope::spec::Integrator;
use eulerscope::spectrum::Status;
use eulerscope::spectrum::lanczos::{Asked, Lanczos, LargestSingular};
use eulerscope::trained::{Model, Stack};
use faer::Mat;

/// Runs an iteration on a matrix.
fn run(matrix: &Mat<f64>, wanted: usize, block: usize) -> LargestSingular {
    let mut iteration = Lanczos::new(matrix.nrows(), wanted, block, f64::EPSILON);
    while let Some(asked) = iteration.asks() {
        let products = match asked {
            Asked::Images(vectors) => matrix * vectors,
            Asked::Back(vectors) => matrix.transpose() * vectors,
        };
        iteration.take(&products);
    }
    iteration.found()
}

/// With these singular values and random singular vectors.
fn with_values(values: &[f64]) -> Mat<f64> {
    let n = values.len();
    let orthogonal = |stream: u32| {
        let noise = sample(stream, n * n);
        Mat::from_fn(n, n, |i, j| noise[i * n + j]).qr().compute_Q()
    };
    orthogonal(5300) * Mat::from_fn(n, n, |i, j| if i == j { values[i] } else { 0.0 }) * orthogonal(5301).transpose()
}

#[track_caller]
fn same(found: &LargestSingular, truth: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.status, Status::Ok, "{what}: {found:?}");
    for (found, truth) in found.values.iter().zip(truth) {
        assert!((found.value - truth).abs() <= tolerance * truth, "{what}: {found:?}, not {truth}");
        assert!(found.converged && found.residual.is_finite(), "{what}: {found:?}");
    }
}

/// Known by construction, with restarts on the way; two are the same, and others lie close together.
#[test]
fn known_singular_values_are_found() {
    let n = 300;
    let first = [7.0, 5.0, 5.0, 4.9, 4.0, 3.0];
    let values: Vec<f64> = (0..n).map(|i| first.get(i).copied().unwrap_or(2.5 * (1.0 - i as f64 / n as f64))).collect();
    let matrix = with_values(&values);
    for block in [1, 4, 8] {
        for wanted in [1, 3, 6] {
            // A block of one vector can miss the second of two that are the same.
            if block > 1 || wanted == 1 {
                let found = run(&matrix, wanted, block);
                assert_eq!(found.values.len(), wanted);
                same(&found, &values, 1e-12, &format!("blocks of {block}, {wanted} wanted"));
            }
        }
    }
    // A basis of 2 + 10 vectors is full after as many products of each kind, so that there were restarts.
    let restarted = (0..n).map(|i| 2.0 - i as f64 / n as f64).collect::<Vec<_>>();
    let found = run(&with_values(&restarted), 1, 1);
    assert!(found.products > 2 * 12 + 2, "{found:?}");
    same(&found, &restarted, 1e-10, "close together");
}

/// The truth of a matrix that does not commute with its transpose, far from normal.
#[test]
fn singular_values_are_not_those_of_eigenvalues() {
    let n = 40;
    let matrix = Mat::from_fn(n, n, |i, j| if j == i + 1 { 1.0 + i as f64 } else { 0.0 });
    let found = run(&matrix, 3, 4);
    same(&found, &[39.0, 38.0, 37.0], 1e-12, "a nilpotent matrix");
}

#[test]
fn small_and_broken_operators() {
    for n in 1..6 {
        let values: Vec<f64> = (0..n).map(|i| (n - i) as f64).collect();
        same(&run(&with_values(&values), n, 8), &values, 1e-12, "all of them");
    }
    let found = run(&Mat::from_fn(9, 9, |i, j| if i == j { f64::NAN } else { 0.0 }), 2, 4);
    assert!(found.status == Status::Refused && found.norm().is_none(), "{found:?}");
}

#[test]
fn tiny_models_have_the_singular_values_of_their_jacobians() {
    for (word, tolerance) in [("reference", 1e-10), ("cpu", 2e-5), ("software", 2e-5)] {
        let device = device(word);
        for name in TINY {
            let (model, checkpoint) = (Model::open(&data(name)).expect(name), tiny(name));
            let token_ids = ids(&json(&format!("{name}/oracle.json"))["token_ids"]);
            let states = forward::states(&checkpoint, &token_ids);
            let all: Vec<usize> = (0..token_ids.len()).collect();
            let mut stack = Stack::begin(&device, &model, &token_ids, &[OWN], Integrator::Euler).expect(name);
            for (layer, states) in states.iter().enumerate().take(model.depth()) {
                let weights = model.layer(layer).expect(name);
                let found = stack.largest_singular(&weights, &all, 4).expect(name);
                assert_eq!(found.len(), all.len());
                for (token, found) in found.iter().enumerate() {
                    let block = forward::block(checkpoint.architecture(), &weights, states, token);
                    let n = block.len();
                    let truth = Mat::from_fn(n, n, |i, j| block[i][j]).singular_values().expect("finite");
                    same(found, &truth[..4], tolerance, &format!("{name} on {word}, layer {layer}, token {token}"));
                }
                stack.pass(&weights).expect(name);
            }
        }
    }
}

/// The published norms, to what f32 leaves of them.
#[test]
fn smollm2_has_the_published_norms() {
    let (model, truth) = (Model::open(&smollm2_file()).expect("a model"), json("mercury.json"));
    let (token_ids, cpu) = (ids(&truth["ids"]), device("cpu"));
    let mut stack = Stack::begin(&cpu, &model, &token_ids, &[OWN], Integrator::Euler).expect("it begins");
    for layer in 0..3 {
        let weights = model.layer(layer).expect("finite");
        let found = stack.largest_singular(&weights, &[token_ids.len() - 1], 3).expect("it runs").remove(0);
        let norm = truth["layers"][layer]["norm"].as_f64().expect("a norm");
        let own = found.norm().unwrap_or_else(|| panic!("layer {layer}: {found:?}"));
        assert!((own - norm).abs() <= 2e-5 * norm, "layer {layer}: {own}, not {norm}");
        stack.pass(&weights).expect("it runs");
    }
}

/// What differs from a transpose by more than rounding is none, and nothing is found by it.
#[test]
fn a_transpose_that_is_none_is_noticed() {
    let matrix = with_values(&(0..60).map(|i| 60.0 - f64::from(i)).collect::<Vec<_>>());
    let mut iteration = Lanczos::new(60, 2, 4, f64::EPSILON);
    while let Some(asked) = iteration.asks() {
        let (Asked::Images(vectors) | Asked::Back(vectors)) = asked;
        let products = &matrix * vectors;
        iteration.take(&products);
    }
    let found = iteration.found();
    assert!(found.status == Status::NoConvergence && found.norm().is_none(), "{found:?}");
}
