//! Many stacks of written layers, each asked the same questions many times.

use super::context::{Context, Text};
use crate::error::Result;
use crate::essay::Lab;
use crate::essay::planted::{Address, Answers, Axes, Form, Layers, Passage, Planted, Words, anatomy, drawn};
use crate::layer::Point;
use crate::layer::anatomy::Anatomy;
use crate::spec::{Activation, Gains, NormPlacement};
use crate::weights::LearnedLayer;

/// The width n of the stream, and of the FFN.
pub const WIDTH: usize = 64;
/// The layers of a stack.
pub const DEPTH: usize = 80;
/// Texts that go through one stack of weights.
const TEXTS: usize = 32;
/// How strongly words of the context are marked, in standard deviations of the background along the axis.
const MARK: f64 = 2.0;
/// Layers of one plan.
const AT_ONCE: usize = 8;
/// Of the random parts of the weights: queries and keys, values, hidden units, and what is written.
const GAINS: Gains = Gains { query_key: 1.0, value: 0.5, hidden: 1.0, output: 1.0, bias: 0.0 };

/// What is asked of a model: it is asked each question twice, with its labels and with them exchanged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// The words of the context.
    pub context: Context,
    /// The friction γ.
    pub damping: f64,
    /// After this layer the context is turned into its mirror image, if it is.
    pub reversed_after: Option<usize>,
}

impl Question {
    /// One whose context stays as it is.
    pub fn plain(context: Context, damping: f64) -> Self {
        Question { context, damping, reversed_after: None }
    }
}

/// Stacks of one kind, and what they are asked.
#[derive(Clone, Debug)]
pub struct Model {
    /// Where the norm is.
    pub norm: NormPlacement,
    /// What is planted in each layer.
    pub planted: Planted,
    /// The questions, whose contexts have as many words.
    pub questions: Vec<Question>,
}

/// The answers of each model to each of its questions: 4,096 texts and their mirror images, or with
/// [`Effort::Quick`](crate::essay::Effort::Quick) an eighth.
///
/// All models share the random parts of their weights and the texts. What is asked twice is answered once.
///
/// # Errors
/// What the device reports; [`Error::Partial`](crate::error::Error::Partial) where it was stopped.
pub fn ask(lab: &Lab, models: &[Model]) -> Result<Vec<Vec<Answers>>> {
    let distinct: Vec<Model> = models.iter().map(Model::distinct).collect();
    let answers = answers(lab, &distinct)?;
    let of_model = |((model, distinct), answers): ((&Model, &Model), &Vec<Answers>)| {
        let place = |own: &Question| distinct.questions.iter().position(|other| other == own);
        model.questions.iter().filter_map(place).map(|place| answers[place].clone()).collect()
    };
    Ok(models.iter().zip(&distinct).zip(&answers).map(of_model).collect())
}

impl Model {
    /// The same with each of its questions once.
    fn distinct(&self) -> Self {
        let mut questions: Vec<Question> = Vec::new();
        for own in &self.questions {
            if !questions.contains(own) {
                questions.push(*own);
            }
        }
        Model { questions, ..self.clone() }
    }
}

/// The answers of each model to each of its questions, all of which are asked.
fn answers(lab: &Lab, models: &[Model]) -> Result<Vec<Vec<Answers>>> {
    let mut answers: Vec<Vec<Answers>> =
        models.iter().map(|model| vec![Answers::default(); model.questions.len()]).collect();
    let stacks = lab.members(4096) / TEXTS;
    for stack in 0..stacks {
        let reached = |part: f64| lab.reached((stack as f64 + part) / stacks as f64);
        for (own, answers) in of_stack(lab, models, stack, &reached)?.into_iter().zip(&mut answers) {
            own.into_iter().zip(answers).for_each(|(own, answers)| answers.push(own));
        }
    }
    Ok(answers)
}

/// Answers of one stack, `[models][questions][answers][layers]`. `reached` is told how much of it is done.
fn of_stack(
    lab: &Lab,
    models: &[Model],
    stack: usize,
    reached: &dyn Fn(f64) -> Result<()>,
) -> Result<Vec<Vec<Vec<Vec<f64>>>>> {
    let words = Words::drawn(lab.seed, stack, WIDTH);
    let axis = words.axis();
    let longest = models.iter().flat_map(|model| &model.questions).map(|own| own.context.tokens()).max().unwrap_or(0);
    let texts: Vec<Text> = (0..TEXTS).map(|text| Text::drawn(lab.seed, stack * TEXTS + text, longest, WIDTH)).collect();
    let mut asked: Vec<Asked> = models.iter().map(|model| Asked::begin(lab, model, &words, &texts)).collect();
    let form = anatomy(WIDTH, NormPlacement::Pre, true, Some((WIDTH, Activation::Gelu)));
    let mut layer = 0;
    while layer < DEPTH {
        let turns = models.iter().flat_map(|model| &model.questions).filter_map(|own| own.reversed_after);
        let next = turns.filter(|&turn| turn > layer).chain([layer + AT_ONCE, DEPTH]).min().unwrap_or(DEPTH);
        let random: Vec<LearnedLayer> =
            (layer..next).map(|layer| drawn(&form, GAINS, Address { seed: lab.seed, stack, layer })).collect();
        for asked in &mut asked {
            asked.pass(random.clone(), &axis)?;
            asked.turn(next, &axis);
        }
        layer = next;
        reached(layer as f64 / DEPTH as f64)?;
    }
    Ok(asked.into_iter().map(|asked| asked.answers).collect())
}

/// A model on its way through one stack.
struct Asked<'a> {
    model: &'a Model,
    anatomy: Anatomy,
    passage: Passage<'a>,
    /// `[questions][answers][layers]`.
    answers: Vec<Vec<Vec<f64>>>,
}

impl<'a> Asked<'a> {
    fn begin(lab: &'a Lab, model: &'a Model, words: &Words, texts: &[Text]) -> Self {
        let axis = words.axis();
        let own = anatomy(WIDTH, model.norm, true, Some((WIDTH, Activation::Gelu)));
        let point = |own: &Question| Point { step_size: 1.0, radius: 1.0, damping: own.damping };
        let context = model.questions.first().map_or(0, |own| own.context.tokens());
        debug_assert!(model.questions.iter().all(|own| own.context.tokens() == context), "contexts are of one length");
        let form = Form {
            anatomy: own.clone(),
            points: model.questions.iter().flat_map(|own| [point(own); 2]).collect(),
            tokens: context + 1,
            members: texts.len(),
            normed: true,
        };
        let passage = Passage::begin(lab.device, form, words, |member, point, token| {
            let context = model.questions[point / 2].context;
            let context = if point % 2 == 0 { context } else { context.mirrored() };
            texts[member].state(token, context, &axis, MARK)
        });
        let answers = vec![vec![Vec::with_capacity(DEPTH); 2 * texts.len()]; model.questions.len()];
        Asked { model, anatomy: own, passage, answers }
    }

    /// Takes its states through some layers with these random parts.
    fn pass(&mut self, mut layers: Vec<LearnedLayer>, axis: &[f64]) -> Result<()> {
        for layer in &mut layers {
            self.model.planted.plant(&self.anatomy, layer, Axes { read: axis, written: axis });
        }
        for margins in self.passage.pass(Layers::Each(&layers))? {
            for (point, margins) in margins.into_iter().enumerate() {
                let answers = &mut self.answers[point / 2];
                for (text, margin) in margins.into_iter().enumerate() {
                    let seen = if point % 2 == 0 { margin } else { -margin };
                    answers[2 * text + point % 2].push(seen);
                }
            }
        }
        Ok(())
    }

    /// Turns the contexts that are turned behind layer `layer`.
    fn turn(&mut self, layer: usize, axis: &[f64]) {
        for (i, own) in self.model.questions.iter().enumerate().filter(|(_, own)| own.reversed_after == Some(layer)) {
            for point in [2 * i, 2 * i + 1] {
                self.passage.reflect(point, 0..own.context.tokens(), axis);
            }
        }
    }
}
