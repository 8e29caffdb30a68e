//! The Jacobian of every layer, its eigenvalues and singular values.

use super::facts::{
    Cumulative, Extremes, Known, Product, TokenFacts, Whole, growing_modes, on_circle, singular_values, trace,
};
use super::{Model, Stack, length};
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::invalid;
use crate::layer::Point;
use crate::numbers::verdict::Band;
use crate::spec::{Control, Integrator, TrainedSpectrumSpec, check};
use crate::spectrum::derived::derived_all;
use crate::spectrum::facts::Facts;
use crate::spectrum::peak::Stop;
use crate::spectrum::{Spectrum, eigenvalues};
use crate::weights::LearnedLayer;
use rayon::prelude::*;

/// Matrices whose eigenvalues are computed at once: as many as keep all cores busy, and few beside the layer's weights.
const AT_ONCE: usize = 8;

/// One text through one model.
pub struct TextSpectrum {
    /// The text's tokens.
    pub token_ids: Vec<u32>,
    /// `[layers]`.
    pub layers: Vec<LayerSpectrum>,
    /// Norms of the states behind the last layer, of the chosen tokens.
    pub end_norms: Vec<f64>,
    /// The likeliest next tokens; none for a model that predicts none.
    pub next_token: Vec<NextToken>,
}

/// One layer of it.
pub struct LayerSpectrum {
    /// Its number, from 0.
    pub layer: usize,
    /// The chosen tokens, in order.
    pub tokens: Vec<TokenFacts>,
}

/// A likely next token.
#[derive(Clone, Debug, PartialEq)]
pub struct NextToken {
    /// Its number.
    pub id: u32,
    /// Its text; none for a model without a tokenizer.
    pub text: Option<String>,
    /// Its logit.
    pub logit: f64,
}

/// All texts through the model and its controls.
pub struct TrainedSpectrum {
    /// The model itself.
    pub texts: Vec<TextSpectrum>,
    /// Its controls.
    pub controls: Vec<ControlSpectrum>,
    /// Was it stopped before its end?
    pub interrupted: bool,
}

/// All texts through one control.
pub struct ControlSpectrum {
    /// Which control.
    pub control: Control,
    /// The texts.
    pub texts: Vec<TextSpectrum>,
}

/// How many likely next tokens are kept.
const LIKELIEST: usize = 5;

/// A way through one model.
struct Run<'a> {
    device: &'a Device,
    model: &'a Model,
    spec: &'a TrainedSpectrumSpec,
    stop: Stop<'a>,
}

/// Refuses, in one line, what cannot be computed of this model.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid), which names the key to change.
pub fn check(model: &Model, spec: &TrainedSpectrumSpec) -> Result<()> {
    spec.validate()?;
    for (key, count) in [("leading", spec.leading), ("singular", spec.singular)] {
        if let Some(count) = count {
            check::count(key, count, model.anatomy().width)?;
        }
    }
    if !model.anatomy().is_causal() && spec.integrator != Integrator::Euler {
        return invalid!(
            "integrator: without a causal mask a stage of {} sees what the one before did to other tokens; use euler",
            spec.integrator
        );
    }
    Ok(())
}

/// The Jacobian of every layer at the states of each text.
///
/// For a causal mask they are the diagonal blocks of the Jacobian of the whole state, which is block lower triangular, so
/// that the eigenvalues of all blocks are all of its eigenvalues. `stop` ends searches for transient peaks early.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for texts, tokens and steps that the model does not take; what the device
/// reports.
pub fn run(
    device: &Device,
    model: &Model,
    spec: &TrainedSpectrumSpec,
    texts: &[Vec<u32>],
    stop: Stop,
    progress: Progress,
) -> Result<TrainedSpectrum> {
    check(model, spec)?;
    let mut models = vec![(None, model.clone())];
    let mut controls: Vec<Control> = Vec::new();
    spec.controls.iter().for_each(|control| {
        if !controls.contains(control) {
            controls.push(*control)
        }
    });
    models.extend(controls.iter().map(|&control| (Some(control), model.control(control, spec.seed))));
    let count = models.len() as f64;
    let mut found = TrainedSpectrum { texts: Vec::new(), controls: Vec::new(), interrupted: false };
    for (place, (control, model)) in models.iter().enumerate() {
        let told = &mut |fraction: f64| progress((place as f64 + fraction) / count);
        let own = Run { device, model, spec, stop };
        let (texts, interrupted) = own.texts(texts, told)?;
        match control {
            None => found.texts = texts,
            Some(control) => found.controls.push(ControlSpectrum { control: *control, texts }),
        }
        found.interrupted |= interrupted;
        if interrupted {
            break;
        }
    }
    Ok(found)
}

/// A Jacobian that waits for its eigenvalues.
struct Waiting {
    place: Place,
    matrix: Vec<f64>,
}

/// A layer at a token of a text, and the step that it makes there.
struct Place {
    text: usize,
    layer: usize,
    token: usize,
    state_norm: f64,
    relative_step: f64,
}

impl Place {
    fn put(self, jacobian: Known, found: &mut [TextSpectrum]) {
        let Place { text, layer, token, state_norm, relative_step } = self;
        found[text].layers[layer].tokens.push(TokenFacts { token, state_norm, relative_step, jacobian });
    }
}

impl Run<'_> {
    /// All texts, layer by layer, so that each layer is read once. Says whether `progress` stopped it.
    fn texts(&self, texts: &[Vec<u32>], progress: Progress) -> Result<(Vec<TextSpectrum>, bool)> {
        let TrainedSpectrumSpec { step_size, damping, integrator, .. } = *self.spec;
        let points = [Point { step_size, radius: 1.0, damping }];
        let begin = |ids: &Vec<u32>| Stack::begin(self.device, self.model, ids, &points, integrator);
        let mut stacks = texts.iter().map(begin).collect::<Result<Vec<_>>>()?;
        let mut course = Course::new(self, texts)?;
        let depth = self.model.depth();
        for layer in 0..depth {
            let weights = self.model.layer(layer)?;
            for (text, stack) in stacks.iter_mut().enumerate() {
                let before = stack.clone();
                stack.pass(&weights)?;
                stack.refuse_lost(layer)?;
                course.measure(text, layer, &weights, [&before, stack])?;
            }
            let last = layer + 1 == depth;
            if progress((layer + 1) as f64 / depth as f64).is_break() && !last {
                course.solve()?;
                course.found.iter_mut().for_each(|text| text.layers.retain(|layer| !layer.tokens.is_empty()));
                return Ok((course.found, true));
            }
        }
        course.solve()?;
        let Course { mut found, chosen, .. } = course;
        for ((stack, found), tokens) in stacks.iter().zip(&mut found).zip(&chosen) {
            found.end_norms = tokens.iter().map(|&token| stack.norm(0, token)).collect();
            found.next_token = stack.next_tokens(LIKELIEST)?;
        }
        Ok((found, false))
    }
}

/// What has been found on the way through the layers.
struct Course<'a> {
    run: &'a Run<'a>,
    /// The chosen tokens of each text.
    chosen: Vec<Vec<usize>>,
    /// The products of the Jacobians so far, `[texts, chosen tokens]`; none where Jacobians are not assembled.
    products: Vec<Vec<Cumulative>>,
    waiting: Vec<Waiting>,
    found: Vec<TextSpectrum>,
}

impl<'a> Course<'a> {
    fn new(run: &'a Run<'a>, texts: &[Vec<u32>]) -> Result<Self> {
        let chosen = texts.iter().map(|ids| run.spec.tokens.of(ids.len())).collect::<Result<Vec<_>>>()?;
        let of_layer = |layer| LayerSpectrum { layer, tokens: Vec::new() };
        let empty = |ids: &Vec<u32>| TextSpectrum {
            token_ids: ids.clone(),
            layers: (0..run.model.depth()).map(of_layer).collect(),
            end_norms: Vec::new(),
            next_token: Vec::new(),
        };
        let one = |_: &usize| Cumulative::one(run.model.anatomy().width);
        let products = match run.spec.is_partial() {
            false => chosen.iter().map(|tokens| tokens.iter().map(one).collect()).collect(),
            true => Vec::new(),
        };
        Ok(Course { run, chosen, products, waiting: Vec::new(), found: texts.iter().map(empty).collect() })
    }

    /// The Jacobians of a layer at the chosen tokens of a text, whose states before and behind it these are.
    fn measure(
        &mut self,
        text: usize,
        layer: usize,
        weights: &LearnedLayer,
        [before, after]: [&Stack; 2],
    ) -> Result<()> {
        let place = |&token: &usize| {
            let state = before.state(0, token);
            let (state_norm, step) = (length(&state), distance(&after.state(0, token), &state));
            Place { text, layer, token, state_norm, relative_step: step / state_norm }
        };
        let tokens = self.chosen[text].clone();
        if self.run.spec.is_partial() {
            let extremes = self.extremes(before, weights, &tokens)?;
            let places = tokens.iter().map(place).zip(extremes);
            places.for_each(|(place, own)| place.put(Known::Some(own), &mut self.found));
            return Ok(());
        }
        // Few at a time, for a Jacobian is as large as the states of a long text.
        for tokens in tokens.chunks(AT_ONCE) {
            let matrices = before.jacobians(weights, tokens)?.matrices;
            let places = tokens.iter().map(place);
            self.waiting.extend(places.zip(matrices).map(|(place, matrix)| Waiting { place, matrix }));
            if self.waiting.len() >= AT_ONCE {
                self.solve()?;
            }
        }
        Ok(())
    }

    /// What is asked for of Jacobians that are not assembled, at these tokens.
    fn extremes(&self, before: &Stack, weights: &LearnedLayer, tokens: &[usize]) -> Result<Vec<Extremes>> {
        let mut all = vec![Extremes::default(); tokens.len()];
        if let Some(count) = self.run.spec.leading {
            let found = before.leading(weights, tokens, count)?;
            all.iter_mut().zip(found).for_each(|(own, found)| own.leading = Some(found));
        }
        if let Some(count) = self.run.spec.singular {
            let found = before.largest_singular(weights, tokens, count)?;
            all.iter_mut().zip(found).for_each(|(own, found)| own.singular = Some(found));
        }
        Ok(all)
    }

    /// The eigenvalues of the Jacobians that wait, and what else is said of them.
    fn solve(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let Run { device, model, spec, stop } = *self.run;
        let n = model.anatomy().width;
        let matrices: Vec<&[f64]> = waiting.iter().map(|own| own.matrix.as_slice()).collect();
        let spectra: Vec<Spectrum> = eigenvalues(device, &matrices.concat(), n)?;
        let references: Vec<&Spectrum> = spectra.iter().collect();
        let derived = derived_all(device, &matrices, n, &references, spec.derived, stop)?;
        let singular: Vec<Vec<f64>> = matrices.par_iter().map(|matrix| singular_values(matrix, n)).collect();
        let epsilon = device.epsilon();
        // Each product is that of the layer before times one more factor; their singular values are as dear as all the rest.
        let products: Vec<Cumulative> = waiting.iter().map(|own| self.multiplied(own)).collect();
        let products: Vec<Product> = products.par_iter().map(|product| product.product(epsilon)).collect();
        let each = waiting.into_iter().zip(spectra).zip(derived).zip(singular).zip(products);
        for ((((own, spectrum), derived), singular_values), product) in each {
            let Waiting { place, matrix } = own;
            let band = Band::of_matrix(&matrix, n, epsilon);
            let whole = Whole {
                facts: Facts::of(&spectrum, band),
                on_circle: on_circle(&spectrum, band),
                growing_modes: growing_modes(&spectrum, band),
                trace: trace(&matrix, n),
                frobenius: length(&matrix),
                singular_values,
                derived,
                product,
                spectrum,
            };
            place.put(Known::Whole(Box::new(whole)), &mut self.found);
        }
        Ok(())
    }
}

impl Course<'_> {
    /// The product up to a Jacobian that waits.
    fn multiplied(&mut self, Waiting { place, matrix }: &Waiting) -> Cumulative {
        let own = &self.chosen[place.text];
        let token = own.iter().position(|&token| token == place.token).expect("it was chosen");
        let product = &mut self.products[place.text][token];
        product.push(matrix);
        product.clone()
    }
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    length(&x.iter().zip(y).map(|(x, y)| x - y).collect::<Vec<_>>())
}
