//! Buffers that are kept from run to run: the pages of fresh memory cost more than what is written to them.

use std::sync::{Mutex, MutexGuard};

/// So much staging memory is kept at most in each direction: twice the inputs of a chunk of some thousand members, because
/// those of the next one are written while the last ones are read.
pub const MOST_STAGING: u64 = 128 << 20;
/// So much of a device's own memory is kept at most: the state and the weights of a sweep of a thousand members.
pub const MOST_OWN: u64 = 256 << 20;

/// What takes memory.
pub trait Memory {
    /// Its size in bytes.
    fn bytes(&self) -> u64;
}

impl Memory for wgpu::Buffer {
    fn bytes(&self) -> u64 {
        self.size()
    }
}

/// Buffers of one use that nobody uses now.
pub struct Pool<B = wgpu::Buffer> {
    /// The last one to be given back is the last.
    kept: Mutex<Vec<B>>,
    /// Bytes that are kept at most.
    most: u64,
}

impl<B: Memory> Pool<B> {
    /// An empty one that keeps at most so many bytes.
    pub fn new(most: u64) -> Self {
        Pool { kept: Mutex::new(Vec::new()), most }
    }

    /// One of just so many bytes.
    pub fn exactly(&self, bytes: u64) -> Option<B> {
        let mut kept = self.kept();
        let place = kept.iter().rposition(|buffer| buffer.bytes() == bytes)?;
        Some(kept.remove(place))
    }

    /// The smallest of at least so many bytes.
    pub fn at_least(&self, bytes: u64) -> Option<B> {
        let mut kept = self.kept();
        let large_enough = kept.iter().enumerate().filter(|(_, buffer)| buffer.bytes() >= bytes);
        let (place, _) = large_enough.min_by_key(|(_, buffer)| buffer.bytes())?;
        Some(kept.remove(place))
    }

    /// Keeps a buffer, in the place of those that were given back first if need be.
    pub fn give(&self, buffer: B) {
        if buffer.bytes() > self.most {
            return;
        }
        let mut kept = self.kept();
        kept.push(buffer);
        let mut bytes: u64 = kept.iter().map(B::bytes).sum();
        let mut first = 0;
        while bytes > self.most {
            bytes -= kept[first].bytes();
            first += 1;
        }
        kept.drain(..first);
    }

    /// Drops all of them, and says whether there were any.
    pub fn empty(&self) -> bool {
        !std::mem::take(&mut *self.kept()).is_empty()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<B>> {
        self.kept.lock().expect("no holder of the lock panics")
    }
}

#[cfg(test)]
mod tests {
    use super::{Memory, Pool};

    impl Memory for u64 {
        fn bytes(&self) -> u64 {
            *self
        }
    }

    #[test]
    fn a_pool_gives_what_fits_best_and_forgets_the_oldest() {
        let pool = Pool::new(100);
        [30, 10, 20].into_iter().for_each(|bytes| pool.give(bytes));
        assert_eq!((pool.exactly(15), pool.at_least(31)), (None, None));
        assert_eq!((pool.at_least(11), pool.exactly(30), pool.at_least(1)), (Some(20), Some(30), Some(10)));
        assert!(!pool.empty(), "nothing was left");
        [40_u64, 50, 60].into_iter().for_each(|bytes| pool.give(bytes));
        assert_eq!((pool.exactly(40), pool.exactly(50), pool.exactly(60)), (None, None, Some(60)), "150 are too many");
        [70, 30, 101].into_iter().for_each(|bytes| pool.give(bytes));
        assert_eq!((pool.exactly(101), pool.exactly(70), pool.exactly(30)), (None, Some(70), Some(30)));
        pool.give(1);
        assert!(pool.empty() && pool.exactly(1).is_none());
    }
}
