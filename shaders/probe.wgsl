// Probes arithmetic and loops: product, quotient, root, a sum that a compiler may reorder, and a count of loop trips.
//
// One invocation for each pair of numbers; the first one also runs the loop.
// CPU twin: src/kernel/probe.rs.

struct Params {
    length: u32,
    trips: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;             // [length]
@group(0) @binding(2) var<storage, read> y: array<f32>;             // [length]
@group(0) @binding(3) var<storage, read_write> out: array<f32>;     // [members, 4, length]
@group(0) @binding(4) var<storage, read_write> trips: array<u32>;   // [members]

const ROWS: u32 = 4u;

@compute @workgroup_size(64, 1, 1)
fn probe(@builtin(global_invocation_id) at: vec3<u32>) {
    let i = at.x;
    if i >= params.length {
        return;
    }
    let to = at.z * ROWS * params.length + i;
    out[to] = x[i] * y[i];
    out[to + params.length] = x[i] / y[i];
    out[to + 2u * params.length] = sqrt(x[i]);
    out[to + 3u * params.length] = (x[i] + y[i]) - x[i];
    if i == 0u {
        trips[at.z] = 0u;
        // The count goes through memory, so that the loop cannot be folded away.
        for (var trip = 0u; trip < params.trips; trip += 1u) {
            trips[at.z] += 1u;
        }
    }
}
