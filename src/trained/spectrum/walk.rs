//! A walk through the layers of a model with the texts that some tokens are of.

use super::division::{AT_ONCE, Chosen, Next, Part};
use super::{Asked, LIKELIEST};
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::layer::Point;
use crate::numbers::verdict::Band;
use crate::spec::TrainedSpectrumSpec;
use crate::spectrum::derived::{Derived, derived_all};
use crate::spectrum::facts::Facts;
use crate::spectrum::peak::PeakStatus;
use crate::spectrum::{Spectrum, eigenvalues};
use crate::trained::facts::{Cumulative, Extremes, Known, Product, TokenFacts, Whole, singular_values, trace};
use crate::trained::{Model, Stack, length};
use crate::weights::LearnedLayer;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;

/// Where the parts of layers go when they are done.
pub(super) type Keep<'a> = &'a mut dyn FnMut(usize, Part) -> Result<()>;

/// One that stands between two layers.
pub(super) struct Walk<'a> {
    device: &'a Device,
    model: &'a Model,
    asked: &'a Asked<'a>,
    chosen: &'a [Chosen],
    /// The states of the texts, by their numbers.
    stacks: BTreeMap<usize, Stack<'a>>,
    /// The products of the Jacobians so far, `[chosen]`; none where Jacobians are not assembled.
    products: Vec<Cumulative>,
    waiting: Vec<Waiting>,
}

/// A layer whose Jacobians wait for their eigenvalues.
struct Waiting {
    layer: usize,
    /// Its part, without what is to be said of the Jacobians.
    part: Part,
    /// `[chosen]`.
    jacobians: Vec<Vec<f64>>,
    /// `[chosen]`: the products up to this layer.
    products: Vec<Cumulative>,
}

impl<'a> Walk<'a> {
    /// In front of the first layer.
    ///
    /// # Errors
    /// As of [`Stack::begin`].
    pub fn begin(device: &'a Device, model: &'a Model, asked: &'a Asked<'a>, chosen: &'a [Chosen]) -> Result<Self> {
        let TrainedSpectrumSpec { step_size, damping, integrator, .. } = *asked.spec;
        let points = [Point { step_size, radius: 1.0, damping }];
        let mut stacks = BTreeMap::new();
        for own in chosen {
            if let Entry::Vacant(place) = stacks.entry(own.text) {
                place.insert(Stack::begin(device, model, &asked.texts[own.text], &points, integrator)?);
            }
        }
        let products = match asked.spec.is_partial() {
            false => vec![Cumulative::one(model.anatomy().width); chosen.len()],
            true => Vec::new(),
        };
        Ok(Walk { device, model, asked, chosen, stacks, products, waiting: Vec::new() })
    }

    /// Goes behind the last layer that is wanted, and has `keep` take the part of each that is. Where `progress` stops it, or
    /// a search for a peak was stopped, it ends before.
    ///
    /// # Errors
    /// What the checkpoint is refused for, what the device reports, and whatever `keep` fails with.
    pub fn go(mut self, is_wanted: &dyn Fn(usize) -> bool, progress: Progress, keep: Keep) -> Result<()> {
        let depth = (0..self.model.depth()).rfind(|&layer| is_wanted(layer)).map_or(0, |last| last + 1);
        for layer in 0..depth {
            let weights = self.model.layer(layer)?;
            let before = self.stacks.clone();
            for stack in self.stacks.values_mut() {
                stack.pass(&weights)?;
                stack.refuse_lost(layer)?;
            }
            match (self.asked.spec.is_partial(), is_wanted(layer)) {
                (true, true) => keep(layer, self.extremes(layer, &before, &weights)?)?,
                (true, false) => {}
                (false, is_wanted) => self.assemble(layer, &before, &weights, is_wanted)?,
            }
            let jacobians: usize = self.waiting.iter().map(|own| own.jacobians.len()).sum();
            let is_due = jacobians >= AT_ONCE || layer + 1 == depth;
            let mut told = |solved: f64| progress((layer as f64 + solved) / depth as f64);
            let mut word = || {
                let _ = told(0.5);
            };
            if is_due && self.solve(&mut word, keep)?.is_break() || told(1.0).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The part of the layer that the texts have just passed, before anything is said of its Jacobians.
    fn part(&self, layer: usize, before: &BTreeMap<usize, Stack>) -> Result<Part> {
        let mut part = Part::default();
        for own in self.chosen {
            let (state, after) = (before[&own.text].state(0, own.token), self.stacks[&own.text].state(0, own.token));
            let state_norm = length(&state);
            let relative_step = distance(&after, &state) / state_norm;
            let jacobian = Known::Some(Extremes::default());
            part.tokens.push(TokenFacts { token: own.token, state_norm, relative_step, jacobian });
        }
        if layer + 1 == self.model.depth() {
            part.end_norms = self.chosen.iter().map(|own| self.stacks[&own.text].norm(0, own.token)).collect();
            for Chosen { text, .. } in self.chosen.iter().filter(|own| own.is_first) {
                let tokens = self.stacks[text].next_tokens(LIKELIEST)?;
                part.next_tokens.extend(tokens.into_iter().map(|token| Next { text: *text, token }));
            }
        }
        Ok(part)
    }

    /// The part of a layer of whose Jacobians only the largest values are asked for.
    fn extremes(&self, layer: usize, before: &BTreeMap<usize, Stack>, weights: &LearnedLayer) -> Result<Part> {
        let mut part = self.part(layer, before)?;
        let mut all = Vec::with_capacity(part.tokens.len());
        for (stack, tokens) in self.of_texts(before) {
            let mut own = vec![Extremes::default(); tokens.len()];
            if let Some(count) = self.asked.spec.leading {
                let found = stack.leading(weights, &tokens, count)?;
                own.iter_mut().zip(found).for_each(|(own, found)| own.leading = Some(found));
            }
            if let Some(count) = self.asked.spec.singular {
                let found = stack.largest_singular(weights, &tokens, count)?;
                own.iter_mut().zip(found).for_each(|(own, found)| own.singular = Some(found));
            }
            all.append(&mut own);
        }
        part.tokens.iter_mut().zip(all).for_each(|(facts, own)| facts.jacobian = Known::Some(own));
        Ok(part)
    }

    /// Multiplies the products by the Jacobians of a layer, which wait for their eigenvalues from then on if it is wanted.
    fn assemble(
        &mut self,
        layer: usize,
        before: &BTreeMap<usize, Stack>,
        weights: &LearnedLayer,
        is_wanted: bool,
    ) -> Result<()> {
        let mut jacobians = Vec::with_capacity(self.chosen.len());
        for (stack, tokens) in self.of_texts(before) {
            jacobians.extend(stack.jacobians(weights, &tokens)?.matrices);
        }
        self.products.iter_mut().zip(&jacobians).for_each(|(product, jacobian)| product.push(jacobian));
        if is_wanted {
            let part = self.part(layer, before)?;
            self.waiting.push(Waiting { layer, part, jacobians, products: self.products.clone() });
        }
        Ok(())
    }

    /// The states of each text, and which of its tokens are wanted.
    fn of_texts<'s>(
        &self,
        stacks: &'s BTreeMap<usize, Stack<'a>>,
    ) -> impl Iterator<Item = (&'s Stack<'a>, Vec<usize>)> {
        let tokens = |text: usize| self.chosen.iter().filter(move |own| own.text == text).map(|own| own.token);
        stacks.iter().map(move |(&text, stack)| (stack, tokens(text).collect()))
    }

    /// The eigenvalues of the Jacobians that wait, and what else is said of them. `Break` where searches for peaks were
    /// stopped: what is known then is not what a run to the end would know, so it is not kept.
    fn solve(&mut self, word: &mut dyn FnMut(), keep: Keep) -> Result<ControlFlow<()>> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let (n, epsilon) = (self.model.anatomy().width, self.device.epsilon());
        let matrices: Vec<&[f64]> = waiting.iter().flat_map(|own| own.jacobians.iter().map(Vec::as_slice)).collect();
        let spectra: Vec<Spectrum> = eigenvalues(self.device, &matrices.concat(), n)?;
        word();
        let references: Vec<&Spectrum> = spectra.iter().collect();
        let derived = derived_all(self.device, &matrices, n, &references, self.asked.spec.derived, self.asked.stop)?;
        if derived.iter().any(|own| own.transient_peak_status == Some(PeakStatus::Interrupted)) {
            return Ok(ControlFlow::Break(()));
        }
        word();
        let singular: Vec<Vec<f64>> = matrices.par_iter().map(|matrix| singular_values(matrix, n)).collect();
        word();
        let products: Vec<&Cumulative> = waiting.iter().flat_map(|own| &own.products).collect();
        // Their singular values are as dear as all the rest.
        let products: Vec<Product> = products.par_iter().map(|product| product.product(epsilon)).collect();
        let each = spectra.into_iter().zip(derived).zip(singular).zip(products);
        let mut solved = each.map(|(((spectrum, derived), singular_values), product)| Solved {
            spectrum,
            derived,
            singular_values,
            product,
        });
        for Waiting { layer, mut part, jacobians, .. } in waiting {
            for (facts, (matrix, solved)) in part.tokens.iter_mut().zip(jacobians.iter().zip(&mut solved)) {
                facts.jacobian = Known::Whole(Box::new(solved.whole(matrix, n, epsilon)));
            }
            keep(layer, part)?;
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// What was computed of a Jacobian.
struct Solved {
    spectrum: Spectrum,
    derived: Derived,
    singular_values: Vec<f64>,
    product: Product,
}

impl Solved {
    /// With what follows from it and the Jacobian `[n, n]`.
    fn whole(self, matrix: &[f64], n: usize, epsilon: f64) -> Whole {
        let Solved { spectrum, derived, singular_values, product } = self;
        let facts = Facts::of(&spectrum, Band::of_matrix(matrix, n, epsilon));
        let (trace, frobenius) = (trace(matrix, n), length(matrix));
        Whole { facts, spectrum, trace, frobenius, singular_values, derived, product }
    }
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    length(&x.iter().zip(y).map(|(x, y)| x - y).collect::<Vec<_>>())
}
