//! Henrici's departure from normality, sqrt(max(0, ‖A‖_F² - Σ|λ|²)), and ‖A‖_F, of matrices whose largest entry is about
//! 1 and whose eigenvalues come in the same units.
//!
//! Each sum has at most n + n / lanes + lanes terms one after the other, so the squared departure is off by
//! (2 n + lanes) epsilon ‖A‖_F² at most: a normal matrix has a departure of up to the root of that, besides what its
//! eigenvalues are off.

mod case;

use crate::kernel::shared::team::Team;
use crate::kernel::signature::kernel;
use crate::kernel::tridiagonal::dot;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// Henrici's departure from normality and the Frobenius norm.
    pub struct Departure = departure;
    /// The sizes of the matrices.
    params {
        /// Width of the matrices.
        n: u32,
        /// From one row of the matrices to the next.
        stride: u32,
    }
    buffers {
        matrices: read number,
        eigenvalues: read number,
        norms: write number,
    }
}

impl Kernel for Departure {
    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        vec![("LANES", Team::alone(p.n, machine).lanes.into())]
    }

    fn grid(_p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [1, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { matrices, eigenvalues, norms } = views;
        let n = p.n as usize;
        let rows = matrices.chunks(p.stride as usize).take(n);
        let frobenius = rows.fold(T::ZERO, |all, row| all + dot::<T, false>(&row[..n], &row[..n]));
        let rest = frobenius - dot::<T, false>(eigenvalues, eigenvalues);
        norms[0] = if rest > T::ZERO { rest.sqrt() } else { T::ZERO };
        norms[1] = frobenius.sqrt();
    }

    fn cost(p: &Params) -> Cost {
        let size = (p.n * p.n) as f64;
        Cost { flops: 2.0 * size, bytes: 4.0 * size }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
