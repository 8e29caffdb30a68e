//! A device and buffers that the caller has opened with wgpu itself.

use crate::device::Device;
use crate::device::gpu::{Adapter, Gpu};
use crate::error::{Error, Result};
use crate::spec::Precision;
use std::sync::mpsc::channel;

impl Device {
    /// A device on a `wgpu::Device` that is open already, for kernels in f32. It uses the limits and features that the
    /// caller asked for, and leaves the caller's error handlers in place: what they catch is theirs to report.
    pub fn from_wgpu(adapter: wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Device {
        let limits = device.limits();
        Device::Gpu(Box::new(Adapter::new(adapter).opened(device, queue, limits, Precision::F32)))
    }
}

impl Gpu {
    /// The f32 numbers of a buffer of this device, for matrices or states that another shader has made. The buffer
    /// needs the usage `COPY_SRC`; what was submitted before on the same queue is done first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a buffer without `COPY_SRC` or with a size that is no multiple of 4 bytes;
    /// [`Error::Device`] when the device is lost.
    pub fn download(&self, buffer: &wgpu::Buffer) -> Result<Vec<f32>> {
        if !buffer.usage().contains(wgpu::BufferUsages::COPY_SRC) || !buffer.size().is_multiple_of(4) {
            return Err(Error::Invalid("the buffer cannot be read; create it with COPY_SRC and whole f32".to_string()));
        }
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("download"),
            size: buffer.size(),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size());
        self.queue.submit([encoder.finish()]);
        let (mapped, told) = channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| drop(mapped.send(result)));
        let failed = |what: &dyn std::fmt::Display| Error::Device(format!("reading a buffer failed: {what}"));
        self.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| failed(&error))?;
        told.recv().map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        let bytes = staging.get_mapped_range(..).map_err(|error| failed(&error))?;
        Ok(bytemuck::pod_collect_to_vec(&bytes))
    }
}
