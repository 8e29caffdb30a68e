//! The buffers of a plan on an adapter.

use crate::device::gpu::Gpu;
use crate::device::gpu::upload::to_bytes;
use crate::error::remedy::{CPU, Piece::Text};
use crate::error::{Error, Remedy, Result};
use crate::plan::{Buffer, Plan};
use std::collections::HashMap;

/// Bytes of a buffer for so many members.
pub fn bytes_of(gpu: &Gpu, buffer: &Buffer, capacity: usize) -> u64 {
    let copies = if buffer.is_shared() { 1 } else { capacity as u64 };
    buffer.bytes(gpu.real_bytes()).saturating_mul(copies)
}

/// Refuses a buffer that the adapter does not have, however few members there are at a time.
pub fn check_size(gpu: &Gpu, buffer: &Buffer, capacity: usize) -> Result<()> {
    let most = gpu.limits.max_storage_buffer_binding_size.min(gpu.limits.max_buffer_size);
    let bytes = bytes_of(gpu, buffer, capacity);
    if bytes <= most {
        return Ok(());
    }
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let large = Error::Invalid(format!(
        "`{}` takes {} MiB, and the largest buffer of {} is {} MiB",
        buffer.label,
        mebibytes(bytes),
        gpu.description.name,
        most >> 20
    ));
    Err(large.remedied(Remedy::of(&[Text("lower the width, the tokens or the grid, or use "), CPU])))
}

/// What a plan needs of a device's memory.
pub struct Allocated {
    /// Its buffers.
    pub buffers: Vec<wgpu::Buffer>,
    /// The parameters of its runs,
    pub params: wgpu::Buffer,
    /// and where those of each are.
    pub offsets: Vec<u32>,
}

/// The memory of a plan, for so many members.
///
/// # Errors
/// [`Error::Device`] where there is not so much.
pub fn allocate(gpu: &Gpu, plan: &Plan, capacity: usize) -> Result<Allocated> {
    loop {
        let memory = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffers = plan.buffers.iter().map(|buffer| create_buffer(gpu, buffer, capacity)).collect();
        let (params, offsets) = create_params(gpu, plan);
        match pollster::block_on(memory.pop()) {
            None => return Ok(Allocated { buffers, params, offsets }),
            // Those that were kept may be what is missing.
            Some(_) if gpu.buffers.empty() => {}
            Some(error) => {
                return Err(Error::Device(error.to_string()).remedied(Remedy::chunk((capacity / 2).max(1))));
            }
        }
    }
}

/// What is in it may be what an earlier run has left.
fn create_buffer(gpu: &Gpu, buffer: &Buffer, capacity: usize) -> wgpu::Buffer {
    let size = bytes_of(gpu, buffer, capacity);
    let create = || {
        gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(buffer.label),
            size,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        })
    };
    let created = gpu.buffers.exactly(size).unwrap_or_else(create);
    if let Some(data) = buffer.shared() {
        gpu.queue.write_buffer(&created, 0, &to_bytes(data, 0..buffer.len(), gpu.precision));
    }
    created
}

/// One uniform buffer for the parameters of all runs, and the offset of each; equal parameters share a place.
fn create_params(gpu: &Gpu, plan: &Plan) -> (wgpu::Buffer, Vec<u32>) {
    let alignment = gpu.limits.min_uniform_buffer_offset_alignment as usize;
    let mut bytes = Vec::new();
    let mut places: HashMap<&[u8], u32> = HashMap::new();
    let mut offsets = Vec::new();
    for run in &plan.runs {
        let offset = *places.entry(&run.params.bytes).or_insert_with(|| {
            let offset = bytes.len() as u32;
            bytes.extend_from_slice(&run.params.bytes);
            bytes.resize(bytes.len().next_multiple_of(alignment), 0);
            offset
        });
        offsets.push(offset);
    }
    bytes.resize(bytes.len().max(alignment), 0);
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("params"),
        size: bytes.len() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue.write_buffer(&buffer, 0, &bytes);
    (buffer, offsets)
}
