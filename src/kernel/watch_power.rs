//! What becomes of the powers of a matrix: after each product the power is brought back to size 1 by an exact power of
//! two, its Frobenius norm is compared with the largest 2-norm so far, and it is decided what comes next.
//!
//! A power whose Frobenius norm is not above the peak needs no 2-norm. Once a Frobenius norm is below 1/2, no later
//! power can exceed the earlier ones: ‖M^(q j + r)‖ <= ‖M^j‖^q ‖M^r‖. So the peak is then proved, to rounding.

use crate::kernel::Access::{Read, Write};
use crate::kernel::Element::{Int, Real as Number, Word};
use crate::kernel::hessenberg::Team;
use crate::kernel::{Binding, Case, CaseBuffer, Cost, Kernel, Machine, View, mismatch};
use crate::random::sample;
use crate::real::Real;

params! {
    /// Sizes.
    pub struct Params {
        /// Width of the matrices, padding included.
        n: u32,
        /// Powers are followed so far.
        most: u32,
    }
}

/// Rows of the state: the number of the power, its exponent, the number of the largest one, the exponent of its squared
/// norm.
pub const STATE: usize = 4;

/// The word of a matrix whose powers decay, so that its peak is final.
pub const DECAYED: u32 = 1;
/// The word of a matrix whose powers have not decayed in time.
const GIVEN_UP: u32 = 2;

/// The kernel.
pub struct WatchPower;

impl Kernel for WatchPower {
    const NAME: &'static str = "watch_power";
    const SOURCE: &'static str =
        concat!(include_str!("../../shaders/shared/magnitude.wgsl"), include_str!("../../shaders/watch_power.wgsl"));
    const BUFFERS: &'static [Binding] = &[
        ("power", Write, Number),
        ("unit", Read, Int),
        ("value", Read, Number),
        ("state", Write, Int),
        ("peak", Write, Number),
        ("wanted", Write, Word),
        ("running", Write, Word),
        ("finished", Write, Word),
    ];
    type Params = Params;

    fn constants(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        vec![("LANES", Team::alone(p.n, machine.software).lanes.into())]
    }

    fn grid(_p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [1, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: &mut [View<T>]) {
        let [
            View::RealMut(power),
            View::Int(unit),
            View::Real(value),
            View::IntMut(state),
            View::RealMut(peak),
            View::WordMut(wanted),
            View::WordMut(running),
            View::WordMut(finished),
        ] = views
        else {
            mismatch(Self::NAME)
        };
        if finished[0] != 0 {
            return;
        }
        if state[0] == 0 {
            peak[0] = T::ONE;
        }
        if wanted[0] != 0 {
            let (exponent, mantissa) = parts(value[0]);
            let found = (2 * state[1] + exponent, mantissa);
            if found > (state[3], peak[0]) {
                (state[2], state[3], peak[0]) = (state[0], found.0, found.1);
            }
        }
        state[0] += 1;
        let most = power.iter().fold(T::ZERO, |most, x| if x.abs() > most { x.abs() } else { most });
        let shift = most.exponent().clamp(-126, 126);
        power.iter_mut().for_each(|x| *x *= T::power_of_two(-shift));
        state[1] += unit[0] + shift;
        let gone = most < T::power_of_two(-126);
        let (exponent, mantissa) = if gone { (0, T::ONE) } else { parts(sum_of_squares(power)) };
        let norm = (2 * state[1] + exponent, mantissa);
        finished[0] = match () {
            () if gone || norm.0 < -2 => DECAYED,
            () if state[0] >= p.most as i32 => GIVEN_UP,
            () => 0,
        };
        running[0] = u32::from(finished[0] == 0);
        wanted[0] = u32::from(finished[0] == 0 && norm > (state[3], peak[0]));
    }

    fn cost(p: &Params) -> Cost {
        let size = (p.n * p.n) as f64;
        Cost { flops: 3.0 * size, bytes: 8.0 * size }
    }

    fn cases() -> Vec<Case<Params>> {
        vec![case(4), case(12), case(36)]
    }
}

/// x = mantissa 2^exponent, for normal x > 0.
fn parts<T: Real>(x: T) -> (i32, T) {
    (x.exponent(), x * T::power_of_two(-x.exponent().clamp(-126, 126)))
}

/// In 16 sums, which fill vector registers.
fn sum_of_squares<T: Real>(values: &[T]) -> T {
    let mut sums = [T::ZERO; 16];
    for chunk in values.chunks_exact(16) {
        sums.iter_mut().zip(chunk).for_each(|(sum, &x)| *sum += x * x);
    }
    sums.into_iter().fold(T::ZERO, |all, sum| all + sum)
}

/// Members: a first step; one whose last norm was a peak; one whose last norm was none, with a power that decays; one
/// that has vanished; one that is given up; one that is finished; one whose norm is 1/2, which is not below it.
fn case(n: usize) -> Case<Params> {
    let members = 7;
    let mut power = sample(2500 + n as u32, members * n * n);
    let scales = [1.0, 3.0, f64::powi(2.0, -9), 0.0, 5.0, 7.0, 0.0];
    power.iter_mut().enumerate().for_each(|(i, x)| *x = (*x * scales[i / (n * n)]) as f32 as f64);
    power[6 * n * n] = 1.0;
    // The other exponents put the norms far from the limits at which a decision turns.
    let state = [[0, 0, 0, 0], [3, 5, 2, 4], [8, -4, 6, 20], [2, 1, 0, 0], [9, 2, 0, 0], [5, 0, 4, 2], [4, -1, 1, 0]];
    Case {
        name: format!("{n} x {n}"),
        members,
        params: Params { n: n as u32, most: 10 },
        buffers: vec![
            CaseBuffer::Real(power),
            CaseBuffer::Int(vec![2, -1, 0, 0, 1, 0, 0]),
            CaseBuffer::Real(vec![0.0, 6.5, 3.0, 2.0, 1.5, 9.0, 1.0]),
            CaseBuffer::Int(state.concat()),
            CaseBuffer::Real(vec![0.0, 1.25, 1.5, 1.0, 1.0, 1.5, 1.0]),
            CaseBuffer::Word(vec![0, 1, 1, 0, 0, 1, 0]),
            CaseBuffer::Word(vec![0, 1, 1, 1, 1, 0, 1]),
            CaseBuffer::Word(vec![0, 0, 0, 0, 0, 1, 0]),
        ],
        // Scaling is exact, and so is the mantissa of a value.
        tolerance: vec![vec![0.0], vec![0.0]],
    }
}
