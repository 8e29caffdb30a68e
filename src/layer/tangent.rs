//! The exact linearisation of a nonlinear layer: Jacobian-vector products of the step just recorded, by kernels.
//!
//! Tangents lie as `[rows, columns, vectors]`: for one grid point and no padding of tokens that is a matrix with one row
//! for each element (row, token) of the state and one column for each tangent vector, which is what `orthonormalise`
//! reads and what the Jacobian is.

mod sublayer;

use crate::integrator::{Field, Operation};
use crate::kernel::shared::PADDING;
use crate::kernel::shared::trajectory::{event, norm};
use crate::kernel::{attend_tangent, euler_update, fill_basis, fill_tangents};
use crate::layer::columns::{OwnColumns, Size};
use crate::layer::shape::Shape;
use crate::layer::update::Update;
use crate::layer::weighted_sum::WeightedSum;
use crate::layer::{NonlinearLayer, State};
use crate::numbers::random::Tensor;
use crate::plan::{Ints, Plan, Reals};
use crate::spec::NormPlacement;
use crate::weights::{Columns, Source};
use std::cell::OnceCell;
use std::ops::Range;
use sublayer::SublayerTangents;

/// Which map of a layer is linearised, at the state x before the step just recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole step M = d x+ / d x.
    Step,
    /// f of the attention sublayer at x, with its radius; without norm `post`.
    Attention,
    /// f of the FFN sublayer at its own input (x' in a Transformer), with its radius; without norm `post`.
    Feedforward,
    /// The vector field: the sum of the f of all sublayers, all at x.
    Field,
}

/// Tangent vectors of a layer, with the buffers that carry them through it.
pub struct Tangents {
    /// How many vectors were asked for.
    asked: usize,
    size: Size,
    /// The columns that are perturbed, where each is on its own; else all are, together.
    own: Option<OwnColumns>,
    /// `[rows, columns, vectors]`: the vectors as they were filled in.
    start: Reals,
    /// Of the results of all operations but the last one of a step.
    stages: Vec<Reals>,
    /// Of the states after a step, in turn.
    ends: [Reals; 2],
    /// Before a norm, or of one of two sublayers; there from its first use on, for it is a fifth of all.
    partial: OnceCell<Reals>,
    sublayers: Vec<SublayerTangents>,
    norms: Reals,
    events: Ints,
}

impl Tangents {
    /// Room for `vectors` tangent vectors, rounded up to a multiple of 4, at each grid point.
    pub fn new(plan: &mut Plan, layer: &NonlinearLayer, vectors: usize) -> Self {
        let size = Size { columns: layer.shape.columns, vectors: vectors.next_multiple_of(PADDING) };
        Self::of_size(plan, layer, vectors, size, None)
    }

    /// Room for one tangent vector at each grid point, which lies as a state does, without padding of its own.
    pub fn single(plan: &mut Plan, layer: &NonlinearLayer) -> Self {
        Self::of_size(plan, layer, 1, Size { columns: layer.shape.columns, vectors: 1 }, None)
    }

    /// Room for `vectors` tangent vectors, rounded up to a multiple of 4, in each of these columns of the state, of which
    /// each is perturbed alone and seen alone: what becomes of x_t + d at the same token t. Such tangents make the diagonal
    /// blocks of the Jacobian, all at once.
    ///
    /// They are those of single steps of Euler's method: a second one would see what the first has done to other tokens.
    pub fn of_own_columns(plan: &mut Plan, layer: &NonlinearLayer, columns: &[usize], vectors: usize) -> Self {
        let size = Size { columns: columns.len(), vectors: vectors.next_multiple_of(PADDING) };
        let own = OwnColumns::new(plan, layer.shape, columns);
        Self::of_size(plan, layer, vectors, size, Some(own))
    }

    fn of_size(plan: &mut Plan, layer: &NonlinearLayer, asked: usize, size: Size, own: Option<OwnColumns>) -> Self {
        if let (Some(attention), None) = (layer.attention(), &own) {
            let work = (attention.params.tokens * attention.params.head_width) as usize;
            let most = if size.vectors == 1 { attend_tangent::MOST_WORK_OF_ONE } else { attend_tangent::MOST_WORK };
            assert!(work <= most, "tangents of attention need tokens * width / heads <= {most}, not {work}");
        }
        let stride = size.stride();
        let mut deviations = || plan.reals("deviations", layer.shape.rows * stride);
        let operations = layer.program.operations().len();
        let (start, ends) = (deviations(), [deviations(), deviations()]);
        let stages: Vec<Reals> = (1..operations).map(|_| deviations()).collect();
        Tangents {
            asked,
            size,
            own,
            start,
            partial: OnceCell::new(),
            stages,
            ends,
            sublayers: (0..layer.sublayers.len()).map(|i| SublayerTangents::new(plan, layer, i, size)).collect(),
            norms: plan.reals("norms", norm::ROWS * stride),
            events: plan.ints("events", event::ROWS * stride),
        }
    }

    fn partial(&self, plan: &mut Plan, layer: &NonlinearLayer) -> Reals {
        *self.partial.get_or_init(|| plan.reals("deviations", layer.shape.rows * self.size.stride()))
    }

    /// How many vectors there are, with their padding.
    pub fn vectors(&self) -> usize {
        self.size.vectors
    }

    /// Columns of the state that have tangents.
    pub fn columns(&self) -> usize {
        self.size.columns
    }

    /// Is each column perturbed alone?
    pub fn are_own(&self) -> bool {
        self.own.is_some()
    }

    /// The unit vectors of directions `first ..`; direction `row * T + token`, or just `row` of own columns.
    pub fn basis(&self, plan: &mut Plan, layer: &NonlinearLayer, first: usize) -> Reals {
        let tokens = if self.are_own() { 1 } else { layer.shape.tokens };
        let params = fill_basis::Params {
            width: layer.shape.width as u32,
            rows: layer.shape.rows as u32,
            tokens: tokens as u32,
            columns: self.size.columns as u32,
            vectors: self.size.vectors as u32,
            first: first as u32,
        };
        plan.run(params, fill_basis::Buffers { deviations: self.start });
        self.start
    }

    /// Independent normal vectors, the same at every grid point; padding is 0.
    pub fn draw(&self, plan: &mut Plan, layer: &NonlinearLayer, source: &Source) -> Reals {
        assert!(!self.are_own(), "random tangents are those of whole states");
        let Shape { width, rows, tokens, points, columns } = layer.shape;
        let params = fill_tangents::Params {
            width: width as u32,
            rows: rows as u32,
            tokens: tokens as u32,
            columns: columns as u32,
            used_columns: (points * tokens) as u32,
            vectors: self.size.vectors as u32,
            drawn: self.asked as u32,
            seed_low: source.seed() as u32,
            seed_high: (source.seed() >> 32) as u32,
            tensor: Tensor::Deviations as u32,
        };
        let Source { member_ids, normal_table, .. } = *source;
        plan.run(params, fill_tangents::Buffers { member_ids, normal_table, deviations: self.start });
        self.start
    }

    /// One normal vector, the same at every grid point, in the columns of the state that count.
    pub fn draw_single(&self, plan: &mut Plan, layer: &NonlinearLayer, source: &Source) -> Reals {
        assert_eq!(self.size.vectors, 1, "several vectors have another layout");
        let state = State { x: self.start, norms: self.norms, events: self.events };
        let Shape { width, tokens, points, .. } = layer.shape;
        let columns = Columns { rows: width, count: points * tokens, tokens };
        source.draw_state(plan, Tensor::Perturbation, columns, false, &state);
        self.start
    }

    /// The buffer that `basis` and `draw` fill, for callers that fill it themselves.
    pub fn start_buffer(&self) -> Reals {
        self.start
    }

    /// M d for every vector d, at the step that `layer` has just recorded in this plan.
    pub fn step(&self, plan: &mut Plan, layer: &NonlinearLayer, deviations: Reals) -> Reals {
        self.apply(plan, layer, Part::Step, deviations)
    }

    /// The linearisation of a part, applied to every vector. The result is in another buffer than `deviations`.
    pub fn apply(&self, plan: &mut Plan, layer: &NonlinearLayer, part: Part, deviations: Reals) -> Reals {
        let end = self.ends[usize::from(deviations == self.ends[0])];
        let states = layer.last.as_ref().expect("a step is recorded before its tangents");
        let last = layer.sublayers.len() - 1;
        match part {
            Part::Step => {
                let tangents: Vec<Reals> =
                    [deviations].into_iter().chain(self.stages.iter().copied()).chain([end]).collect();
                (0..layer.program.operations().len()).for_each(|i| self.operate(plan, layer, i, &tangents));
            }
            Part::Attention => {
                assert!(layer.attention().is_some(), "this layer has no attention");
                self.update(plan, layer, 0, Update::Field, [states[0], deviations, deviations, end]);
            }
            Part::Feedforward => {
                let x = states[layer.program.input_of(layer.groups.len() - 1).index()];
                self.update(plan, layer, last, Update::Field, [x, deviations, deviations, end]);
            }
            Part::Field => {
                self.together(plan, layer, 0..last + 1, Update::Field, [states[0], deviations], end);
            }
        }
        end
    }

    /// The tangent of operation `i` of the integrator.
    fn operate(&self, plan: &mut Plan, layer: &NonlinearLayer, i: usize, tangents: &[Reals]) {
        let states = layer.last.as_ref().expect("a step is recorded before its tangents");
        let out = tangents[i + 1];
        match &layer.program.operations()[i] {
            Operation::Substep { sublayer, fraction, from } => {
                let group = layer.groups[*sublayer].clone();
                let (first, at) = (&layer.sublayers[group.start], [states[from.index()], tangents[from.index()]]);
                if first.norm.form.placement != NormPlacement::Post {
                    return self.together(plan, layer, group, Update::Substep(*fraction), at, out);
                }
                let sum = self.partial(plan, layer);
                self.together(plan, layer, group, Update::Substep(*fraction), at, sum);
                // The norm behind the sum is that of this sublayer's own result.
                let left = first.norm.left(states[i + 1]);
                let normed = left.picked(plan, self.own.as_ref(), layer.shape.rows);
                first.norm.tangent(plan, normed, self.size, sum, out);
            }
            Operation::Increment { of: Field::Sublayer(sublayer), at } => {
                let at = [states[at.index()], tangents[at.index()]];
                self.together(plan, layer, layer.groups[*sublayer].clone(), Update::Increment(1), at, out)
            }
            Operation::Increment { of: Field::All, at } => {
                let (all, at) = (0..layer.sublayers.len(), [states[at.index()], tangents[at.index()]]);
                self.together(plan, layer, all, Update::Increment(layer.groups.len()), at, out)
            }
            Operation::Sum { terms } => {
                let (rows, columns) = (layer.shape.rows, self.size.stride());
                WeightedSum { terms, factors: layer.factors[i], rows, columns }.record(plan, tangents, out);
            }
        }
    }

    /// The tangent of an update by each of some branches, all at the state and the tangent `at`.
    fn together(
        &self,
        plan: &mut Plan,
        layer: &NonlinearLayer,
        own: Range<usize>,
        update: Update,
        [x, deviations]: [Reals; 2],
        out: Reals,
    ) {
        let (first, last) = (own.start, own.end - 1);
        let mut sum = deviations;
        for i in own {
            let update = if i == first { update } else { update.added() };
            let to = if i == last { out } else { self.partial(plan, layer) };
            self.update(plan, layer, i, update, [x, sum, deviations, to]);
            sum = to;
        }
    }

    /// The tangent of one update, `keep base + gain df(x) d`, before a norm behind it.
    fn update(
        &self,
        plan: &mut Plan,
        layer: &NonlinearLayer,
        sublayer: usize,
        update: Update,
        [x, base, deviations, out]: [Reals; 4],
    ) {
        let (own, tangents) = (&layer.sublayers[sublayer], &self.sublayers[sublayer]);
        own.evaluate_again(plan, x);
        let units = tangents.units(plan, own, self.own.as_ref(), [x, deviations]);
        let buffers = euler_update::Buffers {
            weights: own.output,
            input: units,
            x: base,
            coefficients: tangents.coefficients.of(update),
            member_gain: own.member_gain,
            out,
            norms: self.norms,
            events: self.events,
        };
        plan.run(own.euler_params(self.size.stride()), buffers);
    }
}
