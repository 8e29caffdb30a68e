//! The FFN as amplifier.

use super::planted::{Saddle, sure};
use super::{Claim, Criterion, Curve, Finding, Graph, Lab, Measured, Statement};
use crate::error::Result;
use crate::spec::{Activation, Grid, InitialStates, Model, NormKind, Origin, Word};
use crate::theory::MeanField;

pub(super) const CLAIM: Claim = Claim {
    id: "feedforward",
    claim: "The FFN, four times as wide as the stream, squashes 51 % into certainty.",
    experiment: "Two states at a given angle through random FFNs, for three activations and widths from 1 to 8 times the stream's: \
                 the cosine that comes out, against the one that went in. And 80 FFNs with a planted pair of units.",
    remark: "Random ReLU units bring states together; GELU and tanh units pull near ones apart by a few or by fifty per cent. The \
             width changes the scatter and not the mean. Where a pair of units is planted along a direction, 80 of them do \
             make certainty of 51 %: that is a fact of the weights, not of the form.",
    seconds: 0.5,
    run: |lab| examine(lab, &Premise::default()),
};

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premise {
    /// Standard deviation of W1, over 1 / √n, of the tanh units.
    pub tanh_gain: f64,
    /// What the planted pair of units writes of what it reads.
    pub planted: f64,
}

impl Default for Premise {
    fn default() -> Self {
        Premise { tanh_gain: 2.0, planted: 0.5 }
    }
}

const WIDTH: usize = 64;
/// FFNs in a row.
const DEPTH: usize = 80;
/// The cosine of two near states.
const NEAR: f64 = 0.95;

/// An FFN's form.
#[derive(Clone, Copy)]
struct Form {
    activation: Activation,
    gain: f64,
    ratio: usize,
}

/// Measures how much farther apart two near states are behind FFNs of several forms.
pub(super) fn examine(lab: &Lab, premise: &Premise) -> Result<Finding> {
    let plain = |activation| Form { activation, gain: 1.0, ratio: 4 };
    let tanh = Form { gain: premise.tanh_gain, ..plain(Activation::Tanh) };
    let decides = |says, form: Form| -> Result<Statement> {
        let stretch = behind(lab, form, NEAR)?.complement().times(1.0 / (1.0 - NEAR));
        let theory = (1.0 - MeanField::cosine(form.activation, form.gain, NEAR)) / (1.0 - NEAR);
        let name = format!("growth of 1 - cosine of near states behind the FFN, {}", form.activation.name());
        Ok(Statement::new(says, name, stretch, Criterion::Above(2.0)).predicted(theory, 0.1))
    };
    let gelu = plain(Activation::Gelu);
    let narrow = behind(lab, Form { ratio: 1, ..gelu }, NEAR)?;
    let wide = behind(lab, Form { ratio: 8, ..gelu }, NEAR)?;
    let planted = Saddle { strength: premise.planted, noise: 0.0, activation: Activation::Gelu, share: 0.51 };
    let statements = vec![
        Statement::new(
            "a lean of 51 % along a planted direction becomes certainty",
            "share of sure answers (above 90 %) behind 80 FFNs with a planted pair of units",
            planted.answers(lab, DEPTH)?.share(DEPTH, sure),
            Criterion::Above(0.9),
        ),
        decides("random ReLU units make a decision of a small lean", plain(Activation::Relu))?,
        decides("random GELU units do", gelu)?,
        decides("random tanh units with large weights do", tanh)?,
        Statement::new(
            "and a wider FFN does so more",
            "cosine behind an FFN of 1 times the width, less behind one of 8 times",
            narrow.minus(wide),
            Criterion::Above(0.05),
        )
        .predicted(0.0, 0.01),
    ];
    let cosines: Vec<f64> = (-4..=4).map(|i| 0.245 * f64::from(i)).collect();
    let curve = |label: &str, form: Form| -> Result<Curve> {
        let points = cosines.iter().map(|&cosine| Ok((cosine, behind(lab, form, cosine)?)));
        Ok(Curve::new(label, points.collect::<Result<Vec<_>>>()?))
    };
    let graph = Graph {
        x_label: "cosine of two states before the FFN",
        y_label: "cosine behind it",
        curves: vec![
            curve("ReLU", plain(Activation::Relu))?,
            curve("GELU", gelu)?,
            curve("tanh, large weights", tanh)?,
            Curve::theory("unchanged", cosines.iter().map(|&cosine| (cosine, cosine))),
        ],
        reading: "Above the straight line states come together, below it they are pulled apart.",
        ..Graph::default()
    };
    Ok(Finding::new(statements, graph))
}

/// The cosine of what an FFN writes for two states with this cosine: γ = 1 takes the stream away.
fn behind(lab: &Lab, form: Form, cosine: f64) -> Result<Measured> {
    let mut spec = lab.sweep(Model::Mlp, lab.members(256), WIDTH);
    (spec.layer.activation, spec.layer.ffn_ratio, spec.layer.gains.hidden) = (form.activation, form.ratio, form.gain);
    (spec.layer.tokens, spec.layer.norm_kind) = (2, NormKind::Rmsnorm);
    (spec.damping, spec.depth) = (Grid::single(1.0), 1);
    // Two states of mean square 1: all ones, and ones with a part of alternating sign.
    let rest = (1.0 - cosine * cosine).sqrt();
    let other = (0..WIDTH).map(|row| cosine + if row % 2 == 0 { rest } else { -rest });
    let values = std::iter::repeat_n(1.0, WIDTH).chain(other).collect();
    spec.ensemble.initial = Some(InitialStates::new(vec![2, WIDTH], values, Origin::default())?);
    Ok(lab.history(&spec)?.seen(1, |seen| seen.token_similarity))
}
