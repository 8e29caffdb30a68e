//! Inputs on their way to the adapter.

use crate::plan::Data;
use crate::spec::Precision;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Mutex;
use wgpu::util::StagingBelt;

/// The least staging memory that is taken at a time.
const PIECE: u64 = 1 << 20;
/// What is larger is staged in memory that is given back afterwards.
const MOST_KEPT: usize = 64 << 20;

/// Staging memory that is kept from run to run: the pages of fresh memory cost more than what is written to them. On the
/// host of an H100, 16 MiB took 9 ms in fresh memory.
pub struct Uploads(Mutex<StagingBelt>);

impl Uploads {
    /// None is taken yet.
    pub fn new(device: &wgpu::Device) -> Self {
        Uploads(Mutex::new(StagingBelt::new(device.clone(), PIECE)))
    }

    /// Writes some of the data to the beginning of a buffer, before what the encoder does next.
    pub fn write(&self, queue: &wgpu::Queue, encoder: &mut wgpu::CommandEncoder, target: &wgpu::Buffer, bytes: &[u8]) {
        match wgpu::BufferSize::new(bytes.len() as u64) {
            None => {}
            Some(_) if bytes.len() > MOST_KEPT => queue.write_buffer(target, 0, bytes),
            Some(size) => self.belt().write_buffer(encoder, target, 0, size).copy_from_slice(bytes),
        }
    }

    /// All that was written goes with this encoder; to be called before it is submitted.
    pub fn leave_with(&self, encoder: &wgpu::CommandEncoder) {
        self.belt().finish_and_recall_on_submit(encoder);
    }

    fn belt(&self) -> std::sync::MutexGuard<'_, StagingBelt> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

/// The bytes of some elements as kernels in this precision read them.
pub fn to_bytes(data: &Data, range: Range<usize>, precision: Precision) -> Cow<'_, [u8]> {
    match (data, precision) {
        (Data::F32(values), Precision::F32) => bytemuck::cast_slice(&values[range]).into(),
        (Data::F32(values), _) => values[range].iter().flat_map(|&value| f64::from(value).to_ne_bytes()).collect(),
        (Data::F64(values), Precision::F64) => bytemuck::cast_slice(&values[range]).into(),
        (Data::F64(values), _) => values[range].iter().flat_map(|&value| (value as f32).to_ne_bytes()).collect(),
        (Data::Word(values), _) => bytemuck::cast_slice(&values[range]).into(),
        (Data::Int(values), _) => bytemuck::cast_slice(&values[range]).into(),
    }
}
