//! The adjoint of a layer's step: the transpose of its Jacobian, applied to cotangents, by kernels. With tangents d and
//! cotangents w of the same step, <M d, w> = <d, M^T w>.
//!
//! Operations of the integrator are taken from the last to the first; what several of them read, is the sum of what each
//! sends back. Cotangents lie as [`tangents`](crate::layer::tangent) do. Norms are symmetric in all but their gains, and gains
//! are diagonal, so that theirs are the kernels of tangents; projections, rotations, activations and attention have their own.
//!
//! Of attention without a norm before it, whose scores can be large, keys are not counted by differences of tokens, as they are
//! for tangents: products of such a layer are as good as rounding its keys leaves them.

mod sublayer;

use crate::integrator::{Field, Operation};
use crate::kernel::shared::PADDING;
use crate::kernel::shared::trips::MOST_TRIPS;
use crate::kernel::{attend_adjoint, combine, update_adjoint};
use crate::layer::NonlinearLayer;
use crate::layer::columns::{OwnColumns, Size};
use crate::layer::update::{Repeated, Update, UpdateCoefficients};
use crate::plan::{Plan, Reals};
use crate::spec::NormPlacement;
use std::ops::Range;

/// Cotangent vectors of the step that a layer has just recorded.
pub struct Adjoint<'a> {
    layer: &'a NonlinearLayer,
    size: Size,
    /// The columns that move alone; else all move together.
    own: Option<OwnColumns>,
    start: Reals,
}

/// What an operation sends back: a multiple of some cotangents.
type Sent = (Reals, f64);

impl<'a> Adjoint<'a> {
    /// Room for `vectors` cotangent vectors, rounded up to a multiple of 4, at each grid point.
    pub fn new(plan: &mut Plan, layer: &'a NonlinearLayer, vectors: usize) -> Self {
        let size = Size { columns: layer.shape.columns, vectors: vectors.next_multiple_of(PADDING) };
        Self::of_size(plan, layer, size, None)
    }

    /// Room for `vectors` cotangent vectors, rounded up to a multiple of 4, in each of these columns of the state, of which
    /// each moves alone and is seen alone: the adjoint of
    /// [`Tangents::of_own_columns`](crate::layer::Tangents::of_own_columns).
    pub fn of_own_columns(plan: &mut Plan, layer: &'a NonlinearLayer, columns: &[usize], vectors: usize) -> Self {
        let size = Size { columns: columns.len(), vectors: vectors.next_multiple_of(PADDING) };
        let own = OwnColumns::new(plan, layer.shape, columns);
        Self::of_size(plan, layer, size, Some(own))
    }

    fn of_size(plan: &mut Plan, layer: &'a NonlinearLayer, size: Size, own: Option<OwnColumns>) -> Self {
        if let Some(attention) = layer.attention() {
            let (heads, tokens) = (&attention.heads, attention.params.tokens as usize);
            let work = tokens * heads.width;
            let most = attend_adjoint::MOST_WORK;
            assert!(work <= most, "adjoints of attention need tokens * width / heads <= {most}, not {work}");
            let trips = tokens * heads.count / heads.key_values;
            assert!(trips <= MOST_TRIPS as usize, "adjoints of attention need tokens * heads of a key <= {MOST_TRIPS}");
        }
        let start = plan.reals("cotangents", layer.shape.rows * size.stride());
        Adjoint { layer, size, own, start }
    }

    /// How many vectors there are, with their padding.
    pub fn vectors(&self) -> usize {
        self.size.vectors
    }

    /// The buffer that the caller fills with cotangents.
    pub fn start_buffer(&self) -> Reals {
        self.start
    }

    /// M^T w for every vector w.
    pub fn step(&self, plan: &mut Plan, cotangents: Reals) -> Reals {
        let operations = self.layer.program.operations();
        let mut sent: Vec<Vec<Sent>> = vec![Vec::new(); operations.len() + 1];
        sent[operations.len()].push((cotangents, 1.0));
        for (i, operation) in operations.iter().enumerate().rev() {
            let own = self.gathered(plan, &sent[i + 1]);
            match operation {
                Operation::Substep { sublayer, fraction, from } => {
                    let group = self.layer.groups[*sublayer].clone();
                    let back = self.substep(plan, group, Update::Substep(*fraction), [from.index(), i + 1], own);
                    sent[from.index()].push((back, 1.0));
                }
                Operation::Increment { of: Field::Sublayer(sublayer), at } => {
                    let group = self.layer.groups[*sublayer].clone();
                    let back = self.together(plan, group, Update::Increment(1), at.index(), own);
                    sent[at.index()].push((back, 1.0));
                }
                Operation::Increment { of: Field::All, at } => {
                    let (all, count) = (0..self.layer.sublayers.len(), self.layer.groups.len());
                    let back = self.together(plan, all, Update::Increment(count), at.index(), own);
                    sent[at.index()].push((back, 1.0));
                }
                Operation::Sum { terms } => {
                    terms.iter().for_each(|(value, factor)| sent[value.index()].push((own, *factor)));
                }
            }
        }
        self.gathered(plan, &sent[0])
    }

    /// The sum of what was sent back to a state.
    fn gathered(&self, plan: &mut Plan, sent: &[Sent]) -> Reals {
        if let [(only, 1.0)] = *sent {
            return only;
        }
        let (rows, columns) = (self.layer.shape.rows, self.size.stride());
        let out = self.room(plan);
        let mut factors = vec![0.0; combine::MOST_TERMS];
        factors.iter_mut().zip(sent).for_each(|(to, (_, factor))| *to = *factor);
        let factors = plan.shared_reals("factors", factors);
        let [a, b, c, d, e] = std::array::from_fn(|i| sent.get(i).unwrap_or(&sent[0]).0);
        let params = combine::Params { rows: rows as u32, columns: columns as u32, terms: sent.len() as u32 };
        plan.run(params, combine::Buffers { a, b, c, d, e, factors, out });
        out
    }

    /// The adjoint of an Euler step of a sublayer, from state `from` to state `to`, with the norm behind it if there is one.
    fn substep(
        &self,
        plan: &mut Plan,
        group: Range<usize>,
        update: Update,
        [from, to]: [usize; 2],
        cotangents: Reals,
    ) -> Reals {
        let norm = &self.layer.sublayers[group.start].norm;
        if norm.form.placement != NormPlacement::Post {
            return self.together(plan, group, update, from, cotangents);
        }
        let left = norm.left(self.layer.states()[to]);
        let normed = left.picked(plan, self.own.as_ref(), self.layer.shape.rows);
        let before = self.room(plan);
        norm.adjoint(plan, normed, self.size, cotangents, before);
        self.together(plan, group, update, from, before)
    }

    /// The adjoint of an update by each of some branches, all at state number `at`.
    fn together(&self, plan: &mut Plan, own: Range<usize>, update: Update, at: usize, cotangents: Reals) -> Reals {
        let first = own.start;
        let mut sum = cotangents;
        for i in own {
            let update = if i == first { update } else { update.added() };
            let sublayer = &self.layer.sublayers[i];
            let x = self.layer.states()[at];
            sublayer.evaluate_again(plan, x);
            let image = self.of_branch(plan, sublayer, x, cotangents);
            sum = self.update(plan, i, update, [sum, image]);
        }
        sum
    }

    /// What an update of a sublayer sends back: `keep base + gain image`.
    fn update(&self, plan: &mut Plan, sublayer: usize, update: Update, [base, image]: [Reals; 2]) -> Reals {
        let stride = self.size.stride();
        // Of own columns one grid point is asked for.
        let repeat = if self.own.is_some() { stride } else { self.layer.shape.tokens * self.size.vectors };
        let output = self.layer.sublayers[sublayer].output_scale;
        let coefficients =
            UpdateCoefficients::new(plan, Repeated { columns: stride, repeat }, &self.layer.points, output, &[update]);
        let out = self.room(plan);
        let params = update_adjoint::Params { rows: self.layer.shape.rows as u32, columns: stride as u32 };
        let coefficients = coefficients.of(update);
        plan.run(params, update_adjoint::Buffers { coefficients, base, image, out });
        out
    }

    /// Room for cotangents of a state.
    fn room(&self, plan: &mut Plan) -> Reals {
        plan.reals("cotangents", self.layer.shape.rows * self.size.stride())
    }
}
