//! What is said of a matrix by its eigenvalues, and of all matrices together.

use crate::cli::tables::word;
use crate::dataset::Column;
use crate::numbers::statistics::Summary;
use crate::numbers::verdict::Band;
use crate::spectrum::{Spectrum, Status};
use serde_json::{Value, json};

/// What the eigenvalues of one matrix say. Without eigenvalues there are only the status and the band.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// What became of it.
    pub status: Status,
    /// Was the fast path's answer replaced by one computed in f64?
    solved_again: bool,
    /// Eigenvalues.
    count: usize,
    /// Those that are real.
    real: usize,
    /// max |λ|.
    radius: f64,
    /// max Re λ.
    abscissa: f64,
    /// Eigenvalues with |λ| above 1, beyond the band.
    outside: usize,
    /// Eigenvalues that are 0 within the band.
    zeros: usize,
    /// Σ ln |λ| over the others.
    log_sum: f64,
    /// How far an eigenvalue must be from 0, or |λ| from 1, to count.
    band: Band,
}

/// The widest band of all, for figures that show all eigenvalues together.
pub fn widest_band(facts: &[Facts]) -> f64 {
    facts.iter().fold(Band::default(), |widest, own| widest.max(own.band)).half_width()
}

impl Facts {
    /// Of a spectrum with this band.
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

    fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    /// The record of a matrix of a file.
    pub fn record(&self, matrix: usize) -> Value {
        let known = |value: Value| if self.is_ok() { value } else { Value::Null };
        json!({
            "matrix": matrix,
            "status": word(self.status),
            "spectral_radius": known(json!(self.radius)),
            "spectral_abscissa": known(json!(self.abscissa)),
            "real_eigenvalues": known(json!(self.real)),
            "outside_unit_circle": known(json!(self.outside)),
            "zero_eigenvalues": known(json!(self.zeros)),
            "band": known(json!(self.band)),
        })
    }
}

/// |re + i im|: by squares where they neither overflow nor vanish, which is a fifth of the time.
fn modulus(re: f64, im: f64) -> f64 {
    let square = re * re + im * im;
    if (1e-280..1e280).contains(&square) { square.sqrt() } else { re.hypot(im) }
}

/// The statistics over all matrices.
pub fn summary(facts: &[Facts], width: usize) -> Value {
    let good = || facts.iter().filter(|facts| facts.is_ok());
    let of = |f: fn(&Facts) -> f64| Summary::of(&good().map(f).collect::<Vec<_>>());
    let total = |f: fn(&Facts) -> usize| good().map(f).sum::<usize>();
    let (count, zeros) = (total(|facts| facts.count), total(|facts| facts.zeros));
    let share = |part: f64, of: usize| (of > 0).then(|| part / of as f64);
    json!({
        "eulerscope": env!("CARGO_PKG_VERSION"),
        "command": "spectrum",
        "matrices": facts.len(),
        "width": width,
        "real_eigenvalues": of(|facts| facts.real as f64),
        "spectral_radius": of(|facts| facts.radius),
        "spectral_abscissa": of(|facts| facts.abscissa),
        "outside_unit_circle_fraction": share(total(|facts| facts.outside) as f64, count),
        "log_abs_mean": share(good().map(|facts| facts.log_sum).sum::<f64>(), count - zeros),
        "zero_eigenvalues": zeros,
        "band": good().map(|facts| facts.band.half_width()).reduce(f64::max),
        "failed": facts.iter().enumerate().filter(|(_, facts)| !facts.is_ok())
            .map(|(i, facts)| json!({ "matrix": i, "status": word(facts.status) })).collect::<Vec<_>>(),
        "solved_again": facts.iter().filter(|facts| facts.solved_again).count(),
    })
}

/// One row for each matrix.
pub fn columns(facts: &[Facts]) -> Vec<(&'static str, Column)> {
    let real =
        |f: fn(&Facts) -> f64| Column::OptionalF64(facts.iter().map(|facts| facts.is_ok().then(|| f(facts))).collect());
    let whole = |f: fn(&Facts) -> usize| {
        Column::OptionalI64(facts.iter().map(|facts| facts.is_ok().then(|| f(facts) as i64)).collect())
    };
    vec![
        ("member", Column::U32((0..facts.len() as u32).collect())),
        ("status", Column::Text(facts.iter().map(|facts| word(facts.status)).collect())),
        ("spectral_radius", real(|facts| facts.radius)),
        ("spectral_abscissa", real(|facts| facts.abscissa)),
        ("real_eigenvalues", whole(|facts| facts.real)),
        ("outside_unit_circle", whole(|facts| facts.outside)),
        ("zero_eigenvalues", whole(|facts| facts.zeros)),
        ("band", real(|facts| facts.band.half_width())),
    ]
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
        let whole = summary(&[facts], 5);
        assert_eq!(whole["outside_unit_circle_fraction"], 0.2);
        assert!((whole["log_abs_mean"].as_f64().expect("is") - 5.0_f64.ln() / 4.0).abs() <= 1e-15);
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

    #[test]
    fn without_eigenvalues_nothing_is_said() {
        let failed = Facts::of(&Spectrum::without_values(Status::Overflow), Band::default());
        let whole = summary(&[failed], 3);
        for name in ["outside_unit_circle_fraction", "log_abs_mean", "band"] {
            assert!(whole[name].is_null(), "{name}");
        }
        assert_eq!(whole["failed"], json!([{ "matrix": 0, "status": "overflow" }]));
        assert!(failed.record(0)["spectral_radius"].is_null());
    }
}
