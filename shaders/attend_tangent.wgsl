// The tangent of attention: with S = scale Q^T K and P = softmax(S),
// dS = scale (dQ^T K + Q^T dK), dP = P o (dS - rowsum(P o dS)), dO = dP V + P dV.
//
// With dS and V counted from the key of the largest score, so that nothing large cancels (the bound: the twin's file):
// out = sum P δ u - rowsum(P δ) sum P u + P dV, with δ = dS - dS_top, u = V - V_top.
//
// A workgroup owns one query of one head and 64 quads of tangent vectors: it makes the query's row of P once, in
// workgroup memory, and each invocation then carries four tangent vectors through. Eight keys at a time stay in
// registers, those with the largest score first, and `out` collects them. A single tangent vector is shared by all
// invocations instead: each makes dS of its own keys, then its own rows of the result.
// CPU twin: src/kernel/attend_tangent.rs.

struct Params {
    head_width: u32,
    tokens: u32,
    columns: u32,
    vectors: u32,
    rows: u32,
    out_rows: u32,
    heads: u32,
    key_value_heads: u32,
    causal: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> stacked: array<f32>;               // [members, rows: Q | K | V, columns]
@group(0) @binding(2) var<storage, read> differences: array<f32>;           // [members, rows: .. | K | V, columns]
@group(0) @binding(3) var<storage, read> deviations: array<vec4<f32>>;      // [members, rows, columns, vectors / 4]
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;       // [members, out_rows, columns, vectors / 4]

// Of every row: sum P u, so many rows at a time. With a single vector dS / scale of every key.
var<workgroup> pulls: array<f32, ROOM>;

// Number `at` of the keys.
fn key_number(at: u32) -> f32 {
    return differences[at];
}

// Number `at` of tangents of one vector.
fn tangent(at: u32) -> f32 {
    return deviations[at / 4u][at % 4u];
}

// The result of a single tangent vector, whose first number is `o`.
fn single(query: Query, o: u32, lane: u32) {
    let columns = params.columns;
    for (var s = lane; s < query.used; s += LANES) {
        var d = 0.0;
        for (var i = 0u; i < params.head_width; i += 1u) {
            let own = query.q + i * columns;
            let key = query.k + s + i * columns;
            d += tangent(own) * differences[key] + stacked[own] * tangent(key);
        }
        pulls[s] = d;
    }
    workgroupBarrier();
    let origin = pulls[query.top];
    let factor = params.scale / query.total;
    var along = 0.0;
    for (var s = 0u; s < query.used; s += 1u) {
        along += (pulls[s] - origin) * weights[s] * factor;
    }
    for (var i = lane; i < params.head_width; i += LANES) {
        let v = query.v + i * columns;
        let own = differences[v + query.top];
        var sum = 0.0;
        for (var s = 0u; s < query.used; s += 1u) {
            let p = weights[s] / query.total;
            sum += p * ((pulls[s] - origin) * params.scale - along) * (differences[v + s] - own) + p * tangent(v + s);
        }
        let at = o + i * columns;
        out[at / 4u][at % 4u] = sum;
    }
}

// Leaves sum P δ u + P dV of a quad of tangent vectors in `out` from `o` on, and returns rowsum(P δ).
fn carry(query: Query, quads: u32, quad: u32, o: u32) -> vec4<f32> {
    let columns = params.columns;
    let line = columns * quads;
    for (var i = 0u; i < params.head_width; i += 1u) {
        out[o + i * line] = vec4<f32>();
    }
    let dq = query.q * quads + quad;
    let blocks = (query.used + 7u) / 8u;
    var along = vec4<f32>();
    var origin = vec4<f32>();
    for (var turn = 0u; turn < blocks; turn += 1u) {
        let block = 8u * ((query.top / 8u + turn) % blocks);
        // Keys beyond the last one have weight 0 and read the last one's numbers.
        var d: array<vec4<f32>, 8>;
        var key: array<u32, 8>;
        var p: array<f32, 8>;
        for (var j = 0u; j < 8u; j += 1u) {
            key[j] = min(block + j, query.used - 1u);
            p[j] = select(0.0, weights[key[j]] / query.total, block + j < query.used);
        }
        for (var i = 0u; i < params.head_width; i += 1u) {
            let own = stacked[query.q + i * columns];
            let change = deviations[dq + i * line];
            for (var j = 0u; j < 8u; j += 1u) {
                let at = query.k + key[j] + i * columns;
                d[j] += change * differences[at] + own * deviations[at * quads + quad];
            }
        }
        for (var j = 0u; j < 8u; j += 1u) {
            origin = select(origin, d[j], turn == 0u && key[j] == query.top);
        }
        for (var j = 0u; j < 8u; j += 1u) {
            d[j] = (d[j] - origin) * (p[j] * params.scale);
            along += d[j];
        }
        for (var i = 0u; i < params.head_width; i += 1u) {
            let own = differences[query.v + query.top + i * columns];
            var sum = vec4<f32>();
            for (var j = 0u; j < 8u; j += 1u) {
                let at = query.v + key[j] + i * columns;
                sum += d[j] * (differences[at] - own) + p[j] * deviations[at * quads + quad];
            }
            out[o + i * line] += sum;
        }
    }
    return along;
}

@compute @workgroup_size(LANES, 1, 1)
fn attend_tangent(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let columns = params.columns;
    let quads = max(params.vectors / 4u, 1u);
    let groups = (quads + LANES - 1u) / LANES;
    let column = group.x / groups;
    var query = query_of(group.z, group.y, column);
    softmax(&query, lane.x);
    let result = (group.z * params.out_rows + group.y * params.head_width) * columns + column;
    if params.vectors == 1u {
        single(query, result, lane.x);
        return;
    }
    let quad = (group.x % groups) * LANES + lane.x;
    let o = result * quads + quad;
    var along = vec4<f32>();
    if quad < quads {
        along = carry(query, quads, quad, o);
    }
    for (var row = 0u; row < params.head_width; row += ROOM) {
        let rows = min(ROOM, params.head_width - row);
        workgroupBarrier();
        for (var i = lane.x; i < rows; i += LANES) {
            let v = query.v + (row + i) * columns;
            let own = differences[v + query.top];
            var sum = 0.0;
            for (var s = 0u; s < query.used; s += 1u) {
                sum += weights[s] * (differences[v + s] - own);
            }
            pulls[i] = sum / query.total;
        }
        workgroupBarrier();
        if quad < quads {
            for (var i = 0u; i < rows; i += 1u) {
                out[o + (row + i) * columns * quads] -= along * pulls[i];
            }
        }
    }
}
