// The tangent of attention where only the query's own token moves: for some tokens t, with tangents of Q, K and V of that
// token alone,
// out = sum P δ u - (sum P δ) sum P u + P_t dV_t,
// with δ_s = scale (dQ (K_s - K_top) + ([s = t] - [top = t]) Q dK_t) and u = V - V_top (attend_tangent.wgsl).
//
// A workgroup owns one token of one head and 64 quads of tangent vectors, and makes the token's row of P once. Eight keys
// at a time stay in registers, and `out` collects them.
// CPU twin: src/kernel/attend_own_tangent.rs.

struct Params {
    head_width: u32,
    tokens: u32,
    columns: u32,
    selected: u32,
    vectors: u32,
    rows: u32,
    out_rows: u32,
    heads: u32,
    key_value_heads: u32,
    causal: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> columns_of: array<u32>;         // [members, selected], or of all
@group(0) @binding(2) var<storage, read> stacked: array<f32>;            // [members, rows: Q | K | V, columns]
@group(0) @binding(3) var<storage, read> deviations: array<vec4<f32>>;   // [members, rows, selected, vectors / 4]
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;    // [members, out_rows, selected, vectors / 4]

// Of every row: sum P u, so many rows at a time.
var<workgroup> pulls: array<f32, ROOM>;

fn key_number(at: u32) -> f32 {
    return stacked[at];
}

// Where a quad of the token's tangents of queries, keys and values, and of the result begins, and the next row of each.
struct Places {
    q: u32, k: u32, v: u32, out: u32, line: u32,
}

// Leaves sum P δ u + P_t dV_t of a quad of tangent vectors in `out`, and returns sum P δ; t is the token's own key.
fn carry(query: Query, places: Places, t: u32) -> vec4<f32> {
    let columns = params.columns;
    var of_key = vec4<f32>();
    for (var i = 0u; i < params.head_width; i += 1u) {
        of_key += stacked[query.q + i * columns] * deviations[places.k + i * places.line];
        out[places.out + i * places.line] = (weights[t] / query.total) * deviations[places.v + i * places.line];
    }
    var along = vec4<f32>();
    for (var block = 0u; block < query.used; block += 8u) {
        // Keys beyond the last one have weight 0 and read the last one's numbers.
        var d: array<vec4<f32>, 8>;
        var key: array<u32, 8>;
        for (var j = 0u; j < 8u; j += 1u) {
            key[j] = min(block + j, query.used - 1u);
            d[j] = (f32(key[j] == t) - f32(query.top == t)) * of_key;
        }
        for (var i = 0u; i < params.head_width; i += 1u) {
            let change = deviations[places.q + i * places.line];
            let origin = stacked[query.k + query.top + i * columns];
            for (var j = 0u; j < 8u; j += 1u) {
                d[j] += change * (stacked[query.k + key[j] + i * columns] - origin);
            }
        }
        for (var j = 0u; j < 8u; j += 1u) {
            d[j] *= select(0.0, weights[key[j]] / query.total, block + j < query.used) * params.scale;
            along += d[j];
        }
        for (var i = 0u; i < params.head_width; i += 1u) {
            let origin = stacked[query.v + query.top + i * columns];
            var sum = vec4<f32>();
            for (var j = 0u; j < 8u; j += 1u) {
                sum += d[j] * (stacked[query.v + key[j] + i * columns] - origin);
            }
            out[places.out + i * places.line] += sum;
        }
    }
    return along;
}

@compute @workgroup_size(LANES, 1, 1)
fn attend_own_tangent(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let columns = params.columns;
    let quads = params.vectors / 4u;
    let groups = (quads + LANES - 1u) / LANES;
    let j = group.x / groups;
    // A column that is there, whatever the buffer says.
    let column = min(columns_of[(group.z * params.selected + j) % arrayLength(&columns_of)], columns - 1u);
    var query = query_of(group.z, group.y, column);
    softmax(&query, lane.x);
    let quad = (group.x % groups) * LANES + lane.x;
    let line = params.selected * quads;
    let own_keys = group.y / (params.heads / params.key_value_heads);
    let own = j * quads + quad;
    let key_row = group.z * params.rows + (params.heads + own_keys) * params.head_width;
    let places = Places(
        (group.z * params.rows + group.y * params.head_width) * line + own,
        key_row * line + own,
        (key_row + params.key_value_heads * params.head_width) * line + own,
        (group.z * params.out_rows + group.y * params.head_width) * line + own,
        line,
    );
    var along = vec4<f32>();
    if quad < quads {
        along = carry(query, places, column % params.tokens);
    }
    for (var row = 0u; row < params.head_width; row += ROOM) {
        let rows = min(ROOM, params.head_width - row);
        workgroupBarrier();
        for (var i = lane.x; i < rows; i += LANES) {
            let v = query.v + (row + i) * columns;
            let origin = stacked[v + query.top];
            var sum = 0.0;
            for (var s = 0u; s < query.used; s += 1u) {
                sum += weights[s] * (stacked[v + s] - origin);
            }
            pulls[i] = sum / query.total;
        }
        workgroupBarrier();
        if quad < quads {
            for (var i = 0u; i < rows; i += 1u) {
                out[places.out + (row + i) * line] -= along * pulls[i];
            }
        }
    }
}
