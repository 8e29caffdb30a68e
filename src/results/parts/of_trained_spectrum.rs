//! Parts of the spectra of a trained model as tables: one row for each Jacobian, with as much of it as was asked for.

use super::of_spectra::{read_spectrum, spectra, status};
use super::tabled::{Columns, Read, Rows, Tabled, named};
use crate::numbers::verdict::Band;
use crate::results::dataset::Column;
use crate::results::tables::word;
use crate::spectrum::Status;
use crate::spectrum::arnoldi::{Leading, LeadingEigenvalue};
use crate::spectrum::derived::{Derived, QUANTITIES_BEYOND};
use crate::spectrum::facts::Facts;
use crate::spectrum::lanczos::{LargestSingular, SingularValue};
use crate::spectrum::norms::Peak;
use crate::spectrum::peak::PeakStatus;
use crate::trained::facts::{Extremes, Known, Product, TokenFacts, Whole};
use crate::trained::spectrum::{Next, NextToken, Part};
use serde_json::json;

const WHOLE: &str = "whole";
const LEADING: &str = "leading";
const SINGULAR: &str = "singular";
const NEXT_TOKENS: &str = "next_tokens";

impl Tabled for Part {
    const FIRST: &'static str = "jacobians";

    fn tables(&mut self) -> Vec<(&'static str, Columns)> {
        let facts = || self.tokens.iter().map(|own| &own.jacobian);
        let wholes: Vec<&Whole> = self.tokens.iter().filter_map(TokenFacts::whole).collect();
        let some = || facts().filter_map(|own| if let Known::Some(own) = own { Some(own) } else { None });
        let leading: Vec<&Leading> = some().filter_map(|own| own.leading.as_ref()).collect();
        let singular: Vec<&LargestSingular> = some().filter_map(|own| own.singular.as_ref()).collect();
        let mut all = vec![(Self::FIRST, jacobians(self))];
        all.extend((!wholes.is_empty()).then(|| (WHOLE, whole(&wholes))));
        all.extend((!leading.is_empty()).then(|| (LEADING, of_leading(&leading))));
        all.extend((!singular.is_empty()).then(|| (SINGULAR, of_singular(&singular))));
        all.extend((!self.next_tokens.is_empty()).then(|| (NEXT_TOKENS, next_tokens(&self.next_tokens))));
        all
    }

    fn read(&mut self, table: &str, rows: &Rows) -> Read<()> {
        for row in 0..rows.count() {
            match table {
                WHOLE => *self.jacobian(row)? = Known::Whole(Box::new(read_whole(rows, row)?)),
                LEADING => self.extremes(row)?.leading = Some(read_leading(rows, row)?),
                SINGULAR => self.extremes(row)?.singular = Some(read_singular(rows, row)?),
                NEXT_TOKENS => self.next_tokens.push(read_next(rows, row)?),
                _ => read_jacobian(rows, row, self)?,
            }
        }
        Ok(())
    }
}

impl Part {
    fn jacobian(&mut self, row: usize) -> Read<&mut Known> {
        let own = self.tokens.get_mut(row).map(|facts| &mut facts.jacobian);
        own.ok_or_else(|| format!("more rows than in {}", Self::FIRST))
    }

    fn extremes(&mut self, row: usize) -> Read<&mut Extremes> {
        match self.jacobian(row)? {
            Known::Some(own) => Ok(own),
            Known::Whole(_) => Err("values of a Jacobian that is there as a whole".to_string()),
        }
    }
}

/// A number that may be none, such as a step relative to a state that is 0, is missing in a table.
fn some(numbers: impl Iterator<Item = f64>) -> Column {
    Column::OptionalF64(numbers.map(|number| Some(number).filter(|own| own.is_finite())).collect())
}

fn read_some(rows: &Rows, name: &str, row: usize) -> Read<f64> {
    Ok(rows.optional(name, row)?.unwrap_or(f64::NAN))
}

/// One row for each Jacobian.
fn jacobians(part: &Part) -> Columns {
    let Part { tokens, end_norms, .. } = part;
    named(vec![
        ("token", Column::I64(tokens.iter().map(|own| own.token as i64).collect())),
        ("state_norm", some(tokens.iter().map(|own| own.state_norm))),
        ("relative_step", some(tokens.iter().map(|own| own.relative_step))),
        ("end_norm", Column::OptionalF64((0..tokens.len()).map(|row| end_norms.get(row).copied()).collect())),
    ])
}

fn read_jacobian(rows: &Rows, row: usize, part: &mut Part) -> Read<()> {
    part.end_norms.extend(rows.optional("end_norm", row)?);
    part.tokens.push(TokenFacts {
        token: rows.whole("token", row)? as usize,
        state_norm: read_some(rows, "state_norm", row)?,
        relative_step: read_some(rows, "relative_step", row)?,
        jacobian: Known::Some(Extremes::default()),
    });
    Ok(())
}

/// One row for each Jacobian that was assembled: what else is said of it follows from this.
fn whole(wholes: &[&Whole]) -> Columns {
    let list = |of: fn(&Whole) -> &Vec<f64>| Column::ListF64(wholes.iter().map(|own| Some(of(own).clone())).collect());
    let derived =
        |of: fn(&Derived) -> Option<f64>| Column::OptionalF64(wholes.iter().map(|own| of(&own.derived)).collect());
    let peak = |of: fn(&Derived) -> Option<Peak>| -> [Column; 2] {
        let all = || wholes.iter().map(|own| of(&own.derived));
        [
            Column::OptionalF64(all().map(|peak| peak.map(|own| own.value)).collect()),
            Column::OptionalI64(all().map(|peak| peak.map(|own| own.step as i64)).collect()),
        ]
    };
    let words = |of: fn(&Derived) -> String| Column::Text(wholes.iter().map(|own| of(&own.derived)).collect());
    let [peak_value, peak_step] = peak(|own| own.transient_peak);
    let [least_value, least_step] = peak(|own| own.transient_peak_at_least);
    let mut columns = spectra(wholes.iter().map(|own| &own.spectrum));
    columns.extend([
        ("band", some(wholes.iter().map(|own| own.facts.band.half_width()))),
        ("trace", some(wholes.iter().map(|own| own.trace))),
        ("frobenius", some(wholes.iter().map(|own| own.frobenius))),
        ("singular_values", list(|own| &own.singular_values)),
        ("norm", derived(|own| own.norm)),
        ("numerical_abscissa", derived(|own| own.numerical_abscissa)),
        ("departure_from_normality", derived(|own| own.departure_from_normality)),
        ("critical_step_size", derived(|own| own.critical_step_size)),
        ("peak", peak_value),
        ("peak_step", peak_step),
        ("peak_at_least", least_value),
        ("peak_at_least_step", least_step),
        ("peak_status", words(|own| own.transient_peak_status.map_or(String::new(), peak_word))),
        ("overflow", words(|own| own.overflow.join(","))),
        ("product_log_norm", some(wholes.iter().map(|own| own.product.log_norm))),
        ("product_singular_values", list(|own| &own.product.relative_singular_values)),
    ]);
    named(columns)
}

fn read_whole(rows: &Rows, row: usize) -> Read<Whole> {
    let spectrum = read_spectrum(rows, row)?;
    let peak = |name: &str| -> Read<Option<Peak>> {
        let step = rows.step(&format!("{name}_step"), row)?.map(|step| step as usize);
        Ok(rows.optional(name, row)?.zip(step).map(|(value, step)| Peak { value, step }))
    };
    let overflow = rows.text("overflow", row)?;
    let mut band = Band::default();
    *band.number() = read_some(rows, "band", row)?;
    Ok(Whole {
        facts: Facts::of(&spectrum, band),
        spectrum,
        trace: read_some(rows, "trace", row)?,
        frobenius: read_some(rows, "frobenius", row)?,
        singular_values: rows.some_list("singular_values", row)?,
        derived: Derived {
            norm: rows.optional("norm", row)?,
            numerical_abscissa: rows.optional("numerical_abscissa", row)?,
            departure_from_normality: rows.optional("departure_from_normality", row)?,
            transient_peak: peak("peak")?,
            transient_peak_status: peak_status(&rows.text("peak_status", row)?)?,
            transient_peak_at_least: peak("peak_at_least")?,
            critical_step_size: rows.optional("critical_step_size", row)?,
            overflow: QUANTITIES_BEYOND
                .into_iter()
                .filter(|name| overflow.split(',').any(|own| own == *name))
                .collect(),
        },
        product: Product {
            log_norm: read_some(rows, "product_log_norm", row)?,
            relative_singular_values: rows.some_list("product_singular_values", row)?,
        },
    })
}

fn peak_word(status: PeakStatus) -> String {
    json!(status).as_str().unwrap_or_default().to_string()
}

fn peak_status(text: &str) -> Read<Option<PeakStatus>> {
    match text {
        "" => Ok(None),
        _ => serde_json::from_value(json!(text)).map(Some).map_err(|_| "no status in column peak_status".to_string()),
    }
}

/// Values that were found on their own: what became of them, by how many products, and each as some numbers.
struct Found<const NUMBERS: usize> {
    status: Status,
    products: usize,
    values: Vec<[f64; NUMBERS]>,
}

/// One row for each Jacobian.
fn found<const NUMBERS: usize>(all: &[Found<NUMBERS>]) -> Columns {
    named(vec![
        ("status", Column::Text(all.iter().map(|own| word(own.status)).collect())),
        ("products", Column::I64(all.iter().map(|own| own.products as i64).collect())),
        ("values", Column::ListF64(all.iter().map(|own| Some(own.values.as_flattened().to_vec())).collect())),
    ])
}

fn read_found<const NUMBERS: usize>(rows: &Rows, row: usize) -> Read<Found<NUMBERS>> {
    let values = rows.some_list("values", row)?;
    let (values, _) = values.as_chunks();
    Ok(Found { status: status(rows, row)?, products: rows.whole("products", row)? as usize, values: values.to_vec() })
}

/// The residual of a value 0 may be none; nobody tells it from an infinite one.
fn packed(residual: f64) -> f64 {
    if residual.is_nan() { f64::INFINITY } else { residual }
}

fn of_leading(leading: &[&Leading]) -> Columns {
    let numbers = |own: &LeadingEigenvalue| [own.re, own.im, packed(own.residual), f64::from(u8::from(own.converged))];
    let own = |own: &&Leading| Found {
        status: own.status,
        products: own.products,
        values: own.eigenvalues.iter().map(numbers).collect(),
    };
    found(&leading.iter().map(own).collect::<Vec<_>>())
}

fn read_leading(rows: &Rows, row: usize) -> Read<Leading> {
    let Found { status, products, values } = read_found(rows, row)?;
    let value =
        |[re, im, residual, converged]: [f64; 4]| LeadingEigenvalue { re, im, residual, converged: converged != 0.0 };
    Ok(Leading { status, products, eigenvalues: values.into_iter().map(value).collect() })
}

fn of_singular(singular: &[&LargestSingular]) -> Columns {
    let numbers = |own: &SingularValue| [own.value, packed(own.residual), f64::from(u8::from(own.converged))];
    let own = |own: &&LargestSingular| Found {
        status: own.status,
        products: own.products,
        values: own.values.iter().map(numbers).collect(),
    };
    found(&singular.iter().map(own).collect::<Vec<_>>())
}

fn read_singular(rows: &Rows, row: usize) -> Read<LargestSingular> {
    let Found { status, products, values } = read_found(rows, row)?;
    let value = |[value, residual, converged]: [f64; 3]| SingularValue { value, residual, converged: converged != 0.0 };
    Ok(LargestSingular { status, products, values: values.into_iter().map(value).collect() })
}

/// One row for each likely next token; a model without a tokenizer has no words.
fn next_tokens(next: &[Next]) -> Columns {
    let words = next.iter().map(|own| own.token.text.clone().unwrap_or_default());
    named(vec![
        ("text", Column::I64(next.iter().map(|own| own.text as i64).collect())),
        ("id", Column::I64(next.iter().map(|own| i64::from(own.token.id)).collect())),
        ("has_word", Column::I64(next.iter().map(|own| i64::from(own.token.text.is_some())).collect())),
        ("word", Column::Text(words.collect())),
        ("logit", Column::F64(next.iter().map(|own| own.token.logit).collect())),
    ])
}

fn read_next(rows: &Rows, row: usize) -> Read<Next> {
    let word = rows.text("word", row)?;
    let has_word = rows.whole("has_word", row)? != 0;
    let token = NextToken {
        id: rows.whole("id", row)? as u32,
        text: has_word.then_some(word),
        logit: rows.real("logit", row)?,
    };
    Ok(Next { text: rows.whole("text", row)? as usize, token })
}
