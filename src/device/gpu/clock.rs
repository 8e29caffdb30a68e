//! Timestamp queries around every run of a plan, for profiles.

use crate::device::gpu::Gpu;
use std::ops::Range;

/// Runs of one query set: each takes a timestamp at its begin and at its end.
const RUNS_OF_SET: usize = wgpu::QUERY_SET_MAX_QUERIES as usize / 2;

/// Begin and end of every run of a plan, on adapters that have timestamps.
pub struct Clock {
    sets: Vec<wgpu::QuerySet>,
    ticks: Vec<wgpu::Buffer>,
    staging: Vec<wgpu::Buffer>,
    seconds_of_tick: f64,
}

impl Clock {
    /// Queries for so many runs; none where the adapter has no timestamps.
    pub fn new(gpu: &Gpu, runs: usize) -> Option<Self> {
        let period = gpu.queue.get_timestamp_period();
        if !gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) || period <= 0.0 {
            return None;
        }
        let counts = || (0..runs).step_by(RUNS_OF_SET).map(move |first| RUNS_OF_SET.min(runs - first));
        let set = |count| {
            gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("clock"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * count as u32,
            })
        };
        let buffer = |count: usize, usage| {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("clock"),
                size: 16 * count as u64,
                usage,
                mapped_at_creation: false,
            })
        };
        let (resolve, read) = (wgpu::BufferUsages::QUERY_RESOLVE, wgpu::BufferUsages::MAP_READ);
        Some(Clock {
            sets: counts().map(set).collect(),
            ticks: counts().map(|count| buffer(count, resolve | wgpu::BufferUsages::COPY_SRC)).collect(),
            staging: counts().map(|count| buffer(count, read | wgpu::BufferUsages::COPY_DST)).collect(),
            seconds_of_tick: period as f64 * 1e-9,
        })
    }

    /// What the pass of run `run` must write.
    pub fn around(&self, run: usize) -> wgpu::ComputePassTimestampWrites<'_> {
        let place = 2 * (run % RUNS_OF_SET) as u32;
        wgpu::ComputePassTimestampWrites {
            query_set: &self.sets[run / RUNS_OF_SET],
            beginning_of_pass_write_index: Some(place),
            end_of_pass_write_index: Some(place + 1),
        }
    }

    /// Asks for the timestamps of some runs, behind the last of them. Others may not have been written.
    pub fn resolve(&self, encoder: &mut wgpu::CommandEncoder, runs: Range<usize>) {
        for (i, own) in self.by_set(runs) {
            let queries = 2 * own.start as u32..2 * own.end as u32;
            encoder.resolve_query_set(&self.sets[i], queries, &self.ticks[i], 0);
            encoder.copy_buffer_to_buffer(&self.ticks[i], 0, &self.staging[i], 0, 16 * own.len() as u64);
        }
    }

    /// The query sets that hold these runs, with their places there.
    fn by_set(&self, runs: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let own = move |i: usize| {
            let first = i * RUNS_OF_SET;
            let place = |run: usize| run.clamp(first, first + RUNS_OF_SET) - first;
            (i, place(runs.start)..place(runs.end))
        };
        (0..self.sets.len()).map(own).filter(|(_, own)| !own.is_empty())
    }

    /// Asks for the memory of the answers; they are there after the next wait.
    pub fn map(&self) {
        for staging in &self.staging {
            // A failure shows in `seconds`.
            staging.map_async(wgpu::MapMode::Read, .., |_| ());
        }
    }

    /// Seconds of these runs, after the wait that follows [`Clock::map`].
    pub fn seconds(&self, runs: Range<usize>) -> Vec<f64> {
        let mut seconds = Vec::new();
        for (i, own) in self.by_set(runs) {
            if let Ok(view) = self.staging[i].get_mapped_range(..) {
                let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&view);
                let run = |pair: &[u64]| pair[1].saturating_sub(pair[0]) as f64 * self.seconds_of_tick;
                seconds.extend(ticks.chunks_exact(2).take(own.len()).map(run));
            }
        }
        self.staging.iter().for_each(wgpu::Buffer::unmap);
        seconds
    }
}
