// A projection with its activation: out = act(scale (weights . input)).
//
// An invocation makes a block of 4 rows by 4 columns in registers, with all loads as vec4. Stacked weights (query, key
// and value) are one projection.
// CPU twin: src/kernel/project.rs.

struct Params {
    rows: u32,
    inner: u32,
    columns: u32,
    activation: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;      // [members, rows, inner / 4]
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;        // [members, inner, columns / 4]
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;    // [members, rows, columns / 4]

override ROW_LANES: u32 = 16u;
override COLUMN_LANES: u32 = 4u;

@compute @workgroup_size(ROW_LANES, COLUMN_LANES, 1)
fn project(@builtin(global_invocation_id) at: vec3<u32>) {
    let row = 4u * at.x;
    let quad = at.y;
    let quads = params.columns / 4u;
    if row >= params.rows || quad >= quads {
        return;
    }
    let inner = params.inner / 4u;
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    var w = (at.z * params.rows + row) * inner;
    var u = at.z * params.inner * quads + quad;
    for (var k = 0u; k < inner; k += 1u) {
        let u0 = input[u];
        let u1 = input[u + quads];
        let u2 = input[u + 2u * quads];
        let u3 = input[u + 3u * quads];
        let w0 = weights[w];
        let w1 = weights[w + inner];
        let w2 = weights[w + 2u * inner];
        let w3 = weights[w + 3u * inner];
        s0 += w0.x * u0 + w0.y * u1 + w0.z * u2 + w0.w * u3;
        s1 += w1.x * u0 + w1.y * u1 + w1.z * u2 + w1.w * u3;
        s2 += w2.x * u0 + w2.y * u1 + w2.z * u2 + w2.w * u3;
        s3 += w3.x * u0 + w3.y * u1 + w3.z * u2 + w3.w * u3;
        w += 1u;
        u += 4u * quads;
    }
    let o = (at.z * params.rows + row) * quads + quad;
    out[o] = activate4(params.activation, params.scale * s0);
    out[o + quads] = activate4(params.activation, params.scale * s1);
    out[o + 2u * quads] = activate4(params.activation, params.scale * s2);
    out[o + 3u * quads] = activate4(params.activation, params.scale * s3);
}
