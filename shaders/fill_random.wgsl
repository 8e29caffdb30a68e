// Random weights: out[r, c] = unit (alpha g[r, c] + beta g[c, r]) with standard normal g.
//
// An invocation makes four neighbouring elements from one block of the generator. Only integers are computed with;
// the last step, an integer below 2^24 times a power of two, is exact.
// CPU twin: src/kernel/fill_random.rs.

struct Params {
    rows: u32,
    columns: u32,
    padded_rows: u32,
    padded_columns: u32,
    seed_low: u32,
    seed_high: u32,
    tensor: u32,
    step: u32,
    alpha: u32,
    beta: u32,
    beta_negative: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> member_ids: array<u32>;      // [members]
@group(0) @binding(2) var<storage, read> normal_table: array<u32>;    // [32 octaves, 32 segments, 3]
@group(0) @binding(3) var<storage, read_write> out: array<f32>;       // [members, padded_rows, padded_columns]

const GINIBRE_UNIT: f32 = 0.000000476837158203125;    // 2^-21
const ELLIPTIC_UNIT: f32 = 0.00000095367431640625;    // 2^-20

fn block(member: u32, index: u32) -> vec4<u32> {
    let key = vec4<u32>(params.seed_low, params.seed_high, 1u, 0u);
    return threefry(key, vec4<u32>(index, params.tensor, params.step, member_ids[member]));
}

fn normal(word: u32) -> i32 {
    let at = normal_segment(word);
    return normal_from_word(word, normal_table[at], normal_table[at + 1u], normal_table[at + 2u]);
}

fn product(value: i32, factor: u32) -> i32 {
    let magnitude = i32(multiply_high(u32(abs(value)) * 64u, factor));
    return select(magnitude, -magnitude, value < 0);
}

fn mix_of(a: i32, b: i32) -> i32 {
    let second = product(b, params.beta);
    let sum = product(a, params.alpha) + select(second, -second, params.beta_negative != 0u);
    return select(sum >> 7u, -((-sum) >> 7u), sum < 0);
}

@compute @workgroup_size(64, 1, 1)
fn fill_random(@builtin(global_invocation_id) at: vec3<u32>) {
    let count = params.rows * params.columns;
    if 4u * at.x >= count {
        return;
    }
    let words = block(at.z, at.x);
    for (var i = 0u; i < 4u; i += 1u) {
        let element = 4u * at.x + i;
        if element < count {
            let row = element / params.columns;
            let column = element % params.columns;
            let own = normal(words[i]);
            var value = f32(own) * GINIBRE_UNIT;
            if params.beta != 0u {
                let mirror = column * params.columns + row;
                let other = normal(block(at.z, mirror / 4u)[mirror % 4u]);
                value = f32(mix_of(own, other)) * ELLIPTIC_UNIT;
            }
            out[(at.z * params.padded_rows + row) * params.padded_columns + column] = value;
        }
    }
}
