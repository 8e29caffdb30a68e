// Some columns of a state: out[row, j] = x[row, columns_of[j]].
//
// An invocation owns a number.
// CPU twin: src/kernel/select_columns.rs.

struct Params {
    rows: u32,
    columns: u32,
    selected: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> columns_of: array<u32>;     // [members, selected], or of all
@group(0) @binding(2) var<storage, read> x: array<f32>;              // [members, rows, columns]
@group(0) @binding(3) var<storage, read_write> out: array<f32>;      // [members, rows, selected]

@compute @workgroup_size(64, 1, 1)
fn select_columns(@builtin(global_invocation_id) at: vec3<u32>) {
    if at.x >= params.selected {
        return;
    }
    let row = at.z * params.rows + at.y;
    let column = columns_of[(at.z * params.selected + at.x) % arrayLength(&columns_of)];
    out[row * params.selected + at.x] = x[row * params.columns + column];
}
