//! Outputs on their way back from the adapter.

use crate::device::gpu::Gpu;
use crate::device::gpu::checksum::{Checksums, checksum};
use crate::device::gpu::pool::{MOST_STAGING, Pool};
use crate::error::{Error, Result};
use crate::plan::{Content, Data};
use crate::spec::Precision;
use rayon::prelude::*;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};

/// What a callback is told.
type Mapped = std::result::Result<(), wgpu::BufferAsyncError>;

/// A copy of a buffer in memory that the host can read, made by an encoder.
pub struct Copy {
    content: Content,
    staging: wgpu::Buffer,
    /// Its bytes; the buffer may have more.
    size: u64,
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
        Asked { told: map(&copy), copy }
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

/// Bytes that a thread copies at a time.
const PIECE: usize = 1 << 18;

/// Memory for copies.
pub struct Readbacks {
    /// Buffers for copies that are over.
    idle: Pool,
}

impl Readbacks {
    /// None is taken yet.
    pub fn new() -> Self {
        Readbacks { idle: Pool::new(MOST_STAGING) }
    }

    /// Copies the first `size` bytes of a buffer to one that can be read.
    pub fn copy(
        &self,
        gpu: &Gpu,
        encoder: &mut wgpu::CommandEncoder,
        from: &wgpu::Buffer,
        size: u64,
        content: Content,
    ) -> Copy {
        let create = || {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("readback"),
                size,
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            })
        };
        let staging = self.idle.at_least(size).unwrap_or_else(create);
        if !gpu.omitted.load(Ordering::SeqCst) {
            encoder.copy_buffer_to_buffer(from, 0, &staging, 0, size);
        }
        Copy { content, staging, size }
    }

    /// Waits for copies, and compares those that have checksums.
    ///
    /// # Errors
    /// [`Error::Device`] where the adapter fails, and for copies that are not what was asked for.
    pub fn receive(&self, gpu: &Gpu, readback: Readback, checksums: &Checksums) -> Result<Vec<Data>> {
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

    fn read(&self, gpu: &Gpu, Asked { copy, told }: Asked) -> Result<Data> {
        let Copy { content, staging, size } = copy;
        told.recv()
            .map_err(|_| Error::Device("the adapter dropped a readback".to_string()))?
            .map_err(|error| Error::Device(format!("readback failed: {error}")))?;
        let view =
            staging.get_mapped_range(..size).map_err(|error| Error::Device(format!("readback failed: {error}")))?;
        let data = match (content, gpu.precision) {
            (Content::Real, Precision::F32) => Data::F32(elements(&view)),
            (Content::Real, Precision::F64) => Data::F64(elements(&view)),
            (Content::Word, _) => {
                let mut words: Vec<u32> = elements(&view);
                if gpu.garbled.swap(false, Ordering::SeqCst) {
                    words.iter_mut().for_each(|word| *word ^= 1 << 31);
                }
                Data::Word(words)
            }
            (Content::Int, _) => Data::Int(elements(&view)),
        };
        drop(view);
        staging.unmap();
        self.idle.give(staging);
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

/// The elements that lie in mapped memory, copied by all threads.
fn elements<T: bytemuck::Pod + Send>(bytes: &[u8]) -> Vec<T> {
    let mut elements: Vec<T> = bytemuck::zeroed_vec(bytes.len() / size_of::<T>());
    let own: &mut [u8] = bytemuck::cast_slice_mut(&mut elements);
    match bytes.len() {
        few if few <= PIECE => own.copy_from_slice(bytes),
        _ => own.par_chunks_mut(PIECE).zip(bytes.par_chunks(PIECE)).for_each(|(to, from)| to.copy_from_slice(from)),
    }
    elements
}

fn map(Copy { staging, size, .. }: &Copy) -> Receiver<Mapped> {
    let (sender, receiver) = channel();
    // The receiver may be gone when an earlier error ended the run.
    staging.map_async(wgpu::MapMode::Read, ..*size, move |result| drop(sender.send(result)));
    receiver
}
