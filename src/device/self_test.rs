//! The self-test of a device: what this program relies on, and what it would be good to know.

use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernel::shared::trips::MOST_TRIPS;
use crate::kernel::{audit, fill_random, probe};
use crate::numbers::random::{Stream, normal_table, sample, threefry};
use crate::plan::{Chunk, Data, Inputs, Plan};
use serde::Serialize;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SelfTest {
    /// The generator's known answers, and the same normal numbers as the host. Relied on.
    pub random_exact: bool,
    /// The audit counts NaN and infinity. Relied on.
    pub non_finite_seen: bool,
    /// Loop trips that an invocation made.
    pub loop_trips: u32,
    /// Loop trips that it was asked for. Kernels keep below [`MOST_TRIPS`], which is relied on.
    pub loop_trips_asked: u32,
    /// Worst error of x y, in units in the last place.
    pub product_ulp: f64,
    /// Worst error of x / y.
    pub quotient_ulp: f64,
    /// Worst error of sqrt x.
    pub root_ulp: f64,
    /// Is (x + y) - x what IEEE says, or has a compiler reordered it?
    pub error_free_sums: bool,
}

/// Loop trips that are tried.
const TRIPS: u32 = 80_000;

impl SelfTest {
    /// Is all there that is relied on? The bounds are those of the WGSL specification, with a correctly rounded
    /// product in either direction.
    pub fn usable(&self) -> bool {
        self.random_exact
            && self.non_finite_seen
            && u64::from(self.loop_trips) >= MOST_TRIPS
            && self.product_ulp <= 1.0
            && self.quotient_ulp <= 2.5
            && self.root_ulp <= 4.0
    }
}

/// Refuses a device whose results nobody should rely on.
///
/// # Errors
/// [`Error::Adapter`] with what failed; what the device reports.
pub fn refuse_unusable(device: &Device) -> Result<()> {
    refuse(&self_test(device)?, &device.description().name)
}

fn refuse(found: &SelfTest, name: &str) -> Result<()> {
    match found.usable() {
        true => Ok(()),
        false => Err(Error::Adapter(format!(
            "{name} fails its self-test, and its numbers would be wrong; `devices` says what failed; update its driver or give \
             --device another one"
        ))),
    }
}

/// Tests a device; takes well below a second.
///
/// # Errors
/// What the device reports; a failed test is no error but a finding.
pub fn self_test(device: &Device) -> Result<SelfTest> {
    let probe = run_probe(device)?;
    Ok(SelfTest { random_exact: random_exact(device)?, non_finite_seen: non_finite_seen(device)?, ..probe })
}

/// What comes back of a plan for one member.
fn run(device: &Device, plan: &Plan, inputs: &Inputs) -> Result<Chunk> {
    let mut found = None;
    device.run(plan, 1, 0, inputs, &mut |chunk: Chunk| {
        found = Some(chunk);
        Ok(())
    })?;
    found.ok_or_else(|| Error::Bug("a run of one member gave nothing back".to_string()))
}

fn random_exact(device: &Device) -> Result<bool> {
    // Random123's known answer for key and counter 0.
    let known = threefry([0; 4], [0; 4]) == [0x9C6C_A96A, 0xE17E_AE66, 0xFC10_ECD4, 0x5256_A7D8];
    let mut plan = Plan::new();
    let ids = plan.words("member_ids", 1);
    plan.input(ids);
    let table = plan.shared_words("normal_table", normal_table().to_vec());
    let out = plan.reals("out", 64 * 64);
    let params = fill_random::Params {
        rows: 64,
        columns: 64,
        padded_rows: 64,
        padded_columns: 64,
        seed_low: 1,
        seed_high: 2,
        tensor: 255,
        step: 4,
        alpha: 0,
        beta: 0,
        beta_negative: 0,
    };
    plan.run(params, fill_random::Buffers { member_ids: ids, normal_table: table, out });
    let out = plan.output(out);
    let found = run(device, &plan, &Inputs::new().with(ids, Data::Word(vec![9])))?;
    let stream = Stream { seed: 2 << 32 | 1, member: 9, tensor: 255, step: 4 };
    let same = (0..64 * 64).all(|i| found.reals(out).at(i) == stream.standard(i as u32));
    Ok(known && same)
}

fn non_finite_seen(device: &Device) -> Result<bool> {
    let values = vec![1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -2.0, f32::MAX as f64, 0.0, f64::NAN];
    let mut plan = Plan::new();
    let buffer = plan.reals("values", values.len());
    plan.input(buffer);
    let (ids, proof) = (plan.words("member_ids", 1), plan.words("proof", 2));
    plan.input(ids);
    let buffers = audit::Buffers { values: buffer, member_ids: ids, proof };
    plan.run(audit::Params { length: values.len() as u32, step: 7 }, buffers);
    let proof = plan.output(proof);
    let inputs = Inputs::new().with(buffer, Data::F64(values)).with(ids, Data::Word(vec![5]));
    let found = run(device, &plan, &inputs)?;
    Ok(*found.words(proof) == [4, audit::signature(5, 7)])
}

fn run_probe(device: &Device) -> Result<SelfTest> {
    let length = 1024;
    let x: Vec<f64> = sample(1, length).iter().map(|x| (x.abs() + 0.01) as f32 as f64).collect();
    let y: Vec<f64> = sample(2, length).iter().map(|y| (y.abs() + 0.01) as f32 as f64).collect();
    let mut plan = Plan::new();
    let [xs, ys] = [plan.shared_reals("x", x.clone()), plan.shared_reals("y", y.clone())];
    let (out, trips) = (plan.reals("out", probe::ROWS * length), plan.words("trips", 1));
    plan.run(probe::Params { length: length as u32, trips: TRIPS }, probe::Buffers { x: xs, y: ys, out, trips });
    let (out, trips) = (plan.output(out), plan.output(trips));
    let found = run(device, &plan, &Inputs::default())?;
    let epsilon = device.epsilon();
    let worst = |row: usize, truth: &dyn Fn(usize) -> f64| {
        let error = |i: usize| {
            let unit = epsilon * truth(i).abs().log2().floor().exp2();
            (found.reals(out).at(row * length + i) - truth(i)).abs() / unit
        };
        (0..length).map(error).fold(0.0, |worst, error| if error <= worst { worst } else { error })
    };
    let ieee = |x: f64, y: f64| match device {
        Device::Reference(_) => (x + y) - x,
        _ => ((x as f32 + y as f32) - x as f32) as f64,
    };
    Ok(SelfTest {
        random_exact: false,
        non_finite_seen: false,
        loop_trips: found.words(trips)[0],
        loop_trips_asked: TRIPS,
        product_ulp: worst(0, &|i| x[i] * y[i]),
        quotient_ulp: worst(1, &|i| x[i] / y[i]),
        root_ulp: worst(2, &|i| x[i].sqrt()),
        error_free_sums: (0..length).all(|i| found.reals(out).at(3 * length + i) == ieee(x[i], y[i])),
    })
}

#[cfg(test)]
mod tests {
    use super::{SelfTest, refuse, self_test};
    use crate::device::Device;

    /// Each of what is relied on is refused when it is missing, and what is only good to know is not.
    #[test]
    fn a_device_that_cannot_be_relied_on_is_refused() {
        let device = Device::open("cpu").expect("always there");
        let good = self_test(&device).expect("it runs");
        refuse(&good, "a device").expect("it can be relied on");
        refuse(&SelfTest { error_free_sums: false, ..good }, "a device").expect("that is not relied on");
        for bad in [
            SelfTest { random_exact: false, ..good },
            SelfTest { non_finite_seen: false, ..good },
            SelfTest { loop_trips: 1000, ..good },
            SelfTest { product_ulp: 1.5, ..good },
            SelfTest { quotient_ulp: f64::NAN, ..good },
            SelfTest { root_ulp: 5.0, ..good },
        ] {
            let error = refuse(&bad, "a device").expect_err("it cannot");
            assert!(error.exit_code() == 5 && error.to_string().contains("a device fails its self-test"), "{error}");
        }
    }
}
