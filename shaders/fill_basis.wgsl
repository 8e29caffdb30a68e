// Unit tangent vectors: vector k of every grid point is 1 at element (row, token) = (first + k) / T, (first + k) % T.
//
// One invocation for each column.
// CPU twin: src/kernel/fill_basis.rs.

struct Params {
    width: u32,
    rows: u32,
    tokens: u32,
    columns: u32,
    vectors: u32,
    first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> deviations: array<f32>;    // [members, rows, columns, vectors]

@compute @workgroup_size(64, 1, 1)
fn fill_basis(@builtin(global_invocation_id) at: vec3<u32>) {
    let stride = params.columns * params.vectors;
    if at.x >= stride {
        return;
    }
    let direction = params.first + at.x % params.vectors;
    let column = at.x / params.vectors;
    let row = direction / params.tokens;
    let used = column < params.columns / params.tokens * params.tokens && row < params.width;
    let own = used && direction % params.tokens == column % params.tokens;
    for (var r = 0u; r < params.rows; r += 1u) {
        deviations[(at.z * params.rows + r) * stride + at.x] = select(0.0, 1.0, own && r == row);
    }
}
