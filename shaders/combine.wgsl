// A weighted sum of up to five states: the stages of an integrator.
//
// One invocation for each four columns.
// CPU twin: src/kernel/combine.rs.

struct Params {
    rows: u32,
    columns: u32,
    terms: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;          // [members, rows, columns / 4]
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;          // [members, rows, columns / 4]
@group(0) @binding(3) var<storage, read> c: array<vec4<f32>>;          // [members, rows, columns / 4]
@group(0) @binding(4) var<storage, read> d: array<vec4<f32>>;          // [members, rows, columns / 4]
@group(0) @binding(5) var<storage, read> e: array<vec4<f32>>;          // [members, rows, columns / 4]
@group(0) @binding(6) var<storage, read> factors: array<f32>;          // [5 terms]
@group(0) @binding(7) var<storage, read_write> out: array<vec4<f32>>;  // [members, rows, columns / 4]

@compute @workgroup_size(64, 1, 1)
fn combine(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.columns / 4u;
    if at.x >= quads {
        return;
    }
    for (var row = 0u; row < params.rows; row += 1u) {
        let i = (at.z * params.rows + row) * quads + at.x;
        var sum = factors[0] * a[i] + factors[1] * b[i];
        if params.terms > 2u {
            sum += factors[2] * c[i];
        }
        if params.terms > 3u {
            sum += factors[3] * d[i];
        }
        if params.terms > 4u {
            sum += factors[4] * e[i];
        }
        out[i] = sum;
    }
}
