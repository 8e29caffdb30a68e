//! Checksums of outputs: the device sums what it is about to send, the host what it has received. Memory that a readback was
//! to fill still holds another chunk's outputs, be it of another run, and their checksums, so a copy that never happened, or
//! only in part, looks like a result; its checksum is that of another chunk, for no two chunks of a device begin with the
//! same number.
//!
//! The device's half: shaders/device/checksum.wgsl, where the sum is explained.

use super::Gpu;
use rayon::prelude::*;
use std::num::NonZeroU64;
use std::sync::atomic::Ordering;

/// The name of the shader's entry point.
const ENTRY: &str = "checksum_of_words";
/// Lanes of a workgroup.
const LANES: u64 = 256;
/// Words of a lane, where there are enough workgroups.
const WORDS_OF_A_LANE: u64 = 16;
/// Bytes that the host sums at a time on one thread.
const BLOCK: usize = 1 << 18;
/// Successive chunks begin far from each other.
const STRIDE: u32 = 0x9E37_79B9;

/// The checksums of a session's outputs.
pub struct Checksums {
    /// One word for each output, each at an offset that a binding may have.
    sums: wgpu::Buffer,
    apart: u64,
    outputs: usize,
}

impl Checksums {
    /// For so many outputs.
    pub fn new(gpu: &Gpu, outputs: usize) -> Self {
        let apart = u64::from(gpu.limits.min_storage_buffer_offset_alignment).max(4);
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        let size = apart * outputs.max(1) as u64;
        let sums = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("checksums"),
            size,
            usage,
            mapped_at_creation: false,
        });
        Checksums { sums, apart, outputs }
    }

    /// Sums the first `bytes` of each of these outputs at the end of what is encoded. Returns the number that the sums begin
    /// with.
    pub fn encode(&self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, outputs: &[(&wgpu::Buffer, u64)]) -> u32 {
        assert_eq!(outputs.len(), self.outputs, "all outputs of the session");
        let first = STRIDE.wrapping_mul(1 + gpu.summed.fetch_add(1, Ordering::SeqCst));
        let firsts: Vec<u8> =
            std::iter::repeat_n(first.to_le_bytes(), self.sums.size() as usize / 4).flatten().collect();
        gpu.queue.write_buffer(&self.sums, 0, &firsts);
        let pipeline = gpu.checksum.get_or_init(|| pipeline(gpu));
        let mut pass = encoder
            .begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some("checksum"), timestamp_writes: None });
        pass.set_pipeline(pipeline);
        for (place, (output, bytes)) in outputs.iter().enumerate() {
            let part = |buffer, offset, size| {
                wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size: NonZeroU64::new(size) })
            };
            let words = part(output, 0, *bytes);
            let sum = part(&self.sums, self.apart * place as u64, 4);
            let entries: Vec<_> = [words, sum]
                .into_iter()
                .zip(0..)
                .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource })
                .collect();
            let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("checksum"),
                layout: &pipeline.get_bind_group_layout(0),
                entries: &entries,
            });
            let groups = (bytes / 4).div_ceil(LANES * WORDS_OF_A_LANE);
            let most = u64::from(gpu.limits.max_compute_workgroups_per_dimension);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(groups.clamp(1, most) as u32, 1, 1);
        }
        first
    }

    /// The buffer of the sums.
    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.sums
    }

    /// The words of the sums among those of their buffer.
    pub fn sums(&self, words: &[u32]) -> Vec<u32> {
        words.iter().step_by(self.apart as usize / 4).copied().take(self.outputs).collect()
    }
}

/// The same sum of what was received, which began with `first`.
pub fn checksum(bytes: &[u8], first: u32) -> u32 {
    let of_block = |(block, bytes): (usize, &[u8])| {
        let mut factor = (2 * (block * (BLOCK / 4)) + 1) as u32;
        let mut sum = 0_u32;
        for word in bytes.chunks_exact(4) {
            let word = u32::from_le_bytes(word.try_into().expect("four bytes"));
            sum = sum.wrapping_add(word.wrapping_mul(factor));
            factor = factor.wrapping_add(2);
        }
        sum
    };
    let whole = match bytes.len() {
        few if few <= BLOCK => of_block((0, bytes)),
        _ => bytes.par_chunks(BLOCK).enumerate().map(of_block).reduce(|| 0, u32::wrapping_add),
    };
    first.wrapping_add(whole)
}

/// The compiled shader.
fn pipeline(gpu: &Gpu) -> wgpu::ComputePipeline {
    let source = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/device/checksum.wgsl"));
    let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("checksum"),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some("checksum"),
        layout: None,
        module: &module,
        entry_point: Some(ENTRY),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    })
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, checksum};

    #[test]
    fn a_word_that_changes_and_words_that_trade_places_are_noticed() {
        let words: Vec<u32> = (0..BLOCK as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
        let bytes = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let one_by_one =
            words.iter().zip(0_u32..).fold(7_u32, |sum, (word, i)| sum.wrapping_add(word.wrapping_mul(2 * i + 1)));
        assert_eq!(checksum(&bytes(&words), 7), one_by_one, "by its definition, over several blocks");
        for place in [0, 1, BLOCK / 4 - 1, BLOCK / 4, BLOCK - 1] {
            for bit in [0, 13, 31] {
                let mut other = words.clone();
                other[place] ^= 1 << bit;
                assert_ne!(checksum(&bytes(&other), 7), one_by_one, "word {place}, bit {bit}");
            }
        }
        let mut other = words.clone();
        other.swap(3, BLOCK / 4 + 5);
        assert_ne!(checksum(&bytes(&other), 7), one_by_one);
        assert_ne!(checksum(&bytes(&words), 8), one_by_one, "of another chunk");
        assert_eq!(checksum(&[], 7), 7);
    }
}
