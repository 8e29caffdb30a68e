//! What a sublayer's update `out = keep base + gain f` does at each grid point.

use crate::integrator::{Field, Operation, Program};
use crate::layer::{Coefficients, Point};
use crate::plan::{Plan, Reals};
use crate::weights::Scale;

/// A use of the update kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Update {
    /// (1 - fraction gamma) x + fraction h f(x): an Euler sub-step.
    Substep(f64),
    /// h f(x) - sublayers gamma x: the increment of one sublayer with the friction of so many.
    Increment(usize),
    /// base + fraction h f(x): one more branch or sublayer.
    Added(f64),
    /// f(x) alone.
    Field,
    /// base + f(x).
    FieldAdded,
}

/// Columns of a state or of tangents, the first of which are those of the grid points, the others padding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeated {
    /// All of them.
    pub columns: usize,
    /// How many each grid point has.
    pub repeat: usize,
}

impl Update {
    /// The uses that a program has for a branch of sublayer `sublayer`, each once; `first` is that of its branches which
    /// comes first.
    pub fn of(program: &Program, sublayer: usize, first: bool) -> Vec<Self> {
        let update = |operation: &Operation| match *operation {
            Operation::Substep { sublayer: own, fraction, .. } => {
                (own == sublayer).then_some(Update::Substep(fraction))
            }
            Operation::Increment { of: Field::Sublayer(own), .. } => (own == sublayer).then_some(Update::Increment(1)),
            Operation::Increment { of: Field::All, .. } if sublayer == 0 => {
                Some(Update::Increment(program.sublayers()))
            }
            Operation::Increment { of: Field::All, .. } => Some(Update::Added(1.0)),
            Operation::Sum { .. } => None,
        };
        let mut updates: Vec<Update> = Vec::new();
        for update in program.operations().iter().filter_map(update) {
            let update = if first { update } else { update.added() };
            if !updates.contains(&update) {
                updates.push(update);
            }
        }
        updates
    }

    /// The use of another branch at the same state, whose result is added.
    pub fn added(self) -> Self {
        match self {
            Update::Substep(fraction) => Update::Added(fraction),
            Update::Increment(_) | Update::Added(_) => Update::Added(1.0),
            Update::Field | Update::FieldAdded => Update::FieldAdded,
        }
    }

    /// `[keep | gain, columns]` for an output projection whose weights have
    /// this scale; padding is 0.
    pub fn coefficients(self, Repeated { columns, repeat }: Repeated, points: &[Point], output: Scale) -> Vec<f64> {
        let mut values = vec![0.0; 2 * columns];
        for column in 0..points.len() * repeat {
            let own = Coefficients::of_update(self, &points[column / repeat], output);
            (values[column], values[columns + column]) = (own.keep, own.gain);
        }
        values
    }
}

/// The coefficients of the uses of one sublayer, `[keep | gain, columns]` each.
pub(super) struct UpdateCoefficients(Vec<(Update, Reals)>);

impl UpdateCoefficients {
    /// Of a state or tangents with these columns.
    pub fn new(plan: &mut Plan, columns: Repeated, points: &[Point], output: Scale, updates: &[Update]) -> Self {
        let buffer = |update: &Update| {
            (*update, plan.shared_reals("coefficients", update.coefficients(columns, points, output)))
        };
        UpdateCoefficients(updates.iter().map(buffer).collect())
    }

    /// Those of a use.
    pub fn of(&self, update: Update) -> Reals {
        self.0.iter().find(|(own, _)| *own == update).expect("every use of a sublayer is foreseen").1
    }
}
