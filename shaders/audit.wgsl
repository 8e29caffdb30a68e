// The audit, the last run of a rollout: counts numbers that are NaN or infinite, and signs for the member and the step.
// The buffer is bound as words, the only form in which WGSL has to let such numbers be seen. A readback that is empty, of
// another chunk or of another plan has another signature.
//
// One workgroup for each member; integer atomics, so the order does not matter.
// CPU twin: src/kernel/audit.rs.

struct Params {
    length: u32,
    step: u32,
}

const MAGIC: u32 = 0x45554C52u;
const OF_MEMBER: u32 = 0x9E3779B1u;
const OF_STEP: u32 = 0x85EBCA77u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<u32>;        // [members, length]
@group(0) @binding(2) var<storage, read> member_ids: array<u32>;    // [members]
@group(0) @binding(3) var<storage, read_write> proof: array<u32>;   // [members, count | signature]

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
        proof[2u * group.z] = atomicLoad(&total);
        proof[2u * group.z + 1u] = MAGIC ^ (member_ids[group.z] * OF_MEMBER + params.step * OF_STEP);
    }
}
