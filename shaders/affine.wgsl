// A gain and a bias for every row: out = gain x + bias, or gain x alone, which is its tangent.
//
// An invocation owns four columns of a row.
// CPU twin: src/kernel/affine.rs.

struct Params {
    rows: u32,
    columns: u32,
    biased: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gain: array<f32>;               // [members, rows], or of all
@group(0) @binding(2) var<storage, read> bias: array<f32>;               // [members, rows], or of all
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;            // [members, rows, columns / 4]
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;    // [members, rows, columns / 4]

@compute @workgroup_size(64, 1, 1)
fn affine(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.columns / 4u;
    if at.x >= quads {
        return;
    }
    let row = at.z * params.rows + at.y;
    let scaled = gain[row % arrayLength(&gain)] * x[row * quads + at.x];
    out[row * quads + at.x] = scaled + select(0.0, bias[row % arrayLength(&bias)], params.biased != 0u);
}
