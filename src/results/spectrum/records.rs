//! What is said of matrices, as JSON and as columns of a table.

use crate::numbers::statistics::Summary;
use crate::results::dataset::Column;
use crate::results::tables::word;
use crate::spec::SpectrumSpec;
use crate::spectrum::derived::Derived;
use crate::spectrum::facts::Facts;
use crate::spectrum::norms::Peak;
use crate::spectrum::peak::PeakStatus;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The statistics over all matrices of this width.
pub fn summary(facts: &[Facts], width: usize) -> Value {
    let good = || facts.iter().filter(|facts| facts.is_ok());
    let of = |f: fn(&Facts) -> f64| Summary::of(&good().map(f).collect::<Vec<_>>());
    let total = |f: fn(&Facts) -> usize| good().map(f).sum::<usize>();
    let (count, zeros) = (total(|facts| facts.count), total(|facts| facts.zeros));
    let share = |part: f64, of: usize| (of > 0).then(|| part / of as f64);
    json!({
        "eulerscope": env!("CARGO_PKG_VERSION"),
        "command": "spectrum",
        "matrices": facts.len(),
        "width": width,
        "real_eigenvalues": of(|facts| facts.real as f64),
        "spectral_radius": of(|facts| facts.radius),
        "spectral_abscissa": of(|facts| facts.abscissa),
        "outside_unit_circle_fraction": share(total(|facts| facts.outside) as f64, count),
        "log_abs_mean": share(good().map(|facts| facts.log_sum).sum::<f64>(), count - zeros),
        "zero_eigenvalues": zeros,
        "band": good().map(|facts| facts.band.half_width()).reduce(f64::max),
        "failed": facts.iter().enumerate().filter(|(_, facts)| !facts.is_ok())
            .map(|(i, facts)| json!({ "matrix": i, "status": word(facts.status) })).collect::<Vec<_>>(),
        "solved_again": facts.iter().filter(|facts| facts.solved_again).count(),
    })
}

/// One row for each matrix: what its eigenvalues say.
pub fn columns(facts: &[Facts]) -> Vec<(&'static str, Column)> {
    let real =
        |f: fn(&Facts) -> f64| Column::OptionalF64(facts.iter().map(|facts| facts.is_ok().then(|| f(facts))).collect());
    let whole = |f: fn(&Facts) -> usize| {
        Column::OptionalI64(facts.iter().map(|facts| facts.is_ok().then(|| f(facts) as i64)).collect())
    };
    vec![
        ("member", Column::U32((0..facts.len() as u32).collect())),
        ("status", Column::Text(facts.iter().map(|facts| word(facts.status)).collect())),
        ("spectral_radius", real(|facts| facts.radius)),
        ("spectral_abscissa", real(|facts| facts.abscissa)),
        ("real_eigenvalues", whole(|facts| facts.real)),
        ("outside_unit_circle", whole(|facts| facts.outside)),
        ("zero_eigenvalues", whole(|facts| facts.zeros)),
        ("band", real(|facts| facts.band.half_width())),
    ]
}

/// The record of matrix number `matrix` of a file.
fn record(facts: &Facts, matrix: usize) -> Value {
    let known = |value: Value| if facts.is_ok() { value } else { Value::Null };
    json!({
        "matrix": matrix,
        "status": word(facts.status),
        "spectral_radius": known(json!(facts.radius)),
        "spectral_abscissa": known(json!(facts.abscissa)),
        "real_eigenvalues": known(json!(facts.real)),
        "outside_unit_circle": known(json!(facts.outside)),
        "zero_eigenvalues": known(json!(facts.zeros)),
        "band": known(json!(facts.band)),
    })
}

/// Names of quantities that are beyond f64, each with the number of matrices.
pub fn overflows(derived: &[Option<Derived>]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in derived.iter().flatten().flat_map(|derived| &derived.overflow) {
        *counts.entry(name).or_default() += 1;
    }
    let of = |(name, count): (&&str, &usize)| format!("{name} of {}", counted(*count));
    (!counts.is_empty()).then(|| counts.iter().map(of).collect::<Vec<_>>().join(", "))
}

fn counted(matrices: usize) -> String {
    format!("{matrices} {}", if matrices == 1 { "matrix" } else { "matrices" })
}

/// The derived quantities that are wanted, by their names.
fn fields(spec: &SpectrumSpec, derived: Option<&Derived>) -> Value {
    let mut fields = json!(derived.cloned().unwrap_or_default());
    for (name, wanted) in spec.derived.each() {
        if let (false, Value::Object(fields)) = (wanted, &mut fields) {
            fields.retain(|key, _| !key.starts_with(name));
        }
    }
    fields
}

fn merge(into: &mut Value, fields: Value) {
    if let Value::Object(fields) = fields {
        fields.into_iter().for_each(|(name, value)| into[name] = value);
    }
}

/// Adds `each`, one record for every matrix, and beside the rest what is derived of a matrix that is alone.
pub fn add(result: &mut Value, spec: &SpectrumSpec, facts: &[Facts], derived: &[Option<Derived>]) {
    let record = |(i, (facts, derived)): (usize, (&Facts, &Option<Derived>))| {
        let mut record = record(facts, i);
        merge(&mut record, fields(spec, derived.as_ref()));
        record
    };
    result["each"] = facts.iter().zip(derived).enumerate().map(record).collect();
    if let [only] = derived {
        merge(result, fields(spec, only.as_ref()));
    }
}

/// One row for each matrix: what its eigenvalues say, and what is derived.
pub fn derived_columns(spec: &SpectrumSpec, derived: &[Option<Derived>]) -> Vec<(&'static str, Column)> {
    let each = || derived.iter().map(Option::as_ref);
    let real = |f: fn(&Derived) -> Option<f64>| Column::OptionalF64(each().map(|derived| f(derived?)).collect());
    let value =
        |f: fn(&Derived) -> Option<Peak>| Column::OptionalF64(each().map(|derived| Some(f(derived?)?.value)).collect());
    let step = |f: fn(&Derived) -> Option<Peak>| {
        Column::OptionalI64(each().map(|derived| Some(f(derived?)?.step as i64)).collect())
    };
    let status = |derived: Option<&Derived>| {
        derived.and_then(|derived| derived.transient_peak_status).unwrap_or(PeakStatus::NotKnown).word().to_string()
    };
    let mut columns = vec![
        ("norm", real(|derived| derived.norm)),
        ("numerical_abscissa", real(|derived| derived.numerical_abscissa)),
        ("departure_from_normality", real(|derived| derived.departure_from_normality)),
        ("transient_peak_value", value(|derived| derived.transient_peak)),
        ("transient_peak_step", step(|derived| derived.transient_peak)),
        ("transient_peak_status", Column::Text(each().map(status).collect())),
        ("transient_peak_at_least_value", value(|derived| derived.transient_peak_at_least)),
        ("transient_peak_at_least_step", step(|derived| derived.transient_peak_at_least)),
    ];
    for (name, wanted) in spec.derived.each() {
        columns.retain(|(column, _)| wanted || !column.starts_with(name));
    }
    columns.push(("critical_step_size", real(|derived| derived.critical_step_size)));
    columns
        .push(("overflow", Column::Text(each().map(|d| d.map_or(String::new(), |d| d.overflow.join(","))).collect())));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::verdict::Band;
    use crate::spectrum::{Spectrum, Status};

    #[test]
    fn shares_are_of_all_eigenvalues_and_logarithms_of_those_that_have_one() {
        let values = vec![[-5.0, 0.0], [1.0, 0.0], [0.6, 0.8], [0.6, -0.8], [1e-17, 0.0]];
        let spectrum = Spectrum::new(values, f64::EPSILON, false);
        let whole = summary(&[Facts::of(&spectrum, Band::of_eigenvalue(1, 1e-15, 0.5))], 5);
        assert_eq!(whole["outside_unit_circle_fraction"], 0.2);
        assert!((whole["log_abs_mean"].as_f64().expect("is") - 5.0_f64.ln() / 4.0).abs() <= 1e-15);
    }

    #[test]
    fn without_eigenvalues_nothing_is_said() {
        let failed = Facts::of(&Spectrum::without_values(Status::Overflow), Band::default());
        let whole = summary(&[failed], 3);
        for name in ["outside_unit_circle_fraction", "log_abs_mean", "band"] {
            assert!(whole[name].is_null(), "{name}");
        }
        assert_eq!(whole["failed"], json!([{ "matrix": 0, "status": "overflow" }]));
        assert!(record(&failed, 0)["spectral_radius"].is_null());
    }
}
