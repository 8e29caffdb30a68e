//! Mercury asked of a trained model: graded evidence in the prompt, and what each layer makes of it.

use super::lab::Run;
use super::{Criterion, Curve, Graph, Lab, Measured, Statement, Trained};
use crate::error::Result;
use crate::spec::{TrainedInput, TrainedSweepSpec};
use crate::trained::sweep::{self, Margin, Text};

/// Sentences that speak for the planet.
const PLANET: [&str; 4] = [
    "Mercury orbits the Sun in eighty-eight days.",
    "Mercury has no moons.",
    "Mercury is closer to the Sun than Venus.",
    "Craters cover the surface of Mercury.",
];
/// A word, and sentences that speak for it.
const OTHERS: [(&str, [&str; 4]); 2] = [
    (
        " metal",
        [
            "Mercury is liquid at room temperature.",
            "Mercury is used in thermometers.",
            "Mercury is heavier than lead.",
            "Fumes of mercury are poisonous.",
        ],
    ),
    (
        " element",
        [
            "Mercury has the symbol Hg.",
            "Mercury has eighty protons.",
            "Mercury stands below cadmium in the periodic table.",
            "The atomic number of mercury is eighty.",
        ],
    ),
];
/// The beginning of the answer.
const QUESTION: &str = "Mercury is a";
/// Sentences of evidence in a prompt.
const SENTENCES: usize = 4;

/// The logit lens of a model at every evidence.
struct Lenses {
    /// The word beside ` planet`.
    other: &'static str,
    /// `[orders, evidence, layers]`: the margin of ` planet` over the other word, with 0 to 4 sentences for the planet; the
    /// planet's sentences last, and first.
    margins: [Vec<Vec<f64>>; 2],
}

impl Lenses {
    /// How much the margin behind each layer rises a sentence: the slope of the regression over evidence, the mean of both
    /// orders, and half of their difference as its error.
    fn response(&self) -> Vec<Measured> {
        let layers = self.margins[0][0].len();
        let mean = (SENTENCES as f64) / 2.0;
        let slope = |margins: &[Vec<f64>], layer: usize| {
            let terms = margins.iter().enumerate().map(|(k, own)| (k as f64 - mean, own[layer]));
            let (up, squares) = terms.fold((0.0, 0.0), |(up, squares), (x, y)| (up + x * y, squares + x * x));
            up / squares
        };
        let of = |layer: usize| {
            let [last, first] = self.margins.each_ref().map(|margins| slope(margins, layer));
            Measured::new(f64::midpoint(last, first), 0.5 * (last - first).abs())
        };
        (0..layers).map(of).collect()
    }
}

/// Statements on a trained model, and the response of every layer; none without a model that has the words.
pub(super) fn examine(lab: &Lab) -> Result<Option<(Vec<Statement>, Graph)>> {
    let Some(own) = lab.trained() else { return Ok(None) };
    let mut statements = Vec::new();
    let mut curves = Vec::new();
    for (other, sentences) in &OTHERS {
        let Some(lenses) = lenses(lab, own, other, sentences)? else { continue };
        let response = lenses.response();
        let (half, last) = (response[response.len() / 2 - 1], response[response.len() - 1]);
        let name = |what: &str| format!("{what}, planet against{other}");
        statements.push(
            Statement::new(
                "a trained model's answer follows the evidence",
                name("rise of the margin a sentence, behind the last layer"),
                last,
                Criterion::Above(0.25),
            )
            .unit("logits"),
        );
        statements.push(Statement::new(
            "and every layer of it amplifies",
            name("the same behind the first half of the layers, over that"),
            half.over(last),
            Criterion::Above(0.5),
        ));
        let points = response.iter().enumerate().map(|(layer, &rise)| ((layer + 1) as f64, rise));
        curves.push(Curve::new(format!("planet against{}", lenses.other), points));
    }
    let graph = Graph {
        x_label: "layers",
        y_label: "rise of the margin a sentence of evidence, logits",
        neutral: Some((0.0, "none")),
        curves,
        reading: "What a sentence of evidence does to the answer, read behind each layer of the trained model.",
        ..Graph::default()
    };
    Ok((!statements.is_empty()).then_some((statements, graph)))
}

/// The lenses of all prompts; none where the model has not both words as single tokens.
fn lenses(lab: &Lab, own: &Trained, other: &'static str, sentences: &[&str; 4]) -> Result<Option<Lenses>> {
    let words = [" planet".to_owned(), other.to_owned()];
    let Ok(margin) = Margin::of(own.model(), &words) else { return Ok(None) };
    let mut margins = [Vec::new(), Vec::new()];
    for (order, margins) in margins.iter_mut().enumerate() {
        for planets in 0..=SENTENCES {
            let (mine, others) = (&PLANET[..planets], &sentences[..SENTENCES - planets]);
            let all = if order == 0 { [others, mine].concat() } else { [mine, others].concat() };
            let prompt = format!("{} {QUESTION}", all.join(" "));
            margins.push(lens(lab, own, &prompt, &words, margin)?);
        }
    }
    lab.finished(Some(Lenses { other, margins }))
}

/// The margin behind each layer.
fn lens(lab: &Lab, own: &Trained, prompt: &str, words: &[String; 2], margin: Margin) -> Result<Vec<f64>> {
    let checkpoint = own.model().checkpoint();
    let input = TrainedInput { prompts: vec![prompt.to_owned()], token_ids: Vec::new(), ..own.input().clone() };
    let spec = TrainedSweepSpec { input, margin: Some(words.clone()), ..TrainedSweepSpec::default() };
    lab.note(Run::TrainedSweep(Box::new(spec.clone())));
    let told = &mut |share| lab.part(share);
    let text = Text { model: own.model(), token_ids: &checkpoint.encode(prompt)?, margin: Some(margin) };
    let found = sweep::run(lab.device, &text, &spec, told)?;
    let found = lab.finished(found)?;
    Ok(found.cells[0].lens.iter().map(|margin| margin.unwrap_or(f64::NAN)).collect())
}
