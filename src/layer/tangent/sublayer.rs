//! The tangents of one sublayer, up to its output projection.

use crate::kernel::{
    activate_tangent, attend_own_tangent, attend_tangent, project, project_tangent, token_differences,
};
use crate::layer::NonlinearLayer;
use crate::layer::attention::Attention;
use crate::layer::columns::{OwnColumns, Size};
use crate::layer::feedforward::Feedforward;
use crate::layer::sublayer::{Branch, Sublayer};
use crate::layer::update::{Repeated, Update, UpdateCoefficients};
use crate::numbers::activation::kind;
use crate::plan::{Plan, Reals};
use crate::spec::NormPlacement;

/// What the tangents of one sublayer need.
pub(super) struct SublayerTangents {
    size: Size,
    /// `[rows, columns, vectors]`, with norm `pre`.
    normed: Reals,
    /// Of Q | K | V, of the hidden units, or of gates and units.
    projected: Reals,
    /// The differences of tokens and their keys and values: of attention whose scores can be large.
    keyed: Option<[Reals; 2]>,
    /// Of the heads, or of the hidden units behind an activation that is not part of the projection.
    units: Reals,
    /// The hidden units before an activation that is, `[hidden, columns]` of the state.
    pre: Reals,
    /// `[keep | gain, columns, vectors]` of each use.
    pub coefficients: UpdateCoefficients,
}

impl SublayerTangents {
    pub fn new(plan: &mut Plan, layer: &NonlinearLayer, sublayer: usize, size: Size) -> Self {
        let own = &layer.sublayers[sublayer];
        let group = layer.groups.iter().position(|group| group.contains(&sublayer)).expect("each has a group");
        let first = layer.groups[group].start == sublayer;
        let updates = [Update::of(&layer.program, group, first), vec![Update::Field, Update::FieldAdded]].concat();
        let (rows, columns, stride) = (layer.shape.rows, layer.shape.columns, size.stride());
        let (projected, units, pre) = match &own.branch {
            Branch::Attention(branch) => (branch.params.rows as usize, branch.params.out_rows as usize * stride, 1),
            Branch::Feedforward(branch) => {
                let (projected, hidden) = (branch.projection(1, kind::IDENTITY).rows as usize, branch.hidden_rows());
                if branch.apart.is_some() { (projected, hidden * stride, 1) } else { (hidden, 1, hidden * columns) }
            }
        };
        // Of own columns one grid point is asked for.
        let repeat = if size.columns == columns { layer.shape.tokens * size.vectors } else { stride };
        let normed = own.norm.form.placement == NormPlacement::Pre;
        SublayerTangents {
            size,
            coefficients: UpdateCoefficients::new(
                plan,
                Repeated { columns: stride, repeat },
                &layer.points,
                own.output_scale,
                &updates,
            ),
            normed: plan.reals("normed", if normed { rows * stride } else { 1 }),
            projected: plan.reals("projected", projected * stride),
            keyed: own
                .has_large_scores()
                .then(|| [plan.reals("differences", rows * columns), plan.reals("keyed", projected * columns)]),
            units: plan.reals("heads", units),
            pre: plan.reals("pre", pre),
        }
    }

    /// The tangents of what the output projection reads, from those of the state x.
    pub fn units(
        &self,
        plan: &mut Plan,
        sublayer: &Sublayer,
        own: Option<&OwnColumns>,
        [x, deviations]: [Reals; 2],
    ) -> Reals {
        let (mut input, mut primal) = (deviations, x);
        if sublayer.norm.form.placement == NormPlacement::Pre {
            let at = sublayer.norm.left(x).picked(plan, own, sublayer.shape.rows);
            sublayer.norm.tangent(plan, at, self.size, deviations, self.normed);
            input = self.normed;
            primal = sublayer.norm.result();
        }
        match &sublayer.branch {
            Branch::Attention(branch) => self.of_attention(plan, sublayer, branch, own, [primal, input]),
            Branch::Feedforward(branch) => self.of_feedforward(plan, branch, own, [primal, input]),
        }
    }

    fn of_attention(
        &self,
        plan: &mut Plan,
        sublayer: &Sublayer,
        branch: &Attention,
        own: Option<&OwnColumns>,
        [primal, input]: [Reals; 2],
    ) -> Reals {
        let Attention { weights, params, stacked, .. } = *branch;
        let wide = branch.projection(self.size.stride());
        plan.run(wide, project::Buffers { weights, input, out: self.projected });
        let deviations = branch.turned(plan, self.projected, own, self.size);
        if let Some(own) = own {
            let params = attend_own_tangent::Params {
                head_width: params.head_width,
                tokens: params.tokens,
                columns: params.columns,
                selected: self.size.columns as u32,
                vectors: self.size.vectors as u32,
                rows: params.rows,
                out_rows: params.out_rows,
                heads: params.heads,
                key_value_heads: params.key_value_heads,
                causal: params.causal,
                scale: params.scale,
            };
            plan.run(
                params,
                attend_own_tangent::Buffers { stacked, columns_of: own.which, deviations, out: self.units },
            );
            return self.units;
        }
        let params = attend_tangent::Params {
            head_width: params.head_width,
            tokens: params.tokens,
            columns: params.columns,
            vectors: self.size.vectors as u32,
            rows: params.rows,
            out_rows: params.out_rows,
            heads: params.heads,
            key_value_heads: params.key_value_heads,
            causal: params.causal,
            scale: params.scale,
        };
        let differences = self.keyed(plan, sublayer, branch, primal).unwrap_or(stacked);
        plan.run(params, attend_tangent::Buffers { stacked, differences, deviations, out: self.units });
        self.units
    }

    /// Keys and values of the differences of tokens, where two scores could tie by rounding alone.
    fn keyed(&self, plan: &mut Plan, sublayer: &Sublayer, branch: &Attention, primal: Reals) -> Option<Reals> {
        let [differences, keyed] = self.keyed?;
        let columns = sublayer.shape.columns;
        let sizes = token_differences::Params {
            rows: sublayer.shape.rows as u32,
            columns: columns as u32,
            tokens: branch.params.tokens,
        };
        plan.run(sizes, token_differences::Buffers { x: primal, out: differences });
        let project = project::Buffers { weights: branch.weights, input: differences, out: keyed };
        plan.run(branch.projection(columns), project);
        Some(keyed)
    }

    fn of_feedforward(
        &self,
        plan: &mut Plan,
        branch: &Feedforward,
        own: Option<&OwnColumns>,
        [primal, input]: [Reals; 2],
    ) -> Reals {
        let Feedforward { weights, units, .. } = *branch;
        let wide = branch.projection(self.size.stride(), kind::IDENTITY);
        if let Some(apart) = &branch.apart {
            plan.run(wide, project::Buffers { weights, input, out: self.projected });
            let stacked = OwnColumns::picked(own, plan, apart.read(), wide.rows as usize);
            let of_state = branch.activation(self.size.columns);
            let params = activate_tangent::Params {
                hidden: of_state.hidden,
                stacked_rows: of_state.stacked_rows,
                rows: of_state.rows,
                columns: of_state.columns,
                vectors: self.size.vectors as u32,
                gated: of_state.gated,
                activation: of_state.activation,
            };
            let deviations = self.projected;
            plan.run(params, activate_tangent::Buffers { stacked, deviations, out: self.units });
            return self.units;
        }
        let narrow = branch.projection(branch.columns(), kind::IDENTITY);
        plan.run(narrow, project::Buffers { weights, input: primal, out: self.pre });
        let pre = OwnColumns::picked(own, plan, self.pre, wide.rows as usize);
        let params = project_tangent::Params {
            rows: wide.rows,
            inner: wide.inner,
            columns: wide.columns,
            vectors: self.size.vectors as u32,
            activation: units.activation,
            scale: wide.scale,
        };
        plan.run(params, project_tangent::Buffers { weights, input, pre, out: self.projected });
        self.projected
    }
}
