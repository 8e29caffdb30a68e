// Lanczos' iteration for the smallest singular value of B = z - H at many points z of the complex plane, with H real
// upper Hessenberg: `steps` steps on (B^H B)^-1 at each point.
//
// A step solves B^H w = q and B u = w. Neither keeps a factor: Givens rotations of neighbouring rows, from the first
// on, give one row of R at a time, which is used up at once in the solution with R^H; rotations of neighbouring columns,
// from the last on, give one column of R at a time, used up in the solution with R. So a point needs O(n) numbers and
// all points read the same H. One workgroup for 32 points, one invocation for each; nobody waits.
//
// Sources: Trefethen, "Computation of pseudospectra" (1999) for the iteration; Henry, "The shifted Hessenberg system
// solve computation" (1994) for solving without storing. CPU twin: src/kernel/inverse_lanczos.rs.

struct Params {
    n: u32,
    most: u32,
    steps: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> h: array<f32>;               // [n, n]
@group(0) @binding(2) var<storage, read> points: array<f32>;          // [members, re | im, 32]
@group(0) @binding(3) var<storage, read> start: array<f32>;           // [n, re | im], of length 1
@group(0) @binding(4) var<storage, read_write> state: array<f32>;     // [members, n, parts, 32]
@group(0) @binding(5) var<storage, read_write> bands: array<f32>;     // [members, most, diagonal | beside, 32]
@group(0) @binding(6) var<storage, read_write> unit: array<f32>;      // [members, 32] of the bands
@group(0) @binding(7) var<storage, read_write> lengths: array<u32>;   // [members, steps | stopped, 32]
@group(0) @binding(8) var<storage, read> finished: array<u32>;        // [members]

const POINTS: u32 = 32u;
// The parts of the state at an index.
const PARTS: u32 = 11u;
const WORKING: u32 = 0u;
const RHS: u32 = 2u;
const NOW: u32 = 4u;
const BEFORE: u32 = 6u;
const COSINE: u32 = 8u;
const SINE: u32 = 10u;
// A pivot below this is taken for this: it is far below rounding in a matrix of norm 1.
const FLOOR: f32 = 0x1p-26f;
const ULP: f32 = 0x1p-23f;

var<private> base: u32;
var<private> z: vec2<f32>;

fn number(i: u32, part: u32) -> f32 {
    return state[base + (i * PARTS + part) * POINTS];
}

fn keep(i: u32, part: u32, value: f32) {
    state[base + (i * PARTS + part) * POINTS] = value;
}

fn pair(i: u32, part: u32) -> vec2<f32> {
    return vec2<f32>(number(i, part), number(i, part + 1u));
}

fn keep_pair(i: u32, part: u32, value: vec2<f32>) {
    keep(i, part, value.x);
    keep(i, part + 1u, value.y);
}

fn times(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

fn conjugate(a: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(a.x, -a.y);
}

fn over(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    let square = dot(b, b);
    if square < FLOOR * FLOOR {
        return a / FLOOR;
    }
    return times(a, conjugate(b)) / square;
}

// The entry (i, j) of z - H.
fn entry(i: u32, j: u32) -> vec2<f32> {
    return vec2<f32>(-h[i * params.n + j], 0.0) + select(vec2<f32>(), z, i == j);
}

// A rotation that takes (w, e) to (length, 0): w complex, e real. Cosine (complex), sine, length.
fn rotation(w: vec2<f32>, e: f32) -> vec4<f32> {
    let square = dot(w, w) + e * e;
    if square < FLOOR * FLOOR {
        return vec4<f32>(1.0, 0.0, 0.0, FLOOR);
    }
    let length = sqrt(square);
    return vec4<f32>(w / length, e / length, length);
}

// Rotates the working element i with its neighbour: what comes out is an element of R, which leaves with `solved`.
fn eliminate(i: u32, neighbour: vec2<f32>, turn: vec4<f32>, solved: vec2<f32>, adjoint: bool) {
    let w = pair(i, WORKING);
    let r = times(conjugate(turn.xy), w) + turn.z * neighbour;
    keep_pair(i, WORKING, times(turn.xy, neighbour) - turn.z * w);
    keep_pair(i, RHS, pair(i, RHS) - times(select(r, conjugate(r), adjoint), solved));
}

fn remember(i: u32, turn: vec4<f32>) {
    keep_pair(i, COSINE, turn.xy);
    keep(i, SINE, turn.z);
}

// B^H w = q, in place of the right-hand side.
fn solve_adjoint() {
    let n = params.n;
    for (var j = 0u; j < n; j += 1u) {
        keep_pair(j, WORKING, entry(0u, j));
    }
    for (var i = 0u; i + 1u < n; i += 1u) {
        let turn = rotation(pair(i, WORKING), -h[(i + 1u) * n + i]);
        let solved = pair(i, RHS) / turn.w;
        keep_pair(i, RHS, solved);
        remember(i, turn);
        // Four at a time: loop trips are limited on software drivers.
        for (var j = i + 1u; j < n; j += 4u) {
            eliminate(j, entry(i + 1u, j), turn, solved, true);
            if j + 1u < n {
                eliminate(j + 1u, entry(i + 1u, j + 1u), turn, solved, true);
            }
            if j + 2u < n {
                eliminate(j + 2u, entry(i + 1u, j + 2u), turn, solved, true);
            }
            if j + 3u < n {
                eliminate(j + 3u, entry(i + 1u, j + 3u), turn, solved, true);
            }
        }
    }
    keep_pair(n - 1u, RHS, over(pair(n - 1u, RHS), conjugate(pair(n - 1u, WORKING))));
    for (var i = n - 1u; i > 0u; i -= 1u) {
        let cosine = pair(i - 1u, COSINE);
        let sine = number(i - 1u, SINE);
        let a = pair(i - 1u, RHS);
        let b = pair(i, RHS);
        keep_pair(i - 1u, RHS, times(cosine, a) - sine * b);
        keep_pair(i, RHS, sine * a + times(conjugate(cosine), b));
    }
}

// B u = w, in place of the right-hand side.
fn solve() {
    let n = params.n;
    for (var i = 0u; i < n; i += 1u) {
        keep_pair(i, WORKING, entry(i, n - 1u));
    }
    for (var k = n - 1u; k > 0u; k -= 1u) {
        let turn = rotation(pair(k, WORKING), -h[k * n + k - 1u]);
        let solved = pair(k, RHS) / turn.w;
        keep_pair(k, RHS, solved);
        remember(k, turn);
        for (var i = 0u; i < k; i += 4u) {
            eliminate(i, entry(i, k - 1u), turn, solved, false);
            if i + 1u < k {
                eliminate(i + 1u, entry(i + 1u, k - 1u), turn, solved, false);
            }
            if i + 2u < k {
                eliminate(i + 2u, entry(i + 2u, k - 1u), turn, solved, false);
            }
            if i + 3u < k {
                eliminate(i + 3u, entry(i + 3u, k - 1u), turn, solved, false);
            }
        }
    }
    keep_pair(0u, RHS, over(pair(0u, RHS), pair(0u, WORKING)));
    for (var k = 1u; k < n; k += 1u) {
        let cosine = pair(k, COSINE);
        let sine = number(k, SINE);
        let a = pair(k - 1u, RHS);
        let b = pair(k, RHS);
        keep_pair(k - 1u, RHS, times(cosine, a) + sine * b);
        keep_pair(k, RHS, times(conjugate(cosine), b) - sine * a);
    }
}

// One step: appends to the bands. The bands are in units of their first element, so that nothing overflows.
fn step(member: u32, lane: u32, length: u32) {
    let n = params.n;
    for (var i = 0u; i < n; i += 1u) {
        if length == 0u {
            keep_pair(i, NOW, vec2<f32>(start[2u * i], start[2u * i + 1u]));
            keep_pair(i, BEFORE, vec2<f32>());
        }
        keep_pair(i, RHS, pair(i, NOW));
    }
    solve_adjoint();
    var square = 0.0;
    for (var i = 0u; i < n; i += 1u) {
        let w = pair(i, RHS);
        square += dot(w, w);
    }
    let norm = sqrt(square);
    for (var i = 0u; i < n; i += 1u) {
        keep_pair(i, RHS, pair(i, RHS) / norm);
    }
    solve();
    let own = member * POINTS + lane;
    if length == 0u {
        unit[own] = square;
    }
    let diagonal = square / unit[own];
    let gain = norm / unit[own];
    let at = (member * params.most + length) * 2u * POINTS + lane;
    var beside = 0.0;
    if length > 0u {
        beside = bands[at - POINTS];
    }
    square = 0.0;
    for (var i = 0u; i < n; i += 1u) {
        let u = gain * pair(i, RHS) - diagonal * pair(i, NOW) - beside * pair(i, BEFORE);
        keep_pair(i, RHS, u);
        square += dot(u, u);
    }
    let next = sqrt(square);
    // What is left is rounding: the vectors so far span an invariant space.
    let stopped = next <= 16.0 * ULP * diagonal;
    for (var i = 0u; i < n && !stopped; i += 1u) {
        keep_pair(i, BEFORE, pair(i, NOW));
        keep_pair(i, NOW, pair(i, RHS) / next);
    }
    bands[at] = diagonal;
    bands[at + POINTS] = next;
    lengths[2u * member * POINTS + lane] = length + 1u;
    lengths[(2u * member + 1u) * POINTS + lane] = select(0u, 1u, stopped);
}

@compute @workgroup_size(POINTS, 1, 1)
fn inverse_lanczos(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    let lane = local_id.x;
    if finished[member] != 0u {
        return;
    }
    base = member * params.n * PARTS * POINTS + lane;
    z = vec2<f32>(points[2u * member * POINTS + lane], points[(2u * member + 1u) * POINTS + lane]);
    for (var i = 0u; i < params.steps; i += 1u) {
        let length = lengths[2u * member * POINTS + lane];
        let stopped = lengths[(2u * member + 1u) * POINTS + lane];
        if length >= params.most || stopped != 0u {
            return;
        }
        step(member, lane, length);
    }
}
