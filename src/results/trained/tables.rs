//! The tables of a trained model.

use crate::results::dataset::Column;
use crate::results::tables::word;
use crate::spec::Word;
use crate::spectrum::arnoldi::Leading;
use crate::spectrum::derived::Derived;
use crate::spectrum::lanczos::{LargestSingular, SingularValue};
use crate::trained::facts::{Known, TokenFacts, Whole};
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
    let maybe =
        |f: &dyn Fn(&TokenFacts) -> Option<f64>| Column::OptionalF64(rows.iter().map(|row| f(row.facts)).collect());
    let finite = |x: &f64| x.is_finite();
    let real = |f: fn(&Whole) -> f64| maybe(&|facts| facts.whole().map(f).filter(finite));
    let known = |f: fn(&Whole) -> f64| maybe(&|facts| facts.solved().map(f));
    let derived = |f: fn(&Derived) -> Option<f64>| maybe(&|facts| facts.whole().and_then(|own| f(&own.derived)));
    let whole = |f: fn(&Whole) -> usize| {
        Column::OptionalI64(rows.iter().map(|row| row.facts.solved().map(|own| f(own) as i64)).collect())
    };
    let mut columns = places(rows, |_| 1);
    columns.extend([
        ("status", Column::Text(rows.iter().map(|row| word(row.facts.status())).collect())),
        ("state_norm", maybe(&|facts| Some(facts.state_norm).filter(finite))),
        ("relative_step", maybe(&|facts| Some(facts.relative_step).filter(finite))),
        ("spectral_radius", maybe(&TokenFacts::radius)),
        ("outside_unit_circle", whole(|own| own.facts.outside)),
        ("on_unit_circle", whole(Whole::on_circle)),
        ("abscissa", known(Whole::abscissa)),
        ("growing_modes", whole(Whole::growing_modes)),
        ("band", known(|own| own.facts.band.half_width())),
        ("trace", real(|own| own.trace)),
        ("frobenius", real(|own| own.frobenius)),
        ("norm", maybe(&TokenFacts::norm)),
        ("numerical_abscissa", derived(|own| own.numerical_abscissa)),
        ("departure_from_normality", derived(|own| own.departure_from_normality)),
        ("transient_peak_value", derived(|own| own.transient_peak.map(|peak| peak.value))),
        ("product_log_norm", real(|own| own.product.log_norm)),
    ]);
    columns
}

/// One row for each eigenvalue that is known; its residual, where it was found on its own.
pub fn eigenvalues(rows: &[Row]) -> Vec<(&'static str, Column)> {
    let values: Vec<Vec<[f64; 2]>> = rows.iter().map(|row| row.facts.eigenvalues()).collect();
    let part = |part: usize| Column::F64(values.iter().flatten().map(|value| value[part]).collect());
    let residuals = rows.iter().flat_map(|row| match &row.facts.jacobian {
        Known::Whole(own) => vec![None; own.spectrum.eigenvalues.len()],
        Known::Some(own) => {
            let known = own.leading.iter().flat_map(Leading::converged);
            known.map(|value| Some(value.residual).filter(|x| x.is_finite())).collect()
        }
    });
    let mut columns = places(rows, |row| row.facts.eigenvalues().len());
    columns.extend([("re", part(0)), ("im", part(1)), ("residual", Column::OptionalF64(residuals.collect()))]);
    columns
}

/// A singular value of a Jacobian, with the one of the product up to it and the residual, as far as there are such.
struct Singular {
    place: usize,
    value: f64,
    product: Option<f64>,
    residual: Option<f64>,
}

fn singular_of(facts: &TokenFacts) -> Vec<Singular> {
    match &facts.jacobian {
        Known::Whole(own) => {
            let product = &own.product.relative_singular_values;
            let each = own.singular_values.iter().enumerate();
            let of = |(place, &value)| Singular { place, value, product: product.get(place).copied(), residual: None };
            each.map(of).collect()
        }
        Known::Some(own) => {
            let known = own.singular.iter().flat_map(LargestSingular::converged).enumerate();
            let of = |(place, own): (usize, &SingularValue)| {
                let residual = Some(own.residual).filter(|x| x.is_finite());
                Singular { place, value: own.value, product: None, residual }
            };
            known.map(of).collect()
        }
    }
}

/// One row for each singular value that is known, from the largest.
pub fn singular_values(rows: &[Row]) -> Vec<(&'static str, Column)> {
    let values: Vec<Vec<Singular>> = rows.iter().map(|row| singular_of(row.facts)).collect();
    let mut columns = places(rows, |row| singular_of(row.facts).len());
    let each = || values.iter().flatten();
    columns.extend([
        ("place", Column::U32(each().map(|own| own.place as u32).collect())),
        ("singular_value", Column::F64(each().map(|own| own.value).collect())),
        ("product_relative", Column::OptionalF64(each().map(|own| own.product).collect())),
        ("residual", Column::OptionalF64(each().map(|own| own.residual).collect())),
    ]);
    columns
}
