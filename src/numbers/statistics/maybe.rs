//! A number that may be missing, or an interval, in the bytes of the number itself.

use super::Interval;
use serde::{Serialize, Serializer};
use std::fmt::{Debug, Formatter, Result};

/// What has a value to spare that says that it is missing.
pub trait Spare: Copy + PartialEq {
    /// That value.
    const MISSING: Self;

    /// Is it one that says so?
    fn is_missing(self) -> bool;
}

impl Spare for f64 {
    const MISSING: f64 = f64::NAN;

    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

impl Spare for Interval {
    const MISSING: Interval = [f64::NAN; 2];

    fn is_missing(self) -> bool {
        self[0].is_nan() || self[1].is_nan()
    }
}

/// A number or an interval that may be missing. A large grid has dozens of them at every point, and an `Option` of them
/// takes up to twice as much memory. NaN is missing, too; infinities are numbers.
#[derive(Clone, Copy)]
pub struct Maybe<T: Spare = f64>(T);

impl<T: Spare> Maybe<T> {
    /// It, if it is there.
    pub fn get(self) -> Option<T> {
        (!self.0.is_missing()).then_some(self.0)
    }
}

impl<T: Spare> Default for Maybe<T> {
    /// None.
    fn default() -> Self {
        Maybe(T::MISSING)
    }
}

impl<T: Spare> From<Option<T>> for Maybe<T> {
    fn from(own: Option<T>) -> Self {
        Maybe(own.unwrap_or(T::MISSING))
    }
}

impl<T: Spare> PartialEq for Maybe<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Spare> PartialEq<Option<T>> for Maybe<T> {
    fn eq(&self, other: &Option<T>) -> bool {
        self.get() == *other
    }
}

impl<T: Spare + Debug> Debug for Maybe<T> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        self.get().fmt(formatter)
    }
}

impl<T: Spare + Serialize> Serialize for Maybe<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::Maybe;

    #[test]
    fn it_is_as_small_as_its_number_and_nan_is_missing() {
        assert_eq!((size_of::<Maybe>(), size_of::<Maybe<[f64; 2]>>()), (8, 16));
        for number in [0.0, -0.0, 1.5, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Maybe::from(Some(number)), Some(number));
        }
        for missing in [Maybe::<f64>::default(), Maybe::from(None), Maybe::from(Some(f64::NAN))] {
            assert_eq!((missing.get(), missing), (None, Maybe::default()));
            assert_ne!(missing, Maybe::from(Some(0.0)));
        }
        assert_eq!(serde_json::json!([Maybe::<f64>::default(), Maybe::from(Some(2.0))]).to_string(), "[null,2.0]");
        assert_eq!(format!("{:?}", Maybe::from(Some(2.0))), "Some(2.0)");
    }
}
