// Francis' double-shift QR sweeps on upper Hessenberg matrices: at most `sweeps` of them in one dispatch.
//
// One team for each matrix; a workgroup whose matrices are all finished leaves at its first instructions. Where it
// fits, the matrix lives in workgroup memory, packed to its upper triangle and the three diagonals below it that the
// bulge needs, interleaved with those of the other teams; else in storage. Every invocation computes the reflector for
// itself (the loads are broadcasts), then owns columns for the product from the left and rows for the product from the
// right: two barriers for each reflector and no reductions. Each sweep first zeroes all negligible subdiagonal entries at once, then works on the lowest block of 3 rows or more.
//
// Sources: LAPACK's `slahqr` (shifts, start row, exceptional shifts after 10, 20, .. sweeps without deflation; LAPACK
// Working Notes 187, 216), the deflation test of Ahues and Tisseur (LAPACK Working Note 122), and the parallel
// deflation of Tokura et al., "An almost optimal GPU implementation for computing eigenvalues" (2017).
// CPU twin: src/kernel/francis.rs.
//
// Tried and rejected, on lavapipe only (two cores under load, so differences below 20 % mean nothing): storage in place
// of workgroup memory 1.9 and 12.0 ms a matrix at n = 32 and 64, against 2.2 and 13.0; 16 or 32 invocations in place of
// 8: 2.2 and 2.5 ms at n = 32, 14.0 and 11.3 at n = 64. On an H100: a storage barrier beside each barrier, which WGSL
// makes one of the whole device: 2.1, 2.3 and 2.6 times the time at n = 16, 32, 64, part of it (10 %) wgpu's checks, which
// trusted kernels are spared.

struct Params {
    n: u32,
    sweeps: u32,
    limit: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> h: array<real>;        // [members, n, n]
@group(0) @binding(2) var<storage, read_write> progress: array<u32>;  // [members, sweeps | stalled | high]
@group(0) @binding(3) var<storage, read_write> finished: array<u32>;  // [members] 0 no, 1 yes, 2 given up
@group(0) @binding(4) var<storage, read> skips: array<u32>;           // [members], from a team to its member

override CAPACITY: u32 = 1u;
var<workgroup> packed: array<real, CAPACITY>;
var<private> base: u32;

const CONVERGED: u32 = 1u;
const GIVEN_UP: u32 = 2u;
const PROGRESS: u32 = 3u;
// Places of `highest`.
const HIGH: u32 = 0u;
const LOW: u32 = 1u;
const START: u32 = 2u;
// In a matrix whose largest entry was near 1 this is far below rounding.
const TINY: real = 0x1p-100;

fn place(i: u32, j: u32) -> u32 {
    let below = i - min(i, 3u);
    return (i * params.n + j - below * (below + 1u) / 2u) * TEAMS + team;
}

fn at(i: u32, j: u32) -> real {
    if LOCAL {
        return packed[place(i, j)];
    }
    return h[base + i * params.n + j];
}

fn put(i: u32, j: u32, value: real) {
    if LOCAL {
        packed[place(i, j)] = value;
    } else {
        h[base + i * params.n + j] = value;
    }
}

// May the entry (k, k - 1) be set to zero?
fn negligible(k: u32) -> bool {
    let below = abs(at(k, k - 1u));
    if below <= TINY {
        return true;
    }
    let d0 = at(k - 1u, k - 1u);
    let d1 = at(k, k);
    let near = abs(d0) + abs(d1);
    if below > ULP * select(1.0, near, near > 0.0) {
        return false;
    }
    let above = abs(at(k - 1u, k));
    let smaller_off = select(above, below, below < above);
    let larger_off = select(below, above, below < above);
    let gap = abs(d0 - d1);
    let size = abs(d1);
    let smaller = select(gap, size, size < gap);
    let larger = select(size, gap, size < gap);
    let total = larger + larger_off;
    let left = smaller_off * (larger_off / total);
    let right = ULP * (smaller * (larger / total));
    return left <= TINY || left <= right;
}

// Two shifts, re.x + i im and re.y - i im, as (re.x, re.y, im).
fn shifts(low: u32, high: u32, stalled: u32) -> vec3<real> {
    var a = at(high - 1u, high - 1u);
    var b = at(high - 1u, high);
    var c = at(high, high - 1u);
    var d = at(high, high);
    if stalled > 0u && stalled % 10u == 0u {
        let bottom = stalled % 20u == 0u;
        let near = select(low + 1u, high, bottom);
        let far = select(low + 2u, high - 1u, bottom);
        let corner = select(low, high, bottom);
        let size = abs(at(near, near - 1u)) + abs(at(far, far - 1u));
        a = 0.75 * size + at(corner, corner);
        b = -0.4375 * size;
        c = size;
        d = a;
    }
    let size = abs(a) + abs(b) + abs(c) + abs(d);
    if size <= TINY {
        return vec3<real>();
    }
    a /= size;
    b /= size;
    c /= size;
    d /= size;
    let half = 0.5 * (a + d);
    let determinant = (a - half) * (d - half) - b * c;
    let root = sqrt(abs(determinant));
    if determinant >= 0.0 {
        return vec3<real>(half, half, root) * size;
    }
    let nearer = abs(half + root - d) <= abs(half - root - d);
    let both = select(half - root, half + root, nearer) * size;
    return vec3<real>(both, both, 0.0);
}

// The first column of (H - s1)(H - s2) restricted to rows m, m + 1, m + 2, scaled to size 1.
fn first_column(m: u32, shift: vec3<real>) -> vec3<real> {
    let d0 = at(m, m);
    let d1 = at(m + 1u, m + 1u);
    let sub = at(m + 1u, m);
    let scale = abs(d0 - shift.y) + abs(shift.z) + abs(sub);
    let s = sub / scale;
    let x = s * at(m, m + 1u) + (d0 - shift.x) * ((d0 - shift.y) / scale) + shift.z * (shift.z / scale);
    let v = vec3<real>(x, s * (d0 + d1 - shift.x - shift.y), s * at(m + 2u, m + 1u));
    let size = abs(v.x) + abs(v.y) + abs(v.z);
    return v / select(1.0, size, size > TINY);
}

// May the sweep start at row m, because two consecutive small entries let it ignore what is above?
fn may_start(m: u32, low: u32, shift: vec3<real>) -> bool {
    if m == low {
        return true;
    }
    let v = first_column(m, shift);
    let near = abs(at(m - 1u, m - 1u)) + abs(at(m, m)) + abs(at(m + 1u, m + 1u));
    return abs(at(m, m - 1u)) * (abs(v.y) + abs(v.z)) <= ULP * abs(v.x) * near;
}

// A reflector from the left and from the right. In teams that are not `chasing`, nothing but the barriers.
fn chase_step(low: u32, high: u32, start: u32, k: u32, first: vec3<real>, chasing: bool) {
    let three = k + 2u <= high;
    var r: Reflector;
    if chasing {
        var x = first;
        if k > start {
            x = vec3<real>(at(k, k - 1u), at(k + 1u, k - 1u), 0.0);
            if three {
                x.z = at(k + 2u, k - 1u);
            }
        }
        r = reflector(x);
        from_left(k, high, three, r);
    }
    together();
    if chasing {
        from_right(k, low, high, three, r);
        // Column k - 1 was read by all before the first barrier, and nobody reads it again in this sweep.
        if lane == 0u {
            if k > start {
                put(k, k - 1u, r.beta);
                put(k + 1u, k - 1u, 0.0);
                if three {
                    put(k + 2u, k - 1u, 0.0);
                }
            } else if k > low {
                put(k, k - 1u, at(k, k - 1u) * (1.0 - r.tau));
            }
        }
    }
    together();
}

// Rows k, k + 1, k + 2; each invocation owns columns.
fn from_left(k: u32, high: u32, three: bool, r: Reflector) {
    for (var j = k + lane; j <= high; j += LANES) {
        let a = at(k, j);
        let b = at(k + 1u, j);
        if three {
            let c = at(k + 2u, j);
            let sum = r.tau * (a + r.y * b + r.z * c);
            put(k, j, a - sum);
            put(k + 1u, j, b - sum * r.y);
            put(k + 2u, j, c - sum * r.z);
        } else {
            let sum = r.tau * (a + r.y * b);
            put(k, j, a - sum);
            put(k + 1u, j, b - sum * r.y);
        }
    }
}

// Columns k, k + 1, k + 2; each invocation owns rows.
fn from_right(k: u32, low: u32, high: u32, three: bool, r: Reflector) {
    let bottom = min(k + 3u, high);
    for (var i = low + lane; i <= bottom; i += LANES) {
        let a = at(i, k);
        let b = at(i, k + 1u);
        if three {
            let c = at(i, k + 2u);
            let sum = r.tau * (a + r.y * b + r.z * c);
            put(i, k, a - sum);
            put(i, k + 1u, b - sum * r.y);
            put(i, k + 2u, c - sum * r.z);
        } else {
            let sum = r.tau * (a + r.y * b);
            put(i, k, a - sum);
            put(i, k + 1u, b - sum * r.y);
        }
    }
}

// Zeroes what is negligible in the first n rows; gives the last row of the lowest block of 3 rows or more, or 0.
fn deflate(n: u32) -> u32 {
    for (var k = 1u + lane; k < n; k += LANES) {
        if negligible(k) {
            put(k, k - 1u, 0.0);
        }
    }
    forget();
    together();
    var own = 0u;
    for (var k = 2u + lane; k < n; k += LANES) {
        if abs(at(k, k - 1u)) > 0.0 && abs(at(k - 1u, k - 2u)) > 0.0 {
            own = k;
        }
    }
    return highest(HIGH, own);
}

// The first row of the block that ends at row `high`.
fn first_row(high: u32) -> u32 {
    var own = 0u;
    for (var k = 1u + lane; k < high; k += LANES) {
        if !(abs(at(k, k - 1u)) > 0.0) {
            own = k;
        }
    }
    return highest(LOW, own);
}

// The last row of low .. high where the sweep may start.
fn start_row(low: u32, high: u32, shift: vec3<real>) -> u32 {
    var own = 0u;
    for (var m = low + lane; m + 2u <= high; m += LANES) {
        if may_start(m, low, shift) {
            own = m;
        }
    }
    return highest(START, own);
}

@compute @workgroup_size(LANES, TEAMS, 1)
fn francis(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    lane = local_id.x;
    team = local_id.y;
    var member = group.z * TEAMS + team;
    var status = CONVERGED;
    if member < arrayLength(&skips) {
        member += skips[member];
        if member < arrayLength(&finished) {
            status = finished[member];
        }
    }
    let n = select(0u, params.n, status == 0u);
    forget();
    together();
    if trips_of_all(n) == 0u {
        return;
    }
    base = member * params.n * params.n;
    if LOCAL {
        for (var i = 0u; i < n; i += 1u) {
            for (var j = i - min(i, 3u) + lane; j < n; j += LANES) {
                packed[place(i, j)] = h[base + i * n + j];
            }
        }
    }
    var total = 0u;
    var stalled = 0u;
    var before = 0u;
    if n > 0u {
        total = progress[PROGRESS * member];
        stalled = progress[PROGRESS * member + 1u];
        before = progress[PROGRESS * member + 2u];
    }
    together();
    for (var sweep = 0u; sweep < params.sweeps; sweep += 1u) {
        var high = deflate(select(0u, n, status == 0u));
        if status == 0u && (high == 0u || total >= params.limit) {
            status = select(GIVEN_UP, CONVERGED, high == 0u);
        }
        high = select(0u, high, status == 0u);
        let low = first_row(high);
        var shift = vec3<real>();
        if high > 0u {
            stalled = select(0u, stalled, high == before);
            before = high;
            shift = shifts(low, high, stalled);
        }
        let start = start_row(low, high, shift);
        var first = vec3<real>();
        if high > 0u {
            first = first_column(start, shift);
            stalled += 1u;
            total += 1u;
        }
        let steps = trips_of_all(select(0u, high - start, high > 0u));
        if steps == 0u {
            break;
        }
        for (var step = 0u; step < steps; step += 1u) {
            let k = start + step;
            chase_step(low, high, start, k, first, k < high);
        }
    }
    if LOCAL {
        for (var i = 0u; i < n; i += 1u) {
            for (var j = i - min(i, 1u) + lane; j < n; j += LANES) {
                h[base + i * n + j] = packed[place(i, j)];
            }
        }
    }
    if lane == 0u && n > 0u {
        progress[PROGRESS * member] = total;
        progress[PROGRESS * member + 1u] = stalled;
        progress[PROGRESS * member + 2u] = before;
        finished[member] = status;
    }
}
