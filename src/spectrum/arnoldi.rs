//! The eigenvalues of largest magnitude of a real operator J that is only applied to vectors: Arnoldi's method in blocks,
//! with thick restarts (Stewart, "A Krylov-Schur algorithm for large eigenproblems", SIAM J. Matrix Anal. Appl. 23, 2001).
//!
//! Beside the orthonormal basis V its images W = J V are kept. The residual of a Ritz pair (θ, V y) is then W y - θ V y,
//! whatever became of the basis before, and a restart needs no ordered Schur form: any orthonormal basis of the invariant
//! subspace that it keeps will do. In numbers that round, W belongs to some J + E, and these residuals go to zero as if E
//! were J's own. So the residuals that are told are computed once more at the end, from new images of the vectors found.

use super::krylov::{Drawn, beside, columns};
use crate::numbers::verdict::Band;
use crate::spectrum::Status;
use faer::Mat;
use serde::Serialize;

/// Vectors of the basis in multiples of the block, besides twice those wanted.
const BLOCKS: usize = 10;
/// Blocks that are multiplied before it is given up.
const MOST_BLOCKS: usize = 400;
/// Blocks from one look at the Ritz pairs to the next: finding them takes about as long as multiplying a block.
const BLOCKS_BETWEEN: usize = 2;

/// What is known of the eigenvalues of largest magnitude.
#[derive(Clone, Debug, PartialEq)]
pub struct Leading {
    /// `Ok` if all that were wanted have converged, `Refused` for an operator whose results are not finite.
    pub status: Status,
    /// Those that were wanted, from the largest; of a conjugate pair the one above the real axis comes first.
    pub eigenvalues: Vec<LeadingEigenvalue>,
    /// How many vectors were multiplied.
    pub products: usize,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LeadingEigenvalue {
    /// Re λ.
    pub re: f64,
    /// Im λ.
    pub im: f64,
    /// ‖J v - λ v‖ / (|λ| ‖v‖), with J v computed anew.
    pub residual: f64,
    /// Is ‖J v - λ v‖ within what rounding leaves of an eigenvalue?
    pub converged: bool,
}

impl Leading {
    /// Those that have converged.
    pub fn converged(&self) -> impl Iterator<Item = &LeadingEigenvalue> {
        self.eigenvalues.iter().filter(|value| value.converged)
    }

    /// The spectral radius, if the first one has converged.
    pub fn radius(&self) -> Option<f64> {
        self.eigenvalues.first().filter(|value| value.converged).map(LeadingEigenvalue::modulus)
    }
}

impl LeadingEigenvalue {
    /// |λ|.
    pub fn modulus(&self) -> f64 {
        self.re.hypot(self.im)
    }
}

/// The iteration: it [`asks`](Arnoldi::asks) for images of vectors and [`takes`](Arnoldi::take) them, until it asks for none.
pub struct Arnoldi {
    wanted: usize,
    block: usize,
    /// Columns of the basis before it is restarted.
    most: usize,
    epsilon: f64,
    /// V, `[n, m]`.
    basis: Mat<f64>,
    /// J V, `[n, m]`.
    images: Mat<f64>,
    /// What is asked for: `[n, at most block]`.
    next: Mat<f64>,
    /// The largest ‖J q‖ of a unit vector q so far.
    norm: f64,
    products: usize,
    blocks: usize,
    drawn: Drawn,
    phase: Phase,
}

enum Phase {
    Expanding,
    Checking(Check),
    Done(Leading),
}

/// Ritz pairs on their way to their residuals.
struct Check {
    pairs: Vec<Ritz>,
    /// Real and imaginary parts of their vectors, `[n, parts]`.
    vectors: Mat<f64>,
    /// Images of the first ones.
    images: Mat<f64>,
}

/// A Ritz value on or above the real axis with its vector y, ‖y‖ = 1, in the basis.
struct Ritz {
    re: f64,
    im: f64,
    /// Re y and, unless the value is real, Im y: `[m, 1 or 2]`.
    parts: Mat<f64>,
}

impl Ritz {
    fn count(&self) -> usize {
        self.parts.ncols()
    }

    /// ‖J v - θ v‖ for parts of v and their images.
    fn residual(&self, vectors: &Mat<f64>, images: &Mat<f64>) -> f64 {
        let (a, b) = (self.re, self.im);
        let theta =
            if self.count() == 1 { Mat::full(1, 1, a) } else { Mat::from_fn(2, 2, |i, j| [[a, b], [-b, a]][i][j]) };
        (images - vectors * theta).norm_l2()
    }
}

impl Arnoldi {
    /// For `wanted` eigenvalues of an operator of order n >= `wanted` that is computed with this epsilon and applied to up to
    /// `block` vectors at once.
    pub fn new(n: usize, wanted: usize, block: usize, epsilon: f64) -> Self {
        let none = Mat::zeros(n, 0);
        let mut own = Arnoldi {
            wanted,
            block,
            most: (2 * wanted + BLOCKS * block).min(n),
            epsilon,
            basis: none.clone(),
            images: none.clone(),
            next: none.clone(),
            norm: 0.0,
            products: 0,
            blocks: 0,
            drawn: Drawn::default(),
            phase: Phase::Expanding,
        };
        own.next = own.drawn.continued(&own.basis, &none, block);
        own
    }

    /// The vectors whose images are wanted, `[n, at most block]`; none at the end.
    pub fn asks(&self) -> Option<&Mat<f64>> {
        (!matches!(self.phase, Phase::Done(_))).then_some(&self.next)
    }

    /// Takes these images, `[n, as many]`.
    pub fn take(&mut self, images: &Mat<f64>) {
        self.products += images.ncols();
        if !images.is_all_finite() {
            return self.end(Status::Refused, Vec::new());
        }
        match std::mem::replace(&mut self.phase, Phase::Expanding) {
            Phase::Expanding => self.expand(images),
            Phase::Checking(check) => {
                let images = beside(&check.images, images);
                self.check(Check { images, ..check });
            }
            Phase::Done(leading) => self.phase = Phase::Done(leading),
        }
    }

    /// What was found.
    ///
    /// # Panics
    /// While it still asks for vectors.
    pub fn found(self) -> Leading {
        match self.phase {
            Phase::Done(leading) => leading,
            _ => panic!("the iteration has not ended"),
        }
    }

    fn end(&mut self, status: Status, eigenvalues: Vec<LeadingEigenvalue>) {
        self.phase = Phase::Done(Leading { status, eigenvalues, products: self.products });
    }

    fn order(&self) -> usize {
        self.basis.nrows()
    }

    fn expand(&mut self, images: &Mat<f64>) {
        self.norm = (0..images.ncols()).map(|k| images.col(k).norm_l2()).fold(self.norm, f64::max);
        (self.basis, self.images) = (beside(&self.basis, &self.next), beside(&self.images, images));
        let is_whole = self.basis.ncols() == self.order();
        let is_full = self.basis.ncols() + self.block > self.most;
        self.blocks += 1;
        if !is_whole && !is_full && !self.blocks.is_multiple_of(BLOCKS_BETWEEN) {
            self.next = self.drawn.continued(&self.basis, images, self.block);
            return;
        }
        let Some(pairs) = self.pairs() else { return self.end(Status::NoConvergence, Vec::new()) };
        let leading = covering(&pairs, self.wanted);
        // What is left in f64 of a sum of n terms, where J itself is known better than that.
        let tolerance = self.norm * self.epsilon.max(self.order() as f64 * f64::EPSILON);
        let small =
            |pair: &Ritz| pair.residual(&(&self.basis * &pair.parts), &(&self.images * &pair.parts)) <= tolerance;
        let found = self.basis.ncols() >= self.wanted && pairs[..leading].iter().all(small);
        if is_whole || found || self.products >= MOST_BLOCKS * self.block {
            return self.begin_check(pairs.into_iter().take(leading).collect());
        }
        self.next = self.drawn.continued(&self.basis, images, self.block);
        if self.basis.ncols() + self.next.ncols() > self.most {
            self.restart(&pairs);
        }
    }

    /// The Ritz pairs of the basis, from the largest; none where they cannot be found.
    fn pairs(&self) -> Option<Vec<Ritz>> {
        let eigen = (self.basis.transpose() * &self.images).eigen().ok()?;
        let (values, vectors) = (eigen.S(), eigen.U());
        let ritz = |k: usize| {
            let value = values[k];
            let parts = if value.im == 0.0 { 1 } else { 2 };
            let y = Mat::from_fn(vectors.nrows(), parts, |i, part| [vectors[(i, k)].re, vectors[(i, k)].im][part]);
            let length = y.norm_l2();
            Ritz { re: value.re, im: value.im, parts: y / faer::Scale(length) }
        };
        let mut pairs: Vec<Ritz> = (0..vectors.ncols()).filter(|&k| values[k].im >= 0.0).map(ritz).collect();
        pairs.sort_by(|a, b| b.re.hypot(b.im).total_cmp(&a.re.hypot(a.im)));
        Some(pairs)
    }

    /// Keeps the half of the basis that belongs to the largest Ritz values.
    fn restart(&mut self, pairs: &[Ritz]) {
        let kept = covering(pairs, self.most / 2);
        let parts = pairs[..kept].iter().fold(Mat::zeros(self.basis.ncols(), 0), |all, pair| beside(&all, &pair.parts));
        let kept = parts.qr().compute_thin_Q();
        (self.basis, self.images) = (&self.basis * &kept, &self.images * &kept);
    }

    fn begin_check(&mut self, pairs: Vec<Ritz>) {
        let none = Mat::zeros(self.order(), 0);
        let vectors = pairs.iter().fold(none.clone(), |all, pair| beside(&all, &(&self.basis * &pair.parts)));
        self.check(Check { pairs, vectors, images: none });
    }

    /// Asks for the images that are missing, or ends with the residuals.
    fn check(&mut self, check: Check) {
        let Check { pairs, vectors, images } = &check;
        let (done, all) = (images.ncols(), vectors.ncols());
        if done < all {
            self.next = columns(vectors, done, self.block.min(all - done));
            self.phase = Phase::Checking(check);
            return;
        }
        let band = Band::of_eigenvalue(self.order(), self.epsilon, self.norm).half_width();
        let (mut first, mut eigenvalues) = (0, Vec::new());
        for pair in pairs {
            let own = |all: &Mat<f64>| columns(all, first, pair.count());
            let residual = pair.residual(&own(vectors), &own(images));
            let value = LeadingEigenvalue {
                re: pair.re,
                im: pair.im,
                residual: residual / pair.re.hypot(pair.im),
                converged: residual <= band,
            };
            eigenvalues.push(value);
            if pair.count() == 2 {
                eigenvalues.push(LeadingEigenvalue { im: -pair.im, ..value });
            }
            first += pair.count();
        }
        eigenvalues.truncate(self.wanted);
        let all = eigenvalues.iter().all(|value| value.converged);
        self.end(if all { Status::Ok } else { Status::NoConvergence }, eigenvalues);
    }
}

/// How many of the first pairs hold at least so many eigenvalues, or all.
fn covering(pairs: &[Ritz], wanted: usize) -> usize {
    let held = pairs.iter().scan(0, |held, pair| Some(std::mem::replace(held, *held + pair.count())));
    held.take_while(|&held| held < wanted).count()
}
