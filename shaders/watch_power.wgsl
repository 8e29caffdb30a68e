// What becomes of the powers of a matrix: after each product, the power is brought back to size 1 by an exact power of
// two, its Frobenius norm is compared with the largest 2-norm so far, and the members are told what to do next.
//
// Once the 2-norm of a power is at most 1, no later power can exceed the earlier ones, since
// |M^(q j + r)| <= |M^j|^q |M^r|. The 2-norm is asked for where the Frobenius norm, its upper bound, is above the peak,
// and of the powers 1, 2, 4, 8, ... A squared norm counts as larger than another beyond rounding only, a share `band` of
// it. Squared norms are kept as mantissa and integer exponent, so nothing overflows. One workgroup for each matrix.
// CPU twin: src/kernel/watch_power.rs.

struct Params {
    n: u32,
    most: u32,
    band: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> power: array<f32>;     // [members, n, n]
@group(0) @binding(2) var<storage, read> unit: array<i32>;            // [members] exponent of the matrix
@group(0) @binding(3) var<storage, read> value: array<f32>;           // [members] squared 2-norm of the last power
@group(0) @binding(4) var<storage, read_write> state: array<i32>;     // [members, step | exponent | peak's step | peak's exponent]
@group(0) @binding(5) var<storage, read_write> peak: array<f32>;      // [members] mantissa of the squared peak
@group(0) @binding(6) var<storage, read_write> wanted: array<u32>;    // [members] is its 2-norm wanted?
@group(0) @binding(7) var<storage, read_write> running: array<u32>;   // [members] is the next power wanted?
@group(0) @binding(8) var<storage, read_write> finished: array<u32>;  // [members] 0 no, 1 contracts, 2 given up

const STATE: u32 = 4u;
const CONTRACTS: u32 = 1u;
const GIVEN_UP: u32 = 2u;
override LANES: u32 = 32u;
var<workgroup> leave: u32;
var<workgroup> largest: atomic<u32>;
var<workgroup> partial: array<f32, LANES>;

// Is a * 2^i larger than b * 2^j beyond rounding, for mantissas a and b in [1, 2) or 0?
fn exceeds(i: i32, a: f32, j: i32, b: f32) -> bool {
    return a * power_of_two(clamp(i - j, -60, 60)) > b * (1.0 + params.band);
}

// Counts the norm of the last power, if it was wanted, and goes on to the next step. Gives the exponent of this power,
// and whether the last one was a contraction.
fn advance(member: u32, contracted: ptr<function, bool>) -> i32 {
    let at = STATE * member;
    if state[at] == 0 {
        peak[member] = 1.0;
    }
    if wanted[member] != 0u {
        let own = exponent_of(value[member]);
        let mantissa = value[member] * power_of_two(-own);
        let exponent = 2 * state[at + 1u] + own;
        if exceeds(exponent, mantissa, state[at + 3u], peak[member]) {
            peak[member] = mantissa;
            state[at + 2u] = state[at];
            state[at + 3u] = exponent;
        }
        *contracted = !exceeds(exponent, mantissa, 0, 1.0);
    }
    state[at] += 1;
    return state[at + 1u] + unit[member];
}

@compute @workgroup_size(LANES, 1, 1)
fn watch_power(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let lane = local_id.x;
    let member = group.z;
    if lane == 0u {
        leave = finished[member];
        atomicStore(&largest, 0u);
    }
    if workgroupUniformLoad(&leave) != 0u {
        return;
    }
    let size = params.n * params.n;
    let base = member * size;
    var own = 0u;
    for (var i = lane; i < size; i += LANES) {
        own = max(own, bitcast<u32>(power[base + i]) & 0x7FFFFFFFu);
    }
    atomicMax(&largest, own);
    let most = bitcast<f32>(workgroupUniformLoad(&largest));
    let shift = clamp(exponent_of(most), -126, 126);
    var sum = 0.0;
    for (var i = lane; i < size; i += LANES) {
        let x = power[base + i] * power_of_two(-shift);
        power[base + i] = x;
        sum += x * x;
    }
    partial[lane] = sum;
    workgroupBarrier();
    if lane != 0u {
        return;
    }
    for (var other = 1u; other < LANES; other += 1u) {
        sum += partial[other];
    }
    var contracted = false;
    let exponent = advance(member, &contracted) + shift;
    let at = STATE * member;
    state[at + 1u] = exponent;
    // A power below the normal numbers has vanished; its sum says nothing.
    let gone = most < 0x1p-126f;
    let square = select(sum, 1.0, gone);
    let norm_exponent = 2 * exponent + exponent_of(square);
    let mantissa = square * power_of_two(-exponent_of(square));
    let settled = contracted || gone || !exceeds(norm_exponent, mantissa, 0, 1.0);
    let given_up = state[at] >= i32(params.most);
    let done = select(select(0u, GIVEN_UP, given_up), CONTRACTS, settled);
    finished[member] = done;
    running[member] = select(0u, 1u, done == 0u);
    let above = exceeds(norm_exponent, mantissa, state[at + 3u], peak[member]);
    let milestone = countOneBits(u32(state[at])) == 1u;
    wanted[member] = select(0u, 1u, done == 0u && (above || milestone));
}
