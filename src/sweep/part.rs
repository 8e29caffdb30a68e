//! What a unit of a sweep finds.

use super::accumulator::Accumulator;
use super::linearisation::linearised_steps;
use super::{Cell, Course, Member, Point};
use crate::error::Result;
use crate::numbers::statistics::{Field, Fields, Name};
use crate::spec::{Model, SweepSpec};
use crate::spectrum::Spectrum;
use crate::units::Parts;
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

    /// Shows every number of the statistics at a point with its name.
    pub fn fields(&mut self, point: usize, see: &mut dyn FnMut(Name, Field)) {
        self.cells[point].fields(Name::START, see);
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

/// The parts of one combination of a sweep, whose units are counted from 0 here.
pub(super) struct Numbered<'a> {
    pub parts: &'a mut dyn Parts<Part>,
    /// The first of its units among all.
    pub first: usize,
}

impl Numbered<'_> {
    /// Is it still to be worked on?
    pub fn is_left(&self, unit: usize) -> bool {
        self.parts.is_left(self.first + unit)
    }

    pub fn is_whole(&self) -> bool {
        self.parts.is_whole()
    }

    pub fn known(&mut self, unit: usize, empty: &dyn Fn() -> Part) -> Result<Option<Part>> {
        self.parts.known(self.first + unit, empty)
    }

    pub fn keep(&mut self, unit: usize, part: &mut Part) -> Result<()> {
        self.parts.keep(self.first + unit, part)
    }
}

/// The cells of a part, at these points.
pub(super) fn cells(part: Part, points: &[Point]) -> Vec<Cell> {
    part.cells.into_par_iter().zip(points).map(|(cell, point)| cell.cell(point)).collect()
}
