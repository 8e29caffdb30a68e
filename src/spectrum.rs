//! Eigenvalues of many small real matrices, on the CPU.
//!
//! [`batch::eigenvalues`] is the entry. One matrix travels in each SIMD lane through: exact balancing
//! ([`balance`]), Hessenberg reduction ([`reduce`]), Francis' iteration ([`francis`], [`reflect`]), eigenvalues of the
//! diagonal blocks and a check against the traces ([`blocks`]). What fails the check is solved again in f64 ([`exact`]).

pub mod balance;
pub mod batch;
pub mod blocks;
pub mod exact;
pub mod francis;
pub mod gpu;
pub mod lanes;
pub mod pack;
pub mod reduce;
pub mod reflect;

/// What became of one matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Eigenvalues are there and have passed the trace checks.
    Ok,
    /// Neither the fast path nor f64 gave eigenvalues that pass; there are none.
    NoConvergence,
    /// The matrix has an entry that is not finite, or not n * n entries; there are no eigenvalues.
    Refused,
}

/// The eigenvalues of one matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// `[re, im]` pairs, n of them or none. Conjugate pairs are adjacent and exact: equal re, opposite im.
    pub eigenvalues: Vec<[f64; 2]>,
    /// What became of the matrix.
    pub status: Status,
    /// How many eigenvalues are real.
    pub real: usize,
    /// Was the fast path's answer replaced by one computed in f64?
    pub solved_again: bool,
}

impl Spectrum {
    /// A spectrum that is fine.
    pub fn new(eigenvalues: Vec<[f64; 2]>, solved_again: bool) -> Self {
        let real = eigenvalues.iter().filter(|[_, im]| *im == 0.0).count();
        Spectrum { eigenvalues, status: Status::Ok, real, solved_again }
    }

    /// A failure.
    pub fn without_values(status: Status) -> Self {
        Spectrum { eigenvalues: Vec::new(), status, real: 0, solved_again: status == Status::NoConvergence }
    }

    /// All eigenvalues times 2^e; a zero comes out positive.
    fn scaled(mut self, e: i32) -> Self {
        let part = |e: i32| f64::powi(2.0, e);
        // Three factors reach from the smallest denormal to the largest number.
        let factors = [part(e / 3), part(e / 3), part(e - e / 3 * 2)];
        for x in self.eigenvalues.iter_mut().flatten() {
            *x = factors.iter().fold(*x, |x, f| x * f) + 0.0;
        }
        self
    }
}
