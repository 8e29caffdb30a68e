//! Who works on a matrix: kernels on their device, their twins, or solvers of the host that share nothing with them. This is
//! the one place of the room that asks whether a device is the host itself.

use super::device::WIDEST;
use crate::device::{Device, cpu::Cpu};
#[cfg(feature = "application")]
use crate::spec::Precision;

/// Who derives something of a matrix besides its eigenvalues.
pub(super) enum Wing<'a> {
    /// The host's dense solvers in f64: on the reference.
    Dense,
    /// Kernels, on a device that has them and takes matrices so wide.
    Kernels(&'a Device),
    /// Their twins in f64: on the CPU path, and for what does not fit a device.
    Twins(Device),
}

impl<'a> Wing<'a> {
    /// On a device that `fits` matrices so wide, or does not.
    pub fn of(device: &'a Device, fits: bool) -> Self {
        match device.is_host() {
            true if !device.is_single() => Wing::Dense,
            false if fits && device.has_all_kernels() => Wing::Kernels(device),
            _ => Wing::Twins(Device::Reference(Cpu::default())),
        }
    }

    /// The same in the device's own arithmetic wherever it has the kernels: twins of f32 on the CPU path.
    pub fn of_kernels(device: &'a Device, fits: bool) -> Self {
        match device.has_all_kernels() && (fits || device.is_host()) {
            true => Wing::Kernels(device),
            false => Wing::Twins(Device::Reference(Cpu::default())),
        }
    }

    /// What the kernels or their twins run on, if it is they who work.
    pub fn device(&self) -> Option<&Device> {
        match self {
            Wing::Dense => None,
            Wing::Kernels(device) => Some(device),
            Wing::Twins(device) => Some(device),
        }
    }
}

/// Who finds eigenvalues of f32 matrices.
pub(super) enum Eigensolver {
    /// The kernels.
    Device,
    /// The host in f32.
    Single,
    /// The host in f64.
    Double,
}

/// Who finds the eigenvalues of f32 matrices of width n on a device.
pub(super) fn eigensolver(device: &Device, n: usize) -> Eigensolver {
    match device.is_host() {
        false if n <= WIDEST => Eigensolver::Device,
        true if !device.is_single() => Eigensolver::Double,
        _ => Eigensolver::Single,
    }
}

/// Does a device take matrices of f64 as they are, in kernels or on the host?
pub(super) fn takes_f64(device: &Device) -> bool {
    device.is_host() || !device.is_single()
}

/// The precision in which matrices of a file are solved: the one that is asked for, else f64 wherever that is the host's.
#[cfg(feature = "application")]
pub fn precision_of_files(device: &Device, asked: Option<Precision>) -> Precision {
    asked.unwrap_or(if device.is_host() { Precision::F64 } else { Precision::F32 })
}
