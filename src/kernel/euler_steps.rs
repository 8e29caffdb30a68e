//! Some linear Euler steps in a row: `x <- keep x + gain (weights . x)`, `steps` times, with the record of every column
//! after each of them, as that many runs of [`euler_update`] would leave it.
//!
//! A GPU keeps whole columns in workgroup memory from the first step to the last; the CPU keeps a panel of columns in
//! its first-level cache, and its numbers are those of single steps bit for bit. A plan of many steps is up to
//! [`STEPS`] times as short.
//!
//! # Who takes it
//!
//! - Hardware. On an H100 (NVIDIA 580.159.04, 26 November 2026), 1,024 members of n = 64 with 256 columns and 80
//!   steps take 7.3 ms in this kernel, by timestamps: 24.5 TFLOP/s, 41 % of what its multiply-adds from registers reach,
//!   with 20.6 TFLOP/s at n = 128. As single steps it is 11.6 ms, and 80 dispatches instead of 3. Without the
//!   multiply-adds of the products, all else as it is, 4.4 of 13.3 ms were left in the first layout. `layout` has the
//!   others. The compiler takes 86 registers and spills none.
//! - The CPU, for the shorter plans; its time is the same: 19.8 us a step instead of 19.9 (n = 64, 256 columns, one
//!   core of a Zen 4, fastest of many), gathering and scattering included.
//! - Not lavapipe: 10 GFLOP/s at n = 64 instead of 14 with single steps (`bench --only blocks`).
//!
//! # Tried and rejected
//!
//! Two buffers for the state and weights read from storage at every step, in blocks of 4 by 4: one barrier less, but
//! each multiply-add of a lane waited for half a load, and rows of weights lie in cache lines of their own. On lavapipe
//! it took twice the time of single steps.

mod case;
mod layout;

use crate::kernel::euler_update::{self, Update};
use crate::kernel::shared::trajectory::{event, norm};
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::machine::Processor;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};
use layout::Layout;
pub use layout::{blocks, fits};

kernel! {
    /// Some linear Euler steps in one run.
    pub struct EulerSteps = euler_steps;
    shared { magnitude, block, trajectory, track }
    behind { column_squares }
    /// The sizes of the state, padded to multiples of 4 with zeros, and the steps that a run makes.
    params {
        /// Rows of the state and of the weights; on a GPU as many as [`fits`] says.
        rows: u32,
        /// Columns of the state: grid points.
        columns: u32,
        /// The number of the first step, from 1.
        first: u32,
        /// Steps of this run, at most [`STEPS`].
        steps: u32,
        /// As in [`euler_update`].
        renormalise: u32,
        /// As in [`euler_update`].
        threshold_exponent: i32,
        /// As in [`euler_update`].
        threshold_mantissa: f32,
    }
    buffers {
        weights: read vec4,
        coefficients: read vec4,
        member_gain: read number,
        x: write vec4,
        norms: write number,
        events: write int,
    }
}

/// Rows of which a panel of columns fits the first-level cache of a processor twice.
const CACHED_ROWS: usize = 128;
/// Steps of one run: beyond, neither bytes nor dispatches matter, and a run must not be long for a watchdog.
pub const STEPS: usize = 32;

/// The steps that are best made in one run with a state of so many rows: 1 where it would not stay close.
pub fn steps_at_once(rows: usize, machine: &Machine) -> usize {
    let stays = match machine.processor {
        Processor::Host => rows <= CACHED_ROWS,
        Processor::Hardware => fits(rows as u32, machine),
        Processor::Software => false,
    };
    if stays { STEPS } else { 1 }
}

impl Kernel for EulerSteps {
    const TRUSTED: bool = true;

    fn fits(p: &Params, machine: &Machine) -> bool {
        machine.processor == Processor::Host || fits(p.rows, machine)
    }

    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        Layout::of(p.rows, p.columns, machine).overrides()
    }

    fn grid(p: &Params, members: u32, machine: &Machine) -> [u32; 3] {
        [Layout::of(p.rows, p.columns, machine).blocks.tiles(p.rows, p.columns)[1], 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { weights, coefficients, member_gain, x, norms, events } = views;
        dispatch(Steps { p, weights, coefficients, member_gain: member_gain[0], x, norms, events });
    }

    fn cost(p: &Params) -> Cost {
        let (rows, columns, steps) = (p.rows as f64, p.columns as f64, p.steps as f64);
        Cost {
            flops: steps * (2.0 * rows * rows * columns + 5.0 * rows * columns),
            bytes: 4.0 * (rows * rows + 2.0 * rows * columns),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The steps of a member.
struct Steps<'a, T> {
    p: &'a Params,
    weights: &'a [T],
    coefficients: &'a [T],
    member_gain: T,
    x: &'a mut [T],
    norms: &'a mut [T],
    events: &'a mut [i32],
}

/// Columns that are taken through all steps at once: the panel of the widest tile.
const PANEL: usize = 32;

impl<T: Real> Work for Steps<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let (rows, columns) = (self.p.rows as usize, self.p.columns as usize);
        let (mut now, mut next) = (vec![T::ZERO; rows * PANEL], vec![T::ZERO; rows * PANEL]);
        for column in (0..columns).step_by(PANEL) {
            let wide = PANEL.min(columns - column);
            let panel = Panel { column, columns, wide };
            let lines = rows * wide;
            let mut coefficients = [T::ZERO; 2 * PANEL];
            let mut norms = [T::ZERO; norm::ROWS * PANEL];
            let mut events = [0; event::ROWS * PANEL];
            gather(self.coefficients, panel, &mut coefficients);
            gather(self.x, panel, &mut now);
            gather(self.norms, panel, &mut norms);
            gather(self.events, panel, &mut events);
            for step in 0..self.p.steps {
                let update = Update {
                    p: &self.p.update(wide, step),
                    weights: self.weights,
                    input: &now[..lines],
                    x: &now[..lines],
                    coefficients: &coefficients,
                    member_gain: self.member_gain,
                    out: &mut next,
                    norms: &mut norms,
                    events: &mut events,
                };
                update.run::<BYTES, FUSED>();
                std::mem::swap(&mut now, &mut next);
            }
            scatter(&now, panel, self.x);
            scatter(&norms, panel, self.norms);
            scatter(&events, panel, self.events);
        }
    }
}

impl Params {
    /// Those of one of the steps, from 0, as an Euler update of so many columns.
    #[inline(always)]
    fn update(&self, columns: usize, step: u32) -> euler_update::Params {
        euler_update::Params {
            rows: self.rows,
            inner: self.rows,
            columns: columns as u32,
            step: self.first + step,
            record: 1,
            renormalise: self.renormalise,
            threshold_exponent: self.threshold_exponent,
            threshold_mantissa: self.threshold_mantissa,
        }
    }
}

/// Some columns of a matrix.
#[derive(Clone, Copy)]
struct Panel {
    /// The first of them.
    column: usize,
    /// Those of the matrix.
    columns: usize,
    /// How many they are.
    wide: usize,
}

/// `wide` columns of all rows, from `column`, one row behind the other.
#[inline(always)]
fn gather<T: Copy>(from: &[T], Panel { column, columns, wide }: Panel, to: &mut [T]) {
    for (from, to) in from.chunks_exact(columns).zip(to.chunks_exact_mut(wide)) {
        to.copy_from_slice(&from[column..column + wide]);
    }
}

/// The way back.
#[inline(always)]
fn scatter<T: Copy>(from: &[T], Panel { column, columns, wide }: Panel, to: &mut [T]) {
    for (from, to) in from.chunks_exact(wide).zip(to.chunks_exact_mut(columns)) {
        to[column..column + wide].copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::CaseBuffer;

    /// A member's state, and what is noted of it.
    #[derive(Clone)]
    struct Trajectory {
        x: Vec<f32>,
        norms: Vec<f32>,
        events: Vec<i32>,
    }

    /// Single steps, one after the other, on the whole state.
    fn single_steps(p: &Params, [weights, coefficients]: [&[f32]; 2], own: &mut Trajectory) {
        for step in 0..p.steps {
            let x = own.x.clone();
            let views = euler_update::Views {
                weights,
                input: &x,
                x: &x,
                coefficients,
                member_gain: &[1.0],
                out: &mut own.x,
                norms: &mut own.norms,
                events: &mut own.events,
            };
            euler_update::EulerUpdate::twin::<f32>(&p.update(p.columns as usize, step), views);
        }
    }

    #[test]
    fn the_steps_are_those_of_the_euler_update() {
        for case in EulerSteps::cases() {
            let p = case.params;
            let reals = |i: usize| -> Vec<f32> {
                match &case.buffers[i] {
                    CaseBuffer::Real(values) | CaseBuffer::SharedReal(values) => values
                        [..values.len() / if i == 1 { 1 } else { case.members }]
                        .iter()
                        .map(|&x| x as f32)
                        .collect(),
                    _ => unreachable!("numbers"),
                }
            };
            let CaseBuffer::Int(events) = &case.buffers[5] else { unreachable!("integers") };
            let (weights, coefficients) = (reals(0), reals(1));
            let mut one =
                Trajectory { x: reals(3), norms: reals(4), events: events[..events.len() / case.members].to_vec() };
            let mut all = one.clone();
            single_steps(&p, [&weights, &coefficients], &mut one);
            let views = Views {
                weights: &weights,
                coefficients: &coefficients,
                member_gain: &[1.0],
                x: &mut all.x,
                norms: &mut all.norms,
                events: &mut all.events,
            };
            EulerSteps::twin::<f32>(&p, views);
            let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&one.x), bits(&all.x), "{}", case.name);
            assert_eq!(bits(&one.norms), bits(&all.norms), "{}", case.name);
            assert_eq!(one.events, all.events, "{}", case.name);
        }
    }
}
