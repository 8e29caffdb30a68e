//! The figures of a trained model.

use super::Report;
use crate::error::Result;
use crate::figure::{Cloud, CloudFigure, Spread, SpreadFigure, SpreadLine};
use crate::numbers::statistics::Summary;
use crate::results::curves::spread;
use crate::results::dataset::Dataset;
use crate::results::pictures;
use crate::spec::Word;
use crate::trained::facts::TokenFacts;
use crate::trained::spectrum::TextSpectrum;

/// What is drawn along the depth: the file's name, the axis, its neutral value and the value of a layer at a token.
struct Along {
    name: &'static str,
    y_label: &'static str,
    neutral: (f64, &'static str),
    of: fn(&TokenFacts) -> Option<f64>,
}

const ALONG: [Along; 4] = [
    Along {
        name: "radius_by_layer",
        y_label: "spectral radius of ∂x⁺/∂x",
        neutral: (1.0, "unit circle"),
        of: TokenFacts::radius,
    },
    Along {
        name: "growing_share_by_layer",
        y_label: "share of eigenvalues with |λ| > 1",
        neutral: (0.0, "none"),
        of: |facts| facts.solved().map(|own| own.facts.outside as f64 / own.facts.count as f64),
    },
    Along {
        name: "norm_by_layer",
        y_label: "ln of the 2-norm of ∂x⁺/∂x",
        neutral: (0.0, "norm 1"),
        of: |facts| facts.norm().map(f64::ln),
    },
    Along {
        name: "state_norm_by_layer",
        y_label: "ln of the state's norm",
        neutral: (0.0, "norm 1"),
        of: |facts| Some(facts.state_norm.ln()),
    },
];

/// Draws eigenvalues layer by layer, and what changes along the depth.
pub fn write(dataset: &mut Dataset, report: &Report) -> Result<()> {
    if let Some(clouds) = clouds(report) {
        pictures::write(dataset, "eigenvalues_by_layer", &clouds)?;
    }
    for along in &ALONG {
        if let Some(figure) = along.figure(report) {
            pictures::write(dataset, along.name, &figure)?;
        }
    }
    Ok(())
}

/// The eigenvalues of every layer at the last chosen token of the first text.
fn clouds(report: &Report) -> Option<CloudFigure> {
    let text = report.found.texts.first()?;
    let cloud = |facts: &TokenFacts, layer: usize| Cloud {
        name: format!("layer {layer}"),
        eigenvalues: facts.eigenvalues(),
        band: facts.whole().map_or(0.0, |own| own.facts.band.half_width()),
    };
    let layers = text.layers.iter().filter_map(|layer| Some(cloud(layer.tokens.last()?, layer.layer)));
    let clouds: Vec<Cloud> = layers.collect();
    let token = text.layers.first()?.tokens.last()?.token;
    (!clouds.is_empty()).then(|| CloudFigure {
        clouds,
        title: format!("Eigenvalues of every layer's Jacobian ∂x⁺/∂x at token {token}"),
        caption: caption(report),
    })
}

impl Along {
    /// Medians over texts and tokens, of the model and its controls.
    fn figure(&self, report: &Report) -> Option<SpreadFigure> {
        let own = std::iter::once(("trained", &report.found.texts));
        let controls = report.found.controls.iter().map(|own| (own.control.name(), &own.texts));
        let lines: Vec<SpreadLine> = own.chain(controls).filter_map(|(name, texts)| self.line(name, texts)).collect();
        (!lines.is_empty()).then(|| SpreadFigure {
            lines,
            x_label: "layer".to_string(),
            y_label: self.y_label.to_string(),
            neutral: (self.neutral.0, self.neutral.1.to_string()),
            mark: None,
            title: format!("{} by layer", self.y_label),
            caption: caption(report),
        })
    }

    fn line(&self, name: &str, texts: &[TextSpectrum]) -> Option<SpreadLine> {
        let layers = || texts.iter().flat_map(|text| &text.layers);
        let depth = layers().map(|own| own.layer + 1).max()?;
        let at = |layer: usize| -> (f64, Spread) {
            let tokens = layers().filter(|own| own.layer == layer).flat_map(|own| &own.tokens);
            let values: Vec<f64> = tokens.filter_map(|facts| (self.of)(facts)).collect();
            (layer as f64, spread(&Summary::of(&values)))
        };
        let points: Vec<(f64, Spread)> = (0..depth).map(at).collect();
        let known = points.iter().any(|(_, spread)| spread.middle.is_some());
        known.then(|| SpreadLine { label: name.to_string(), points, promise: Vec::new() })
    }
}

/// Which model, which text, which device.
fn caption(report: &Report) -> String {
    let texts = &report.found.texts;
    let of = match (texts.len(), report.spec.input.prompts.first()) {
        (1, Some(prompt)) => format!("“{}”", shortened(prompt)),
        (1, None) => format!("{} tokens", texts[0].token_ids.len()),
        (count, _) => format!("{count} texts; bands are 10 to 90 % over texts and tokens"),
    };
    format!("{}, {of}; {}", report.model.checkpoint().name(), report.device.description().caption())
}

/// The beginning of a text.
fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    let start: String = text.chars().take(MOST).collect();
    if start.len() < text.len() { format!("{start} …") } else { start }
}
