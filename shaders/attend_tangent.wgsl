// The tangent of attention: with S = scale Q^T K and P = softmax(S),
// dS = scale (dQ^T K + Q^T dK), dP = P o (dS - rowsum(P o dS)), dO = dP V + P dV.
//
// A workgroup owns one query of one head and 64 quads of tangent vectors: it makes the query's row of P once, in
// workgroup memory, and each invocation then carries four tangent vectors through. Eight keys at a time stay in
// registers, and `out` collects them: sum of P o dS V + P dV, from which rowsum(P o dS) O is taken at the end.
// CPU twin: src/kernel/attend_tangent.rs.

struct Params {
    width: u32,
    head_width: u32,
    tokens: u32,
    columns: u32,
    vectors: u32,
    rows: u32,
    out_rows: u32,
    heads: u32,
    causal: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> stacked: array<f32>;               // [members, rows: Q | K | V, columns]
@group(0) @binding(2) var<storage, read> deviations: array<vec4<f32>>;      // [members, rows, columns, vectors / 4]
@group(0) @binding(3) var<storage, read> attended: array<f32>;              // [members, out_rows, columns]: O
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;       // [members, out_rows, columns, vectors / 4]

const LANES = 64u;
const LOWEST = -3.0e38;
var<workgroup> weights: array<f32, 512>;

@compute @workgroup_size(64, 1, 1)
fn attend_tangent(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let columns = params.columns;
    let quads = params.vectors / 4u;
    let blocks = (quads + LANES - 1u) / LANES;
    let column = group.x / blocks;
    let query = column % params.tokens;
    let first = column - query;
    let used = select(params.tokens, query + 1u, params.causal != 0u);
    let q = (group.z * params.rows + group.y * params.head_width) * columns;
    let k = q + params.width * columns + first;
    let v = k + params.width * columns;
    for (var s = lane.x; s < used; s += LANES) {
        var score = 0.0;
        for (var i = 0u; i < params.head_width; i += 1u) {
            score += stacked[q + column + i * columns] * stacked[k + s + i * columns];
        }
        weights[s] = params.scale * score;
    }
    workgroupBarrier();
    var largest = LOWEST;
    for (var s = 0u; s < used; s += 1u) {
        largest = max(largest, weights[s]);
    }
    workgroupBarrier();
    for (var s = lane.x; s < used; s += LANES) {
        weights[s] = exponential(clamp(weights[s] - largest, -80.0, 0.0));
    }
    workgroupBarrier();
    var total = 0.0;
    for (var s = 0u; s < used; s += 1u) {
        total += weights[s];
    }
    let quad = (group.x % blocks) * LANES + lane.x;
    if quad >= quads {
        return;
    }
    let line = columns * quads;
    let o = (group.z * params.out_rows + group.y * params.head_width) * line + column * quads + quad;
    for (var i = 0u; i < params.head_width; i += 1u) {
        out[o + i * line] = vec4<f32>();
    }
    let dq = q * quads + column * quads + quad;
    var along = vec4<f32>();
    for (var block = 0u; block < used; block += 8u) {
        // Keys beyond the last one have weight 0 and read the last one's numbers.
        var d: array<vec4<f32>, 8>;
        var key: array<u32, 8>;
        var p: array<f32, 8>;
        for (var j = 0u; j < 8u; j += 1u) {
            key[j] = min(block + j, used - 1u);
            p[j] = select(0.0, weights[key[j]] / total, block + j < used);
        }
        for (var i = 0u; i < params.head_width; i += 1u) {
            let own = stacked[q + column + i * columns];
            let change = deviations[dq + i * line];
            for (var j = 0u; j < 8u; j += 1u) {
                let at = k + key[j] + i * columns;
                d[j] += change * stacked[at] + own * deviations[at * quads + quad];
            }
        }
        for (var j = 0u; j < 8u; j += 1u) {
            d[j] *= p[j] * params.scale;
            along += d[j];
        }
        for (var i = 0u; i < params.head_width; i += 1u) {
            var sum = vec4<f32>();
            for (var j = 0u; j < 8u; j += 1u) {
                let at = v + key[j] + i * columns;
                sum += d[j] * stacked[at] + p[j] * deviations[at * quads + quad];
            }
            out[o + i * line] += sum;
        }
    }
    let primal = (group.z * params.out_rows + group.y * params.head_width) * columns + column;
    for (var i = 0u; i < params.head_width; i += 1u) {
        out[o + i * line] -= along * attended[primal + i * columns];
    }
}
