//! Queries, keys and values of all heads, stacked: where each head has its rows.

/// The heads of an attention. Rows of `stacked` are those of all heads of queries, then of keys, then of values.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct Stack {
    /// Heads of queries.
    pub heads: u32,
    /// Heads of keys and of values, a divisor of `heads`.
    pub key_value_heads: u32,
    /// Rows of a head.
    pub head_width: u32,
}

/// The first rows of what a head of queries reads.
pub(in crate::kernel) struct Rows {
    /// Of its own queries; and of its result, in a buffer of its own.
    pub queries: usize,
    /// Of the keys that it shares with its neighbours.
    pub keys: usize,
    /// Of the values that it shares with its neighbours.
    pub values: usize,
}

impl Stack {
    /// The rows of a head of queries.
    #[inline(always)]
    pub fn rows_of(self, head: usize) -> Rows {
        let (heads, shared, d) = (self.heads as usize, self.key_value_heads as usize, self.head_width as usize);
        let own = head / (heads / shared);
        Rows { queries: head * d, keys: (heads + own) * d, values: (heads + shared + own) * d }
    }
}
