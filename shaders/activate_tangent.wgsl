// The tangent of the units of an FFN: out = act'(gate) up dgate + act(gate) dup, or act'(up) dup without a gate.
//
// An invocation owns four tangent vectors of a column, or the only ones of four columns (shared/unit_factors.wgsl).
// CPU twin: src/kernel/activate_tangent.rs.

struct Params {
    hidden: u32,
    stacked_rows: u32,
    rows: u32,
    columns: u32,
    vectors: u32,
    gated: u32,
    activation: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> stacked: array<f32>;               // [members, stacked_rows, columns]
@group(0) @binding(2) var<storage, read> deviations: array<vec4<f32>>;      // [members, stacked_rows, columns, vectors / 4]
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;       // [members, rows, columns, vectors / 4]

@compute @workgroup_size(64, 1, 1)
fn activate_tangent(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.columns * params.vectors / 4u;
    if at.x >= quads {
        return;
    }
    let own = (at.z * params.rows + at.y) * quads + at.x;
    if at.y >= params.hidden {
        out[own] = vec4<f32>();
        return;
    }
    let row = at.z * params.stacked_rows + at.y;
    let column = 4u * at.x / params.vectors;
    let own_factors = factors(row, column);
    let through = own_factors.through * deviations[row * quads + at.x];
    if params.gated == 0u {
        out[own] = through;
        return;
    }
    out[own] = through + own_factors.beside * deviations[(row + params.hidden) * quads + at.x];
}
