//! What a unit of work finds, and where such parts of a sweep are kept.

use super::accumulator::Accumulator;
use super::batch::Pass;
use super::division::Division;
use super::jacobians::linearised_steps;
use super::{Cell, Course, Member, Point};
use crate::error::Result;
use crate::numbers::statistics::{Field, Fields};
use crate::spec::{Model, SweepSpec};
use crate::spectrum::Spectrum;
use rayon::prelude::*;

/// What became of a block of members at the grid points of a pass. All but the cells is there for the pass only that has
/// the point in the middle of the grid.
#[derive(Clone, Default)]
pub struct Part {
    /// The statistics at each point.
    pub(super) cells: Vec<Accumulator>,
    /// The members of a linear sweep.
    pub members: Vec<Member>,
    /// What became of each at the point in the middle.
    pub courses: Vec<Course>,
    /// The spectra of those that are among the first ones.
    pub spectra: Vec<Spectrum>,
}

impl Part {
    /// A part without members of a sweep with so many points in the pass, into which one that was kept is read.
    pub fn empty(spec: &SweepSpec, points: usize) -> Self {
        let cell = match spec.layer.model {
            Model::Linear => Accumulator::default(),
            _ => Accumulator::default().apart(&linearised_steps(spec)),
        };
        Part { cells: vec![cell; points], ..Part::default() }
    }

    /// The number of grid points.
    pub fn points(&self) -> usize {
        self.cells.len()
    }

    /// How many values its quantiles come from.
    pub fn values(&self) -> usize {
        self.cells.iter().map(Accumulator::values).sum()
    }

    /// Shows every number of the statistics at a point with its name.
    pub fn fields(&mut self, point: usize, see: &mut dyn FnMut(String, Field)) {
        self.cells[point].fields("", see);
    }

    /// Adds the block behind.
    pub(super) fn merge(&mut self, mut later: Part) {
        if self.cells.is_empty() {
            *self = later;
            return;
        }
        self.cells.iter_mut().zip(later.cells).for_each(|(own, later)| own.merge(later));
        self.members.append(&mut later.members);
        self.courses.append(&mut later.courses);
        self.spectra.append(&mut later.spectra);
    }
}

/// Where parts go when they are done, and come from when they have been done before. Units are counted from 0 through all
/// combinations of a sweep.
pub trait Parts {
    /// Is this unit to be worked on, if it has not been?
    fn wants(&self, unit: usize) -> bool;

    /// Has it been?
    fn has(&self, unit: usize) -> bool;

    /// Are the parts wanted as one result?
    fn is_whole(&self) -> bool;

    /// A part that has been done; `empty` is one of its shape.
    ///
    /// # Errors
    /// Whatever goes wrong where it was kept.
    fn take(&mut self, unit: usize, empty: Part) -> Result<Part>;

    /// Keeps the part of a unit that is done.
    ///
    /// # Errors
    /// Whatever goes wrong where it is to be kept.
    fn keep(&mut self, unit: usize, part: &Part) -> Result<()>;
}

/// Nothing has been done before, and nothing is kept but the result.
pub struct Afresh;

impl Parts for Afresh {
    fn wants(&self, _unit: usize) -> bool {
        true
    }

    fn has(&self, _unit: usize) -> bool {
        false
    }

    fn is_whole(&self) -> bool {
        true
    }

    fn take(&mut self, _unit: usize, empty: Part) -> Result<Part> {
        Ok(empty)
    }

    fn keep(&mut self, _unit: usize, _part: &Part) -> Result<()> {
        Ok(())
    }
}

/// The parts of one combination of a sweep, whose units are counted from 0 here.
pub(super) struct Numbered<'a> {
    pub parts: &'a mut dyn Parts,
    /// The first of its units among all.
    pub first: usize,
}

impl Numbered<'_> {
    pub fn has(&self, unit: usize) -> bool {
        self.parts.has(self.first + unit)
    }

    /// Is it still to be worked on?
    pub fn is_left(&self, unit: usize) -> bool {
        !self.has(unit) && self.parts.wants(self.first + unit)
    }

    pub fn is_whole(&self) -> bool {
        self.parts.is_whole()
    }

    pub fn take(&mut self, unit: usize, empty: Part) -> Result<Part> {
        self.parts.take(self.first + unit, empty)
    }

    pub fn keep(&mut self, unit: usize, part: &Part) -> Result<()> {
        self.parts.keep(self.first + unit, part)
    }

    /// What is left to do, in members times grid points.
    pub fn left(&self, division: &Division, passes: &[Pass]) -> f64 {
        let blocks = division.blocks();
        let of = |unit: &usize| {
            let block = unit % blocks;
            (division.members(block..block + 1).len() * passes[unit / blocks].points.len()) as f64
        };
        (0..division.units()).filter(|&unit| self.is_left(unit)).map(|unit| of(&unit)).sum()
    }
}

/// The cells of a part, at these points.
pub(super) fn cells(part: Part, points: &[Point]) -> Vec<Cell> {
    part.cells.into_par_iter().zip(points).map(|(cell, point)| cell.cell(point)).collect()
}
