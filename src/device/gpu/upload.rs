//! Inputs on their way to the adapter.

use crate::device::gpu::pool::{MOST_STAGING, Pool};
use crate::error::remedy::{CHUNK, Piece::Text};
use crate::error::{Error, Remedy, Result};
use crate::plan::Slice;
use crate::spec::Precision;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use wgpu::WriteOnly;

/// The least staging memory that is taken at a time.
const LEAST: u64 = 1 << 18;
/// Bytes that a thread writes at a time.
const PIECE: usize = 1 << 18;

/// Staging memory that is kept from run to run. On the host of an H100, 16 MiB took 9 ms in fresh memory.
pub struct Uploads {
    device: wgpu::Device,
    /// Mapped, and free to be written.
    idle: Arc<Pool>,
}

/// Where memory for inputs is not to be had.
const FEWER: Remedy = Remedy::of(&[Text("try "), CHUNK, Text(" with fewer members")]);

impl Uploads {
    /// None is taken yet.
    pub fn new(device: &wgpu::Device) -> Self {
        Uploads { device: device.clone(), idle: Arc::new(Pool::new(MOST_STAGING)) }
    }

    /// Writes some bytes to the beginning of a buffer, before what the encoder does next.
    pub fn write(&self, encoder: &mut wgpu::CommandEncoder, target: &wgpu::Buffer, bytes: &[u8]) -> Result<()> {
        let size = bytes.len() as u64;
        if size == 0 {
            return Ok(());
        }
        let staging = self.take(size);
        let mut view = staging
            .get_mapped_range_mut(..size)
            .map_err(|error| Error::Device(format!("no memory for inputs: {error}")).remedied(FEWER))?;
        copy(bytes, view.slice(..));
        drop(view);
        staging.unmap();
        encoder.copy_buffer_to_buffer(&staging, 0, target, 0, size);
        // When the adapter has read it, it is mapped again. A buffer that fails to be is dropped.
        let (idle, buffer) = (self.idle.clone(), staging.clone());
        encoder.map_buffer_on_submit(&staging, wgpu::MapMode::Write, .., move |mapped| {
            if mapped.is_ok() {
                idle.give(buffer);
            }
        });
        Ok(())
    }

    /// A mapped buffer of at least so many bytes, the smallest that is there.
    fn take(&self, size: u64) -> wgpu::Buffer {
        let create = || {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("upload"),
                size: size.max(LEAST).next_multiple_of(wgpu::MAP_ALIGNMENT),
                usage: wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::MAP_WRITE,
                mapped_at_creation: true,
            })
        };
        self.idle.at_least(size).unwrap_or_else(create)
    }
}

/// Copies bytes to mapped memory, by all threads.
fn copy(bytes: &[u8], to: WriteOnly<'_, [u8]>) {
    let (pieces, mut rest) = to.into_chunks::<PIECE>();
    let from = bytes.par_chunks_exact(PIECE);
    rest.copy_from_slice(from.remainder());
    let pieces: Vec<WriteOnly<[u8; PIECE]>> = pieces.into_iter().collect();
    pieces.into_par_iter().zip(from).for_each(|(to, from)| WriteOnly::<[u8]>::from(to).copy_from_slice(from));
}

/// The bytes of some elements as kernels in this precision read them.
pub fn to_bytes(values: Slice<'_>, range: Range<usize>, precision: Precision) -> Cow<'_, [u8]> {
    match (values, precision) {
        (Slice::F32(values), Precision::F32) => bytemuck::cast_slice(&values[range]).into(),
        (Slice::F32(values), _) => values[range].iter().flat_map(|&value| f64::from(value).to_ne_bytes()).collect(),
        (Slice::F64(values), Precision::F64) => bytemuck::cast_slice(&values[range]).into(),
        (Slice::F64(values), _) => values[range].iter().flat_map(|&value| (value as f32).to_ne_bytes()).collect(),
        (Slice::Word(values), _) => bytemuck::cast_slice(&values[range]).into(),
        (Slice::Int(values), _) => bytemuck::cast_slice(&values[range]).into(),
    }
}
