//! A member whose work is large has all cores: the rows of a result are shared out among them.

use crate::numbers::real::Real;
use rayon::prelude::*;
use std::cell::Cell;

/// So many floating-point operations are shared out; handing out fewer would take a noticeable part of their time.
const MOST_OF_ONE: f64 = 3e7;

/// The floating-point operations of a product in the time in which a core moves a number from memory and back.
pub const ELEMENT: f64 = 64.0;

thread_local! {
    /// Has every core a member of its own, as far as this thread knows?
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// What `work` makes, on a thread that keeps to itself: every other core has as much to do. Handing out parts of a member
/// would then only push others out of their caches (7 % of a Transformer's sweep with its Jacobians).
pub fn alone<R>(work: impl FnOnce() -> R) -> R {
    let before = BUSY.replace(true);
    let made = work();
    BUSY.set(before);
    made
}

/// Is work of so many floating-point operations shared out among cores?
pub fn is_shared(operations: f64) -> bool {
    operations > MOST_OF_ONE && rayon::current_num_threads() > 1 && !BUSY.get()
}

/// Gives the rows of `out`, `[rows, columns]`, to `make`: all at once, or in blocks to all cores where there are many
/// operations, so many for each element. `make` gets the number of its first row, and its rows.
///
/// An element must not depend on others of `out`; then none depends on how rows are shared out.
pub fn in_blocks_of_rows<T: Real>(
    out: &mut [T],
    columns: usize,
    operations: f64,
    make: impl Fn(usize, &mut [T]) + Sync,
) {
    if !is_shared(operations * out.len() as f64) {
        return make(0, out);
    }
    // Two blocks a core, so that a slower core may have one less; eights of rows fill the tiles of products.
    let rows = out.len() / columns;
    let block = rows.div_ceil(2 * rayon::current_num_threads()).next_multiple_of(8);
    out.par_chunks_mut(block * columns).enumerate().for_each(|(i, out)| make(i * block, out));
}

/// Gives the parts of `out`, `length` elements each, to `make` with their numbers: one after the other, or to all cores
/// where there are many operations, so many for each element.
pub fn in_parts<T: Real>(out: &mut [T], length: usize, operations: f64, make: impl Fn(usize, &mut [T]) + Sync) {
    if is_shared(operations * out.len() as f64) {
        out.par_chunks_mut(length).enumerate().for_each(|(i, out)| make(i, out));
    } else {
        out.chunks_mut(length).enumerate().for_each(|(i, out)| make(i, out));
    }
}
