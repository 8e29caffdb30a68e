//! The results of a spectrum: what was found, and its folder of tables and a figure.

pub mod records;

use crate::device::Device;
use crate::error::Result;
use crate::figure::{Disc, LevelLines, SpectrumScatter};
use crate::results::dataset::{Dataset, Landed};
use crate::results::{pictures, tables};
use crate::spec::grid::brief;
use crate::spec::{Precision, SpectrumSpec};
use crate::spectrum::derived::Derived;
use crate::spectrum::facts;
use crate::spectrum::pseudospectrum::Pseudospectrum;
use crate::spectrum::solve::Solved;
use crate::spectrum::{Status, precision_of_files};
use serde_json::{Value, json};

/// Eigenvalues of the figure; more are thinned by it.
const FIGURE_VALUES: usize = 200_000;

/// What was found, by phase. A phase that the user stopped is followed by none.
#[derive(Default)]
pub struct Outcome {
    /// The eigenvalues.
    pub solved: Solved,
    /// One for each matrix of a file.
    pub derived: Vec<Option<Derived>>,
    /// Of the first matrix of a file.
    pub pseudo: Option<Pseudospectrum>,
    /// Was the pseudospectrum stopped?
    pub no_pseudo: bool,
}

impl Outcome {
    /// Matrices with eigenvalues of which nothing was derived any more.
    fn left(&self) -> usize {
        let good = self.solved.facts.iter().zip(&self.derived).filter(|(facts, _)| facts.status == Status::Ok);
        good.filter(|(_, derived)| derived.is_none()).count()
    }

    /// Is anything missing because the user did not wait for it?
    pub fn is_interrupted(&self) -> bool {
        self.solved.stopped || self.left() > 0 || self.no_pseudo
    }

    /// Which of the results are there, if it was interrupted before the last of them.
    pub fn interruption(&self, asked: usize) -> Option<String> {
        let done = self.solved.facts.len();
        match (self.solved.stopped, self.left(), self.no_pseudo) {
            (true, ..) => Some(format!("interrupted: the results are those of {done} of {asked} matrices")),
            (_, left @ 1.., _) => {
                Some(format!("interrupted: norms and peaks are there of {} of {done} matrices", done - left))
            }
            (.., true) => Some("interrupted: the pseudospectrum is missing".to_string()),
            _ => None,
        }
    }

    /// The result, without what is many numbers.
    pub fn record(&self, spec: &SpectrumSpec, device: &Device, width: usize) -> Value {
        let facts = &self.solved.facts;
        let mut result = records::summary(facts, width);
        result["interrupted"] = json!(self.is_interrupted());
        result["spec"] = recorded(spec);
        result["of"] = json!(if spec.is_of_step() { "M" } else { "A" });
        result["device"] = json!(device.description());
        if spec.matrix.is_some() {
            records::add(&mut result, spec, facts, &self.derived);
        }
        result
    }
}

/// The specification for the record: beside a user's own matrices an ensemble means nothing.
pub fn recorded(spec: &SpectrumSpec) -> Value {
    let mut value = json!(spec);
    if let (Some(_), Value::Object(fields)) = (&spec.matrix, &mut value) {
        fields.retain(|name, _| {
            ["matrix", "step_size", "damping", "values", "precision", "pseudospectrum", "derived"]
                .contains(&name.as_str())
        });
    }
    value
}
/// Writes tables and figures and seals the folder.
pub fn write(
    mut dataset: Dataset,
    device: &Device,
    spec: &SpectrumSpec,
    outcome: &Outcome,
    result: &Value,
) -> Result<Landed> {
    let (spectra, pseudo) = (outcome.solved.spoken.as_slice(), outcome.pseudo.as_ref());
    // Level lines are those of one matrix, so they are drawn with its eigenvalues alone.
    let drawn = if pseudo.is_some() { &spectra[..1] } else { spectra };
    if let Some(pseudo) = pseudo {
        dataset.write_table("pseudospectrum", &tables::pseudospectrum(pseudo))?;
    }
    dataset.note("spec", &recorded(spec).to_string());
    dataset.write_table("spectra", &tables::spectra(spectra))?;
    let mut members = records::columns(&outcome.solved.facts);
    if spec.matrix.is_some() {
        members.extend(records::derived_columns(spec, &outcome.derived));
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
    dataset.finish(result.clone())
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
            spec.ensemble.members - 1,
            spec.ensemble.seed
        ),
    }
}

/// What computed the eigenvalues: matrices of a file are solved in f64 wherever that is the host.
fn arithmetic(spec: &SpectrumSpec, device: &Device) -> String {
    let of_file = spec.matrix.is_some().then(|| precision_of_files(device, spec.precision));
    let description = device.description();
    match of_file.or(spec.precision) == Some(Precision::F64) {
        true => format!("{} f64: {}", description.kind.word(), description.name),
        false => description.caption(),
    }
}
