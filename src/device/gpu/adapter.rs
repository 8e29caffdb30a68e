//! Adapters: which there are, which one is meant, and how one is opened.

use crate::device::gpu::Gpu;
use crate::device::gpu::pool::{MOST_OWN, Pool};
use crate::device::gpu::readback::Readbacks;
use crate::device::gpu::upload::Uploads;
use crate::device::profile::Recorder;
use crate::device::{Description, Kind, host_budget};
use crate::error::remedy::{CPU, Piece::Text, REFERENCE};
use crate::error::{Error, Remedy, Result};
use crate::spec::Precision;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex, OnceLock};

/// An adapter that could be opened.
pub struct Adapter {
    adapter: wgpu::Adapter,
    /// What it is.
    pub description: Description,
}

/// What to do when there is no driver.
pub const DRIVER_HINT: &str = "install a Vulkan driver (Debian or Ubuntu: apt-get install mesa-vulkan-drivers \
                               libvulkan1), or use --device cpu";

/// What kernels in f64 need.
const DOUBLE: wgpu::Features = wgpu::Features::SHADER_F64.union(wgpu::Features::SHADER_INT64);

/// Memory that a run may take on hardware, where no portable call tells what is free.
const HARDWARE_MEMORY: u64 = 2 << 30;

/// All adapters, hardware first.
pub fn adapters() -> Vec<Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let mut adapters: Vec<Adapter> = found.into_iter().map(Adapter::new).collect();
    adapters.sort_by_key(|adapter| adapter.description.software);
    adapters
}

impl Adapter {
    pub(super) fn new(adapter: wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let driver = format!("{} {}", info.driver, info.driver_info);
        let description = Description {
            kind: Kind::Gpu,
            name: info.name,
            driver: driver.trim().to_string(),
            backend: info.backend.to_string(),
            software: info.device_type == wgpu::DeviceType::Cpu,
        };
        Adapter { adapter, description }
    }

    /// Limits that matter here, by name, in bytes or counts.
    pub fn limits(&self) -> BTreeMap<&'static str, u64> {
        let limits = self.adapter.limits();
        let info = self.adapter.get_info();
        BTreeMap::from([
            ("buffer_bytes", limits.max_buffer_size),
            ("binding_bytes", limits.max_storage_buffer_binding_size),
            ("storage_buffers", limits.max_storage_buffers_per_shader_stage as u64),
            ("invocations_per_workgroup", limits.max_compute_invocations_per_workgroup as u64),
            ("workgroup_bytes", limits.max_compute_workgroup_storage_size as u64),
            ("workgroups_per_dimension", limits.max_compute_workgroups_per_dimension as u64),
            ("subgroup_min", info.subgroup_min_size as u64),
            ("subgroup_max", info.subgroup_max_size as u64),
            ("f64", u64::from(self.has_f64())),
            ("timestamps", u64::from(self.adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY))),
        ])
    }

    /// Has it f64 in shaders? The bits of a number are read as 64-bit integers, so it takes both.
    pub fn has_f64(&self) -> bool {
        self.adapter.features().contains(DOUBLE)
    }

    /// Opens it with all that it offers.
    ///
    /// # Errors
    /// [`Error::Adapter`](crate::error::Error::Adapter) where the driver refuses.
    pub fn open(&self) -> Result<Gpu> {
        self.open_in(Precision::F32)
    }

    /// Opens it with all that it offers, for kernels in f32 or in f64.
    ///
    /// # Errors
    /// [`Error::Adapter`](crate::error::Error::Adapter) where the driver refuses, or has no f64 in shaders.
    pub fn open_in(&self, precision: Precision) -> Result<Gpu> {
        let limits = self.adapter.limits();
        let mut wanted = self.adapter.features() & wgpu::Features::TIMESTAMP_QUERY;
        if precision == Precision::F64 {
            if !self.has_f64() {
                let name = &self.description.name;
                let narrow = Error::Adapter(format!("{name} has no f64 in shaders"));
                return Err(narrow.remedied(Remedy::of(&[Text("use "), REFERENCE, Text(", or f32")])));
            }
            wanted |= DOUBLE;
        }
        let request = self.adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("eulerscope"),
            required_features: wanted,
            required_limits: limits.clone(),
            ..Default::default()
        });
        let (device, queue) = pollster::block_on(request).map_err(|error| {
            Error::Adapter(format!("{} cannot be opened: {error}", self.description)).remedied(Remedy::of(&[
                Text("use "),
                CPU,
                Text(", or another adapter"),
            ]))
        })?;
        let gpu = self.opened(device, queue, limits, precision);
        watch(&gpu.device, &gpu.failure);
        Ok(gpu)
    }

    /// What runs plans on this adapter.
    pub(super) fn opened(
        &self,
        device: wgpu::Device,
        queue: wgpu::Queue,
        limits: wgpu::Limits,
        precision: Precision,
    ) -> Gpu {
        Gpu {
            description: self.description.clone(),
            uploads: Uploads::new(&device),
            readbacks: Readbacks::new(),
            buffers: Pool::new(MOST_OWN),
            device,
            queue,
            limits,
            memory: if self.description.software { host_budget() } else { HARDWARE_MEMORY },
            precision,
            blocks: Mutex::new(None),
            checked: false,
            pipelines: Mutex::new(HashMap::new()),
            checksum: OnceLock::new(),
            garbled: AtomicBool::new(false),
            omitted: AtomicBool::new(false),
            summed: AtomicU32::new(0),
            failure: Arc::new(Mutex::new(None)),
            recorder: Recorder::default(),
        }
    }
}

/// Keeps the first error that no call returns, instead of wgpu's default, which is to panic.
fn watch(device: &wgpu::Device, failure: &Arc<Mutex<Option<String>>>) {
    let note = |failure: &Arc<Mutex<Option<String>>>, what: String| {
        failure.lock().expect("no holder of the lock panics").get_or_insert(what);
    };
    let uncaptured = failure.clone();
    device.on_uncaptured_error(Arc::new(move |error| note(&uncaptured, error.to_string())));
    let lost = failure.clone();
    device.set_device_lost_callback(move |reason, message| {
        if reason != wgpu::DeviceLostReason::Destroyed {
            note(&lost, format!("device lost: {message}"));
        }
    });
}

/// The adapter that `word` means: `gpu` (hardware first, a software one only if it is all there is), `software`, or a
/// part of a name.
///
/// # Errors
/// [`Error::Adapter`](crate::error::Error::Adapter), with the names that there are, where none or several fit.
pub fn choose(word: &str) -> Result<Adapter> {
    let mut all = adapters();
    if all.is_empty() {
        return Err(Error::Adapter(format!("no GPU adapter found; {DRIVER_HINT}")));
    }
    let listed = |all: &[Adapter]| {
        let names: Vec<String> = all.iter().map(|a| format!("'{}'", a.description.name)).collect();
        names.join(", ")
    };
    let index = match word {
        "gpu" => Some(0),
        "software" => all.iter().position(|a| a.description.software),
        name => {
            let wanted = name.to_lowercase();
            let matches: Vec<usize> =
                (0..all.len()).filter(|&i| all[i].description.name.to_lowercase().contains(&wanted)).collect();
            if matches.len() > 1 {
                let matching: Vec<Adapter> = matches.into_iter().rev().map(|i| all.swap_remove(i)).collect();
                return Err(Error::Adapter(format!(
                    "device: '{name}' matches {}; use more of one name",
                    listed(&matching)
                )));
            }
            matches.first().copied()
        }
    };
    match index {
        Some(index) => Ok(all.swap_remove(index)),
        None if word == "software" => {
            Err(Error::Adapter(format!("no software adapter among {}; {DRIVER_HINT}", listed(&all))))
        }
        None => Err(Error::Adapter(format!(
            "device: '{word}' matches no adapter; there are {}, and the words auto, gpu, software, cpu, reference",
            listed(&all)
        ))),
    }
}
