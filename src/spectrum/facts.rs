//! What is said of a matrix by its eigenvalues.

use crate::numbers::verdict::Band;
use crate::spectrum::{Spectrum, Status};

/// What the eigenvalues of one matrix say. Without eigenvalues there are only the status and the band.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// What became of the matrix.
    pub status: Status,
    /// Was the fast path's answer replaced by one computed in f64?
    pub solved_again: bool,
    /// How many eigenvalues it has.
    pub count: usize,
    /// How many of them are real.
    pub real: usize,
    /// The spectral radius max |λ|.
    pub radius: f64,
    /// The spectral abscissa max Re λ.
    pub abscissa: f64,
    /// Eigenvalues with |λ| above 1, beyond the band.
    pub outside: usize,
    /// Eigenvalues that are 0 within the band.
    pub zeros: usize,
    /// Σ ln |λ| over the eigenvalues that are not 0.
    pub log_sum: f64,
    /// How far an eigenvalue must be from 0, or |λ| from 1, to count.
    pub band: Band,
}

/// The widest band of all, for figures that show all eigenvalues together.
pub fn widest_band(facts: &[Facts]) -> f64 {
    facts.iter().fold(Band::default(), |widest, own| widest.max(own.band)).half_width()
}

impl Facts {
    /// What a spectrum says when its verdicts have this band.
    pub fn of(spectrum: &Spectrum, band: Band) -> Self {
        let count = spectrum.eigenvalues.len();
        let mut facts = Facts {
            status: spectrum.status,
            solved_again: spectrum.solved_again,
            count,
            real: spectrum.real,
            radius: 0.0,
            abscissa: f64::NEG_INFINITY,
            outside: 0,
            zeros: 0,
            log_sum: 0.0,
            band,
        };
        let mut product = 1.0;
        for &[re, im] in &spectrum.eigenvalues {
            let modulus = modulus(re, im);
            facts.radius = facts.radius.max(modulus);
            facts.abscissa = facts.abscissa.max(re);
            facts.outside += usize::from(band.above(modulus - 1.0));
            if band.within(modulus) {
                facts.zeros += 1;
                continue;
            }
            // One logarithm for many factors: it costs as much as all the rest.
            if (1e-150..1e150).contains(&(product * modulus)) {
                product *= modulus;
            } else {
                facts.log_sum += product.ln() + modulus.ln();
                product = 1.0;
            }
        }
        facts.log_sum += product.ln();
        facts
    }

    /// Has it eigenvalues?
    pub fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }
}

/// |re + i im|: by squares where they neither overflow nor vanish, which is a fifth of the time.
fn modulus(re: f64, im: f64) -> f64 {
    let square = re * re + im * im;
    if (1e-280..1e280).contains(&square) { square.sqrt() } else { re.hypot(im) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(eigenvalues: &[[f64; 2]], half_width: f64) -> Facts {
        let band = Band::of_eigenvalue(1, half_width, 0.5);
        Facts::of(&Spectrum::new(eigenvalues.to_vec(), f64::EPSILON, false), band)
    }

    #[test]
    fn facts_are_those_of_the_definitions() {
        let facts = of(&[[-5.0, 0.0], [1.0, 0.0], [0.6, 0.8], [0.6, -0.8], [1e-17, 0.0]], 1e-15);
        assert_eq!((facts.radius, facts.abscissa, facts.real), (5.0, 1.0, 3));
        // (1, 0) and 0.6 ± 0.8 i are on the unit circle; 1e-17 is 0 and has no logarithm.
        assert_eq!((facts.outside, facts.zeros), (1, 1));
        assert!((facts.log_sum - 5.0_f64.ln()).abs() <= 4.0 * f64::EPSILON, "{facts:?}");
        assert_eq!(of(&[[-1.0, 0.0]; 3], 1e-15).abscissa, -1.0);
    }

    #[test]
    fn logarithms_of_far_factors_neither_overflow_nor_vanish() {
        for size in [1e-300, 1e-100, 3.0, 1e100, 1e300] {
            let facts = of(&[[size, 0.0]; 9], 0.0);
            assert!((facts.log_sum / (9.0 * size.ln()) - 1.0).abs() <= 1e-14, "{size}: {facts:?}");
        }
        let mixed = of(&[[1e200, 0.0], [0.0, 1e-200], [1e-300, 0.0], [1e300, 0.0]], 0.0);
        assert!(mixed.log_sum.abs() <= 1e-12, "{mixed:?}");
        assert_eq!(modulus(3e-200, 4e-200), 5e-200);
    }
}
