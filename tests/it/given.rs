//! Own matrices and own initial states, against closed forms: diagonal matrices, a rotation, a Jordan block, a product.

use crate::cli_bad_input::{eulerscope, refusal};
use crate::cli_results::json;
use crate::theory::devices;
use eulerscope::device::Device;
use eulerscope::integrator::{self, c64};
use eulerscope::lyapunov;
use eulerscope::spec::{
    EnsembleSpec, Grid, InitialStates, Integrator, LayerSpec, LyapunovSpec, Matrices, Model, Origin, RadiusKind,
    SweepSpec, Weights, Word,
};
use eulerscope::sweep::{self, Cell};
use std::ops::ControlFlow;

fn matrices(width: usize, values: &[f64]) -> Matrices {
    Matrices::new(width, values.to_vec(), Origin::default()).expect("matrices")
}

/// A sweep of own matrices at one grid point, from an own state.
fn spec(own: Matrices, weights: Weights, start: &[f64], point: [f64; 3], depth: usize) -> SweepSpec {
    let [step_size, radius, damping] = point.map(Grid::single);
    let mut spec = SweepSpec { depth, step_size, radius, damping, ..SweepSpec::default() };
    spec.ensemble = EnsembleSpec::given(own, weights);
    let initial = InitialStates::new(vec![start.len()], start.to_vec(), Origin::default()).expect("a state");
    spec.ensemble.initial = Some(initial);
    spec.layer.weights = weights;
    spec.trajectories = 1;
    spec.validate().expect("a sweep that can be run");
    spec
}

fn cell(device: &Device, spec: &SweepSpec) -> Cell {
    sweep::run(device, spec, &mut |_| ControlFlow::Continue(())).expect("it runs").cells.remove(0)
}

/// What rounding may do over so many steps of so many numbers.
fn tolerance(device: &Device, depth: usize, width: usize) -> f64 {
    (8 * depth * width) as f64 * device.epsilon()
}

#[track_caller]
fn assert_growth(device: &Device, spec: &SweepSpec, exact: f64) {
    let found = cell(device, spec).log_growth.mean.get().expect("finite");
    let within = tolerance(device, spec.depth, spec.ensemble.width);
    assert!((found - exact).abs() <= within, "{}: {found}, not {exact}", device.description());
}

/// Each component of a diagonal layer grows by Φ(h ρ λ - γ) in each step, whatever the integrator. 1/3 and 0.7 are no
/// numbers of f32, and the reference is held to f64.
#[test]
fn a_diagonal_layer_grows_by_its_factors_with_every_integrator() {
    let (lambda, start, depth) = ([1.0 / 3.0, -0.7, 0.25], [0.3, -1.1, 2.0], 9);
    let diagonal: Vec<f64> = (0..9).map(|i| if i % 4 == 0 { lambda[i / 4] } else { 0.0 }).collect();
    for device in devices_of_all_kinds() {
        for &integrator in Integrator::ALL {
            if matches!(integrator, Integrator::Strang | Integrator::StrangRk4) {
                continue;
            }
            let (h, rho, gamma) = (0.8, 1.3, 0.1);
            let mut spec = spec(matrices(3, &diagonal), Weights::Tied, &start, [h, rho, gamma], depth);
            spec.layer.integrator = integrator;
            let end = lambda.iter().zip(start).map(|(lambda, x)| {
                let factor = integrator::growth(integrator, c64::new(h * rho * lambda - gamma, 0.0)).re;
                x * factor.powi(depth as i32)
            });
            let size = |x: f64| x * x;
            let exact = 0.5 * (end.map(size).sum::<f64>() / start.into_iter().map(size).sum::<f64>()).ln();
            assert_growth(&device, &spec, exact);
        }
    }
}

#[test]
fn a_rotation_keeps_every_norm() {
    let (sin, cos) = 0.7_f64.sin_cos();
    // M = I + A is the rotation.
    let own = matrices(2, &[cos - 1.0, -sin, sin, cos - 1.0]);
    for device in devices_of_all_kinds() {
        let spec = spec(own.clone(), Weights::Tied, &[0.6, -0.8], [1.0, 1.0, 0.0], 50);
        assert_growth(&device, &spec, 0.0);
        let cell = cell(&device, &spec);
        assert!((cell.spectral_radius.mean.get().expect("there") - 1.0).abs() <= tolerance(&device, 2, 2));
        assert_eq!(cell.fates_predicted.neutral, Some(1.0), "{}", device.description());
    }
}

/// M = [[λ, 1], [0, λ]] takes (0, 1) to (k λ^(k - 1), λ^k): growth before decay, which eigenvalues do not know of.
#[test]
fn a_jordan_block_grows_before_it_decays() {
    let (lambda, depth) = (0.9_f64, 60);
    let own = matrices(2, &[lambda - 1.0, 1.0, 0.0, lambda - 1.0]);
    let log = |k: i32| (f64::from(k) * lambda.powi(k - 1)).hypot(lambda.powi(k)).ln();
    for device in devices_of_all_kinds() {
        let spec = spec(own.clone(), Weights::Tied, &[0.0, 1.0], [1.0, 1.0, 0.0], depth);
        assert_growth(&device, &spec, log(depth as i32));
        let peak = (0..=depth as i32).map(log).fold(0.0, f64::max);
        let found = cell(&device, &spec).log_peak_growth.mean.get().expect("finite");
        assert!((found - peak).abs() <= tolerance(&device, depth, 2), "{}: {found}, not {peak}", device.description());
    }
}

/// Numbers from -1 to 1 that f32 does not have.
fn numbers(count: usize) -> Vec<f64> {
    (1..=count).map(|i| 2.0 * (i as f64 * 0.754_877_666_246_692_8).fract() - 1.0).collect()
}

fn times(a: &[f64], x: &[f64]) -> Vec<f64> {
    a.chunks(x.len()).map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect()
}

/// The end of a stack is the product of its layers, applied to the start; depth by depth.
#[test]
fn a_stack_is_the_product_of_its_layers() {
    let (n, count) = (5, 7);
    let values = numbers(count * n * n);
    let start = [0.5, -0.25, 1.0, 0.75, -2.0];
    for device in devices_of_all_kinds() {
        for depth in [1, 2, 6, 7] {
            let spec = spec(matrices(n, &values), Weights::Given, &start, [0.5, 0.9, 0.2], depth);
            let end = values.chunks(n * n).take(depth).fold(start.to_vec(), |x, a| {
                times(a, &x).iter().zip(&x).map(|(push, x)| 0.8 * x + 0.45 * push).collect()
            });
            let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
            assert_growth(&device, &spec, (norm(&end) / norm(&start)).ln());
        }
    }
}

/// Rates of a stack of the same diagonal matrix in turn with its inverse: nothing is left of it.
#[test]
fn exponents_are_those_of_the_product() {
    // Upper triangular: the eigenvalues of M = I + A are 2, 0.5 and 0.25, whatever stands above the diagonal.
    let tied = matrices(3, &[1.0, 0.4, -0.3, 0.0, -0.5, 0.2, 0.0, 0.0, -0.75]);
    // M is diag(4, 1/3) and diag(1/2, 3) in turn: over a pair 2 and 1.
    let pair = [3.0, 0.0, 0.0, 1.0 / 3.0 - 1.0, -0.5, 0.0, 0.0, 2.0];
    let given = matrices(2, &pair.repeat(50));
    let run = |device: &Device, own: &Matrices, weights, steps, transient_steps| {
        let mut spec = LyapunovSpec { depth: steps, transient_steps, blocks: 4, ..LyapunovSpec::default() };
        spec.ensemble = EnsembleSpec::given(own.clone(), weights);
        spec.layer.weights = weights;
        spec.validate().expect("it can be run");
        lyapunov::run(device, &spec, 0, &mut |_| ControlFlow::Continue(())).expect("it runs")
    };
    for device in devices_of_all_kinds() {
        let found = run(&device, &tied, Weights::Tied, 200, 100);
        for (exponent, eigenvalue) in found.exponents.iter().zip([2.0_f64, 0.5, 0.25]) {
            let (mean, exact) = (exponent.mean.expect("finite"), eigenvalue.ln());
            assert!((mean - exact).abs() <= 64.0 * device.epsilon(), "{}: {mean}, not {exact}", device.description());
        }
        // The sum is ln |det| whatever the frame, 2 ln 2 / 2 over a pair of steps.
        let sum = run(&device, &given, Weights::Given, 100, 0).sum.mean.expect("finite");
        let exact = 0.5 * 2.0_f64.ln();
        assert!((sum - exact).abs() <= 64.0 * device.epsilon(), "{}: {sum}, not {exact}", device.description());
    }
}

/// A start along an eigenvector of one member, and a start of its own for each.
#[test]
fn each_member_starts_where_it_is_told() {
    let own = matrices(2, &[1.0, 0.0, 0.0, -0.5, 1.0, 0.0, 0.0, -0.5]);
    let states = InitialStates::new(vec![2, 2], vec![1.0, 0.0, 0.0, 3.0], Origin::default()).expect("states");
    let mut spec = spec(own, Weights::Tied, &[1.0, 0.0], [1.0, 1.0, 0.0], 10);
    spec.ensemble.initial = Some(states);
    spec.validate().expect("one state for each member");
    for device in devices_of_all_kinds() {
        let run = sweep::run(&device, &spec, &mut |_| ControlFlow::Continue(())).expect("it runs");
        let growth: Vec<f64> = run.courses.iter().map(|course| course.log_growth.expect("finite")).collect();
        let exact = [10.0 * 2.0_f64.ln(), -10.0 * 2.0_f64.ln()];
        for (growth, exact) in growth.iter().zip(exact) {
            assert!((growth - exact).abs() <= tolerance(&device, 10, 2), "{}: {growth}", device.description());
        }
    }
}

/// f = 0 at radius 0, so an MLP with friction alone takes its own start to (1 - γ)^L of it.
#[test]
fn nonlinear_layers_start_there_too() {
    for device in devices_of_all_kinds() {
        let mut spec = SweepSpec { depth: 6, linearise_every: Some(0), ..SweepSpec::of(Model::Mlp) };
        (spec.step_size, spec.radius, spec.damping) = (Grid::single(1.0), Grid::single(0.0), Grid::single(0.5));
        spec.layer = LayerSpec { tokens: 2, ..spec.layer };
        (spec.ensemble.members, spec.ensemble.width, spec.trajectories) = (2, 3, 1);
        let start = [3.0, 0.0, 0.0, 0.0, 4.0, 0.0];
        spec.ensemble.initial = Some(InitialStates::new(vec![2, 3], start.to_vec(), Origin::default()).expect("fits"));
        spec.validate().expect("it can be run");
        let points = sweep::points(&spec);
        let history = sweep::rollout(&spec, &points).histories(&device, 0..1).expect("it runs");
        let seen = history.observations.expect("they are observed");
        assert_eq!(seen[0].norm, Some(5.0), "{}", device.description());
        // Two tokens at a right angle.
        assert_eq!(seen[0].token_similarity.map(|cosine| cosine.abs() < 1e-6), Some(true));
        assert_growth(&device, &spec, 6.0 * 0.5_f64.ln());
    }
}

fn devices_of_all_kinds() -> Vec<Device> {
    devices().into_iter().map(|(device, _)| device).collect()
}

/// Files, flags and what is refused; the line must say this.
#[test]
fn what_does_not_fit_is_refused_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writable");
    write("m.csv", "0.5,0\n0,-0.25\n");
    write("nan.csv", "0.5,nan\n0,-0.25\n");
    write("huge.csv", "1e30,0\n0,1\n");
    write("x.csv", "1,2\n");
    write("zero.csv", "0\n0\n");
    write("long.csv", "1,2,3\n");
    for (line, says) in [
        ("sweep --matrix m.csv --members 3", "members: matrices of a file have their own"),
        ("sweep --matrix m.csv --width 3", "width: matrices"),
        ("sweep --matrix m.csv --ensemble symmetric", "ensemble: matrices"),
        ("lyapunov --matrix m.csv --tau 0.5", "tau: matrices"),
        ("sweep --matrix m.csv --weights iid", "weights: own matrices are not drawn"),
        ("sweep --weights given", "weights: given are own matrices"),
        ("sweep --matrix m.csv --weights given --depth 2", "depth: 2 steps need as many matrices, and there are 1"),
        ("lyapunov --matrix m.csv --weights given --depth 2", "depth: 2 steps"),
        ("sweep --matrix m.csv --radius-kind nominal", "radius_kind: own matrices"),
        ("sweep --radius-kind factor", "radius_kind: factor is for own matrices"),
        ("sweep --matrix m.csv --weights given --radius-kind exact", "radius_kind: with given weights"),
        ("lyapunov --matrix m.csv --radius-kind exact", "radius_kind"),
        ("sweep --matrix m.csv --model mlp", "matrix: the mlp model"),
        ("sweep --matrix m.csv --sweep-over width=2,4", "sweep_over: width: own matrices have one width"),
        ("sweep --matrix nan.csv", "row 1, column 2"),
        ("sweep --matrix huge.csv", "the norm of matrix 0"),
        ("sweep --matrix m.csv --radius 1e30", "radius: one step could grow a state"),
        ("sweep --matrix gone.npy", "gone.npy"),
        ("sweep --matrix m.csv --initial long.csv", "initial: an array of 1 x 3 is no state of 2 numbers"),
        ("sweep --matrix m.csv --initial zero.csv", "initial: no number of state 0"),
        ("lyapunov --matrix m.csv --initial x.csv", "initial: exponents of the linear model"),
        ("sweep --model transformer --tokens 3 --width 4 --initial x.csv", "give 3 x 4, or 64 x 3 x 4"),
        ("sweep --model mlp --value-gain 2", "value_gain: the mlp model has no attention"),
        ("sweep --hidden-gain 2", "hidden_gain: the linear model has none"),
        ("sweep --model mlp --hidden-gain 0", "hidden_gain: 0 is not above 0"),
        ("sweep --model mlp --output-gain 1e30", "radius: one step could grow"),
    ] {
        let mut command = eulerscope();
        command.current_dir(folder.path()).args(line.split(' ')).args(["--device", "cpu", "--quiet"]);
        let code = if line.contains("gone") { 7 } else { 4 };
        let said = refusal(command, code);
        assert!(said.contains(says), "{line}: {said}");
    }
}

#[test]
fn a_record_knows_its_files_and_notices_that_they_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writable");
    write("m.csv", "0.5,0.25\n0,-0.25\n");
    write("x.csv", "1\n-2\n");
    for line in ["sweep --matrix m.csv --initial x.csv --depth 4 --sweep-over depth=2,4", "lyapunov --matrix m.csv"] {
        let line = line.replace(" --depth 4", "");
        let name = line.split(' ').next().expect("a command");
        let first = json(&format!("{line} --json --out {name}"), folder.path());
        assert_eq!(first["spec"]["matrix"], "m.csv");
        let hash = blake3::hash(b"0.5,0.25\n0,-0.25\n").to_hex().to_string();
        assert_eq!(first["spec"]["matrix_blake3"], hash.as_str());
        assert_eq!(first["spec"]["members"], serde_json::Value::Null, "the file has them");
        let again = json(&format!("{name} {name}/run.json --json"), folder.path());
        assert_eq!((&again["cells"], &again["exponents"]), (&first["cells"], &first["exponents"]));
        write("m.csv", "0.5,0.25\n0,-0.5\n");
        let mut command = eulerscope();
        command.current_dir(folder.path()).args([name, &format!("{name}/run.json"), "--device", "cpu", "--quiet"]);
        let said = refusal(command, 4);
        assert!(said.contains("matrix: m.csv has changed since the run"), "{said}");
        let new = json(&format!("{name} {name}/run.json --matrix m.csv --json"), folder.path());
        assert_ne!(new["spec"]["matrix_blake3"], hash.as_str());
        write("m.csv", "0.5,0.25\n0,-0.25\n");
    }
    // A plan says what it would do of them.
    let plan = json("sweep --matrix m.csv --plan --json", folder.path());
    assert_eq!(plan["plan"]["members"], 1);
}

/// An exact radius of own matrices is their own measured one.
#[test]
fn exact_radii_of_own_matrices_are_measured() {
    let own = matrices(2, &[0.3, 1.0, 0.0, -0.2, 5.0, 0.0, 0.0, 1.0]);
    for device in devices_of_all_kinds() {
        let mut spec = spec(own.clone(), Weights::Tied, &[1.0, 0.0], [1.0, 0.5, 1.0], 4);
        spec.ensemble.radius_kind = RadiusKind::Exact;
        spec.validate().expect("it can be run");
        let cell = cell(&device, &spec);
        let radius = cell.spectral_radius;
        assert!((radius.mean.get().expect("there") - 0.5).abs() <= 8.0 * device.epsilon(), "{radius:?}");
        assert!(radius.sd.get().expect("two members") <= 8.0 * device.epsilon(), "{radius:?}");
        // Both start along the eigenvector of their radius.
        assert!((cell.log_growth.mean.get().expect("finite") - 4.0 * 0.5_f64.ln()).abs() <= tolerance(&device, 4, 2));
    }
}
