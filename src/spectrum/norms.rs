//! Norms of many matrices on a device: 2-norm, numerical abscissa, departure from normality, and the peak of the norms
//! of powers.
//!
//! Every matrix is first divided by the power of two of its largest entry, so no scale is too wild. The 2-norm is the
//! root of the largest eigenvalue of AᵀA, the numerical abscissa that of (A + Aᵀ) / 2: Householder's tridiagonalisation
//! and multisection, which fail for no matrix. Squaring costs the small singular values their digits, not the largest.
//!
//! # Errors
//!
//! With epsilon that of the device:
//! - AᵀA is off by (n + 2) epsilon |A|ᵀ|A|, whose norm is at most ‖A‖_F²; its reduction by about n epsilon ‖AᵀA‖_F. Half
//!   the sum over ‖A‖₂² is the relative error of the norm: (n + 1) r epsilon at worst, with r = ‖A‖_F² / ‖A‖₂² <= n.
//! - The reduction of the symmetric part is off by about n epsilon ‖A‖_F.
//! - These bounds take all rounding errors for conspirators. Sums of n independent ones grow like sqrt(n), which leaves
//!   [`norm_error`], (n + 16) epsilon ‖A‖₂, to both: the tests hold every family of matrices to it, and the worst that
//!   they have met is about half of it.
//! - The departure is off by its own sums and by what the eigenvalues are off: about sqrt(4 n epsilon) ‖A‖_F near 0.
//! - A power: each product adds (n + 2) epsilon ‖|M|‖ ‖|M^(k-1)|‖, which later factors carry on. For a matrix with
//!   entries of one sign that is a relative error of k (n + 2) epsilon at most; else it is larger by the condition of
//!   the power, max_j ‖M^(k-j)‖ ‖|M|‖ ‖|M^(j-1)|‖ / ‖M^k‖.
//!
//! # Speed
//!
//! Microseconds a matrix on both cores of a Zen 4 server, all in one process, best of three runs while others used the
//! machine too, so that only ratios mean much (`cargo bench --bench derived -- --quick`). Random matrices of radius
//! 0.8. faer takes all singular values and symmetric eigenvalues in f64, one matrix a core. The twins win everywhere, so
//! they are the CPU path; faer remains the reference.
//!
//! | n | norm, abscissa: faer | twins f64 | twins f32 | all, with peak: faer | twins f64 |
//! |---|---|---|---|---|---|
//! | 16 | 55 | 16 | 8 | 201 | 62 |
//! | 32 | 232 | 36 | 31 | 956 | 294 |
//! | 64 | 881 | 250 | 157 | 4159 | 1596 |
//! | 128 | 4220 | 1662 | 1374 | 23426 | 11126 |
//! | 256 | 17095 | 9510 | 8562 | | |
//!
//! Not measured yet on a hardware GPU.

use super::Spectrum;
use crate::device::Device;
use crate::error::Result;
use crate::kernel::shared::PADDING;
use crate::kernel::{departure, largest_eigenvalue, transposed_product, tridiagonal, watch_power};
use crate::machine::Machine;
use crate::numbers::real::Real;
use crate::plan::{Data, Inputs, Ints, Output, Plan, Reals, Words};
use rayon::prelude::*;

/// The widest matrices that the kernels take.
pub const WIDEST: usize = 896;
/// Numbers that are prepared for a device at a time.
const NUMBERS_AT_ONCE: usize = 8 << 20;

/// The largest norm of a power.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Peak {
    /// The peak max_k ‖M^k‖₂.
    pub value: f64,
    /// The power k that has it.
    pub step: usize,
}

/// Norms of one matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norms {
    /// The 2-norm.
    pub norm: f64,
    /// The largest eigenvalue of (A + Aᵀ) / 2, if it was wanted.
    pub numerical_abscissa: Option<f64>,
    /// Henrici's departure from normality.
    pub departure: f64,
    /// The Frobenius norm.
    pub frobenius: f64,
}

impl Norms {
    /// The departure over the Frobenius norm.
    pub fn relative_departure(&self) -> f64 {
        if self.frobenius > 0.0 { self.departure / self.frobenius } else { 0.0 }
    }
}

/// What is wanted of [`norms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything.
    All,
    /// All but the numerical abscissa, which costs as much as the rest.
    NoAbscissa,
}

/// What the error of the 2-norm and of the numerical abscissa stays below, relative to the 2-norm.
pub fn norm_error(n: usize, epsilon: f64) -> f64 {
    (n as f64 + 16.0) * epsilon
}

/// Norms of the matrices, each `[n, n]`, row-major and finite, with their spectra.
///
/// # Errors
/// What the device reports.
pub fn norms<T: Real>(
    device: &Device,
    matrices: &[&[T]],
    n: usize,
    wanted: Wanted,
    spectra: &[&Spectrum],
) -> Result<Vec<Norms>> {
    let plan = NormPlan::new(n, wanted, device.machine());
    let mut all = Vec::with_capacity(matrices.len());
    let at_once = (NUMBERS_AT_ONCE / (n * n)).max(1);
    for (matrices, spectra) in matrices.chunks(at_once).zip(spectra.chunks(at_once)) {
        let stack = Stack::new(matrices, n, false);
        let units = stack.exponents.iter().zip(spectra);
        let eigenvalues =
            units.flat_map(|(&e, spectrum)| spectrum.eigenvalues.iter().map(move |z| z.map(|x| shifted(x, -e))));
        let eigenvalues = Data::F64(eigenvalues.flatten().collect());
        let inputs = Inputs::new().with(plan.a, stack.values).with(plan.eigenvalues, eigenvalues);
        device.run(&plan.plan, matrices.len(), 0, &inputs, &mut |chunk| {
            let (norm, departure) = (chunk.reals(plan.norm), chunk.reals(plan.departure));
            all.extend(chunk.members.clone().enumerate().map(|(i, member)| {
                let unit = |x: f64| shifted(x, stack.exponents[member]);
                Norms {
                    norm: unit(norm.at(i).max(0.0).sqrt()),
                    numerical_abscissa: plan.abscissa.map(|abscissa| unit(chunk.reals(abscissa).at(i)) + 0.0),
                    departure: unit(departure.at(2 * i)),
                    frobenius: unit(departure.at(2 * i + 1)),
                }
            }));
            Ok(())
        })?;
    }
    Ok(all)
}

/// The largest of ‖M^k‖ for k from 0 to the first power that contracts, which makes it the peak of all, or to `most`:
/// then `false` stands beside it.
///
/// # Errors
/// What the device reports.
pub fn peaks<T: Real>(device: &Device, matrices: &[&[T]], n: usize, most: usize) -> Result<Vec<(Peak, bool)>> {
    let plan = PeakPlan::new(n, most, device);
    let mut all = Vec::with_capacity(matrices.len());
    for matrices in matrices.chunks((NUMBERS_AT_ONCE / (n * n)).max(1)) {
        let (plain, transposed) = (Stack::new(matrices, n, false), Stack::new(matrices, n, true));
        let inputs = Inputs::new()
            .with(plan.power, plain.values)
            .with(plan.transposed, transposed.values)
            .with(plan.unit, Data::Int(plain.exponents));
        device.run(&plan.plan, matrices.len(), 0, &inputs, &mut |chunk| {
            let (state, peak) = (chunk.ints(plan.state), chunk.reals(plan.peak));
            let finished = chunk.words(plan.finished);
            all.extend((0..chunk.members.len()).map(|i| {
                let exponent = state[4 * i + 3];
                // The square root of mantissa 2^exponent, with an even exponent outside.
                let square = shifted(peak.at(i), exponent.rem_euclid(2));
                let peak =
                    Peak { value: shifted(square.sqrt(), exponent.div_euclid(2)), step: state[4 * i + 2] as usize };
                (peak, finished[i] == watch_power::CONTRACTS)
            }));
            Ok(())
        })?;
    }
    Ok(all)
}

/// x times 2^e, in two factors, for one may be beyond f64.
pub fn shifted(x: f64, e: i32) -> f64 {
    x * f64::powi(2.0, e / 2) * f64::powi(2.0, e - e / 2)
}

/// The exponent of the largest magnitude, 0 for zeros; of finite numbers.
pub fn exponent_of_largest<T: Real>(values: &[T]) -> i32 {
    // In 16 parts, which fill vector registers.
    let mut most = [T::ZERO; 16];
    for chunk in values.chunks(16) {
        most.iter_mut().zip(chunk).for_each(|(most, x)| *most = if x.abs() > *most { x.abs() } else { *most });
    }
    match most.into_iter().fold(0.0, |largest, x| f64::max(largest, x.to_f64())) {
        0.0 => 0,
        largest if largest < f64::MIN_POSITIVE => shifted(largest, 200).exponent() - 200,
        largest => largest.exponent(),
    }
}

/// The exponent of the largest entry, if the matrix is finite and fits f32 after division by it.
pub fn f32_exponent(matrix: &[f64]) -> Option<i32> {
    if matrix.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let exponent = exponent_of_largest(matrix);
    let fits = |&x: &f64| x == 0.0 || shifted(x.abs(), -exponent) >= f64::from(f32::MIN_POSITIVE);
    matrix.iter().all(fits).then_some(exponent)
}

/// Matrices as devices take them: 2^-exponent A with the largest entry in [1, 2), filled up with zeros.
struct Stack {
    values: Data,
    exponents: Vec<i32>,
}

impl Stack {
    fn new<T: Real>(matrices: &[&[T]], n: usize, transpose: bool) -> Self {
        let padded = n.next_multiple_of(PADDING);
        let mut values = vec![T::ZERO; matrices.len() * padded * padded];
        let fill = |(to, from): (&mut [T], &&[T])| {
            let exponent = exponent_of_largest(from);
            // In two factors, for one may be beyond T.
            let factors = [exponent / 2, exponent - exponent / 2].map(|e| T::power_of_two(-e));
            for (i, &x) in from.iter().enumerate() {
                let (row, column) = if transpose { (i % n, i / n) } else { (i / n, i % n) };
                to[row * padded + column] = x * factors[0] * factors[1];
            }
            exponent
        };
        let exponents = values.par_chunks_mut(padded * padded).zip(matrices).map(fill).collect();
        Stack { values: Data::of(values), exponents }
    }
}

/// Buffers of the reduction of symmetric matrices.
struct Reduction {
    n: u32,
    machine: Machine,
    work: Reals,
    diagonal: Reals,
    beside: Reals,
}

impl Reduction {
    fn new(plan: &mut Plan, n: usize, machine: Machine) -> Self {
        Reduction {
            n: n as u32,
            machine,
            work: plan.reals("work", n * n),
            diagonal: plan.reals("diagonal", n),
            beside: plan.reals("beside", n),
        }
    }

    /// Records the largest eigenvalue of the symmetric part of `s`, for members that want it.
    fn largest(&self, plan: &mut Plan, wanted: Words, s: Reals, value: Reals) {
        let (n, stride) = (self.n, self.n.next_multiple_of(PADDING as u32));
        let columns = n.saturating_sub(2);
        let at_once = tridiagonal::columns_at_once(n, &self.machine);
        for first in (0..columns.max(1)).step_by(at_once as usize) {
            let params = tridiagonal::Params { n, stride, first, last: columns.min(first + at_once) };
            let Reduction { work, diagonal, beside, .. } = *self;
            plan.run(params, tridiagonal::Buffers { wanted, s, work, diagonal, beside });
        }
        let params = largest_eigenvalue::Params { n };
        let Reduction { diagonal, beside, .. } = *self;
        plan.run(params, largest_eigenvalue::Buffers { wanted, diagonal, beside, value });
    }
}

/// The plan of [`norms`].
struct NormPlan {
    plan: Plan,
    a: Reals,
    eigenvalues: Reals,
    norm: Output<Reals>,
    departure: Output<Reals>,
    abscissa: Option<Output<Reals>>,
}

impl NormPlan {
    fn new(n: usize, wanted: Wanted, machine: Machine) -> Self {
        let padded = n.next_multiple_of(PADDING);
        let mut plan = Plan::new();
        let [a, gram] = ["matrices", "gram"].map(|label| plan.reals(label, padded * padded));
        let eigenvalues = plan.reals("eigenvalues", 2 * n);
        let (norm, departure) = (plan.reals("norm", 1), plan.reals("departure", 2));
        let all = plan.shared_words("all", vec![1]);
        plan.input(a);
        plan.input(eigenvalues);
        let reduction = Reduction::new(&mut plan, n, machine);
        let product = transposed_product::Buffers { wanted: all, x: a, y: a, out: gram };
        plan.run(transposed_product::Params { n: padded as u32 }, product);
        reduction.largest(&mut plan, all, gram, norm);
        let params = departure::Params { n: n as u32, stride: padded as u32 };
        plan.run(params, departure::Buffers { matrices: a, eigenvalues, norms: departure });
        let (norm, departure) = (plan.output(norm), plan.output(departure));
        let abscissa = (wanted == Wanted::All).then(|| {
            let abscissa = plan.reals("abscissa", 1);
            reduction.largest(&mut plan, all, a, abscissa);
            plan.output(abscissa)
        });
        NormPlan { plan, a, eigenvalues, norm, departure, abscissa }
    }
}

/// The plan of [`peaks`]: two powers a round, until each has one that contracts.
struct PeakPlan {
    plan: Plan,
    power: Reals,
    transposed: Reals,
    unit: Ints,
    state: Output<Ints>,
    peak: Output<Reals>,
    finished: Output<Words>,
}

impl PeakPlan {
    fn new(n: usize, most: usize, device: &Device) -> Self {
        let padded = n.next_multiple_of(PADDING);
        // Twice that of a norm, for squared norms.
        let band = 2.0 * norm_error(n, device.epsilon());
        let mut plan = Plan::new();
        let [transposed, power, other, gram] =
            ["transposed", "power", "other power", "gram"].map(|label| plan.reals(label, padded * padded));
        let [value, peak] = ["value", "peak"].map(|label| plan.reals(label, 1));
        let (unit, state) = (plan.ints("unit", 1), plan.ints("state", watch_power::STATE));
        let [wanted, running, finished] = ["wanted", "running", "finished"].map(|label| plan.words(label, 1));
        plan.input(transposed);
        plan.input(power);
        plan.input(unit);
        let reduction = Reduction::new(&mut plan, n, device.machine());
        let product = transposed_product::Params { n: padded as u32 };
        let watch = |plan: &mut Plan, power: Reals| {
            let params = watch_power::Params { n: product.n, most: most as u32, band };
            plan.run(params, watch_power::Buffers { power, unit, value, state, peak, wanted, running, finished });
            plan.run(product, transposed_product::Buffers { wanted, x: power, y: power, out: gram });
            reduction.largest(plan, wanted, gram, value);
        };
        watch(&mut plan, power);
        let first = plan.runs.len();
        for (from, to) in [(power, other), (other, power)] {
            plan.run(product, transposed_product::Buffers { wanted: running, x: transposed, y: from, out: to });
            watch(&mut plan, to);
        }
        plan.repeat_from(first, finished, None, most.div_ceil(2));
        let (state, peak, finished) = (plan.output(state), plan.output(peak), plan.output(finished));
        PeakPlan { plan, power, transposed, unit, state, peak, finished }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::inverse_lanczos;
    use crate::kernel::shared::team::Team;
    use crate::kernel::shared::trips::MOST_TRIPS;
    use crate::machine::Processor;

    /// lavapipe ends all loops of an invocation, silently, after 65,535 trips.
    #[test]
    fn no_dispatch_makes_too_many_loop_trips() {
        for n in 1..=WIDEST as u32 {
            for machine in [Processor::Software, Processor::Hardware].map(Machine::of) {
                let columns = tridiagonal::columns_at_once(n, &machine);
                assert!(
                    tridiagonal::trips(n, Team::alone(n, &machine).lanes, columns) < MOST_TRIPS,
                    "n = {n}, {machine:?}"
                );
            }
            let steps = inverse_lanczos::steps_at_once(n);
            assert!(inverse_lanczos::trips(n, steps) < MOST_TRIPS && (steps > 0 || n > 400), "n = {n}");
        }
    }

    #[test]
    fn exponents_reach_the_smallest_numbers() {
        assert_eq!(exponent_of_largest(&[0.0, -3.0, 1.0]), 1);
        assert_eq!(exponent_of_largest(&[0.0, 5e-324]), -1074);
        assert_eq!(exponent_of_largest(&[0.0_f32]), 0);
        assert_eq!(f32_exponent(&[1.0, 1e-40]), None);
        assert_eq!(f32_exponent(&[1e300, 1e280]), Some(996));
        assert_eq!(f32_exponent(&[1.0, f64::NAN]), None);
    }
}
