// What a spectrum says of the step M = keep + gain A, at many points (keep, gain): spectral radius and abscissa of M,
// eigenvalues outside the unit circle, real eigenvalues.
//
// Spectra are affine: phi = keep + gain lambda, so one eigendecomposition serves a whole grid. One invocation for each
// point and member goes through all eigenvalues; nothing is shared, nothing is reduced. CPU twin: src/kernel/spectral_summary.rs.

struct Params {
    n: u32,
    points: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> eigenvalues: array<real>;   // [members, n, re | im], as 2^-e (lambda - centre)
@group(0) @binding(2) var<storage, read> centres: array<real>;       // [members]
@group(0) @binding(3) var<storage, read> exponents: array<i32>;      // [members, of lambda | of the centre]
@group(0) @binding(4) var<storage, read> keep: array<real>;          // [points]
@group(0) @binding(5) var<storage, read> gain: array<real>;          // [points]
@group(0) @binding(6) var<storage, read_write> extremes: array<real>; // [members, points, radius | abscissa]
@group(0) @binding(7) var<storage, read_write> counts: array<u32>;    // [members, points, outside | real]

// Points and members of a workgroup.
// Of units: beyond, squares might overflow.
const LEAST_EXPONENT: i32 = -126;
const MOST_EXPONENT: i32 = 40;

override POINTS: u32 = 64u;
override TEAMS: u32 = 1u;

@compute @workgroup_size(POINTS, TEAMS, 1)
fn spectral_summary(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let point = group.x * POINTS + local_id.x;
    let member = group.z * TEAMS + local_id.y;
    if point >= params.points || member >= arrayLength(&centres) {
        return;
    }
    // Beyond 2^40 everything is outside; the squares below must not overflow.
    let unit = gain[point] * power_of_two(clamp(exponents[2u * member], LEAST_EXPONENT, MOST_EXPONENT));
    let far = gain[point] * power_of_two(clamp(exponents[2u * member + 1u], LEAST_EXPONENT, MOST_EXPONENT));
    let start = keep[point] + far * centres[member];
    var largest = real(0.0);
    var rightmost = real(0.0);
    var outside = 0u;
    var on_axis = 0u;
    for (var i = 0u; i < params.n; i += 1u) {
        let at = 2u * (member * params.n + i);
        let re = start + unit * eigenvalues[at];
        let im = unit * eigenvalues[at + 1u];
        let square = re * re + im * im;
        largest = select(largest, square, square > largest);
        rightmost = select(rightmost, re, i == 0u || re > rightmost);
        outside += select(0u, 1u, square > 1.0);
        on_axis += select(1u, 0u, abs(eigenvalues[at + 1u]) > 0.0);
    }
    let to = 2u * (member * params.points + point);
    extremes[to] = sqrt(largest);
    extremes[to + 1u] = rightmost;
    counts[to] = outside;
    counts[to + 1u] = on_axis;
}
