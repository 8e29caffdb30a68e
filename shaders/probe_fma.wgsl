// Multiplies and adds as fast as it can: x <- a x + b, again and again. The arithmetic ceiling of the roofline.
//
// An invocation keeps four vectors in registers: sixteen independent chains hide the latency of a multiply-add.
// CPU twin: src/kernel/probe_fma.rs.

struct Params {
    length: u32,
    trips: u32,
    a: f32,
    b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4<f32>>;     // [members, 4, length / 16]

@compute @workgroup_size(64, 1, 1)
fn probe_fma(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.length / 16u;
    if at.x >= quads {
        return;
    }
    let first = at.y * 4u * quads + at.x;
    let a = vec4<f32>(params.a);
    let b = vec4<f32>(params.b);
    var p = x[first];
    var q = x[first + quads];
    var r = x[first + 2u * quads];
    var s = x[first + 3u * quads];
    for (var trip = 0u; trip < params.trips; trip += 1u) {
        p = fma(a, p, b);
        q = fma(a, q, b);
        r = fma(a, r, b);
        s = fma(a, s, b);
        p = fma(a, p, b);
        q = fma(a, q, b);
        r = fma(a, r, b);
        s = fma(a, s, b);
        p = fma(a, p, b);
        q = fma(a, q, b);
        r = fma(a, r, b);
        s = fma(a, s, b);
        p = fma(a, p, b);
        q = fma(a, q, b);
        r = fma(a, r, b);
        s = fma(a, s, b);
    }
    x[first] = p;
    x[first + quads] = q;
    x[first + 2u * quads] = r;
    x[first + 3u * quads] = s;
}
