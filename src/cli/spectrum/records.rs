//! What is derived of the matrices of a file besides their eigenvalues, as JSON and as columns of a table.

use super::facts::Facts;
use super::solve::Solved;
use crate::cli::console::Progress;
use crate::dataset::Column;
use crate::device::Device;
use crate::error::Result;
use crate::numbers::verdict::Band;
use crate::spec::SpectrumSpec;
use crate::spectrum::critical::critical_step_size;
use crate::spectrum::derived::{Derived, derived_all};
use crate::spectrum::norms::Peak;
use crate::spectrum::peak::PeakStatus;
use crate::spectrum::{Spectrum, Status};
use crate::weights::matrix::MatrixStack;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Operations of matrices whose quantities are derived at a time, over the cube of their width: about half a second.
const CUBES_AT_ONCE: f64 = 2e8;

/// The derived quantities of all matrices that have eigenvalues; none of those that the user did not wait for.
pub fn derive(
    device: &Device,
    spec: &SpectrumSpec,
    (stack, solved): (&MatrixStack, &Solved),
    progress: &mut Progress,
) -> Result<Vec<Option<Derived>>> {
    let n = stack.n;
    let (stop, matrix) = (progress.stop(), |i: usize| &stack.values[i * n * n..][..n * n]);
    let good: Vec<usize> = (0..solved.facts.len()).filter(|&i| solved.facts[i].status == Status::Ok).collect();
    let mut all: Vec<Option<Derived>> = vec![None; solved.facts.len()];
    for (done, good) in good.chunks(at_once(device, n)).enumerate() {
        let spoken: Vec<&Spectrum> = good.iter().map(|&i| &solved.spoken[i]).collect();
        let matrices: Vec<Vec<f64>> = good.par_iter().map(|&i| spoken_of(spec, matrix(i), n)).collect();
        let matrices: Vec<&[f64]> = matrices.iter().map(Vec::as_slice).collect();
        let found = derived_all(device, &matrices, n, &spoken, spec.derived, &stop)?;
        if stop() {
            break;
        }
        for (&i, derived) in good.iter().zip(found) {
            // It is one of A, whatever is spoken of.
            let spectrum = &solved.of_layers[i];
            let band = Band::of_matrix(matrix(i), n, spectrum.epsilon);
            let critical_step_size = critical_step_size(&spectrum.eigenvalues, spec.damping.unwrap_or(0.0), band);
            all[i] = Some(Derived { critical_step_size, ..derived });
        }
        let _ = progress.at((done + 1) as f64 * at_once(device, n) as f64 / solved.facts.len() as f64);
    }
    Ok(all)
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

/// Few enough matrices that it is soon seen how far the run is.
fn at_once(device: &Device, n: usize) -> usize {
    let most = super::solve::at_once(n, None);
    match device {
        Device::Gpu(gpu) if !gpu.description().software => most,
        _ => ((CUBES_AT_ONCE / (n as f64).powi(3)) as usize).clamp(rayon::current_num_threads().min(most), most),
    }
}

/// A, or M = offset + scale A when the specification speaks of it.
pub fn spoken_of(spec: &SpectrumSpec, matrix: &[f64], n: usize) -> Vec<f64> {
    let (scale, offset) = spec.affine();
    let entry = |(i, x): (usize, &f64)| scale * x + if i.is_multiple_of(n + 1) { offset } else { 0.0 };
    matrix.iter().enumerate().map(entry).collect()
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
        let mut record = facts.record(i);
        merge(&mut record, fields(spec, derived.as_ref()));
        record
    };
    result["each"] = facts.iter().zip(derived).enumerate().map(record).collect();
    if let [only] = derived {
        merge(result, fields(spec, only.as_ref()));
    }
}

/// One row for each matrix: what its eigenvalues say, and what is derived.
pub fn columns(spec: &SpectrumSpec, derived: &[Option<Derived>]) -> Vec<(&'static str, Column)> {
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
