//! Buffers as twins see them.

/// A buffer as the twin sees it: the part of one member, or the whole where all members share it.
#[derive(Debug)]
pub enum View<'a, T> {
    /// Numbers, read.
    Real(&'a [T]),
    /// Numbers, written.
    RealMut(&'a mut [T]),
    /// Words, read.
    Word(&'a [u32]),
    /// Words, written.
    WordMut(&'a mut [u32]),
    /// Integers, read.
    Int(&'a [i32]),
    /// Integers, written.
    IntMut(&'a mut [i32]),
}

/// What a device breaks when it binds another buffer than the signature asks for.
const MISMATCH: &str = "a view has the access and the content of its binding";

macro_rules! taken {
    ($($(#[$doc:meta])* $name:ident : $variant:ident -> $kind:ty,)+) => {$(
        $(#[$doc])*
        pub(in crate::kernel) fn $name(&mut self) -> $kind {
            match self {
                View::$variant(values) => values,
                _ => unreachable!("{MISMATCH}"),
            }
        }
    )+};
}

impl<T> View<'_, T> {
    taken! {
        /// Numbers that are read.
        real: Real -> &[T],
        /// Numbers that are written.
        real_mut: RealMut -> &mut [T],
        /// Words that are read.
        word: Word -> &[u32],
        /// Words that are written.
        word_mut: WordMut -> &mut [u32],
        /// Integers that are read.
        int: Int -> &[i32],
        /// Integers that are written.
        int_mut: IntMut -> &mut [i32],
    }
}
