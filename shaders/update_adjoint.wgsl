// The adjoint of an update of a sublayer: out = keep base + gain image, of cotangents and what the branch made of them.
//
// An invocation owns four columns of a row.
// CPU twin: src/kernel/update_adjoint.rs.

struct Params {
    rows: u32,
    columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> coefficients: array<vec4<f32>>;  // [keep | gain, columns / 4]
@group(0) @binding(2) var<storage, read> base: array<vec4<f32>>;          // [members, rows, columns / 4]
@group(0) @binding(3) var<storage, read> image: array<vec4<f32>>;         // [members, rows, columns / 4]
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;     // [members, rows, columns / 4]

@compute @workgroup_size(64, 1, 1)
fn update_adjoint(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.columns / 4u;
    if at.x >= quads {
        return;
    }
    let own = (at.z * params.rows + at.y) * quads + at.x;
    out[own] = coefficients[at.x] * base[own] + coefficients[quads + at.x] * image[own];
}
