// Each token less the first one of its grid point; padding becomes 0.
//
// One invocation makes one column, row after row.
// CPU twin: src/kernel/token_differences.rs.

struct Params {
    rows: u32,
    columns: u32,
    tokens: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;             // [members, rows, columns]
@group(0) @binding(2) var<storage, read_write> out: array<f32>;     // [members, rows, columns]

@compute @workgroup_size(64, 1, 1)
fn token_differences(@builtin(global_invocation_id) at: vec3<u32>) {
    if at.x >= params.columns {
        return;
    }
    let first = at.x - at.x % params.tokens;
    let used = at.x < params.columns / params.tokens * params.tokens;
    for (var row = 0u; row < params.rows; row += 1u) {
        let line = (at.z * params.rows + row) * params.columns;
        out[line + at.x] = select(0.0, x[line + at.x] - x[line + first], used);
    }
}
