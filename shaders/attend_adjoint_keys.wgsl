// The adjoint of attention at its keys and values: with g, dS and P of attend_adjoint.wgsl, of all queries that see key s
//   dK_s = sum dS_s Q        dV_s = sum P_s g
// summed over the heads that share the key, and over the tokens that see it; or over its own token alone, where only that
// one moves.
//
// An invocation owns four cotangent vectors of a column, in one row of the keys or values.
// CPU twin: src/kernel/attend_adjoint_keys.rs.

struct Params {
    head_width: u32,
    tokens: u32,
    columns: u32,
    selected: u32,
    used: u32,
    vectors: u32,
    rows: u32,
    out_rows: u32,
    heads: u32,
    key_value_heads: u32,
    keys: u32,
    causal: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> columns_of: array<u32>;         // [members, selected], or of all
@group(0) @binding(2) var<storage, read> stacked: array<f32>;            // [members, rows: Q | K | V, columns]
@group(0) @binding(3) var<storage, read> cotangents: array<vec4<f32>>;   // [members, out_rows, selected, vectors / 4]
@group(0) @binding(4) var<storage, read> slopes: array<vec4<f32>>;       // [members, heads, keys, selected, vectors / 4]
@group(0) @binding(5) var<storage, read> shares: array<f32>;             // [members, heads, keys, selected]
@group(0) @binding(6) var<storage, read_write> out: array<vec4<f32>>;    // [members, rows: .. | K | V, selected, vectors / 4]

// A column that is there, whatever the buffer says.
fn column_of(member: u32, j: u32) -> u32 {
    return min(columns_of[(member * params.selected + j) % arrayLength(&columns_of)], params.columns - 1u);
}

@compute @workgroup_size(64, 1, 1)
fn attend_adjoint_keys(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.vectors / 4u;
    let j = at.x / quads;
    if j >= params.used {
        return;
    }
    let shared_rows = params.key_value_heads * params.head_width;
    let is_value = at.y >= shared_rows;
    let row = select(at.y, at.y - shared_rows, is_value);
    let group = params.heads / params.key_value_heads;
    let i = row % params.head_width;
    let line = params.selected * quads;
    let quad = at.x % quads;
    // The key's place, and the queries that see it, among the selected ones.
    var key = 0u;
    var first = j;
    var behind = j + 1u;
    if params.keys == params.tokens {
        key = j % params.tokens;
        first = select(j - key, j, params.causal != 0u);
        behind = j - key + params.tokens;
    }
    var sum = vec4<f32>();
    for (var h = 0u; h < group; h += 1u) {
        let head = (row / params.head_width) * group + h;
        let of_key = ((at.z * params.heads + head) * params.keys + key) * params.selected;
        for (var q = first; q < behind; q += 1u) {
            if is_value {
                let g = (at.z * params.out_rows + head * params.head_width + i) * line + q * quads + quad;
                sum += shares[of_key + q] * cotangents[g];
            } else {
                let query = (at.z * params.rows + head * params.head_width + i) * params.columns + column_of(at.z, q);
                sum += stacked[query] * slopes[(of_key + q) * quads + quad];
            }
        }
    }
    out[(at.z * params.rows + params.heads * params.head_width + at.y) * line + at.x] = sum;
}
