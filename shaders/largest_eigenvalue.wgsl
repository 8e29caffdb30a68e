// The largest eigenvalue of a symmetric tridiagonal matrix, by multisection, for the members that want it.
//
// x lies above all eigenvalues just if all pivots of T - x are negative (Sylvester). One workgroup for each matrix:
// every invocation tries its own x, the bracket shrinks LANES + 1 times a round, and ROUNDS rounds make 30 bits.
//
// Source: Barth, Martin and Wilkinson, "Calculation of the eigenvalues of a symmetric tridiagonal matrix by the method
// of bisection" (1967). CPU twin: src/kernel/largest_eigenvalue.rs.

struct Params {
    n: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> wanted: array<u32>;       // [members or 1]
@group(0) @binding(2) var<storage, read> diagonal: array<f32>;     // [members, n]
@group(0) @binding(3) var<storage, read> beside: array<f32>;       // [members, n], the last one is 0
@group(0) @binding(4) var<storage, read_write> value: array<f32>;  // [members]

override LANES: u32 = 32u;
override ROUNDS: u32 = 6u;
var<workgroup> lowest_above: atomic<u32>;

// A pivot this small counts as negative: far below rounding in a matrix of norm 1.
const SMALLEST: f32 = 0x1p-60f;

fn lies_above(base: u32, x: f32) -> bool {
    var pivot = -1.0;
    var side = 0.0;
    for (var i = 0u; i < params.n; i += 1u) {
        pivot = (diagonal[base + i] - x) - side * (side / pivot);
        if pivot >= SMALLEST {
            return false;
        }
        pivot = select(pivot, -SMALLEST, pivot > -SMALLEST);
        side = beside[base + i];
    }
    return true;
}

@compute @workgroup_size(LANES, 1, 1)
fn largest_eigenvalue(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if wanted[group.z % arrayLength(&wanted)] == 0u {
        return;
    }
    let base = group.z * params.n;
    // The largest entry of the diagonal is below the eigenvalue, the largest sum of Gershgorin's above it.
    var low = diagonal[base];
    var high = low;
    var side = 0.0;
    for (var i = 0u; i < params.n; i += 1u) {
        let entry = diagonal[base + i];
        let next = abs(beside[base + i]);
        low = select(low, entry, entry > low);
        let reach = entry + (side + next);
        high = select(high, reach, reach > high);
        side = next;
    }
    for (var round = 0u; round < ROUNDS; round += 1u) {
        if local_id.x == 0u {
            atomicStore(&lowest_above, LANES);
        }
        workgroupBarrier();
        let step = (high - low) / f32(LANES + 1u);
        if lies_above(base, low + step * f32(local_id.x + 1u)) {
            atomicMin(&lowest_above, local_id.x);
        }
        let above = workgroupUniformLoad(&lowest_above);
        high = select(high, low + step * f32(above + 1u), above < LANES);
        low = low + step * f32(above);
    }
    if local_id.x == 0u {
        value[group.z] = low + 0.5 * (high - low);
    }
}
