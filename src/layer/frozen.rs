//! A step with frozen fields: what it would make of a state if every sublayer's f stayed what it was elsewhere.

use crate::integrator::{self, Field, Operation};
use crate::layer::Point;
use crate::layer::point::Coefficients;
use crate::layer::update::Update;
use crate::spec::Integrator;
use crate::weights::Scale;

/// The step of an explicit integrator at a grid point from state `x`, where sublayer i's f is `fields[i]` whatever the state;
/// all of them have as many numbers as the state.
///
/// # Panics
/// For an integrator that needs a constant matrix.
pub fn frozen_step(integrator: Integrator, point: &Point, fields: &[Vec<f32>], x: &[f64]) -> Vec<f64> {
    let program = integrator::program(integrator, fields.len()).expect("specifications ask for explicit steps");
    let update = |base: &[f64], field: &[f32], update: Update| -> Vec<f64> {
        let Coefficients { keep, gain } = Coefficients::of_update(update, point, Scale::one());
        base.iter().zip(field).map(|(x, &f)| keep * x + gain * f64::from(f)).collect()
    };
    let mut states = vec![x.to_vec()];
    for operation in program.operations() {
        let next = match operation {
            Operation::Substep { sublayer, fraction, from } => {
                update(&states[from.index()], &fields[*sublayer], Update::Substep(*fraction))
            }
            Operation::Increment { of: Field::Sublayer(sublayer), at } => {
                update(&states[at.index()], &fields[*sublayer], Update::Increment(1))
            }
            Operation::Increment { of: Field::All, at } => {
                let first = update(&states[at.index()], &fields[0], Update::Increment(fields.len()));
                fields[1..].iter().fold(first, |sum, field| update(&sum, field, Update::Added(1.0)))
            }
            Operation::Sum { terms } => (0..x.len())
                .map(|i| terms.iter().map(|(value, factor)| factor * states[value.index()][i]).sum())
                .collect(),
        };
        states.push(next);
    }
    states.pop().expect("there is the state before the step")
}
