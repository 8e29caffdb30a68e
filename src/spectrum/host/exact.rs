//! The second opinion: one matrix solved in f64 by faer, for what the fast path could not vouch for.

use super::balance::{self, Sums};
use super::diagonal_blocks::Invariants;
use super::lanes::Real;
use crate::spectrum::{Spectrum, Status};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd;
use faer::{MatRef, Par};

/// Solves one row-major matrix in f64 on this thread. faer is right at moderate scales only, so it is given the
/// prepared matrix; and its answer has to pass the same checks as ours.
pub fn solve<T: Real>(matrix: &[T], n: usize) -> Spectrum {
    let wide: Vec<f64> = matrix.iter().map(|x| x.to_f64()).collect();
    let mut prepared = vec![0.0; n * n];
    let Some(exponent) = balance::prepare(&wide, n, &mut prepared, &mut Sums::new(n)) else {
        return Spectrum::without_values(Status::Refused);
    };
    let spectrum = faer_eigenvalues(&prepared, n).map(|eigenvalues| Spectrum::new(eigenvalues, f64::EPSILON, true));
    match spectrum {
        Some(spectrum) if Invariants::of(&prepared, n, 0).agree(&spectrum.eigenvalues, f64::EPSILON) => {
            spectrum.scaled(exponent)
        }
        _ => Spectrum::without_values(Status::NoConvergence),
    }
}

/// faer's eigenvalues of a finite row-major matrix, or `None` when its iteration fails. One thread.
pub fn faer_eigenvalues(matrix: &[f64], n: usize) -> Option<Vec<[f64; 2]>> {
    let (mut re, mut im) = (Diag::<f64>::zeros(n), Diag::<f64>::zeros(n));
    let no = evd::ComputeEigenvectors::No;
    let mut buffer = MemBuffer::new(evd::evd_scratch::<f64>(n, no, no, Par::Seq, Default::default()));
    let matrix = MatRef::from_row_major_slice(matrix, n, n);
    let stack = MemStack::new(&mut buffer);
    evd::evd_real(matrix, re.as_mut(), im.as_mut(), None, None, Par::Seq, stack, Default::default()).ok()?;
    Some((0..n).map(|i| [re[i], im[i]]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_opinion_is_right_flagged_and_closed() {
        let gallery: [f32; 9] = [-149.0, -50.0, -154.0, 537.0, 180.0, 546.0, -27.0, -9.0, -25.0];
        let spectrum = solve(&gallery, 3);
        assert!(spectrum.solved_again && spectrum.status == Status::Ok && spectrum.real == 3);
        let mut values: Vec<f64> = spectrum.eigenvalues.iter().map(|z| z[0]).collect();
        values.sort_by(f64::total_cmp);
        assert!(values.iter().zip([1.0, 2.0, 3.0]).all(|(x, y)| (x - y).abs() <= 1e-9), "{values:?}");
        let rotation = solve(&[0.5_f64, 2.0, -3.0, 0.25], 2).eigenvalues;
        assert!(rotation[0][0] == rotation[1][0] && rotation[0][1] == -rotation[1][1] && rotation[0][1] != 0.0);
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert_eq!(solve(&[1.0_f32, f32::NAN, 0.0, 1.0], 2).status, Status::Refused);
    }
}
