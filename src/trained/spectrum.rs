//! The Jacobian of every layer, its eigenvalues and singular values.

mod division;
mod walk;

pub use division::{Next, Part, Shapes};

use self::division::Chosen;
use self::walk::Walk;
use super::Model;
use super::facts::TokenFacts;
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::invalid;
use crate::spec::{Control, Integrator, TrainedSpectrumSpec, check};
use crate::spectrum::peak::Stop;
use crate::units::{Afresh, Parts, Units};

/// One text through one model.
pub struct TextSpectrum {
    /// The text's tokens.
    pub token_ids: Vec<u32>,
    /// Those that are there, from the first.
    pub layers: Vec<LayerSpectrum>,
    /// Norms of the states behind the last layer, of the chosen tokens; none if some of them were not reached.
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

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Of which model.
    pub model: &'a Model,
    /// What of it.
    pub spec: &'a TrainedSpectrumSpec,
    /// The tokens of each text.
    pub texts: &'a [Vec<u32>],
    /// Asked while transient peaks are searched for, from any thread: is it to end early?
    pub stop: Stop<'a>,
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
/// that the eigenvalues of all blocks are all of its eigenvalues.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for texts, tokens and steps that the model does not take; what the device
/// reports.
pub fn run(device: &Device, asked: &Asked, progress: Progress) -> Result<TrainedSpectrum> {
    run_parts(device, asked, &mut Afresh, progress)
}

/// [`run`] where parts of it may have been done before, and are kept when they are done.
///
/// # Errors
/// As for [`run`], and whatever goes wrong where `parts` are kept.
pub fn run_parts(
    device: &Device,
    asked: &Asked,
    parts: &mut dyn Parts<Part>,
    progress: Progress,
) -> Result<TrainedSpectrum> {
    check(asked.model, asked.spec)?;
    let shapes = Shapes::of(asked.spec, asked.model.depth(), asked.texts)?;
    let mut found = TrainedSpectrum::empty(asked);
    let all = shapes.work_of(&|unit| parts.is_left(unit));
    let mut done = 0.0;
    let mut is_stopped = false;
    for walk in shapes.walks() {
        let (units, place, chosen) = (shapes.units(walk), shapes.model(walk), shapes.chosen(walk));
        let wanted: Vec<bool> = units.clone().map(|unit| parts.is_left(unit)).collect();
        for (layer, unit) in units.clone().enumerate() {
            if let Some(part) = parts.known(unit, &Part::default)? {
                found.put(place, layer, chosen, part);
            }
        }
        let mut left = wanted.iter().filter(|wanted| **wanted).count();
        if left == 0 || is_stopped {
            found.interrupted |= left > 0;
            continue;
        }
        let share = (left * chosen.len()) as f64;
        let told = &mut |fraction: f64| {
            let told = progress((done + share * fraction) / all);
            is_stopped |= told.is_break();
            told
        };
        let model = asked.model_at(place);
        let way = Walk::begin(device, &model, asked, chosen)?;
        way.go(&|layer| wanted[layer], told, &mut |layer: usize, mut part: Part| {
            left -= 1;
            parts.keep(units.start + layer, &mut part)?;
            if parts.is_whole() {
                found.put(place, layer, chosen, part);
            }
            Ok(())
        })?;
        found.interrupted |= left > 0;
        is_stopped |= left > 0;
        done += share;
    }
    found.tidy(&shapes);
    Ok(found)
}

impl Asked<'_> {
    /// The trained model, or one of its controls behind it.
    fn model_at(&self, place: usize) -> Model {
        match place.checked_sub(1) {
            None => self.model.clone(),
            Some(place) => self.model.control(division::controls(self.spec)[place], self.spec.seed),
        }
    }
}

impl TrainedSpectrum {
    /// Of all that is asked for, nothing yet.
    fn empty(asked: &Asked) -> Self {
        let layers = || (0..asked.model.depth()).map(|layer| LayerSpectrum { layer, tokens: Vec::new() }).collect();
        let text = |ids: &Vec<u32>| TextSpectrum {
            token_ids: ids.clone(),
            layers: layers(),
            end_norms: Vec::new(),
            next_token: Vec::new(),
        };
        let texts = || asked.texts.iter().map(text).collect();
        let control = |control| ControlSpectrum { control, texts: texts() };
        let controls = division::controls(asked.spec).into_iter().map(control).collect();
        TrainedSpectrum { texts: texts(), controls, interrupted: false }
    }

    /// How many Jacobians there are.
    pub fn jacobians(&self) -> usize {
        let controls = self.controls.iter().flat_map(|own| &own.texts);
        self.texts.iter().chain(controls).flat_map(|text| &text.layers).map(|layer| layer.tokens.len()).sum()
    }

    /// Takes over what was found of a layer of a model at these tokens.
    fn put(&mut self, place: usize, layer: usize, chosen: &[Chosen], part: Part) {
        let texts = match place.checked_sub(1) {
            None => &mut self.texts,
            Some(control) => &mut self.controls[control].texts,
        };
        for (own, facts) in chosen.iter().zip(part.tokens) {
            texts[own.text].layers[layer].tokens.push(facts);
        }
        for (own, norm) in chosen.iter().zip(part.end_norms) {
            texts[own.text].end_norms.push(norm);
        }
        for Next { text, token } in part.next_tokens {
            // A part of another run, whatever its manifest says of it, may be of more texts.
            if let Some(own) = texts.get_mut(text) {
                own.next_token.push(token);
            }
        }
    }

    /// Takes away what holds nothing, where not all is there.
    fn tidy(&mut self, shapes: &Shapes) {
        let controls = self.controls.iter_mut().map(|own| &mut own.texts);
        for texts in std::iter::once(&mut self.texts).chain(controls) {
            for (text, own) in texts.iter_mut().enumerate() {
                own.layers.retain(|layer| !layer.tokens.is_empty());
                if own.end_norms.len() < shapes.tokens(text) {
                    own.end_norms.clear();
                }
            }
        }
        self.controls.retain(|own| own.texts.iter().any(|text| !text.layers.is_empty()));
    }
}
