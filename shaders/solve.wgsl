// The implicit step: x+ solves L U x+ = P x for every column, then the norm of the column is recorded.
//
// A workgroup owns one column (grid point) of a member; its lanes share the rows, and every lane sums the norm for
// itself, in the same order.
// CPU twin: src/kernel/solve.rs.

struct Params {
    width: u32,
    rows: u32,
    columns: u32,
    step: u32,
    renormalise: u32,
    threshold_exponent: i32,
    threshold_mantissa: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> factors: array<f32>;      // [members, columns, width, width], rows innermost
@group(0) @binding(2) var<storage, read> pivots: array<i32>;       // [members, columns, width]
@group(0) @binding(3) var<storage, read> x: array<f32>;            // [members, rows, columns]
@group(0) @binding(4) var<storage, read_write> out: array<f32>;    // [members, rows, columns]
@group(0) @binding(5) var<storage, read_write> norms: array<f32>;  // [members, now | peak | initial, columns]
@group(0) @binding(6) var<storage, read_write> events: array<i32>;  // [members, 3 scales | 4 events, columns]

const LANES: u32 = 64u;
const WIDEST: u32 = 512u;
var<workgroup> y: array<f32, WIDEST>;

// Keeps the step in an event that has none.
fn first_time(event: u32) {
    events[event] = select(events[event], i32(params.step), events[event] == 0);
}

@compute @workgroup_size(LANES, 1, 1)
fn solve(@builtin(local_invocation_id) local: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let lane = local.x;
    let n = params.width;
    let column = group.x;
    let member = group.z;
    let matrix = member * params.columns + column;
    let first = matrix * n * n;
    let state = member * params.rows * params.columns + column;
    let event = member * EVENT_ROWS * params.columns + column;
    let singular = pivots[matrix * n] < 0;
    let frozen = singular || events[event + DIVERGED_STEP * params.columns] != 0;
    let scale = power_of_two(-events[event + PENDING * params.columns]);
    for (var i = lane; i < n; i += LANES) {
        let row = u32(max(pivots[matrix * n + i], 0));
        y[i] = x[state + row * params.columns] * scale;
    }
    workgroupBarrier();
    for (var k = 0u; k < n; k += 1u) {
        let known = y[k];
        for (var i = k + 1u + lane; i < n; i += LANES) {
            y[i] -= factors[first + k * n + i] * known;
        }
        workgroupBarrier();
    }
    var square = 0.0;
    for (var back = 1u; back <= n; back += 1u) {
        let k = n - back;
        let known = y[k] / select(factors[first + k * n + k], 1.0, singular);
        square += known * known;
        if lane == 0u {
            // A frozen column stays where it is.
            out[state + k * params.columns] = select(known, x[state + k * params.columns], frozen);
        }
        for (var i = lane; i < k; i += LANES) {
            y[i] -= factors[first + k * n + i] * known;
        }
        workgroupBarrier();
    }
    for (var i = n + lane; i < params.rows; i += LANES) {
        out[state + i * params.columns] = 0.0;
    }
    if lane == 0u {
        if !frozen {
            track(member, column, params.columns, square, params.step, params.renormalise != 0u);
        } else {
            // What it would be is beyond any threshold.
            first_time(event + DIVERGED_STEP * params.columns);
            first_time(event + CROSSING_STEP * params.columns);
        }
    }
}
