//! Orthonormal bases that grow by blocks, for iterations that only apply an operator to vectors.

use crate::numbers::random::{Stream, Tensor};
use faer::Mat;

/// A vector that shrinks to less than this share of its length lies in the basis already.
const DEPENDENT: f64 = 1e-10;

/// Where an iteration takes vectors from that nothing else gives it: the same ones in every run.
#[derive(Default)]
pub(super) struct Drawn(u32);

impl Drawn {
    fn vector(&mut self, n: usize) -> Mat<f64> {
        self.0 += 1;
        let stream = Stream { seed: 0, member: 0, tensor: Tensor::Deviations as u32, step: self.0 };
        Mat::from_fn(n, 1, |i, _| stream.standard(i as u32))
    }

    /// An orthonormal block of `room` columns behind a basis: what is new in `images`, filled up with random vectors.
    pub fn continued(&mut self, basis: &Mat<f64>, images: &Mat<f64>, room: usize) -> Mat<f64> {
        let room = room.min(basis.nrows() - basis.ncols());
        let mut block = new_in(basis, &columns(images, 0, images.ncols().min(room)));
        while block.ncols() < room {
            let vector = self.vector(basis.nrows());
            append(basis, &mut block, vector);
        }
        block
    }
}

/// An orthonormal basis of what is new in these vectors; it has fewer of them where some lie in the basis already.
pub(super) fn new_in(basis: &Mat<f64>, vectors: &Mat<f64>) -> Mat<f64> {
    let mut block = Mat::zeros(basis.nrows(), 0);
    (0..vectors.ncols()).for_each(|k| append(basis, &mut block, columns(vectors, k, 1)));
    block
}

/// Appends what of a vector is orthogonal to the basis and the block, if anything is.
fn append(basis: &Mat<f64>, block: &mut Mat<f64>, mut vector: Mat<f64>) {
    let before = vector.norm_l2();
    // Twice is enough (Giraud, Langou, Rozložník and van den Eshof, Numer. Math. 101, 2005).
    for _ in 0..2 {
        vector -= basis * (basis.transpose() * &vector);
        vector -= &*block * (block.transpose() * &vector);
    }
    let length = vector.norm_l2();
    if length > DEPENDENT * before {
        *block = beside(block, &(vector / faer::Scale(length)));
    }
}

/// The columns of one matrix and those of another.
pub(super) fn beside(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols() + b.ncols(), |i, k| if k < a.ncols() { a[(i, k)] } else { b[(i, k - a.ncols())] })
}

/// Columns `first .. first + count`.
pub(super) fn columns(of: &Mat<f64>, first: usize, count: usize) -> Mat<f64> {
    of.subcols(first, count).to_owned()
}
