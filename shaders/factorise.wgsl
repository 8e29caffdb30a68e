// Factorises P (diagonal 1 - gain G) = L U for every column, with partial pivoting.
//
// A workgroup owns the matrix of one column (grid point) of a member. It lies column by column, so that lanes, which
// share the rows, read neighbours. One dispatch eliminates the pivots `first .. end`: see `pivot_ranges`.
// CPU twin: src/kernel/factorise.rs.

struct Params {
    width: u32,
    padded: u32,
    columns: u32,
    first: u32,
    end: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<f32>;        // [members, padded, padded]
@group(0) @binding(2) var<storage, read> coefficients: array<f32>;   // [diagonal | gain, columns]
@group(0) @binding(3) var<storage, read> member_gain: array<f32>;    // [members], or 1 for all
@group(0) @binding(4) var<storage, read_write> factors: array<f32>;  // [members, columns, width, width], rows innermost
@group(0) @binding(5) var<storage, read_write> pivots: array<i32>;   // [members, columns, width]

const LANES: u32 = 64u;
const EPSILON: f32 = 1.1920929e-7;
var<workgroup> largest: array<f32, LANES>;
var<workgroup> rows: array<u32, LANES>;

// diagonal 1 - gain G, and the permutation that changes nothing.
fn fill(member: u32, matrix: u32, diagonal: f32, gain: f32, lane: u32) {
    let n = params.width;
    for (var i = lane; i < n; i += LANES) {
        for (var j = 0u; j < n; j += 1u) {
            let weight = weights[(member * params.padded + i) * params.padded + j];
            factors[matrix * n * n + j * n + i] = select(0.0, diagonal, i == j) - gain * weight;
        }
        pivots[matrix * n + i] = i32(i);
    }
}

// The row of the largest magnitude in column k from row k on, the first of equals; the same in every lane.
fn pivot_row(first: u32, k: u32, lane: u32) -> u32 {
    var best = -1.0;
    var row = k;
    for (var i = k + lane; i < params.width; i += LANES) {
        let magnitude = abs(factors[first + k * params.width + i]);
        if magnitude > best {
            best = magnitude;
            row = i;
        }
    }
    largest[lane] = best;
    rows[lane] = row;
    workgroupBarrier();
    best = largest[0];
    row = rows[0];
    for (var l = 1u; l < LANES; l += 1u) {
        let better = largest[l] > best || (largest[l] == best && rows[l] < row);
        best = select(best, largest[l], better);
        row = select(row, rows[l], better);
    }
    return row;
}

@compute @workgroup_size(LANES, 1, 1)
fn factorise(@builtin(local_invocation_id) local: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let lane = local.x;
    let n = params.width;
    let matrix = group.z * params.columns + group.x;
    let first = matrix * n * n;
    let diagonal = coefficients[group.x];
    let gain = coefficients[params.columns + group.x] * member_gain[group.z % arrayLength(&member_gain)];
    let least = EPSILON * (abs(diagonal) + abs(gain));
    if params.first == 0u {
        fill(group.z, matrix, diagonal, gain, lane);
    }
    storageBarrier();
    for (var k = params.first; k < params.end; k += 1u) {
        let row = pivot_row(first, k, lane);
        if row != k {
            for (var j = lane; j < n; j += LANES) {
                let upper = factors[first + j * n + k];
                factors[first + j * n + k] = factors[first + j * n + row];
                factors[first + j * n + row] = upper;
            }
            if lane == 0u {
                let upper = pivots[matrix * n + k];
                pivots[matrix * n + k] = pivots[matrix * n + row];
                pivots[matrix * n + row] = upper;
            }
        }
        storageBarrier();
        workgroupBarrier();
        let pivot = factors[first + k * n + k];
        // A pivot this small is rounding: the matrix is singular, and what is left of it is not used.
        let singular = abs(pivot) <= least;
        if singular && lane == 0u {
            pivots[matrix * n] = -1;
        }
        let inverse = select(1.0 / pivot, 0.0, singular);
        for (var i = k + 1u + lane; i < n; i += LANES) {
            let multiplier = factors[first + k * n + i] * inverse;
            factors[first + k * n + i] = multiplier;
            for (var j = k + 1u; j < n; j += 1u) {
                factors[first + j * n + i] -= multiplier * factors[first + j * n + k];
            }
        }
        storageBarrier();
        workgroupBarrier();
    }
}
