//! What claims ask of a trained model: the same runs as `spectrum --checkpoint` and `sweep --checkpoint`.

use super::lab::Run;
use super::{Criterion, Curve, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::spec::{Grid, Quantities, TrainedInput, TrainedSpectrumSpec, TrainedSweepSpec};
use crate::trained::spectrum::Asked;
use crate::trained::sweep::{Text, TrainedCell};
use crate::trained::{Model, spectrum, sweep};

/// What is read where no text is given.
const TEXT: &str = "The planet Mercury is the smallest in the solar system and the closest to the Sun. It takes eighty-eight days \
to go around the Sun once, and it turns so slowly that a day there lasts longer than a year. Because it has almost no air to \
hold the heat, its surface is hotter than an oven at noon and colder than any winter on Earth at night.";

/// A trained model and a text.
pub struct Trained {
    model: Model,
    input: TrainedInput,
    token_ids: Vec<u32>,
}

impl Trained {
    /// Opens a checkpoint. Of several texts the first is taken, and where there is none a paragraph about Mercury.
    ///
    /// # Errors
    /// What the checkpoint or its tokenizer is refused for.
    pub fn open(input: &TrainedInput) -> Result<Self> {
        let model = Model::of(input)?;
        let mut input = input.clone();
        if input.token_ids.is_empty() {
            let text = input.prompts.first().map_or(TEXT, String::as_str).to_owned();
            input.prompts = vec![text];
        }
        let token_ids = match input.prompts.first() {
            Some(text) => model.checkpoint().encode(text)?,
            None => input.token_ids.clone(),
        };
        Ok(Trained { model, input, token_ids })
    }

    /// The checkpoint and the text.
    pub(super) fn input(&self) -> &TrainedInput {
        &self.input
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The text that goes through it.
    fn text(&self) -> Text<'_> {
        Text { model: &self.model, token_ids: &self.token_ids, margin: None }
    }
}

impl Lab<'_> {
    /// How many eigenvalues each trained layer has outside of the unit circle, at the last token of the text; none without
    /// a trained model.
    ///
    /// # Errors
    /// What the device or the checkpoint is refused for.
    pub(super) fn trained_outside(&self) -> Result<Option<Vec<usize>>> {
        let Some(own) = self.trained() else { return Ok(None) };
        let spec = TrainedSpectrumSpec {
            input: own.input.clone(),
            derived: Quantities::NONE,
            seed: self.seed,
            ..TrainedSpectrumSpec::default()
        };
        self.note(Run::TrainedSpectrum(Box::new(spec.clone())));
        let texts = std::slice::from_ref(&own.token_ids);
        let asked = Asked { model: &own.model, spec: &spec, texts, stop: &|| false };
        let found = spectrum::run(self.device, &asked, &mut |share| self.part(share))?;
        let layers = found.texts.iter().flat_map(|text| &text.layers).flat_map(|layer| &layer.tokens);
        self.finished(Some(layers.filter_map(|facts| Some(facts.solved()?.facts.outside)).collect()))
    }

    /// The text under these step sizes and frictions, friction outermost; none without a trained model.
    ///
    /// # Errors
    /// As [`Lab::trained_outside`].
    pub(super) fn trained_cells(&self, steps: &[f64], dampings: &[f64]) -> Result<Option<Vec<TrainedCell>>> {
        let Some(own) = self.trained() else { return Ok(None) };
        let spec = TrainedSweepSpec {
            input: own.input.clone(),
            step_size: Grid::of(steps)?,
            damping: Grid::of(dampings)?,
            ..TrainedSweepSpec::default()
        };
        self.note(Run::TrainedSweep(Box::new(spec.clone())));
        let told = &mut |share| self.part(share);
        let found = sweep::run(self.device, &own.text(), &spec, told)?;
        self.finished(Some(found.cells))
    }
}

/// The cross-entropy of a text at a grid point, in nats a token.
pub(super) fn cross_entropy(cell: &TrainedCell) -> Measured {
    cell.likely.map_or(Measured::MISSING, |likely| Measured::exact(likely.cross_entropy))
}

/// Unstable eigenvalues of a trained model, and whether it is the worse for its step.
pub(super) fn instability(lab: &Lab) -> Result<Option<(Vec<Statement>, Graph)>> {
    let Some(outside) = lab.trained_outside()? else { return Ok(None) };
    let fewest = outside.iter().min().map_or(Measured::MISSING, |&fewest| Measured::exact(fewest as f64));
    let cells = lab.trained_cells(&[0.5, 0.8, 0.9, 1.0], &[0.0])?.unwrap_or_default();
    let entropies: Vec<Measured> = cells.iter().map(cross_entropy).collect();
    let [smaller @ .., own] = &entropies[..] else { return Ok(None) };
    let size = |one: &Measured| one.value.unwrap_or(f64::INFINITY);
    let lowest = smaller.iter().copied().min_by(|a, b| size(a).total_cmp(&size(b))).unwrap_or(Measured::MISSING);
    let statements = vec![
        Statement::new(
            "every trained layer has unstable eigenvalues",
            "fewest eigenvalues outside of the unit circle, of all layers of the model",
            fewest,
            Criterion::Above(0.5),
        ),
        Statement::new(
            "and a smaller step would serve the trained model much better",
            "cross-entropy of a text at h = 1, less the lowest at h = 0.5, 0.8 and 0.9",
            own.minus(lowest),
            Criterion::Above(0.25),
        )
        .unit("nats/token"),
    ];
    let counts = outside.iter().enumerate().map(|(layer, &count)| (layer as f64, Measured::exact(count as f64)));
    let graph = Graph {
        x_label: "layer",
        y_label: "eigenvalues outside of the unit circle",
        curves: vec![Curve::new("at the last token", counts)],
        reading: "Every layer of the trained model has unstable eigenvalues; what follows from it is another question.",
        ..Graph::default()
    };
    Ok(Some((statements, graph)))
}

/// What two per cent of friction do to a trained model.
pub(super) fn friction(lab: &Lab) -> Result<Vec<Statement>> {
    let Some(cells) = lab.trained_cells(&[1.0], &[0.0, 0.02])? else { return Ok(Vec::new()) };
    let cost = cross_entropy(&cells[1]).minus(cross_entropy(&cells[0]));
    let says = "a trained model keeps its wits with a little friction";
    let name = "cross-entropy with γ = 0.02, less without";
    Ok(vec![Statement::new(says, name, cost, Criterion::Below(0.1)).unit("nats/token")])
}

/// How the states of a trained model grow along its depth.
pub(super) fn growth(lab: &Lab) -> Result<Vec<Statement>> {
    let Some(cells) = lab.trained_cells(&[1.0], &[0.0])? else { return Ok(Vec::new()) };
    let norms: Vec<f64> = cells[0].state_norms.iter().copied().map(|norm| norm.unwrap_or(f64::NAN)).collect();
    let (first, last) = (norms.len() / 4, norms.len() - 2);
    // Embeddings are far smaller than what the first layers write, and the last layer is often one of its own.
    let rate = (norms[last] / norms[first]).ln() / (last - first) as f64;
    let says = "a trained stack grows by a factor a layer, though it has norms";
    let name = format!("growth of the mean norm a layer, layers {first} to {last} of the model");
    Ok(vec![Statement::new(says, name, Measured::exact(rate), Criterion::Above(0.005)).unit("nats")])
}
