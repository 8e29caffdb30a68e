//! Parity: every kernel of a device against its f64 twin, on the cases that come with the kernel.
//!
//! Tests ask it of software drivers; `devices --parity` asks it of an adapter that nobody has tried.

use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernel::{Access, Case, Entry, ErasedParams, KERNELS};
use crate::plan::{Data, Plan};
use serde::Serialize;

/// How a kernel agrees with its twin.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// The kernel.
    pub kernel: &'static str,
    /// Cases that were run.
    pub cases: usize,
    /// Cases for which the adapter has not enough workgroup memory.
    pub left_out: usize,
    /// The largest error as a share of its bound; above 1 is wrong.
    pub worst: f64,
    /// The worst difference of each case that is wrong.
    pub differences: Vec<String>,
}

/// Compares a device with the reference on all kernels, or on those that run in f64 if it does.
pub fn agreements(device: &Device) -> Vec<Agreement> {
    let double = !device.has_all_kernels();
    let entries = KERNELS.iter().filter(|entry| !double || entry.parts_in_f64().is_some());
    // One kernel that cannot be run is a finding about it, and says nothing of the others.
    let failed = |kernel, error: Error| Agreement {
        kernel,
        cases: 0,
        left_out: 0,
        worst: f64::INFINITY,
        differences: vec![error.to_string()],
    };
    entries.map(|entry| agreement(device, entry).unwrap_or_else(|error| failed(entry.name, error))).collect()
}

/// Compares a device with the reference on all cases of a kernel.
///
/// # Errors
/// What the device reports; a difference is no error but a finding.
pub fn agreement(device: &Device, entry: &'static Entry) -> Result<Agreement> {
    let reference = Device::open("reference")?;
    let mut agreement = Agreement { kernel: entry.name, cases: 0, left_out: 0, worst: 0.0, differences: Vec::new() };
    for (case, truth) in (entry.cases)().into_iter().zip((entry.cases)()) {
        if !(entry.fits)(&*case.params.value, &device.machine()) {
            agreement.left_out += 1;
            continue;
        }
        let name = case.name.clone();
        let tolerances = case.tolerance.clone();
        let (found, wanted) = (run(device, entry, case)?, run(&reference, entry, truth)?);
        // Tolerances are multiples of the rounding error of f32.
        let unit = device.epsilon() / f64::from(f32::EPSILON);
        let mut tolerances = tolerances.iter();
        let mut worst = Difference::default();
        for (found, wanted) in found.iter().zip(&wanted) {
            let exact = matches!(wanted, Data::Word(_) | Data::Int(_));
            let tolerance = if exact { None } else { tolerances.next() };
            let own = difference(found, wanted, tolerance.map_or(&[0.0], Vec::as_slice), unit);
            worst = if own.share > worst.share { own } else { worst };
        }
        assert!(tolerances.next().is_none(), "{}: more tolerances than written buffers of numbers", entry.name);
        agreement.cases += 1;
        agreement.worst = agreement.worst.max(worst.share);
        if worst.share > 1.0 {
            agreement.differences.push(format!("{name}: {}", worst.words));
        }
    }
    Ok(agreement)
}

/// The written buffers of a case after a run.
///
/// # Errors
/// What the device reports.
pub fn run(device: &Device, entry: &'static Entry, case: Case<ErasedParams>) -> Result<Vec<Data>> {
    let members = case.members;
    let (mut plan, inputs, ids) = Plan::of_case(entry, case, members, Data::F64, 1);
    let written = ids.iter().zip(entry.buffers).filter(|(_, binding)| binding.access == Access::Write);
    plan.outputs.extend(written.map(|(&id, _)| id));
    let mut outputs = Vec::new();
    device.run(&plan, members, 0, &inputs, &mut |chunk| {
        outputs = chunk.into_outputs();
        Ok(())
    })?;
    Ok(outputs)
}

/// The worst element of two buffers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Its error as a share of its bound.
    pub share: f64,
    /// Where it is, and what it is.
    pub words: String,
}

/// Compares buffers; `tolerance` holds a bound for each element or one for all, in units of `unit`. NaN fails.
pub fn difference(found: &Data, wanted: &Data, tolerance: &[f64], unit: f64) -> Difference {
    if found.len() != wanted.len() {
        let words = format!("{} elements, not {}", found.len(), wanted.len());
        return Difference { share: f64::INFINITY, words };
    }
    let share = |i: usize| {
        let (found, wanted) = (found.real(i), wanted.real(i));
        let bound = unit * tolerance[if tolerance.len() == 1 { 0 } else { i }];
        let error = (found - wanted).abs();
        match error / bound {
            _ if found == wanted => 0.0,
            share if error <= bound => share,
            // 0 / 0 and NaN are as wrong as can be.
            share => share.max(1.0 + f64::EPSILON),
        }
    };
    let Some((share, i)) = (0..wanted.len()).map(|i| (share(i), i)).max_by(|a, b| a.0.total_cmp(&b.0)) else {
        return Difference::default();
    };
    let words = format!("element {i} is {} not {}, {share:.2} of its bound", found.real(i), wanted.real(i));
    Difference { share, words }
}
