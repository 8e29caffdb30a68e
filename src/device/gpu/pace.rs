//! How much work goes into a submission: enough to keep the adapter busy, not so much that a watchdog strikes.

use crate::device::gpu::Gpu;
use crate::error::Result;
use std::collections::VecDeque;
use std::time::Instant;

/// How long one submission should take: watchdogs strike from half a second on.
const TARGET_SECONDS: f64 = 0.075;
/// Submissions that may be under way at a time.
const IN_FLIGHT: usize = 2;

/// The submissions of a session.
pub struct Pace {
    /// Flops plus bytes that take [`TARGET_SECONDS`], as far as the last submissions of this plan tell: another plan's
    /// may be many times as fast.
    budget: f64,
    under_way: VecDeque<(wgpu::SubmissionIndex, f64, Instant)>,
}

impl Pace {
    /// Begins with far less than a tenth of a second for the slowest adapter of its kind.
    pub fn new(software: bool) -> Self {
        Pace { budget: if software { 1e8 } else { 1e10 }, under_way: VecDeque::new() }
    }

    /// Is so much work enough for a submission?
    pub fn is_enough(&self, work: f64) -> bool {
        work > self.budget
    }

    /// Submits; then waits until few enough are under way, and learns from the time that the oldest one took.
    pub fn submit(&mut self, gpu: &Gpu, encoder: wgpu::CommandEncoder, work: f64) -> Result<wgpu::SubmissionIndex> {
        let index = gpu.queue.submit([encoder.finish()]);
        gpu.check_failure()?;
        self.under_way.push_back((index.clone(), work, Instant::now()));
        if self.under_way.len() > IN_FLIGHT {
            let (oldest, work, start) = self.under_way.pop_front().expect("more than IN_FLIGHT are there");
            gpu.wait(&oldest)?;
            // The next one ran behind it, so this is an upper bound of its own time.
            self.learn(work, start.elapsed().as_secs_f64().max(1e-4));
        }
        Ok(index)
    }

    /// Learns from a submission, by a factor of 2 at most.
    fn learn(&mut self, work: f64, seconds: f64) {
        let ideal = work / seconds * TARGET_SECONDS;
        self.budget = ideal.clamp(self.budget / 2.0, self.budget * 2.0).max(1e6);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_follows_the_speed_of_the_adapter_by_factors_of_two() {
        let mut pace = Pace::new(true);
        pace.learn(1e8, 1e-4);
        assert_eq!(pace.budget, 2e8, "fast: at most twice as much");
        pace.learn(2e8, 10.0);
        assert_eq!(pace.budget, 1e8, "slow: at least half as much");
        pace.learn(1e8, TARGET_SECONDS);
        assert!((pace.budget / 1e8 - 1.0).abs() < 1e-12, "just right");
        (0..20).for_each(|_| pace.learn(1.0, 1.0));
        assert_eq!(pace.budget, 1e6, "never nothing");
    }
}
