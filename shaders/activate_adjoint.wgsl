// The adjoint of the units of an FFN: of a cotangent c of a unit, act'(gate) up c at its gate and act(gate) c at `up`, or
// act'(up) c without a gate.
//
// An invocation owns four cotangent vectors of a column, or the only ones of four columns (shared/unit_factors.wgsl).
// CPU twin: src/kernel/activate_adjoint.rs.

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
@group(0) @binding(2) var<storage, read> cotangents: array<vec4<f32>>;      // [members, rows, columns, vectors / 4]
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;       // [members, stacked_rows, columns, vectors / 4]

@compute @workgroup_size(64, 1, 1)
fn activate_adjoint(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.columns * params.vectors / 4u;
    if at.x >= quads {
        return;
    }
    let own = (at.z * params.stacked_rows + at.y) * quads + at.x;
    // The unit of this row, and whether the row is that of its other half.
    let beside = at.y >= params.hidden && params.gated != 0u;
    let unit = select(at.y, at.y - params.hidden, beside);
    if unit >= params.hidden {
        out[own] = vec4<f32>();
        return;
    }
    let own_factors = factors(at.z * params.stacked_rows + unit, 4u * at.x / params.vectors);
    out[own] = select(own_factors.through, own_factors.beside, beside) * cotangents[(at.z * params.rows + unit) * quads + at.x];
}
