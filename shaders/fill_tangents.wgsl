// Random tangent vectors: independent standard normal numbers, the same at every grid point, 0 in all padding.
//
// One invocation makes one column, row after row.
// CPU twin: src/kernel/fill_tangents.rs.

struct Params {
    width: u32,
    rows: u32,
    tokens: u32,
    columns: u32,
    used_columns: u32,
    vectors: u32,
    drawn: u32,
    seed_low: u32,
    seed_high: u32,
    tensor: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> member_ids: array<u32>;              // [members]
@group(0) @binding(2) var<storage, read> normal_table: array<u32>;            // [32 octaves, 32 segments, 3]
@group(0) @binding(3) var<storage, read_write> deviations: array<f32>;        // [members, rows, columns, vectors]

const NORMAL_UNIT: f32 = 0.000000476837158203125;    // 2^-21

@compute @workgroup_size(64, 1, 1)
fn fill_tangents(@builtin(global_invocation_id) at: vec3<u32>) {
    let stride = params.columns * params.vectors;
    if at.x >= stride {
        return;
    }
    let vector = at.x % params.vectors;
    let column = at.x / params.vectors;
    let used = vector < params.drawn && column < params.used_columns;
    let key = vec4<u32>(params.seed_low, params.seed_high, 1u, 0u);
    for (var row = 0u; row < params.rows; row += 1u) {
        var value = 0.0;
        if used && row < params.width {
            let element = (vector * params.width + row) * params.tokens + column % params.tokens;
            let word = threefry(key, vec4<u32>(element / 4u, params.tensor, 0u, member_ids[at.z]))[element % 4u];
            let segment = normal_segment(word);
            let normal =
                normal_from_word(word, normal_table[segment], normal_table[segment + 1u], normal_table[segment + 2u]);
            value = f32(normal) * NORMAL_UNIT;
        }
        deviations[(at.z * params.rows + row) * stride + at.x] = value;
    }
}
