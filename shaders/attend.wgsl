// Attention of every head: out = softmax(scale Q^T K) V over the tokens of a grid point, and the entropy of each row.
//
// Scores live in workgroup memory only, for four queries at a time: a workgroup has `groups` groups of `key_lanes`
// invocations (groups * key_lanes = 64), each group with its own four queries. A lane makes the scores of its own
// keys, then, after the softmax, its own rows of the output. Masked keys are excluded by a selection on integers.
// Some neighbouring heads of queries share a head of keys and values, where there are fewer of those.
// CPU twin: src/kernel/attend.rs.

struct Params {
    head_width: u32,
    tokens: u32,
    columns: u32,
    rows: u32,
    out_rows: u32,
    heads: u32,
    key_value_heads: u32,
    causal: u32,
    key_lanes: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> stacked: array<f32>;           // [members, rows: Q | K | V, columns]
@group(0) @binding(2) var<storage, read_write> out: array<f32>;         // [members, out_rows, columns]
@group(0) @binding(3) var<storage, read_write> entropy: array<f32>;     // [members, heads, columns]

const LANES: u32 = 64u;
const LOWEST: f32 = -3.0e38;
const LEAST: f32 = -80.0;
// One more than the 512 keys of one group, and than the 64 keys of all groups when a group has fewer lanes.
var<workgroup> weights: array<vec4<f32>, 576>;

@compute @workgroup_size(LANES, 1, 1)
fn attend(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let tokens = params.tokens;
    let columns = params.columns;
    let own_group = lane.x / params.key_lanes;
    let own_lane = lane.x % params.key_lanes;
    let blocks = (tokens + 4u * (LANES / params.key_lanes) - 1u) / (4u * (LANES / params.key_lanes));
    let first = (group.x / blocks) * tokens;
    let query = 4u * ((group.x % blocks) * (LANES / params.key_lanes) + own_group);
    // Queries beyond the last one are computed as copies of it, and not stored.
    let queries = min(vec4<u32>(query, query + 1u, query + 2u, query + 3u), vec4<u32>(tokens - 1u));
    let head = group.z * params.rows * columns + group.y * params.head_width * columns + first;
    let own_keys = group.y / (params.heads / params.key_value_heads);
    let keys = (group.z * params.rows + (params.heads + own_keys) * params.head_width) * columns + first;
    let values = keys + params.key_value_heads * params.head_width * columns;
    let place = own_group * (tokens + 1u);
    let last = select(vec4<u32>(tokens - 1u), queries, params.causal != 0u);
    for (var s = own_lane; s < tokens; s += params.key_lanes) {
        var score = vec4<f32>();
        for (var i = 0u; i < params.head_width; i += 1u) {
            let q = head + i * columns;
            score += stacked[keys + i * columns + s]
                * vec4<f32>(stacked[q + queries.x], stacked[q + queries.y], stacked[q + queries.z], stacked[q + queries.w]);
        }
        weights[place + s] = select(vec4<f32>(LOWEST), params.scale * score, vec4<u32>(s) <= last);
    }
    workgroupBarrier();
    var largest = vec4<f32>(LOWEST);
    for (var s = 0u; s < tokens; s += 1u) {
        largest = max(largest, weights[place + s]);
    }
    workgroupBarrier();
    for (var s = own_lane; s < tokens; s += params.key_lanes) {
        let x = clamp(weights[place + s] - largest, vec4<f32>(LEAST), vec4<f32>(0.0));
        let weight = vec4<f32>(exponential(x.x), exponential(x.y), exponential(x.z), exponential(x.w));
        weights[place + s] = select(vec4<f32>(), weight, vec4<u32>(s) <= last);
    }
    if own_lane == 0u {
        // The rows of the output take two keys at a time.
        weights[place + tokens] = vec4<f32>();
    }
    workgroupBarrier();
    var total = vec4<f32>();
    for (var s = 0u; s < tokens; s += 1u) {
        total += weights[place + s];
    }
    for (var i = own_lane; i < params.head_width; i += params.key_lanes) {
        let v = values + i * columns;
        var sum = vec4<f32>();
        for (var s = 0u; s < tokens; s += 2u) {
            sum += weights[place + s] * stacked[v + s];
            sum += weights[place + s + 1u] * stacked[v + min(s + 1u, tokens - 1u)];
        }
        sum /= total;
        let o = (group.z * params.out_rows + group.y * params.head_width + i) * columns + first + query;
        for (var j = 0u; j < 4u; j += 1u) {
            if query + j < tokens {
                out[o + j] = sum[j];
            }
        }
    }
    if own_lane < 4u && query + own_lane < tokens {
        // - sum p ln p, from the weights themselves: a weight of 0 adds nothing.
        var sum = 0.0;
        for (var s = 0u; s < tokens; s += 1u) {
            let weight = weights[place + s][own_lane];
            sum += weight * logarithm(max(weight, 1e-37));
        }
        let all = total[own_lane];
        entropy[(group.z * params.heads + group.y) * columns + first + query + own_lane] = logarithm(all) - sum / all;
    }
}
