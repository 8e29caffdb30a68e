//! The stability maps of a sweep, and the picture of its eigenvalues.

use crate::cli::console;
use crate::device::Device;
use crate::figure::{Disc, SpectrumScatter, StabilityMap};
use crate::spec::grid::brief;
use crate::spec::{Model, StepScaling, SweepSpec};
use crate::sweep::{Cell, Combination};

/// Colours of a map saturate here at the latest: growth of the logarithm a layer.
const COLOUR_RANGE: f64 = 0.5;

/// Outer values at the end of a figure's title: "; depth 10, heads 2", or nothing.
fn at(spec: &SweepSpec, plain: &SweepSpec) -> String {
    let said = spec.said_of(plain);
    if said.is_empty() { said } else { format!("; {said}") }
}

/// The map of one damping, from the cells of that damping.
fn map(device: &Device, (spec, own): (&SweepSpec, &SweepSpec), damping: f64, cells: &[Cell]) -> StabilityMap {
    let depth = own.depth as f64;
    let ensemble = &own.ensemble;
    let values: Vec<Option<f64>> =
        cells.iter().map(|cell| cell.log_growth.median.map(|growth| growth / depth)).collect();
    StabilityMap {
        step_sizes: own.step_size.values().iter().map(|&h| own.effective_step_size(h)).collect(),
        step_label: step_label(own.step_scaling).to_string(),
        radii: own.radius.values().to_vec(),
        half_range: colour_range(&values),
        values,
        value_label: "median growth, ln |x_L|/|x_0| a layer".to_string(),
        neutral: 0.0,
        unstable_fraction: cells.iter().map(|cell| cell.unstable_fraction).collect(),
        title: format!(
            "Stability of {} {} layers, damping {damping}{}",
            ensemble.layers,
            own.layer.model,
            at(spec, own)
        ),
        caption: format!(
            "{} {}, width {}, depth {}, {} radius, seed {}; {}",
            own.layer.weights,
            ensemble.family,
            ensemble.width,
            own.depth,
            ensemble.radius_kind,
            ensemble.seed,
            console::caption(&device.description())
        ),
    }
}

/// As far as the values reach, so that small growth shows too, but not beyond [`COLOUR_RANGE`].
fn colour_range(values: &[Option<f64>]) -> Option<f64> {
    let finite = values.iter().flatten().filter(|value| value.is_finite());
    let largest = finite.fold(0.0, |largest, value| f64::max(largest, value.abs()));
    Some(largest.min(COLOUR_RANGE)).filter(|&range| range > 0.0)
}

/// Is a map worth drawing? With outer axes only if it has two axes of its own: lines over an outer axis say more of the
/// others.
pub fn are_drawn(spec: &SweepSpec) -> bool {
    spec.sweep_over.is_empty() || (spec.step_size.len() > 1 && spec.radius.len() > 1)
}

/// The maps of all combinations, one for each damping, with the names of their files.
pub fn maps(device: &Device, spec: &SweepSpec, results: &[Combination]) -> Vec<(String, StabilityMap)> {
    if !are_drawn(spec) {
        return Vec::new();
    }
    let size = spec.radius.len() * spec.step_size.len();
    let (mut maps, mut places) = (Vec::new(), Vec::new());
    for Combination { spec: own, sweep } in results {
        for (&damping, cells) in spec.damping.values().iter().zip(sweep.cells.chunks(size)) {
            let outer = spec.sweep_over.iter().map(|(axis, _)| (axis.key(), axis.of(own)));
            let inner = (spec.damping.len() > 1).then_some(("damping", damping));
            places.push(outer.chain(inner).collect());
            maps.push(map(device, (spec, own), damping, cells));
        }
    }
    names(&places).into_iter().zip(maps).collect()
}

/// What the step sizes of the figures are.
fn step_label(scaling: StepScaling) -> &'static str {
    match scaling {
        StepScaling::Constant => "step size h",
        StepScaling::InverseSqrtDepth => "step size h, scaled by 1/sqrt(depth)",
        StepScaling::InverseDepth => "step size h, scaled by 1/depth",
    }
}

/// Names for maps of several places: values rounded to 6 significant digits, and none twice.
fn names(places: &[Vec<(&str, f64)>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (i, place) in places.iter().enumerate() {
        let mut name = "stability_map".to_string();
        for (key, value) in place {
            name += &format!("_{key}_{}", brief(*value));
        }
        let taken = names.contains(&name);
        names.push(if taken { format!("{name}_number_{}", i + 1) } else { name });
    }
    names
}

/// The eigenvalues of the first members: of A at radius 1, or of M in the middle of a nonlinear grid.
pub fn spectrum(device: &Device, spec: &SweepSpec, Combination { spec: own, sweep }: &Combination) -> SpectrumScatter {
    let linear = own.layer.model == Model::Linear;
    let of = if linear { "layers at radius 1" } else { "steps in the middle of the grid" };
    SpectrumScatter {
        eigenvalues: sweep.spectra.iter().flat_map(|spectrum| spectrum.eigenvalues.clone()).collect(),
        disc: (linear && own.ensemble.correlation() == 0.0).then_some(Disc { center: 0.0, radius: 1.0 }),
        levels: None,
        title: format!("Eigenvalues of {} {of}{}", sweep.spectra.len(), at(spec, own)),
        caption: format!(
            "{}, width {}, seed {}; {}",
            own.ensemble.family,
            own.ensemble.width,
            own.ensemble.seed,
            console::caption(&device.description())
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn names_of_maps_are_short_and_differ() {
        assert_eq!(names(&[vec![]]), ["stability_map"]);
        let places = [1.0 / 3.0, 1.0 / 3.0 + 1e-9, 0.5].map(|damping| vec![("depth", 10.0), ("damping", damping)]);
        let ends = ["0.333333", "0.333333_number_2", "0.5"];
        assert_eq!(names(&places), ends.map(|end| format!("stability_map_depth_10_damping_{end}")));
    }
}
