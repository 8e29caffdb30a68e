//! The largest singular values of a real operator A that is only applied to vectors, as is its transpose: the
//! bidiagonalisation of Golub, Kahan and Lanczos (SIAM J. Numer. Anal. 2, 1965) in blocks, with full orthogonalisation and
//! thick restarts (Baglama and Reichel, SIAM J. Sci. Comput. 27, 2005).
//!
//! Two orthonormal bases grow in turn, V by what A^T makes of U and U by what A makes of V. Beside them B = U^T A V is kept,
//! as it comes out, and A^T U. With B = X Σ Y^T the triplets are (σ, U x, V y); A V y = σ U x holds whatever became of the
//! bases before, and what is left of A^T U x - σ V y is the residual. A restart keeps some triplets, and B is then diagonal
//! beside what comes next.
//!
//! The residuals that are told are computed once more at the end, from new images of the vectors found. By them
//! ((‖A v - σ u‖² + ‖A^T u - σ v‖²) / 2)^(1/2) is that of an eigenvector of the symmetric [0 A; A^T 0], so that a singular
//! value of A lies within it of σ.
//!
//! A and A^T are computed each with its own rounding, and what that leaves of a residual is more than the rounding of one
//! matrix where A is a product of several: so it is measured, by the differences of U^T (A V) and (A^T U)^T V.

use super::krylov::{Drawn, beside, columns, new_in};
use crate::numbers::verdict::Band;
use crate::spectrum::Status;
use faer::Mat;
use serde::Serialize;

/// Vectors of the basis in multiples of the block, besides twice those wanted.
const BLOCKS: usize = 10;
/// Blocks that are multiplied, by A and its transpose, before it is given up.
const MOST_BLOCKS: usize = 400;
/// The part of the band of an eigenvalue that residuals of the iteration must reach: less is lost between A and A^T.
const SHARE_OF_BAND: f64 = 1.0 / 16.0;
/// The same in roundings of the norm, where the operator is small.
const ROUNDINGS: f64 = 8.0;
/// The same in multiples of the noise that is measured, and those that are allowed at the end, of other vectors.
const MULTIPLES: [f64; 2] = [4.0, 16.0];

/// What is known of the largest singular values.
#[derive(Clone, Debug, PartialEq)]
pub struct LargestSingular {
    /// `Ok` if all that were wanted have converged, `Refused` for an operator whose results are not finite.
    pub status: Status,
    /// Those that were wanted, from the largest.
    pub values: Vec<SingularValue>,
    /// How many vectors were multiplied, by A or its transpose.
    pub products: usize,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SingularValue {
    /// σ.
    pub value: f64,
    /// ((‖A v - σ u‖² + ‖A^T u - σ v‖²) / 2)^(1/2) / σ, with A v and A^T u computed anew.
    pub residual: f64,
    /// Is that residual times σ within what rounding leaves of a singular value, and of A and A^T?
    pub converged: bool,
}

impl LargestSingular {
    /// Those that have converged.
    pub fn converged(&self) -> impl Iterator<Item = &SingularValue> {
        self.values.iter().filter(|value| value.converged)
    }

    /// The 2-norm, if the first one has converged.
    pub fn norm(&self) -> Option<f64> {
        self.values.first().filter(|value| value.converged).map(|value| value.value)
    }
}

/// What an iteration wants to know.
#[derive(Clone, Copy)]
pub enum Asked<'a> {
    /// A times these vectors, `[n, at most block]`.
    Images(&'a Mat<f64>),
    /// A^T times these vectors, `[n, at most block]`.
    Back(&'a Mat<f64>),
}

/// The iteration: it [`asks`](Lanczos::asks) for products and [`takes`](Lanczos::take) them, until it asks for none.
pub struct Lanczos {
    wanted: usize,
    block: usize,
    /// Columns of V before it is restarted.
    most: usize,
    epsilon: f64,
    /// V, `[n, m]`.
    right: Mat<f64>,
    /// U, `[n, k]`, k <= m.
    left: Mat<f64>,
    /// B = U^T A V, `[k, m]`.
    form: Mat<f64>,
    /// A^T U, `[n, k]`.
    back: Mat<f64>,
    /// What is asked for.
    next: Mat<f64>,
    products: usize,
    drawn: Drawn,
    phase: Phase,
}

enum Phase {
    /// A of new columns of V.
    Images,
    /// A^T of new columns of U.
    Back,
    Checking(Box<Check>),
    Done(LargestSingular),
}

/// Triplets on their way to their residuals.
struct Check {
    triplets: Triplets,
    /// A v of the first ones.
    images: Mat<f64>,
    /// A^T u of the first ones.
    back: Mat<f64>,
    /// The noise of the iteration.
    noise: f64,
}

/// Some triplets, from the largest value.
struct Triplets {
    values: Vec<f64>,
    /// u, `[n, values]`.
    left: Mat<f64>,
    /// v, `[n, values]`.
    right: Mat<f64>,
    /// A^T u as the iteration has it, `[n, values]`.
    back: Mat<f64>,
}

impl Triplets {
    /// ‖A^T u - σ v‖ of the one at `place`, as the iteration has it.
    fn residual(&self, place: usize) -> f64 {
        (self.back.col(place) - self.right.col(place) * faer::Scale(self.values[place])).norm_l2()
    }
}

impl Lanczos {
    /// For `wanted` singular values of an operator of order n >= `wanted` that is computed with this epsilon and applied to
    /// up to `block` vectors at once.
    pub fn new(n: usize, wanted: usize, block: usize, epsilon: f64) -> Self {
        let none = Mat::zeros(n, 0);
        let mut drawn = Drawn::default();
        Lanczos {
            wanted,
            block,
            most: (2 * wanted + BLOCKS * block).min(n),
            epsilon,
            next: drawn.continued(&none, &none, block),
            right: none.clone(),
            left: none.clone(),
            form: Mat::zeros(0, 0),
            back: none,
            products: 0,
            drawn,
            phase: Phase::Images,
        }
    }

    /// What is wanted; nothing at the end.
    pub fn asks(&self) -> Option<Asked<'_>> {
        match &self.phase {
            Phase::Images => Some(Asked::Images(&self.next)),
            Phase::Back => Some(Asked::Back(&self.next)),
            Phase::Checking(check) if check.images.ncols() < check.triplets.values.len() => {
                Some(Asked::Images(&self.next))
            }
            Phase::Checking(_) => Some(Asked::Back(&self.next)),
            Phase::Done(_) => None,
        }
    }

    /// Takes these products, `[n, as many]`.
    pub fn take(&mut self, products: &Mat<f64>) {
        self.products += products.ncols();
        if !products.is_all_finite() {
            return self.end(Status::Refused, Vec::new());
        }
        match std::mem::replace(&mut self.phase, Phase::Back) {
            Phase::Images => self.extend_left(products),
            Phase::Back => self.extend_right(products),
            Phase::Checking(mut check) => {
                let of_images = check.images.ncols() < check.triplets.values.len();
                let known = if of_images { &mut check.images } else { &mut check.back };
                *known = beside(known, products);
                self.check(check);
            }
            Phase::Done(found) => self.phase = Phase::Done(found),
        }
    }

    /// What was found.
    ///
    /// # Panics
    /// While it still asks for products.
    pub fn found(self) -> LargestSingular {
        match self.phase {
            Phase::Done(found) => found,
            _ => panic!("the iteration has not ended"),
        }
    }

    fn end(&mut self, status: Status, values: Vec<SingularValue>) {
        self.phase = Phase::Done(LargestSingular { status, values, products: self.products });
    }

    fn order(&self) -> usize {
        self.right.nrows()
    }

    /// The images of a new block of V: U is extended by what is new in them, and B by what they are in U.
    fn extend_left(&mut self, images: &Mat<f64>) {
        let fresh = new_in(&self.left, images);
        let (rows, before, added) = (self.left.ncols(), self.right.ncols(), self.next.ncols());
        self.right = beside(&self.right, &self.next);
        self.left = beside(&self.left, &fresh);
        let own = self.left.transpose() * images;
        let old = std::mem::replace(&mut self.form, Mat::zeros(self.left.ncols(), before + added));
        self.form = Mat::from_fn(self.left.ncols(), before + added, |i, j| match (i < rows, j < before) {
            (true, true) => old[(i, j)],
            // What A makes of the columns before lies in those of U before.
            (false, true) => 0.0,
            (_, false) => own[(i, j - before)],
        });
        self.next = fresh;
        if self.next.ncols() == 0 {
            self.extend_right(&Mat::zeros(self.order(), 0));
        }
    }

    /// What A^T makes of a new block of U: V goes on with what is new in it, unless enough is known.
    fn extend_right(&mut self, back: &Mat<f64>) {
        self.back = beside(&self.back, back);
        let Some(triplets) = self.triplets() else { return self.end(Status::NoConvergence, Vec::new()) };
        let largest = triplets.values.first().copied().unwrap_or_default();
        let band = Band::of_eigenvalue(self.order(), self.epsilon, largest).half_width();
        let noise = self.noise(largest);
        let tolerance = (SHARE_OF_BAND * band).max(ROUNDINGS * self.epsilon * largest).max(MULTIPLES[0] * noise);
        let is_whole = self.right.ncols() == self.order();
        let enough = triplets.values.len() >= self.wanted;
        let found = enough && (0..self.wanted).all(|place| triplets.residual(place) <= tolerance);
        if is_whole || found || self.products >= MOST_BLOCKS * self.block {
            let first = |all: &Mat<f64>| columns(all, 0, self.wanted.min(all.ncols()));
            let triplets = Triplets {
                left: first(&triplets.left),
                right: first(&triplets.right),
                back: first(&triplets.back),
                values: triplets.values.into_iter().take(self.wanted).collect(),
            };
            let none = Mat::zeros(self.order(), 0);
            return self.check(Box::new(Check { triplets, images: none.clone(), back: none, noise }));
        }
        self.next = self.drawn.continued(&self.right, back, self.block);
        if self.right.ncols() + self.next.ncols() > self.most {
            self.restart(triplets);
        }
        self.phase = Phase::Images;
    }

    /// How long E^T u is for a unit vector u, with E what A and the transpose of A^T differ by: as far as it shows in V. A
    /// transpose that is none is no noise.
    fn noise(&self, largest: f64) -> f64 {
        let (n, m) = (self.order() as f64, self.right.ncols() as f64);
        let differences = &self.form - self.back.transpose() * &self.right;
        let longest = (0..differences.nrows()).map(|k| differences.row(k).norm_l2()).fold(0.0, f64::max);
        (longest * (n / m).sqrt()).min(self.epsilon.sqrt() * largest)
    }

    /// The triplets of the bases; none where they cannot be found.
    fn triplets(&self) -> Option<Triplets> {
        let svd = self.form.thin_svd().ok()?;
        let values = (0..svd.S().dim()).map(|k| svd.S()[k]).collect();
        let (x, y) = (svd.U(), svd.V());
        Some(Triplets { values, left: &self.left * x, right: &self.right * y, back: &self.back * x })
    }

    /// Keeps the half of the bases that belongs to the largest values.
    fn restart(&mut self, triplets: Triplets) {
        let kept = (self.most / 2).min(triplets.values.len());
        self.left = columns(&triplets.left, 0, kept);
        self.right = columns(&triplets.right, 0, kept);
        self.back = columns(&triplets.back, 0, kept);
        self.form = Mat::from_fn(kept, kept, |i, j| if i == j { triplets.values[i] } else { 0.0 });
    }

    /// Asks for the products that are missing, or ends with the residuals.
    fn check(&mut self, check: Box<Check>) {
        let Check { triplets, images, back, noise } = &*check;
        let all = triplets.values.len();
        let missing = if images.ncols() < all { (&triplets.right, images) } else { (&triplets.left, back) };
        let done = missing.1.ncols();
        if done < all {
            self.next = columns(missing.0, done, self.block.min(all - done));
            self.phase = Phase::Checking(check);
            return;
        }
        let largest = triplets.values.first().copied().unwrap_or_default();
        let band = Band::of_eigenvalue(self.order(), self.epsilon, largest).half_width().max(MULTIPLES[1] * noise);
        let value = |(place, &value): (usize, &f64)| {
            let off = |product: &Mat<f64>, vectors: &Mat<f64>| {
                (product.col(place) - vectors.col(place) * faer::Scale(value)).norm_l2()
            };
            let residual = off(images, &triplets.left).hypot(off(back, &triplets.right)) / 2_f64.sqrt();
            SingularValue { value, residual: residual / value, converged: residual <= band }
        };
        let values: Vec<SingularValue> = triplets.values.iter().enumerate().map(value).collect();
        let done = values.len() == self.wanted && values.iter().all(|value| value.converged);
        self.end(if done { Status::Ok } else { Status::NoConvergence }, values);
    }
}
