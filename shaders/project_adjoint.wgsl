// The adjoint of a projection: out = scale (transposed weights . input).
//
// An invocation makes four rows of a quad of columns, so that a vec4 of the weights serves sixteen multiplications.
// CPU twin: src/kernel/project_adjoint.rs.

struct Params {
    rows: u32,
    inner: u32,
    columns: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;      // [members, rows, inner / 4], or of all
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;        // [members, rows, columns / 4]
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;    // [members, inner, columns / 4]

@compute @workgroup_size(64, 1, 1)
fn project_adjoint(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.columns / 4u;
    let line = params.inner / 4u;
    if at.x >= quads || at.y >= line {
        return;
    }
    // All share the weights of one, or there is only one.
    let own = select(at.z * params.rows * line, 0u, arrayLength(&weights) == params.rows * line);
    var a = vec4<f32>();
    var b = vec4<f32>();
    var c = vec4<f32>();
    var d = vec4<f32>();
    for (var row = 0u; row < params.rows; row += 1u) {
        let w = weights[own + row * line + at.y];
        let u = input[(at.z * params.rows + row) * quads + at.x];
        a += w.x * u;
        b += w.y * u;
        c += w.z * u;
        d += w.w * u;
    }
    let to = (at.z * params.inner + 4u * at.y) * quads + at.x;
    out[to] = params.scale * a;
    out[to + quads] = params.scale * b;
    out[to + 2u * quads] = params.scale * c;
    out[to + 3u * quads] = params.scale * d;
}
