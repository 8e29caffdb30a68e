//! The adjoint of one sublayer's branch: its output projection, its units or heads, its input projection and its norm.

use super::Adjoint;
use crate::kernel::shared::PADDING;
use crate::kernel::{activate_adjoint, attend_adjoint, attend_adjoint_keys, project, project_adjoint};
use crate::layer::attention::Attention;
use crate::layer::columns::OwnColumns;
use crate::layer::feedforward::Feedforward;
use crate::layer::sublayer::{Branch, Sublayer};
use crate::numbers::activation::kind;
use crate::plan::{Plan, Reals};
use crate::spec::NormPlacement;

/// A projection of `inner` numbers to `rows`, times a factor.
struct Projected {
    rows: usize,
    inner: usize,
    scale: f64,
}

impl Adjoint<'_> {
    /// What the branch of a sublayer at state `x` makes of cotangents of its f, without the factors of the update.
    pub(super) fn of_branch(&self, plan: &mut Plan, sublayer: &Sublayer, x: Reals, cotangents: Reals) -> Reals {
        let (rows, own) = (self.layer.shape.rows, self.own.as_ref());
        let inner = sublayer.inner.next_multiple_of(PADDING);
        let units = self.back(plan, sublayer.output, Projected { rows, inner, scale: 1.0 }, cotangents);
        let pre = sublayer.norm.form.placement == NormPlacement::Pre;
        let input = match &sublayer.branch {
            Branch::Attention(branch) => self.of_attention(plan, branch, units),
            Branch::Feedforward(branch) => {
                let input = if pre { sublayer.norm.result() } else { x };
                self.of_feedforward(plan, branch, input, units)
            }
        };
        if !pre {
            return input;
        }
        let (at, out) = (sublayer.norm.left(x).picked(plan, own, rows), self.room(plan));
        sublayer.norm.adjoint(plan, at, self.size, input, out);
        out
    }

    /// The transpose of a projection.
    fn back(&self, plan: &mut Plan, weights: Reals, shape: Projected, input: Reals) -> Reals {
        let (columns, Projected { rows, inner, scale }) = (self.size.stride(), shape);
        let out = plan.reals("projected", inner * columns);
        let params = project_adjoint::Params { rows: rows as u32, inner: inner as u32, columns: columns as u32, scale };
        plan.run(params, project_adjoint::Buffers { weights, input, out });
        out
    }

    fn of_attention(&self, plan: &mut Plan, branch: &Attention, cotangents: Reals) -> Reals {
        let (params, stacked, stride) = (branch.params, branch.stacked, self.size.stride());
        let shape = self.layer.shape;
        let (keys, used) = match self.own {
            Some(_) => (1, self.size.columns),
            None => (shape.tokens, shape.points * shape.tokens),
        };
        let columns_of = match &self.own {
            Some(own) => own.which,
            None => plan.shared_words("all_columns", (0..shape.columns as u32).collect()),
        };
        let kept = params.heads as usize * keys * self.size.columns;
        let out = plan.reals("stacked", params.rows as usize * stride);
        let slopes = plan.reals("slopes", kept * self.size.vectors);
        let shares = plan.reals("shares", kept);
        let sizes = attend_adjoint::Params {
            head_width: params.head_width,
            tokens: params.tokens,
            columns: params.columns,
            selected: self.size.columns as u32,
            used: used as u32,
            vectors: self.size.vectors as u32,
            rows: params.rows,
            out_rows: params.out_rows,
            heads: params.heads,
            key_value_heads: params.key_value_heads,
            keys: keys as u32,
            causal: params.causal,
            scale: params.scale,
        };
        plan.run(sizes, attend_adjoint::Buffers { columns_of, stacked, cotangents, out, slopes, shares });
        let of_keys = attend_adjoint_keys::Params {
            head_width: sizes.head_width,
            tokens: sizes.tokens,
            columns: sizes.columns,
            selected: sizes.selected,
            used: sizes.used,
            vectors: sizes.vectors,
            rows: sizes.rows,
            out_rows: sizes.out_rows,
            heads: sizes.heads,
            key_value_heads: sizes.key_value_heads,
            keys: sizes.keys,
            causal: sizes.causal,
        };
        plan.run(of_keys, attend_adjoint_keys::Buffers { columns_of, stacked, cotangents, slopes, shares, out });
        let projected = branch.turned_back(plan, out, self.own.as_ref(), self.size);
        let own = Projected { rows: params.rows as usize, inner: shape.rows, scale: branch.scale.times(1.0) };
        self.back(plan, branch.weights, own, projected)
    }

    fn of_feedforward(&self, plan: &mut Plan, branch: &Feedforward, input: Reals, cotangents: Reals) -> Reals {
        let of_state = branch.activation(self.size.columns);
        let wide = branch.projection(branch.columns(), kind::IDENTITY);
        let stacked = match &branch.apart {
            Some(apart) => apart.read(),
            None => {
                // The activation is part of the projection there, and what it reads is made again.
                let out = plan.reals("pre", (wide.rows * wide.columns) as usize);
                plan.run(wide, project::Buffers { weights: branch.weights, input, out });
                out
            }
        };
        let stacked = OwnColumns::picked(self.own.as_ref(), plan, stacked, wide.rows as usize);
        let out = plan.reals("stacked", wide.rows as usize * self.size.stride());
        let params = activate_adjoint::Params {
            hidden: of_state.hidden,
            stacked_rows: wide.rows,
            rows: of_state.rows,
            columns: of_state.columns,
            vectors: self.size.vectors as u32,
            gated: of_state.gated,
            activation: of_state.activation,
        };
        plan.run(params, activate_adjoint::Buffers { stacked, cotangents, out });
        let own = Projected { rows: wide.rows as usize, inner: self.layer.shape.rows, scale: wide.scale };
        self.back(plan, branch.weights, own, out)
    }
}
