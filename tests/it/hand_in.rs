//! Devices and buffers that were opened with wgpu itself.

use crate::adapter::software_adapters;
use eulerscope::device::Device;
use eulerscope::device::gpu::wgpu;
use eulerscope::error::Error;
use eulerscope::spectrum;

/// A device as another program would open it: with default limits, and nothing of this crate.
fn opened() -> (wgpu::Adapter, wgpu::Device, wgpu::Queue) {
    let name = &software_adapters()[0];
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN;
    let instance = wgpu::Instance::new(descriptor);
    let all = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let adapter = all.into_iter().find(|adapter| adapter.get_info().name == *name).expect("it was listed");
    let (device, queue) =
        pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default())).expect("it can be opened");
    (adapter, device, queue)
}

fn buffer(device: &wgpu::Device, queue: &wgpu::Queue, values: &[f32], usage: wgpu::BufferUsages) -> wgpu::Buffer {
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 4 * values.len() as u64,
        usage: usage | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    queue.write_buffer(&buffer, 0, &bytes);
    buffer
}

#[test]
fn matrices_in_a_buffer_of_the_caller_have_their_eigenvalues() {
    let (adapter, device, queue) = opened();
    // A rotation by 90 degrees, and a triangular matrix.
    let values = [0.0, 1.0, -1.0, 0.0, 2.0, 7.0, 0.0, 3.0];
    let own = buffer(&device, &queue, &values, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
    let unreadable = buffer(&device, &queue, &values, wgpu::BufferUsages::STORAGE);
    let device = Device::from_wgpu(adapter, device, queue);
    let Device::Gpu(gpu) = &device else { panic!("a GPU was handed in") };
    let matrices = gpu.download(&own).expect("it can be read");
    assert_eq!(matrices, values);
    let spectra = spectrum::eigenvalues(&device, &matrices, 2).expect("the device works");
    assert_eq!(spectra[0].eigenvalues, [[0.0, 1.0], [0.0, -1.0]]);
    let mut found: Vec<f64> = spectra[1].eigenvalues.iter().map(|&[re, _]| re).collect();
    found.sort_by(f64::total_cmp);
    assert_eq!(found, [2.0, 3.0]);
    let error = gpu.download(&unreadable).expect_err("it has no COPY_SRC");
    assert!(matches!(&error, Error::Invalid(line) if line.contains("COPY_SRC")), "{error}");
}
