//! Outputs on their way back from the adapter.

use crate::device::gpu::Gpu;
use crate::device::gpu::checksum::{Checksums, checksum};
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

/// A copy of the checksums of other copies.
pub struct Summed {
    /// The copy.
    pub sums: Copy,
    /// The number that the sums begin with.
    pub first: u32,
}

/// Copies that have been submitted.
pub struct Readback {
    copies: Vec<Asked>,
    /// The checksums of them, and the number that they begin with.
    summed: Option<(Asked, u32)>,
    last: wgpu::SubmissionIndex,
}

/// A copy that is to be read as soon as its callback says so.
struct Asked {
    copy: Copy,
    told: Receiver<Mapped>,
}

impl Asked {
    fn of(copy: Copy) -> Self {
        Asked { told: map(&copy.staging), copy }
    }
}

impl Readback {
    /// Asks for copies; `last` is the submission that makes them.
    pub fn new(copies: Vec<Copy>, last: wgpu::SubmissionIndex) -> Self {
        Readback { copies: copies.into_iter().map(Asked::of).collect(), summed: None, last }
    }

    /// The same with checksums.
    pub fn with(self, Summed { sums, first }: Summed) -> Self {
        Readback { summed: Some((Asked::of(sums), first)), ..self }
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

    /// Waits for copies, and compares those that have checksums.
    ///
    /// # Errors
    /// [`Error::Device`] where the adapter fails, and for copies that are not what was asked for.
    pub fn receive(&mut self, gpu: &Gpu, readback: Readback, checksums: &Checksums) -> Result<Vec<Data>> {
        gpu.wait(&readback.last)?;
        let outputs = readback.copies.into_iter().map(|asked| self.read(gpu, asked)).collect::<Result<Vec<_>>>()?;
        if let Some((asked, first)) = readback.summed {
            let Data::Word(words) = self.read(gpu, asked)? else { return Ok(outputs) };
            for (place, (output, sum)) in outputs.iter().zip(checksums.sums(&words)).enumerate() {
                let found = checksum(bytes(output), first);
                if found != sum {
                    return Err(Error::Device(format!(
                        "adapter {}: output {place} of {} came back with checksum {found:08x} instead of {sum:08x}",
                        gpu.description.name,
                        outputs.len()
                    )));
                }
            }
        }
        gpu.check_failure()?;
        Ok(outputs)
    }

    fn read(&mut self, gpu: &Gpu, Asked { copy, told }: Asked) -> Result<Data> {
        let Copy { content, staging } = copy;
        told.recv()
            .map_err(|_| Error::Device("the adapter dropped a readback".to_string()))?
            .map_err(|error| Error::Device(format!("readback failed: {error}")))?;
        let view = staging.get_mapped_range(..).map_err(|error| Error::Device(format!("readback failed: {error}")))?;
        let data = match (content, gpu.precision) {
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
        };
        drop(view);
        staging.unmap();
        self.idle.push(staging);
        Ok(data)
    }
}

fn bytes(data: &Data) -> &[u8] {
    match data {
        Data::F32(values) => bytemuck::cast_slice(values),
        Data::F64(values) => bytemuck::cast_slice(values),
        Data::Word(values) => bytemuck::cast_slice(values),
        Data::Int(values) => bytemuck::cast_slice(values),
    }
}

fn map(buffer: &wgpu::Buffer) -> Receiver<Mapped> {
    let (sender, receiver) = channel();
    // The receiver may be gone when an earlier error ended the run.
    buffer.map_async(wgpu::MapMode::Read, .., move |result| drop(sender.send(result)));
    receiver
}
