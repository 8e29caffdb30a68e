//! Workloads on layers of a trained model's form, that of SmolLM2-135M, with weights of the bench's own.

use super::BenchSpec;
use super::job::{Job, Reach};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernel::Cost;
use crate::layer::anatomy::{Anatomy, Heads, NormForm, Rotary, Units};
use crate::layer::{NonlinearLayer, Part, Point, Tangents};
use crate::numbers::activation::kind;
use crate::numbers::random::{Stream, Tensor};
use crate::plan::{Data, Inputs, Plan, Reals};
use crate::spec::{Integrator, NormKind, NormPlacement};
use crate::spectrum::{self, Status};
use crate::weights::{Affine, LearnedLayer, LearnedSublayer, Projection};
use faer::Mat;
use std::sync::{Arc, OnceLock};

/// A step of every layer at all tokens of a text; the Jacobian of each at the last token; its eigenvalues and singular values,
/// too. Members are layers, one after the other.
pub fn list(settings: &BenchSpec) -> Vec<Job> {
    let model = Arc::new(Synthetic::new(settings));
    let [of_step, of_jacobian] = [false, true].map(|tangents| model.cost(tangents));
    let n = model.anatomy.width as f64;
    // Eigenvalues count as those of matrices of a file do, singular values as 8 n^3 / 3, the textbook's bidiagonalisation.
    let of_spectrum = Cost {
        flops: of_jacobian.flops + (10.0 + 8.0 / 3.0) * n.powi(3),
        bytes: of_jacobian.bytes + 4.0 * (n * n + 3.0 * n),
    };
    // A software driver would take minutes.
    let reach = if settings.quick { Reach::All } else { Reach::NotSoftware };
    vec![
        model.job("checkpoint_layer", Reach::All, of_step, |model, device| model.step(device)),
        model.job("checkpoint_jacobian", reach, of_jacobian, |model, device| model.jacobian(device).map(drop)),
        model.job("checkpoint_spectrum", reach, of_spectrum, |model, device| model.spectrum(device)),
    ]
}

/// A layer, and a text at whose states it is taken.
struct Synthetic {
    anatomy: Anatomy,
    tokens: usize,
    layers: usize,
    seed: u64,
    weights: OnceLock<LearnedLayer>,
}

/// What a trained model does.
const POINT: Point = Point { step_size: 1.0, radius: 1.0, damping: 0.0 };

impl Synthetic {
    fn new(settings: &BenchSpec) -> Self {
        let (width, heads, shared, layers) = if settings.quick { (32, 4, 2, 1) } else { (576, 9, 3, 4) };
        let head = width / heads;
        let frequency = |pair: usize| 1e5_f64.powf(-2.0 * pair as f64 / head as f64);
        let rotary = Rotary { frequencies: (0..head / 2).map(frequency).collect() };
        let anatomy = Anatomy {
            width,
            norm: NormForm { placement: NormPlacement::Pre, kind: NormKind::Rmsnorm, epsilon: 1e-5 },
            attention: Some(Heads {
                count: heads,
                key_values: shared,
                width: head,
                causal: true,
                scale: 1.0 / (head as f64).sqrt(),
                rotary: Some(rotary),
            }),
            feedforward: Some(Units { count: width / 3 * 8, activation: kind::SILU, gated: true }),
            parallel: false,
        };
        Synthetic { anatomy, tokens: 9, layers, seed: settings.seed, weights: OnceLock::new() }
    }

    fn job(
        self: &Arc<Self>,
        name: &str,
        reach: Reach,
        cost: Cost,
        work: impl Fn(&Self, &Device) -> Result<()> + Send + Sync + 'static,
    ) -> Job {
        let model = self.clone();
        let width = self.anatomy.width;
        Job {
            name: name.to_string(),
            shape: format!("width {width}, {} tokens, grouped queries, gated units", self.tokens),
            members: self.layers,
            cost: Some(cost),
            reach,
            kernel: None,
            work: Box::new(move |device, layers| (0..layers).try_for_each(|_| work(&model, device))),
        }
    }

    /// Weights of variance 1 / inputs, as `make` has numbers of variance 1.
    fn layer(&self, make: impl Fn(Tensor, usize) -> Vec<f32>) -> LearnedLayer {
        let n = self.anatomy.width;
        let (heads, units) = (self.anatomy.attention.as_ref(), self.anatomy.feedforward);
        let (stacked, queries) = heads.map_or((0, 0), |heads| (heads.stacked_rows(), heads.query_rows()));
        let (projected, hidden) = units.map_or((0, 0), |units| (units.projected_rows(), units.count));
        let projection = |tensor: Tensor, rows: usize, inner: usize| {
            let scale = 1.0 / (inner as f32).sqrt();
            Projection::new(make(tensor, rows * inner).into_iter().map(|x| scale * x).collect(), None)
        };
        let sublayer = |input: Projection, output: Projection| {
            let norm = Some(Affine { gain: vec![1.0; n], bias: None });
            LearnedSublayer { norm, input, output }
        };
        LearnedLayer {
            attention: sublayer(projection(Tensor::QueryKeyValue, stacked, n), projection(Tensor::Output, n, queries)),
            feedforward: sublayer(projection(Tensor::Up, projected, n), projection(Tensor::Down, n, hidden)),
        }
    }

    fn drawn(&self, tensor: Tensor, count: usize) -> Vec<f32> {
        let mut numbers = vec![0.0; count];
        Stream { seed: self.seed, member: 0, tensor: tensor as u32, step: 0 }.fill(1.0, &mut numbers);
        numbers
    }

    /// The plan of a layer's step, with its input and what it makes: states, or the Jacobian at the last token.
    fn plan(&self, weights: &LearnedLayer, tangents: bool) -> (Plan, NonlinearLayer, Reals) {
        let mut plan = Plan::new();
        let mut layer =
            NonlinearLayer::learned(&mut plan, &self.anatomy, weights, Integrator::Euler, self.tokens, &[POINT]);
        let start = plan.input(layer.start_buffer());
        let end = layer.step(&mut plan, start, 1, 0);
        if !tangents {
            return (plan, layer, end);
        }
        let own = Tangents::of_own_columns(&mut plan, &layer, &[self.tokens - 1], self.anatomy.width);
        let basis = own.basis(&mut plan, &layer, 0);
        let end = own.apply(&mut plan, &layer, Part::Step, basis);
        (plan, layer, end)
    }

    fn cost(&self, tangents: bool) -> Cost {
        self.plan(&self.layer(|_, count| vec![0.0; count]), tangents).0.cost()
    }

    /// Records and runs a layer, as a model does with each of its own.
    fn run(&self, device: &Device, tangents: bool) -> Result<Vec<f64>> {
        let weights = self.weights.get_or_init(|| self.layer(|tensor, count| self.drawn(tensor, count)));
        let (mut plan, layer, end) = self.plan(weights, tangents);
        let (end, shape) = (plan.output(end), layer.shape());
        let state = self.drawn(Tensor::State, shape.rows * shape.columns);
        let inputs = Inputs::new().with(layer.start_buffer(), Data::F32(state));
        let mut found = Vec::new();
        device.run(&plan, 1, 0, &inputs, &mut |chunk| {
            found = chunk.reals(end).to_vec();
            Ok(())
        })?;
        Ok(found)
    }

    fn step(&self, device: &Device) -> Result<()> {
        self.run(device, false).map(|states| drop(std::hint::black_box(states)))
    }

    /// `[n, n]`, for widths that are a multiple of 4.
    fn jacobian(&self, device: &Device) -> Result<Vec<f64>> {
        self.run(device, true)
    }

    fn spectrum(&self, device: &Device) -> Result<()> {
        let (matrix, n) = (self.jacobian(device)?, self.anatomy.width);
        let spectra = spectrum::eigenvalues(device, &matrix, n)?;
        let singular = Mat::from_fn(n, n, |i, j| matrix[i * n + j]).singular_values();
        match (spectra[0].status, singular) {
            (Status::Ok, Ok(values)) => {
                drop(std::hint::black_box(values));
                Ok(())
            }
            _ => Err(Error::Bug("the values of a drawn layer's Jacobian did not converge".into())),
        }
    }
}
