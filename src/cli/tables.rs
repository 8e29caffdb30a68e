//! The tables of a results folder.

use crate::dataset::Column;
use crate::lyapunov::Lyapunov;
use crate::rollout::nonlinear::Observation;
use crate::spec::{Axis, StepScaling, SweepSpec};
use crate::spectrum::pseudospectrum::Pseudospectrum;
use crate::spectrum::{Spectrum, Status};
use crate::sweep::{Cell, Member, Observed, Point};

/// A table's columns by name.
pub type Columns = Vec<(&'static str, Column)>;

fn optional(values: impl Iterator<Item = Option<f64>>) -> Column {
    Column::OptionalF64(values.collect())
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
        summary!($columns, $rows, $name; mean, sd, standard_error, q10, q50, q90, median)
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

/// One row for each grid point, with the names of the JSON flattened by `_`.
pub fn cells(spec: &SweepSpec, cells: &[Cell]) -> Columns {
    let plain = |f: fn(&Cell) -> f64| Column::F64(cells.iter().map(f).collect());
    let maybe = |f: fn(&Cell) -> Option<f64>| optional(cells.iter().map(f));
    let count = |f: fn(&Cell) -> u64| Column::I64(cells.iter().map(|cell| f(cell) as i64).collect());
    let mut columns = vec![
        ("step_size", plain(|c| c.step_size)),
        ("radius", plain(|c| c.radius)),
        ("damping", plain(|c| c.damping)),
        ("members", count(|c| c.layers)),
        ("layers", count(|c| c.layers)),
    ];
    summary!(columns, cells.iter(), spectral_radius);
    columns.push(("unstable_fraction", maybe(|c| c.unstable_fraction)));
    summary!(columns, cells.iter(), fates_predicted; decays, neutral, explodes);
    summary!(columns, cells.iter(), fates_observed; decays, neutral, explodes);
    columns.push(("grew_fraction", maybe(|c| c.grew_fraction)));
    columns.push(("diverged_fraction", maybe(|c| c.diverged_fraction)));
    summary!(columns, cells.iter(), standard_errors; unstable_fraction, grew_fraction, diverged_fraction);
    summary!(columns, cells.iter(), log_growth);
    columns.push(("mean_square_growth", maybe(|c| c.mean_square_growth)));
    columns.push(("log_mean_square_growth", maybe(|c| c.log_mean_square_growth)));
    summary!(columns, cells.iter(), peak_growth);
    summary!(columns, cells.iter(), log_peak_growth);
    columns.push(("overshoot_step", maybe(|c| c.overshoot_step)));
    columns.push(("crossing_step", maybe(|c| c.crossing_step)));
    columns.push(("collapsed", count(|c| c.collapsed)));
    columns.push(("frozen", count(|c| c.frozen)));
    columns.push(("no_spectrum", count(|c| c.no_spectrum)));
    if cells.iter().any(|cell| cell.observations.is_some()) {
        columns.extend(observed(cells));
    }
    let given: Vec<f64> = (0..cells.len()).filter_map(|place| given_step_size(spec, place)).collect();
    if !given.is_empty() {
        columns.push(("given_step_size", Column::F64(given)));
    }
    columns
}

/// What was seen of nonlinear states.
fn observed(cells: &[Cell]) -> Columns {
    let seen = |f: fn(&Observed) -> Option<f64>| optional(cells.iter().map(|c| c.observations.as_ref().and_then(f)));
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

/// One row for each member.
pub fn members(members: &[Member]) -> Columns {
    vec![
        ("member", Column::U32((0..members.len() as u32).collect())),
        ("status", Column::Text(members.iter().map(|member| word(member.status)).collect())),
        ("spectral_radius", optional(members.iter().map(|m| (m.status == Status::Ok).then_some(m.spectral_radius)))),
        (
            "real_eigenvalues",
            Column::OptionalI64(
                members.iter().map(|m| (m.status == Status::Ok).then_some(m.real_eigenvalues as i64)).collect(),
            ),
        ),
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

/// One row for each recorded member, grid point and step; `growth` is `[members, steps 0..=depth, points]`.
pub fn trajectories(growth: &[f64], points: &[Point], depth: usize) -> Columns {
    let per_member = (depth + 1) * points.len();
    let point = |i: usize| &points[i % points.len()];
    let column = |f: &dyn Fn(usize) -> f64| Column::F64((0..growth.len()).map(f).collect());
    let whole = |f: &dyn Fn(usize) -> u32| Column::U32((0..growth.len()).map(f).collect());
    vec![
        ("member", whole(&|i| (i / per_member) as u32)),
        ("step", whole(&|i| (i % per_member / points.len()) as u32)),
        ("step_size", column(&|i| point(i).step_size)),
        ("radius", column(&|i| point(i).radius)),
        ("damping", column(&|i| point(i).damping)),
        ("log_growth", optional(growth.iter().map(|&x| x.is_finite().then_some(x)))),
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

/// One row for each recorded member, step and grid point of a nonlinear model; `seen` is
/// `[members, steps 1..=depth, points]`.
pub fn observations(seen: &[Observation], points: &[Point], depth: usize) -> Columns {
    let point = |i: usize| &points[i % points.len()];
    let column = |f: &dyn Fn(usize) -> f64| Column::F64((0..seen.len()).map(f).collect());
    let whole = |f: &dyn Fn(usize) -> u32| Column::U32((0..seen.len()).map(f).collect());
    let value = |f: fn(&Observation) -> Option<f64>| optional(seen.iter().map(f));
    vec![
        ("member", whole(&|i| (i / (depth * points.len())) as u32)),
        ("step", whole(&|i| (i / points.len() % depth) as u32 + 1)),
        ("step_size", column(&|i| point(i).step_size)),
        ("radius", column(&|i| point(i).radius)),
        ("damping", column(&|i| point(i).damping)),
        ("norm", value(|o| o.norm)),
        ("cosine", value(|o| o.cosine)),
        ("token_similarity", value(|o| o.token_similarity)),
        ("attention_entropy", value(|o| o.attention_entropy)),
        ("effective_step", value(|o| o.effective_step)),
        ("effective_damping", value(|o| o.effective_damping)),
    ]
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
