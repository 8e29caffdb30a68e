// What becomes of the powers of a matrix: after each product, the power is brought back to size 1 by an exact power of
// two, its Frobenius norm is compared with the largest 2-norm so far, and the members are told what to do next.
//
// A power whose Frobenius norm is not above the peak needs no 2-norm. Once a Frobenius norm is below 1/2, no later
// power can exceed the earlier ones, since |M^(q j + r)| <= |M^j|^q |M^r|. Squared norms are kept as mantissa and
// integer exponent, so nothing overflows. One workgroup for each matrix. CPU twin: src/kernel/watch_power.rs.

struct Params {
    n: u32,
    most: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> power: array<f32>;     // [members, n, n]
@group(0) @binding(2) var<storage, read> unit: array<i32>;            // [members] exponent of the matrix
@group(0) @binding(3) var<storage, read> value: array<f32>;           // [members] squared 2-norm of the last power
@group(0) @binding(4) var<storage, read_write> state: array<i32>;     // [members, step | exponent | peak's step | peak's exponent]
@group(0) @binding(5) var<storage, read_write> peak: array<f32>;      // [members] mantissa of the squared peak
@group(0) @binding(6) var<storage, read_write> wanted: array<u32>;    // [members] is its 2-norm wanted?
@group(0) @binding(7) var<storage, read_write> running: array<u32>;   // [members] is the next power wanted?
@group(0) @binding(8) var<storage, read_write> finished: array<u32>;  // [members] 0 no, 1 decayed, 2 given up

override LANES: u32 = 32u;
var<workgroup> leave: u32;
var<workgroup> largest: atomic<u32>;
var<workgroup> partial: array<f32, LANES>;

// Counts the norm of the last power, if it was wanted, and goes on to the next step. Gives the exponent of this power.
fn advance(member: u32) -> i32 {
    let at = 4u * member;
    if state[at] == 0 {
        peak[member] = 1.0;
    }
    if wanted[member] != 0u {
        let own = exponent_of(value[member]);
        let mantissa = value[member] * power_of_two(-own);
        let exponent = 2 * state[at + 1u] + own;
        if larger(exponent, mantissa, state[at + 3u], peak[member]) {
            peak[member] = mantissa;
            state[at + 2u] = state[at];
            state[at + 3u] = exponent;
        }
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
    let exponent = advance(member) + shift;
    let at = 4u * member;
    state[at + 1u] = exponent;
    // A power below the normal numbers has vanished; its sum says nothing.
    let gone = most < 0x1p-126f;
    let square = select(sum, 1.0, gone);
    let norm_exponent = 2 * exponent + exponent_of(square);
    let mantissa = square * power_of_two(-exponent_of(square));
    let decayed = gone || norm_exponent < -2;
    let given_up = state[at] >= i32(params.most);
    let done = select(select(0u, 2u, given_up), 1u, decayed);
    finished[member] = done;
    running[member] = select(0u, 1u, done == 0u);
    let above = larger(norm_exponent, mantissa, state[at + 3u], peak[member]);
    wanted[member] = select(0u, 1u, done == 0u && above);
}
