//! The sweep: cells of the map, and the tables beside it.

use super::band::{self, Bands};
use super::dense::*;
use super::number::Number;
use super::observe::Observation;
use super::remarks;
use super::setting::{Point, Setting};
use super::spectrum::bare;
use super::statistics::{log_mean, mean, quantile, scaled_moments, share};
use super::table::{Row, count, fates, summarise, summarise_powers};
use super::trajectory::{Trajectory, later_slope, run};

/// What a sweep reports.
pub struct Sweep {
    pub cells: Vec<Row>,
    pub linearised: Vec<Row>,
    pub members: Vec<Row>,
    pub trajectories: Vec<Row>,
    /// Of the recorded members.
    pub spectra: Vec<Vec<[f64; 2]>>,
    /// Of every cell.
    pub remarks: Vec<Vec<&'static str>>,
    /// Every member at every place of the map.
    pub seen: Vec<Vec<Seen>>,
}

/// The Jacobian of a step and what is derived from it.
pub struct Linearised {
    pub step: usize,
    pub eigenvalues: Vec<[f64; 2]>,
    norm: f64,
    relative_departure: f64,
}

/// A member at a place of the map.
pub struct Seen {
    pub trajectory: Trajectory,
    pub linearised: Vec<Linearised>,
}

impl Seen {
    /// The largest ‖J‖ of its Jacobians, of nonlinear layers.
    fn widest(&self) -> f64 {
        self.linearised.iter().map(|linearised| linearised.norm).fold(0.0, f64::max)
    }
}

/// Runs a sweep, with the verdicts of a device of this epsilon.
pub fn sweep<N: Number>(setting: &Setting, epsilon: f64) -> Sweep {
    let points = setting.points();
    let steps = if setting.is_linear() { vec![1] } else { setting.linearised_steps() };
    let see = |point: &Point, member: usize| {
        let trajectory = run::<N>(setting, member, point, &steps);
        let linearised = trajectory.jacobians.iter().map(|(step, m)| linearised(*step, m)).collect();
        Seen { trajectory, linearised }
    };
    let at = |point: &Point| (0..setting.members).map(|member| see(point, member)).collect();
    let seen: Vec<Vec<Seen>> = points.iter().map(at).collect();
    let recorded = setting.trajectories.min(setting.members);
    let longest = band::longest(setting, |a| eigenvalues(&blurred(a)));
    let widest = |seen: &[Seen]| seen.iter().map(Seen::widest).fold(0.0, f64::max);
    let bands = |point: &Point, seen: &[Seen]| Bands::of_cell(setting, point, longest, widest(seen), epsilon);
    Sweep {
        cells: points.iter().zip(&seen).map(|(point, seen)| cell(setting, &bands(point, seen), point, seen)).collect(),
        linearised: if setting.is_linear() {
            vec![]
        } else {
            linearised_rows(setting, epsilon, &points, &steps, &seen)
        },
        members: members(setting, &points, &seen),
        trajectories: trajectories(setting, &points, &seen, recorded),
        spectra: spectra(setting, &seen, recorded),
        remarks: seen.iter().map(|seen| remarks::of_cell(&net(setting, seen), &heights(seen))).collect(),
        seen,
    }
}

fn linearised(step: usize, m: &Matrix) -> Linearised {
    // The eigenvalues are those of a matrix nearby, the norms those of the matrix.
    let eigenvalues = eigenvalues(&blurred(m));
    let relative_departure = departure(m, &eigenvalues) / frobenius(m);
    Linearised { step, eigenvalues, norm: largest_singular_value(&blurred(m)), relative_departure }
}

/// ln of the spectral radius of the step: of nonlinear layers the mean over the linearised steps of the later half, or
/// that of the last one there is.
fn predicted_rate(setting: &Setting, seen: &Seen) -> Option<f64> {
    let rate = |linearised: &Linearised| spectral_radius(&linearised.eigenvalues).ln();
    let later = seen.linearised.iter().filter(|linearised| linearised.step > setting.depth / 2);
    mean(&later.map(rate).collect::<Vec<_>>()).or(seen.linearised.last().map(rate))
}

/// The growth a step over the later half: of the state for linear layers, of a perturbation for nonlinear ones.
fn observed_rate(setting: &Setting, seen: &Seen) -> Option<f64> {
    match &seen.trajectory {
        trajectory if setting.is_linear() => Some(norm_rate(trajectory)),
        _ if !setting.perturbations => None,
        Trajectory { frozen: Some(_), .. } => Some(f64::INFINITY),
        Trajectory { log_perturbation, .. } => Some(later_slope(log_perturbation)),
    }
}

fn cell(setting: &Setting, bands: &Bands, point: &Point, seen: &[Seen]) -> Row {
    let mut row = placed(point);
    for (name, half_width) in [("predicted", bands.predicted), ("observed", bands.observed), ("norm", bands.norm)] {
        row.insert(format!("bands_{name}"), Some(half_width));
    }
    if setting.step_scaling != "constant" {
        row.insert("given_step_size".into(), Some(point.given_step_size));
    }
    row.insert("layers".into(), Some(seen.len() as f64));
    row.insert("members".into(), Some(seen.len() as f64));
    let frozen = seen.iter().filter(|seen| seen.trajectory.frozen.is_some()).count();
    row.insert("frozen".into(), Some(frozen as f64));
    row.insert("no_spectrum".into(), Some(0.0));
    rates(&mut row, setting, bands, seen);
    growth(&mut row, setting, bands, seen);
    peaks(&mut row, setting, seen);
    if !setting.is_linear() {
        nonlinear(&mut row, setting, seen);
    }
    row
}

fn placed(point: &Point) -> Row {
    let Point { step_size, radius, damping, .. } = *point;
    [("step_size", step_size), ("radius", radius), ("damping", damping)]
        .map(|(name, value)| (name.to_string(), Some(value)))
        .into()
}

/// What eigenvalues predict, and what was observed: rates a step.
fn rates(row: &mut Row, setting: &Setting, bands: &Bands, seen: &[Seen]) {
    let predicted: Vec<f64> = seen.iter().filter_map(|seen| predicted_rate(setting, seen)).collect();
    let observed: Vec<f64> = seen.iter().filter_map(|seen| observed_rate(setting, seen)).collect();
    let radii: Vec<f64> = predicted.iter().map(|rate| rate.exp()).collect();
    summarise(row, "spectral_radius", &radii, &radii);
    summarise(row, "predicted_rate", &finite(&predicted), &predicted);
    summarise(row, "observed_rate", &finite(&observed), &observed);
    // A growth factor has the band of the cell, or of nonlinear layers that of its own member.
    let widest = seen.iter().map(Seen::widest).fold(0.0, f64::max);
    let own = |seen: &Seen| if widest > 0.0 { bands.predicted * seen.widest() / widest } else { bands.predicted };
    let known = seen.iter().filter_map(|seen| Some((predicted_rate(setting, seen)?, own(seen))));
    let sides: Vec<i8> = known.map(|(rate, band)| side(rate.exp() - 1.0, band)).collect();
    count(row, "unstable_fraction", &sides.iter().map(|&side| side > 0).collect::<Vec<_>>());
    fates(row, "fates_predicted", &sides);
    fates(row, "fates_observed", &observed.iter().map(|&rate| side(rate, bands.observed)).collect::<Vec<_>>());
}

/// On which side of its limit a number lies, by its distance: 0 within the band.
fn side(excess: f64, band: f64) -> i8 {
    i8::from(excess > band) - i8::from(excess < -band)
}

fn finite(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|x| x.is_finite()).collect()
}

/// The net growth of the state, from step 0 to L.
fn growth(row: &mut Row, setting: &Setting, bands: &Bands, seen: &[Seen]) {
    let net = net(setting, seen);
    summarise(row, "log_growth", &finite(&net), &net);
    row.insert("collapsed".into(), Some(net.iter().filter(|x| **x == f64::NEG_INFINITY).count() as f64));
    count(row, "grew_fraction", &net.iter().map(|x| *x > bands.norm).collect::<Vec<_>>());
    count(row, "diverged_fraction", &net.iter().map(|x| *x > setting.threshold.ln()).collect::<Vec<_>>());
    let squares: Vec<f64> = net.iter().map(|x| 2.0 * x).collect();
    let log = log_mean(&squares).filter(|log| *log < f64::INFINITY);
    // Missing beyond f64 and below its normal numbers, but for the 0 of members that all collapsed.
    let fits = |square: &f64| *square == 0.0 || (f64::MIN_POSITIVE..=f64::MAX).contains(square);
    let [square, _, error] = scaled_moments(&squares);
    let none = log == Some(f64::NEG_INFINITY);
    let square = if none { Some(0.0) } else { square.filter(|x| *x > 0.0 && fits(x)).filter(|_| log.is_some()) };
    row.insert("mean_square_growth".into(), square);
    row.insert("log_mean_square_growth".into(), log.filter(|log| log.is_finite()));
    row.insert("mean_square_growth_standard_error".into(), error.filter(|_| square.is_some() && !none));
}

/// ln |x_L| / |x_0| of all members.
fn net(setting: &Setting, seen: &[Seen]) -> Vec<f64> {
    seen.iter().map(|seen| seen.trajectory.log_growth[setting.depth]).collect()
}

/// The largest ln |x_k| / |x_0| of all members.
fn heights(seen: &[Seen]) -> Vec<f64> {
    let of = |seen: &Seen| seen.trajectory.log_growth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    seen.iter().map(of).collect()
}

/// The largest norm on the way, its step, and the first step beyond the threshold.
fn peaks(row: &mut Row, setting: &Setting, seen: &[Seen]) {
    let heights = heights(seen);
    let (mut places, mut crossings) = (Vec::new(), Vec::new());
    for Seen { trajectory, .. } in seen {
        let logs = &trajectory.log_growth;
        let step = (0..logs.len()).fold(0, |best, k| if logs[k] > logs[best] { k } else { best });
        places.push(step as f64);
        let crossing = logs.iter().position(|x| *x > setting.threshold.ln());
        crossings.push(crossing.map_or(f64::INFINITY, |step| step as f64));
    }
    summarise_powers(row, "peak_growth", &heights);
    summarise(row, "log_peak_growth", &finite(&heights), &heights);
    row.insert("overshoot_step".into(), quantile(&places, 0.5));
    row.insert("crossing_step".into(), quantile(&crossings, 0.5).filter(|step| step.is_finite()));
}

/// What only nonlinear cells have.
fn nonlinear(row: &mut Row, setting: &Setting, seen: &[Seen]) {
    let of = |f: fn(&Trajectory) -> f64| seen.iter().map(|seen| f(&seen.trajectory)).collect::<Vec<_>>();
    let rates = of(norm_rate);
    let growth = of(|trajectory| match trajectory.frozen {
        Some(_) => f64::INFINITY,
        None => trajectory.log_perturbation[trajectory.log_perturbation.len() - 1],
    });
    summarise(row, "norm_rate", &finite(&rates), &rates);
    let growth = if setting.perturbations { growth } else { vec![] };
    summarise(row, "log_perturbation_growth", &finite(&growth), &growth);
    let running = seen.iter().filter(|seen| seen.trajectory.frozen.is_none());
    let last: Vec<_> =
        running.map(|seen| &seen.trajectory.observations[seen.trajectory.observations.len() - 1]).collect();
    let mut add = |name: &str, values: Vec<Option<f64>>| {
        let values: Vec<f64> = values.into_iter().flatten().collect();
        row.insert(format!("observations_{name}"), mean(&values));
    };
    add("cosine", last.iter().map(|seen| seen.cosine).collect());
    add("token_similarity", last.iter().map(|seen| seen.token_similarity).collect());
    add("attention_entropy", last.iter().map(|seen| seen.attention_entropy).collect());
    add("effective_step", last.iter().map(|seen| seen.effective_step).collect());
    add("effective_damping", last.iter().map(|seen| seen.effective_damping).collect());
}

/// One row for each place of the map and linearised step.
fn linearised_rows(setting: &Setting, epsilon: f64, points: &[Point], steps: &[usize], seen: &[Vec<Seen>]) -> Vec<Row> {
    let band = |norm: f64| band::of_eigenvalue(setting.order(), epsilon, norm);
    points.iter().zip(seen).flat_map(|(point, seen)| linearised_at(point, steps, seen, &band)).collect()
}

fn linearised_at(point: &Point, steps: &[usize], seen: &[Seen], band: &dyn Fn(f64) -> f64) -> Vec<Row> {
    let line = |i: usize| {
        let at: Vec<&Linearised> = seen.iter().filter_map(|seen| seen.linearised.get(i)).collect();
        let mut row = placed(point);
        row.insert("step".into(), Some(steps[i] as f64));
        row.insert("members".into(), Some(at.len() as f64));
        let of = |f: &dyn Fn(&Linearised) -> f64| at.iter().map(|linearised| f(linearised)).collect::<Vec<_>>();
        let radii = of(&|l| spectral_radius(&l.eigenvalues));
        let mut add = |name: &str, values: &[f64]| summarise(&mut row, name, values, values);
        add("spectral_radius", &radii);
        add("spectral_abscissa", &of(&|l| spectral_abscissa(&l.eigenvalues)));
        add("norm", &of(&|l| l.norm));
        add("relative_departure", &of(&|l| l.relative_departure));
        let unstable: Vec<bool> = radii.iter().zip(&at).map(|(radius, own)| radius - 1.0 > band(own.norm)).collect();
        row.insert("unstable_fraction".into(), share(&unstable));
        row
    };
    (0..steps.len()).map(line).collect()
}

/// One row for each member: its spectrum, if it is linear, and what became of it in the middle of the map.
fn members(setting: &Setting, points: &[Point], seen: &[Vec<Seen>]) -> Vec<Row> {
    let (point, seen) = (&points[points.len() / 2], &seen[points.len() / 2]);
    let row = |(member, seen): (usize, &Seen)| {
        let mut row = placed(point);
        let mut add = |name: &str, value: Option<f64>| row.insert(name.into(), value.filter(|x| x.is_finite()));
        add("member", Some(member as f64));
        add("predicted_rate", predicted_rate(setting, seen));
        add("observed_rate", observed_rate(setting, seen));
        add("norm_rate", Some(norm_rate(&seen.trajectory)));
        add("log_growth", seen.trajectory.log_growth.last().copied());
        let follows = !setting.is_linear() && setting.perturbations && seen.trajectory.frozen.is_none();
        add("log_perturbation_growth", seen.trajectory.log_perturbation.last().copied().filter(|_| follows));
        add("frozen_step", seen.trajectory.frozen.map(|step| step as f64));
        let collapse = seen.trajectory.log_growth.iter().position(|x| *x == f64::NEG_INFINITY);
        add("collapse_step", collapse.map(|step| step as f64));
        if setting.is_linear() {
            let eigenvalues = eigenvalues(&bare(setting, member));
            add("spectral_radius", Some(spectral_radius(&eigenvalues)));
            add("real_eigenvalues", Some(eigenvalues.iter().filter(|z| z[1] == 0.0).count() as f64));
        }
        row
    };
    seen.iter().enumerate().map(row).collect()
}

/// The slope of ln |x| over the later half.
fn norm_rate(trajectory: &Trajectory) -> f64 {
    if trajectory.frozen.is_some() { f64::INFINITY } else { later_slope(&trajectory.log_growth) }
}

/// One row for each recorded member, step and place.
fn trajectories(setting: &Setting, points: &[Point], seen: &[Vec<Seen>], recorded: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for member in 0..recorded {
        for step in 0..=setting.depth {
            for (point, seen) in points.iter().zip(seen) {
                let mut row = placed(point);
                row.insert("member".into(), Some(member as f64));
                row.insert("step".into(), Some(step as f64));
                let Trajectory { log_growth, observations, log_perturbation, .. } = &seen[member].trajectory;
                if setting.is_linear() {
                    row.insert("log_growth".into(), Some(log_growth[step]).filter(|x| x.is_finite()));
                } else {
                    let missing = Observation::default();
                    let seen = observations.get(step).unwrap_or(&missing);
                    row.insert("norm".into(), seen.norm);
                    let perturbation = log_perturbation.get(step).copied().filter(|_| setting.perturbations);
                    row.insert("log_perturbation_growth".into(), perturbation);
                    row.insert("cosine".into(), seen.cosine);
                    row.insert("token_similarity".into(), seen.token_similarity);
                    row.insert("attention_entropy".into(), seen.attention_entropy);
                    row.insert("effective_step".into(), seen.effective_step);
                    row.insert("effective_damping".into(), seen.effective_damping);
                }
                rows.push(row);
            }
        }
    }
    rows
}

/// The eigenvalues of A of recorded members; of a nonlinear model those of M at the first linearised step in the middle
/// of the map.
fn spectra(setting: &Setting, seen: &[Vec<Seen>], recorded: usize) -> Vec<Vec<[f64; 2]>> {
    if setting.is_linear() {
        return (0..recorded).map(|member| eigenvalues(&bare(setting, member))).collect();
    }
    let middle = &seen[seen.len() / 2];
    middle.iter().take(recorded).filter_map(|seen| Some(seen.linearised.first()?.eigenvalues.clone())).collect()
}
