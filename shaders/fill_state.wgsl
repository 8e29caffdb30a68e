// The initial state, the same for all grid points of a member: standard normal numbers, or those of `start`; and each
// column's record.
//
// One invocation makes one column, row after row.
// CPU twin: src/kernel/fill_state.rs.

struct Params {
    rows: u32,
    padded_rows: u32,
    columns: u32,
    padded_columns: u32,
    tokens: u32,
    seed_low: u32,
    seed_high: u32,
    tensor: u32,
    renormalise: u32,
    given: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> member_ids: array<u32>;      // [members]
@group(0) @binding(2) var<storage, read> normal_table: array<u32>;    // [32 octaves, 32 segments, 3]
@group(0) @binding(3) var<storage, read> start: array<f32>;           // [members, rows, tokens]; 1 a member if not given
@group(0) @binding(4) var<storage, read_write> x: array<f32>;         // [members, padded_rows, padded_columns]
@group(0) @binding(5) var<storage, read_write> norms: array<f32>;     // [members, now | peak | initial, padded_columns]
@group(0) @binding(6) var<storage, read_write> events: array<i32>;     // [members, 3 scales | 4 events, padded_columns]

const NORMAL_UNIT: f32 = 0.000000476837158203125;    // 2^-21

@compute @workgroup_size(64, 1, 1)
fn fill_state(@builtin(global_invocation_id) at: vec3<u32>) {
    let column = at.x;
    if column >= params.columns {
        return;
    }
    let key = vec4<u32>(params.seed_low, params.seed_high, 1u, 0u);
    let columns = params.padded_columns;
    var square = 0.0;
    for (var row = 0u; row < params.rows; row += 1u) {
        let element = row * params.tokens + column % params.tokens;
        var value: f32;
        if params.given != 0u {
            value = start[at.z * params.rows * params.tokens + element];
        } else {
            let word = threefry(key, vec4<u32>(element / 4u, params.tensor, 0u, member_ids[at.z]))[element % 4u];
            let segment = normal_segment(word);
            let normal =
                normal_from_word(word, normal_table[segment], normal_table[segment + 1u], normal_table[segment + 2u]);
            value = f32(normal) * NORMAL_UNIT;
        }
        x[(at.z * params.padded_rows + row) * columns + column] = value;
        square += value * value;
    }
    let exponent = exponent_of(square);
    let norm = at.z * NORM_ROWS * columns + column;
    norms[norm + NOW * columns] = square;
    norms[norm + PEAK * columns] = square * power_of_two(-exponent);
    norms[norm + INITIAL * columns] = square;
    let event = at.z * EVENT_ROWS * columns + column;
    for (var row = 0u; row < EVENT_ROWS; row += 1u) {
        events[event + row * columns] = 0;
    }
    events[event + PENDING * columns] = select(0, exponent >> 1u, params.renormalise != 0u);
    events[event + PEAK_EXPONENT * columns] = exponent;
}
