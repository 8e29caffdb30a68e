// The units of an FFN from its stacked projection: out = act(gate) up of rows gate | up, or act(up) without a gate.
//
// An invocation owns four columns of a unit.
// CPU twin: src/kernel/activate.rs.

struct Params {
    hidden: u32,
    stacked_rows: u32,
    rows: u32,
    columns: u32,
    gated: u32,
    activation: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> stacked: array<vec4<f32>>;      // [members, stacked_rows, columns / 4]
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;    // [members, rows, columns / 4]

@compute @workgroup_size(64, 1, 1)
fn activate(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.columns / 4u;
    if at.x >= quads {
        return;
    }
    let own = (at.z * params.rows + at.y) * quads + at.x;
    if at.y >= params.hidden {
        out[own] = vec4<f32>();
        return;
    }
    let unit = (at.z * params.stacked_rows + at.y) * quads + at.x;
    var units = activated4(stacked[unit]);
    if params.gated != 0u {
        units *= stacked[unit + params.hidden * quads];
    }
    out[own] = units;
}
