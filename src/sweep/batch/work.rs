//! What is done with a batch: what eigenvalues promise, what trajectories do, and their statistics.

use super::Batch;
use crate::error::Result;
use crate::rollout::Rollout;
use crate::sweep::accumulator::Accumulator;
use crate::sweep::part::Part;
use crate::sweep::prediction::Prediction;
use crate::sweep::{Course, Point, rollout};
use rayon::prelude::*;
use std::ops::{ControlFlow, Range};
use std::time::Instant;

/// What a batch found.
pub struct Worked {
    /// The blocks, in order, all of them unless it was stopped.
    pub parts: Vec<Part>,
    /// So many of them, the first ones, have all of their members.
    pub whole: usize,
    /// Was it asked to stop?
    pub stopped: bool,
}

impl Batch<'_> {
    /// Works on it until `told`, who is told how much is done, breaks.
    ///
    /// # Errors
    /// Whatever the device fails with.
    pub fn work(
        mut self,
        prediction: &mut dyn Prediction,
        spectra_seconds: &mut f64,
        told: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Worked> {
        let mut stopped = false;
        let mut told = |share: f64| {
            let flow = told(share);
            stopped |= flow.is_break();
            flow
        };
        let start = Instant::now();
        let [before, _] = prediction.shares();
        let known = prediction.prepare(self.device, self.members.clone(), &mut |share| told(before * share))?;
        *spectra_seconds += start.elapsed().as_secs_f64();
        self.cells = self.points.iter().map(|point| self.empty(prediction, point)).collect();
        let mut whole = 0;
        if known == self.members {
            let [_, behind] = prediction.shares();
            let done = self.roll(prediction, &mut |share| told(before + (behind - before) * share))?;
            let start = Instant::now();
            let followed = prediction.follow(&mut self, &mut |share| told(behind + (1.0 - behind) * share))?;
            self.predict(prediction, done);
            *spectra_seconds += start.elapsed().as_secs_f64();
            whole = if followed.is_break() { 0 } else { self.blocks_to(done) };
        }
        Ok(Worked { parts: self.parts(prediction, known), whole, stopped })
    }

    /// How many blocks are whole when the members up to `done` are.
    fn blocks_to(&self, done: usize) -> usize {
        let members = done - self.members.start;
        if done == self.members.end { members.div_ceil(self.block) } else { members / self.block }
    }

    /// The empty cells of all blocks at a point.
    fn empty(&self, prediction: &dyn Prediction, point: &Point) -> Vec<Accumulator> {
        let starts = self.members.clone().step_by(self.block);
        let most = |start: usize| self.quantile_members.saturating_sub(start);
        starts.map(|start| prediction.accumulator(point).keeping(most(start))).collect()
    }

    /// What trajectories do. Returns the member up to which they were rolled out.
    fn roll(&mut self, prediction: &dyn Prediction, told: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<usize> {
        let Batch { device, spec, points, middle, block, .. } = *self;
        let (first, all) = (self.members.start, self.members.len());
        let mut done = 0;
        let rollout = Rollout { member_gains: prediction.gains(), ..rollout(spec, points) };
        let (cells, courses) = (&mut self.cells, &mut self.courses);
        rollout.run(device, self.members.clone(), spec.chunk.unwrap_or(0), &mut |outcomes| {
            let chunk = outcomes.members();
            cells.par_iter_mut().enumerate().for_each(|(place, cells)| {
                for i in (0..chunk.len()).filter(|i| prediction.counts(first + chunk.start + i)) {
                    let seen = outcomes.observation(i, spec.depth, place);
                    cells[(chunk.start + i) / block].observe(&outcomes.get(i, place), seen, spec);
                }
            });
            if let Some(place) = middle {
                let course = |i| Course::new(&outcomes.get(i, place), cells[place][0].is_apart());
                courses.extend((0..chunk.len()).map(course));
            }
            done = chunk.end;
            told(done as f64 / all as f64)
        })?;
        Ok(first + done)
    }

    /// What eigenvalues promise the members up to `done`.
    fn predict(&mut self, prediction: &dyn Prediction, done: usize) {
        let (first, block, points) = (self.members.start, self.block, self.points);
        self.cells.par_iter_mut().enumerate().for_each(|(place, cells)| {
            for member in first..done {
                if let Some(promise) = prediction.promise(member, place, &points[place]) {
                    cells[(member - first) / block].predict(promise, prediction.own_band(member, place));
                }
            }
        });
        if let Some(place) = self.middle {
            for (i, course) in self.courses.iter_mut().enumerate() {
                *course = course.predicted(prediction.promise(first + i, place, &points[place]).flatten());
            }
        }
    }

    /// The blocks that have any of the members that are `known`.
    fn parts(self, prediction: &dyn Prediction, known: Range<usize>) -> Vec<Part> {
        let mut cells: Vec<_> = self.cells.into_iter().map(Vec::into_iter).collect();
        let mut courses = self.courses.into_iter();
        let own = |start: usize| start..known.end.min(start + self.block);
        let part = |start: usize| Part {
            cells: cells.iter_mut().filter_map(Iterator::next).collect(),
            courses: courses.by_ref().take(self.block).collect(),
            members: self.middle.map(|_| prediction.members(own(start))).unwrap_or_default(),
            spectra: self.middle.map(|_| prediction.spectra(own(start))).unwrap_or_default(),
        };
        known.clone().step_by(self.block).map(part).collect()
    }
}
