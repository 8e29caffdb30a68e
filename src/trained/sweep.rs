//! A text under other step sizes and frictions: what Euler's h = 1 and the missing friction do for a trained model.

use super::likelihood::{Likelihood, Likely};
use super::{Model, Stack, length};
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::invalid;
use crate::layer::{Point, frozen_step};
use crate::spec::{Integrator, NormPlacement, TrainedSweepSpec};
use crate::units::{Afresh, Parts, Units};
use crate::weights::LearnedLayer;
use std::ops::Range;

/// Columns, grid points times tokens, that go through the layers at once.
const COLUMNS_AT_ONCE: usize = 1024;

/// A step size and a friction of every sublayer.
#[derive(Clone, Debug)]
pub struct TrainedCell {
    /// The step size h.
    pub step_size: f64,
    /// The friction γ.
    pub damping: f64,
    /// Cross-entropy and divergence from h = 1, γ = 0; none where states are beyond the device's numbers.
    pub likely: Option<Likely>,
    /// The mean over tokens of ln(|x_L| / |x_0|).
    pub log_growth: Option<f64>,
    /// The same where every sublayer's f is what it is at h = 1, γ = 0, layer by layer and token by token: what the grid
    /// point would do to states if they did nothing to f. None where a norm behind the sum decides the size of a state.
    pub predicted_log_growth: Option<f64>,
    /// `[layers + 1]`: the mean over tokens of |x| before each layer, and behind the last.
    pub state_norms: Vec<Option<f64>>,
    /// Logit of the first word less that of the second, behind the last token.
    pub margin: Option<f64>,
    /// `[layers]`: the same read from the state behind each layer.
    pub lens: Vec<Option<f64>>,
}

/// Two words by their tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margin {
    /// The first one's.
    pub first: u32,
    /// The second one's.
    pub second: u32,
}

impl Margin {
    /// Of two words, which are one token each.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) for a word of several tokens.
    pub fn of(model: &Model, words: &[String; 2]) -> Result<Self> {
        if !model.predicts() {
            return invalid!("margin: this model predicts no next token; remove margin");
        }
        let token = |word: &String| match model.checkpoint().encode(word)?[..] {
            [only] => Ok(only),
            ref several => invalid!(
                "margin: `{word}` is {} tokens of this model, and a margin is between single ones; many models have most words \
                 with a space in front only",
                several.len()
            ),
        };
        Ok(Margin { first: token(&words[0])?, second: token(&words[1])? })
    }
}

/// A finished sweep of a trained model, or as much of it as was done.
pub struct TrainedSweep {
    /// Damping outermost, then step size.
    pub cells: Vec<TrainedCell>,
    /// Was it stopped before its end?
    pub interrupted: bool,
}

/// Cells of grid points that go through the layers at once: a unit of work.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// The cells.
    pub cells: Vec<TrainedCell>,
}

/// The units of a run.
pub struct Shapes {
    points: usize,
    /// Grid points of a unit; the last one may have fewer.
    at_once: usize,
}

impl Shapes {
    /// Those of a specification and a text of so many tokens.
    pub fn of(spec: &TrainedSweepSpec, tokens: usize) -> Self {
        Shapes { points: points(spec).len(), at_once: (COLUMNS_AT_ONCE / tokens.max(1)).max(1) }
    }

    /// The places of the grid points of a unit.
    fn places(&self, unit: usize) -> Range<usize> {
        unit * self.at_once..self.points.min((unit + 1) * self.at_once)
    }
}

impl Units for Shapes {
    type Part = Part;

    fn count(&self) -> usize {
        self.points.div_ceil(self.at_once)
    }

    /// In grid points.
    fn work(&self, unit: usize) -> f64 {
        self.places(unit).len() as f64
    }

    fn empty(&self, _unit: usize) -> Part {
        Part::default()
    }
}

/// Runs a text through the model at every grid point.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for texts that the model does not take; what the device reports.
pub fn run(device: &Device, text: &Text, spec: &TrainedSweepSpec, progress: Progress) -> Result<TrainedSweep> {
    run_parts(device, text, spec, &mut Afresh, progress)
}

/// What goes through the layers.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// The model.
    pub model: &'a Model,
    /// The text's tokens.
    pub token_ids: &'a [u32],
    /// The words whose margin is asked for.
    pub margin: Option<Margin>,
}

/// [`run`] where parts of it may have been done before, and are kept when they are done.
///
/// # Errors
/// As for [`run`], and whatever goes wrong where `parts` are kept.
pub fn run_parts(
    device: &Device,
    text: &Text,
    spec: &TrainedSweepSpec,
    parts: &mut dyn Parts<Part>,
    progress: Progress,
) -> Result<TrainedSweep> {
    let tokens = text.token_ids.len();
    if tokens < 2 {
        return invalid!(
            "text: it is one token, and likelihoods are those of tokens behind others; give a longer text"
        );
    }
    let (points, shapes) = (points(spec), Shapes::of(spec, tokens));
    let mut sweep = TrainedSweep { cells: Vec::new(), interrupted: false };
    let mut trained = Undisturbed::begin(device, text.model, text.token_ids)?;
    let left = shapes.work_of(&|unit| parts.is_left(unit));
    let mut done = 0.0;
    for unit in 0..shapes.count() {
        if !parts.is_left(unit) {
            sweep.cells.extend(parts.known(unit, &Part::default)?.unwrap_or_default().cells);
            continue;
        }
        let share = shapes.work(unit);
        let mut own = Pass { device, text: *text, spec, trained: &mut trained };
        let cells =
            own.cells(&points[shapes.places(unit)], &mut |fraction| progress((done + share * fraction) / left))?;
        let Some(cells) = cells else {
            sweep.interrupted = true;
            break;
        };
        let mut part = Part { cells };
        parts.keep(unit, &mut part)?;
        if parts.is_whole() {
            sweep.cells.append(&mut part.cells);
        }
        done += share;
    }
    Ok(sweep)
}

/// The grid.
pub fn points(spec: &TrainedSweepSpec) -> Vec<Point> {
    let dampings = spec.damping.values().iter();
    let each = |&damping: &f64| {
        spec.step_size.values().iter().map(move |&step_size| Point { step_size, radius: 1.0, damping })
    };
    dampings.flat_map(each).collect()
}

/// What the trained model does.
const UNDISTURBED: Point = Point { step_size: 1.0, radius: 1.0, damping: 0.0 };

/// The trained model at h = 1, γ = 0, with which every grid point is compared. It goes along with the first of them.
struct Undisturbed<'a> {
    stack: Stack<'a>,
    /// `[layers so far, sublayers]` of `[tokens, width]`: f of every sublayer, where no norm follows it.
    fields: Vec<Vec<Vec<f32>>>,
    /// The layers that it is behind.
    passed: usize,
}

impl<'a> Undisturbed<'a> {
    fn begin(device: &'a Device, model: &'a Model, token_ids: &[u32]) -> Result<Self> {
        let stack = Stack::begin(device, model, token_ids, &[UNDISTURBED], Integrator::Euler)?;
        Ok(Undisturbed { stack, fields: Vec::new(), passed: 0 })
    }

    /// Goes behind this layer, unless it is there already.
    fn pass(&mut self, layer: usize, weights: &LearnedLayer, placement: NormPlacement) -> Result<()> {
        if layer < self.passed {
            return Ok(());
        }
        self.passed += 1;
        match placement {
            NormPlacement::Post => self.stack.pass(weights),
            _ => self.stack.pass_with_fields(weights).map(|fields| self.fields.push(fields)),
        }
    }
}

/// Some grid points at once.
struct Pass<'a, 'b> {
    device: &'a Device,
    text: Text<'a>,
    spec: &'a TrainedSweepSpec,
    trained: &'a mut Undisturbed<'b>,
}

impl Pass<'_, '_> {
    /// Their cells; none if `progress` stops it.
    fn cells(&mut self, points: &[Point], progress: Progress) -> Result<Option<Vec<TrainedCell>>> {
        let mut stack = Stack::begin(self.device, self.text.model, self.text.token_ids, points, self.spec.integrator)?;
        let mut cells: Vec<TrainedCell> = points.iter().map(TrainedCell::empty).collect();
        let start = self.norms(&stack, &mut cells);
        let mut predicted = self.states(&stack, points.len());
        for layer in 0..self.text.model.depth() {
            let weights = self.text.model.layer(layer)?;
            stack.pass(&weights)?;
            self.trained.pass(layer, &weights, self.text.model.anatomy().norm.placement)?;
            self.norms(&stack, &mut cells);
            if let Some(fields) = self.trained.fields.get(layer) {
                let step = |(x, point): (&mut Vec<f64>, _)| *x = frozen_step(self.spec.integrator, point, fields, x);
                predicted.iter_mut().zip(points).for_each(step);
            }
            if let Some(margin) = self.text.margin {
                let margins = self.margins(&stack, points.len(), margin)?;
                cells.iter_mut().zip(margins).for_each(|(cell, margin)| cell.lens.push(margin));
            }
            if progress((layer + 1) as f64 / (self.text.model.depth() + 1) as f64).is_break() {
                return Ok(None);
            }
        }
        let mut likelihood = Likelihood::new(self.text.token_ids, points.len() + 1, points.len());
        let states = [stack.states(), self.trained.stack.states()].concat();
        self.text.model.logits(self.device, &states, &mut |logits| likelihood.add(&logits))?;
        let (ends, has_fields) = (self.states(&stack, points.len()), !self.trained.fields.is_empty());
        for (point, cell) in cells.iter_mut().enumerate() {
            cell.likely = likelihood.at(point);
            cell.margin = cell.lens.last().copied().flatten();
            cell.log_growth = self.growth(&ends[point], &start[point]);
            cell.predicted_log_growth = self.growth(&predicted[point], &start[point]).filter(|_| has_fields);
        }
        Ok(Some(cells))
    }

    /// The states of each point, `[tokens, width]`.
    fn states(&self, stack: &Stack, points: usize) -> Vec<Vec<f64>> {
        let of =
            |point: usize| (0..self.text.token_ids.len()).flat_map(move |token| stack.state(point, token)).collect();
        (0..points).map(of).collect()
    }

    /// The mean over tokens of ln(|x| / |x_0|); none where states are beyond the device's numbers.
    fn growth(&self, states: &[f64], start: &[f64]) -> Option<f64> {
        let norms = states.chunks(self.text.model.anatomy().width).map(length);
        let total: f64 = norms.zip(start).map(|(norm, start)| (norm / start).ln()).sum();
        Some(total / start.len() as f64).filter(|growth| growth.is_finite())
    }

    /// Adds the mean norms of the states to the cells. Gives the norms of each token at each point.
    fn norms(&self, stack: &Stack, cells: &mut [TrainedCell]) -> Vec<Vec<f64>> {
        let tokens = self.text.token_ids.len();
        let norms: Vec<Vec<f64>> =
            (0..cells.len()).map(|point| (0..tokens).map(|token| stack.norm(point, token)).collect()).collect();
        for (cell, norms) in cells.iter_mut().zip(&norms) {
            let mean = norms.iter().sum::<f64>() / tokens as f64;
            cell.state_norms.push(Some(mean).filter(|mean| mean.is_finite()));
        }
        norms
    }

    /// The margin behind the last token at each point.
    fn margins(&self, stack: &Stack, points: usize, margin: Margin) -> Result<Vec<Option<f64>>> {
        let last = self.text.token_ids.len() - 1;
        let states: Vec<f64> = (0..points).flat_map(|point| stack.state(point, last)).collect();
        let logits = self.text.model.logits_of(self.device, &states, &[margin.first, margin.second])?;
        Ok(logits.iter().map(|of| Some(of[0] - of[1]).filter(|margin| margin.is_finite())).collect())
    }
}

impl TrainedCell {
    fn empty(point: &Point) -> Self {
        TrainedCell {
            step_size: point.step_size,
            damping: point.damping,
            likely: None,
            log_growth: None,
            predicted_log_growth: None,
            state_norms: Vec::new(),
            margin: None,
            lens: Vec::new(),
        }
    }
}
