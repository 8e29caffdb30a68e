// The eigenvalues of quasi-triangular matrices, from their diagonal blocks of one or two rows.
//
// One team for each matrix; the invocation of a block's first row writes all eigenvalues of the block, so that
// a complex pair is conjugate to the last bit. CPU twin: src/kernel/diagonal_blocks.rs.

struct Params {
    n: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> h: array<real>;                  // [members, n, n]
@group(0) @binding(2) var<storage, read_write> eigenvalues: array<real>;  // [members, n, re | im]

// Far below rounding in a matrix whose largest entry is about 1.
const TINY: real = 0x1p-100;

override LANES: u32 = 32u;
override TEAMS: u32 = 1u;

@compute @workgroup_size(LANES, TEAMS, 1)
fn diagonal_blocks(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let n = params.n;
    let member = group.z * TEAMS + local_id.y;
    if member * n * n >= arrayLength(&h) {
        return;
    }
    for (var i = local_id.x; i < n; i += LANES) {
        let at = member * n * n + i * n + i;
        let to = 2u * (member * n + i);
        if i > 0u && abs(h[at - 1u]) > 0.0 {
            continue;
        }
        let a = h[at];
        if i + 1u == n || !(abs(h[at + n]) > 0.0) {
            eigenvalues[to] = a;
            eigenvalues[to + 1u] = 0.0;
            continue;
        }
        let d = h[at + n + 1u];
        let half = 0.5 * (a - d);
        let product = h[at + 1u] * h[at + n];
        let discriminant = half * half + product;
        if discriminant < 0.0 {
            let re = 0.5 * (a + d);
            let im = sqrt(-discriminant);
            eigenvalues[to] = re;
            eigenvalues[to + 1u] = im;
            eigenvalues[to + 2u] = re;
            eigenvalues[to + 3u] = -im;
        } else {
            let root = sqrt(discriminant);
            let far = half + select(-root, root, half >= 0.0);
            let near = select(0.0, product / far, abs(far) > TINY);
            eigenvalues[to] = d + far;
            eigenvalues[to + 1u] = 0.0;
            eigenvalues[to + 2u] = d - near;
            eigenvalues[to + 3u] = 0.0;
        }
    }
}
