//! What becomes of the powers of a matrix: after each product the power is brought back to size 1 by an exact power of
//! two, its Frobenius norm is compared with the largest 2-norm so far, and it is decided what comes next.
//!
//! Once the 2-norm of a power is at most 1, no later power can exceed the earlier ones: ‖M^(q j + r)‖ <= ‖M^j‖^q ‖M^r‖.
//! So the peak is then proved, to rounding; a contraction's is known after one power. The 2-norm is asked for where the
//! Frobenius norm, its upper bound, is above the peak, and of the powers 1, 2, 4, 8, ..., which ends the search after at
//! most twice as many powers as it takes. Norms that differ by rounding are no different: the peak is the first of them.

mod case;

use crate::kernel::shared::team::Team;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// The scale of a power of a matrix, the peak of the norms so far, and what comes next.
    pub struct WatchPower = watch_power;
    shared { magnitude }
    constants {
        /// Integers of the state: the number of the power, its exponent, the number of the largest one, the exponent of
        /// its squared norm.
        pub STATE: usize = 4,
        /// The status of a matrix of which a power contracts, so that its peak is final.
        pub CONTRACTS: u32 = 1,
        /// The status of a matrix of which no power has contracted in time.
        GIVEN_UP: u32 = 2,
    }
    /// The size of the matrices, and how far powers are followed.
    params {
        /// Width of the matrices, padding included.
        n: u32,
        /// Powers are followed so far.
        most: u32,
        /// What rounding may add to a squared norm, relatively.
        band: f32,
    }
    buffers {
        power: write number,
        unit: read int,
        value: read number,
        state: write int,
        peak: write number,
        wanted: write word,
        running: write word,
        finished: write word,
    }
}

impl Kernel for WatchPower {
    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        vec![("LANES", Team::alone(p.n, machine).lanes.into())]
    }

    fn grid(_p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [1, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { power, unit, value, state, peak, wanted, running, finished } = views;
        if finished[0] != 0 {
            return;
        }
        if state[0] == 0 {
            peak[0] = T::ONE;
        }
        let band = T::from_f64(p.band);
        let mut contracted = false;
        if wanted[0] != 0 {
            let found = Scaled::of(value[0]).shifted(2 * state[1]);
            if found.exceeds(Scaled { exponent: state[3], mantissa: peak[0] }, band) {
                (state[2], state[3], peak[0]) = (state[0], found.exponent, found.mantissa);
            }
            contracted = !found.exceeds(Scaled::ONE, band);
        }
        state[0] += 1;
        let most = power.iter().fold(T::ZERO, |most, x| if x.abs() > most { x.abs() } else { most });
        let shift = most.exponent().clamp(-126, 126);
        power.iter_mut().for_each(|x| *x *= T::power_of_two(-shift));
        state[1] += unit[0] + shift;
        let gone = most < T::power_of_two(-126);
        let square = if gone { Scaled::ONE } else { Scaled::of(sum_of_squares(power)) };
        let norm = square.shifted(2 * state[1]);
        finished[0] = match () {
            () if contracted || gone || !norm.exceeds(Scaled::ONE, band) => CONTRACTS,
            () if state[0] >= p.most as i32 => GIVEN_UP,
            () => 0,
        };
        running[0] = u32::from(finished[0] == 0);
        let milestone = (state[0] as u32).is_power_of_two();
        let higher = norm.exceeds(Scaled { exponent: state[3], mantissa: peak[0] }, band);
        wanted[0] = u32::from(finished[0] == 0 && (milestone || higher));
    }

    fn cost(p: &Params) -> Cost {
        let size = (p.n * p.n) as f64;
        Cost { flops: 3.0 * size, bytes: 8.0 * size }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// mantissa 2^exponent, with a mantissa in [1, 2) or 0.
#[derive(Clone, Copy)]
struct Scaled<T> {
    exponent: i32,
    mantissa: T,
}

impl<T: Real> Scaled<T> {
    const ONE: Self = Scaled { exponent: 0, mantissa: T::ONE };

    /// A normal x > 0.
    fn of(x: T) -> Self {
        let exponent = x.exponent();
        Scaled { exponent, mantissa: x * T::power_of_two(-exponent.clamp(-126, 126)) }
    }

    /// 2^by times it.
    fn shifted(self, by: i32) -> Self {
        Scaled { exponent: self.exponent + by, ..self }
    }

    /// Is it larger than another beyond rounding?
    fn exceeds(self, other: Self, band: T) -> bool {
        let shift = (self.exponent - other.exponent).clamp(-60, 60);
        self.mantissa * T::power_of_two(shift) > other.mantissa * (T::ONE + band)
    }
}

/// In 16 sums, which fill vector registers.
fn sum_of_squares<T: Real>(values: &[T]) -> T {
    let mut sums = [T::ZERO; 16];
    for chunk in values.chunks_exact(16) {
        sums.iter_mut().zip(chunk).for_each(|(sum, &x)| *sum += x * x);
    }
    sums.into_iter().fold(T::ZERO, |all, sum| all + sum)
}
