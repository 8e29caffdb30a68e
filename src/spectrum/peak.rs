//! The transient peak max_k ‖M^k‖₂ over k from 0: how far the powers of a matrix rise before they decay.
//!
//! # What is proved
//!
//! - The spectral radius is above 1, beyond its band: no power bounds the others, there is no peak.
//! - Some power contracts, ‖M^q‖ <= 1: then ‖M^(q j + r)‖ <= ‖M^q‖^j ‖M^r‖ <= ‖M^r‖, and the peak is among the powers
//!   before q. With q = 1 it is ‖M⁰‖ = 1. Every radius below 1 leads there, sooner or later.
//! - The radius is 1 within its band, which is as far as rounding lets anyone see: powers of a row-stochastic matrix never
//!   contract, those of a Jordan block rise without end. If the powers come back to an earlier one, within the rounding of
//!   the products between, the peak is among those seen (*settled*). If they do not, nothing is known but the largest of
//!   them, which the peak is not below.
//!
//! Norms count as different beyond their rounding only, so that the peak is at the first step that reaches it.

use super::Spectrum;
use super::host::batch;
use super::norms::{Peak, exponent_of_largest, norm_error, shifted};
use crate::numbers::verdict::Band;
use faer::{Mat, Scale};
use serde::{Deserialize, Serialize};

/// Powers are followed so far.
pub const MOST_STEPS: usize = 10_000;
/// Products with no proof in sight end after about so many operations, some seconds,
const MOST_FLOPS: f64 = 1e10;
/// but not before so many steps.
const FEWEST_STEPS: usize = 64;

/// May be asked by any thread whether the user wants to stop.
pub type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// What is known of a peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PeakStatus {
    /// It is proved: a power contracts.
    Found,
    /// The radius is 1 within rounding, and the powers repeat themselves within rounding: the peak is among them.
    Settled,
    /// The radius is above 1: the powers grow without end.
    Unbounded,
    /// No power that was made contracts, and they do not repeat themselves.
    NotKnown,
    /// It is beyond the largest f64.
    Overflow,
    /// It was interrupted.
    Interrupted,
}

impl PeakStatus {
    /// The word in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            PeakStatus::Found => "found",
            PeakStatus::Settled => "settled",
            PeakStatus::Unbounded => "unbounded",
            PeakStatus::NotKnown => "not_known",
            PeakStatus::Overflow => "overflow",
            PeakStatus::Interrupted => "interrupted",
        }
    }
}

/// The largest norm of the powers that were made, and what it is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transient {
    /// Missing where no power was made, or it is beyond f64.
    pub largest: Option<Peak>,
    /// Is it the peak?
    pub status: PeakStatus,
}

impl Transient {
    /// Of a peak that has this status, unless it is beyond f64.
    pub fn new(peak: Peak, status: PeakStatus) -> Self {
        if peak.value.is_finite() {
            return Transient { largest: Some(peak), status };
        }
        Transient::nothing(PeakStatus::Overflow)
    }

    /// Without any power.
    pub fn nothing(status: PeakStatus) -> Self {
        Transient { largest: None, status }
    }

    /// The peak, where it is known.
    pub fn peak(&self) -> Option<Peak> {
        self.largest.filter(|_| matches!(self.status, PeakStatus::Found | PeakStatus::Settled))
    }

    /// The largest norm that was seen, where the peak is not known.
    pub fn at_least(&self) -> Option<Peak> {
        self.largest.filter(|_| self.status == PeakStatus::NotKnown)
    }
}

/// Where the spectral radius of a matrix lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Radius {
    /// Below 1: powers decay.
    Below,
    /// 1 within the band.
    AtOne,
    /// Above 1.
    Above,
    /// There is no spectrum.
    Missing,
}

/// Where the spectral radius of a matrix `[n, n]` lies, by the band of its spectrum.
pub fn radius(matrix: &[f64], n: usize, spectrum: &Spectrum) -> Radius {
    let band = Band::of_matrix(matrix, n, spectrum.epsilon);
    match spectrum.radius().map(|radius| radius - 1.0) {
        Some(excess) if band.below(excess) => Radius::Below,
        Some(excess) if band.above(excess) => Radius::Above,
        Some(_) => Radius::AtOne,
        None => Radius::Missing,
    }
}

/// The peak of a finite matrix `[n, n]`, in f64 on the host. A radius that only f32 cannot tell from 1 is computed again.
pub fn peak(matrix: &[f64], n: usize, spectrum: &Spectrum, stop: Stop) -> Transient {
    let mut place = radius(matrix, n, spectrum);
    if place == Radius::AtOne && spectrum.epsilon > f64::EPSILON {
        place = radius(matrix, n, &batch::eigenvalues(&[matrix], n)[0]);
    }
    match place {
        Radius::Above => Transient::nothing(PeakStatus::Unbounded),
        Radius::Missing => Transient::nothing(PeakStatus::NotKnown),
        Radius::Below | Radius::AtOne => Search::new(matrix, n, place == Radius::AtOne).run(stop),
    }
}

/// mantissa 2^exponent: norms of powers may be far beyond f64.
#[derive(Clone, Copy)]
struct Size {
    mantissa: f64,
    exponent: i64,
}

impl Size {
    const ONE: Size = Size { mantissa: 1.0, exponent: 0 };

    /// Is it larger than another beyond a share `band` of it?
    fn exceeds(self, other: Size, band: f64) -> bool {
        let apart = (self.exponent - other.exponent).clamp(-900, 900) as i32;
        self.mantissa * f64::powi(2.0, apart) > other.mantissa * (1.0 + band)
    }

    fn value(self) -> f64 {
        shifted(self.mantissa, self.exponent.clamp(-2000, 2000) as i32)
    }
}

/// A power at size 1, with the exponent that was divided out, and its number.
#[derive(Clone)]
struct Power {
    matrix: Mat<f64>,
    exponent: i64,
    step: usize,
}

/// A search through the powers of a matrix.
struct Search {
    n: usize,
    /// 2^-exponent M, with the largest entry in [1, 2).
    unit: Mat<f64>,
    exponent: i32,
    /// May the powers repeat themselves?
    repeats: bool,
    power: Power,
    largest: Size,
    step: usize,
}

impl Search {
    fn new(matrix: &[f64], n: usize, repeats: bool) -> Self {
        let exponent = exponent_of_largest(matrix);
        let unit = Mat::from_fn(n, n, |i, j| shifted(matrix[i * n + j], -exponent));
        let power = Power { matrix: Mat::identity(n, n), exponent: 0, step: 0 };
        Search { n, unit, exponent, repeats, power, largest: Size::ONE, step: 0 }
    }

    fn run(mut self, stop: Stop) -> Transient {
        let band = norm_error(self.n, f64::EPSILON);
        let mut earlier = self.power.clone();
        for step in 1..=self.most_steps() {
            if stop() {
                return Transient::nothing(PeakStatus::Interrupted);
            }
            let milestone = step.is_power_of_two();
            match self.advance(band, milestone) {
                Some(false) => {}
                Some(true) => return self.transient(PeakStatus::Found),
                None => break,
            }
            // Brent's search for a cycle of any length: all of its powers have been seen when it closes.
            if self.repeats && self.is_back_at(&earlier) {
                return self.transient(PeakStatus::Settled);
            }
            if self.repeats && milestone {
                earlier = self.power.clone();
            }
        }
        self.transient(PeakStatus::NotKnown)
    }

    /// Decaying powers are followed until they have decayed, others while it is cheap.
    fn most_steps(&self) -> usize {
        let cheap = MOST_FLOPS / (2.0 * (self.n as f64).powi(3));
        if self.repeats { (cheap as usize).clamp(FEWEST_STEPS, MOST_STEPS) } else { MOST_STEPS }
    }

    fn transient(&self, status: PeakStatus) -> Transient {
        Transient::new(Peak { value: self.largest.value(), step: self.step }, status)
    }

    /// Makes the next power and counts its norm; does it contract? None where its norm cannot be found.
    fn advance(&mut self, band: f64, milestone: bool) -> Option<bool> {
        let mut product = &self.unit * &self.power.matrix;
        // What is smaller than this beside a matrix of size 1 has vanished.
        let own = exponent_of_largest(&[product.norm_max()]).max(-1000);
        product *= Scale(f64::powi(2.0, -own));
        let exponent = self.power.exponent + i64::from(self.exponent) + i64::from(own);
        self.power = Power { matrix: product, exponent, step: self.power.step + 1 };
        // The Frobenius norm bounds the 2-norm from above, and saves most of the singular values.
        let bound = Size { mantissa: self.power.matrix.norm_l2(), exponent };
        if !bound.exceeds(Size::ONE, band) {
            return Some(true);
        }
        if !milestone && !bound.exceeds(self.largest, band) {
            return Some(false);
        }
        let norm = self.power.matrix.singular_values().ok().and_then(|all| all.first().copied())?;
        let norm = Size { mantissa: norm, exponent };
        if norm.exceeds(self.largest, band) {
            (self.largest, self.step) = (norm, self.power.step);
        }
        Some(!norm.exceeds(Size::ONE, band))
    }

    /// Is the power an earlier one again? Each product between them is off by as much as an eigenvalue.
    fn is_back_at(&self, earlier: &Power) -> bool {
        let apart = self.power.exponent - earlier.exponent;
        if apart.abs() > 1 {
            return false;
        }
        let difference = Scale(f64::powi(2.0, apart as i32)) * &self.power.matrix - &earlier.matrix;
        let products = (self.power.step - earlier.step) as f64;
        let rounding = Band::of_eigenvalue(self.n, f64::EPSILON, earlier.matrix.norm_l2()).steeper(products);
        rounding.within(difference.norm_l2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(matrix: &[f64], n: usize) -> Transient {
        peak(matrix, n, &batch::eigenvalues(&[matrix], n)[0], &|| false)
    }

    fn known(value: f64, step: usize, status: PeakStatus) -> Transient {
        Transient { largest: Some(Peak { value, step }), status }
    }

    #[test]
    fn a_contraction_peaks_at_step_0() {
        for matrix in [[0.99995, 0.0, 0.0, 0.5], [0.0, -1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0], [0.0; 4]] {
            assert_eq!(of(&matrix, 2), known(1.0, 0, PeakStatus::Found), "{matrix:?}");
        }
    }

    #[test]
    fn powers_that_grow_have_none_and_those_of_a_jordan_block_are_not_known() {
        assert_eq!(of(&[1.0 + 1e-12, 0.0, 0.0, 0.5], 2), Transient::nothing(PeakStatus::Unbounded));
        // ‖(1, 1; 0, 1)^k‖ is about k.
        let jordan = of(&[1.0, 1.0, 0.0, 1.0], 2);
        assert_eq!(jordan.status, PeakStatus::NotKnown);
        assert_eq!(jordan.peak(), None);
        let seen = jordan.at_least().expect("something was seen");
        assert!((seen.value / seen.step as f64 - 1.0).abs() <= 1e-3, "{seen:?}");
    }

    /// Rows p give P² = P with ‖P‖ = sqrt(n) |p|; D P D^-1 with the cyclic permutation P of three and D = diag(1, 2, 4)
    /// has norms 4, 2, 1, 4, ...
    #[test]
    fn powers_that_repeat_themselves_settle() {
        let row = [0.5, 0.25, 0.25];
        let cases = [
            ([row, row, row].concat(), (3.0 * 0.375_f64).sqrt()),
            (vec![0.0, 0.5, 0.0, 0.0, 0.0, 0.5, 4.0, 0.0, 0.0], 4.0),
        ];
        for (matrix, value) in cases {
            let found = of(&matrix, 3);
            assert_eq!(found.status, PeakStatus::Settled, "{found:?}");
            let peak = found.peak().expect("it is known");
            assert!((peak.value / value - 1.0).abs() <= 1e-14 && peak.step == 1, "{peak:?}");
        }
    }

    #[test]
    fn far_norms_are_an_overflow_and_a_user_may_stop() {
        let far = [0.0, 1e200, 0.0, 0.0, 0.0, 1e200, 0.0, 0.0, 0.0];
        assert_eq!(of(&far, 3), Transient::nothing(PeakStatus::Overflow));
        let spectrum = batch::eigenvalues(&[&[0.9, 1.0, 0.0, 0.9]], 2);
        let stopped = peak(&[0.9, 1.0, 0.0, 0.9], 2, &spectrum[0], &|| true);
        assert_eq!(stopped, Transient::nothing(PeakStatus::Interrupted));
    }
}
