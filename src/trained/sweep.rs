//! A text under other step sizes and frictions: what Euler's h = 1 and the missing friction do for a trained model.

use super::likelihood::{Likelihood, Likely};
use super::{Model, Stack, length};
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::invalid;
use crate::layer::{Point, frozen_step};
use crate::spec::{Integrator, NormPlacement, TrainedSweepSpec};
use crate::weights::LearnedLayer;

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

/// Runs a text through the model at every grid point.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for texts that the model does not take; what the device reports.
pub fn run(
    device: &Device,
    model: &Model,
    spec: &TrainedSweepSpec,
    token_ids: &[u32],
    margin: Option<Margin>,
    progress: Progress,
) -> Result<TrainedSweep> {
    let tokens = token_ids.len();
    if tokens < 2 {
        return invalid!(
            "text: it is one token, and likelihoods are those of tokens behind others; give a longer text"
        );
    }
    let points = points(spec);
    let at_once = (COLUMNS_AT_ONCE / tokens).max(1);
    let mut sweep = TrainedSweep { cells: Vec::new(), interrupted: false };
    let mut trained = Undisturbed::begin(device, model, token_ids)?;
    for some in points.chunks(at_once) {
        let done = sweep.cells.len() as f64 / points.len() as f64;
        let share = some.len() as f64 / points.len() as f64;
        let mut own = Pass { device, model, token_ids, margin, spec, trained: &mut trained };
        let cells = own.cells(some, &mut |fraction| progress(done + share * fraction))?;
        let Some(cells) = cells else {
            sweep.interrupted = true;
            break;
        };
        sweep.cells.extend(cells);
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
    model: &'a Model,
    token_ids: &'a [u32],
    margin: Option<Margin>,
    spec: &'a TrainedSweepSpec,
    trained: &'a mut Undisturbed<'b>,
}

impl Pass<'_, '_> {
    /// Their cells; none if `progress` stops it.
    fn cells(&mut self, points: &[Point], progress: Progress) -> Result<Option<Vec<TrainedCell>>> {
        let mut stack = Stack::begin(self.device, self.model, self.token_ids, points, self.spec.integrator)?;
        let mut cells: Vec<TrainedCell> = points.iter().map(TrainedCell::empty).collect();
        let start = self.norms(&stack, &mut cells);
        let mut predicted = self.states(&stack, points.len());
        for layer in 0..self.model.depth() {
            let weights = self.model.layer(layer)?;
            stack.pass(&weights)?;
            self.trained.pass(layer, &weights, self.model.anatomy().norm.placement)?;
            self.norms(&stack, &mut cells);
            if let Some(fields) = self.trained.fields.get(layer) {
                let step = |(x, point): (&mut Vec<f64>, _)| *x = frozen_step(self.spec.integrator, point, fields, x);
                predicted.iter_mut().zip(points).for_each(step);
            }
            if let Some(margin) = self.margin {
                let margins = self.margins(&stack, points.len(), margin)?;
                cells.iter_mut().zip(margins).for_each(|(cell, margin)| cell.lens.push(margin));
            }
            if progress((layer + 1) as f64 / (self.model.depth() + 1) as f64).is_break() {
                return Ok(None);
            }
        }
        let mut likelihood = Likelihood::new(self.token_ids, points.len() + 1, points.len());
        let states = [stack.states(), self.trained.stack.states()].concat();
        self.model.logits(self.device, &states, &mut |logits| likelihood.add(&logits))?;
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
        let of = |point: usize| (0..self.token_ids.len()).flat_map(move |token| stack.state(point, token)).collect();
        (0..points).map(of).collect()
    }

    /// The mean over tokens of ln(|x| / |x_0|); none where states are beyond the device's numbers.
    fn growth(&self, states: &[f64], start: &[f64]) -> Option<f64> {
        let norms = states.chunks(self.model.anatomy().width).map(length);
        let total: f64 = norms.zip(start).map(|(norm, start)| (norm / start).ln()).sum();
        Some(total / start.len() as f64).filter(|growth| growth.is_finite())
    }

    /// Adds the mean norms of the states to the cells. Gives the norms of each token at each point.
    fn norms(&self, stack: &Stack, cells: &mut [TrainedCell]) -> Vec<Vec<f64>> {
        let tokens = self.token_ids.len();
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
        let last = self.token_ids.len() - 1;
        let states: Vec<f64> = (0..points).flat_map(|point| stack.state(point, last)).collect();
        let logits = self.model.logits_of(self.device, &states, &[margin.first, margin.second])?;
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
