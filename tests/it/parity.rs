//! Every kernel on every device against its f64 twin, generated from the list of kernels.
//!
//! Outputs start as NaN or poison where the case says so, so an unwritten element fails; guard members before and
//! after would be seen because each member's bytes are compared.

use crate::adapter::{as_on_hardware, checked, checked_as_on_hardware, gpu, software, software_adapters};
use eulerscope::device::Device;
use eulerscope::device::parity::{Agreement, agreement, agreements, difference, run};
use eulerscope::kernel::{Entry, KERNELS};
use eulerscope::machine::Blocks;
use eulerscope::plan::Data;

/// Compares a device with the reference on all cases of all kernels, or of those that run in f64 if it does.
pub fn compare(device: &Device) {
    agreements(device).into_iter().for_each(|own| check(device, &own));
}

/// Compares a device with the reference on all cases of a kernel.
pub fn compare_kernel(device: &Device, entry: &'static Entry) {
    check(device, &agreement(device, entry).expect("the cases run"));
}

fn check(device: &Device, found: &Agreement) {
    assert!(
        found.cases > 0 && found.left_out == 0 && found.worst <= 1.0,
        "{} on {}: {:#?}",
        found.kernel,
        device.description(),
        found
    );
    assert!(found.differences.is_empty(), "{found:?}");
}

#[test]
fn the_cpu_agrees_with_the_reference() {
    compare(&Device::open("cpu").expect("always there"));
}

#[test]
fn every_software_gpu_agrees_with_the_reference() {
    for name in software_adapters() {
        compare(&gpu(&name));
    }
}

/// A loop that the counters had ended, an index that the checks had moved, would show as another number.
#[test]
fn trusted_kernels_give_the_same_bits_with_and_without_checks() {
    for name in software_adapters() {
        same_bits(&gpu(&name), &checked(&name));
    }
    same_bits(&as_on_hardware(), &checked_as_on_hardware());
}

fn same_bits(plain: &Device, checked: &Device) {
    let bits = |data: &Data| (0..data.len()).map(|i| data.real(i).to_bits()).collect::<Vec<_>>();
    let trusted = KERNELS.iter().filter(|entry| entry.trusted);
    assert!(trusted.clone().count() > 0);
    for entry in trusted {
        for (case, again) in (entry.cases)().into_iter().zip((entry.cases)()) {
            let name = format!("{} on {}, case {}", entry.name, plain.description(), case.name);
            let found = run(plain, entry, case).expect("the case runs");
            for (found, wanted) in found.iter().zip(&run(checked, entry, again).expect("the case runs")) {
                assert_eq!(bits(found), bits(wanted), "{name}");
            }
        }
    }
}

/// What `override` constants choose on hardware is right too, as far as a software driver can tell.
#[test]
fn the_choices_for_hardware_agree_with_the_reference() {
    compare(&as_on_hardware());
}

/// Blocks of every shape, read directly and staged, with more and with fewer lanes than there are rows and columns.
#[test]
fn products_agree_with_the_reference_in_every_layout() {
    let device = software();
    let Device::Gpu(gpu) = &device else { unreachable!("a software driver is a GPU's") };
    let products = KERNELS.iter().filter(|entry| ["euler_update", "project", "project_tangent"].contains(&entry.name));
    let shapes = [(false, false), (true, false), (false, true), (true, true)];
    for (tall, wide, staged) in shapes.into_iter().flat_map(|(t, w)| [false, true].map(|staged| (t, w, staged))) {
        for (row_lanes, column_lanes) in [(1, 2), (8, 1), (4, 4)] {
            let blocks = Blocks { row_lanes, column_lanes, tall, wide, staged };
            gpu.with_blocks(blocks, || products.clone().for_each(|entry| compare_kernel(&device, entry)));
        }
    }
}

#[test]
fn a_wrong_twin_would_be_noticed() {
    let share = |found: f32, wanted: f64, bound: f64| {
        difference(&Data::F32(vec![0.0, found]), &Data::F64(vec![0.0, wanted]), &[bound], 1.0).share
    };
    assert!(share(1.0, 1.1, 0.01) > 1.0);
    assert!(share(1.0, 1.1, 0.11) < 1.0);
    assert_eq!(share(1.0, 1.0, 0.0), 0.0, "equal numbers need no bound");
    assert!(share(1.0, 1.5, 0.0) > 1.0);
    assert!(share(f32::NAN, 1.0, 9.0) > 1.0, "NaN must fail a comparison");
    assert!(share(1.0, 1.5, f64::NAN) > 1.0, "and so must a bound of NaN");
    assert!(difference(&Data::Int(vec![1]), &Data::Int(vec![1, 2]), &[0.0], 1.0).share > 1.0, "a lost element");
    assert!(difference(&Data::Int(vec![3]), &Data::Int(vec![2]), &[0.0], 1.0).share > 1.0, "integers are exact");
}
