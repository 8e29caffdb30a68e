//! Holds numbers of the program against the definitions.
//!
//! The definitions are evaluated once exactly and a few times with the roundings of the device's arithmetic in every
//! operation. How far those roundings carry a value is how far a device may be off, times a margin for what random
//! roundings do not show (those of a device are correlated, and only a few samples are drawn).

use super::number::with_noise;
use super::table::Row;

/// How far from exact a device may be, in units of what random roundings do.
const MARGIN: f64 = 40.0;

/// Roundings of its own size that a value may be off anyhow, for sums that happen to cancel in all samples.
const ROUNDINGS: f64 = 40.0;

/// How often the definitions are evaluated with rounding.
const SAMPLES: u64 = 4;

/// Evaluates something with roundings of this size in every operation, a few times.
pub fn with_rounding<T>(epsilon: f64, evaluate: impl Fn() -> T) -> Vec<T> {
    (0..SAMPLES).map(|seed| with_noise(epsilon, seed, &evaluate)).collect()
}

/// The size of a rounding on a device.
pub fn rounding_of(device: &str) -> f64 {
    2_f64.powi(if device == "reference" { -52 } else { -24 })
}

/// A list of rows as it should be, and as it is with rounding.
pub struct Expected {
    pub exact: Vec<Row>,
    pub noisy: Vec<Vec<Row>>,
    /// The size of a rounding.
    pub epsilon: f64,
}

impl Expected {
    /// A part of some results, exact and with rounding.
    pub fn of<T>(exact: &T, noisy: &[T], epsilon: f64, rows: impl Fn(&T) -> Vec<Row>) -> Self {
        Expected { exact: rows(exact), noisy: noisy.iter().map(rows).collect(), epsilon }
    }

    /// Complaints about the names that are defined; others may be there.
    pub fn complaints_of_known(&self, what: &str, found: &[Row]) -> Vec<String> {
        let known = |(row, exact): (&Row, &Row)| {
            row.iter().filter(|(name, _)| exact.contains_key(*name)).map(|(name, x)| (name.clone(), *x)).collect()
        };
        if found.len() != self.exact.len() {
            return vec![format!("{what}: {} rows, not {}", found.len(), self.exact.len())];
        }
        self.complaints(what, &found.iter().zip(&self.exact).map(known).collect::<Vec<_>>())
    }

    /// Complaints about rows that are not as they should be. Names that only one side has are complaints, too.
    pub fn complaints(&self, what: &str, found: &[Row]) -> Vec<String> {
        let count = self.exact.len();
        if found.len() != count {
            return vec![format!("{what}: {} rows, not {count}", found.len())];
        }
        let mut complaints = Vec::new();
        for (i, (exact, found)) in self.exact.iter().zip(found).enumerate() {
            for name in exact.keys().filter(|name| !found.contains_key(*name)) {
                complaints.push(format!("{what} row {i}: {name} is missing"));
            }
            for name in found.keys().filter(|name| !exact.contains_key(*name)) {
                complaints.push(format!("{what} row {i}: {name} has no definition"));
            }
            for (name, exact) in exact {
                let noisy: Vec<Option<f64>> = self.noisy.iter().map(|rows| rows[i][name]).collect();
                if let Some(&found) = found.get(name).filter(|found| !self.agrees(*exact, &noisy, **found)) {
                    complaints.push(format!("{what} row {i}: {name} is {found:?}, not {exact:?} ({noisy:?})"));
                }
            }
        }
        complaints
    }

    fn agrees(&self, exact: Option<f64>, noisy: &[Option<f64>], found: Option<f64>) -> bool {
        if exact.is_some_and(f64::is_infinite) {
            // JSON has no infinity.
            return found.is_none_or(|found| Some(found) == exact);
        }
        let (Some(exact), Some(found)) = (exact, found) else {
            // Where rounding makes a value come or go, nothing can be said.
            return exact.is_some() == found.is_some() || noisy.iter().any(|noisy| noisy.is_some() != exact.is_some());
        };
        if noisy.contains(&None) {
            return true;
        }
        let spread = noisy.iter().flatten().map(|noisy| (noisy - exact).abs()).fold(0.0, f64::max);
        // A count that no rounding moves must be met exactly.
        let floor = if exact.fract() == 0.0 && exact.abs() < 1e9 && spread == 0.0 {
            0.0
        } else {
            ROUNDINGS * self.epsilon * exact.abs()
        };
        (found - exact).abs() <= MARGIN * spread + floor || found == exact
    }
}
