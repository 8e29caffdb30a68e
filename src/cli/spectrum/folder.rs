//! The folder of a spectrum: its tables and its figure.

use super::{Outcome, facts, records};
use crate::cli::console::{self, Console};
use crate::cli::{pictures, tables};
use crate::dataset::Dataset;
use crate::device::Device;
use crate::error::Result;
use crate::figure::{Disc, LevelLines, SpectrumScatter};
use crate::spec::grid::brief;
use crate::spec::{Precision, SpectrumSpec};
use serde_json::Value;

/// Eigenvalues of the figure; more are thinned by it.
const FIGURE_VALUES: usize = 200_000;

/// Writes tables and figures and seals the folder.
pub fn write(
    console: &Console,
    mut dataset: Dataset,
    device: &Device,
    spec: &SpectrumSpec,
    outcome: &Outcome,
    result: &Value,
) -> Result<()> {
    let (spectra, pseudo) = (outcome.solved.spoken.as_slice(), outcome.pseudo.as_ref());
    // Level lines are those of one matrix, so they are drawn with its eigenvalues alone.
    let drawn = if pseudo.is_some() { &spectra[..1] } else { spectra };
    if let Some(pseudo) = pseudo {
        dataset.write_table("pseudospectrum", &tables::pseudospectrum(pseudo))?;
    }
    dataset.note("spec", &super::recorded(spec).to_string());
    dataset.write_table("spectra", &tables::spectra(spectra))?;
    let mut members = facts::columns(&outcome.solved.facts);
    if spec.matrix.is_some() {
        members.extend(records::columns(spec, &outcome.derived));
    }
    dataset.write_table("members", &members)?;
    let (scale, offset) = spec.affine();
    let ginibre = spec.matrix.is_none() && spec.ensemble.correlation() == 0.0;
    let disc = Disc { center: offset - scale * spec.ensemble.shift, radius: (scale * spec.radius).abs() };
    let eigenvalues = drawn.iter().flat_map(|s| s.eigenvalues.iter().copied()).take(FIGURE_VALUES);
    let floor = pseudo.map(|pseudo| format!("; σ resolved down to {:.0e}", pseudo.floor)).unwrap_or_default();
    let scatter = SpectrumScatter {
        eigenvalues: eigenvalues.collect(),
        disc: ginibre.then_some(disc),
        levels: pseudo.map(|pseudo| LevelLines {
            re: pseudo.re.clone(),
            im: pseudo.im.clone(),
            // Below the floor every value is rounding, and no line runs there.
            log10: pseudo
                .smallest_singular_value
                .iter()
                .map(|sigma| sigma.map(|s| s.max(pseudo.floor).log10()))
                .collect(),
        }),
        of: if spec.is_of_step() { "M" } else { "A" },
        band: facts::widest_band(&outcome.solved.facts),
        title: title(spec, drawn.len()),
        caption: format!("{}{floor}; {}", origin(spec, &result["width"]), arithmetic(spec, device)),
    };
    pictures::write(&mut dataset, "spectrum", &scatter)?;
    console.landed(&dataset.finish(result.clone())?);
    Ok(())
}

/// Whose eigenvalues they are: of A, or of the step M with its h and γ.
fn title(spec: &SpectrumSpec, matrices: usize) -> String {
    let noun = if matrices == 1 { "matrix" } else { "matrices" };
    let (scale, offset) = spec.affine();
    match spec.is_of_step() {
        true => format!(
            "Eigenvalues of M = (1 − γ) I + h A, {matrices} {noun}; h = {}, γ = {}",
            brief(scale),
            brief(1.0 - offset)
        ),
        false => format!("Eigenvalues of A, {matrices} {noun}"),
    }
}

/// Where the matrices come from.
fn origin(spec: &SpectrumSpec, width: &Value) -> String {
    match &spec.matrix {
        Some(path) => {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
            format!("{name}, width {width}")
        }
        None => format!(
            "{}, width {width}, ρ = {} ({}), members 0 to {}, seed {}",
            spec.ensemble.family,
            brief(spec.radius),
            spec.ensemble.radius_kind,
            spec.ensemble.layers - 1,
            spec.ensemble.seed
        ),
    }
}

/// What computed the eigenvalues: matrices of a file are solved in f64 wherever that is the host.
fn arithmetic(spec: &SpectrumSpec, device: &Device) -> String {
    match (device, &spec.matrix) {
        (Device::Cpu(_), Some(_)) if spec.precision != Some(Precision::F32) => f64_of(device),
        (Device::Cpu(_) | Device::Gpu(_), _) if spec.precision == Some(Precision::F64) => f64_of(device),
        _ => console::caption(&device.description()),
    }
}

fn f64_of(device: &Device) -> String {
    let description = device.description();
    format!("{} f64: {}", description.kind, description.name)
}
