//! What is brought along instead of being drawn: own matrices and initial states, as files for the program and as numbers
//! for the definitions.

use super::dense::Matrix;
use super::lyapunovs;
use super::pairwise::{Factor, factor, settings};
use super::random::splitmix;
use super::setting::Setting;
use super::sweeps::{allowed, hold, nonlinear_factors};
use std::path::PathBuf;

/// What is brought along.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Given {
    pub matrices: bool,
    pub initial: Option<Initial>,
}

/// How many initial states there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    /// One for all members.
    Shared,
    /// One for each.
    Each,
}

/// A number from -1 to 1 that f32 does not have.
fn number(setting: &Setting, what: u64, place: usize) -> f64 {
    let word = splitmix(setting.seed.wrapping_mul(31).wrapping_add(what * 1_000_003 + place as u64));
    (word >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// Own matrix `index`, with a norm near 1.
pub fn matrix(setting: &Setting, index: usize) -> Matrix {
    let n = setting.width;
    let entry = |i: usize, j: usize| 1.5 * number(setting, 1, (index * n + i) * n + j) / (n as f64).sqrt();
    (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect()
}

/// The initial state of a member, token by token.
pub fn state(setting: &Setting, member: usize) -> Vec<Vec<f64>> {
    let member = if setting.given.initial == Some(Initial::Shared) { 0 } else { member };
    let (n, tokens) = (setting.width, setting.tokens);
    let entry = |token: usize, row: usize| 3.0 * number(setting, 2, (member * tokens + token) * n + row);
    (0..tokens).map(|token| (0..n).map(|row| entry(token, row)).collect()).collect()
}

/// How many own matrices there are for so many steps: one more than is needed along depth.
pub fn count(setting: &Setting, steps: usize) -> usize {
    if setting.weights == "given" { steps + 1 } else { setting.members }
}

/// The flags, with the files that they name.
pub fn flags(setting: &Setting, steps: usize) -> String {
    let mut flags = String::new();
    let n = setting.width;
    if setting.given.matrices {
        let count = count(setting, steps);
        let values: Vec<f64> = (0..count).flat_map(|index| matrix(setting, index)).flatten().collect();
        flags += &format!(" --matrix {}", write("matrix", &[count, n, n], &values).display());
    }
    if let Some(initial) = setting.given.initial {
        let count = if initial == Initial::Shared { 1 } else { setting.members };
        let values: Vec<f64> = (0..count).flat_map(|member| state(setting, member)).flatten().collect();
        let mut shape = vec![n];
        if setting.tokens > 1 {
            shape.insert(0, setting.tokens);
        }
        if initial == Initial::Each {
            shape.insert(0, count);
        }
        flags += &format!(" --initial {}", write("initial", &shape, &values).display());
    }
    flags
}

/// A file of its own for each content.
fn write(name: &str, shape: &[usize], values: &[f64]) -> PathBuf {
    let shape = shape.iter().map(|length| format!("{length},")).collect::<String>();
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut bytes = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    let hash = bytes.iter().fold(0, |hash, &byte| splitmix(hash ^ u64::from(byte)));
    let folder = std::env::temp_dir().join(format!("eulerscope-given-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for files");
    let path = folder.join(format!("{name}_{hash:016x}.npy"));
    // Another test may be writing the same: a file appears whole.
    let own = folder.join(format!("{name}_{hash:016x}_{:?}.part", std::thread::current().id()));
    std::fs::write(&own, bytes).expect("a file of numbers");
    std::fs::rename(&own, &path).expect("a file of numbers");
    path
}

fn linear_factors() -> Vec<Factor> {
    vec![
        factor("weights", &["tied", "given"], |s, x| s.weights = x),
        factor("radius_kind", &["factor", "exact"], |s, x| s.radius_kind = x),
        factor("integrator", &["euler", "heun", "rk4", "backward-euler", "exponential-euler"], |s, x| s.integrator = x),
        factor("shift", &[0.0, 0.6], |s, x| s.shift = x),
        factor("initial", &[None, Some(Initial::Shared), Some(Initial::Each)], |s, x| s.given.initial = x),
        factor("step_sizes", &[[0.3, 1.0], [0.5, 2.0]], |s, x| s.step_sizes = x.to_vec()),
        factor("radii", &[vec![0.4, 1.2], vec![1.0]], |s, x| s.radii = x),
        factor("dampings", &[vec![0.0, 0.3], vec![0.1]], |s, x| s.dampings = x),
        factor("depth", &[1, 2, 5, 7], |s, x| s.depth = x),
        factor("width", &[2, 3, 5, 8], |s, x| s.width = x),
        factor("members", &[1, 2, 7], |s, x| s.members = x),
        factor("seed", &[0, 3], |s, x| s.seed = x),
        factor("chunk", &[None, Some(1), Some(3)], |s, x| s.chunk = x),
    ]
}

/// Own matrices, of which a stack along depth is one member, and nothing but tied ones have an exact radius.
fn linear() -> Vec<Setting> {
    let base = Setting { given: Given { matrices: true, initial: None }, ..Setting::default() };
    let mut all = settings(&base, &linear_factors(), allowed);
    all.iter_mut().filter(|setting| setting.weights == "given").for_each(|setting| setting.members = 1);
    all
}

/// Gains of all parts and own initial states.
fn nonlinear() -> Vec<Setting> {
    let mut factors = nonlinear_factors();
    factors.extend([
        factor("initial", &[None, Some(Initial::Shared), Some(Initial::Each)], |s, x| s.given.initial = x),
        factor("query_key_gain", &[1.0, 2.0, 0.3], |s, x| s.query_key_gain = x),
        factor("value_gain", &[1.0, 0.6], |s, x| s.value_gain = x),
        factor("hidden_gain", &[1.0, 1.7], |s, x| s.hidden_gain = x),
        factor("output_gain", &[1.0, 0.5], |s, x| s.output_gain = x),
        factor("bias_gain", &[0.0, 0.4, 2.0], |s, x| s.bias_gain = x),
    ]);
    let base = Setting { model: "mlp", ..Setting::default() };
    settings(&base, &factors, allowed)
}

/// The settings of sweeps that `lyapunov` has too.
fn exponents() -> Vec<Setting> {
    // The linear model's exponents do not depend on a state.
    let fits = |setting: &Setting| setting.radius_kind == "factor" && setting.given.initial.is_none();
    let first = |setting: Setting| Setting {
        step_sizes: setting.step_sizes[..1].to_vec(),
        dampings: setting.dampings[..1].to_vec(),
        step_scaling: "constant",
        ..setting
    };
    linear().into_iter().filter(fits).chain(nonlinear().into_iter().step_by(4)).map(first).collect()
}

#[test]
fn sweeps_of_own_matrices_on_every_device() {
    hold(&linear(), "reference");
    hold(&linear(), "cpu");
    hold(&linear().into_iter().step_by(6).collect::<Vec<_>>(), "software");
}

#[test]
fn gains_and_initial_states_on_every_device() {
    hold(&nonlinear(), "reference");
    hold(&nonlinear().into_iter().step_by(2).collect::<Vec<_>>(), "cpu");
    hold(&nonlinear().into_iter().step_by(12).collect::<Vec<_>>(), "software");
}

#[test]
fn exponents_of_own_matrices_and_gains_on_every_device() {
    lyapunovs::hold(&exponents(), "reference");
    lyapunovs::hold(&exponents(), "cpu");
    lyapunovs::hold(&exponents().into_iter().step_by(8).collect::<Vec<_>>(), "software");
}
