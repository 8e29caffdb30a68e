// Keeps a tangent near 1 by exact powers of two, one for each grid point over all its tokens, and its length.
//
// One workgroup for each grid point of a member. Magnitudes are compared as exponents before anything is squared; a number
// that is not finite has the largest exponent. Sums have a fixed order.
// CPU twin: src/kernel/rescale_tangent.rs.

struct Params {
    rows: u32,
    columns: u32,
    tokens: u32,
    points: u32,
    previous: u32,
    row: u32,
    lengths: u32,
    begin: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> deviations: array<f32>;  // [members, rows, columns]
@group(0) @binding(2) var<storage, read_write> squares: array<f32>;     // [members, lengths, points]
@group(0) @binding(3) var<storage, read_write> exponents: array<i32>;   // [members, lengths, points]

const LANES: u32 = 64u;
const OVERFLOWED: i32 = 1073741824;
const NOT_FINITE: i32 = 128;
const LEAST: i32 = -126;
// The exponent of the largest power of two whose reciprocal is a normal number.
const MOST: i32 = 126;
var<workgroup> partial: array<f32, LANES>;
var<workgroup> partial_exponent: array<i32, LANES>;

// Rescales a number, or makes it 0; returns its square.
fn scaled(at: u32, factor: f32, none: bool) -> f32 {
    let value = select(deviations[at] * factor, 0.0, none);
    deviations[at] = value;
    return value * value;
}

@compute @workgroup_size(LANES, 1, 1)
fn rescale_tangent(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let columns = params.columns;
    let point = group.x;
    let origin = group.z * params.rows * columns + point * params.tokens;
    let blocks = (params.rows / 4u) * params.tokens;
    var largest = LEAST - 1;
    for (var i = lane.x; i < blocks; i += LANES) {
        let at = origin + 4u * (i / params.tokens) * columns + i % params.tokens;
        largest = max(largest, max(exponent_of(deviations[at]), exponent_of(deviations[at + columns])));
        largest = max(largest, max(exponent_of(deviations[at + 2u * columns]), exponent_of(deviations[at + 3u * columns])));
    }
    partial_exponent[lane.x] = largest;
    workgroupBarrier();
    for (var i = 0u; i < LANES; i += 1u) {
        largest = max(largest, partial_exponent[i]);
    }
    let overflowed = largest >= NOT_FINITE;
    let none = overflowed || largest < LEAST;
    let shift = select(min(largest, MOST), 0, none);
    let factor = power_of_two(-shift);
    var square = 0.0;
    for (var i = lane.x; i < blocks; i += LANES) {
        let at = origin + 4u * (i / params.tokens) * columns + i % params.tokens;
        square += scaled(at, factor, none) + scaled(at + columns, factor, none);
        square += scaled(at + 2u * columns, factor, none) + scaled(at + 3u * columns, factor, none);
    }
    partial[lane.x] = square;
    workgroupBarrier();
    if lane.x == 0u {
        var sum = 0.0;
        for (var i = 0u; i < LANES; i += 1u) {
            sum += partial[i];
        }
        let lengths = group.z * params.lengths;
        var before = 0;
        if params.begin == 0u {
            before = exponents[(lengths + params.previous) * params.points + point];
        }
        let at = (lengths + params.row) * params.points + point;
        squares[at] = sum;
        exponents[at] = select(before + shift, OVERFLOWED, overflowed || before == OVERFLOWED);
    }
}
