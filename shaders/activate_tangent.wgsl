// The tangent of the units of an FFN: out = act'(gate) up dgate + act(gate) dup, or act'(up) dup without a gate.
//
// An invocation owns four tangent vectors of a column, or the only ones of four columns.
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

// What four neighbours have of a row of the stack, the first of them at `at`.
fn of_stack(at: u32) -> vec4<f32> {
    if params.vectors != 1u {
        return vec4<f32>(stacked[at]);
    }
    return vec4<f32>(stacked[at], stacked[at + 1u], stacked[at + 2u], stacked[at + 3u]);
}

// The slopes at four neighbours; of a single column one is all.
fn slopes(x: vec4<f32>) -> vec4<f32> {
    let first = slope(x.x);
    if params.vectors != 1u {
        return vec4<f32>(first);
    }
    return vec4<f32>(first, slope(x.y), slope(x.z), slope(x.w));
}

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
    let x = of_stack(row * params.columns + column);
    let through = slopes(x) * deviations[row * quads + at.x];
    if params.gated == 0u {
        out[own] = through;
        return;
    }
    let up = of_stack((row + params.hidden) * params.columns + column);
    out[own] = through * up + activated4(x) * deviations[(row + params.hidden) * quads + at.x];
}
