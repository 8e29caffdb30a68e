// The checksum of an output, made on the device before it is copied: the sum over all words of word times odd number, all
// modulo 2^32. An odd factor has an inverse, so one word that changes always changes the sum; two that trade places have
// other factors. The sum begins with a number of the chunk, which the host has written there.
//
// A grid-stride loop, a sum in each workgroup, and one atomic for each workgroup: integer sums have no order.
// The host's half: src/device/gpu/checksum.rs. This file is no kernel: plans do not know of it.

@group(0) @binding(0) var<storage, read> words: array<u32>;               // [words], whatever they mean
@group(0) @binding(1) var<storage, read_write> checksum: atomic<u32>;     // []

const LANES: u32 = 256u;

var<workgroup> total: atomic<u32>;

@compute @workgroup_size(LANES, 1, 1)
fn checksum_of_words(
    @builtin(global_invocation_id) thread: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    if lane == 0u {
        atomicStore(&total, 0u);
    }
    workgroupBarrier();
    var own = 0u;
    for (var i = thread.x; i < arrayLength(&words); i += LANES * groups.x) {
        own += words[i] * (2u * i + 1u);
    }
    atomicAdd(&total, own);
    workgroupBarrier();
    if lane == 0u {
        atomicAdd(&checksum, atomicLoad(&total));
    }
}
