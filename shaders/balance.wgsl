// Scaling and balancing by exact powers of two: h = 2^-e D^-1 P^T (A - c I) P D, with the largest entry of h in [1, 2).
//
// P orders A by its irreducible blocks; what couples different blocks is left out, since no eigenvalue depends on it.
// The centre c is the mean of the diagonal, where that leaves entries below an eighth (as in A = I + h G), else 0. Then
// the subtraction is exact (Sterbenz), and the eigenvalues keep the digits that 1 + h lambda would lose.
// One team for each matrix. The first dispatch (`first` = 1) scales the whole matrix by the exponent of its
// largest entry, read from the bits, so that subnormal numbers survive drivers that flush them. Then Parlett and
// Reinsch's sweeps: each invocation sums the rows and columns that it owns; only if some pair is unequal does the
// team visit the indices one after the other, rescaling a row and a column by all its invocations. At most
// `sweeps` visits to all indices in one dispatch, then one more scaling of the whole matrix.
//
// Sources: Parlett and Reinsch, "Balancing a matrix for calculation of eigenvalues and eigenvectors" (1969);
// LAPACK's `sgebal`, with blocks of any size in the place of its isolated eigenvalues; 2-norms after James, Langou and Lowery (2014). CPU twin: src/kernel/balance.rs.

struct Params {
    n: u32,
    first: u32,
    sweeps: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> matrices: array<word>;       // [members, n, n], bits
@group(0) @binding(2) var<storage, read> blocks: array<u32>;          // [members, n, index | block]
@group(0) @binding(3) var<storage, read_write> h: array<real>;        // [members, n, n]
@group(0) @binding(4) var<storage, read_write> centres: array<real>;  // [members], in units of 2^(second exponent)
@group(0) @binding(5) var<storage, read_write> exponents: array<i32>; // [members, of h | of the centre]

// Invocations of a team that sum up a row and a column, and those of all teams.
override PARTS: u32 = 16u;
override ALL_PARTS: u32 = 16u;
var<workgroup> partial: array<vec2<real>, ALL_PARTS>;

// Places of `highest`.
const LARGEST: u32 = 0u;
const SPREAD: u32 = 1u;
const UNEQUAL: u32 = 2u;
const BALANCED: u32 = 3u;
// The exponent of the smallest subnormal number.
const LOWEST = 1 - BIAS - i32(MANTISSA);

// Magnitude as bits: the larger number has the larger word.
fn magnitude(bits: word) -> word {
    return (bits << 1u) >> 1u;
}

// floor(log2 |x|) from the bits of |x|, also of subnormal numbers, as a word that is 0 for 0 alone.
fn rank(bits: word) -> u32 {
    let field = i32(u32(bits >> MANTISSA));
    let exponent = select(exponent_of(real(bits)) + LOWEST, field - BIAS, field > 0);
    return select(u32(exponent + 1 - LOWEST), 0u, bits == word(0u));
}

// The exponent in a rank; 0 for 0.
fn exponent(rank: u32) -> i32 {
    return select(i32(rank) - 1 + LOWEST, 0, rank == 0u);
}

// x 2^-e for |x| <= 2^(e + 1), made from the bits of x.
fn scaled(bits: word, e: i32) -> real {
    let size = magnitude(bits);
    if (size >> MANTISSA) == word(0u) {
        let value = select(0.0, real(size) * power_of_two(max(LOWEST - e, 1 - BIAS)), LOWEST - e >= 1 - BIAS);
        return select(value, -value, size != bits);
    }
    // e lies in [1 - BIAS, BIAS] here, and 2^(1 - e) is a normal number.
    return bitcast<real>(bits) * power_of_two(1 - e) * 0.5;
}

// The exponent f by which column 2^f and row 2^-f come close, or 0 if that gains less than 5 %. From squared norms.
fn factor(squares: vec2<real>) -> i32 {
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
fn sums(base: u32, i: u32, first: u32, step: u32) -> vec2<real> {
    let n = params.n;
    var sum = vec2<real>();
    for (var j = first; j < n; j += step) {
        if j != i {
            let pair = vec2<real>(h[base + j * n + i], h[base + i * n + j]) * 0x1p40;
            sum += pair * pair;
        }
    }
    return sum;
}

// The rank of the largest of `size` numbers.
fn rank_of_largest(place: u32, base: u32, size: u32) -> u32 {
    var own = word(0u);
    for (var i = lane; i < size; i += LANES) {
        own = max(own, magnitude(bitcast<word>(h[base + i])));
    }
    return highest(place, rank(own));
}

// Decides on the centre and records it; gives the centre and the power of two that brings the rest back to size 1.
fn centre(base: u32, size: u32, e: i32, member: u32) -> vec2<real> {
    let n = params.n;
    var sum = real(0.0);
    for (var i = 0u; i < select(0u, n, size > 0u); i += 1u) {
        sum += h[base + i * (n + 1u)];
    }
    let mean = sum / real(n);
    var own = word(0u);
    for (var i = lane; i < size; i += LANES) {
        let value = h[base + i] - select(0.0, mean, i % (n + 1u) == 0u);
        own = max(own, magnitude(bitcast<word>(value)));
    }
    let left = exponent(highest(SPREAD, rank(own)));
    let shifted = left <= -4;
    let shrink = select(0, max(left, -126), shifted);
    if lane == 0u && size > 0u {
        centres[member] = select(0.0, mean, shifted);
        exponents[2u * member] = e + shrink;
        exponents[2u * member + 1u] = e;
    }
    return vec2<real>(select(0.0, mean, shifted), power_of_two(-shrink));
}

// Entry `at` of P^T A P without what couples different blocks.
fn arranged(base: u32, member: u32, at: u32) -> word {
    let n = params.n;
    let row = 2u * (member * n + at / n);
    let column = 2u * (member * n + at % n);
    if blocks[row + 1u] != blocks[column + 1u] {
        return word(0u);
    }
    return matrices[base + blocks[row] * n + blocks[column]];
}

// The first dispatch: h = 2^-e P^T (A - c) P.
fn start(base: u32, size: u32, member: u32) {
    let n = params.n;
    // The blocks are in order of their names: all are 0 if the last one is.
    let split = size > 0u && blocks[2u * (member * n + n) - 1u] != 0u;
    // Loops that end at once cost nothing anywhere; a branch in the loop costs both its sides on lavapipe.
    let whole = select(size, 0u, split);
    let parts = size - whole;
    var own = word(0u);
    for (var i = lane; i < whole; i += LANES) {
        own = max(own, magnitude(matrices[base + i]));
    }
    for (var i = lane; i < parts; i += LANES) {
        own = max(own, magnitude(arranged(base, member, i)));
    }
    let e = exponent(highest(LARGEST, rank(own)));
    for (var i = lane; i < whole; i += LANES) {
        h[base + i] = scaled(matrices[base + i], e);
    }
    for (var i = lane; i < parts; i += LANES) {
        h[base + i] = scaled(arranged(base, member, i), e);
    }
    together();
    let shift = centre(base, size, e, member);
    for (var i = lane; i < size; i += LANES) {
        let value = h[base + i] - select(0.0, shift.x, i % (n + 1u) == 0u);
        h[base + i] = value * shift.y;
    }
}

// Visits index i: makes column i and row i alike, where `size` is not 0.
fn visit(base: u32, i: u32, size: u32) {
    let n = params.n;
    // More parts would cost more in their sum, which every invocation makes for itself.
    if lane < PARTS && size > 0u {
        partial[team * PARTS + lane] = sums(base, i, lane, PARTS);
    }
    together();
    if size > 0u {
        var sum = vec2<real>();
        for (var other = 0u; other < PARTS; other += 1u) {
            sum += partial[team * PARTS + other];
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
    }
    together();
}

@compute @workgroup_size(LANES, TEAMS, 1)
fn balance(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    lane = local_id.x;
    team = local_id.y;
    let n = params.n;
    let member = group.z * TEAMS + team;
    // Teams without a matrix do nothing, but take part in the barriers.
    var size = select(0u, n * n, member < arrayLength(&centres));
    let base = member * n * n;
    forget();
    together();
    if params.first == 1u {
        start(base, size, member);
    }
    together();
    var own = 0u;
    if size > 0u {
        for (var i = lane; i < n; i += LANES) {
            own = max(own, select(0u, 1u, factor(sums(base, i, 0u, 1u)) != 0));
        }
    }
    size *= highest(UNEQUAL, own);
    let visits = trips_of_all(select(0u, params.sweeps * n, size > 0u));
    if visits == 0u {
        return;
    }
    for (var count = 0u; count < visits; count += 1u) {
        visit(base, count % n, size);
    }
    let shift = clamp(exponent(rank_of_largest(BALANCED, base, size)), -126, 126);
    for (var i = lane; i < size; i += LANES) {
        h[base + i] *= power_of_two(-shift);
    }
    if lane == 0u && size > 0u {
        exponents[2u * member] += shift;
    }
}
