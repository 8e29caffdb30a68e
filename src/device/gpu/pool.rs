//! Buffers that are kept from run to run: the pages of fresh memory cost more than what is written to them.

use std::sync::{Mutex, MutexGuard};

/// So much staging memory is kept at most in each direction: twice the inputs of a chunk of some thousand members, because
/// those of the next one are written while the last ones are read.
pub const MOST_STAGING: u64 = 128 << 20;
/// So much of a device's own memory is kept at most: the state and the weights of a sweep of a thousand members.
pub const MOST_OWN: u64 = 256 << 20;

/// Buffers of one use that nobody uses now.
pub struct Pool {
    /// The last one to be given back is the last.
    kept: Mutex<Vec<wgpu::Buffer>>,
    /// Bytes that are kept at most.
    most: u64,
}

impl Pool {
    /// An empty one that keeps at most so many bytes.
    pub fn new(most: u64) -> Self {
        Pool { kept: Mutex::default(), most }
    }

    /// One of just so many bytes.
    pub fn exactly(&self, size: u64) -> Option<wgpu::Buffer> {
        let mut kept = self.kept();
        let place = kept.iter().rposition(|buffer| buffer.size() == size)?;
        Some(kept.remove(place))
    }

    /// The smallest of at least so many bytes.
    pub fn at_least(&self, size: u64) -> Option<wgpu::Buffer> {
        let mut kept = self.kept();
        let large_enough = kept.iter().enumerate().filter(|(_, buffer)| buffer.size() >= size);
        let (place, _) = large_enough.min_by_key(|(_, buffer)| buffer.size())?;
        Some(kept.remove(place))
    }

    /// Keeps a buffer, in the place of those that were given back first if need be.
    pub fn give(&self, buffer: wgpu::Buffer) {
        let mut kept = self.kept();
        if buffer.size() > self.most {
            return;
        }
        kept.push(buffer);
        let mut bytes: u64 = kept.iter().map(wgpu::Buffer::size).sum();
        let too_many = |buffer: &wgpu::Buffer| {
            let over = bytes > self.most;
            bytes -= if over { buffer.size() } else { 0 };
            over
        };
        let dropped = kept.iter().map(too_many).take_while(|&over| over).count();
        kept.drain(..dropped);
    }

    /// Drops all of them, and says whether there were any.
    pub fn empty(&self) -> bool {
        !std::mem::take(&mut *self.kept()).is_empty()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<wgpu::Buffer>> {
        self.kept.lock().expect("no holder of the lock panics")
    }
}
