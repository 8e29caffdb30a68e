//! The ensemble: random weights of every member, made on the device from their addresses.
//!
//! A = -shift I + radius * G * unit, where G is stored as it is drawn and `unit` brings the edge of the ensemble's
//! limiting law to 1. So one set of weights serves all grid points, and its spectrum, computed once, all of them too.

use crate::device::Device;
use crate::error::Result;
use crate::kernel::euler_update::{mark, norm};
use crate::kernel::{fill_random, fill_state};
use crate::numbers::random::{Tensor, normal_table};
use crate::numbers::verdict::Band;
use crate::plan::{Data, Inputs, Ints, Numbers, Plan, Reals, Words};
use crate::spec::{EnsembleSpec, RadiusKind};
use std::ops::{ControlFlow, Range};

/// Sizes of buffers are multiples of this, so that everything can be read four at a time.
pub const PADDING: usize = 4;

/// The state of a member: its columns and their records.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// `[padded width, padded columns]`.
    pub x: Reals,
    /// `[now | peak | initial, padded columns]`: squared norms.
    pub norms: Reals,
    /// `[6 marks, padded columns]`.
    pub marks: Ints,
}

impl State {
    /// Buffers for a state of so many rows and columns, both padded.
    pub fn new(plan: &mut Plan, rows: usize, columns: usize) -> Self {
        State {
            x: plan.reals("x", rows * columns),
            norms: plan.reals("norms", norm::ROWS * columns),
            marks: plan.ints("marks", mark::ROWS * columns),
        }
    }
}

/// What random kernels read: the members' identities and the table of normal quantiles.
pub struct Source {
    /// `[members]`, an input of the plan.
    pub member_ids: Words,
    /// Shared.
    pub normal_table: Words,
    seed: u64,
}

impl Source {
    /// Adds both to a plan.
    pub fn new(plan: &mut Plan, seed: u64) -> Self {
        let ids = plan.words("member_ids", 1);
        Source {
            member_ids: plan.input(ids),
            normal_table: plan.shared_words("normal_table", normal_table().to_vec()),
            seed,
        }
    }

    /// The seed of all that is drawn.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The values of the plan's input for these members.
    pub fn inputs(&self, members: Range<usize>) -> Inputs {
        Inputs::new().with(self.member_ids, Data::Word(members.map(|member| member as u32).collect()))
    }

    /// Draws the square matrix G of the linear model into `weights`, `[padded, padded]`.
    pub fn draw_square(&self, plan: &mut Plan, spec: &EnsembleSpec, step: u32, weights: Reals) {
        let n = spec.width as u32;
        let mixing = Mixing::of(spec.correlation());
        let params = fill_random::Params { alpha: mixing.alpha, beta: mixing.beta, ..self.shape(Tensor::Linear, n, n) };
        let params = fill_random::Params { step, beta_negative: mixing.beta_negative, ..params };
        plan.run(params, self.drawn_into(weights));
    }

    /// Draws a rectangular matrix of independent normal numbers into `weights`, `[padded rows, padded columns]`.
    pub fn draw(&self, plan: &mut Plan, tensor: Tensor, step: u32, (rows, columns): (usize, usize), weights: Reals) {
        let params = fill_random::Params { step, ..self.shape(tensor, rows as u32, columns as u32) };
        plan.run(params, self.drawn_into(weights));
    }

    fn drawn_into(&self, out: Reals) -> fill_random::Buffers {
        fill_random::Buffers { member_ids: self.member_ids, normal_table: self.normal_table, out }
    }

    fn shape(&self, tensor: Tensor, rows: u32, columns: u32) -> fill_random::Params {
        fill_random::Params {
            rows,
            columns,
            padded_rows: rows.next_multiple_of(PADDING as u32),
            padded_columns: columns.next_multiple_of(PADDING as u32),
            seed_low: self.seed as u32,
            seed_high: (self.seed >> 32) as u32,
            tensor: tensor as u32,
            step: 0,
            alpha: 0,
            beta: 0,
            beta_negative: 0,
        }
    }

    /// Draws the initial columns of `state`: column c is token c modulo `tokens`.
    pub fn draw_state(
        &self,
        plan: &mut Plan,
        tensor: Tensor,
        (rows, columns, tokens): (usize, usize, usize),
        renormalise: bool,
        state: &State,
    ) {
        let params = fill_state::Params {
            rows: rows as u32,
            padded_rows: rows.next_multiple_of(PADDING) as u32,
            columns: columns as u32,
            padded_columns: columns.next_multiple_of(PADDING) as u32,
            tokens: tokens as u32,
            seed_low: self.seed as u32,
            seed_high: (self.seed >> 32) as u32,
            tensor: tensor as u32,
            renormalise: u32::from(renormalise),
        };
        let Source { member_ids, normal_table, .. } = *self;
        let State { x, norms, marks } = *state;
        plan.run(params, fill_state::Buffers { member_ids, normal_table, x, norms, marks });
    }
}

/// `G = alpha g + beta g^T` with independent normal g has entries of variance 1 and correlation tau between G_ij and
/// G_ji when alpha, beta = (sqrt(1 + tau) ± sqrt(1 - tau)) / 2.
struct Mixing {
    alpha: u32,
    beta: u32,
    beta_negative: u32,
}

impl Mixing {
    fn of(tau: f64) -> Self {
        let (plus, minus) = ((1.0 + tau).sqrt(), (1.0 - tau).sqrt());
        let fixed = |x: f64| (x * 4_294_967_296.0).min(u32::MAX as f64) as u32;
        let beta = (plus - minus) / 2.0;
        Mixing { alpha: fixed((plus + minus) / 2.0), beta: fixed(beta.abs()), beta_negative: u32::from(beta < 0.0) }
    }
}

/// The factor that brings the edge of the ensemble's limiting law from the scale of the drawn G to 1:
/// `1 / (edge * sqrt(width))`, with edge 1 (Ginibre, the circular law), 2 (symmetric, antisymmetric: the semicircle
/// law) and 1 + |tau| (elliptic law).
pub fn unit(spec: &EnsembleSpec) -> f64 {
    1.0 / ((1.0 + spec.correlation().abs()) * (spec.width as f64).sqrt())
}

/// What ‖G‖₂ exceeds once in 10^8 draws, whatever the ensemble: 2 sqrt n + 6 (Davidson and Szarek 2001).
pub fn norm_bound(width: usize) -> f64 {
    2.0 * (width as f64).sqrt() + 6.0
}

/// The band of |Φ| of Euler's step of size `step_size`, for members that are drawn with this radius and whose eigenvalues
/// are computed with this epsilon. An exact radius is itself off by as much as an eigenvalue.
pub fn band_of_step(spec: &EnsembleSpec, (step_size, radius): (f64, f64), epsilon: f64) -> Band {
    let size = (step_size * radius).abs() * unit(spec) * norm_bound(spec.width);
    let errors = if spec.radius_kind == RadiusKind::Exact { 2.0 } else { 1.0 };
    Band::of_factor(spec.width, epsilon, size).steeper(errors)
}

/// Draws the matrices G of `members` and hands them to `sink`, chunk by chunk, until it breaks: the first member's index
/// and the matrices, `[chunk, width, width]`, row-major, as drawn (not yet scaled).
///
/// # Errors
/// Whatever the device or `sink` fails with.
pub fn draw_matrices(
    device: &Device,
    spec: &EnsembleSpec,
    members: Range<usize>,
    chunk: usize,
    sink: &mut dyn FnMut(usize, Vec<f32>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, spec.seed);
    let padded = spec.width.next_multiple_of(PADDING);
    let weights = plan.reals("weights", padded * padded);
    source.draw_square(&mut plan, spec, 0, weights);
    let weights = plan.output(weights);
    let _ = device.run_until(&plan, members.len(), chunk, &source.inputs(members.clone()), &mut |chunk| {
        let values = strip(chunk.reals(weights), padded, spec.width);
        sink(members.start + chunk.members.start, values)
    })?;
    Ok(())
}

/// Takes the padding away. The drawn matrices are exact in f32 on every device.
fn strip(padded: Numbers, stride: usize, n: usize) -> Vec<f32> {
    let padded = match padded {
        Numbers::F32(values) => values.to_vec(),
        Numbers::F64(values) => values.iter().map(|&x| x as f32).collect(),
    };
    if stride == n {
        return padded;
    }
    let mut values = Vec::with_capacity(padded.len());
    for row in padded.chunks(stride * stride).flat_map(|member| member.chunks(stride).take(n)) {
        values.extend_from_slice(&row[..n]);
    }
    values
}
