// The row of the softmax of one query of one head, made once by a workgroup, in its memory, for many tangents.
//
// Shaders that use it have elementary.wgsl, the binding `stacked` [members, rows: Q | K | V, columns], `key_number(at)`,
// which is number `at` of keys that lie as in `stacked`, and `params` with head_width, tokens, columns, rows, heads,
// key_value_heads, causal and scale.

const LANES: u32 = 64u;
const ROOM: u32 = 512u;
// Weights below e^-80 count as 0: what multiplies them can be large.
const LEAST: f32 = -80.0;
// Of every key: its score, then e^(scale (score - largest)).
var<workgroup> weights: array<f32, ROOM>;

// The query's rows, the keys and the values begin here, in `stacked` and what lies like it.
struct Query {
    q: u32, k: u32, v: u32,
    // Keys that it sees, that of the largest score, the sum of the weights.
    used: u32, top: u32, total: f32,
}

// The query of a head in a column, without its softmax.
fn query_of(member: u32, head: u32, column: u32) -> Query {
    let first = column - column % params.tokens;
    let own_keys = head / (params.heads / params.key_value_heads);
    var query = Query();
    query.q = (member * params.rows + head * params.head_width) * params.columns + column;
    query.k = (member * params.rows + (params.heads + own_keys) * params.head_width) * params.columns + first;
    query.v = query.k + params.key_value_heads * params.head_width * params.columns;
    query.used = select(params.tokens, column - first + 1u, params.causal != 0u);
    return query;
}

// Leaves the weights of a query; for all of a workgroup.
fn softmax(query: ptr<function, Query>, lane: u32) {
    let used = (*query).used;
    for (var s = lane; s < used; s += LANES) {
        var score = 0.0;
        for (var i = 0u; i < params.head_width; i += 1u) {
            score += stacked[(*query).q + i * params.columns] * key_number((*query).k + s + i * params.columns);
        }
        weights[s] = score;
    }
    workgroupBarrier();
    var largest = weights[0];
    var top = 0u;
    for (var s = 1u; s < used; s += 1u) {
        let above = weights[s] > largest;
        top = select(top, s, above);
        largest = select(largest, weights[s], above);
    }
    workgroupBarrier();
    for (var s = lane; s < used; s += LANES) {
        // The scale comes last, so that scores that are finite do not overflow.
        let x = (weights[s] - largest) * params.scale;
        weights[s] = select(0.0, exponential(max(x, LEAST)), x > LEAST);
    }
    workgroupBarrier();
    var total = 0.0;
    for (var s = 0u; s < used; s += 1u) {
        total += weights[s];
    }
    (*query).top = top;
    (*query).total = total;
}
