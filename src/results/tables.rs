//! The tables of a results folder.

use crate::lyapunov::Lyapunov;
use crate::numbers::statistics::{Maybe, Summary};
use crate::results::dataset::Column;
use crate::rollout::{History, Observation};
use crate::spec::{Axis, Model, StepScaling, SweepSpec};
use crate::spectrum::pseudospectrum::Pseudospectrum;
use crate::spectrum::{Spectrum, Status};
use crate::sweep::{self, Cell, Course, Member, Observed, Point, Sweep};

/// A table's columns by name.
pub type Columns = Vec<(&'static str, Column)>;

fn optional<T: Into<Maybe>>(values: impl Iterator<Item = T>) -> Column {
    Column::OptionalF64(values.map(|value| value.into().get()).collect())
}

/// The ends of an interval of every row, with a name in front.
macro_rules! ends {
    ($columns:ident, $rows:expr, $name:expr, $of:expr) => {
        $columns.push((concat!($name, "_low"), optional($rows.map($of).map(|ends| ends.get().map(|[low, _]| low)))));
        $columns.push((concat!($name, "_high"), optional($rows.map($of).map(|ends| ends.get().map(|[_, high]| high)))));
    };
}

/// The columns of a summary, with the names of its fields behind its own.
macro_rules! summary {
    ($columns:ident, $rows:expr, $name:ident; $($field:ident),*) => {
        $( $columns.push((
            concat!(stringify!($name), "_", stringify!($field)),
            optional($rows.map(|row| row.$name.$field)),
        )); )*
    };
    ($columns:ident, $rows:expr, $name:ident) => {
        summary!($columns, $rows, $name; mean, sd, standard_error, q10, median, q90);
        ends!($columns, $rows, concat!(stringify!($name), "_median_interval"), |row| row.$name.median_interval);
    };
}

/// A table of a plain sweep with the outer values of its combination in front, the same in every row.
pub fn swept(axes: &[Axis], spec: &SweepSpec, columns: Columns) -> Columns {
    let rows = columns.first().map_or(0, |(_, column)| column.rows());
    let constant = |axis: &Axis| match axis.of(spec) {
        value if axis.is_whole() => (axis.key(), Column::I64(vec![value as i64; rows])),
        value => (axis.key(), Column::F64(vec![value; rows])),
    };
    axes.iter().map(constant).chain(columns).collect()
}

/// The step size of a cell before its scaling with the depth; none where nothing is scaled.
pub fn given_step_size(spec: &SweepSpec, place: usize) -> Option<f64> {
    let values = spec.step_size.values();
    (spec.step_scaling != StepScaling::Constant).then(|| values[place % values.len()])
}

/// One row for each of some grid points, the first of which has this place among all, with the names of the JSON flattened
/// by `_`.
pub fn cells(spec: &SweepSpec, first: usize, cells: &[Cell]) -> Columns {
    let plain = |f: fn(&Cell) -> f64| Column::F64(cells.iter().map(f).collect());
    let maybe = |f: fn(&Cell) -> Option<f64>| optional(cells.iter().map(f));
    let count = |f: fn(&Cell) -> u64| Column::I64(cells.iter().map(|cell| f(cell) as i64).collect());
    let mut columns = vec![
        ("step_size", plain(|c| c.step_size)),
        ("radius", plain(|c| c.radius)),
        ("damping", plain(|c| c.damping)),
        ("members", count(|c| c.members)),
        ("layers", count(|c| c.members)),
    ];
    summary!(columns, cells.iter(), spectral_radius);
    summary!(columns, cells.iter(), predicted_rate);
    columns.push(("unstable_fraction", maybe(|c| c.unstable_fraction.get())));
    summary!(columns, cells.iter(), fates_predicted; decays, neutral, explodes);
    summary!(columns, cells.iter(), observed_rate);
    summary!(columns, cells.iter(), fates_observed; decays, neutral, explodes);
    columns.push(("grew_fraction", maybe(|c| c.grew_fraction.get())));
    columns.push(("diverged_fraction", maybe(|c| c.diverged_fraction.get())));
    ends!(columns, cells.iter(), "intervals_unstable_fraction", |c| c.intervals.unstable_fraction);
    ends!(columns, cells.iter(), "intervals_grew_fraction", |c| c.intervals.grew_fraction);
    ends!(columns, cells.iter(), "intervals_diverged_fraction", |c| c.intervals.diverged_fraction);
    columns.push(("bands_predicted", plain(|c| c.bands.predicted.half_width())));
    columns.push(("bands_observed", plain(|c| c.bands.observed.half_width())));
    columns.push(("bands_norm", plain(|c| c.bands.norm.half_width())));
    summary!(columns, cells.iter(), log_growth);
    columns.push(("mean_square_growth", maybe(|c| c.mean_square_growth.get())));
    columns.push(("mean_square_growth_standard_error", maybe(|c| c.mean_square_growth_standard_error.get())));
    columns.push(("log_mean_square_growth", maybe(|c| c.log_mean_square_growth.get())));
    summary!(columns, cells.iter(), peak_growth);
    summary!(columns, cells.iter(), log_peak_growth);
    columns.push(("overshoot_step", maybe(|c| c.overshoot_step.get())));
    columns.push(("crossing_step", maybe(|c| c.crossing_step.get())));
    columns.push(("collapsed", count(|c| c.collapsed)));
    columns.push(("frozen", count(|c| c.frozen)));
    columns.push(("no_spectrum", count(|c| c.no_spectrum)));
    columns.push(("remarks", Column::Text(cells.iter().map(remarks).collect())));
    if spec.layer.model != Model::Linear {
        columns.extend(nonlinear(cells));
    }
    let given: Vec<f64> = (first..first + cells.len()).filter_map(|place| given_step_size(spec, place)).collect();
    if !given.is_empty() {
        columns.push(("given_step_size", Column::F64(given)));
    }
    columns
}

/// The words of a cell's remarks, with commas.
fn remarks(cell: &Cell) -> String {
    cell.remarks.iter().map(|remark| remark.word()).collect::<Vec<_>>().join(", ")
}

/// What cells of nonlinear models have besides.
fn nonlinear(cells: &[Cell]) -> Columns {
    struct Row {
        norm_rate: Summary,
        log_perturbation_growth: Summary,
    }
    let rows = || {
        cells.iter().map(|cell| Row {
            norm_rate: cell.norm_rate.as_deref().copied().unwrap_or_default(),
            log_perturbation_growth: cell.log_perturbation_growth.as_deref().copied().unwrap_or_default(),
        })
    };
    let mut columns = observed(cells);
    summary!(columns, rows(), norm_rate);
    summary!(columns, rows(), log_perturbation_growth);
    columns
}

/// What was seen of nonlinear states.
fn observed(cells: &[Cell]) -> Columns {
    let seen = |f: fn(&Observed) -> Option<f64>| optional(cells.iter().map(|c| c.observations.as_deref().and_then(f)));
    vec![
        ("observations_cosine", seen(|o| o.cosine)),
        ("observations_token_similarity", seen(|o| o.token_similarity)),
        ("observations_attention_entropy", seen(|o| o.attention_entropy)),
        ("observations_effective_step", seen(|o| o.effective_step)),
        ("observations_effective_damping", seen(|o| o.effective_damping)),
    ]
}

/// A status in tables and JSON.
pub fn word(status: Status) -> String {
    match status {
        Status::Ok => "ok",
        Status::NoConvergence => "no_convergence",
        Status::Refused => "refused",
        Status::Overflow => "overflow",
    }
    .to_string()
}

/// One row for each member, with what became of it at the grid point in the middle.
pub fn members(spec: &SweepSpec, sweep: &Sweep) -> Columns {
    let count = sweep.courses.len().max(sweep.members.len());
    let points = sweep::points(spec);
    let middle = points[Sweep::middle(points.len())];
    let constant = |value: f64| Column::F64(vec![value; count]);
    let mut columns = vec![("member", Column::U32((0..count as u32).collect()))];
    if spec.layer.model == Model::Linear {
        columns.extend(own_spectra(&sweep.members));
    }
    columns.extend([
        ("step_size", constant(middle.step_size)),
        ("radius", constant(middle.radius)),
        ("damping", constant(middle.damping)),
    ]);
    columns.extend(courses(count, &|i| sweep.courses.get(i).copied().unwrap_or_default()));
    columns
}

/// What became of so many members at a grid point.
pub fn courses(count: usize, course: &dyn Fn(usize) -> Course) -> Columns {
    let rate = |f: fn(&Course) -> Option<f64>| optional((0..count).map(|i| f(&course(i))));
    let step =
        |f: fn(&Course) -> Option<u32>| Column::OptionalI64((0..count).map(|i| f(&course(i)).map(i64::from)).collect());
    vec![
        ("predicted_rate", rate(|c| c.predicted_rate)),
        ("observed_rate", rate(|c| c.observed_rate)),
        ("norm_rate", rate(|c| c.norm_rate)),
        ("log_growth", rate(|c| c.log_growth)),
        ("log_perturbation_growth", rate(|c| c.log_perturbation_growth)),
        ("frozen_step", step(|c| c.frozen_step)),
        ("collapse_step", step(|c| c.collapse_step)),
    ]
}

/// The spectra of linear layers.
fn own_spectra(members: &[Member]) -> Columns {
    let known = |m: &Member| m.status == Status::Ok;
    let real = |m: &Member| known(m).then_some(m.real_eigenvalues as i64);
    vec![
        ("status", Column::Text(members.iter().map(|member| word(member.status)).collect())),
        ("spectral_radius", optional(members.iter().map(|m| known(m).then_some(m.spectral_radius)))),
        ("real_eigenvalues", Column::OptionalI64(members.iter().map(real).collect())),
    ]
}

/// One row for each eigenvalue.
pub fn spectra(spectra: &[Spectrum]) -> Columns {
    let rows = || spectra.iter().enumerate().flat_map(|(m, s)| s.eigenvalues.iter().map(move |z| (m as u32, *z)));
    vec![
        ("member", Column::U32(rows().map(|(member, _)| member).collect())),
        ("re", Column::F64(rows().map(|(_, [re, _])| re).collect())),
        ("im", Column::F64(rows().map(|(_, [_, im])| im).collect())),
    ]
}

/// One row for each point of the grid.
pub fn pseudospectrum(pseudo: &Pseudospectrum) -> Columns {
    let columns = pseudo.re.len();
    let place = |i: usize| (pseudo.re[i % columns], pseudo.im[i / columns]);
    let count = 0..pseudo.smallest_singular_value.len();
    vec![
        ("re", Column::F64(count.clone().map(|i| place(i).0).collect())),
        ("im", Column::F64(count.map(|i| place(i).1).collect())),
        ("smallest_singular_value", optional(pseudo.smallest_singular_value.iter().copied())),
    ]
}

/// One row for each recorded member, step and grid point.
pub fn trajectories(history: &History, points: &[Point], depth: usize) -> Columns {
    let count = history.log_growth.len();
    let point = |i: usize| &points[i % points.len()];
    let column = |f: &dyn Fn(usize) -> f64| Column::F64((0..count).map(f).collect());
    let whole = |f: &dyn Fn(usize) -> u32| Column::U32((0..count).map(f).collect());
    let mut columns = vec![
        ("member", whole(&|i| (i / ((depth + 1) * points.len())) as u32)),
        ("step", whole(&|i| (i / points.len() % (depth + 1)) as u32)),
        ("step_size", column(&|i| point(i).step_size)),
        ("radius", column(&|i| point(i).radius)),
        ("damping", column(&|i| point(i).damping)),
    ];
    match &history.observations {
        None => columns.push(("log_growth", optional(history.log_growth.iter().map(|&x| x.is_finite().then_some(x))))),
        Some(seen) => columns.extend(seen_of_states(seen)),
    }
    columns
}

/// What was seen of nonlinear states.
fn seen_of_states(seen: &[Observation]) -> Columns {
    let value = |f: fn(&Observation) -> Option<f64>| optional(seen.iter().map(f));
    vec![
        ("norm", value(|o| o.norm)),
        ("cosine", value(|o| o.cosine)),
        ("token_similarity", value(|o| o.token_similarity)),
        ("attention_entropy", value(|o| o.attention_entropy)),
        ("effective_step", value(|o| o.effective_step)),
        ("effective_damping", value(|o| o.effective_damping)),
        ("log_perturbation_growth", value(|o| o.log_perturbation_growth)),
    ]
}

/// One row for each grid point and linearised step.
pub fn linearised(cells: &[Cell]) -> Columns {
    let rows = || cells.iter().flat_map(|cell| cell.linearised.iter().map(move |l| (cell, l)));
    let point = |f: fn(&Cell) -> f64| Column::F64(rows().map(|(cell, _)| f(cell)).collect());
    let lines = || rows().map(|(_, linearised)| linearised);
    let mut columns = vec![
        ("step_size", point(|c| c.step_size)),
        ("radius", point(|c| c.radius)),
        ("damping", point(|c| c.damping)),
        ("step", Column::I64(rows().map(|(_, l)| l.step as i64).collect())),
        ("members", Column::I64(rows().map(|(_, l)| l.members as i64).collect())),
        ("unstable_fraction", optional(lines().map(|l| l.unstable_fraction))),
    ];
    summary!(columns, lines(), spectral_radius);
    summary!(columns, lines(), spectral_abscissa);
    summary!(columns, lines(), norm);
    summary!(columns, lines(), relative_departure);
    columns
}

/// One row for each exponent at each point of the convergence series.
pub fn exponents(lyapunov: &Lyapunov) -> Columns {
    let rows = || {
        let series = lyapunov.convergence.iter();
        series.flat_map(|c| c.exponents.iter().enumerate().map(move |(i, exponent)| (c.steps, i, exponent)))
    };
    vec![
        ("steps", Column::I64(rows().map(|(steps, _, _)| steps as i64).collect())),
        ("exponent", Column::U32(rows().map(|(_, i, _)| i as u32).collect())),
        ("mean", optional(rows().map(|(_, _, e)| e.mean))),
        ("standard_error", optional(rows().map(|(_, _, e)| e.standard_error))),
    ]
}
