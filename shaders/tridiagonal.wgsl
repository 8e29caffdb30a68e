// Householder reduction of the symmetric part of a matrix, (S + S^T) / 2, to tridiagonal form: the columns
// `first .. last`, for the members that want it.
//
// One workgroup for each matrix, in workgroup memory where it fits (rows padded to an odd stride), else in storage. An
// invocation owns columns: of z = tau S v and of the rank-2 update S - v w^T - w v^T, w = z - (tau v . z / 2) v. Both
// run along columns, so that neighbours read neighbours. Norm and v . z are computed by every invocation for itself,
// in the same order: three barriers a column.
//
// Source: LAPACK's `ssytd2`, on the full matrix. CPU twin: src/kernel/tridiagonal.rs.

struct Params {
    n: u32,
    stride: u32,
    first: u32,
    last: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> wanted: array<u32>;           // [members or 1]
@group(0) @binding(2) var<storage, read> s: array<f32>;                // [members, stride, stride]
@group(0) @binding(3) var<storage, read_write> work: array<f32>;       // [members, n, n]
@group(0) @binding(4) var<storage, read_write> diagonal: array<f32>;   // [members, n]
@group(0) @binding(5) var<storage, read_write> beside: array<f32>;     // [members, n], the last one is 0

override LANES: u32 = 32u;
override LOCAL: bool = false;
override CAPACITY: u32 = 1u;
override WIDTH: u32 = 512u;
var<workgroup> tile: array<f32, CAPACITY>;
var<workgroup> v: array<f32, WIDTH>;
var<workgroup> z: array<f32, WIDTH>;
var<private> base: u32;
var<private> row_length: u32;

// A column whose square sum is below this is zero to working precision in a matrix of norm 1.
const TINY: f32 = 0x1p-100f;

fn at(i: u32, j: u32) -> f32 {
    if LOCAL {
        return tile[i * row_length + j];
    }
    return work[base + i * row_length + j];
}

fn put(i: u32, j: u32, value: f32) {
    if LOCAL {
        tile[i * row_length + j] = value;
    } else {
        work[base + i * row_length + j] = value;
    }
}

fn together() {
    workgroupBarrier();
    if !LOCAL {
        storageBarrier();
    }
}

// The matrix as it was left by the dispatch before, or at the start the symmetric part of the input.
fn load(lane: u32, member: u32) {
    let n = params.n;
    let input = member * params.stride * params.stride;
    for (var i = 0u; i < n; i += 1u) {
        for (var j = lane; j < n; j += LANES) {
            if params.first == 0u {
                put(i, j, 0.5 * (s[input + i * params.stride + j] + s[input + j * params.stride + i]));
            } else if LOCAL {
                put(i, j, work[base + i * n + j]);
            }
        }
    }
    together();
}

fn store(lane: u32, member: u32) {
    let n = params.n;
    for (var i = 0u; i < n; i += 1u) {
        for (var j = lane; LOCAL && j < n; j += LANES) {
            work[base + i * n + j] = at(i, j);
        }
    }
    if lane == 0u && params.last + 2u >= n {
        diagonal[member * n + n - 1u] = at(n - 1u, n - 1u);
        beside[member * n + n - 1u] = 0.0;
        if n > 1u {
            diagonal[member * n + n - 2u] = at(n - 2u, n - 2u);
            beside[member * n + n - 2u] = at(n - 1u, n - 2u);
        }
    }
}

@compute @workgroup_size(LANES, 1, 1)
fn tridiagonal(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if wanted[group.z % arrayLength(&wanted)] == 0u {
        return;
    }
    let n = params.n;
    let lane = local_id.x;
    base = group.z * n * n;
    row_length = n;
    if LOCAL {
        row_length = n | 1u;
    }
    load(lane, group.z);
    for (var k = params.first; k < params.last; k += 1u) {
        let alpha = at(k + 1u, k);
        var square = 0.0;
        for (var i = k + 2u; i < n; i += 1u) {
            let x = at(i, k);
            square += x * x;
        }
        var beta = alpha;
        var tau = 0.0;
        var scale = 0.0;
        if square > TINY {
            let norm = sqrt(alpha * alpha + square);
            beta = select(norm, -norm, alpha >= 0.0);
            tau = (beta - alpha) / beta;
            scale = 1.0 / (alpha - beta);
        }
        for (var i = k + 1u + lane; i < n; i += LANES) {
            v[i] = select(at(i, k) * scale, 1.0, i == k + 1u);
        }
        workgroupBarrier();
        for (var t = k + 1u + lane; t < n; t += LANES) {
            var down = 0.0;
            for (var q = k + 1u; q < n; q += 1u) {
                down += at(q, t) * v[q];
            }
            z[t] = tau * down;
        }
        workgroupBarrier();
        var share = 0.0;
        for (var i = k + 1u; i < n; i += 1u) {
            share += v[i] * z[i];
        }
        share *= 0.5 * tau;
        for (var j = k + 1u + lane; j < n; j += LANES) {
            let own = v[j];
            // v_i w_j + w_i v_j = v_i (w_j - share v_j) + z_i v_j
            let both = z[j] - 2.0 * share * own;
            for (var i = k + 1u; i < n; i += 1u) {
                put(i, j, at(i, j) - v[i] * both - z[i] * own);
            }
        }
        if lane == 0u {
            diagonal[group.z * n + k] = at(k, k);
            beside[group.z * n + k] = beta;
        }
        together();
    }
    store(lane, group.z);
}
