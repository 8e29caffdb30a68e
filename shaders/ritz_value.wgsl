// What the bands of an inverse Lanczos iteration say: the smallest singular value, 1 / sqrt(theta) with theta the
// largest eigenvalue of the tridiagonal matrix, and the residual that certifies it.
//
// theta by bisection on the signs of the pivots of theta - T from the first element on. Its vector v by the pivots q
// from the last element back, v_(i+1) = (b_i / q_(i+1)) v_i, which keep their digits where v falls off; the residual is
// b_k |v_k| / |v|. One workgroup for 32 points, one invocation for each. CPU twin: src/kernel/ritz_value.rs.

struct Params {
    most: u32,
    tolerance: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> bands: array<f32>;            // [members, most, diagonal | beside, 32]
@group(0) @binding(2) var<storage, read> unit: array<f32>;             // [members, 32] of the bands
@group(0) @binding(3) var<storage, read> lengths: array<u32>;          // [members, steps | stopped, 32]
@group(0) @binding(4) var<storage, read_write> found: array<f32>;      // [members, sigma | residual over theta, 32]
@group(0) @binding(5) var<storage, read_write> finished: array<u32>;   // [members]

const POINTS: u32 = 32u;
const ROUNDS: u32 = 30u;
// A pivot below this counts as negative: far below rounding, where the first diagonal element is 1.
const SMALLEST: f32 = 0x1p-40f;
var<workgroup> open: atomic<u32>;

// Are all pivots of theta - T positive?
fn lies_above(first: u32, length: u32, theta: f32) -> bool {
    var pivot = 1.0;
    var side = 0.0;
    for (var i = 0u; i < length; i += 1u) {
        pivot = (theta - bands[first + 2u * i * POINTS]) - side * (side / pivot);
        if pivot < SMALLEST {
            return false;
        }
        side = bands[first + (2u * i + 1u) * POINTS];
    }
    return true;
}

// (v_k / |v|)^2 for the vector v of theta, as a product of shares: nothing overflows.
fn last_share(first: u32, length: u32, theta: f32) -> f32 {
    var pivot = theta - bands[first + 2u * (length - 1u) * POINTS];
    var share = 1.0;
    var front = 1.0;
    for (var i = length - 1u; i > 0u; i -= 1u) {
        let side = bands[first + (2u * i - 1u) * POINTS];
        let ratio = side / max(pivot, SMALLEST);
        let square = ratio * ratio;
        if square > 0.0 {
            share *= square / (front + square);
            front /= front + square;
        } else {
            share = 0.0;
            front = 1.0;
        }
        pivot = (theta - bands[first + 2u * (i - 1u) * POINTS]) - side * ratio;
    }
    return share;
}

@compute @workgroup_size(POINTS, 1, 1)
fn ritz_value(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let lane = local_id.x;
    let member = group.z;
    if lane == 0u {
        atomicStore(&open, 0u);
    }
    workgroupBarrier();
    let length = lengths[2u * member * POINTS + lane];
    let stopped = lengths[(2u * member + 1u) * POINTS + lane] != 0u;
    let first = 2u * member * params.most * POINTS + lane;
    var low = 0.0;
    var high = 0.0;
    var side = 0.0;
    for (var i = 0u; i < length; i += 1u) {
        let entry = bands[first + 2u * i * POINTS];
        let next = select(bands[first + (2u * i + 1u) * POINTS], 0.0, i + 1u == length);
        low = max(low, entry);
        high = max(high, entry + side + next);
        side = next;
    }
    // A little room above, for a matrix of one element.
    high *= 1.0 + 0x1p-20f;
    for (var round = 0u; round < ROUNDS; round += 1u) {
        let middle = low + 0.5 * (high - low);
        let above = lies_above(first, length, middle);
        low = select(middle, low, above);
        high = select(high, middle, above);
    }
    var residual = 0.0;
    if !stopped && length > 0u {
        residual = bands[first + (2u * length - 1u) * POINTS] * sqrt(last_share(first, length, high)) / high;
    }
    let at = 2u * member * POINTS + lane;
    found[at] = 1.0 / sqrt(unit[member * POINTS + lane] * high);
    found[at + POINTS] = residual;
    if residual > params.tolerance && length < params.most {
        atomicStore(&open, 1u);
    }
    let unfinished = workgroupUniformLoad(&open);
    if lane == 0u {
        finished[member] = 1u - unfinished;
    }
}
