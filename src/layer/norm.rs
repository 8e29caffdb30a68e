//! The norm of a sublayer, with what it leaves for its tangent.

use crate::kernel::{normalise, normalise_tangent};
use crate::layer::anatomy::NormForm;
use crate::layer::columns::{OwnColumns, Size};
use crate::layer::learned::RowAffine;
use crate::layer::shape::Shape;
use crate::plan::{Plan, Reals};
use crate::spec::{NormKind, NormPlacement};
use crate::weights::Affine;

/// y = (x - mean) / deviation of every column, and gain y + bias where these are learned.
pub(super) struct Norm {
    pub form: NormForm,
    shape: Shape,
    /// y, `[rows, columns]`; where it is not the state itself.
    normed: Reals,
    /// 1 / deviation of what was normed, `[columns]`.
    inverse: Reals,
    learned: Option<RowAffine>,
    /// The sum before its norm, `[rows, columns]`; with `post` only.
    pub sum: Reals,
}

/// What the tangent of a norm reads: columns of y and of 1 / deviation.
#[derive(Clone, Copy)]
pub(super) struct Normed {
    pub y: Reals,
    pub inverse: Reals,
}

impl Norm {
    pub fn new(plan: &mut Plan, shape: Shape, form: NormForm, learned: Option<&Affine>) -> Self {
        let whole = shape.rows * shape.columns;
        let (pre, post) = (form.placement == NormPlacement::Pre, form.placement == NormPlacement::Post);
        Norm {
            form,
            shape,
            normed: plan.reals("normed", if pre || learned.is_some() { whole } else { 1 }),
            inverse: plan.reals("inverse", shape.columns),
            learned: learned.map(|own| RowAffine::of_norm(plan, own, if pre { shape.columns } else { 1 })),
            sum: plan.reals("raw", if post { whole } else { 1 }),
        }
    }

    /// The normed state as the branch reads it, or the state itself with another placement.
    pub fn before(&self, plan: &mut Plan, x: Reals) -> Reals {
        if self.form.placement != NormPlacement::Pre {
            return x;
        }
        self.normalise(plan, x, self.normed);
        match &self.learned {
            Some(learned) => learned.apply(plan, self.normed, self.shape.columns),
            None => self.normed,
        }
    }

    /// Norms the sum into `out`, with placement `post`.
    pub fn behind(&self, plan: &mut Plan, out: Reals) {
        match &self.learned {
            Some(learned) => {
                self.normalise(plan, self.sum, self.normed);
                learned.apply_to(plan, self.normed, self.shape.columns, out);
            }
            None => self.normalise(plan, self.sum, out),
        }
    }

    fn normalise(&self, plan: &mut Plan, x: Reals, out: Reals) {
        let params = normalise::Params {
            width: self.shape.width as u32,
            rows: self.shape.rows as u32,
            columns: self.shape.columns as u32,
            root_mean_square: u32::from(self.form.kind == NormKind::Rmsnorm),
            epsilon: self.form.epsilon,
        };
        plan.run(params, normalise::Buffers { x, out, inverse: self.inverse });
    }

    /// What the tangent reads, of the last norm; `out` is the state behind a norm `post`.
    pub fn left(&self, out: Reals) -> Normed {
        let own = self.form.placement == NormPlacement::Pre || self.learned.is_some();
        Normed { y: if own { self.normed } else { out }, inverse: self.inverse }
    }

    /// What the branch reads, with placement `pre`.
    pub fn result(&self) -> Reals {
        self.learned.map_or(self.normed, |learned| learned.out)
    }

    /// The tangent of the norm, into `out`.
    pub fn tangent(&self, plan: &mut Plan, at: Normed, size: Size, deviations: Reals, out: Reals) {
        let bare = self.learned.map_or(out, |_| plan.reals("normed_deviations", self.shape.rows * size.stride()));
        self.bare_tangent(plan, at, size, deviations, bare);
        if let Some(learned) = self.learned {
            learned.tangent_to(plan, bare, size.stride(), out);
        }
    }

    /// The adjoint of the norm, into `out`: without its gain it is symmetric, and its own adjoint.
    pub fn adjoint(&self, plan: &mut Plan, at: Normed, size: Size, cotangents: Reals, out: Reals) {
        let bare = match self.learned {
            None => cotangents,
            Some(learned) => {
                let bare = plan.reals("normed_cotangents", self.shape.rows * size.stride());
                learned.tangent_to(plan, cotangents, size.stride(), bare);
                bare
            }
        };
        self.bare_tangent(plan, at, size, bare, out);
    }

    /// The tangent of the norm without its gain.
    fn bare_tangent(&self, plan: &mut Plan, at: Normed, size: Size, deviations: Reals, out: Reals) {
        let params = normalise_tangent::Params {
            width: self.shape.width as u32,
            rows: self.shape.rows as u32,
            columns: size.columns as u32,
            vectors: size.vectors as u32,
            root_mean_square: u32::from(self.form.kind == NormKind::Rmsnorm),
        };
        plan.run(params, normalise_tangent::Buffers { y: at.y, inverse: at.inverse, deviations, out });
    }
}

/// A norm on its own, as behind an embedding or before an unembedding: that of state x, `[rows, columns]`.
pub fn normed_alone(plan: &mut Plan, shape: Shape, form: NormForm, learned: Option<&Affine>, x: Reals) -> Reals {
    let form = NormForm { placement: NormPlacement::Pre, ..form };
    Norm::new(plan, shape, form, learned).before(plan, x)
}

impl Normed {
    /// The same of the columns that are perturbed alone.
    pub fn picked(self, plan: &mut Plan, own: Option<&OwnColumns>, rows: usize) -> Self {
        let y = OwnColumns::picked(own, plan, self.y, rows);
        Normed { y, inverse: OwnColumns::picked(own, plan, self.inverse, 1) }
    }
}
