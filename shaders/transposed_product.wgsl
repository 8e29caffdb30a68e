// Products out = x^T y of square matrices, one for each member that wants it: Gram matrices A^T A, and powers
// M^(k+1) = (M^T)^T M^k from a stored transpose.
//
// One invocation for each 4 x 4 block of the result, in registers: both factors are read along their rows, four at a
// time, and neighbours share the row of y. Nothing is shared in workgroup memory and nobody waits.
// CPU twin: src/kernel/transposed_product.rs.

struct Params {
    n: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> wanted: array<u32>;             // [members or 1]
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;            // [members, n, n / 4]
@group(0) @binding(3) var<storage, read> y: array<vec4<f32>>;            // [members, n, n / 4]
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;    // [members, n, n / 4]

@compute @workgroup_size(64, 1, 1)
fn transposed_product(@builtin(global_invocation_id) id: vec3<u32>) {
    let quads = params.n / 4u;
    let member = id.z;
    if id.x >= quads * quads || wanted[member % arrayLength(&wanted)] == 0u {
        return;
    }
    let row = id.x / quads;
    let column = id.x % quads;
    let base = member * params.n * quads;
    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var k = 0u; k < params.n; k += 1u) {
        let a = x[base + k * quads + row];
        let b = y[base + k * quads + column];
        sum0 += a.x * b;
        sum1 += a.y * b;
        sum2 += a.z * b;
        sum3 += a.w * b;
    }
    let to = base + 4u * row * quads + column;
    out[to] = sum0;
    out[to + quads] = sum1;
    out[to + 2u * quads] = sum2;
    out[to + 3u * quads] = sum3;
}
