//! Every kernel on every device against its f64 twin, generated from the list of kernels.
//!
//! Outputs start as NaN or poison where the case says so, so an unwritten element fails; guard members before and
//! after would be seen because each member's bytes are compared.

use crate::adapter::{as_on_hardware, checked, gpu, software, software_adapters};
use eulerscope::device::Device;
use eulerscope::kernel::{Access, Case, CaseBuffer, Entry, ErasedParams, KERNELS};
use eulerscope::machine::Blocks;
use eulerscope::plan::{BufferId, Data, Inputs, Plan};

/// Runs one case on a device; returns the written buffers.
fn run_case(device: &Device, entry: &'static Entry, case: Case<ErasedParams>) -> Vec<Data> {
    let mut plan = Plan::new();
    let mut inputs = Inputs::default();
    let ids: Vec<BufferId> = case
        .buffers
        .into_iter()
        .map(|buffer| {
            let members = case.members;
            let (id, data) = match buffer {
                CaseBuffer::SharedReal(values) => return plan.shared_reals("case", values),
                CaseBuffer::SharedWord(values) => return plan.shared_words("case", values),
                CaseBuffer::Real(values) => (plan.reals("case", values.len() / members), Data::F64(values)),
                CaseBuffer::Word(values) => (plan.words("case", values.len() / members), Data::Word(values)),
                CaseBuffer::Int(values) => (plan.ints("case", values.len() / members), Data::Int(values)),
            };
            inputs.0.push((plan.input(id), data));
            id
        })
        .collect();
    for (&id, &(_, access, _)) in ids.iter().zip(entry.buffers) {
        if access == Access::Write {
            plan.output(id);
        }
    }
    plan.push_run(entry, case.params, &ids);
    let mut outputs = Vec::new();
    let collect = &mut |chunk: eulerscope::plan::Chunk| {
        outputs = chunk.outputs;
        Ok(())
    };
    device.run(&plan, case.members, 0, &inputs, collect).expect("the case runs");
    outputs
}

/// Compares a device with the reference on all cases of all kernels, or of those that run in f64 if it does.
pub fn compare(device: &Device) {
    let double = device.epsilon() == f64::EPSILON;
    let entries = KERNELS.iter().filter(|entry| !double || entry.source_in_f64().is_some());
    entries.for_each(|entry| compare_kernel(device, entry));
}

/// Compares a device with the reference on all cases of a kernel.
pub fn compare_kernel(device: &Device, entry: &'static Entry) {
    let reference = Device::open("reference").expect("always there").0;
    for (case, truth) in (entry.cases)().into_iter().zip((entry.cases)()) {
        let name = format!("{} on {}, case {}", entry.name, device.description(), case.name);
        let tolerances = case.tolerance.clone();
        let found = run_case(device, entry, case);
        let wanted = run_case(&reference, entry, truth);
        let mut tolerances = tolerances.iter();
        for (found, wanted) in found.iter().zip(&wanted) {
            assert_eq!(found.len(), wanted.len(), "{name}");
            if matches!(found, Data::F32(_) | Data::F64(_)) {
                let tolerance = tolerances.next().expect("a tolerance for each written buffer of numbers");
                compare_reals(&name, found, wanted, tolerance, device.epsilon() / f64::from(f32::EPSILON));
            } else {
                assert_eq!(found, wanted, "{name}: integers must be equal");
            }
        }
        assert!(tolerances.next().is_none(), "{name}: more tolerances than buffers");
    }
}

/// Tolerances are multiples of the rounding error of f32; `unit` is that of the device in units of it.
fn compare_reals(name: &str, found: &Data, wanted: &Data, tolerance: &[f64], unit: f64) {
    for i in 0..wanted.len() {
        let bound = unit * tolerance[if tolerance.len() == 1 { 0 } else { i }];
        let error = (found.real(i) - wanted.real(i)).abs();
        let same = found.real(i) == wanted.real(i);
        assert!(
            same || error <= bound,
            "{name}: element {i} is {} not {}, bound {bound:e}",
            found.real(i),
            wanted.real(i)
        );
    }
}

#[test]
fn the_cpu_agrees_with_the_reference() {
    compare(&Device::open("cpu").expect("always there").0);
}

#[test]
fn every_software_gpu_agrees_with_the_reference() {
    for name in software_adapters() {
        compare(&gpu(&name));
    }
}

/// Kernels that are compiled without counters in their loops are right with them too.
#[test]
fn trusted_kernels_agree_with_the_reference_when_they_are_checked() {
    for name in software_adapters() {
        let device = checked(&name);
        let trusted = KERNELS.iter().filter(|entry| entry.trusted);
        assert!(trusted.clone().count() > 0);
        trusted.for_each(|entry| compare_kernel(&device, entry));
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
    let result =
        std::panic::catch_unwind(|| compare_reals("wrong", &Data::F32(vec![1.0]), &Data::F64(vec![1.1]), &[0.01], 1.0));
    assert!(result.is_err());
    let result = std::panic::catch_unwind(|| {
        compare_reals("nan", &Data::F32(vec![f32::NAN]), &Data::F64(vec![1.0]), &[9.0], 1.0)
    });
    assert!(result.is_err(), "NaN must fail a comparison");
}
