//! The exact linearisation of a nonlinear layer: Jacobian-vector products of the step just recorded, by kernels.
//!
//! Tangents lie as `[rows, columns, vectors]`: for one grid point and no padding of tokens that is a matrix with one row
//! for each element (row, token) of the state and one column for each tangent vector, which is what `orthonormalise`
//! reads and what the Jacobian is.

use crate::integrator::{Field, Operation, Value};
use crate::kernel::euler_update;
use crate::kernel::shared::PADDING;
use crate::kernel::shared::trajectory::{event, norm};
use crate::kernel::{
    attend_tangent, fill_basis, fill_tangents, normalise_tangent, project, project_tangent, token_differences,
};
use crate::layer::nonlinear::combine;
use crate::layer::sublayer::{Branch, Shape, Sublayer};
use crate::layer::update::{Update, UpdateCoefficients};
use crate::layer::{NonlinearLayer, State};
use crate::numbers::activation::kind;
use crate::numbers::random::Tensor;
use crate::plan::{Ints, Plan, Reals};
use crate::spec::{NormKind, NormPlacement};
use crate::weights::{Columns, Source};
use std::cell::OnceCell;

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
    /// How many there are: 1, or a multiple of 4.
    vectors: usize,
    /// `[rows, columns, vectors]`: the vectors as they were filled in.
    start: Reals,
    /// Of the results of all operations but the last one of a step.
    stages: Vec<Reals>,
    /// Of the states after a step, in turn.
    ends: [Reals; 2],
    /// Before a norm, or of one of two sublayers; there from its first use on, for it is a fifth of all.
    partial: OnceCell<Reals>,
    sublayers: Vec<Buffers>,
    norms: Reals,
    events: Ints,
}

/// What the tangents of one sublayer need.
struct Buffers {
    /// `[rows, columns, vectors]`, with norm `pre`.
    normed: Reals,
    /// Of Q | K | V or of the hidden units.
    projected: Reals,
    /// The differences of tokens and their keys and values: of attention whose scores can be large.
    keyed: Option<[Reals; 2]>,
    /// Of the heads.
    heads: Reals,
    /// The hidden units before their activation, `[hidden, columns]`.
    pre: Reals,
    /// `[keep | gain, columns, vectors]` of each use.
    coefficients: UpdateCoefficients,
}

impl Tangents {
    /// Room for `vectors` tangent vectors, rounded up to a multiple of 4, at each grid point.
    pub fn new(plan: &mut Plan, layer: &NonlinearLayer, vectors: usize) -> Self {
        Self::with_vectors(plan, layer, (vectors, vectors.next_multiple_of(PADDING)))
    }

    /// Room for one tangent vector at each grid point, which lies as a state does, without padding of its own.
    pub fn single(plan: &mut Plan, layer: &NonlinearLayer) -> Self {
        Self::with_vectors(plan, layer, (1, 1))
    }

    fn with_vectors(plan: &mut Plan, layer: &NonlinearLayer, (asked, vectors): (usize, usize)) -> Self {
        let stride = layer.shape.columns * vectors;
        if let Some(Branch::Attention { params, .. }) = layer.attention().map(|sublayer| &sublayer.branch) {
            let work = (params.tokens * params.head_width) as usize;
            let most = if vectors == 1 { attend_tangent::MOST_WORK_OF_ONE } else { attend_tangent::MOST_WORK };
            assert!(work <= most, "tangents of attention need tokens * width / heads <= {most}, not {work}");
        }
        let mut deviations = || plan.reals("deviations", layer.shape.rows * stride);
        let operations = layer.program.operations().len();
        let (start, ends) = (deviations(), [deviations(), deviations()]);
        let stages: Vec<Reals> = (1..operations).map(|_| deviations()).collect();
        Tangents {
            asked,
            vectors,
            start,
            partial: OnceCell::new(),
            stages,
            ends,
            sublayers: (0..layer.sublayers.len()).map(|i| Buffers::new(plan, layer, i, vectors)).collect(),
            norms: plan.reals("norms", norm::ROWS * stride),
            events: plan.ints("events", event::ROWS * stride),
        }
    }

    fn partial(&self, plan: &mut Plan, layer: &NonlinearLayer) -> Reals {
        let Shape { rows, columns, .. } = layer.shape;
        *self.partial.get_or_init(|| plan.reals("deviations", rows * columns * self.vectors))
    }

    /// How many vectors there are, with their padding.
    pub fn vectors(&self) -> usize {
        self.vectors
    }

    /// The unit vectors of directions `first ..`; direction `row * T + token`.
    pub fn basis(&self, plan: &mut Plan, layer: &NonlinearLayer, first: usize) -> Reals {
        let params = fill_basis::Params {
            width: layer.shape.width as u32,
            rows: layer.shape.rows as u32,
            tokens: layer.shape.tokens as u32,
            columns: layer.shape.columns as u32,
            vectors: self.vectors as u32,
            first: first as u32,
        };
        plan.run(params, fill_basis::Buffers { deviations: self.start });
        self.start
    }

    /// Independent normal vectors, the same at every grid point; padding is 0.
    pub fn draw(&self, plan: &mut Plan, layer: &NonlinearLayer, source: &Source) -> Reals {
        let Shape { width, rows, tokens, points, columns } = layer.shape;
        let params = fill_tangents::Params {
            width: width as u32,
            rows: rows as u32,
            tokens: tokens as u32,
            columns: columns as u32,
            used_columns: (points * tokens) as u32,
            vectors: self.vectors as u32,
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
        assert_eq!(self.vectors, 1, "several vectors have another layout");
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
                let x = states[layer.program.input_of(last).index()];
                self.update(plan, layer, last, Update::Field, [x, deviations, deviations, end]);
            }
            Part::Field => {
                let mut sum = deviations;
                for i in 0..=last {
                    let update = if i == 0 { Update::Field } else { Update::FieldAdded };
                    let to = if i == last { end } else { self.partial(plan, layer) };
                    self.update(plan, layer, i, update, [states[0], sum, deviations, to]);
                    sum = to;
                }
            }
        }
        end
    }

    /// The tangent of operation `i` of the integrator.
    fn operate(&self, plan: &mut Plan, layer: &NonlinearLayer, i: usize, tangents: &[Reals]) {
        let states = layer.last.as_ref().expect("a step is recorded before its tangents");
        let out = tangents[i + 1];
        let update = |plan: &mut Plan, sublayer: usize, update: Update, at: Value, base: Option<Reals>, out| {
            let (x, d) = (states[at.index()], tangents[at.index()]);
            self.update(plan, layer, sublayer, update, [x, base.unwrap_or(d), d, out]);
        };
        match &layer.program.operations()[i] {
            Operation::Substep { sublayer, fraction, from } => {
                let own = &layer.sublayers[*sublayer];
                if own.norm != NormPlacement::Post {
                    return update(plan, *sublayer, Update::Substep(*fraction), *from, None, out);
                }
                let sum = self.partial(plan, layer);
                update(plan, *sublayer, Update::Substep(*fraction), *from, None, sum);
                // The norm behind the sum is that of this sublayer's own result.
                let buffers =
                    normalise_tangent::Buffers { y: states[i + 1], inverse: own.inverse, deviations: sum, out };
                plan.run(self.norm_params(own), buffers);
            }
            Operation::Increment { of: Field::Sublayer(sublayer), at } => {
                update(plan, *sublayer, Update::Increment(1), *at, None, out)
            }
            Operation::Increment { of: Field::All, at } => {
                let count = layer.sublayers.len();
                let mut base = None;
                for i in 0..count {
                    let own = if i == 0 { Update::Increment(count) } else { Update::Added };
                    let to = if i + 1 == count { out } else { self.partial(plan, layer) };
                    update(plan, i, own, *at, base, to);
                    base = Some(to);
                }
            }
            Operation::Sum { terms } => {
                let size = (layer.shape.rows, layer.shape.columns * self.vectors);
                combine(plan, size, (terms, layer.factors[i]), tangents, out);
            }
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
        let (own, buffers) = (&layer.sublayers[sublayer], &self.sublayers[sublayer]);
        own.evaluate_again(plan, x);
        let units = self.units(plan, own, buffers, x, deviations);
        let params = own.euler_params(own.shape.columns * self.vectors, 1);
        let buffers = euler_update::Buffers {
            weights: own.output,
            input: units,
            x: base,
            coefficients: buffers.coefficients.of(update),
            member_gain: own.member_gain,
            out,
            norms: self.norms,
            events: self.events,
        };
        plan.run(params, buffers);
    }

    /// The tangent of what the output projection reads.
    fn units(&self, plan: &mut Plan, sublayer: &Sublayer, buffers: &Buffers, x: Reals, deviations: Reals) -> Reals {
        let (mut input, mut primal) = (deviations, x);
        if sublayer.norm == NormPlacement::Pre {
            let norm = normalise_tangent::Buffers {
                y: sublayer.normed,
                inverse: sublayer.inverse,
                deviations,
                out: buffers.normed,
            };
            plan.run(self.norm_params(sublayer), norm);
            (input, primal) = (buffers.normed, sublayer.normed);
        }
        let projection = sublayer.projection(kind::IDENTITY);
        let columns = projection.columns * self.vectors as u32;
        match sublayer.branch {
            Branch::Attention { weights, stacked, params, .. } => {
                let wide = project::Params { columns, ..projection };
                plan.run(wide, project::Buffers { weights, input, out: buffers.projected });
                let params = attend_tangent::Params {
                    head_width: params.head_width,
                    tokens: params.tokens,
                    columns: params.columns,
                    vectors: self.vectors as u32,
                    rows: params.rows,
                    out_rows: params.out_rows,
                    heads: params.heads,
                    key_value_heads: params.key_value_heads,
                    causal: params.causal,
                    scale: params.scale,
                };
                let attend = attend_tangent::Buffers {
                    stacked,
                    differences: Self::keyed(plan, sublayer, buffers, primal).unwrap_or(stacked),
                    deviations: buffers.projected,
                    out: buffers.heads,
                };
                plan.run(params, attend);
                buffers.heads
            }
            Branch::Feedforward { weights, activation, .. } => {
                plan.run(projection, project::Buffers { weights, input: primal, out: buffers.pre });
                let params = project_tangent::Params {
                    rows: projection.rows,
                    inner: projection.inner,
                    columns,
                    vectors: self.vectors as u32,
                    activation,
                    scale: projection.scale,
                };
                let project = project_tangent::Buffers { weights, input, pre: buffers.pre, out: buffers.projected };
                plan.run(params, project);
                buffers.projected
            }
        }
    }

    /// Keys and values of the differences of tokens, where two scores could tie by rounding alone.
    fn keyed(plan: &mut Plan, sublayer: &Sublayer, buffers: &Buffers, primal: Reals) -> Option<Reals> {
        let (Branch::Attention { weights, params, .. }, Some([differences, keyed])) = (&sublayer.branch, buffers.keyed)
        else {
            return None;
        };
        let sizes = token_differences::Params {
            rows: sublayer.shape.rows as u32,
            columns: sublayer.shape.columns as u32,
            tokens: params.tokens,
        };
        plan.run(sizes, token_differences::Buffers { x: primal, out: differences });
        let project = project::Buffers { weights: *weights, input: differences, out: keyed };
        plan.run(sublayer.projection(kind::IDENTITY), project);
        Some(keyed)
    }

    fn norm_params(&self, sublayer: &Sublayer) -> normalise_tangent::Params {
        normalise_tangent::Params {
            width: sublayer.shape.width as u32,
            rows: sublayer.shape.rows as u32,
            columns: sublayer.shape.columns as u32,
            vectors: self.vectors as u32,
            root_mean_square: u32::from(sublayer.kind == NormKind::Rmsnorm),
        }
    }
}

impl Buffers {
    fn new(plan: &mut Plan, layer: &NonlinearLayer, sublayer: usize, vectors: usize) -> Self {
        let own = &layer.sublayers[sublayer];
        let (rows, columns) = (layer.shape.rows, layer.shape.columns);
        let (stride, projected) = (columns * vectors, own.projection(kind::IDENTITY).rows as usize);
        let attends = matches!(own.branch, Branch::Attention { .. });
        let pre = own.norm == NormPlacement::Pre;
        let updates = [Update::of(&layer.program, sublayer), vec![Update::Field, Update::FieldAdded]].concat();
        let size = (stride, layer.shape.tokens * vectors);
        Buffers {
            coefficients: UpdateCoefficients::new(plan, size, &layer.points, own.output_scale, &updates),
            normed: plan.reals("normed", if pre { rows * stride } else { 1 }),
            projected: plan.reals("projected", projected * stride),
            keyed: own
                .has_large_scores()
                .then(|| [plan.reals("differences", rows * columns), plan.reals("keyed", projected * columns)]),
            heads: plan.reals("heads", if attends { rows * stride } else { 1 }),
            pre: plan.reals("pre", if attends { 1 } else { projected * columns }),
        }
    }
}
