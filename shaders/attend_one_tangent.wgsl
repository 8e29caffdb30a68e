// The tangent of attention for one tangent vector: with S = scale Q^T K and P = softmax(S), dS = scale (dQ^T K + Q^T dK),
// out = P dV + sum_s W_s V_s - (sum_s W_s) O with W_s = P_s (dS_s - dS_*), where * is the key with the largest score.
//
// A workgroup has groups of `key_lanes` invocations, each group with its own query. A lane makes P and dS of its own keys
// and then, when all have W, its own rows of the result.
// CPU twin: src/kernel/attend_one_tangent.rs.

struct Params {
    width: u32,
    head_width: u32,
    tokens: u32,
    columns: u32,
    rows: u32,
    out_rows: u32,
    heads: u32,
    causal: u32,
    key_lanes: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> stacked: array<f32>;      // [members, rows: Q | K | V, columns]
@group(0) @binding(2) var<storage, read> deviations: array<f32>;   // [members, rows, columns]: their tangents
@group(0) @binding(3) var<storage, read> attended: array<f32>;     // [members, out_rows, columns]: O
@group(0) @binding(4) var<storage, read_write> out: array<f32>;    // [members, out_rows, columns]

const LANES = 64u;
const LOWEST = -3.0e38;
// Of each key: its score and dS, then its weight and W.
var<workgroup> pairs: array<vec2<f32>, 512>;

@compute @workgroup_size(64, 1, 1)
fn attend_one_tangent(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let tokens = params.tokens;
    let columns = params.columns;
    let own_group = lane.x / params.key_lanes;
    let own_lane = lane.x % params.key_lanes;
    let groups = LANES / params.key_lanes;
    let blocks = (tokens + groups - 1u) / groups;
    let first = (group.x / blocks) * tokens;
    // Queries beyond the last one are computed as copies of it, and not stored.
    let wanted = (group.x % blocks) * groups + own_group;
    let query = min(wanted, tokens - 1u);
    let head = group.z * params.rows * columns + group.y * params.head_width * columns + first;
    let keys = head + params.width * columns;
    let values = keys + params.width * columns;
    let place = own_group * tokens;
    let last = select(tokens - 1u, query, params.causal != 0u);
    for (var s = own_lane; s < tokens; s += params.key_lanes) {
        var score = 0.0;
        var change = 0.0;
        for (var i = 0u; i < params.head_width; i += 1u) {
            let q = head + i * columns + query;
            let k = keys + i * columns + s;
            score += stacked[q] * stacked[k];
            change += deviations[q] * stacked[k] + stacked[q] * deviations[k];
        }
        pairs[place + s] = vec2<f32>(select(LOWEST, params.scale * score, s <= last), params.scale * change);
    }
    workgroupBarrier();
    var largest = vec2<f32>(LOWEST, 0.0);
    for (var s = 0u; s <= last; s += 1u) {
        let pair = pairs[place + s];
        largest = select(largest, pair, pair.x > largest.x);
    }
    workgroupBarrier();
    for (var s = own_lane; s < tokens; s += params.key_lanes) {
        let pair = pairs[place + s];
        let weight = exponential(clamp(pair.x - largest.x, -80.0, 0.0));
        pairs[place + s] = select(vec2<f32>(), vec2<f32>(weight, weight * (pair.y - largest.y)), s <= last);
    }
    workgroupBarrier();
    var total = vec2<f32>();
    for (var s = 0u; s <= last; s += 1u) {
        total += pairs[place + s];
    }
    if wanted >= tokens {
        return;
    }
    for (var i = own_lane; i < params.head_width; i += params.key_lanes) {
        let v = values + i * columns;
        var sum = 0.0;
        for (var s = 0u; s <= last; s += 1u) {
            let pair = pairs[place + s];
            sum += pair.y * stacked[v + s] + pair.x * deviations[v + s];
        }
        let o = (group.z * params.out_rows + group.y * params.head_width + i) * columns + first + query;
        out[o] = (sum - total.y * attended[o]) / total.x;
    }
}
