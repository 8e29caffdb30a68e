//! Units of work: blocks of members, and what grew along the way of each.

use super::plan_of_a_step;
use crate::spec::LyapunovSpec;
use crate::units::{Blocks, Units};
use std::ops::Range;

/// What grew along the way of a member, in the counted steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// ln of the growth of the directions of the frame, `[blocks, exponents]`.
    pub of_directions: Vec<f64>,
    /// ln of the growth of the norm a step, where there are states.
    pub of_norm: Option<f64>,
}

/// The members of a block, in order; none for one that has no end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Of each.
    pub members: Vec<Option<Growth>>,
}

/// The units of a run.
pub struct Shapes(Blocks);

impl Shapes {
    /// Those of a specification.
    pub fn of(spec: &LyapunovSpec) -> Self {
        let steps = (spec.transient_steps + spec.depth) as f64;
        Shapes(Blocks::of(spec.ensemble.members, plan_of_a_step(spec).cost().flops * steps))
    }

    /// The members of some units.
    pub fn members(&self, units: Range<usize>) -> Range<usize> {
        self.0.members(units)
    }
}

impl Units for Shapes {
    type Part = Part;

    fn count(&self) -> usize {
        self.0.count()
    }

    /// In members.
    fn work(&self, unit: usize) -> f64 {
        self.0.members(unit..unit + 1).len() as f64
    }

    fn empty(&self, _unit: usize) -> Part {
        Part::default()
    }
}
