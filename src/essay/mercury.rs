//! Mercury: how a lean in the context becomes an answer.

mod context;
mod ensemble;

pub use context::Context;
pub use ensemble::{DEPTH, Model, Question, WIDTH, ask};

use super::planted::{
    Answers, Graded, Planted, Turned, calibration_error, confidence, decided, first_sure, follows, locked, sure,
};
use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement, trained_mercury};
use crate::error::Result;
use crate::spec::NormPlacement;
use crate::theory::beyond;
use std::f64::consts::FRAC_1_SQRT_2;

pub(super) const CLAIM: Claim = Claim {
    id: "mercury",
    claim: "Is Mercury a planet, a metal or an element? A slight lean is amplified 80 times, layer by layer, into certainty.",
    experiment: "Stacks of 80 Transformer layers with random weights, in which attention that agrees with itself is planted along \
                 an axis planet - element: 8 words of context, some of them for the planet and some for the element, and the \
                 odds of the two words behind every layer. Each context is also asked with its labels exchanged.",
    remark: "A mechanism, where such feedback is planted: any lean ends in certainty, and so does none. But it is not \
             amplified 80 times: a few layers decide and the others change nothing. The answers follow the evidence more \
             with depth, not less; and random layers do nothing of the kind. Whether a trained model has such directions \
             is a question to its weights.",
    seconds: 12.1,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is asked of which layers.
#[derive(Clone, Copy, Debug)]
pub struct Premise {
    /// What is planted in every layer.
    pub planted: Planted,
    /// What is planted in the layers that are compared.
    pub control: Planted,
    /// The words of the context.
    pub context: Context,
    /// The friction γ.
    pub damping: f64,
    /// Where the norm is.
    pub norm: NormPlacement,
}

impl Default for Premise {
    fn default() -> Self {
        Premise {
            planted: FEEDBACK,
            control: Planted::NOTHING,
            context: Context { planet: 5, element: 3 },
            damping: 0.0,
            norm: NormPlacement::Pre,
        }
    }
}

/// Feedback that decides within some ten layers.
pub const FEEDBACK: Planted = Planted { feedback: 0.5, value: 0.5, saddle: 0.0 };
/// Graded evidence: the contexts of the curves.
pub const CONTEXTS: [Context; 4] = [
    Context { planet: 4, element: 4 },
    Context { planet: 5, element: 3 },
    Context { planet: 6, element: 2 },
    Context { planet: 7, element: 1 },
];
/// The friction of one of the curves.
const FRICTION: f64 = 0.3;
/// Behind these layers contexts are turned around.
const TURNS: [usize; 4] = [1, 8, TURN, 48];
/// The one behind which answers should not follow any more.
const TURN: usize = 24;
/// From this layer on growth is measured.
const EARLY: usize = 20;

/// Measures the odds behind every layer. All questions go through the same layers at once.
pub fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let [of_statements, of_graph] = [premise.of_statements(), premise.of_graph()];
    let both = [0, 1].map(|model| [&of_statements[model][..], &of_graph[model]].concat());
    let asked = ask(lab, &premise.models(both))?;
    let [planted, control] = [0, 1].map(|model| asked[model].split_at(of_statements[model].len()));
    let plain = &planted.0[1 + TURNS.len()..];
    let found = Finding::new(said(premise, planted.0, control.0), graph(plain, planted.1, control.1));
    Ok(found.with_model(trained_mercury::examine(lab)?))
}

/// The statements alone.
pub fn statements(lab: &Lab, premise: &Premise) -> Result<Vec<Statement>> {
    let asked = ask(lab, &premise.models(premise.of_statements()))?;
    Ok(said(premise, &asked[0], &asked[1]))
}

impl Premise {
    /// The planted layers and those that are compared, with what they are asked.
    fn models(&self, questions: [Vec<Question>; 2]) -> [Model; 2] {
        let [own, compared] = questions;
        let model = |planted, questions| Model { norm: self.norm, planted, questions };
        [model(self.planted, own), model(self.control, compared)]
    }

    /// One question for both, and for the planted ones the same with contexts that turn around, and graded evidence.
    fn of_statements(&self) -> [Vec<Question>; 2] {
        let own = Question::plain(self.context, self.damping);
        let turned = TURNS.map(|layer| Question { reversed_after: Some(layer), ..own });
        [[&[own][..], &turned, &graded(&CONTEXTS, self.damping)].concat(), vec![own]]
    }

    /// Graded evidence: for the planted ones with friction.
    fn of_graph(&self) -> [Vec<Question>; 2] {
        [graded(&CONTEXTS[1..], FRICTION), graded(&CONTEXTS[1..], self.damping)]
    }
}

fn graded(contexts: &[Context], damping: f64) -> Vec<Question> {
    contexts.iter().map(|&context| Question::plain(context, damping)).collect()
}

fn said(premise: &Premise, planted: &[Answers], control: &[Answers]) -> Vec<Statement> {
    let (lean, control) = (&planted[0], &control[0]);
    let turned: Vec<Turned> =
        TURNS.into_iter().zip(&planted[1..]).map(|(layer, answers)| Turned { layer, answers }).collect();
    let graded: Vec<Graded> = CONTEXTS
        .iter()
        .zip(&planted[1 + TURNS.len()..])
        .map(|(context, answers)| Graded { share: context.share(), answers })
        .collect();
    let late = turned.iter().find(|own| own.layer == TURN).expect("it is one of TURNS").answers;
    let share = premise.context.share();
    let growth = lean.behind(DEPTH, f64::abs).over(lean.behind(EARLY, f64::abs)).ln();
    // The share of right answers where the planet is right as often as the context says so.
    let right = |margin| share * follows(margin) + (1.0 - share) * (1.0 - follows(margin));
    let change = |of: fn(f64) -> f64| lean.mean(|margins| of(margins[DEPTH - 1]) - of(margins[0]));
    vec![
        Statement::new(
            "a slight lean of the context grows with depth",
            "mean margin of the likelier word behind the last layer, less that behind the first",
            change(|margin| margin),
            Criterion::Above(1.0),
        )
        .unit("nats"),
        Statement::new(
            "until the model is sure",
            "share of answers that give one word more than 90 %",
            lean.share(DEPTH, sure),
            Criterion::Above(0.9),
        ),
        Statement::new(
            "surer than the evidence allows",
            format!("mean confidence, less the share of right answers where {:.1} % are for the planet", 100.0 * share),
            lean.behind(DEPTH, |margin| confidence(margin) - right(margin)),
            Criterion::Above(0.3),
        ),
        Statement::new(
            "whatever the evidence is",
            "expected calibration error, of contexts from 4 : 4 to 7 : 1",
            calibration_error(&graded, DEPTH),
            Criterion::Above(0.3),
        ),
        Statement::new(
            "and sure of the wrong word",
            format!(
                "share of answers that give the wrong word more than 90 % where {:.1} % are for the planet",
                100.0 * share
            ),
            lean.behind(DEPTH, |margin| sure(margin) * (1.0 - right(margin))),
            Criterion::Above(0.3),
        ),
        Statement::new(
            "it is sure in the first eighth of its layers",
            "mean of the first layer behind which one word has more than 90 %",
            lean.mean(first_sure),
            Criterion::Below(DEPTH as f64 / 8.0),
        ),
        Statement::new(
            "it commits early",
            "mean layer from which on the answer stays on its side",
            lean.mean(decided),
            Criterion::Below(20.0),
        ),
        Statement::new(
            "and then the opposite evidence does not turn it",
            format!("share of answers for the word that is likelier since layer {TURN}"),
            late.share(DEPTH, |margin| 1.0 - follows(margin)),
            // Half of them follow it where nothing is decided, and a third where all is.
            Criterion::Below(0.42),
        ),
        Statement::new(
            "for it is locked in by then",
            format!(
                "mean of the first of layers {} behind which turning the evidence around changes an answer no more, of those \
                 that it changes behind the first",
                TURNS.map(|layer| layer.to_string()).join(", ")
            ),
            locked(lean, &turned, DEPTH),
            Criterion::Below(12.0),
        ),
        Statement::new(
            "every one of 80 layers amplifies it",
            format!("growth of the mean |margin| a layer, from layer {EARLY} on"),
            growth.times(1.0 / (DEPTH - EARLY) as f64),
            Criterion::Above(0.008),
        )
        .unit("nats"),
        Statement::new(
            "with depth the answers follow the evidence less",
            "share of answers for the likelier word behind the last layer, less that behind the first",
            change(follows),
            Criterion::Below(-0.06),
        ),
        Statement::new(
            "any stack of layers does so",
            "share of sure answers of random layers without a planted axis",
            control.share(DEPTH, sure),
            Criterion::Above(0.5),
        )
        // The margin is √2 times a coordinate of a random direction.
        .predicted(beyond(WIDTH, 9.0_f64.ln() * FRAC_1_SQRT_2), 1e-3),
    ]
}

/// The answers to graded evidence: by depth, with friction, and of the layers that are compared.
fn graph(plain: &[Answers], rubbed: &[Answers], control: &[Answers]) -> Graph {
    let leaning = &CONTEXTS[1..];
    let by_layer = |layer| curve(format!("behind layer {layer}"), &CONTEXTS, plain, layer);
    let rubbed = curve(format!("behind layer {DEPTH}, γ = {FRICTION}"), leaning, rubbed, DEPTH);
    let control = curve(format!("behind layer {DEPTH}, no axis planted"), leaning, control, DEPTH);
    Graph {
        x_label: "evidence b = ln(planet / element), nats",
        y_label: "share of answers 'planet'",
        neutral: Some((0.5, "a coin")),
        curves: [1, 5, DEPTH].map(by_layer).into_iter().chain([rubbed, control]).collect(),
        reading: "The first layers follow the evidence more and more steeply; what they decide then stays. Friction forgets the \
                  evidence, and random layers never see it.",
        ..Graph::default()
    }
}

/// The psychometric curve behind a layer. Mirror images of contexts are asked together with them.
fn curve(label: String, contexts: &[Context], answers: &[Answers], layer: usize) -> Curve {
    let share = |(own, answers): (&Context, &Answers)| (own.evidence(), answers.share(layer, follows));
    let right: Vec<(f64, Measured)> = contexts.iter().zip(answers).map(share).collect();
    let mirrored = |&(b, share): &(f64, Measured)| (-b, Measured::exact(1.0).minus(share));
    let left: Vec<_> = right.iter().rev().filter(|(b, _)| *b > 0.0).map(mirrored).collect();
    Curve::new(label, left.into_iter().chain(right))
}
