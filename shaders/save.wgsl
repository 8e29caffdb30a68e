// Saves the norm of every column at one step of a trajectory: its mantissa and exponent.
//
// One invocation for each column.
// CPU twin: src/kernel/save.rs.

struct Params {
    columns: u32,
    row: u32,
    rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> norms: array<f32>;                    // [members, now | peak | initial, columns]
@group(0) @binding(2) var<storage, read> events: array<i32>;                    // [members, 3 scales | 4 events, columns]
@group(0) @binding(3) var<storage, read_write> history: array<f32>;            // [members, rows, columns]
@group(0) @binding(4) var<storage, read_write> history_exponents: array<i32>;  // [members, rows, columns]

@compute @workgroup_size(64, 1, 1)
fn save(@builtin(global_invocation_id) at: vec3<u32>) {
    let column = at.x;
    if column >= params.columns {
        return;
    }
    let to = (at.z * params.rows + params.row) * params.columns + column;
    history[to] = norms[(at.z * NORM_ROWS + NOW) * params.columns + column];
    history_exponents[to] = events[(at.z * EVENT_ROWS + EXPONENT) * params.columns + column];
}
