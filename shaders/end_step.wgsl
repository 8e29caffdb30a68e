// The end of a nonlinear step: what is seen of the state after it, for each grid point over all its tokens; and the freezing of a
// state whose largest magnitude has reached 2^48.
//
// One workgroup for each grid point of a member. Its 64 invocations share tokens (`token_lanes` of them) and rows.
// Sums have a fixed order. The magnitude is compared as the exponent's bits, before anything can overflow.
// CPU twin: src/kernel/end_step.rs.

struct Params {
    rows: u32,
    columns: u32,
    tokens: u32,
    points: u32,
    heads: u32,
    token_lanes: u32,
    step: u32,
    slot: u32,
    slots: u32,
    threshold_exponent: i32,
    threshold_mantissa: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> before: array<f32>;                // [members, rows, columns]
@group(0) @binding(2) var<storage, read> start: array<f32>;                 // [members, rows, columns]
@group(0) @binding(3) var<storage, read> keep: array<f32>;                  // [columns]
@group(0) @binding(4) var<storage, read> entropy: array<f32>;               // [members, heads, columns]
@group(0) @binding(5) var<storage, read_write> x: array<f32>;               // [members, rows, columns]
@group(0) @binding(6) var<storage, read_write> observations: array<f32>;    // [members, slots, 6 observations, points]
@group(0) @binding(7) var<storage, read_write> norms: array<f32>;           // [members, now | peak | initial, points]
@group(0) @binding(8) var<storage, read_write> events: array<i32>;           // [members, 3 scales | 4 events, points]

const LANES: u32 = 64u;
const MOST_TOKENS: u32 = 512u;
var<workgroup> partial: array<vec4<f32>, LANES>;
var<workgroup> partial_before: array<vec2<f32>, LANES>;
var<workgroup> partial_entropy: array<f32, LANES>;
var<workgroup> partial_exponent: array<i32, LANES>;
var<workgroup> token_square: array<f32, MOST_TOKENS>;
var<workgroup> token_inverse: array<f32, MOST_TOKENS>;

// Rows of the observations.
const NORM: u32 = 0u;
const COSINE: u32 = 1u;
const SIMILARITY: u32 = 2u;
const ENTROPY: u32 = 3u;
const EFFECTIVE_STEP: u32 = 4u;
const EFFECTIVE_DAMPING: u32 = 5u;
const OBSERVATIONS: u32 = 6u;

// -2^127 stands where there is no such number.
const MISSING: f32 = -170141183460469231731687303715884105728.0;

// |x|^2, x . start, |start|^2, |x - keep before|^2; |before|^2, |x|^2 - |before|^2; the largest exponent.
var<private> sums: vec4<f32>;
var<private> sums_before: vec2<f32>;
var<private> largest: i32;

fn take(at: u32, keep: f32) -> f32 {
    largest = max(largest, exponent_of(x[at]));
    let a = bounded(x[at]);
    let b = before[at];
    let s = start[at];
    let change = a - keep * b;
    sums += vec4<f32>(a * a, a * s, s * s, change * change);
    sums_before += vec2<f32>(b * b, (a - b) * (a + b));
    return a * a;
}

fn conclude(member: u32, point: u32, sum: vec4<f32>, before: vec2<f32>, similarity: f32, mean_entropy: f32) {
    norms[(member * NORM_ROWS + INITIAL) * params.points + point] = sum.z;
    let size = sqrt(sum.x);
    let lives = size > 0.0;
    let inverse = select(0.0, 1.0 / size, lives);
    let before_size = sqrt(before.x);
    let start_size = sqrt(sum.z);
    let points = params.points;
    let at = (member * params.slots + params.slot) * OBSERVATIONS * points + point;
    observations[at + NORM * points] = size;
    observations[at + COSINE * points] = select(MISSING, sum.y * inverse / start_size, lives && start_size > 0.0);
    observations[at + SIMILARITY * points] = similarity;
    observations[at + ENTROPY * points] = mean_entropy;
    observations[at + EFFECTIVE_STEP * points] = select(MISSING, sqrt(sum.w) / before_size, before_size > 0.0);
    observations[at + EFFECTIVE_DAMPING * points] =
        select(MISSING, before.y * inverse / (size + before_size), lives);
    track(member, point, params.points, sum.x, params.step, false);
}

@compute @workgroup_size(LANES, 1, 1)
fn end_step(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let tokens = params.tokens;
    let columns = params.columns;
    let point = group.x;
    let member = group.z;
    let origin = member * params.rows * columns + point * tokens;
    let row_lanes = LANES / params.token_lanes;
    let row_lane = lane.x / params.token_lanes;
    let frozen = events[(member * EVENT_ROWS + DIVERGED_STEP) * params.points + point] != 0;
    for (var t = lane.x % params.token_lanes; t < tokens; t += params.token_lanes) {
        let kept = keep[point * tokens + t];
        var own = 0.0;
        for (var row = 4u * row_lane; row < params.rows; row += 4u * row_lanes) {
            let at = origin + row * columns + t;
            own += take(at, kept) + take(at + columns, kept) + take(at + 2u * columns, kept) + take(at + 3u * columns, kept);
        }
        token_square[t * row_lanes + row_lane] = own;
    }
    var own_entropy = 0.0;
    for (var i = lane.x; i < params.heads * tokens; i += LANES) {
        own_entropy += entropy[(member * params.heads + i / tokens) * columns + point * tokens + i % tokens];
    }
    partial[lane.x] = sums;
    partial_before[lane.x] = sums_before;
    partial_exponent[lane.x] = largest;
    partial_entropy[lane.x] = own_entropy;
    workgroupBarrier();
    var total = vec4<f32>();
    var total_before = vec2<f32>();
    var total_entropy = 0.0;
    var exponent = -127;
    for (var i = 0u; i < LANES; i += 1u) {
        total += partial[i];
        total_before += partial_before[i];
        total_entropy += partial_entropy[i];
        exponent = max(exponent, partial_exponent[i]);
    }
    let diverges = exponent >= DIVERGED_EXPONENT;
    for (var t = lane.x; t < tokens; t += LANES) {
        var square = 0.0;
        for (var i = 0u; i < row_lanes; i += 1u) {
            square += token_square[t * row_lanes + i];
        }
        token_inverse[t] = select(0.0, 1.0 / sqrt(square), square > 0.0);
    }
    workgroupBarrier();
    var direction = vec4<f32>();
    for (var row = 4u * lane.x; row < params.rows; row += 4u * LANES) {
        var sum = vec4<f32>();
        for (var t = 0u; t < tokens; t += 1u) {
            let at = origin + row * columns + t;
            let values = vec4<f32>(x[at], x[at + columns], x[at + 2u * columns], x[at + 3u * columns]);
            sum += token_inverse[t] * vec4<f32>(bounded(values.x), bounded(values.y), bounded(values.z), bounded(values.w));
        }
        direction += sum * sum;
    }
    partial_before[lane.x] = vec2<f32>(direction.x + direction.y + direction.z + direction.w, 0.0);
    workgroupBarrier();
    if frozen || diverges {
        for (var i = lane.x; i < (params.rows / 4u) * tokens; i += LANES) {
            let at = origin + 4u * (i / tokens) * columns + i % tokens;
            x[at] = before[at];
            x[at + columns] = before[at + columns];
            x[at + 2u * columns] = before[at + 2u * columns];
            x[at + 3u * columns] = before[at + 3u * columns];
        }
    }
    if lane.x == 0u {
        if params.step == 1u {
            let initial = exponent_of(total.z);
            let norm = member * NORM_ROWS * params.points + point;
            norms[norm + NOW * params.points] = total.z;
            norms[norm + PEAK * params.points] = total.z * power_of_two(-max(initial, -126));
            norms[norm + INITIAL * params.points] = total.z;
            events[(member * EVENT_ROWS + PEAK_EXPONENT) * params.points + point] = initial;
        }
        if frozen {
            return;
        }
        if diverges {
            freeze(member, point, params.points, params.step);
            return;
        }
        var directions = 0.0;
        for (var i = 0u; i < LANES; i += 1u) {
            directions += partial_before[i].x;
        }
        var without_direction = false;
        for (var t = 0u; t < tokens; t += 1u) {
            without_direction |= token_inverse[t] == 0.0;
        }
        let count = f32(tokens);
        var similarity = select((directions - count) / max(count * (count - 1.0), 1.0), 1.0, tokens == 1u);
        similarity = select(similarity, MISSING, without_direction);
        conclude(member, point, total, total_before, similarity, total_entropy / f32(max(params.heads * tokens, 1u)));
    }
}
