//! The critical step size: how far Euler's step can reach before a mode grows.

use super::norms::{exponent_of_largest, shifted};
use crate::numbers::verdict::Band;

/// The largest h up to which no eigenvalue λ of A makes |1 - γ + h λ| exceed 1: 0 if there is none, missing if every h
/// that f64 can express will do. `band` is that of the eigenvalues.
///
/// An eigenvalue within the band of 0 is neutral at every h and sets no limit (the constants of a Laplacian). Without
/// damping one on the imaginary axis, within the band, grows at every h: |1 + i h ω| > 1; and one to the right of it even
/// more. With damping 1 - γ leaves every mode room, also those on the axis and to its right: damping acts once a step,
/// however small the step is.
pub fn critical_step_size(eigenvalues: &[[f64; 2]], damping: f64, band: Band) -> Option<f64> {
    let limits = eigenvalues.iter().filter(|[re, im]| !band.within(re.hypot(*im)));
    limits.map(|&z| limit(z, damping, band)).reduce(f64::min).filter(|h| h.is_finite())
}

/// The positive root h of |λ|² h² + 2 (1 - γ) Re λ h + (1 - γ)² - 1 = 0, with λ at size 1: squares of far eigenvalues
/// would overflow or vanish.
fn limit(z: [f64; 2], damping: f64, band: Band) -> f64 {
    if damping == 0.0 && !band.below(z[0]) {
        return 0.0;
    }
    let exponent = exponent_of_largest(&z);
    let [re, im] = z.map(|x| shifted(x, -exponent));
    let size = re.hypot(im);
    // With λ = |λ| (c + i s) and k = 1 - γ: |λ| h = -k c + sqrt(k² c² + 1 - k²), for c > 0 without its cancellation.
    let (slope, room) = ((1.0 - damping) * re / size, damping * (2.0 - damping));
    let root = slope.mul_add(slope, room).sqrt();
    let reach = if slope > 0.0 { room / (root + slope) } else { root - slope };
    shifted(reach / size, -exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(eigenvalues: &[[f64; 2]], damping: f64, half_width: f64) -> Option<f64> {
        // The band of a 1 x 1 matrix of norm 1, times what makes it as wide as this.
        let band = Band::of_eigenvalue(1, 1.0, 1.0);
        critical_step_size(eigenvalues, damping, band.steeper(half_width / band.half_width()))
    }

    #[test]
    fn eigenvalues_of_every_size_have_their_step_size() {
        for (z, h) in [
            ([-1.0, 0.0], 2.0),
            // 2 |a| / |λ|² = 6 / 25.
            ([-3.0, 4.0], 0.24),
            ([-1e-170, 0.0], 2e170),
            ([-1e200, 0.0], 2e-200),
            ([-3e-300, 4e-300], 0.24e300),
            ([-1e308, 1e308], 1e-308),
        ] {
            let found = of(&[z], 0.0, 0.0).expect("there is one");
            assert!((found / h - 1.0).abs() <= 8.0 * f64::EPSILON, "{z:?}: {found}, not {h}");
        }
        // 2e310 is beyond f64, and so every h will do.
        assert_eq!(of(&[[-1e-310, 0.0]], 0.0, 0.0), None);
    }

    #[test]
    fn what_is_neutral_sets_no_limit_and_what_grows_allows_no_step() {
        let cases = [
            (vec![[1e-17, 0.0], [-4.0, 0.0]], Some(0.5)),
            (vec![[0.0, 1e-17], [0.0, -1e-17]], None),
            (vec![[1e-10, 0.0], [-4.0, 0.0]], Some(0.0)),
            (vec![[1e-17, 2.0], [1e-17, -2.0], [-4.0, 0.0]], Some(0.0)),
            (vec![[-1e-17, 2.0], [-1e-17, -2.0], [-4.0, 0.0]], Some(0.0)),
            (vec![[1e-170, 0.0]], None),
            (vec![], None),
        ];
        for (eigenvalues, h) in cases {
            assert_eq!(of(&eigenvalues, 0.0, 1e-15), h, "{eigenvalues:?}");
        }
        assert_eq!(of(&[[1e-170, 0.0]], 0.0, 1e-185), Some(0.0));
    }

    /// Damping 1/2: |1/2 + h λ| = 1 at h = 3/2 for λ = -1, at h = 1/2 for λ = 1 and at h = sqrt(3)/2 for λ = i.
    #[test]
    fn damping_leaves_every_mode_room() {
        let half_root = 0.75_f64.sqrt();
        for (z, h) in
            [([-1.0, 0.0], 1.5), ([1.0, 0.0], 0.5), ([0.0, 1.0], half_root), ([0.0, -1e-200], half_root * 1e200)]
        {
            let found = of(&[z], 0.5, 0.0).expect("there is one");
            assert!((found / h - 1.0).abs() <= 8.0 * f64::EPSILON, "{z:?}: {found}, not {h}");
        }
        // A tiny damping: 1 - k² = 2 γ and λ = 1 leave h = γ, which 1 - (1 - γ)² would have lost.
        let found = of(&[[1.0, 0.0]], 1e-18, 0.0).expect("there is one");
        assert!((found / 1e-18 - 1.0).abs() <= 8.0 * f64::EPSILON, "{found}");
        assert_eq!(of(&[[3.0, 0.0]], 1.0, 0.0), Some(1.0 / 3.0));
    }
}
