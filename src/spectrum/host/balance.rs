//! Scaling and balancing of one matrix, exactly: every factor is a power of two.
//!
//! Before, it is ordered by its irreducible blocks, and what couples them is left out ([`components`]).
//! Source: LAPACK's `gebal` (job B, 2-norms; James, Langou, Lowery 2014). Without it a graded matrix loses all digits
//! in f32 (relative error 0.1 to 0.9). The matrix is first brought to one fixed scale, so that a multiple 2^k A takes
//! bit for bit the same way as A; but where that would lose small entries, it is roughly balanced before
//! ([`far_apart`]).

use super::lanes::Real;
use crate::kernel::components;
use crate::numbers::simd::{Work, dispatch};

/// Copies `source` (row-major, `n * n` entries) to `out` with its eigenvalues divided by 2^e, and returns e.
/// The largest entry of `out` then lies in [1, 2). `None`: an entry is not finite.
#[inline(always)]
pub fn prepare<T: Real>(source: &[T], n: usize, out: &mut [T], sums: &mut Sums<T>) -> Option<i32> {
    let largest_of = |a: &[T]| a.iter().fold(0, |most, x| x.magnitude_bits().max(most));
    let mut largest = largest_of(source);
    exponent_of::<T>(largest)?;
    let source = &*components::apart(source, n);
    largest = largest_of(source);
    let exponent = exponent_of::<T>(largest)?;
    if largest == 0 {
        out.fill(T::ZERO);
        return Some(0);
    }
    let exponent = match far_apart(source, n) {
        Some(d) => bring_together(source, n, &d, out),
        None => {
            scale(source, T::WORK_EXPONENT - exponent, out);
            exponent
        }
    };
    equilibrate(out, n, sums);
    let shift = exponent_of::<T>(largest_of(out))?;
    let factor = T::power_of_two(-shift);
    out.iter_mut().for_each(|x| *x = x.times(factor));
    Some(exponent - T::WORK_EXPONENT + shift)
}

/// Work space of [`prepare`]: squared 2-norms of columns and rows.
pub struct Sums<T> {
    columns: Vec<T>,
    rows: Vec<T>,
}

impl<T: Real> Sums<T> {
    /// For matrices of width `n`.
    pub fn new(n: usize) -> Self {
        Sums { columns: vec![T::ZERO; n], rows: vec![T::ZERO; n] }
    }
}

/// floor(log2 |x|) from the bits of |x|; `None` for infinity and NaN. Of 0 the smallest exponent.
fn exponent_of<T: Real>(bits: u64) -> Option<i32> {
    let bias = if T::MANTISSA == 23 { 127 } else { 1023 };
    let field = (bits >> T::MANTISSA) as i32;
    if field == 2 * bias + 1 {
        return None;
    }
    if field > 0 {
        return Some(field - bias);
    }
    let below = T::MANTISSA as i32 - (64 - bits.leading_zeros() as i32);
    Some(-bias - below)
}

/// What one pass over the entries of a matrix says of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entries {
    /// One is NaN or infinite.
    NotFinite,
    /// None is 0, and they are not [`far_apart`].
    Close,
    /// Neither: [`far_apart`] has to look at them.
    Finite,
}

impl Entries {
    /// Those of a matrix, by their bits.
    pub fn of<T: Real>(a: &[T]) -> Entries {
        let Extremes { least, most } = dispatch(Magnitudes(a));
        match (exponent_of::<T>(least), exponent_of::<T>(most)) {
            (_, None) => Entries::NotFinite,
            (Some(lowest), Some(highest)) if least > 0 && highest - lowest <= FAR => Entries::Close,
            _ => Entries::Finite,
        }
    }
}

/// Bits of the smallest and of the largest magnitude.
struct Extremes {
    least: u64,
    most: u64,
}

/// The extremes of some entries. Their bits are compared as integers as wide as they are, with a sign: every instruction
/// set has that.
struct Magnitudes<'a, T>(&'a [T]);

impl<T: Real> Work for Magnitudes<'_, T> {
    type Output = Extremes;

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) -> Extremes {
        let (least, most) = match size_of::<T>() {
            4 => {
                let (mut least, mut most) = (i32::MAX, 0);
                for x in bytemuck::cast_slice::<T, i32>(self.0) {
                    (least, most) = (least.min(x & i32::MAX), most.max(x & i32::MAX));
                }
                (i64::from(least), i64::from(most))
            }
            _ => {
                let (mut least, mut most) = (i64::MAX, 0);
                for x in bytemuck::cast_slice::<T, i64>(self.0) {
                    (least, most) = (least.min(x & i64::MAX), most.max(x & i64::MAX));
                }
                (least, most)
            }
        };
        Extremes { least: least as u64, most: most as u64 }
    }
}

/// Entries closer together than 2^90 lose nothing on the way to the working scale that could be brought back.
const FAR: i32 = 90;
/// Balancing by factors up to 2^30 is left to what follows.
const NEAR: i32 = 30;

/// Exponents d by which D^-1 A D, D = diag(2^d), is balanced, if its entries lie so far apart that the small ones would
/// be lost before they could be balanced: (0, 2^900; 2^-900, 0) has the eigenvalues 1 and -1. Such matrices are rare,
/// and this works on exponents alone, with largest entries as norms.
pub fn far_apart<T: Real>(a: &[T], n: usize) -> Option<Vec<i32>> {
    let sizes = || a.iter().map(|x| x.magnitude_bits()).filter(|&bits| bits != 0);
    let (least, most) = (exponent_of::<T>(sizes().min()?)?, exponent_of::<T>(sizes().max()?)?);
    if most - least <= FAR {
        return None;
    }
    let exponents: Vec<Option<i32>> = a
        .iter()
        .map(|x| x.magnitude_bits())
        .map(|bits| if bits == 0 { None } else { exponent_of::<T>(bits) })
        .collect();
    let mut d = vec![0; n];
    // As many sweeps as for the balancing of norms.
    for _ in 0..60 {
        let mut changed = false;
        for i in 0..n {
            let others = || (0..n).filter(|&j| j != i);
            let column = others().filter_map(|j| Some(exponents[j * n + i]? + d[i] - d[j])).max();
            let row = others().filter_map(|j| Some(exponents[i * n + j]? + d[j] - d[i])).max();
            if let (Some(column), Some(row)) = (column, row) {
                let step = (row - column) / 2;
                d[i] += step;
                changed |= step != 0;
            }
        }
        if !changed {
            break;
        }
    }
    let (low, high) = (d.iter().min()?, d.iter().max()?);
    (high - low > NEAR).then_some(d)
}

/// out = D^-1 A D at the working scale; gives the exponent of its largest entry before scaling.
fn bring_together<T: Real>(a: &[T], n: usize, d: &[i32], out: &mut [T]) -> i32 {
    let moved = |k: usize| d[k % n] - d[k / n];
    let size = |k: usize| (a[k] != T::ZERO).then(|| exponent_of::<T>(a[k].magnitude_bits()).map(|e| e + moved(k)));
    let largest = (0..n * n).filter_map(size).flatten().max().unwrap_or(0);
    for (k, to) in out.iter_mut().enumerate() {
        let mut left = T::WORK_EXPONENT - largest + moved(k);
        *to = a[k];
        while left != 0 {
            let step = left.clamp(-120, 120);
            *to = to.times(T::power_of_two(step));
            left -= step;
        }
    }
    largest
}

/// out = 2^e source. In two factors, since e may exceed the range of a normal number when `source` is denormal.
#[inline(always)]
fn scale<T: Real>(source: &[T], e: i32, out: &mut [T]) {
    let (first, second) = (T::power_of_two(e / 2), T::power_of_two(e - e / 2));
    for (to, &from) in out.iter_mut().zip(source) {
        *to = from.times(first).times(second);
    }
}

/// Scales rows and columns until their norms agree within a factor of two or so.
fn equilibrate<T: Real>(a: &mut [T], n: usize, sums: &mut Sums<T>) {
    all_norms(a, n, sums);
    let unequal = (0..n).any(|i| factor(sums.columns[i].to_f64(), sums.rows[i].to_f64()).is_some());
    // Sixty sweeps let an entry travel across the whole exponent range of f64; a random matrix needs none.
    for _ in 0..if unequal { 60 } else { 0 } {
        let mut changed = false;
        for i in 0..n {
            if let Some(f) = factor(norm_of_column(a, n, i), norm_of_row(a, n, i)) {
                let (up, down) = (T::power_of_two(f), T::power_of_two(-f));
                (0..n).for_each(|j| a[i * n + j] = a[i * n + j].times(down));
                (0..n).for_each(|k| a[k * n + i] = a[k * n + i].times(up));
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
}

/// Squared norms of all rows and columns in one pass.
#[inline(always)]
fn all_norms<T: Real>(a: &[T], n: usize, sums: &mut Sums<T>) {
    sums.columns.fill(T::ZERO);
    for (i, row) in a.chunks_exact(n).enumerate() {
        let mut partial = [T::ZERO; 8];
        for (chunk, columns) in row.chunks(8).zip(sums.columns.chunks_mut(8)) {
            for ((&x, column), sum) in chunk.iter().zip(columns).zip(&mut partial) {
                *column = x.times(x).plus(*column);
                *sum = x.times(x).plus(*sum);
            }
        }
        sums.rows[i] = partial.iter().fold(T::ZERO, |all, &x| x.plus(all));
    }
}

fn norm_of_row<T: Real>(a: &[T], n: usize, i: usize) -> f64 {
    a[i * n..(i + 1) * n].iter().map(|x| x.to_f64() * x.to_f64()).sum()
}

fn norm_of_column<T: Real>(a: &[T], n: usize, i: usize) -> f64 {
    (0..n).map(|k| a[k * n + i].to_f64() * a[k * n + i].to_f64()).sum()
}

/// The exponent f of the factor 2^f for column i (and 2^-f for row i), from squared norms; `None`: leave it.
fn factor(column: f64, row: f64) -> Option<i32> {
    let near = row <= 4.0 * column && column < 4.0 * row;
    if near || !(column > 0.0 && row > 0.0) || !(column.is_finite() && row.is_finite()) {
        return None;
    }
    let (c, r) = (column.sqrt(), row.sqrt());
    let f = ((r / c).log2() / 2.0).round() as i32;
    let two = f64::powi(2.0, f);
    let gain = c * two + r / two < 0.95 * (c + r);
    (gain && f != 0 && f.abs() < 120).then_some(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_tells_what_there_is() {
        assert_eq!(Entries::of(&[1.0_f32, -2.0, 3.0]), Entries::Close);
        assert_eq!(Entries::of(&[1.0_f32, -0.0, 3.0]), Entries::Finite);
        assert_eq!(Entries::of(&[f32::from_bits(1), f32::MIN_POSITIVE]), Entries::Close);
        assert_eq!(Entries::of(&[f64::powi(2.0, 90), -1.0]), Entries::Close);
        assert_eq!(Entries::of(&[f64::powi(2.0, 91), -1.0]), Entries::Finite);
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut entries = [1.5_f32; 40];
            entries[33] = bad;
            assert_eq!(Entries::of(&entries), Entries::NotFinite);
            assert_eq!(Entries::of(&entries.map(f64::from)), Entries::NotFinite);
        }
    }
}
