//! Where the weights and states of a plan come from: random numbers, made on the device from their addresses, or what the
//! user brings along, as inputs of the plan.

use super::given::{GivenStates, GivenWeights};
use crate::kernel::shared::PADDING;
use crate::kernel::shared::trajectory::{event, norm};
use crate::kernel::{fill_random, fill_state};
use crate::numbers::random::{Tensor, normal_table};
use crate::plan::{BufferId, Data, Inputs, Ints, Plan, Reals, Words};
use crate::spec::{EnsembleSpec, Weights};
use std::ops::Range;

/// The state of a member: its columns and their records.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// `[padded width, padded columns]`.
    pub x: Reals,
    /// `[now | peak | initial, padded columns]`: squared norms.
    pub norms: Reals,
    /// `[3 scales | 4 events, padded columns]`.
    pub events: Ints,
}

impl State {
    /// Buffers for a state of so many rows and columns, both padded.
    pub fn new(plan: &mut Plan, rows: usize, columns: usize) -> Self {
        State {
            x: plan.reals("x", rows * columns),
            norms: plan.reals("norms", norm::ROWS * columns),
            events: plan.ints("events", event::ROWS * columns),
        }
    }

    /// Of how many columns, or grid points, norms and events are recorded, padding included.
    pub fn records(&self, plan: &Plan) -> usize {
        plan.buffers[BufferId::from(self.norms).0].len() / norm::ROWS
    }
}

/// Where the weights and states of a plan come from: random numbers, or own matrices.
///
/// Random kernels read the members' identities and the table of normal quantiles.
pub struct Source {
    /// `[members]`, an input of the plan.
    pub member_ids: Words,
    /// The table of normal quantiles, shared by all members.
    pub normal_table: Words,
    /// A factor on the weights of each member of the linear model, an input of the plan; or 1 for all.
    pub member_gain: Reals,
    gains: Option<Vec<f64>>,
    seed: u64,
    given: Option<GivenWeights>,
    initial: Option<GivenStates>,
}

impl Source {
    /// A source of random numbers.
    pub fn new(plan: &mut Plan, seed: u64) -> Self {
        let ids = plan.words("member_ids", 1);
        Source {
            member_ids: plan.input(ids),
            normal_table: plan.shared_words("normal_table", normal_table().to_vec()),
            member_gain: plan.shared_reals("member_gain", vec![1.0]),
            gains: None,
            seed,
            given: None,
            initial: None,
        }
    }

    /// The source of the members of an ensemble, of states with this many tokens, whose layers are tied, iid or given.
    pub fn of(plan: &mut Plan, spec: &EnsembleSpec, weights: Weights, tokens: usize) -> Self {
        let given = spec.matrices.clone().map(|own| GivenWeights::new(own, weights));
        let initial = spec.initial.as_ref().map(|own| GivenStates::new(plan, own, spec.width, tokens));
        Source { given, initial, ..Source::new(plan, spec.seed) }
    }

    /// The same with these factors on the weights of all members of the ensemble, if there are any.
    pub fn with_gains(self, plan: &mut Plan, gains: Option<&[f64]>) -> Self {
        let Some(gains) = gains else { return self };
        let own = plan.reals("member_gain", 1);
        Source { member_gain: plan.input(own), gains: Some(gains.to_vec()), ..self }
    }

    /// The seed of all that is drawn.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The values of the plan's inputs for these members.
    pub fn inputs(&self, members: Range<usize>) -> Inputs<'static> {
        let ids = members.clone().map(|member| member as u32).collect();
        let inputs = Inputs::new().with(self.member_ids, Data::Word(ids));
        let gains = self.gains.iter().map(|gains| Data::F64(gains[members.clone()].to_vec()));
        let inputs = gains.fold(inputs, |inputs, gains| inputs.with(self.member_gain, gains));
        let inputs = self.given.iter().fold(inputs, |inputs, given| given.fill(members.clone(), inputs));
        self.initial.iter().fold(inputs, |inputs, given| given.fill(members.clone(), inputs))
    }

    /// The matrix of layer `layer`, from 0, of the linear model, `[padded width, padded width]`: drawn into `weights`, or
    /// an input of the plan, which for the first layer is `weights`. Returns the buffer that it is in.
    pub fn square(&mut self, plan: &mut Plan, spec: &EnsembleSpec, layer: u32, weights: Reals) -> Reals {
        match &mut self.given {
            Some(given) => given.place(plan, layer as usize, weights),
            None => {
                self.draw_square(plan, spec, layer, weights);
                weights
            }
        }
    }

    /// Draws the square matrix G of the linear model into `weights`, `[padded, padded]`.
    pub(super) fn draw_square(&self, plan: &mut Plan, spec: &EnsembleSpec, step: u32, weights: Reals) {
        let n = spec.width as u32;
        let mixing = Mixing::of(spec.correlation());
        let params = fill_random::Params { alpha: mixing.alpha, beta: mixing.beta, ..self.shape(Tensor::Linear, n, n) };
        let params = fill_random::Params { step, beta_negative: mixing.beta_negative, ..params };
        plan.run(params, self.drawn_into(weights));
    }

    /// Draws a rectangular matrix of independent normal numbers into `weights`, `[padded rows, padded columns]`.
    pub fn draw(&self, plan: &mut Plan, tensor: Tensor, step: u32, size: Size, weights: Reals) {
        let params = fill_random::Params { step, ..self.shape(tensor, size.rows as u32, size.columns as u32) };
        plan.run(params, self.drawn_into(weights));
    }

    /// Draws a row of so many independent normal numbers into `row`, `[padded]`.
    pub fn draw_row(&self, plan: &mut Plan, tensor: Tensor, step: u32, numbers: usize, row: Reals) {
        let params = fill_random::Params { step, padded_rows: 1, ..self.shape(tensor, 1, numbers as u32) };
        plan.run(params, self.drawn_into(row));
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

    /// Makes the initial columns of `state`, drawn from `tensor`, or the given ones where that is the tensor of states.
    pub fn draw_state(&self, plan: &mut Plan, tensor: Tensor, columns: Columns, renormalise: bool, state: &State) {
        let given = self.initial.as_ref().filter(|_| tensor as u32 == Tensor::State as u32);
        let params = fill_state::Params {
            rows: columns.rows as u32,
            padded_rows: columns.rows.next_multiple_of(PADDING) as u32,
            columns: columns.count as u32,
            padded_columns: columns.count.next_multiple_of(PADDING) as u32,
            tokens: columns.tokens as u32,
            seed_low: self.seed as u32,
            seed_high: (self.seed >> 32) as u32,
            tensor: tensor as u32,
            renormalise: u32::from(renormalise),
            given: u32::from(given.is_some()),
        };
        let start = given.map_or_else(|| plan.shared_reals("start", vec![0.0]), |given| given.start);
        let Source { member_ids, normal_table, .. } = *self;
        let State { x, norms, events } = *state;
        plan.run(params, fill_state::Buffers { member_ids, normal_table, start, x, norms, events });
    }
}

/// Rows and columns of a matrix, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// What it writes.
    pub rows: usize,
    /// What it reads.
    pub columns: usize,
}

/// The columns of a state that is made: column c is token c modulo `tokens`.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Rows, which are the width.
    pub rows: usize,
    /// How many columns there are.
    pub count: usize,
    /// How many of the columns are distinct: the tokens of a state.
    pub tokens: usize,
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
