//! The tables of a trained model.

use crate::results::dataset::Column;
use crate::results::tables::word;
use crate::spec::Word;
use crate::trained::facts::TokenFacts;
use crate::trained::spectrum::{TextSpectrum, TrainedSpectrum};

/// A layer at a token of a text, of the model itself or a control.
pub struct Row<'a> {
    control: &'a str,
    text: usize,
    layer: usize,
    facts: &'a TokenFacts,
}

/// All layers at all tokens of all texts.
pub fn rows<'a>(found: &'a TrainedSpectrum) -> Vec<Row<'a>> {
    let own = std::iter::once(("trained", &found.texts));
    let controls = found.controls.iter().map(|own| (own.control.name(), &own.texts));
    own.chain(controls).flat_map(|(control, texts)| of_texts(control, texts)).collect()
}

fn of_texts<'a>(control: &'a str, texts: &'a [TextSpectrum]) -> impl Iterator<Item = Row<'a>> {
    texts.iter().enumerate().flat_map(move |(text, own)| {
        own.layers.iter().flat_map(move |layer| {
            layer.tokens.iter().map(move |facts| Row { control, text, layer: layer.layer, facts })
        })
    })
}

/// Where each row is, repeated for what has several values there.
fn places(rows: &[Row], count: impl Fn(&Row) -> usize) -> Vec<(&'static str, Column)> {
    let each = || rows.iter().flat_map(|row| std::iter::repeat_n(row, count(row)));
    vec![
        ("model", Column::Text(each().map(|row| row.control.to_string()).collect())),
        ("text", Column::U32(each().map(|row| row.text as u32).collect())),
        ("layer", Column::U32(each().map(|row| row.layer as u32).collect())),
        ("token", Column::U32(each().map(|row| row.facts.token as u32).collect())),
    ]
}

/// One row for each layer, token and text.
pub fn layers(rows: &[Row]) -> Vec<(&'static str, Column)> {
    let real = |f: fn(&TokenFacts) -> f64| {
        Column::OptionalF64(rows.iter().map(|row| Some(f(row.facts)).filter(|x| x.is_finite())).collect())
    };
    let known = |f: fn(&TokenFacts) -> f64| {
        Column::OptionalF64(rows.iter().map(|row| row.facts.is_ok().then(|| f(row.facts))).collect())
    };
    let whole = |f: fn(&TokenFacts) -> usize| {
        Column::OptionalI64(rows.iter().map(|row| row.facts.is_ok().then(|| f(row.facts) as i64)).collect())
    };
    let maybe = |f: fn(&TokenFacts) -> Option<f64>| Column::OptionalF64(rows.iter().map(|row| f(row.facts)).collect());
    let mut columns = places(rows, |_| 1);
    columns.extend([
        ("status", Column::Text(rows.iter().map(|row| word(row.facts.spectrum.status)).collect())),
        ("state_norm", real(|facts| facts.state_norm)),
        ("relative_step", real(|facts| facts.relative_step)),
        ("spectral_radius", known(|facts| facts.facts.radius)),
        ("outside_unit_circle", whole(|facts| facts.facts.outside)),
        ("abscissa", known(TokenFacts::abscissa)),
        ("growing_modes", whole(|facts| facts.growing_modes)),
        ("band", known(|facts| facts.facts.band.half_width())),
        ("trace", real(|facts| facts.trace)),
        ("frobenius", real(|facts| facts.frobenius)),
        ("norm", maybe(|facts| facts.derived.norm)),
        ("numerical_abscissa", maybe(|facts| facts.derived.numerical_abscissa)),
        ("departure_from_normality", maybe(|facts| facts.derived.departure_from_normality)),
        ("transient_peak_value", maybe(|facts| facts.derived.transient_peak.map(|peak| peak.value))),
        ("product_log_norm", real(|facts| facts.product.log_norm)),
    ]);
    columns
}

/// One row for each eigenvalue.
pub fn eigenvalues(rows: &[Row]) -> Vec<(&'static str, Column)> {
    let part = |part: usize| {
        let values = rows.iter().flat_map(|row| row.facts.spectrum.eigenvalues.iter().map(move |value| value[part]));
        Column::F64(values.collect())
    };
    let mut columns = places(rows, |row| row.facts.spectrum.eigenvalues.len());
    columns.extend([("re", part(0)), ("im", part(1))]);
    columns
}

/// One row for each singular value, from the largest.
pub fn singular_values(rows: &[Row]) -> Vec<(&'static str, Column)> {
    let mut columns = places(rows, |row| row.facts.singular_values.len());
    let own = rows.iter().flat_map(|row| row.facts.singular_values.iter().copied());
    let product = rows.iter().flat_map(|row| {
        let known = &row.facts.product.relative_singular_values;
        (0..row.facts.singular_values.len()).map(|place| known.get(place).copied())
    });
    let place = rows.iter().flat_map(|row| 0..row.facts.singular_values.len() as u32);
    columns.extend([
        ("place", Column::U32(place.collect())),
        ("singular_value", Column::F64(own.collect())),
        ("product_relative", Column::OptionalF64(product.collect())),
    ]);
    columns
}
