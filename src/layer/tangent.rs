//! The exact linearisation of a nonlinear layer: Jacobian-vector products of the step just recorded, by kernels.
//!
//! Tangents lie as `[rows, columns, vectors]`: for one grid point and no padding of tokens that is a matrix with one row
//! for each element (row, token) of the state and one column for each tangent vector, which is what `orthonormalise`
//! reads and what the Jacobian is.

use crate::activation::kind;
use crate::ensemble::{PADDING, Source};
use crate::kernel::attend_tangent::{self, AttendTangent};
use crate::kernel::euler_update::{EulerUpdate, mark, norm};
use crate::kernel::fill_basis::{self, FillBasis};
use crate::kernel::normalise_tangent::{self, NormaliseTangent};
use crate::kernel::project::{self, Project};
use crate::kernel::project_tangent::{self, ProjectTangent};
use crate::layer::sublayer::{Branch, Sublayer, euler};
use crate::layer::{NonlinearLayer, State};
use crate::plan::{BufferId, Plan};
use crate::random::Tensor;
use crate::spec::{NormKind, NormPlacement};

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
    vectors: usize,
    /// `[rows, columns, vectors]`: where the vectors are, in turn.
    deviations: [BufferId; 4],
    attention: Option<Buffers>,
    feedforward: Buffers,
    norms: BufferId,
    marks: BufferId,
}

/// What the tangents of one sublayer need.
struct Buffers {
    /// `[rows, columns, vectors]`, with norm `pre`.
    normed: BufferId,
    /// Of Q | K | V or of the hidden units.
    projected: BufferId,
    /// Of the heads.
    heads: BufferId,
    /// The hidden units before their activation, `[hidden, columns]`.
    pre: BufferId,
    /// `[keep | gain, columns, vectors]` of the step.
    step: BufferId,
    /// The same with keep 0 and without the step size: f alone.
    field: BufferId,
    /// The same with keep 1: f added.
    sum: BufferId,
}

impl Tangents {
    /// Room for `vectors` tangent vectors, rounded up to a multiple of 4, at each grid point.
    pub fn new(plan: &mut Plan, layer: &NonlinearLayer, vectors: usize) -> Self {
        let vectors = vectors.next_multiple_of(PADDING);
        let stride = layer.shape.columns * vectors;
        if let Some(Branch::Attention { params, .. }) = layer.attention.as_ref().map(|sublayer| &sublayer.branch) {
            let work = (params.tokens * params.head_width) as usize;
            let most = attend_tangent::MOST_WORK;
            assert!(work <= most, "tangents of attention need tokens * width / heads <= {most}, not {work}");
        }
        Tangents {
            vectors,
            deviations: std::array::from_fn(|_| plan.reals("deviations", layer.shape.rows * stride)),
            attention: layer.attention.as_ref().map(|sublayer| Buffers::new(plan, layer, sublayer, vectors)),
            feedforward: Buffers::new(plan, layer, &layer.feedforward, vectors),
            norms: plan.reals("norms", norm::ROWS * stride),
            marks: plan.ints("marks", mark::ROWS * stride),
        }
    }

    /// How many vectors there are.
    pub fn vectors(&self) -> usize {
        self.vectors
    }

    /// The unit vectors of directions `first ..`; direction `row * T + token`.
    pub fn basis(&self, plan: &mut Plan, layer: &NonlinearLayer, first: usize) -> BufferId {
        let params = fill_basis::Params {
            width: layer.shape.width as u32,
            rows: layer.shape.rows as u32,
            tokens: layer.shape.tokens as u32,
            columns: layer.shape.columns as u32,
            vectors: self.vectors as u32,
            first: first as u32,
        };
        plan.run::<FillBasis>(params, &[self.deviations[0]]);
        self.deviations[0]
    }

    /// Independent normal vectors, the same at every grid point.
    pub fn draw(&self, plan: &mut Plan, layer: &NonlinearLayer, source: &Source) -> BufferId {
        let state = State { x: self.deviations[0], norms: self.norms, marks: self.marks };
        let own = layer.shape.tokens * self.vectors;
        // Padding is filled too, as the stride asks; the first step makes it 0.
        let columns = layer.shape.columns * self.vectors;
        source.draw_state(plan, Tensor::Deviations, (layer.shape.width, columns, own), false, &state);
        self.deviations[0]
    }

    /// The buffer that `basis` and `draw` fill, for callers that fill it themselves.
    pub fn start_buffer(&self) -> BufferId {
        self.deviations[0]
    }

    /// M d for every vector d, at the step that `layer` has just recorded in this plan.
    pub fn step(&self, plan: &mut Plan, layer: &NonlinearLayer, deviations: BufferId) -> BufferId {
        self.apply(plan, layer, Part::Step, deviations)
    }

    /// The linearisation of a part, applied to every vector.
    pub fn apply(&self, plan: &mut Plan, layer: &NonlinearLayer, part: Part, deviations: BufferId) -> BufferId {
        let (x, after) = layer.last.expect("a step is recorded before its tangents");
        let attention = layer.attention.as_ref().zip(self.attention.as_ref());
        let (sublayer, own) = (&layer.feedforward, &self.feedforward);
        match (part, attention) {
            (Part::Step, Some((attention, buffers))) => {
                // dx' = (1 - gamma) dx + h d[MultiHead(norm(x))]
                let middle =
                    self.sublayer(plan, attention, buffers, (x, layer.middle), (buffers.step, deviations), true);
                // dx+ = (1 - gamma) dx' + h d[FFN(norm(x'))]
                self.sublayer(plan, sublayer, own, (layer.middle, after), (own.step, middle), true)
            }
            (Part::Step, None) => self.sublayer(plan, sublayer, own, (x, after), (own.step, deviations), true),
            (Part::Attention, Some((attention, buffers))) => {
                self.sublayer(plan, attention, buffers, (x, layer.middle), (buffers.field, deviations), false)
            }
            (Part::Attention, None) => unreachable!("only a Transformer has an attention sublayer"),
            (Part::Feedforward, _) => {
                let input = if attention.is_some() { layer.middle } else { x };
                self.sublayer(plan, sublayer, own, (input, after), (own.field, deviations), false)
            }
            (Part::Field, None) => self.sublayer(plan, sublayer, own, (x, after), (own.field, deviations), false),
            (Part::Field, Some((attention, buffers))) => {
                let sum =
                    self.sublayer(plan, attention, buffers, (x, layer.middle), (buffers.field, deviations), false);
                // The FFN's norm of x, where the step left that of x'.
                sublayer.prepare(plan, x);
                let units = self.units(plan, sublayer, own, x, deviations);
                let total = self.euler(plan, sublayer, (units, sum), own.sum, &[deviations]);
                // Back to the norm of x', for whatever comes next.
                sublayer.prepare(plan, layer.middle);
                total
            }
        }
    }

    /// The tangent of one sublayer's update from `input` to `output`, with these coefficients.
    fn sublayer(
        &self,
        plan: &mut Plan,
        sublayer: &Sublayer,
        buffers: &Buffers,
        (input, output): (BufferId, BufferId),
        (coefficients, deviations): (BufferId, BufferId),
        whole: bool,
    ) -> BufferId {
        let units = self.units(plan, sublayer, buffers, input, deviations);
        let sum = self.euler(plan, sublayer, (units, deviations), coefficients, &[]);
        if sublayer.norm != NormPlacement::Post || !whole {
            return sum;
        }
        let normed = self.other(&[sum]);
        plan.run::<NormaliseTangent>(self.norm_params(sublayer), &[output, sublayer.inverse, sum, normed]);
        normed
    }

    /// The tangent of what the output projection reads.
    fn units(
        &self,
        plan: &mut Plan,
        sublayer: &Sublayer,
        buffers: &Buffers,
        x: BufferId,
        deviations: BufferId,
    ) -> BufferId {
        let (mut input, mut primal) = (deviations, x);
        if sublayer.norm == NormPlacement::Pre {
            let read = [sublayer.normed, sublayer.inverse, deviations, buffers.normed];
            plan.run::<NormaliseTangent>(self.norm_params(sublayer), &read);
            (input, primal) = (buffers.normed, sublayer.normed);
        }
        let projection = sublayer.projection(kind::IDENTITY);
        let columns = projection.columns * self.vectors as u32;
        match sublayer.branch {
            Branch::Attention { weights, stacked, heads, params, .. } => {
                let wide = project::Params { columns, ..projection };
                plan.run::<Project>(wide, &[weights, input, buffers.projected]);
                let params = attend_tangent::Params {
                    width: params.width,
                    head_width: params.head_width,
                    tokens: params.tokens,
                    columns: params.columns,
                    vectors: self.vectors as u32,
                    rows: params.rows,
                    out_rows: params.out_rows,
                    heads: params.heads,
                    causal: params.causal,
                    scale: params.scale,
                };
                plan.run::<AttendTangent>(params, &[stacked, buffers.projected, heads, buffers.heads]);
                buffers.heads
            }
            Branch::Feedforward { weights, activation, .. } => {
                plan.run::<Project>(projection, &[weights, primal, buffers.pre]);
                let params = project_tangent::Params {
                    rows: projection.rows,
                    inner: projection.inner,
                    columns,
                    vectors: self.vectors as u32,
                    activation,
                    scale: projection.scale,
                };
                plan.run::<ProjectTangent>(params, &[weights, input, buffers.pre, buffers.projected]);
                buffers.projected
            }
        }
    }

    /// `keep d + gain W_out u`; buffers in `keep_alive` are not written.
    fn euler(
        &self,
        plan: &mut Plan,
        sublayer: &Sublayer,
        (units, deviations): (BufferId, BufferId),
        coefficients: BufferId,
        keep_alive: &[BufferId],
    ) -> BufferId {
        let out = self.other(&[&[deviations], keep_alive].concat());
        let params = sublayer.euler_params(sublayer.shape.columns * self.vectors, 1);
        let read = [sublayer.output, units, deviations, coefficients, sublayer.member_gain];
        plan.run::<EulerUpdate>(params, &[read[0], read[1], read[2], read[3], read[4], out, self.norms, self.marks]);
        out
    }

    /// A buffer of tangents that is none of these. The first one is left to whoever filled it.
    fn other(&self, taken: &[BufferId]) -> BufferId {
        let free = self.deviations[1..].iter().find(|id| !taken.contains(id));
        *free.expect("there are more buffers than are in use at a time")
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
    fn new(plan: &mut Plan, layer: &NonlinearLayer, sublayer: &Sublayer, vectors: usize) -> Self {
        let (rows, columns) = (layer.shape.rows, layer.shape.columns);
        let (stride, projected) = (columns * vectors, sublayer.projection(kind::IDENTITY).rows as usize);
        let attends = matches!(sublayer.branch, Branch::Attention { .. });
        let pre = sublayer.norm == NormPlacement::Pre;
        let mut coefficients = |of: &dyn Fn(usize) -> (f64, f64)| {
            let mut values = vec![0.0; 2 * stride];
            for i in 0..layer.points.len() * layer.shape.tokens * vectors {
                (values[i], values[stride + i]) = of(i / vectors / layer.shape.tokens);
            }
            plan.shared_reals("coefficients", values)
        };
        let gain = |point: usize| layer.points[point].radius / (sublayer.inner as f64).sqrt();
        let step = coefficients(&|point| euler(&layer.points[point], sublayer.inner));
        let field = coefficients(&|point| (0.0, gain(point)));
        let sum = coefficients(&|point| (1.0, gain(point)));
        Buffers {
            step,
            field,
            sum,
            normed: plan.reals("normed", if pre { rows * stride } else { 1 }),
            projected: plan.reals("projected", projected * stride),
            heads: plan.reals("heads", if attends { rows * stride } else { 1 }),
            pre: plan.reals("pre", if attends { 1 } else { projected * columns }),
        }
    }
}
