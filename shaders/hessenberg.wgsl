// Householder reduction to upper Hessenberg form: the columns `first .. last` of each matrix.
//
// One workgroup for each matrix, in workgroup memory where it fits (rows padded to an odd stride, so that a column is
// read without bank conflicts), else in storage. Each column takes one pass that makes z = tau A v (rows owned) and
// w = A^T v (columns owned) together, and one rank-2 update A - v p^T - z v^T with owned columns: three barriers.
// Norm and v . z are computed by every invocation for itself, in the same order.
//
// Source: LAPACK's `sgehd2`, with both one-sided products fused as in the tridiagonal reduction `ssytd2`.
// CPU twin: src/kernel/hessenberg.rs.

struct Params {
    n: u32,
    first: u32,
    last: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;  // [members, n, n]

override LANES: u32 = 32u;
override LOCAL: bool = false;
override CAPACITY: u32 = 1u;
override WIDTH: u32 = 512u;
var<workgroup> tile: array<f32, CAPACITY>;
var<workgroup> v: array<f32, WIDTH>;
var<workgroup> z: array<f32, WIDTH>;
var<private> base: u32;
var<private> stride: u32;

// A column whose square sum is below this is zero to working precision in a matrix of norm 1.
const DUST = 0x1p-100f;

fn at(i: u32, j: u32) -> f32 {
    if LOCAL {
        return tile[i * stride + j];
    }
    return a[base + i * stride + j];
}

fn put(i: u32, j: u32, value: f32) {
    if LOCAL {
        tile[i * stride + j] = value;
    } else {
        a[base + i * stride + j] = value;
    }
}

fn together() {
    workgroupBarrier();
    if !LOCAL {
        storageBarrier();
    }
}

@compute @workgroup_size(LANES, 1, 1)
fn hessenberg(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let n = params.n;
    let lane = local_id.x;
    base = group.z * n * n;
    stride = n;
    if LOCAL {
        stride = n | 1u;
        for (var i = 0u; i < n; i += 1u) {
            for (var j = lane; j < n; j += LANES) {
                tile[i * stride + j] = a[base + i * n + j];
            }
        }
    }
    together();
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
        if square > DUST {
            let norm = sqrt(alpha * alpha + square);
            beta = select(norm, -norm, alpha >= 0.0);
            tau = (beta - alpha) / beta;
            scale = 1.0 / (alpha - beta);
        }
        for (var i = k + 1u + lane; i < n; i += LANES) {
            v[i] = 1.0;
            if i > k + 1u {
                v[i] = at(i, k) * scale;
            }
        }
        workgroupBarrier();
        // Invocation owns row t and column t; the products of a column share the loads of v.
        for (var t = lane; t < n; t += LANES) {
            var across = 0.0;
            for (var q = k + 1u; q < n; q += 1u) {
                across += at(t, q) * v[q];
            }
            z[t] = tau * across;
        }
        workgroupBarrier();
        var s = 0.0;
        for (var i = k + 1u; i < n; i += 1u) {
            s += v[i] * z[i];
        }
        for (var j = k + 1u + lane; j < n; j += LANES) {
            var down = 0.0;
            for (var q = k + 1u; q < n; q += 1u) {
                down += at(q, j) * v[q];
            }
            let p = tau * (down - s * v[j]);
            let own = v[j];
            for (var i = 0u; i <= k; i += 1u) {
                put(i, j, at(i, j) - z[i] * own);
            }
            for (var i = k + 1u; i < n; i += 1u) {
                put(i, j, at(i, j) - v[i] * p - z[i] * own);
            }
        }
        for (var i = k + 1u + lane; i < n; i += LANES) {
            put(i, k, select(0.0, beta, i == k + 1u));
        }
        together();
    }
    if LOCAL {
        for (var i = 0u; i < n; i += 1u) {
            for (var j = lane; j < n; j += LANES) {
                a[base + i * n + j] = tile[i * stride + j];
            }
        }
    }
}
