//! Working through the units of a plain sweep: what is left of them is done in batches, and their parts merge in order.

use super::affine::Affine;
use super::batch::{Batch, Pass, Worked};
use super::division::Division;
use super::jacobians::AlongTrajectories;
use super::linearisation::{linearised_members, linearised_steps};
use super::part::{self, Numbered, Part};
use super::prediction::Prediction;
use super::{Point, Sweep, Timing, check, points, quantile_members};
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::spec::{Model, SweepSpec};
use std::ops::{ControlFlow, Range};
use std::time::Instant;

/// Works on the units that are left of a valid plain sweep.
pub fn run(
    device: &Device,
    spec: &SweepSpec,
    division: Division,
    parts: Numbered,
    progress: Progress,
) -> Result<Sweep> {
    let (start, points) = (Instant::now(), points(spec));
    check(device, spec)?;
    let passes: Vec<Pass> = division.passes.iter().map(|places| Pass::of(places, &points)).collect();
    let prediction = prediction_of(device, spec);
    let mut sweep = Sweep::empty(spec, &*prediction, &points);
    let left = (0..division.units()).filter(|&unit| parts.is_left(unit)).map(|unit| division.work(unit)).sum();
    let mut units = Units { device, spec, division, passes, prediction, parts, progress, left, done: 0.0 };
    for number in 0..units.passes.len() {
        let found = units.pass(number, &mut sweep)?;
        sweep.take(found, &units.division.passes[number], &units.passes[number].points);
    }
    sweep.timing.total_seconds = start.elapsed().as_secs_f64();
    sweep.timing.rollout_seconds = sweep.timing.total_seconds - sweep.timing.spectra_seconds;
    Ok(sweep)
}

/// The units of a plain sweep while they are worked on.
struct Units<'a, 'b, 'c> {
    device: &'a Device,
    spec: &'a SweepSpec,
    division: Division,
    passes: Vec<Pass>,
    prediction: Box<dyn Prediction + 'a>,
    parts: Numbered<'b>,
    progress: Progress<'c>,
    /// How much there is to do, and how much of it is done, in members times grid points.
    left: f64,
    done: f64,
}

impl Units<'_, '_, '_> {
    /// The blocks of a pass, merged as far as they are there; `sweep` learns whether it was stopped, and how long spectra
    /// took.
    fn pass(&mut self, number: usize, sweep: &mut Sweep) -> Result<Part> {
        let (mut found, mut block) = (Part::default(), 0);
        while block < self.division.blocks.count() && !sweep.interrupted {
            let unit = self.unit(number, block);
            let batch = self.batch(number, block);
            if batch.is_empty() {
                let empty = || Part::empty(self.spec, self.passes[number].points.len());
                self.parts.known(unit, &empty)?.into_iter().for_each(|part| found.merge(part));
                block += 1;
                continue;
            }
            block = batch.end;
            let worked = self.work(number, batch, sweep)?;
            for (own, mut part) in worked.parts.into_iter().enumerate() {
                if own < worked.whole {
                    self.parts.keep(unit + own, &mut part)?;
                }
                if self.parts.is_whole() {
                    found.merge(part);
                }
            }
        }
        Ok(found)
    }

    fn unit(&self, pass: usize, block: usize) -> usize {
        pass * self.division.blocks.count() + block
    }

    /// The blocks from this one on that are worked on at once.
    fn batch(&self, pass: usize, block: usize) -> Range<usize> {
        let most = self.division.blocks.count().min(block + self.division.at_once);
        let end = (block..most).find(|&block| !self.parts.is_left(self.unit(pass, block))).unwrap_or(most);
        block..end
    }

    fn work(&mut self, pass: usize, blocks: Range<usize>, sweep: &mut Sweep) -> Result<Worked> {
        let (count, members) = (blocks.len(), self.division.blocks.members(blocks));
        let work = (members.len() * self.passes[pass].points.len()) as f64;
        let batch = Batch::new(self.device, self.spec, &self.passes[pass], members, self.division.blocks.block());
        let (left, done) = (self.left, self.done);
        let mut told = |share: f64| -> ControlFlow<()> {
            // Rounding is not to leave a run unfinished.
            let fraction = (done + share * work) / left;
            if fraction >= 1.0 { (self.progress)(1.0) } else { (self.progress)(fraction) }
        };
        let worked = batch.work(&mut *self.prediction, &mut sweep.timing.spectra_seconds, &mut told)?;
        self.done += work;
        sweep.interrupted = worked.stopped && (worked.whole < count || self.done < self.left);
        Ok(worked)
    }
}

impl Sweep {
    /// Cells that the run does not come to have no members and no values.
    fn empty(spec: &SweepSpec, prediction: &dyn Prediction, points: &[Point]) -> Self {
        Sweep {
            cells: points.iter().map(|point| prediction.accumulator(point).cell(point)).collect(),
            members: Vec::new(),
            courses: Vec::new(),
            spectra: Vec::new(),
            quantile_members: quantile_members(spec),
            linearised_members: match spec.layer.model {
                Model::Linear => spec.ensemble.members,
                _ => linearised_members(spec, points.len(), linearised_steps(spec).len()),
            },
            interrupted: false,
            timing: Timing::default(),
        }
    }

    /// What the blocks of a pass found, all merged.
    fn take(&mut self, mut found: Part, places: &[usize], points: &[Point]) {
        self.members.append(&mut found.members);
        self.courses.append(&mut found.courses);
        self.spectra.append(&mut found.spectra);
        places.iter().zip(part::cells(found, points)).for_each(|(&place, cell)| self.cells[place] = cell);
    }
}

/// The prediction of a model.
fn prediction_of<'a>(device: &Device, spec: &'a SweepSpec) -> Box<dyn Prediction + 'a> {
    match spec.layer.model {
        Model::Linear => Box::new(Affine::new(device, spec)),
        Model::Mlp | Model::Attention | Model::Transformer => Box::new(AlongTrajectories::new(device, spec)),
    }
}
