//! The nonlinear layers: the MLP, attention alone, and the essay's Transformer layer with both as its sublayers.

use crate::integrator::{self, Field, Operation, Program, c64};
use crate::kernel::combine::MOST_TERMS;
use crate::kernel::end_step::{self, observation};
use crate::kernel::shared::trajectory::{event, norm};
use crate::layer::anatomy::Anatomy;
use crate::layer::attention::Attention;
use crate::layer::shape::Shape;
use crate::layer::sublayer::{Branch, Frame, Sublayer, Weights};
use crate::layer::update::Update;
use crate::layer::weighted_sum::WeightedSum;
use crate::layer::{Point, State, Threshold};
use crate::numbers::random::Tensor;
use crate::plan::{Ints, Plan, Reals};
use crate::spec::{Integrator, LayerSpec};
use crate::weights::{Columns, LearnedLayer, Source};
use std::ops::Range;

/// What is kept of a rollout, for each grid point: see [`end_step`].
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// `[slots, 6 observations, points]`, the rows of [`observation`].
    pub observations: Reals,
    /// `[now | peak | initial, points]`: squared norms over all tokens.
    pub norms: Reals,
    /// `[3 scales | 4 events, points]`: see [`trajectory`](crate::kernel::shared::trajectory).
    pub events: Ints,
}

/// A nonlinear layer for the whole grid: its sublayers, and how a step is made of them.
///
/// ```text
/// euler, mlp:          x+ = (1 - gamma) x  + h FFN(norm(x))
/// euler, attention:    x+ = (1 - gamma) x  + h MultiHead(norm(x))
/// euler, transformer:  x' = (1 - gamma) x  + h MultiHead(norm(x))
///                      x+ = (1 - gamma) x' + h FFN(norm(x'))
/// ```
///
/// with FFN(y) = radius W2 φ(W1 y) and MultiHead(y) = radius W_O [softmax(Q^T K / sqrt d) V of each head]; all weights
/// N(0, 1/fan_in), times the squares of their gains. With biases a projection is gain (W y + b) with b ~ N(0, bias²). With
/// `norm = post` the sums are normed instead of the inputs. The order of the sublayers and the stages of other integrators:
/// [`crate::integrator`]. Steps of the last kind that are not seen, made many at a time: [`crate::layer::fused`].
pub struct NonlinearLayer {
    pub(super) shape: Shape,
    pub(super) points: Vec<Point>,
    /// The branches, each with its norm.
    pub(super) sublayers: Vec<Sublayer>,
    /// Those that are evaluated at one state, for each sublayer of the program.
    pub(super) groups: Vec<Range<usize>>,
    pub(super) program: Program,
    /// The states of the last step, one for each [`Value`] of the program.
    pub(super) last: Option<Vec<Reals>>,
    start: State,
    /// The weights of the operations that are sums, one buffer for each operation.
    pub(super) factors: Vec<Option<Reals>>,
    /// Results of all operations but the last one of a step, `[rows, columns]` each.
    stages: Vec<Reals>,
    /// States after a step, in turn.
    ends: [Reals; 2],
    /// The sum of some increments, on the way to that of all sublayers.
    partial: Reals,
    /// What a step would keep of a state without f, `[columns]`.
    keep: Reals,
    no_entropy: Reals,
    pub(super) threshold: Threshold,
    slots: usize,
    /// What is kept.
    pub record: Record,
}

impl NonlinearLayer {
    /// The random layer of width `width` for these grid points; `slots` steps of a rollout can be kept.
    pub fn new(
        plan: &mut Plan,
        spec: &LayerSpec,
        width: usize,
        points: &[Point],
        threshold: Threshold,
        slots: usize,
    ) -> Self {
        let anatomy = Anatomy::of(spec, width);
        let shape = Shape::new(width, spec.tokens, points.len());
        let frame = Frame { shape, norm: anatomy.norm, points, threshold };
        Self::of(plan, &anatomy, spec.integrator, frame, [Weights::Drawn(spec.gains); 2], slots)
    }

    /// One layer of a trained model, for sequences of so many tokens. Each point has a sequence of its own or shares it with
    /// others: the states are an input.
    pub fn learned(
        plan: &mut Plan,
        anatomy: &Anatomy,
        weights: &LearnedLayer,
        integrator: Integrator,
        tokens: usize,
        points: &[Point],
    ) -> Self {
        let shape = Shape::new(anatomy.width, tokens, points.len());
        let frame = Frame { shape, norm: anatomy.norm, points, threshold: Threshold::new(f64::from(f32::MAX)) };
        let weights = [&weights.attention, &weights.feedforward].map(Weights::Learned);
        Self::of(plan, anatomy, integrator, frame, weights, 1)
    }

    fn of(
        plan: &mut Plan,
        anatomy: &Anatomy,
        integrator: Integrator,
        frame: Frame,
        [of_attention, of_feedforward]: [Weights; 2],
        slots: usize,
    ) -> Self {
        let Frame { shape, points, threshold, .. } = frame;
        let groups = anatomy.sublayers();
        let program = integrator::program(integrator, groups).expect("specifications ask for explicit steps");
        let updates = |group: usize, first: bool| Update::of(&program, group, first);
        let attention = anatomy
            .attention
            .as_ref()
            .map(|heads| Sublayer::attention(plan, frame, heads, &updates(0, true), of_attention));
        let alone = attention.is_none() || !anatomy.parallel;
        let feedforward = anatomy
            .feedforward
            .map(|units| Sublayer::feedforward(plan, frame, units, &updates(groups - 1, alone), of_feedforward));
        let sublayers: Vec<Sublayer> = attention.into_iter().chain(feedforward).collect();
        let whole = shape.rows * shape.columns;
        let sums = |operation: &Operation| matches!(operation, Operation::Increment { of: Field::All, .. });
        let needs_partial = sublayers.len() > 1 && (anatomy.parallel || program.operations().iter().any(sums));
        NonlinearLayer {
            shape,
            points: points.to_vec(),
            groups: (0..groups).map(|i| if anatomy.parallel { 0..sublayers.len() } else { i..i + 1 }).collect(),
            sublayers,
            last: None,
            start: State::new(plan, shape.rows, shape.columns),
            factors: program.operations().iter().map(|operation| factors(plan, operation)).collect(),
            stages: program.operations()[1..].iter().map(|_| plan.reals("stage", whole)).collect(),
            ends: [(); 2].map(|()| plan.reals("x", whole)),
            partial: plan.reals("partial", if needs_partial { whole } else { 1 }),
            keep: plan.shared_reals("keep", keep(&program, shape, points)),
            no_entropy: plan.reals("no_entropy", 1),
            program,
            threshold,
            slots,
            record: Record {
                observations: plan.reals("observations", slots * observation::ROWS * points.len()),
                norms: plan.reals("norms", norm::ROWS * points.len()),
                events: plan.ints("events", event::ROWS * points.len()),
            },
        }
    }

    /// The sizes of the state.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Draws the weights of layer `step`: 0 once for tied weights, a new one before each step for iid weights.
    pub fn draw(&self, plan: &mut Plan, source: &Source, step: u32) {
        self.sublayers.iter().for_each(|sublayer| sublayer.draw(plan, source, step));
    }

    /// The buffers of the weights, for callers that fill them themselves: of attention (stacked query, key and value
    /// `[3 n, n]`, output `[n, n]`), if there is any, then of the FFN (up `[hidden, n]`, down `[n, hidden]`), padded,
    /// with elements of variance 1.
    pub fn weights(&self) -> Vec<Reals> {
        self.sublayers.iter().flat_map(Sublayer::weights).collect()
    }

    /// Makes the initial state, standard normal numbers or given ones, the same at every grid point: `[rows, columns]`.
    pub fn start(&self, plan: &mut Plan, source: &Source) -> Reals {
        let Shape { width, tokens, points, .. } = self.shape;
        let columns = Columns { rows: width, count: points * tokens, tokens };
        source.draw_state(plan, Tensor::State, columns, false, &self.start);
        self.start.x
    }

    /// The buffer of the initial state, for callers that fill it themselves.
    pub fn start_buffer(&self) -> Reals {
        self.start.x
    }

    /// The states of the last step, in the order of the integrator's operations: the one before it first, the one
    /// after it last. For Euler's method these are the states between sublayers.
    pub fn states(&self) -> &[Reals] {
        self.last.as_deref().expect("a step has been recorded")
    }

    /// One step from state `x`, `step` = 1, 2, ..; what is seen goes to slot `slot` of the record.
    /// The state moves between buffers, so the result names it anew.
    pub fn step(&mut self, plan: &mut Plan, x: Reals, step: u32, slot: usize) -> Reals {
        let after = self.ends[usize::from(x == self.ends[0])];
        let states: Vec<Reals> = [x].into_iter().chain(self.stages.iter().copied()).chain([after]).collect();
        self.sublayers.iter().for_each(Sublayer::begin_step);
        for i in 0..self.program.operations().len() {
            self.operate(plan, i, &states);
        }
        self.observe(plan, x, after, step, slot);
        self.last = Some(states);
        after
    }

    /// Operation `i` of the integrator.
    fn operate(&self, plan: &mut Plan, i: usize, states: &[Reals]) {
        let out = states[i + 1];
        match &self.program.operations()[i] {
            Operation::Substep { sublayer, fraction, from } => {
                let own = self.groups[*sublayer].clone();
                self.update(plan, own, Update::Substep(*fraction), [states[from.index()], out]);
            }
            Operation::Increment { of: Field::Sublayer(sublayer), at } => {
                let own = self.groups[*sublayer].clone();
                self.update(plan, own, Update::Increment(1), [states[at.index()], out]);
            }
            Operation::Increment { of: Field::All, at } => {
                let (all, count) = (0..self.sublayers.len(), self.groups.len());
                self.update(plan, all, Update::Increment(count), [states[at.index()], out]);
            }
            Operation::Sum { terms } => {
                let sum =
                    WeightedSum { terms, factors: self.factors[i], rows: self.shape.rows, columns: self.shape.columns };
                sum.record(plan, states, out);
            }
        }
    }

    /// The same update by each of some branches, all at x: the first one's, and what the others add to it.
    fn update(&self, plan: &mut Plan, own: Range<usize>, update: Update, [x, out]: [Reals; 2]) {
        let (first, last) = (own.start, own.end - 1);
        let mut sum = x;
        for i in own {
            let update = if i == first { update } else { update.added() };
            let to = if i == last { out } else { self.partial };
            self.sublayers[i].update(plan, update, [sum, x, to]);
            sum = to;
        }
    }

    /// The attention sublayer, if there is one.
    pub(super) fn attention(&self) -> Option<&Attention> {
        self.sublayers.iter().find_map(|sublayer| match &sublayer.branch {
            Branch::Attention(attention) => Some(attention),
            Branch::Feedforward(_) => None,
        })
    }

    fn observe(&self, plan: &mut Plan, x: Reals, after: Reals, step: u32, slot: usize) {
        let (heads, entropy) = match self.attention() {
            Some(attention) => (attention.params.heads, attention.entropy),
            None => (0, self.no_entropy),
        };
        let params = end_step::Params {
            rows: self.shape.rows as u32,
            columns: self.shape.columns as u32,
            tokens: self.shape.tokens as u32,
            points: self.shape.points as u32,
            heads,
            token_lanes: self.shape.tokens.next_power_of_two().min(64) as u32,
            step,
            slot: slot as u32,
            slots: self.slots as u32,
            threshold_exponent: self.threshold.exponent,
            threshold_mantissa: self.threshold.mantissa,
        };
        let Record { observations, norms, events } = self.record;
        let buffers = end_step::Buffers {
            before: x,
            start: self.start.x,
            keep: self.keep,
            entropy,
            x: after,
            observations,
            norms,
            events,
        };
        plan.run(params, buffers);
    }
}

/// What a step keeps of a state where f is 0, by friction alone.
fn keep(program: &Program, shape: Shape, points: &[Point]) -> Vec<f64> {
    let of = |point: &Point| program.growth(c64::new(-point.damping, 0.0)).re;
    let used = points.iter().flat_map(|point| std::iter::repeat_n(of(point), shape.tokens));
    used.chain(std::iter::repeat(0.0)).take(shape.columns).collect()
}

/// The weights of a sum.
fn factors(plan: &mut Plan, operation: &Operation) -> Option<Reals> {
    let Operation::Sum { terms } = operation else { return None };
    let mut values = vec![0.0; MOST_TERMS];
    values.iter_mut().zip(terms).for_each(|(value, (_, factor))| *value = *factor);
    Some(plan.shared_reals("factors", values))
}
