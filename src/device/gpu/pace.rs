//! How much work goes into a submission: enough to keep the adapter busy, not so much that a watchdog strikes.

use crate::device::gpu::Gpu;
use crate::device::gpu::session::wait;
use crate::error::Result;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Instant;

/// How long one submission should take: watchdogs strike from half a second on.
const TARGET_SECONDS: f64 = 0.075;
/// How many submissions may be under way.
const IN_FLIGHT: usize = 2;

/// Flops plus bytes that an adapter gets through in [`TARGET_SECONDS`], as far as the last submissions tell.
pub struct Budget(Mutex<f64>);

impl Budget {
    /// What the first submission gets: far below a tenth of a second for the slowest adapter of its kind.
    pub fn new(software: bool) -> Self {
        Budget(Mutex::new(if software { 1e8 } else { 1e10 }))
    }

    fn get(&self) -> f64 {
        *self.0.lock().expect("no holder of the lock panics")
    }

    /// Learns from a submission, by a factor of 2 at most.
    fn learn(&self, work: f64, seconds: f64) {
        let mut budget = self.0.lock().expect("no holder of the lock panics");
        let ideal = work / seconds * TARGET_SECONDS;
        *budget = ideal.clamp(*budget / 2.0, *budget * 2.0).max(1e6);
    }
}

/// The submissions of a session.
#[derive(Default)]
pub struct Pace {
    under_way: VecDeque<(wgpu::SubmissionIndex, f64, Instant)>,
}

impl Pace {
    /// Is so much work enough for a submission?
    pub fn is_enough(&self, gpu: &Gpu, work: f64) -> bool {
        work > gpu.budget.get()
    }

    /// Submits; then waits until few enough are under way, and learns from the time that the oldest one took.
    pub fn submit(&mut self, gpu: &Gpu, encoder: wgpu::CommandEncoder, work: f64) -> Result<wgpu::SubmissionIndex> {
        let index = gpu.queue.submit([encoder.finish()]);
        gpu.check_failure()?;
        self.under_way.push_back((index.clone(), work, Instant::now()));
        if self.under_way.len() > IN_FLIGHT {
            let (oldest, work, start) = self.under_way.pop_front().expect("more than IN_FLIGHT are there");
            wait(gpu, &oldest)?;
            // The next one ran behind it, so this is an upper bound of its own time.
            gpu.budget.learn(work, start.elapsed().as_secs_f64().max(1e-4));
        }
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_follows_the_speed_of_the_adapter_by_factors_of_two() {
        let budget = Budget::new(true);
        budget.learn(1e8, 1e-4);
        assert_eq!(budget.get(), 2e8, "fast: at most twice as much");
        budget.learn(2e8, 10.0);
        assert_eq!(budget.get(), 1e8, "slow: at least half as much");
        budget.learn(1e8, TARGET_SECONDS);
        assert!((budget.get() / 1e8 - 1.0).abs() < 1e-12, "just right");
        (0..20).for_each(|_| budget.learn(1.0, 1.0));
        assert_eq!(budget.get(), 1e6, "never nothing");
    }
}
