//! The linear algebra of the twin: 32 points move together, one in each lane of a few vectors.

use super::{BEFORE, COSINE, NOW, PARTS, POINTS, RHS, SINE, WORKING};
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::Real;
use crate::numbers::simd;

/// One number at each point.
type Lanes<T> = [T; POINTS];
/// One complex number at each point, its parts apart.
type Complex<T> = [Lanes<T>; 2];

/// z - H and the vectors at 32 points z.
pub(super) struct Points<'a, T> {
    n: usize,
    h: &'a [T],
    z: Complex<T>,
    state: &'a mut [Lanes<T>],
}

/// A rotation at each point.
struct Turn<T> {
    cosine: Complex<T>,
    sine: Lanes<T>,
    length: Lanes<T>,
}

#[inline(always)]
fn lanes<T: Real>(f: impl Fn(usize) -> T) -> Lanes<T> {
    simd::lanes(f)
}

/// A pivot below this is taken for this.
#[inline(always)]
fn floor<T: Real>() -> T {
    T::from_f64(T::EPSILON / 8.0)
}

#[inline(always)]
fn rotation<T: Real>(w: &Complex<T>, e: T) -> Turn<T> {
    let length = lanes(|l| (w[0][l] * w[0][l] + w[1][l] * w[1][l] + e * e).sqrt());
    let tiny = |l: usize| length[l] < floor();
    Turn {
        cosine: [
            lanes(|l| if tiny(l) { T::ONE } else { w[0][l] / length[l] }),
            lanes(|l| if tiny(l) { T::ZERO } else { w[1][l] / length[l] }),
        ],
        sine: lanes(|l| if tiny(l) { T::ZERO } else { e / length[l] }),
        length: lanes(|l| if tiny(l) { floor() } else { length[l] }),
    }
}

/// a / b.
#[inline(always)]
fn over<T: Real>(a: &Complex<T>, b: &Complex<T>) -> Complex<T> {
    let square = lanes(|l| b[0][l] * b[0][l] + b[1][l] * b[1][l]);
    let tiny = |l: usize| square[l] < floor::<T>() * floor();
    [
        lanes(|l| if tiny(l) { a[0][l] / floor() } else { (a[0][l] * b[0][l] + a[1][l] * b[1][l]) / square[l] }),
        lanes(|l| if tiny(l) { a[1][l] / floor() } else { (a[1][l] * b[0][l] - a[0][l] * b[1][l]) / square[l] }),
    ]
}

impl<'a, T: Real> Points<'a, T> {
    /// Points at `places`, `[re | im, 32]`.
    pub(super) fn new(n: usize, h: &'a [T], places: &[T], state: &'a mut [T]) -> Self {
        let z = [lanes(|l| places[l]), lanes(|l| places[POINTS + l])];
        Points { n, h, z, state: bytemuck::cast_slice_mut(state) }
    }

    #[inline(always)]
    fn get(&self, i: usize, part: usize) -> Complex<T> {
        [self.state[i * PARTS + part], self.state[i * PARTS + part + 1]]
    }

    #[inline(always)]
    fn put(&mut self, i: usize, part: usize, value: Complex<T>) {
        [self.state[i * PARTS + part], self.state[i * PARTS + part + 1]] = value;
    }

    /// The entry (i, j) of z - H.
    #[inline(always)]
    fn entry(&self, i: usize, j: usize) -> Complex<T> {
        let own = -self.h[i * self.n + j];
        if i == j { [lanes(|l| self.z[0][l] + own), self.z[1]] } else { [[own; POINTS], [T::ZERO; POINTS]] }
    }

    /// The first vector.
    #[inline(always)]
    pub(super) fn begin(&mut self, start: &[T]) {
        for i in 0..self.n {
            self.put(i, NOW, [[start[2 * i]; POINTS], [start[2 * i + 1]; POINTS]]);
            self.put(i, BEFORE, [[T::ZERO; POINTS]; 2]);
        }
    }

    /// The vector becomes the right-hand side.
    #[inline(always)]
    pub(super) fn aim(&mut self) {
        for i in 0..self.n {
            self.put(i, RHS, self.get(i, NOW));
        }
    }

    /// Rotates the working element i with its neighbour; what comes out is an element of R, or with `FLIP` its
    /// conjugate, which leaves the right-hand side with `solved`.
    #[inline(always)]
    fn eliminate<const FUSED: bool, const FLIP: bool>(
        &mut self,
        i: usize,
        neighbour: &Complex<T>,
        turn: &Turn<T>,
        solved: &Complex<T>,
    ) {
        let cell: &mut [Lanes<T>; 4] = (&mut self.state[i * PARTS..][..4]).try_into().expect("four parts");
        for l in 0..POINTS {
            let (c, d, s) = (turn.cosine[0][l], turn.cosine[1][l], turn.sine[l]);
            let (x, y, e, f) = (cell[0][l], cell[1][l], neighbour[0][l], neighbour[1][l]);
            let ma = multiply_add::<T, FUSED>;
            let r = ma(c, x, ma(d, y, s * e));
            let q = ma(c, y, ma(-d, x, s * f));
            let q = if FLIP { -q } else { q };
            cell[0][l] = ma(c, e, ma(-d, f, -s * x));
            cell[1][l] = ma(c, f, ma(d, e, -s * y));
            let (a, b) = (solved[0][l], solved[1][l]);
            cell[2][l] = ma(-r, a, ma(q, b, cell[2][l]));
            cell[3][l] = ma(-r, b, ma(-q, a, cell[3][l]));
        }
    }

    /// Rotates the working element i with the entry e beside the diagonal, and solves for element i.
    #[inline(always)]
    fn turn(&mut self, i: usize, e: T) -> (Turn<T>, Complex<T>) {
        let turn = rotation(&self.get(i, WORKING), e);
        let rhs = self.get(i, RHS);
        let solved = [lanes(|l| rhs[0][l] / turn.length[l]), lanes(|l| rhs[1][l] / turn.length[l])];
        self.put(i, RHS, solved);
        self.put(i, COSINE, turn.cosine);
        self.state[i * PARTS + SINE] = turn.sine;
        (turn, solved)
    }

    /// Rotates elements i - 1 and i of the right-hand side by rotation `k`; the sine with this sign.
    #[inline(always)]
    fn turn_back(&mut self, i: usize, k: usize, sign: T) {
        let (c, s) = (self.get(k, COSINE), self.state[k * PARTS + SINE]);
        let (a, b) = (self.get(i - 1, RHS), self.get(i, RHS));
        let s = lanes(|l| sign * s[l]);
        let above = [
            lanes(|l| c[0][l] * a[0][l] - c[1][l] * a[1][l] + s[l] * b[0][l]),
            lanes(|l| c[0][l] * a[1][l] + c[1][l] * a[0][l] + s[l] * b[1][l]),
        ];
        let below = [
            lanes(|l| c[0][l] * b[0][l] + c[1][l] * b[1][l] - s[l] * a[0][l]),
            lanes(|l| c[0][l] * b[1][l] - c[1][l] * b[0][l] - s[l] * a[1][l]),
        ];
        self.put(i - 1, RHS, above);
        self.put(i, RHS, below);
    }

    /// Bᴴ w = q, in place of the right-hand side.
    #[inline(always)]
    pub(super) fn solve_adjoint<const FUSED: bool>(&mut self) {
        let n = self.n;
        for j in 0..n {
            self.put(j, WORKING, self.entry(0, j));
        }
        for i in 0..n - 1 {
            let (turn, solved) = self.turn(i, -self.h[(i + 1) * n + i]);
            for j in i + 1..n {
                let neighbour = self.entry(i + 1, j);
                self.eliminate::<FUSED, true>(j, &neighbour, &turn, &solved);
            }
        }
        let [re, im] = self.get(n - 1, WORKING);
        let last = over(&self.get(n - 1, RHS), &[re, lanes(|l| -im[l])]);
        self.put(n - 1, RHS, last);
        for i in (1..n).rev() {
            self.turn_back(i, i - 1, -T::ONE);
        }
    }

    /// B u = w, in place of the right-hand side.
    #[inline(always)]
    pub(super) fn solve<const FUSED: bool>(&mut self) {
        let n = self.n;
        for i in 0..n {
            self.put(i, WORKING, self.entry(i, n - 1));
        }
        for k in (1..n).rev() {
            let (turn, solved) = self.turn(k, -self.h[k * n + k - 1]);
            for i in 0..k {
                let neighbour = self.entry(i, k - 1);
                self.eliminate::<FUSED, false>(i, &neighbour, &turn, &solved);
            }
        }
        let first = over(&self.get(0, RHS), &self.get(0, WORKING));
        self.put(0, RHS, first);
        for k in 1..n {
            self.turn_back(k, k, T::ONE);
        }
    }

    #[inline(always)]
    fn squared_norm(&self) -> Lanes<T> {
        let mut sum = [T::ZERO; POINTS];
        for i in 0..self.n {
            let [re, im] = self.get(i, RHS);
            sum = lanes(|l| sum[l] + (re[l] * re[l] + im[l] * im[l]));
        }
        sum
    }

    /// Brings the right-hand side to length 1; gives the square of its length.
    #[inline(always)]
    pub(super) fn normalise(&mut self) -> Lanes<T> {
        let squares = self.squared_norm();
        let norms = lanes(|l| squares[l].sqrt());
        for i in 0..self.n {
            let [re, im] = self.get(i, RHS);
            self.put(i, RHS, [lanes(|l| re[l] / norms[l]), lanes(|l| im[l] / norms[l])]);
        }
        squares
    }

    /// u <- gain u - diagonal q - beside q', with the last two vectors q and q'; gives the length of u.
    #[inline(always)]
    pub(super) fn orthogonalise(&mut self, gain: &Lanes<T>, diagonal: &Lanes<T>, beside: &Lanes<T>) -> Lanes<T> {
        for i in 0..self.n {
            let (u, now, before) = (self.get(i, RHS), self.get(i, NOW), self.get(i, BEFORE));
            let part = |p: usize| lanes(|l| gain[l] * u[p][l] - diagonal[l] * now[p][l] - beside[l] * before[p][l]);
            self.put(i, RHS, [part(0), part(1)]);
        }
        let squares = self.squared_norm();
        lanes(|l| squares[l].sqrt())
    }

    /// The right-hand side, over its length, becomes the next vector where it goes on.
    #[inline(always)]
    pub(super) fn advance(&mut self, lengths: &Lanes<T>, goes_on: [bool; POINTS]) {
        for i in 0..self.n {
            let (u, now, before) = (self.get(i, RHS), self.get(i, NOW), self.get(i, BEFORE));
            let next = |p: usize| lanes(|l| if goes_on[l] { u[p][l] / lengths[l] } else { now[p][l] });
            let last = |p: usize| lanes(|l| if goes_on[l] { now[p][l] } else { before[p][l] });
            let (next, last) = ([next(0), next(1)], [last(0), last(1)]);
            self.put(i, NOW, next);
            self.put(i, BEFORE, last);
        }
    }
}
