//! A sublayer: norm, branch (attention or FFN) and the Euler update with the branch's output projection.

use crate::kernel::shared::PADDING;
use crate::kernel::{add_bias, euler_update};
use crate::layer::anatomy::{Heads, NormForm, Units};
use crate::layer::attention::Attention;
use crate::layer::bias::DrawnBias;
use crate::layer::feedforward::{Drawn, Feedforward};
use crate::layer::learned;
use crate::layer::norm::Norm;
use crate::layer::shape::Shape;
use crate::layer::update::{Repeated, Update, UpdateCoefficients};
use crate::layer::{Point, Threshold};
use crate::numbers::random::Tensor;
use crate::plan::{Data, Ints, Plan, Reals};
use crate::spec::{Gains, NormPlacement};
use crate::weights::{LearnedSublayer, Scale, Size, Source};
use std::cell::Cell;

/// f of a sublayer up to its output projection.
pub(super) enum Branch {
    Attention(Attention),
    Feedforward(Feedforward),
}

/// Where the weights of a sublayer come from.
#[derive(Clone, Copy)]
pub(super) enum Weights<'a> {
    /// Drawn for every layer, with these standard deviations.
    Drawn(Gains),
    /// Those of one layer of a trained model.
    Learned(&'a LearnedSublayer),
}

impl<'a> Weights<'a> {
    fn learned(self) -> Option<&'a LearnedSublayer> {
        match self {
            Weights::Drawn(_) => None,
            Weights::Learned(own) => Some(own),
        }
    }

    /// The biases of a random output projection, before its `scale`, which multiplies them on their way into the state.
    fn output_bias(self, plan: &mut Plan, tensor: Tensor, shape: Shape, scale: Scale) -> Option<DrawnBias> {
        let Weights::Drawn(gains) = self else { return None };
        let deviation = gains.output * gains.bias / scale.times(1.0);
        (gains.bias > 0.0).then(|| DrawnBias::new(plan, tensor, shape.width, deviation))
    }
}

/// What every sublayer of a layer shares.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub shape: Shape,
    pub norm: NormForm,
    pub points: &'a [Point],
    pub threshold: Threshold,
}

/// One sublayer.
pub(super) struct Sublayer {
    pub shape: Shape,
    pub norm: Norm,
    pub branch: Branch,
    /// Units that the output projection reads, not padded.
    pub inner: usize,
    /// Of the weights of the output projection, with all that multiplies f besides the radius.
    pub output_scale: Scale,
    /// The output projection, `[width, inner]`, padded.
    pub output: Reals,
    /// Its bias, `[rows]`, if there is one.
    output_bias: Option<Reals>,
    /// What that is drawn into, of a random layer.
    drawn_bias: Option<DrawnBias>,
    pub coefficients: UpdateCoefficients,
    pub member_gain: Reals,
    /// The state at which the norm and the branch were last evaluated.
    evaluated_at: Cell<Option<Reals>>,
    /// What an update without a record is bound to.
    norms: Reals,
    events: Ints,
}

impl Sublayer {
    /// The attention of a layer, used for these updates.
    pub fn attention(plan: &mut Plan, frame: Frame, heads: &Heads, updates: &[Update], weights: Weights) -> Self {
        let (scale, bias) = match weights {
            // Heads are linear in the values, which are stored without their gain.
            Weights::Drawn(gains) => (Scale::random(gains.value * gains.output, heads.query_rows()), gains.bias),
            Weights::Learned(_) => (Scale::one(), 0.0),
        };
        let branch = Attention::new(plan, frame.shape, heads, bias, weights.learned().map(|own| &own.input));
        let drawn_bias = weights.output_bias(plan, Tensor::OutputBias, frame.shape, scale);
        let output = Output { inner: heads.query_rows(), scale, drawn_bias };
        Self::new(plan, frame, updates, weights, Branch::Attention(branch), output)
    }

    /// The FFN of a layer, used for these updates.
    pub fn feedforward(plan: &mut Plan, frame: Frame, units: Units, updates: &[Update], weights: Weights) -> Self {
        let (drawn, scale) = match weights {
            Weights::Drawn(gains) => {
                (Drawn { gain: gains.hidden, bias: gains.bias }, Scale::random(gains.output, units.count))
            }
            Weights::Learned(_) => (Drawn { gain: 1.0, bias: 0.0 }, Scale::one()),
        };
        let branch = Feedforward::new(plan, frame.shape, units, drawn, weights.learned().map(|own| &own.input));
        let drawn_bias = weights.output_bias(plan, Tensor::DownBias, frame.shape, scale);
        let output = Output { inner: units.count, scale, drawn_bias };
        Self::new(plan, frame, updates, weights, Branch::Feedforward(branch), output)
    }

    fn new(
        plan: &mut Plan,
        frame: Frame,
        updates: &[Update],
        weights: Weights,
        branch: Branch,
        output: Output,
    ) -> Self {
        let Frame { shape, norm: form, points, .. } = frame;
        let (own, Output { inner, scale, drawn_bias }) = (weights.learned(), output);
        let bias = own.and_then(|own| own.output.bias.clone());
        let learned_bias = bias.map(|bias| plan.shared("bias", Data::F32(learned::extended(&bias, shape.rows))));
        let columns = Repeated { columns: shape.columns, repeat: shape.tokens };
        Sublayer {
            shape,
            norm: Norm::new(plan, shape, form, own.and_then(|own| own.norm.as_ref())),
            branch,
            inner,
            output_scale: scale,
            output: match own {
                Some(own) => learned::matrix(plan, "output", &own.output, inner),
                None => plan.reals("output", shape.rows * inner.next_multiple_of(PADDING)),
            },
            output_bias: learned_bias.or(drawn_bias.map(|drawn| drawn.values)),
            drawn_bias,
            coefficients: UpdateCoefficients::new(plan, columns, points, scale, updates),
            evaluated_at: Cell::new(None),
            member_gain: plan.shared_reals("member_gain", vec![1.0]),
            norms: plan.reals("norms", 1),
            events: plan.ints("events", 1),
        }
    }

    /// Can scores be so large that rounding them decides which one is the largest? Behind a norm they are about the logit
    /// gain times sqrt n. Positions that turn keys take away what differences of tokens would cancel.
    pub fn has_large_scores(&self) -> bool {
        let Branch::Attention(Attention { heads, .. }) = &self.branch else { return false };
        let large =
            self.norm.form.placement == NormPlacement::None || heads.scale * (heads.width as f64).sqrt() > 100.0;
        large && heads.rotary.is_none()
    }

    /// Draws the weights of layer `step`.
    pub fn draw(&self, plan: &mut Plan, source: &Source, step: u32) {
        let n = self.shape.width;
        match &self.branch {
            Branch::Attention(Attention { weights, .. }) => {
                source.draw(plan, Tensor::QueryKeyValue, step, Size { rows: 3 * n, columns: n }, *weights);
                source.draw(plan, Tensor::Output, step, Size { rows: n, columns: n }, self.output);
            }
            Branch::Feedforward(Feedforward { weights, .. }) => {
                source.draw(plan, Tensor::Up, step, Size { rows: self.inner, columns: n }, *weights);
                source.draw(plan, Tensor::Down, step, Size { rows: n, columns: self.inner }, self.output);
            }
        }
        let of_branch = match &self.branch {
            Branch::Attention(branch) => branch.drawn_bias,
            Branch::Feedforward(branch) => branch.drawn_bias,
        };
        of_branch.iter().chain(&self.drawn_bias).for_each(|bias| bias.draw(plan, source, step));
    }

    /// Does its output projection have a bias?
    pub fn has_bias(&self) -> bool {
        self.output_bias.is_some()
    }

    /// The branch's weights and the output projection.
    pub fn weights(&self) -> [Reals; 2] {
        match &self.branch {
            Branch::Attention(branch) => [branch.weights, self.output],
            Branch::Feedforward(branch) => [branch.weights, self.output],
        }
    }

    /// `out <- keep base + gain f(x)` as `update` says, with the norm before f or behind the sum.
    pub fn update(&self, plan: &mut Plan, update: Update, [base, x, out]: [Reals; 3]) {
        let units = self.evaluate(plan, x);
        let post = self.norm.form.placement == NormPlacement::Post;
        let sum = if post { self.norm.sum } else { out };
        let (params, coefficients) = (self.euler_params(self.shape.columns), self.coefficients.of(update));
        let buffers = euler_update::Buffers {
            weights: self.output,
            input: units,
            x: base,
            coefficients,
            member_gain: self.member_gain,
            out: sum,
            norms: self.norms,
            events: self.events,
        };
        plan.run(params, buffers);
        if let Some(bias) = self.output_bias {
            let params = add_bias::Params { rows: params.rows, columns: params.columns };
            plan.run(params, add_bias::Buffers { bias, coefficients, x: sum });
        }
        if post {
            self.norm.behind(plan, out);
        }
    }

    /// The units that the output projection reads at state `x`; leaves the norm and the branch as they are there.
    pub fn evaluate(&self, plan: &mut Plan, x: Reals) -> Reals {
        let first = self.evaluated_at.replace(Some(x)).is_none();
        let input = self.norm.before(plan, x);
        match &self.branch {
            Branch::Attention(branch) => branch.evaluate(plan, input, first),
            Branch::Feedforward(branch) => branch.evaluate(plan, input),
        }
    }

    /// Forgets the evaluations of the last step.
    pub fn begin_step(&self) {
        self.evaluated_at.set(None);
    }

    /// [`Sublayer::evaluate`] where the last evaluation was at another state.
    pub fn evaluate_again(&self, plan: &mut Plan, x: Reals) {
        if self.evaluated_at.get() != Some(x) {
            self.evaluate(plan, x);
        }
    }

    /// Of the Euler update with the output projection, for a state or tangents with so many columns.
    pub fn euler_params(&self, columns: usize) -> euler_update::Params {
        euler_update::Params::unrecorded(self.shape.rows, self.inner.next_multiple_of(PADDING), columns)
    }
}

/// The output projection of a branch.
struct Output {
    /// Its bias, of a random layer that has some.
    drawn_bias: Option<DrawnBias>,
    /// Units that it reads.
    inner: usize,
    /// Of its weights.
    scale: Scale,
}
