//! Is hallucination the work of repeated amplification?

use super::mercury::{CONTEXTS, DEPTH, FEEDBACK, Model, Question, WIDTH, ask};
use super::planted::{Answers, Planted, follows, sure};
use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::spec::NormPlacement;
use crate::theory::beyond;
use std::f64::consts::FRAC_1_SQRT_2;

pub(super) const CLAIM: Claim = Claim {
    id: "hallucination",
    claim: "Hallucination is what repeated amplification without friction makes of a slight lean.",
    experiment: "The stacks of Mercury, with and without a planted axis: answers that are sure and wrong, where words are right as \
                 often as their contexts say.",
    remark: "There is a mechanism: planted feedback makes answers that are sure and wrong. That this is what trained models \
             hallucinate by would be seen in labelled answers of one: by how much its layers amplify the margin of each answer, \
             and whether wrong answers are amplified more than right ones whose evidence is as strong. No such answers are \
             here.",
    seconds: 6.3,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is known.
#[derive(Clone, Copy, Debug)]
pub struct Premise {
    /// What is planted in every layer.
    pub planted: Planted,
    /// Of labelled answers of a trained model: ln of the amplification of wrong ones, less that of right ones with as strong
    /// evidence.
    pub excess: Option<Measured>,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { planted: FEEDBACK, excess: None }
    }
}

/// Measures how many answers are sure and wrong.
pub fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let questions = CONTEXTS.map(|context| Question::plain(context, 0.0)).to_vec();
    let model = |planted| Model { norm: NormPlacement::Pre, planted, questions: questions.clone() };
    let asked = ask(lab, &[model(premise.planted), model(Planted::NOTHING)])?;
    let by_context =
        |answers: &[Answers]| CONTEXTS.iter().zip(answers).map(|(own, answers)| misled(answers, own.share())).collect();
    let [own, random]: [Vec<Measured>; 2] = [by_context(&asked[0]), by_context(&asked[1])];
    // The context whose words are 5 : 3.
    let statements = vec![
        Statement::new(
            "repeated amplification makes answers that are sure and wrong",
            "share of answers that give the wrong word more than 90 %, where 62.5 % of the context are for the right one",
            own[1],
            Criterion::Above(0.3),
        ),
        Statement::new(
            "which layers without it hardly make",
            "the same share of random layers",
            random[1],
            Criterion::Below(0.2),
        )
        // Half of those that are sure, as random directions are.
        .predicted(0.5 * beyond(WIDTH, 9.0_f64.ln() * FRAC_1_SQRT_2), 1e-3),
        Statement::new(
            "and that is why trained models hallucinate",
            "ln of the amplification of wrong answers of a trained model, less that of right ones with as strong evidence",
            premise.excess.unwrap_or(Measured::MISSING),
            Criterion::Above(0.0),
        )
        .unit("nats"),
    ];
    let curve = |label: &str, shares: Vec<Measured>| {
        Curve::new(label, CONTEXTS.iter().map(|context| context.evidence()).zip(shares))
    };
    let graph = Graph {
        x_label: "evidence b = ln(planet / element), nats",
        y_label: "share of answers that are sure and wrong",
        curves: vec![curve("planted feedback", own), curve("random layers", random)],
        reading: "With planted feedback every answer is sure, so all that the evidence leaves open is sure and wrong.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}

/// The share of answers that are sure and wrong, where the word that has this share of the context is right as often.
fn misled(answers: &Answers, share: f64) -> Measured {
    let wrong = move |margin| share + (1.0 - 2.0 * share) * follows(margin);
    answers.share(DEPTH, |margin| sure(margin) * wrong(margin))
}
