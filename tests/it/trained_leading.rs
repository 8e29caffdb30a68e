//! Leading eigenvalues of Jacobians that are not assembled, against known ones and those of the assembled matrices.

use crate::checkpoint::oracles::{data, ids, json};
use crate::checkpoint::real::smollm2_file;
use crate::cli_bad_input::{eulerscope, refusal};
use eulerscope::device::Device;
use eulerscope::layer::Point;
use eulerscope::numbers::random::sample;
use eulerscope::spec::{Integrator, Quantities, Tokens, TrainedInput, TrainedSpectrumSpec};
use eulerscope::spectrum::arnoldi::{Arnoldi, Leading};
use eulerscope::spectrum::{Status, eigenvalues};
use eulerscope::trained::spectrum::Asked;
use eulerscope::trained::{Model, Stack, spectrum};
use faer::Mat;
use serde_json::Value;
use std::ops::ControlFlow;

const OWN: Point = Point { step_size: 1.0, radius: 1.0, damping: 0.0 };

/// From the largest; of a pair the one above the real axis first.
fn sorted(mut values: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    // Conjugates and values that rounding tells apart have the same place.
    let key = |[re, im]: [f64; 2]| ((-re.hypot(im) * 1e9).round(), -im);
    values.sort_by(|&a, &b| key(a).partial_cmp(&key(b)).expect("finite"));
    values
}

#[track_caller]
fn same(found: &Leading, truth: &[[f64; 2]], tolerance: f64, what: &str) {
    assert_eq!(found.status, Status::Ok, "{what}");
    let values = sorted(found.eigenvalues.iter().map(|value| [value.re, value.im]).collect());
    for (found, truth) in values.iter().zip(truth) {
        let off = (found[0] - truth[0]).hypot(found[1] - truth[1]);
        assert!(off <= tolerance * truth[0].hypot(truth[1]), "{what}: {found:?}, not {truth:?}");
    }
}

/// Runs an iteration on a matrix.
fn run(matrix: &Mat<f64>, wanted: usize, block: usize) -> Leading {
    let mut iteration = Arnoldi::new(matrix.nrows(), wanted, block, f64::EPSILON);
    while let Some(vectors) = iteration.asks() {
        let images = matrix * vectors;
        iteration.take(&images);
    }
    iteration.found()
}

/// Upper triangular but for pairs on the diagonal: `(re, im)`, and real ones below them.
fn triangular(n: usize, pairs: &[(f64, f64)], coupling: f64) -> Mat<f64> {
    let noise = sample(5200, n * n);
    let mut matrix = Mat::from_fn(n, n, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Less => coupling * noise[i * n + j],
        std::cmp::Ordering::Equal => 0.9 * noise[i * n + i].tanh(),
        std::cmp::Ordering::Greater => 0.0,
    });
    for (place, &(re, im)) in pairs.iter().enumerate() {
        // Spread over the matrix, so that they see what is beside them.
        let i = (place * n / pairs.len()) & !1;
        (matrix[(i, i)], matrix[(i + 1, i + 1)]) = (re, re);
        (matrix[(i, i + 1)], matrix[(i + 1, i)]) = (im, -im);
    }
    matrix
}

/// Known by construction, with restarts on the way: the basis is a third of the space.
#[test]
fn known_eigenvalues_are_found() {
    let pairs = [(3.0, 0.5), (-2.5, 0.4), (1.2, 1.8), (0.3, 1.9), (-1.5, 0.8)];
    let truth = sorted(pairs.iter().flat_map(|&(re, im)| [[re, im], [re, -im]]).collect());
    let matrix = triangular(300, &pairs, 0.02);
    for block in [1, 4, 8] {
        for wanted in [1, 3, 10] {
            let found = run(&matrix, wanted, block);
            assert_eq!(found.eigenvalues.len(), wanted);
            same(&found, &truth, 1e-9, &format!("blocks of {block}, {wanted} wanted"));
            assert!(found.eigenvalues.iter().all(|value| value.residual <= 1e-10), "{found:?}");
        }
    }
    // Blocks of 1 have 2 + 10 vectors for the first one, so that there were restarts.
    assert!(run(&matrix, 1, 1).products > 12 + 2);
}

/// A multiple of 1, a matrix without any entry and one of order 1 have invariant subspaces from the first vector on.
#[test]
fn degenerate_operators_end() {
    let found = run(&Mat::from_fn(20, 20, |i, j| if i == j { -3.0 } else { 0.0 }), 4, 4);
    same(&found, &[[-3.0, 0.0]; 4], 1e-14, "-3");
    let found = run(&Mat::zeros(20, 20), 4, 4);
    assert!(found.status == Status::Ok && found.eigenvalues.iter().all(|value| value.modulus() == 0.0));
    same(&run(&Mat::full(1, 1, 5.0), 1, 8), &[[5.0, 0.0]], 1e-15, "one");
    let found = run(&Mat::full(9, 9, f64::NAN), 2, 4);
    assert!(found.status == Status::Refused && found.eigenvalues.is_empty() && found.radius().is_none());
}

/// Eigenvalues on a circle cannot be told apart by their size: what is not found is not called converged.
#[test]
fn eigenvalues_of_one_size_are_not_claimed() {
    let n = 4000;
    let mut shift = Arnoldi::new(n, 2, 1, f64::EPSILON);
    while let Some(vectors) = shift.asks() {
        let images = Mat::from_fn(n, vectors.ncols(), |i, k| vectors[((i + 1) % n, k)]);
        shift.take(&images);
    }
    let found = shift.found();
    assert!(found.status == Status::NoConvergence && found.radius().is_none(), "{found:?}");
    assert!(found.eigenvalues.iter().all(|value| value.residual > 1e-6), "{found:?}");
}

#[test]
fn tiny_models_have_the_leading_eigenvalues_of_their_jacobians() {
    let reference = Device::open("reference").expect("it opens");
    for name in ["llama", "qwen2", "gpt2", "neox", "neox_sequential", "bert"] {
        let model = Model::open(&data(name)).expect(name);
        let token_ids = ids(&json(&format!("{name}/oracle.json"))["token_ids"]);
        let all: Vec<usize> = (0..token_ids.len()).collect();
        let mut stack = Stack::begin(&reference, &model, &token_ids, &[OWN], Integrator::Euler).expect(name);
        let n = model.anatomy().width;
        for layer in 0..model.depth() {
            let weights = model.layer(layer).expect(name);
            let blocks = stack.jacobians(&weights, &all).expect(name).matrices;
            let truth = eigenvalues(&reference, &blocks.concat(), n).expect(name);
            let found = stack.leading(&weights, &all, 5).expect(name);
            assert_eq!(found.len(), all.len());
            for (token, (found, truth)) in found.iter().zip(truth).enumerate() {
                same(found, &sorted(truth.eigenvalues), 1e-9, &format!("{name}, layer {layer}, token {token}"));
            }
            stack.pass(&weights).expect(name);
        }
    }
}

/// The published radii, to what f32 leaves of them, in the layers where they stand apart.
#[test]
fn smollm2_has_the_published_radii() {
    let (path, truth) = (smollm2_file(), json("mercury.json"));
    let model = Model::open(&path).expect("a model");
    let token_ids = ids(&truth["ids"]);
    let cpu = Device::open("cpu").expect("it opens");
    let spec = TrainedSpectrumSpec {
        input: TrainedInput { checkpoint: path, token_ids: token_ids.clone(), ..TrainedInput::default() },
        tokens: Tokens::Last,
        leading: Some(4),
        derived: Quantities::NONE,
        ..TrainedSpectrumSpec::default()
    };
    let mut layers = 0;
    let stop = &mut |_| {
        layers += 1;
        if layers == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let asked = Asked { model: &model, spec: &spec, texts: &[token_ids], stop: &|| false };
    let found = spectrum::run(&cpu, &asked, stop).expect("it runs");
    assert_eq!(found.texts[0].layers.len(), 3);
    for (layer, truth) in found.texts[0].layers.iter().zip(truth["layers"].as_array().expect("layers")) {
        let (found, truth) = (layer.tokens[0].radius(), truth["spectral_radius"].as_f64().expect("a radius"));
        let found = found.unwrap_or_else(|| panic!("layer {}: {:?}", layer.layer, layer.tokens[0].jacobian));
        assert!((found - truth).abs() <= 2e-3 * truth, "layer {}: {found}, not {truth}", layer.layer);
    }
}

/// The command on a tiny model of width 16.
fn command(line: &str) -> assert_cmd::Command {
    let mut command = eulerscope();
    command.arg("spectrum").arg("--checkpoint").arg(data("llama")).args(["--token-ids", "3,1,4"]).args(line.split(' '));
    command
}

#[test]
fn what_leading_eigenvalues_cannot_be_is_refused() {
    for (line, said) in [
        ("--leading 0", "leading: 0 leaves nothing to compute; give a whole number from 1 to 16"),
        ("--leading 17", "leading: 17 is too large; the most is 16"),
        ("--leading 3 --derived norm", "derived: norm needs the whole Jacobian; remove `derived` or `leading`"),
        ("--leading 3 --values", "remove `values` or `leading`"),
        ("--singular 0", "singular: 0 leaves nothing to compute; give a whole number from 1 to 16"),
        ("--singular 17", "singular: 17 is too large; the most is 16"),
        ("--singular 3 --derived norm", "derived: norm needs the whole Jacobian; remove `derived` or `singular`"),
        ("--singular 3 --values", "remove `values` or `singular`"),
    ] {
        let found = refusal(command(line), 4);
        assert!(found.contains(said), "{line}: {found}");
    }
    for key in ["leading", "singular"] {
        let mut command = eulerscope();
        command.args(["spectrum", &format!("--{key}"), "3"]);
        assert!(refusal(command, 4).contains(&format!("{key}: it is of a trained model")));
    }
}

/// The record says what was found, and nothing of what was not computed.
#[test]
fn the_record_has_leading_eigenvalues() {
    let of = |line: &str| -> Value {
        let output = command(line).args(["--json", "--device", "reference"]).output().expect("it runs");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    };
    let (found, whole) = (of("--leading 3"), of("--values"));
    assert!(found["is_whole_spectrum"] == false && found["spec"]["derived"] == "none" && found["spec"]["leading"] == 3);
    for layer in 0..2 {
        let [found, whole] = [&found, &whole].map(|record| &record["layers"][layer]["tokens"][0]);
        let radius = |of: &Value| of["spectral_radius"].as_f64().expect("a radius");
        assert!((radius(found) - radius(whole)).abs() <= 1e-9, "{found}");
        let leading = found["leading"].as_array().expect("a list");
        assert!(leading.len() == 3 && leading.iter().all(|value| value["converged"] == true), "{found}");
        assert!(leading.iter().all(|value| value["residual"].as_f64().is_some_and(|residual| residual <= 1e-9)));
        for missing in ["outside_unit_circle", "growing_modes", "abscissa", "trace", "norm", "product"] {
            assert!(found[missing].is_null(), "{missing}: {found}");
        }
    }
}

/// Largest singular values stand on their own, or beside leading eigenvalues.
#[test]
fn the_record_has_largest_singular_values() {
    let of = |line: &str| -> Value {
        let output = command(line).args(["--json", "--device", "reference"]).output().expect("it runs");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    };
    let (alone, both, whole) = (of("--singular 3"), of("--singular 3 --leading 2"), of("--values"));
    assert!(alone["is_whole_spectrum"] == false && alone["spec"]["singular"] == 3);
    for layer in 0..2 {
        let [alone, both, whole] = [&alone, &both, &whole].map(|record| &record["layers"][layer]["tokens"][0]);
        for found in [alone, both] {
            let own = found["singular"].as_array().expect("a list");
            assert!(own.len() == 3 && own.iter().all(|value| value["converged"] == true), "{found}");
            for (own, truth) in own.iter().zip(whole["singular_values"].as_array().expect("a list")) {
                let [own, truth] = [&own["value"], truth].map(|value| value.as_f64().expect("a number"));
                assert!((own - truth).abs() <= 1e-10 * truth, "{own}, not {truth}");
            }
            assert_eq!(found["norm"], found["singular"][0]["value"]);
        }
        assert!(alone["spectral_radius"].is_null() && alone["leading"].is_null(), "{alone}");
        let [own, truth] = [both, whole].map(|found| found["spectral_radius"].as_f64().expect("a radius"));
        assert!((own - truth).abs() <= 1e-9 && both["leading"].as_array().expect("a list").len() == 2, "{both}");
    }
}
