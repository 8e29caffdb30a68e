//! Steps of the Transformer layer that are made many at a time, by one kernel.

use crate::integrator::Operation;
use crate::kernel::transformer_steps;
use crate::layer::NonlinearLayer;
use crate::layer::nonlinear::Record;
use crate::layer::sublayer::{Branch, Sublayer};
use crate::layer::update::{Repeated, Update};
use crate::machine::Machine;
use crate::plan::{Plan, Reals};
use crate::spec::{NormKind, NormPlacement};

/// The steps of a layer whose observations nobody wants, but for the record of norms.
pub struct FusedSteps {
    params: transformer_steps::Params,
    /// Queries, keys and values, output, up, down.
    weights: [Reals; 4],
    coefficients: Reals,
    record: Record,
    /// Steps of a run.
    at_once: usize,
}

impl FusedSteps {
    /// Those of this layer, if it is one that [`transformer_steps`] knows and the machine gains by them.
    pub fn new(plan: &mut Plan, layer: &NonlinearLayer, machine: &Machine) -> Option<Self> {
        let (attention, feedforward) = sublayers(layer)?;
        let params = params(layer, attention, feedforward)?;
        let at_once = transformer_steps::steps_at_once(&params, machine);
        if at_once == 0 {
            return None;
        }
        let whole = Update::Substep(1.0);
        let of = |sublayer: &Sublayer| {
            let columns = Repeated { columns: layer.shape.columns, repeat: layer.shape.tokens };
            whole.coefficients(columns, &layer.points, sublayer.output_scale)
        };
        let coefficients = [of(attention), of(feedforward)].concat();
        let ([query_key_value, output], [up, down]) = (attention.weights(), feedforward.weights());
        Some(FusedSteps {
            params,
            weights: [query_key_value, output, up, down],
            coefficients: plan.shared_reals("coefficients", coefficients),
            record: layer.record,
            at_once,
        })
    }

    /// How many steps a run may make.
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// Steps `first`, which is not the first of all, to `first + steps - 1` of state `x`.
    pub fn run(&self, plan: &mut Plan, x: Reals, first: usize, steps: usize) {
        assert!(first > 1 && steps <= self.at_once, "the first step of all sets the record");
        let params = transformer_steps::Params { first: first as u32, steps: steps as u32, ..self.params };
        let [query_key_value, output, up, down] = self.weights;
        let Record { norms, events, .. } = self.record;
        let coefficients = self.coefficients;
        let buffers = transformer_steps::Buffers { query_key_value, output, up, down, coefficients, x, norms, events };
        plan.run(params, buffers);
    }
}

/// Attention and FFN without biases, where a step is an Euler step of the one and then of the other, with norms before
/// them.
fn sublayers(layer: &NonlinearLayer) -> Option<(&Sublayer, &Sublayer)> {
    let whole = |operation: &Operation, own: usize| match operation {
        Operation::Substep { sublayer, fraction, from } => *sublayer == own && *fraction == 1.0 && from.index() == own,
        _ => false,
    };
    let operations = layer.program.operations();
    let plain = operations.len() == 2 && operations.iter().enumerate().all(|(i, operation)| whole(operation, i));
    if layer.sublayers.iter().any(Sublayer::has_bias) {
        return None;
    }
    match &layer.sublayers[..] {
        [attention, feedforward] if plain && attention.norm.form.placement == NormPlacement::Pre => {
            Some((attention, feedforward))
        }
        _ => None,
    }
}

/// The parameters of a step, apart from its number.
fn params(layer: &NonlinearLayer, attention: &Sublayer, feedforward: &Sublayer) -> Option<transformer_steps::Params> {
    let Branch::Attention(heads) = &attention.branch else { return None };
    let Branch::Feedforward(units) = &feedforward.branch else { return None };
    // The kernel has one scale for both.
    if heads.scale != units.scale {
        return None;
    }
    let (attend, activation) = (&heads.params, units.units.activation);
    let (shape, threshold) = (layer.shape, layer.threshold);
    Some(transformer_steps::Params {
        width: shape.width as u32,
        rows: shape.rows as u32,
        tokens: shape.tokens as u32,
        points: shape.points as u32,
        columns: shape.columns as u32,
        heads: attend.heads,
        causal: attend.causal,
        stacked: attend.rows,
        hidden: units.hidden_rows() as u32,
        root_mean_square: u32::from(attention.norm.form.kind == NormKind::Rmsnorm),
        activation,
        first: 0,
        steps: 0,
        threshold_exponent: threshold.exponent,
        threshold_mantissa: threshold.mantissa,
        projection_scale: heads.scale.times(1.0),
        score_scale: attend.scale,
    })
}
