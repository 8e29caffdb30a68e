// Henrici's departure from normality, sqrt(max(0, |A|_F^2 - sum |lambda|^2)), and the Frobenius norm |A|_F, of matrices
// whose largest entry is about 1 and whose eigenvalues come in the same units.
//
// One workgroup for each matrix: an invocation sums its rows, one after the other. CPU twin: src/kernel/departure.rs.

struct Params {
    n: u32,
    stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> matrices: array<f32>;      // [members, stride, stride]
@group(0) @binding(2) var<storage, read> eigenvalues: array<f32>;   // [members, n, re | im]
@group(0) @binding(3) var<storage, read_write> norms: array<f32>;   // [members, departure | Frobenius norm]

override LANES: u32 = 32u;
var<workgroup> partial: array<vec2<f32>, LANES>;

@compute @workgroup_size(LANES, 1, 1)
fn departure(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let n = params.n;
    var sums = vec2<f32>();
    for (var i = local_id.x; i < n; i += LANES) {
        let base = (group.z * params.stride + i) * params.stride;
        var row = 0.0;
        for (var j = 0u; j < n; j += 1u) {
            let x = matrices[base + j];
            row += x * x;
        }
        let re = eigenvalues[2u * (group.z * n + i)];
        let im = eigenvalues[2u * (group.z * n + i) + 1u];
        sums += vec2<f32>(row, re * re + im * im);
    }
    partial[local_id.x] = sums;
    workgroupBarrier();
    if local_id.x != 0u {
        return;
    }
    for (var other = 1u; other < LANES; other += 1u) {
        sums += partial[other];
    }
    // Rounding may leave the difference of a normal matrix below 0.
    let rest = sums.x - sums.y;
    norms[2u * group.z] = sqrt(select(0.0, rest, rest > 0.0));
    norms[2u * group.z + 1u] = sqrt(sums.x);
}
