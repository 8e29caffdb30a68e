// Householder reduction to upper Hessenberg form: the columns `first .. last` of each matrix.
//
// One team for each matrix, in workgroup memory where it fits (rows padded to an odd stride, so that a column is read
// without bank conflicts; the matrices of all teams interleaved), else in storage. Each column takes one pass that makes z = tau A v (rows owned) and
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
@group(0) @binding(1) var<storage, read_write> a: array<real>;  // [members, n, n]

override CAPACITY: u32 = 1u;
override WIDTH: u32 = 512u;
var<workgroup> tile: array<real, CAPACITY>;
var<workgroup> v: array<real, WIDTH>;
var<workgroup> z: array<real, WIDTH>;
var<private> base: u32;
var<private> stride: u32;

// A column whose square sum is below this is zero to working precision in a matrix of norm 1.
const TINY: real = 0x1p-100;

fn at(i: u32, j: u32) -> real {
    if LOCAL {
        return tile[(i * stride + j) * TEAMS + team];
    }
    return a[base + i * stride + j];
}

fn put(i: u32, j: u32, value: real) {
    if LOCAL {
        tile[(i * stride + j) * TEAMS + team] = value;
    } else {
        a[base + i * stride + j] = value;
    }
}

// Column k below the diagonal becomes (beta, 0, ..): beta, tau, and the scale that makes v of the column.
fn reflector_of(k: u32, n: u32) -> vec3<real> {
    if n == 0u {
        // A team without a matrix.
        return vec3<real>();
    }
    let alpha = at(k + 1u, k);
    var square = real(0.0);
    for (var i = k + 2u; i < n; i += 1u) {
        let x = at(i, k);
        square += x * x;
    }
    if square <= TINY {
        return vec3<real>(alpha, 0.0, 0.0);
    }
    let norm = sqrt(alpha * alpha + square);
    let beta = select(norm, -norm, alpha >= 0.0);
    return vec3<real>(beta, (beta - alpha) / beta, 1.0 / (alpha - beta));
}

// z = tau A v; each invocation owns rows.
fn across(k: u32, n: u32, tau: real) {
    for (var t = lane; t < n; t += LANES) {
        var sum = real(0.0);
        for (var q = k + 1u; q < n; q += 1u) {
            sum += at(t, q) * v[q * TEAMS + team];
        }
        z[t * TEAMS + team] = tau * sum;
    }
}

// A - v p^T - z v^T with p = tau (A^T v - (v . z) v); each invocation owns columns.
fn update(k: u32, n: u32, tau: real) {
    var s = real(0.0);
    for (var i = k + 1u; i < n; i += 1u) {
        s += v[i * TEAMS + team] * z[i * TEAMS + team];
    }
    for (var j = k + 1u + lane; j < n; j += LANES) {
        var down = real(0.0);
        for (var q = k + 1u; q < n; q += 1u) {
            down += at(q, j) * v[q * TEAMS + team];
        }
        let own = v[j * TEAMS + team];
        let p = tau * (down - s * own);
        for (var i = 0u; i <= k; i += 1u) {
            put(i, j, at(i, j) - z[i * TEAMS + team] * own);
        }
        for (var i = k + 1u; i < n; i += 1u) {
            put(i, j, at(i, j) - v[i * TEAMS + team] * p - z[i * TEAMS + team] * own);
        }
    }
}

@compute @workgroup_size(LANES, TEAMS, 1)
fn hessenberg(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    lane = local_id.x;
    team = local_id.y;
    let member = group.z * TEAMS + team;
    base = member * params.n * params.n;
    // Teams without a matrix do nothing, but take part in the barriers.
    let n = select(0u, params.n, base < arrayLength(&a));
    stride = n;
    if LOCAL {
        stride = n | 1u;
        for (var i = 0u; i < n; i += 1u) {
            for (var j = lane; j < n; j += LANES) {
                put(i, j, a[base + i * n + j]);
            }
        }
    }
    together();
    for (var k = params.first; k < params.last; k += 1u) {
        let r = reflector_of(k, n);
        for (var i = k + 1u + lane; i < n; i += LANES) {
            v[i * TEAMS + team] = 1.0;
            if i > k + 1u {
                v[i * TEAMS + team] = at(i, k) * r.z;
            }
        }
        together();
        across(k, n, r.y);
        together();
        update(k, n, r.y);
        for (var i = k + 1u + lane; i < n; i += LANES) {
            put(i, k, select(0.0, r.x, i == k + 1u));
        }
        together();
    }
    if LOCAL {
        for (var i = 0u; i < n; i += 1u) {
            for (var j = lane; j < n; j += LANES) {
                a[base + i * n + j] = at(i, j);
            }
        }
    }
}
