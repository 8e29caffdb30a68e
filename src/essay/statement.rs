//! What the essay says, as a statement about one number.

use crate::lyapunov::Estimate;
use crate::numbers::statistics::{Moments, Summary};
use serde::Serialize;

/// How many standard errors a number may be off: one in 370 is, of normal ones.
const ERRORS: f64 = 3.0;

/// A number that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Missing where it could not be measured here.
    pub value: Option<f64>,
    /// One standard error; 0 of a number that is the same for all members.
    pub standard_error: f64,
}

impl Measured {
    /// A number without scatter.
    pub fn exact(value: f64) -> Self {
        Measured { value: Some(value).filter(|value| value.is_finite()), standard_error: 0.0 }
    }

    /// A number with its standard error.
    pub fn new(value: f64, standard_error: f64) -> Self {
        Measured { standard_error, ..Measured::exact(value) }
    }

    /// A number that nothing here can tell.
    pub const MISSING: Self = Measured { value: None, standard_error: 0.0 };

    /// The mean of some values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let moments = Moments::of(values);
        let value = moments.mean().filter(|mean| mean.is_finite());
        Measured { value, standard_error: moments.standard_error().unwrap_or(0.0) }
    }

    /// The mean over members.
    pub fn mean(summary: &Summary) -> Self {
        Measured { value: summary.mean.get(), standard_error: summary.standard_error.get().unwrap_or(0.0) }
    }

    /// The median over members, of what has a long tail. Its interval of 95 % is that of 1.96 standard errors of a normal
    /// number.
    pub fn median(summary: &Summary) -> Self {
        let width = summary.median_interval.get().map_or(0.0, |[low, high]| high - low);
        Measured { value: summary.median.get(), standard_error: width / (2.0 * 1.96) }
    }

    /// A share of so many members. Its standard error is that of two more of either kind (Agresti and Coull, Am. Stat. 52,
    /// 1998), which is not 0 where the share is 0 or 1.
    pub fn share(fraction: Option<f64>, members: u64) -> Self {
        let all = members as f64 + 4.0;
        let shrunk = (fraction.unwrap_or(0.5) * members as f64 + 2.0) / all;
        Measured { value: fraction, standard_error: (shrunk * (1.0 - shrunk) / all).sqrt() }
    }

    /// The same number by a factor.
    pub fn times(self, factor: f64) -> Self {
        Measured { value: self.value.map(|value| factor * value), standard_error: factor.abs() * self.standard_error }
    }

    /// Its natural logarithm.
    pub fn ln(self) -> Self {
        let relative = self.value.map_or(0.0, |value| self.standard_error / value.abs());
        Measured { value: self.value.map(f64::ln).filter(|value| value.is_finite()), standard_error: relative }
    }

    /// e to its power.
    pub fn exp(self) -> Self {
        let value = self.value.map(f64::exp);
        Measured { value, standard_error: value.unwrap_or(0.0) * self.standard_error }
    }

    /// 1 less it.
    pub fn complement(self) -> Self {
        Measured { value: self.value.map(|value| 1.0 - value), ..self }
    }

    /// Its difference from an independent one.
    pub fn minus(self, other: Self) -> Self {
        let value = self.value.zip(other.value).map(|(a, b)| a - b);
        Measured { value, standard_error: self.standard_error.hypot(other.standard_error) }
    }

    /// Its ratio to an independent one.
    pub fn over(self, other: Self) -> Self {
        let relative = |own: Self| own.value.map_or(0.0, |value| own.standard_error / value.abs());
        let value = self.value.zip(other.value).map(|(a, b)| a / b).filter(|ratio| ratio.is_finite());
        let error = relative(self).hypot(relative(other));
        Measured { value, standard_error: value.map_or(0.0, |ratio| ratio.abs() * error) }
    }
}

impl From<Estimate> for Measured {
    fn from(estimate: Estimate) -> Self {
        Measured { value: estimate.mean, standard_error: estimate.standard_error.unwrap_or(0.0) }
    }
}

/// What theory says the number is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Predicted {
    /// The number.
    pub value: f64,
    /// How far the theory itself may be off: 0 where it is exact, else what is known of its next order.
    pub tolerance: f64,
}

/// When a statement is true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Criterion {
    /// The number is above this one.
    Above(f64),
    /// The number is below this one.
    Below(f64),
    /// The number is this one, or no farther from it than the second.
    Within(f64, f64),
}

impl Criterion {
    /// In words.
    pub fn said(self) -> String {
        match self {
            Criterion::Above(level) => format!("above {level}"),
            Criterion::Below(level) => format!("below {level}"),
            Criterion::Within(level, distance) => format!("{level} ± {distance}"),
        }
    }
}

/// What became of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It is true, beyond the error of the number.
    Holds,
    /// It is false, beyond the error of the number.
    Fails,
    /// The number is too near the edge, or missing.
    Undecided,
}

impl Truth {
    /// For JSON and tables.
    pub fn word(self) -> &'static str {
        match self {
            Truth::Holds => "holds",
            Truth::Fails => "fails",
            Truth::Undecided => "undecided",
        }
    }
}

/// A statement about a number.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What the essay says, or what follows from it.
    pub says: &'static str,
    /// What is measured.
    pub name: String,
    /// Its unit; empty for plain numbers.
    pub unit: &'static str,
    /// What was measured.
    pub measured: Measured,
    /// What theory predicts, where it does.
    pub predicted: Option<Predicted>,
    /// When the statement is true.
    pub criterion: Criterion,
}

impl Statement {
    /// What `says` says is measured by a number, and true by a criterion.
    pub fn new(says: &'static str, name: impl Into<String>, measured: Measured, criterion: Criterion) -> Self {
        Statement { says, name: name.into(), unit: "", measured, predicted: None, criterion }
    }

    /// With a unit.
    pub fn unit(self, unit: &'static str) -> Self {
        Statement { unit, ..self }
    }

    /// With what theory predicts, and how far it may itself be off.
    pub fn predicted(self, value: f64, tolerance: f64) -> Self {
        Statement { predicted: Some(Predicted { value, tolerance }), ..self }
    }

    /// Is it true?
    pub fn truth(&self) -> Truth {
        let Some(value) = self.measured.value else { return Truth::Undecided };
        let error = ERRORS * self.measured.standard_error;
        // How far inside of the criterion the number is, from its edge.
        let inside = match self.criterion {
            Criterion::Above(level) => value - level,
            Criterion::Below(level) => level - value,
            Criterion::Within(level, distance) => distance - (value - level).abs(),
        };
        if inside > error {
            Truth::Holds
        } else if inside < -error {
            Truth::Fails
        } else {
            Truth::Undecided
        }
    }

    /// Is what was measured what theory predicts? None where it predicts nothing, or nothing was measured.
    pub fn agrees(&self) -> Option<bool> {
        let (value, predicted) = (self.measured.value?, self.predicted?);
        Some((value - predicted.value).abs() <= ERRORS * self.measured.standard_error + predicted.tolerance)
    }
}
