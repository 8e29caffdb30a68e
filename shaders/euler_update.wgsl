// The Euler update with its epilogue: out = keep x + gain (weights . input), then the norm of every column.
//
// An invocation makes a block of 4 rows by 4 columns in registers, with all loads as vec4: along the row for the
// weights, along the columns (grid points, tokens) for the state. A workgroup owns whole columns: ROW_LANES
// invocations share the rows of 4 columns, so norms need one barrier and no atomics, and are summed in a fixed order.
// CPU twin: src/kernel/euler_update.rs.

struct Params {
    rows: u32,
    inner: u32,
    columns: u32,
    step: u32,
    renormalise: u32,
    threshold_exponent: i32,
    threshold_mantissa: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;       // [members, rows, inner / 4]
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;         // [members, inner, columns / 4]
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;             // [members, rows, columns / 4]
@group(0) @binding(4) var<storage, read> coefficients: array<vec4<f32>>;  // [keep | gain, columns / 4]
@group(0) @binding(5) var<storage, read> member_gain: array<f32>;         // [members], or 1 for all
@group(0) @binding(6) var<storage, read_write> out: array<vec4<f32>>;     // [members, rows, columns / 4]
@group(0) @binding(7) var<storage, read_write> norms: array<f32>;         // [members, now | peak | initial, columns]
@group(0) @binding(8) var<storage, read_write> marks: array<i32>;         // [members, 6 marks, columns]

const NOW = 0u;
const PEAK = 1u;
const INITIAL = 2u;
const NORM_ROWS = 3u;
const EXPONENT = 0u;
const PENDING = 1u;
const PEAK_EXPONENT = 2u;
const PEAK_STEP = 3u;
const CROSSING_STEP = 4u;
const COLLAPSE_STEP = 5u;
const MARK_ROWS = 6u;

override ROW_LANES: u32 = 16u;
override COLUMN_LANES: u32 = 4u;
var<workgroup> partial: array<vec4<f32>, ROW_LANES * COLUMN_LANES>;

fn observe(member: u32, column: u32, square: f32) {
    let norm = member * NORM_ROWS * params.columns + column;
    let mark = member * MARK_ROWS * params.columns + column;
    let columns = params.columns;
    norms[norm + NOW * columns] = square;
    let scale = marks[mark + EXPONENT * columns] + marks[mark + PENDING * columns];
    marks[mark + EXPONENT * columns] = scale;
    marks[mark + PENDING * columns] = 0;
    let exponent = exponent_of(square);
    if exponent <= -127 {
        if marks[mark + COLLAPSE_STEP * columns] == 0 {
            marks[mark + COLLAPSE_STEP * columns] = i32(params.step);
        }
        return;
    }
    let mantissa = square * power_of_two(-exponent);
    let total = exponent + 2 * scale;
    if larger(total, mantissa, marks[mark + PEAK_EXPONENT * columns], norms[norm + PEAK * columns]) {
        marks[mark + PEAK_EXPONENT * columns] = total;
        norms[norm + PEAK * columns] = mantissa;
        marks[mark + PEAK_STEP * columns] = i32(params.step);
    }
    let limit = norms[norm + INITIAL * columns] * params.threshold_mantissa;
    let limit_exponent = exponent_of(limit);
    let limit_mantissa = limit * power_of_two(-limit_exponent);
    let crossed = larger(total, mantissa, limit_exponent + params.threshold_exponent, limit_mantissa);
    if marks[mark + CROSSING_STEP * columns] == 0 && crossed {
        marks[mark + CROSSING_STEP * columns] = i32(params.step);
    }
    if params.renormalise != 0u {
        marks[mark + PENDING * columns] = exponent >> 1u;
    }
}

@compute @workgroup_size(ROW_LANES, COLUMN_LANES, 1)
fn euler_update(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    let quads = params.columns / 4u;
    let quad = group.x * COLUMN_LANES + lane.y;
    let inner = params.inner / 4u;
    var squares = vec4<f32>();
    if quad < quads {
        let pending = (member * MARK_ROWS + PENDING) * params.columns + 4u * quad;
        let scale = vec4<f32>(power_of_two(-marks[pending]), power_of_two(-marks[pending + 1u]),
            power_of_two(-marks[pending + 2u]), power_of_two(-marks[pending + 3u]));
        let keep = coefficients[quad] * scale;
        let gain = coefficients[quads + quad] * member_gain[member % arrayLength(&member_gain)] * scale;
        let state = member * params.rows * quads + quad;
        for (var row = 4u * lane.x; row < params.rows; row += 4u * ROW_LANES) {
            var s0 = vec4<f32>();
            var s1 = vec4<f32>();
            var s2 = vec4<f32>();
            var s3 = vec4<f32>();
            var w = (member * params.rows + row) * inner;
            var u = member * params.inner * quads + quad;
            for (var k = 0u; k < inner; k += 1u) {
                let u0 = input[u];
                let u1 = input[u + quads];
                let u2 = input[u + 2u * quads];
                let u3 = input[u + 3u * quads];
                let w0 = weights[w];
                let w1 = weights[w + inner];
                let w2 = weights[w + 2u * inner];
                let w3 = weights[w + 3u * inner];
                s0 += w0.x * u0 + w0.y * u1 + w0.z * u2 + w0.w * u3;
                s1 += w1.x * u0 + w1.y * u1 + w1.z * u2 + w1.w * u3;
                s2 += w2.x * u0 + w2.y * u1 + w2.z * u2 + w2.w * u3;
                s3 += w3.x * u0 + w3.y * u1 + w3.z * u2 + w3.w * u3;
                w += 1u;
                u += 4u * quads;
            }
            let at = state + row * quads;
            let o0 = keep * x[at] + gain * s0;
            let o1 = keep * x[at + quads] + gain * s1;
            let o2 = keep * x[at + 2u * quads] + gain * s2;
            let o3 = keep * x[at + 3u * quads] + gain * s3;
            out[at] = o0;
            out[at + quads] = o1;
            out[at + 2u * quads] = o2;
            out[at + 3u * quads] = o3;
            squares += o0 * o0 + o1 * o1 + o2 * o2 + o3 * o3;
        }
    }
    partial[lane.y * ROW_LANES + lane.x] = squares;
    workgroupBarrier();
    if quad < quads && lane.x == 0u {
        var sum = partial[lane.y * ROW_LANES];
        for (var i = 1u; i < ROW_LANES; i += 1u) {
            sum += partial[lane.y * ROW_LANES + i];
        }
        for (var i = 0u; i < 4u; i += 1u) {
            observe(member, 4u * quad + i, sum[i]);
        }
    }
}
