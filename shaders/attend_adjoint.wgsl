// The adjoint of attention, up to its keys and values: of cotangents g of the heads of some tokens t
//   dS_s = scale P_s (g (V_s - V_top) - g sum P (V - V_top))        what the score of key s is worth
//   dQ   = sum dS_s (K_s - K_top)
// and P_s itself. The dS add up to 0, so that keys and values count from the key of the largest score, as they do for
// tangents (attend_tangent.wgsl). What becomes of keys and values: attend_adjoint_keys.wgsl.
//
// A workgroup owns one token of one head and 64 quads of cotangent vectors, and makes the token's row of P once. Eight keys
// at a time stay in registers.
// CPU twin: src/kernel/attend_adjoint.rs.

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
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> columns_of: array<u32>;         // [members, selected], or of all
@group(0) @binding(2) var<storage, read> stacked: array<f32>;            // [members, rows: Q | K | V, columns]
@group(0) @binding(3) var<storage, read> cotangents: array<vec4<f32>>;   // [members, out_rows, selected, vectors / 4]
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;    // [members, rows: Q | .., selected, vectors / 4]
@group(0) @binding(5) var<storage, read_write> slopes: array<vec4<f32>>; // [members, heads, keys, selected, vectors / 4]
@group(0) @binding(6) var<storage, read_write> shares: array<f32>;       // [members, heads, keys, selected]: P

// Of every row: sum P u, so many rows at a time.
var<workgroup> pulls: array<f32, ROOM>;

fn key_number(at: u32) -> f32 {
    return stacked[at];
}

// Where a quad of the token's cotangents, of the result and of the slopes begins, and the next row of each.
struct Places {
    g: u32, out: u32, slopes: u32, line: u32,
}

// Is key s of token t one whose slope is kept?
fn is_kept(s: u32, t: u32) -> bool {
    return params.keys == params.tokens || s == t;
}

// Its place among those.
fn place_of(s: u32) -> u32 {
    return select(0u, s, params.keys == params.tokens);
}

// Makes dS and dQ of a quad of vectors; along is g sum P u, t the token's own key.
fn carry(query: Query, places: Places, along: vec4<f32>, t: u32) {
    let columns = params.columns;
    for (var i = 0u; i < params.head_width; i += 1u) {
        out[places.out + i * places.line] = vec4<f32>();
    }
    for (var block = 0u; block < query.used; block += 8u) {
        // Keys beyond the last one have weight 0 and read the last one's numbers.
        var d: array<vec4<f32>, 8>;
        var key: array<u32, 8>;
        for (var j = 0u; j < 8u; j += 1u) {
            key[j] = min(block + j, query.used - 1u);
        }
        for (var i = 0u; i < params.head_width; i += 1u) {
            let g = cotangents[places.g + i * places.line];
            let origin = stacked[query.v + query.top + i * columns];
            for (var j = 0u; j < 8u; j += 1u) {
                d[j] += g * (stacked[query.v + key[j] + i * columns] - origin);
            }
        }
        for (var j = 0u; j < 8u; j += 1u) {
            let there = block + j < query.used;
            d[j] = (select(0.0, weights[key[j]] / query.total, there) * params.scale) * (d[j] - along);
            if there && is_kept(key[j], t) {
                slopes[places.slopes + place_of(key[j]) * places.line] = d[j];
            }
        }
        for (var i = 0u; i < params.head_width; i += 1u) {
            let origin = stacked[query.k + query.top + i * columns];
            var sum = vec4<f32>();
            for (var j = 0u; j < 8u; j += 1u) {
                sum += d[j] * (stacked[query.k + key[j] + i * columns] - origin);
            }
            out[places.out + i * places.line] += sum;
        }
    }
}

@compute @workgroup_size(LANES, 1, 1)
fn attend_adjoint(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let columns = params.columns;
    let quads = params.vectors / 4u;
    let groups = (quads + LANES - 1u) / LANES;
    let j = group.x / groups;
    // A column that is there, whatever the buffer says.
    let column = min(columns_of[(group.z * params.selected + j) % arrayLength(&columns_of)], columns - 1u);
    let t = column % params.tokens;
    var query = query_of(group.z, group.y, column);
    softmax(&query, lane.x);
    let head = group.z * params.heads + group.y;
    for (var s = lane.x; s < query.used && group.x % groups == 0u; s += LANES) {
        if is_kept(s, t) {
            shares[(head * params.keys + place_of(s)) * params.selected + j] = weights[s] / query.total;
        }
    }
    let quad = (group.x % groups) * LANES + lane.x;
    let line = params.selected * quads;
    let own = j * quads + quad;
    let places = Places(
        (group.z * params.out_rows + group.y * params.head_width) * line + own,
        (group.z * params.rows + group.y * params.head_width) * line + own,
        head * params.keys * line + own,
        line,
    );
    var along = vec4<f32>();
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
                along += cotangents[places.g + (row + i) * line] * pulls[i];
            }
        }
    }
    if quad < quads {
        carry(query, places, along, t);
    }
}
