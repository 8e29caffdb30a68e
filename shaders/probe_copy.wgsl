// Copies numbers: the memory ceiling of the roofline.
//
// One invocation for each vector, neighbours side by side.
// CPU twin: src/kernel/probe_copy.rs.

struct Params {
    length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;           // [members, length / 4]
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;   // [members, length / 4]

@compute @workgroup_size(64, 1, 1)
fn probe_copy(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.length / 4u;
    if at.x < quads {
        out[at.y * quads + at.x] = x[at.y * quads + at.x];
    }
}
