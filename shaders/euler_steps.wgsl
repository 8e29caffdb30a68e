// Some linear Euler steps in a row: x <- keep x + gain (weights . x), with the record of every column after each step.
//
// A workgroup owns 4 COLUMN_LANES whole columns and keeps them, in two buffers, in workgroup memory from the first step
// to the last; only the weights are read again at every step, from a cache. An invocation makes blocks of 4 rows by 4
// columns in registers, ROW_LANES of them share the rows of a quad of columns, and the first four keep a column's
// record each. Two barriers a step.
// CPU twin: src/kernel/euler_steps.rs.

struct Params {
    rows: u32,
    columns: u32,
    first: u32,
    steps: u32,
    renormalise: u32,
    threshold_exponent: i32,
    threshold_mantissa: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;       // [members, rows, rows / 4]
@group(0) @binding(2) var<storage, read> coefficients: array<vec4<f32>>;  // [keep | gain, columns / 4]
@group(0) @binding(3) var<storage, read> member_gain: array<f32>;         // [members], or 1 for all
@group(0) @binding(4) var<storage, read_write> x: array<vec4<f32>>;       // [members, rows, columns / 4]
@group(0) @binding(5) var<storage, read_write> norms: array<f32>;         // [members, now | peak | initial, columns]
@group(0) @binding(6) var<storage, read_write> marks: array<i32>;         // [members, 7 marks, columns]

override ROWS: u32 = 64u;
override ROW_LANES: u32 = 16u;
override COLUMN_LANES: u32 = 4u;
// [2 buffers, rows, quads]
var<workgroup> state: array<vec4<f32>, 2u * ROWS * COLUMN_LANES>;
var<workgroup> partial: array<vec4<f32>, ROW_LANES * COLUMN_LANES>;
// What the next step multiplies each column by.
var<workgroup> scales: array<f32, 4u * COLUMN_LANES>;

// What the next step multiplies the column by.
fn scale_of(member: u32, column: u32) -> f32 {
    return power_of_two(-marks[(member * MARK_ROWS + PENDING) * params.columns + column]);
}

@compute @workgroup_size(ROW_LANES, COLUMN_LANES, 1)
fn euler_steps(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    let quads = params.columns / 4u;
    let inner = params.rows / 4u;
    // Beyond the last quad: zeros, which are not written.
    let inside = group.x * COLUMN_LANES + lane.y < quads;
    let quad = min(group.x * COLUMN_LANES + lane.y, max(quads, 1u) - 1u);
    let home = member * params.rows * quads + quad;
    for (var row = lane.x; row < params.rows; row += ROW_LANES) {
        state[row * COLUMN_LANES + lane.y] = select(vec4<f32>(), x[home + row * quads], inside);
    }
    let keeps_record = inside && lane.x < 4u;
    let column = 4u * quad + lane.x;
    if keeps_record {
        scales[4u * lane.y + lane.x] = scale_of(member, column);
    }
    let full_keep = coefficients[quad];
    let full_gain = coefficients[quads + quad] * member_gain[member % arrayLength(&member_gain)];
    workgroupBarrier();
    for (var step = 0u; step < params.steps; step += 1u) {
        let from_buffer = (step % 2u) * ROWS * COLUMN_LANES + lane.y;
        let to_buffer = (1u - step % 2u) * ROWS * COLUMN_LANES + lane.y;
        let four = 4u * lane.y;
        let scale = vec4<f32>(scales[four], scales[four + 1u], scales[four + 2u], scales[four + 3u]);
        let keep = full_keep * scale;
        let gain = full_gain * scale;
        var squares = vec4<f32>();
        for (var row = 4u * lane.x; row < params.rows; row += 4u * ROW_LANES) {
            var s0 = vec4<f32>();
            var s1 = vec4<f32>();
            var s2 = vec4<f32>();
            var s3 = vec4<f32>();
            var w = (member * params.rows + row) * inner;
            var u = from_buffer;
            for (var k = 0u; k < inner; k += 1u) {
                let u0 = state[u];
                let u1 = state[u + COLUMN_LANES];
                let u2 = state[u + 2u * COLUMN_LANES];
                let u3 = state[u + 3u * COLUMN_LANES];
                s0 += terms(weights[w], u0, u1, u2, u3);
                s1 += terms(weights[w + inner], u0, u1, u2, u3);
                s2 += terms(weights[w + 2u * inner], u0, u1, u2, u3);
                s3 += terms(weights[w + 3u * inner], u0, u1, u2, u3);
                w += 1u;
                u += 4u * COLUMN_LANES;
            }
            let at = from_buffer + row * COLUMN_LANES;
            let o0 = keep * state[at] + gain * s0;
            let o1 = keep * state[at + COLUMN_LANES] + gain * s1;
            let o2 = keep * state[at + 2u * COLUMN_LANES] + gain * s2;
            let o3 = keep * state[at + 3u * COLUMN_LANES] + gain * s3;
            let to = to_buffer + row * COLUMN_LANES;
            state[to] = o0;
            state[to + COLUMN_LANES] = o1;
            state[to + 2u * COLUMN_LANES] = o2;
            state[to + 3u * COLUMN_LANES] = o3;
            squares += o0 * o0 + o1 * o1 + o2 * o2 + o3 * o3;
        }
        partial[lane.y * ROW_LANES + lane.x] = squares;
        workgroupBarrier();
        if keeps_record {
            var sum = 0.0;
            for (var j = 0u; j < ROW_LANES; j += 1u) {
                sum += partial[lane.y * ROW_LANES + j][lane.x];
            }
            track(member, column, sum, params.first + step);
            scales[4u * lane.y + lane.x] = scale_of(member, column);
        }
        workgroupBarrier();
    }
    if inside {
        let last = (params.steps % 2u) * ROWS * COLUMN_LANES + lane.y;
        for (var row = lane.x; row < params.rows; row += ROW_LANES) {
            x[home + row * quads] = state[last + row * COLUMN_LANES];
        }
    }
}
