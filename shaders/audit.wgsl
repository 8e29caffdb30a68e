// The audit: counts numbers that are NaN or infinite. The buffer is bound as words, the only form in which WGSL has to
// let such numbers be seen.
//
// One workgroup for each member; integer atomics, so the order does not matter.
// CPU twin: src/kernel/audit.rs.

struct Params {
    length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<u32>;        // [members, length]
@group(0) @binding(2) var<storage, read_write> count: array<u32>;   // [members]

var<workgroup> total: atomic<u32>;

@compute @workgroup_size(64, 1, 1)
fn audit(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if lane.x == 0u {
        atomicStore(&total, 0u);
    }
    workgroupBarrier();
    var own = 0u;
    for (var i = lane.x; i < params.length; i += 64u) {
        if (values[group.z * params.length + i] & 0x7F800000u) == 0x7F800000u {
            own += 1u;
        }
    }
    atomicAdd(&total, own);
    workgroupBarrier();
    if lane.x == 0u {
        count[group.z] = atomicLoad(&total);
    }
}
