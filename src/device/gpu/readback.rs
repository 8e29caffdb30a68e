//! Outputs on their way back from the adapter.

use crate::device::gpu::Gpu;
use crate::error::{Error, Result};
use crate::plan::{Content, Data};
use crate::spec::Precision;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};

/// What a callback is told.
type Mapped = std::result::Result<(), wgpu::BufferAsyncError>;

/// A copy of a buffer in memory that the host can read, made by an encoder.
pub struct Copy {
    content: Content,
    staging: wgpu::Buffer,
}

/// Copies that have been submitted.
pub struct Readback {
    copies: Vec<(Copy, Receiver<Mapped>)>,
    last: wgpu::SubmissionIndex,
}

impl Readback {
    /// Asks for copies; `last` is the submission that makes them.
    pub fn new(copies: Vec<Copy>, last: wgpu::SubmissionIndex) -> Self {
        let mapped = |copy: Copy| {
            let told = map(&copy.staging);
            (copy, told)
        };
        Readback { copies: copies.into_iter().map(mapped).collect(), last }
    }
}

/// Memory for copies.
#[derive(Default)]
pub struct Readbacks {
    /// Buffers for copies that are over.
    idle: Vec<wgpu::Buffer>,
}

impl Readbacks {
    /// Copies the first `size` bytes of a buffer to one that can be read.
    pub fn copy(
        &mut self,
        gpu: &Gpu,
        encoder: &mut wgpu::CommandEncoder,
        from: &wgpu::Buffer,
        size: u64,
        content: Content,
    ) -> Copy {
        let used_before = self.idle.iter().position(|buffer| buffer.size() == size);
        let create = || {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("readback"),
                size,
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            })
        };
        let staging = used_before.map_or_else(create, |i| self.idle.swap_remove(i));
        encoder.copy_buffer_to_buffer(from, 0, &staging, 0, size);
        Copy { content, staging }
    }

    /// Waits for copies.
    pub fn receive(&mut self, gpu: &Gpu, readback: Readback) -> Result<Vec<Data>> {
        gpu.wait(&readback.last)?;
        let mut outputs = Vec::new();
        for (Copy { content, staging }, mapped) in readback.copies {
            mapped
                .recv()
                .map_err(|_| Error::Device("the adapter dropped a readback".to_string()))?
                .map_err(|error| Error::Device(format!("readback failed: {error}")))?;
            let view =
                staging.get_mapped_range(..).map_err(|error| Error::Device(format!("readback failed: {error}")))?;
            outputs.push(match (content, gpu.precision) {
                (Content::Real, Precision::F32) => Data::F32(bytemuck::pod_collect_to_vec(&view)),
                (Content::Real, Precision::F64) => Data::F64(bytemuck::pod_collect_to_vec(&view)),
                (Content::Word, _) => {
                    let mut words: Vec<u32> = bytemuck::pod_collect_to_vec(&view);
                    if gpu.garbled.swap(false, Ordering::SeqCst) {
                        words.iter_mut().for_each(|word| *word ^= 1 << 31);
                    }
                    Data::Word(words)
                }
                (Content::Int, _) => Data::Int(bytemuck::pod_collect_to_vec(&view)),
            });
            drop(view);
            staging.unmap();
            self.idle.push(staging);
        }
        gpu.check_failure()?;
        Ok(outputs)
    }
}

fn map(buffer: &wgpu::Buffer) -> Receiver<Mapped> {
    let (sender, receiver) = channel();
    // The receiver may be gone when an earlier error ended the run.
    buffer.map_async(wgpu::MapMode::Read, .., move |result| drop(sender.send(result)));
    receiver
}
