//! `eulerscope spectrum`: eigenvalues of an ensemble, or of matrices from a file.

use crate::cli::console::Console;
use crate::cli::{Invocation, tables};
use crate::dataset::Dataset;
use crate::device::Device;
use crate::ensemble::{draw_matrices, unit};
use crate::error::{Error, Result};
use crate::figure::{Disc, SpectrumScatter};
use crate::invalid;
use crate::matrix;
use crate::spec::{RadiusKind, SpectrumSpec};
use crate::spectrum::derived::{Derived, derived};
use crate::spectrum::{self, Spectrum, Status};
use crate::statistics::{Moments, Summary};
use serde_json::{Value, json};
use std::time::Instant;

/// Eigenvalues of the figure; more are thinned by it.
const FIGURE_VALUES: usize = 200_000;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &SpectrumSpec) -> Result<()> {
    let stack = spec.matrix.as_deref().map(matrix::read).transpose()?;
    let device = console.open(invocation)?;
    if invocation.plan {
        let plan = json!({ "spec": spec, "device": device.description() });
        console.show(&format!("{plan}\n"))?;
        return console.emit(&plan);
    }
    let dataset = invocation.out.as_deref().map(Dataset::create).transpose()?;
    let start = Instant::now();
    let (spectra, width) = match &stack {
        Some(stack) => (of_stack(&device, stack)?, stack.n),
        None => (of_ensemble(console, &device, spec, invocation.chunk)?, spec.ensemble.width),
    };
    let seconds = start.elapsed().as_secs_f64();
    let (scale, offset) = spec.affine();
    let spoken: Vec<Spectrum> =
        spectra.iter().map(|s| s.clone().map(|[re, im]| [offset + scale * re, scale * im])).collect();
    let mut result = summary(&spoken, width);
    result["spec"] = json!(spec);
    result["of"] = json!(if spec.is_of_step() { "M" } else { "A" });
    result["device"] = json!(device.description());
    result["timing"] = json!({ "seconds": seconds, "seconds_per_matrix": seconds / spectra.len().max(1) as f64 });
    if let Some(stack) = &stack {
        add_derived(&mut result, spec, stack, &spectra);
    }
    show(console, &result)?;
    if let Some(dataset) = dataset {
        write(console, dataset, spec, &spoken, &result)?;
    }
    if stack.is_some() || spec.values {
        add_values(&mut result, &spoken);
    }
    console.emit(&result)?;
    ending(&spoken)
}

/// The eigenvalues of A for every member.
fn of_ensemble(console: &Console, device: &Device, spec: &SpectrumSpec, chunk: Option<usize>) -> Result<Vec<Spectrum>> {
    let (n, layers) = (spec.ensemble.width, spec.ensemble.layers);
    let chunk = chunk.unwrap_or(usize::MAX).min((64 << 20) / (4 * n * n)).clamp(1, 1024);
    let mut spectra = Vec::with_capacity(layers);
    let mut progress = console.progress("spectrum");
    let mut stopped = false;
    let result = draw_matrices(device, &spec.ensemble, 0..layers, chunk, &mut |_, matrices| {
        spectra.extend(spectrum::eigenvalues(device, &matrices, n)?);
        stopped = progress.at(spectra.len() as f64 / layers as f64).is_break();
        if stopped { invalid!("interrupted") } else { Ok(()) }
    });
    if !stopped {
        result?;
    }
    let exact = spec.ensemble.radius_kind == RadiusKind::Exact;
    let scaled = spectra.into_iter().map(|spectrum| {
        let radius = radius(&spectrum).unwrap_or(0.0);
        let own = if exact && radius > 0.0 { 1.0 / radius } else { unit(&spec.ensemble) };
        spectrum.map(|[re, im]| [spec.radius * own * re - spec.ensemble.shift, spec.radius * own * im])
    });
    Ok(scaled.collect())
}

/// The eigenvalues of matrices from a file: in f64 on the host, in f32 on a GPU.
fn of_stack(device: &Device, stack: &matrix::MatrixStack) -> Result<Vec<Spectrum>> {
    if let Device::Gpu(_) = device {
        let narrow: Vec<f32> = stack.values.iter().map(|&x| x as f32).collect();
        return spectrum::eigenvalues(device, &narrow, stack.n);
    }
    let matrices: Vec<&[f64]> = stack.values.chunks(stack.n * stack.n).collect();
    Ok(spectrum::batch::eigenvalues(&matrices, stack.n))
}

fn radius(spectrum: &Spectrum) -> Option<f64> {
    (spectrum.status == Status::Ok).then(|| spectrum.eigenvalues.iter().map(|z| z[0].hypot(z[1])).fold(0.0, f64::max))
}

fn summary(spectra: &[Spectrum], width: usize) -> Value {
    let good: Vec<&Spectrum> = spectra.iter().filter(|s| s.status == Status::Ok).collect();
    let of = |f: &dyn Fn(&Spectrum) -> f64| Summary::of(&good.iter().map(|s| f(s)).collect::<Vec<_>>());
    let moduli = || good.iter().flat_map(|s| s.eigenvalues.iter().map(|z| z[0].hypot(z[1])));
    let outside = moduli().filter(|&modulus| modulus > 1.0).count() as f64 / moduli().count().max(1) as f64;
    let logs = Moments::of(moduli().filter(|&modulus| modulus > 0.0).map(f64::ln));
    json!({
        "eulerscope": env!("CARGO_PKG_VERSION"),
        "command": "spectrum",
        "matrices": spectra.len(),
        "width": width,
        "real_eigenvalues": of(&|s| s.real as f64),
        "spectral_radius": of(&|s| radius(s).unwrap_or(0.0)),
        "spectral_abscissa": of(&|s| s.eigenvalues.iter().map(|z| z[0]).fold(f64::NEG_INFINITY, f64::max)),
        "outside_unit_circle_fraction": (!good.is_empty()).then_some(outside),
        "log_abs_mean": logs.mean(),
        "failed": spectra.iter().enumerate().filter(|(_, s)| s.status != Status::Ok)
            .map(|(i, s)| json!({ "matrix": i, "status": tables::word(s.status) })).collect::<Vec<_>>(),
        "solved_again": spectra.iter().filter(|s| s.solved_again).count(),
    })
}

/// Norms and the like of matrices from a file: beside the rest for one matrix, a list for several.
fn add_derived(result: &mut Value, spec: &SpectrumSpec, stack: &matrix::MatrixStack, spectra: &[Spectrum]) {
    let n = stack.n;
    let (scale, offset) = spec.affine();
    let of = |(matrix, spectrum): (&[f64], &Spectrum)| {
        let step: Vec<f64> =
            (0..n * n).map(|i| scale * matrix[i] + if i % (n + 1) == 0 { offset } else { 0.0 }).collect();
        let spoken = spectrum.clone().map(|[re, im]| [offset + scale * re, scale * im]);
        (spectrum.status == Status::Ok).then(|| Derived {
            critical_step_size: derived(matrix, &step, n, spectrum, spec.damping.unwrap_or(0.0)).critical_step_size,
            ..derived(&step, &step, n, &spoken, 0.0)
        })
    };
    let all: Vec<Option<Derived>> = stack.values.chunks(n * n).zip(spectra).map(of).collect();
    match all.as_slice() {
        [only] => {
            let Value::Object(fields) = json!(only) else { return };
            fields.into_iter().for_each(|(name, value)| result[name] = value);
        }
        _ => result["each"] = json!(all),
    }
}

fn add_values(result: &mut Value, spectra: &[Spectrum]) {
    let values: Vec<Option<&Vec<[f64; 2]>>> =
        spectra.iter().map(|s| (s.status == Status::Ok).then_some(&s.eigenvalues)).collect();
    result["eigenvalues"] = match values.as_slice() {
        [only] => json!(only),
        all => json!(all),
    };
}

fn show(console: &Console, result: &Value) -> Result<()> {
    let number = |value: &Value| value.as_f64().map_or("missing".to_string(), |x| format!("{x:.6}"));
    let mut text =
        format!("{} matrices of width {}, eigenvalues of {}\n", result["matrices"], result["width"], result["of"]);
    for name in ["spectral_radius", "spectral_abscissa", "real_eigenvalues"] {
        let (mean, sd) = (number(&result[name]["mean"]), number(&result[name]["sd"]));
        text += &format!("{:<30} {mean} ± {sd}\n", name.replace('_', " "));
    }
    for name in ["outside_unit_circle_fraction", "log_abs_mean", "norm", "numerical_abscissa"] {
        if let Some(value) = result.get(name) {
            text += &format!("{:<30} {}\n", name.replace('_', " "), number(value));
        }
    }
    for name in ["departure_from_normality", "critical_step_size"] {
        if let Some(value) = result.get(name) {
            text += &format!("{:<30} {}\n", name.replace('_', " "), number(value));
        }
    }
    if let Some(peak) = result.get("transient_peak").filter(|peak| !peak.is_null()) {
        text += &format!("{:<30} {} at step {}\n", "transient peak", number(&peak["value"]), peak["step"]);
    }
    text += &format!("{:<30} {}\n", "seconds per matrix", result["timing"]["seconds_per_matrix"]);
    console.show(&text)
}

fn write(
    console: &Console,
    mut dataset: Dataset,
    spec: &SpectrumSpec,
    spectra: &[Spectrum],
    result: &Value,
) -> Result<()> {
    dataset.note("spec", &json!(spec).to_string());
    dataset.write_table("spectra", &tables::spectra(spectra))?;
    let (scale, offset) = spec.affine();
    let ginibre = spec.matrix.is_none() && spec.ensemble.correlation() == 0.0;
    let disc = Disc { center: offset - scale * spec.ensemble.shift, radius: (scale * spec.radius).abs() };
    let eigenvalues = spectra.iter().flat_map(|s| s.eigenvalues.iter().copied()).take(FIGURE_VALUES);
    let scatter = SpectrumScatter {
        eigenvalues: eigenvalues.collect(),
        disc: ginibre.then_some(disc),
        levels: None,
        title: format!("Eigenvalues of {} matrices", spectra.len()),
        caption: format!("width {}; {}", result["width"], result["device"]["name"].as_str().unwrap_or_default()),
    };
    let picture = scatter.draw()?;
    dataset.write_bytes("spectrum.png", &picture.png)?;
    dataset.write_bytes("spectrum.svg", picture.svg.as_bytes())?;
    let folder = dataset.folder().display().to_string();
    dataset.finish(result.clone())?;
    console.note(&format!("results are in {folder}"));
    Ok(())
}

fn ending(spectra: &[Spectrum]) -> Result<()> {
    let failed: Vec<usize> = (0..spectra.len()).filter(|&i| spectra[i].status != Status::Ok).collect();
    let Some(&first) = failed.first() else { return Ok(()) };
    let why = match spectra[first].status {
        Status::Refused => "has an entry that is NaN or infinite",
        _ => "did not converge",
    };
    let message = format!("{} of {} matrices have no eigenvalues; matrix {first} {why}", failed.len(), spectra.len());
    if failed.len() == spectra.len() { Err(Error::Invalid(message)) } else { Err(Error::Partial(message)) }
}
