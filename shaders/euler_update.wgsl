// The Euler update with its epilogue: out = keep x + gain (weights . input), then the norm of every column.
//
// An invocation makes a block of 4 rows by 4 columns (8 by 8 where WIDE) in registers, with all loads as vec4: along
// the row for the weights, along the columns (grid points, tokens) for the state. A workgroup owns whole columns: ROW_LANES
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
@group(0) @binding(8) var<storage, read_write> marks: array<i32>;         // [members, 7 marks, columns]

override ROW_LANES: u32 = 16u;
override COLUMN_LANES: u32 = 4u;
// 8 rows by 8 columns instead of 4 by 4: half as many loads for each multiplication.
override WIDE: bool = false;
var<workgroup> partial: array<vec4<f32>, 2u * ROW_LANES * COLUMN_LANES>;

// What an update does to the four columns of a quad of member.
struct Scales {
    keep: vec4<f32>,
    gain: vec4<f32>,
}

fn scales(member: u32, quad: u32) -> Scales {
    let quads = params.columns / 4u;
    let pending = (member * MARK_ROWS + PENDING) * params.columns + 4u * quad;
    let scale = vec4<f32>(power_of_two(-marks[pending]), power_of_two(-marks[pending + 1u]),
        power_of_two(-marks[pending + 2u]), power_of_two(-marks[pending + 3u]));
    let gain = coefficients[quads + quad] * member_gain[member % arrayLength(&member_gain)];
    return Scales(coefficients[quad] * scale, gain * scale);
}

// Writes four rows of a quad; returns the squares of its columns.
fn store(at: u32, scales: Scales, s0: vec4<f32>, s1: vec4<f32>, s2: vec4<f32>, s3: vec4<f32>) -> vec4<f32> {
    let quads = params.columns / 4u;
    let o0 = scales.keep * x[at] + scales.gain * s0;
    let o1 = scales.keep * x[at + quads] + scales.gain * s1;
    let o2 = scales.keep * x[at + 2u * quads] + scales.gain * s2;
    let o3 = scales.keep * x[at + 3u * quads] + scales.gain * s3;
    out[at] = o0;
    out[at + quads] = o1;
    out[at + 2u * quads] = o2;
    out[at + 3u * quads] = o3;
    return o0 * o0 + o1 * o1 + o2 * o2 + o3 * o3;
}

@compute @workgroup_size(ROW_LANES, COLUMN_LANES, 1)
fn euler_update(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    let quads = params.columns / 4u;
    let inner = params.inner / 4u;
    let wide = select(1u, 2u, WIDE);
    let quad = (group.x * COLUMN_LANES + lane.y) * wide;
    // The second quad and the second four rows of a wide block; where there are none, the first ones once more.
    let right = min(quad + 1u, max(quads, 1u) - 1u);
    var squares = vec4<f32>();
    var squares_right = vec4<f32>();
    if quad < quads {
        let left_scales = scales(member, quad);
        let right_scales = scales(member, right);
        let state = member * params.rows * quads;
        for (var row = 4u * wide * lane.x; row < params.rows; row += 4u * wide * ROW_LANES) {
            let low = min(row + 4u, params.rows - 4u);
            var s0 = vec4<f32>();
            var s1 = vec4<f32>();
            var s2 = vec4<f32>();
            var s3 = vec4<f32>();
            var t0 = vec4<f32>();
            var t1 = vec4<f32>();
            var t2 = vec4<f32>();
            var t3 = vec4<f32>();
            var p0 = vec4<f32>();
            var p1 = vec4<f32>();
            var p2 = vec4<f32>();
            var p3 = vec4<f32>();
            var q0 = vec4<f32>();
            var q1 = vec4<f32>();
            var q2 = vec4<f32>();
            var q3 = vec4<f32>();
            var w = (member * params.rows + row) * inner;
            var z = (member * params.rows + low) * inner;
            var u = member * params.inner * quads + quad;
            var v = member * params.inner * quads + right;
            for (var k = 0u; k < inner; k += 1u) {
                let u0 = input[u];
                let u1 = input[u + quads];
                let u2 = input[u + 2u * quads];
                let u3 = input[u + 3u * quads];
                let w0 = weights[w];
                let w1 = weights[w + inner];
                let w2 = weights[w + 2u * inner];
                let w3 = weights[w + 3u * inner];
                s0 += terms(w0, u0, u1, u2, u3);
                s1 += terms(w1, u0, u1, u2, u3);
                s2 += terms(w2, u0, u1, u2, u3);
                s3 += terms(w3, u0, u1, u2, u3);
                if WIDE {
                    let v0 = input[v];
                    let v1 = input[v + quads];
                    let v2 = input[v + 2u * quads];
                    let v3 = input[v + 3u * quads];
                    t0 += terms(w0, v0, v1, v2, v3);
                    t1 += terms(w1, v0, v1, v2, v3);
                    t2 += terms(w2, v0, v1, v2, v3);
                    t3 += terms(w3, v0, v1, v2, v3);
                    let z0 = weights[z];
                    p0 += terms(z0, u0, u1, u2, u3);
                    q0 += terms(z0, v0, v1, v2, v3);
                    let z1 = weights[z + inner];
                    p1 += terms(z1, u0, u1, u2, u3);
                    q1 += terms(z1, v0, v1, v2, v3);
                    let z2 = weights[z + 2u * inner];
                    p2 += terms(z2, u0, u1, u2, u3);
                    q2 += terms(z2, v0, v1, v2, v3);
                    let z3 = weights[z + 3u * inner];
                    p3 += terms(z3, u0, u1, u2, u3);
                    q3 += terms(z3, v0, v1, v2, v3);
                }
                w += 1u;
                z += 1u;
                u += 4u * quads;
                v += 4u * quads;
            }
            let both_columns = WIDE && right > quad;
            let both_rows = WIDE && low > row;
            squares += store(state + row * quads + quad, left_scales, s0, s1, s2, s3);
            if both_columns {
                squares_right += store(state + row * quads + right, right_scales, t0, t1, t2, t3);
            }
            if both_rows {
                squares += store(state + low * quads + quad, left_scales, p0, p1, p2, p3);
            }
            if both_columns && both_rows {
                squares_right += store(state + low * quads + right, right_scales, q0, q1, q2, q3);
            }
        }
    }
    // partial[quad][row lane], and then one invocation for each column.
    let first = wide * lane.y * ROW_LANES;
    partial[first + lane.x] = squares;
    if WIDE {
        partial[first + ROW_LANES + lane.x] = squares_right;
    }
    workgroupBarrier();
    for (var i = lane.x; i < 4u * wide; i += ROW_LANES) {
        if 4u * quad + i < params.columns {
            var sum = 0.0;
            for (var j = 0u; j < ROW_LANES; j += 1u) {
                sum += partial[first + (i / 4u) * ROW_LANES + j][i % 4u];
            }
            track(member, 4u * quad + i, sum, params.step);
        }
    }
}
