//! The numbers that figures draw: their SVG is read back through the ticks of its own axes and held against the
//! definitions. Which colours and widths a line has says what it is.

mod clouds;
mod lines;
mod map;

use super::program::{Results, run};
use super::setting::{Point, Setting};
use super::sweep::{Sweep, sweep};
use super::table::Row;
use crate::svg::{Drawing, INK, PIXEL};

/// Lines and dots of the first, the second and the third kind, and the dashes of what was observed.
const COLOURS: [&str; 3] = ["#0072b2", "#d55e00", "#009e73"];

fn of_row(row: &Row, name: &str) -> f64 {
    row[name].unwrap_or_else(|| panic!("{name} is there"))
}

#[track_caller]
fn hold(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{}", complaints[..complaints.len().min(12)].join("\n"));
}

fn at(what: &str, found: f64, expected: f64) -> Option<String> {
    let apart = (found - expected).abs();
    (apart.is_nan() || apart > PIXEL).then(|| format!("{what}: at {found}, not at {expected}"))
}

/// The dashed line of what is neutral.
fn neutral(drawing: &Drawing, level: f64) -> Vec<String> {
    let place = drawing.axes()[1].place(level);
    let dashes = drawing.lines(INK, 2.2);
    let off = dashes.iter().flat_map(|path| &path.points).filter_map(|dash| at("what is neutral", dash[1], place));
    off.chain(dashes.is_empty().then(|| "there is no neutral line".to_string())).collect()
}

/// What a sweep is compared with.
struct Case {
    setting: Setting,
    exact: Sweep,
    results: Results,
}

impl Case {
    fn of(setting: Setting, flags: &str) -> Self {
        let results = run(&format!("{}{flags}", setting.sweep()), "reference");
        let exact = sweep::<f64>(&setting, f64::EPSILON);
        Case { setting, exact, results }
    }

    /// The place of a cell in the list by what a legend says of it, such as "h = 1, ρ = 0.7, γ = 0"; what is not said is
    /// the same everywhere.
    fn cell(&self, said: &str) -> usize {
        let value = |name: &str| {
            said.split(", ").find_map(|part| part.strip_prefix(name)?.strip_prefix(" = ")?.parse::<f64>().ok())
        };
        let is = |point: &Point| {
            let all = [(value("h"), point.step_size), (value("ρ"), point.radius), (value("γ"), point.damping)];
            all.into_iter().all(|(said, own)| said.is_none_or(|said| (said - own).abs() <= 5e-3 * own.abs()))
        };
        self.setting.points().iter().position(is).unwrap_or_else(|| panic!("no cell is {said}"))
    }
}

fn linear() -> Setting {
    Setting {
        step_sizes: vec![0.1, 0.2, 0.4, 1.0],
        radii: vec![0.3, 0.7, 1.2],
        dampings: vec![0.0, 0.1, 0.3],
        width: 3,
        members: 9,
        depth: 8,
        ..Setting::default()
    }
}
