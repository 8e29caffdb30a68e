// Scaling and balancing by exact powers of two: h = 2^-e D^-1 (A - c I) D, with the largest entry of h in [1, 2).
//
// The centre c is the mean of the diagonal, where that leaves entries below an eighth (as in A = I + h G), else 0. Then
// the subtraction is exact (Sterbenz), and the eigenvalues keep the digits that 1 + h lambda would lose.
// One workgroup for each matrix. The first dispatch (`first` = 1) scales the whole matrix by the exponent of its
// largest entry, read from the bits, so that subnormal numbers survive drivers that flush them. Then Parlett and
// Reinsch's sweeps: each invocation sums the rows and columns that it owns; only if some pair is unequal does the
// workgroup visit the indices one after the other, rescaling a row and a column by all its invocations. At most
// `sweeps` visits to all indices in one dispatch, then one more scaling of the whole matrix.
//
// Sources: Parlett and Reinsch, "Balancing a matrix for calculation of eigenvalues and eigenvectors" (1969);
// LAPACK's `sgebal` without its permutations; 2-norms after James, Langou and Lowery (2014). CPU twin: src/kernel/balance.rs.

struct Params {
    n: u32,
    first: u32,
    sweeps: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> matrices: array<u32>;        // [members, n, n], bits
@group(0) @binding(2) var<storage, read_write> h: array<f32>;         // [members, n, n]
@group(0) @binding(3) var<storage, read_write> centres: array<f32>;   // [members], in units of 2^(second exponent)
@group(0) @binding(4) var<storage, read_write> exponents: array<i32>; // [members, of h | of the centre]

override LANES: u32 = 32u;
var<workgroup> largest: atomic<u32>;
var<workgroup> spread: atomic<u32>;
var<workgroup> balanced: atomic<u32>;
var<workgroup> unequal: atomic<u32>;
var<workgroup> partial: array<vec2<f32>, 16>;

// floor(log2 |x|) from the bits of |x|, also of subnormal numbers; 0 for 0.
fn exponent_of_bits(bits: u32) -> i32 {
    let field = i32(bits >> 23u);
    let subnormal = -118 - i32(countLeadingZeros(bits));
    return select(select(subnormal, 0, bits == 0u), field - 127, field > 0);
}

// x 2^-e for |x| <= 2^(e + 1), made from the bits of x.
fn scaled(bits: u32, e: i32) -> f32 {
    if (bits & 0x7F800000u) == 0u {
        let mantissa = f32(bits & 0x7FFFFFu);
        let value = select(0.0, mantissa * power_of_two(max(-149 - e, -126)), e < -22);
        return select(value, -value, (bits >> 31u) == 1u);
    }
    // e lies in [-126, 127] here, and 2^(1 - e) is a normal number.
    return bitcast<f32>(bits) * power_of_two(1 - e) * 0.5;
}

// The exponent f by which column 2^f and row 2^-f come close, or 0 if that gains less than 5 %. From squared norms.
fn factor(squares: vec2<f32>) -> i32 {
    if squares.x <= 0x1p-120 || squares.y <= 0x1p-120 {
        return 0;
    }
    let f = (exponent_of(squares.y) - exponent_of(squares.x)) / 4;
    let column = sqrt(squares.x);
    let row = sqrt(squares.y);
    let gain = column * power_of_two(f) + row * power_of_two(-f) < 0.95 * (column + row);
    return select(0, f, gain);
}

// Sums of (2^40 h)^2 down column i and along row i without the diagonal, over `first`, `first + step`, ..
fn sums(base: u32, i: u32, first: u32, step: u32) -> vec2<f32> {
    let n = params.n;
    var sum = vec2<f32>();
    for (var j = first; j < n; j += step) {
        if j != i {
            let pair = vec2<f32>(h[base + j * n + i], h[base + i * n + j]) * 0x1p40;
            sum += pair * pair;
        }
    }
    return sum;
}

// Decides on the centre and records it; gives the centre and the power of two that brings the rest back to size 1.
fn centre(base: u32, lane: u32, e: i32, member: u32) -> vec2<f32> {
    let n = params.n;
    var sum = 0.0;
    for (var i = 0u; i < n; i += 1u) {
        sum += h[base + i * (n + 1u)];
    }
    let mean = sum / f32(n);
    var own = 0u;
    for (var i = lane; i < n * n; i += LANES) {
        let value = h[base + i] - select(0.0, mean, i % (n + 1u) == 0u);
        own = max(own, bitcast<u32>(value) & 0x7FFFFFFFu);
    }
    atomicMax(&spread, own);
    let left = exponent_of_bits(workgroupUniformLoad(&spread));
    let shifted = left <= -4;
    let shrink = select(0, max(left, -126), shifted);
    if lane == 0u {
        centres[member] = select(0.0, mean, shifted);
        exponents[2u * member] = e + shrink;
        exponents[2u * member + 1u] = e;
    }
    return vec2<f32>(select(0.0, mean, shifted), power_of_two(-shrink));
}

@compute @workgroup_size(LANES, 1, 1)
fn balance(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let n = params.n;
    let lane = local_id.x;
    let base = group.z * n * n;
    if lane == 0u {
        atomicStore(&largest, 0u);
        atomicStore(&spread, 0u);
        atomicStore(&balanced, 0u);
        atomicStore(&unequal, 0u);
    }
    workgroupBarrier();
    if params.first == 1u {
        var own = 0u;
        for (var i = lane; i < n * n; i += LANES) {
            own = max(own, matrices[base + i] & 0x7FFFFFFFu);
        }
        atomicMax(&largest, own);
        let e = exponent_of_bits(workgroupUniformLoad(&largest));
        for (var i = lane; i < n * n; i += LANES) {
            h[base + i] = scaled(matrices[base + i], e);
        }
        storageBarrier();
        workgroupBarrier();
        let shift = centre(base, lane, e, group.z);
        for (var i = lane; i < n * n; i += LANES) {
            let value = h[base + i] - select(0.0, shift.x, i % (n + 1u) == 0u);
            h[base + i] = value * shift.y;
        }
    }
    storageBarrier();
    workgroupBarrier();
    for (var i = lane; i < n; i += LANES) {
        let sum = sums(base, i, 0u, 1u);
        if factor(sum) != 0 {
            atomicStore(&unequal, 1u);
        }
    }
    if workgroupUniformLoad(&unequal) == 0u {
        return;
    }
    let parts = min(LANES, 16u);
    for (var visit = 0u; visit < params.sweeps * n; visit += 1u) {
        let i = visit % n;
        // More parts would cost more in their sum, which every invocation makes for itself.
        if lane < parts {
            partial[lane] = sums(base, i, lane, parts);
        }
        workgroupBarrier();
        var sum = vec2<f32>();
        for (var other = 0u; other < parts; other += 1u) {
            sum += partial[other];
        }
        let f = factor(sum);
        if f != 0 {
            let up = power_of_two(f);
            let down = power_of_two(-f);
            for (var j = lane; j < n; j += LANES) {
                if j != i {
                    h[base + j * n + i] *= up;
                    h[base + i * n + j] *= down;
                }
            }
        }
        storageBarrier();
        workgroupBarrier();
    }
    var own = 0u;
    for (var i = lane; i < n * n; i += LANES) {
        own = max(own, bitcast<u32>(h[base + i]) & 0x7FFFFFFFu);
    }
    atomicMax(&balanced, own);
    let shift = clamp(exponent_of_bits(workgroupUniformLoad(&balanced)), -126, 126);
    for (var i = lane; i < n * n; i += LANES) {
        h[base + i] *= power_of_two(-shift);
    }
    if lane == 0u {
        exponents[2u * group.z] += shift;
    }
}
