// The bias of an output projection in an Euler update: x += gain bias, with the gain of each column.
//
// One invocation for each four columns. The update itself has no room for another buffer.
// CPU twin: src/kernel/add_bias.rs.

struct Params {
    rows: u32,
    columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> bias: array<f32>;                 // [members, rows], or of all
@group(0) @binding(2) var<storage, read> coefficients: array<vec4<f32>>;   // [keep | gain, columns / 4]
@group(0) @binding(3) var<storage, read_write> x: array<vec4<f32>>;        // [members, rows, columns / 4]

@compute @workgroup_size(64, 1, 1)
fn add_bias(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.columns / 4u;
    if at.x >= quads {
        return;
    }
    let gain = coefficients[quads + at.x];
    for (var row = 0u; row < params.rows; row += 1u) {
        x[(at.z * params.rows + row) * quads + at.x] += gain * bias[(at.z * params.rows + row) % arrayLength(&bias)];
    }
}
