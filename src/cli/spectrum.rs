//! `eulerscope spectrum`: eigenvalues of an ensemble, or of matrices from a file.

mod precision;

use crate::cli::console::{self, Console, Progress};
use crate::cli::outlook::{self, Outlook};
use crate::cli::{Invocation, tables};
use crate::dataset::Dataset;
use crate::device::Device;
use crate::device::cpu::Cpu;
use crate::ensemble::{draw_matrices, unit};
use crate::error::{Error, Result};
use crate::figure::{Disc, LevelLines, SpectrumScatter};
use crate::invalid;
use crate::matrix;
use crate::spec::{Precision, RadiusKind, SpectrumSpec};
use crate::spectrum::derived::{Derived, critical_step_size, derived_all};
use crate::spectrum::pseudospectrum::{Pseudospectrum, pseudospectrum};
use crate::spectrum::{self, Spectrum, Status};
use crate::statistics::{Moments, Summary};
use precision::{in_f64, narrowed};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::time::Instant;

/// Eigenvalues of the figure; more are thinned by it.
const FIGURE_VALUES: usize = 200_000;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &SpectrumSpec) -> Result<()> {
    let stack = spec.matrix.as_deref().map(matrix::read).transpose()?;
    let device = console.open_in(spec.precision.unwrap_or(Precision::F32), invocation)?;
    if invocation.plan {
        return plan(console, &device, spec, stack.as_ref(), invocation.chunk);
    }
    let dataset = invocation.out.as_deref().map(console::create_folder).transpose()?;
    let start = Instant::now();
    let mut progress = console.progress("spectrum");
    let (asked, width) = shape(spec, stack.as_ref());
    let (spectra, stopped) = match &stack {
        Some(stack) => of_stack(&device, stack, spec.precision, &mut progress)?,
        None => of_ensemble(&device, spec, invocation.chunk, &mut progress)?,
    };
    drop(progress);
    let seconds = start.elapsed().as_secs_f64();
    let (scale, offset) = spec.affine();
    let spoken: Vec<Spectrum> =
        spectra.iter().map(|s| s.clone().map(|[re, im]| [offset + scale * re, scale * im])).collect();
    let mut result = summary(&spoken, width);
    result["interrupted"] = json!(stopped);
    result["spec"] = recorded(spec);
    result["of"] = json!(if spec.is_of_step() { "M" } else { "A" });
    result["device"] = json!(device.description());
    result["timing"] = json!({ "seconds": seconds, "seconds_per_matrix": seconds / spectra.len().max(1) as f64 });
    if let Some(stack) = &stack {
        add_derived(&mut result, &device, spec, stack, &spectra)?;
    }
    let pseudo =
        stack.as_ref().map(|stack| pseudospectrum_of_first(&device, spec, stack, &spoken)).transpose()?.flatten();
    show(console, &result)?;
    if let Some(dataset) = dataset {
        write(console, dataset, &device, spec, (&spoken, pseudo.as_ref()), &result)?;
    }
    if let Some(pseudo) = &pseudo {
        result["pseudospectrum"] = json!(pseudo);
    }
    if stack.is_some() || spec.values {
        add_values(&mut result, &spoken);
    }
    console.emit(&result)?;
    if stopped {
        let done = spectra.len();
        return Err(Error::Partial(format!("interrupted: the results are those of {done} of {asked} matrices")));
    }
    ending(&spoken)
}

/// The pseudospectrum of the first matrix, or of the step made of it, if it is wanted and there are eigenvalues.
fn pseudospectrum_of_first(
    device: &Device,
    spec: &SpectrumSpec,
    stack: &matrix::MatrixStack,
    spoken: &[Spectrum],
) -> Result<Option<Pseudospectrum>> {
    let first = spoken.first().filter(|spectrum| spectrum.status == Status::Ok);
    let (Some(points), Some(first)) = (spec.pseudospectrum, first) else { return Ok(None) };
    let matrix = spoken_of(spec, &stack.values[..stack.n * stack.n], stack.n);
    pseudospectrum(device, &matrix, stack.n, &first.eigenvalues, points).map(Some)
}

/// A, or M = offset + scale A when the specification speaks of it.
fn spoken_of(spec: &SpectrumSpec, matrix: &[f64], n: usize) -> Vec<f64> {
    let (scale, offset) = spec.affine();
    let entry = |(i, x): (usize, &f64)| scale * x + if i.is_multiple_of(n + 1) { offset } else { 0.0 };
    matrix.iter().enumerate().map(entry).collect()
}

/// How many matrices there are, and their width.
fn shape(spec: &SpectrumSpec, stack: Option<&matrix::MatrixStack>) -> (usize, usize) {
    stack.map_or((spec.ensemble.layers, spec.ensemble.width), |stack| (stack.matrices, stack.n))
}

/// The specification for the record: beside a user's own matrices an ensemble means nothing.
fn recorded(spec: &SpectrumSpec) -> Value {
    let mut value = json!(spec);
    if let (Some(_), Value::Object(fields)) = (&spec.matrix, &mut value) {
        fields.retain(|name, _| {
            ["matrix", "step_size", "damping", "values", "precision", "pseudospectrum"].contains(&name.as_str())
        });
    }
    value
}

/// `--plan`: from a trial on some drawn matrices of the width, or of a smaller one when it is large.
fn plan(
    console: &Console,
    device: &Device,
    spec: &SpectrumSpec,
    stack: Option<&matrix::MatrixStack>,
    chunk: Option<usize>,
) -> Result<()> {
    let (matrices, width) = shape(spec, stack);
    let mut trial = SpectrumSpec::default();
    trial.ensemble.width = width.min(outlook::WIDEST);
    let n = trial.ensemble.width as f64;
    trial.ensemble.layers = outlook::trial_members(device, 25.0 * n.powi(3), matrices.min(1024));
    let mut progress = console.progress("trial");
    if let Device::Gpu(_) = device {
        let mut first = trial.clone();
        first.ensemble.layers = 1;
        of_ensemble(device, &first, None, &mut progress)?;
    }
    let start = Instant::now();
    if of_ensemble(device, &trial, None, &mut progress)?.1 {
        return outlook::stopped();
    }
    drop(progress);
    let share = trial.ensemble.layers as f64 / matrices as f64;
    let noun = if matrices == 1 { "matrix" } else { "matrices" };
    let outlook = Outlook {
        what: format!("{matrices} {noun} of width {width}"),
        members: matrices,
        bytes_per_member: (width * width * outlook::real(device)) as u64,
        members_at_a_time: at_once(width, chunk).min(matrices),
        seconds: start.elapsed().as_secs_f64() / share * (width as f64 / n).powi(3),
        tried: trial.ensemble.layers,
    };
    outlook.say(console, device, recorded(spec), json!({ "width": width }))
}

/// Matrices that are drawn and solved at a time.
fn at_once(n: usize, chunk: Option<usize>) -> usize {
    chunk.unwrap_or(usize::MAX).min((64 << 20) / (4 * n * n)).clamp(1, 1024)
}

/// The eigenvalues of A for every member, and whether it was stopped before the last one.
fn of_ensemble(
    device: &Device,
    spec: &SpectrumSpec,
    chunk: Option<usize>,
    progress: &mut Progress,
) -> Result<(Vec<Spectrum>, bool)> {
    let (n, layers) = (spec.ensemble.width, spec.ensemble.layers);
    let mut spectra: Vec<Spectrum> = Vec::new();
    let mut stopped = false;
    let double = spec.precision == Some(Precision::F64);
    // Weights are f32, and the same bits on every device.
    let artist = if double { &Device::Cpu(Cpu::default()) } else { device };
    let result = draw_matrices(artist, &spec.ensemble, 0..layers, at_once(n, chunk), &mut |_, matrices| {
        spectra.extend(if double {
            let wide: Vec<f64> = matrices.iter().map(|&x| x.into()).collect();
            in_f64(device, &wide.chunks(n * n).collect::<Vec<_>>(), n)?
        } else {
            spectrum::eigenvalues(device, &matrices, n)?
        });
        stopped = spectra.len() < layers && progress.at(spectra.len() as f64 / layers as f64).is_break();
        // An error is the only way to end a device's run early; it is taken back below.
        if stopped { invalid!("interrupted") } else { Ok(()) }
    });
    if !stopped {
        result?;
    }
    let exact = spec.ensemble.radius_kind == RadiusKind::Exact;
    let scaled = spectra.into_iter().map(|spectrum| {
        let radius = spectrum.radius().unwrap_or(0.0);
        let own = if exact && radius > 0.0 { 1.0 / radius } else { unit(&spec.ensemble) };
        spectrum.map(|[re, im]| [spec.radius * own * re - spec.ensemble.shift, spec.radius * own * im])
    });
    Ok((scaled.collect(), stopped))
}

/// The eigenvalues of matrices from a file, and whether it was stopped before the last one: if nothing else is wanted in
/// f64 on the host, in f32 on a GPU.
fn of_stack(
    device: &Device,
    stack: &matrix::MatrixStack,
    precision: Option<Precision>,
    progress: &mut Progress,
) -> Result<(Vec<Spectrum>, bool)> {
    let usual = if matches!(device, Device::Gpu(_)) { Precision::F32 } else { Precision::F64 };
    let matrices: Vec<&[f64]> = stack.values.chunks(stack.n * stack.n).collect();
    let mut spectra = Vec::with_capacity(matrices.len());
    for matrices in matrices.chunks(at_once(stack.n, None)) {
        if !spectra.is_empty() && progress.at(spectra.len() as f64 / stack.matrices as f64).is_break() {
            return Ok((spectra, true));
        }
        spectra.extend(match precision.unwrap_or(usual) {
            Precision::F32 => narrowed(device, matrices, stack.n)?,
            Precision::F64 => in_f64(device, matrices, stack.n)?,
        });
    }
    Ok((spectra, false))
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
        "spectral_radius": of(&|s| s.radius().unwrap_or(0.0)),
        "spectral_abscissa": of(&|s| s.abscissa().unwrap_or(f64::NEG_INFINITY)),
        "outside_unit_circle_fraction": (!good.is_empty()).then_some(outside),
        "log_abs_mean": logs.mean(),
        "failed": spectra.iter().enumerate().filter(|(_, s)| s.status != Status::Ok)
            .map(|(i, s)| json!({ "matrix": i, "status": tables::word(s.status) })).collect::<Vec<_>>(),
        "solved_again": spectra.iter().filter(|s| s.solved_again).count(),
    })
}

/// Norms and the like of matrices from a file: beside the rest for one matrix, a list for several.
fn add_derived(
    result: &mut Value,
    device: &Device,
    spec: &SpectrumSpec,
    stack: &matrix::MatrixStack,
    spectra: &[Spectrum],
) -> Result<()> {
    let n = stack.n;
    let (scale, offset) = spec.affine();
    let good: Vec<usize> = (0..spectra.len()).filter(|&i| spectra[i].status == Status::Ok).collect();
    let mut all: Vec<Option<Derived>> = vec![None; spectra.len()];
    for good in good.chunks(at_once(n, None)) {
        let matrices: Vec<Vec<f64>> =
            good.par_iter().map(|&i| spoken_of(spec, &stack.values[i * n * n..][..n * n], n)).collect();
        let spoken = |&i: &usize| spectra[i].clone().map(|[re, im]| [offset + scale * re, scale * im]);
        let spoken: Vec<Spectrum> = good.iter().map(spoken).collect();
        let matrices: Vec<&[f64]> = matrices.iter().map(Vec::as_slice).collect();
        let found = derived_all(device, &matrices, n, &spoken.iter().collect::<Vec<_>>())?;
        for (&i, derived) in good.iter().zip(found) {
            let critical_step_size = critical_step_size(&spectra[i].eigenvalues, spec.damping.unwrap_or(0.0));
            all[i] = Some(Derived { critical_step_size, ..derived });
        }
    }
    match all.as_slice() {
        [only] => {
            if let Value::Object(fields) = json!(only) {
                fields.into_iter().for_each(|(name, value)| result[name] = value);
            }
        }
        _ => result["each"] = json!(all),
    }
    Ok(())
}

fn add_values(result: &mut Value, spectra: &[Spectrum]) {
    let values: Vec<Option<&Vec<[f64; 2]>>> =
        spectra.iter().map(|s| (s.status == Status::Ok).then_some(&s.eigenvalues)).collect();
    result["eigenvalues"] = match values.as_slice() {
        [only] => json!(only),
        all => json!(all),
    };
}

/// A number as it is read best: 0.012346, or 1.234568e-7.
fn number(value: &Value) -> String {
    match value.as_f64() {
        None => "missing".to_string(),
        Some(x) if x == 0.0 || (1e-4..1e6).contains(&x.abs()) => format!("{x:.6}"),
        Some(x) => format!("{x:.6e}"),
    }
}

fn show(console: &Console, result: &Value) -> Result<()> {
    let matrices = result["matrices"].as_u64().unwrap_or(0);
    let noun = if matrices == 1 { "matrix" } else { "matrices" };
    let of = result["of"].as_str().unwrap_or_default();
    let spread = if matrices > 1 { "; mean ± standard deviation over the matrices" } else { "" };
    let mut text = format!("{matrices} {noun} of width {}, eigenvalues of {of}{spread}\n", result["width"]);
    for name in ["spectral_radius", "spectral_abscissa", "real_eigenvalues"] {
        let sd = &result[name]["sd"];
        let sd = if sd.is_null() { String::new() } else { format!(" ± {}", number(sd)) };
        text += &format!("{:<30} {}{sd}\n", name.replace('_', " "), number(&result[name]["mean"]));
    }
    for name in [
        "outside_unit_circle_fraction",
        "log_abs_mean",
        "norm",
        "numerical_abscissa",
        "departure_from_normality",
        "critical_step_size",
    ] {
        if let Some(value) = result.get(name) {
            text += &format!("{:<30} {}\n", name.replace('_', " "), number(value));
        }
    }
    if let Some(peak) = result.get("transient_peak").filter(|peak| !peak.is_null()) {
        text += &format!("{:<30} {} at step {}\n", "transient peak", number(&peak["value"]), peak["step"]);
    }
    let seconds = |name: &str| result["timing"][name].as_f64().unwrap_or_default();
    let each = match seconds("seconds_per_matrix") {
        s if s < 1e-3 => format!("{:.1} us", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.2} s"),
    };
    text += &format!("{:<30} {:.2} s, {each} a matrix\n", "time", seconds("seconds"));
    console.show(&text)
}

fn write(
    console: &Console,
    mut dataset: Dataset,
    device: &Device,
    spec: &SpectrumSpec,
    (spectra, pseudo): (&[Spectrum], Option<&Pseudospectrum>),
    result: &Value,
) -> Result<()> {
    // Level lines are those of one matrix, so they are drawn with its eigenvalues alone.
    let drawn = if pseudo.is_some() { &spectra[..1] } else { spectra };
    if let Some(pseudo) = pseudo {
        dataset.write_table("pseudospectrum", &tables::pseudospectrum(pseudo))?;
    }
    dataset.note("spec", &recorded(spec).to_string());
    dataset.write_table("spectra", &tables::spectra(spectra))?;
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
        title: format!("Eigenvalues of {} {}", drawn.len(), if drawn.len() == 1 { "matrix" } else { "matrices" }),
        caption: format!("width {}{}; {}", result["width"], floor, arithmetic(spec, device)),
    };
    let picture = scatter.draw()?;
    dataset.write_bytes("spectrum.png", &picture.png)?;
    dataset.write_bytes("spectrum.svg", picture.svg.as_bytes())?;
    let folder = dataset.folder().display().to_string();
    dataset.finish(result.clone())?;
    console.note(&format!("results are in {folder}"));
    Ok(())
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
