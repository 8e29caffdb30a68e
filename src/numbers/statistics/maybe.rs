//! A number that may be missing, in the eight bytes of the number itself.

use serde::{Serialize, Serializer};
use std::fmt::{Debug, Formatter, Result};

/// A number that may be missing. A large grid has dozens of them at every point, and an `Option<f64>` takes twice as much
/// memory. NaN is missing, too; infinities are numbers.
#[derive(Clone, Copy)]
pub struct Maybe(f64);

impl Maybe {
    /// The number, if there is one.
    pub fn get(self) -> Option<f64> {
        (!self.0.is_nan()).then_some(self.0)
    }
}

impl Default for Maybe {
    /// None.
    fn default() -> Self {
        Maybe(f64::NAN)
    }
}

impl From<Option<f64>> for Maybe {
    fn from(number: Option<f64>) -> Self {
        Maybe(number.unwrap_or(f64::NAN))
    }
}

impl PartialEq for Maybe {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl PartialEq<Option<f64>> for Maybe {
    fn eq(&self, other: &Option<f64>) -> bool {
        self.get() == *other
    }
}

impl Debug for Maybe {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        self.get().fmt(formatter)
    }
}

impl Serialize for Maybe {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::Maybe;

    #[test]
    fn it_is_as_small_as_its_number_and_nan_is_missing() {
        assert_eq!(size_of::<Maybe>(), size_of::<f64>());
        for number in [0.0, -0.0, 1.5, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Maybe::from(Some(number)), Some(number));
        }
        for missing in [Maybe::default(), Maybe::from(None), Maybe::from(Some(f64::NAN))] {
            assert_eq!((missing.get(), missing), (None, Maybe::default()));
            assert_ne!(missing, Maybe::from(Some(0.0)));
        }
        assert_eq!(serde_json::json!([Maybe::default(), Maybe::from(Some(2.0))]).to_string(), "[null,2.0]");
        assert_eq!(format!("{:?}", Maybe::from(Some(2.0))), "Some(2.0)");
    }
}
