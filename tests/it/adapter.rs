//! The adapters that tests run on. A GPU test without an adapter fails: it is never skipped.

use eulerscope::device::{Device, gpu::adapters};
use eulerscope::spec::Precision;
use std::sync::Mutex;

/// Software adapters, by name; Mesa's first, which is the faster one.
pub fn software_adapters() -> Vec<String> {
    let mut names: Vec<String> =
        adapters().into_iter().filter(|a| a.description.software).map(|a| a.description.name).collect();
    names.sort_by_key(|name| !name.contains("llvmpipe"));
    assert!(!names.is_empty(), "no software Vulkan driver: run the tests with `bash tests/run.sh`, which installs one");
    names
}

/// Opens an adapter. One at a time: drivers are not asked to open at once from many threads.
pub fn gpu(name: &str) -> Device {
    open(Precision::F32, name)
}

/// A software adapter in f64. SwiftShader has none, so it is lavapipe, which is always there when it is the driver.
pub fn double() -> Device {
    open(Precision::F64, &software_adapters()[0])
}

fn open(precision: Precision, name: &str) -> Device {
    static OPENING: Mutex<()> = Mutex::new(());
    let _turn = OPENING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    Device::open_in(precision, name).expect("an adapter that was listed opens")
}

/// An adapter with all of wgpu's checks in every kernel.
pub fn checked(name: &str) -> Device {
    match gpu(name) {
        Device::Gpu(gpu) => Device::Gpu(Box::new(gpu.with_checks())),
        other => other,
    }
}

/// The first software adapter with workgroups and chunks as on hardware.
pub fn as_on_hardware() -> Device {
    match software() {
        Device::Gpu(gpu) => Device::Gpu(Box::new(gpu.with_choices_for_hardware())),
        other => other,
    }
}

/// The same with all of wgpu's checks.
pub fn checked_as_on_hardware() -> Device {
    match checked(&software_adapters()[0]) {
        Device::Gpu(gpu) => Device::Gpu(Box::new(gpu.with_choices_for_hardware())),
        other => other,
    }
}

/// The first software adapter.
pub fn software() -> Device {
    gpu(&software_adapters()[0])
}

/// The kernels' twins in f64.
pub fn reference() -> Device {
    Device::open("reference").expect("always there")
}
