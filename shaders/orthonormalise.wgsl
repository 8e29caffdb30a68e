// Modified Gram-Schmidt on the columns of `deviations`, with the lengths of the pivots multiplied into `growth`.
//
// One workgroup for each member. Every invocation computes the length of the pivot for itself (the loads are
// broadcasts), which saves a barrier; then each takes the pivot out of its own share of the vectors behind it.
// The host gives few enough pivots at a time that no invocation makes too many loop trips.
// CPU twin: src/kernel/orthonormalise.rs.

struct Params {
    rows: u32,
    columns: u32,
    stride: u32,
    first: u32,
    last: u32,
    block: u32,
    blocks: u32,
    begin: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> deviations: array<f32>;        // [members, rows, stride]
@group(0) @binding(2) var<storage, read_write> growth: array<f32>;            // [members, blocks, stride]
@group(0) @binding(3) var<storage, read_write> growth_exponents: array<i32>;  // [members, blocks, stride]

const LANES: u32 = 64u;

@compute @workgroup_size(LANES, 1, 1)
fn orthonormalise(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let start = group.z * params.rows * params.stride;
    let stride = params.stride;
    for (var pivot = params.first; pivot < params.last; pivot += 1u) {
        var square = 0.0;
        for (var row = 0u; row < params.rows; row += 4u) {
            let at = start + row * stride + pivot;
            let a = deviations[at];
            let b = deviations[at + stride];
            let c = deviations[at + 2u * stride];
            let d = deviations[at + 3u * stride];
            square += a * a + b * b + c * c + d * d;
        }
        let length = sqrt(square);
        let inverse = select(0.0, 1.0 / length, length > 0.0);
        for (var column = pivot + 1u + lane.x; column < params.columns; column += LANES) {
            var dot = 0.0;
            for (var row = 0u; row < params.rows; row += 4u) {
                let at = start + row * stride;
                dot += deviations[at + pivot] * inverse * deviations[at + column]
                    + deviations[at + stride + pivot] * inverse * deviations[at + stride + column]
                    + deviations[at + 2u * stride + pivot] * inverse * deviations[at + 2u * stride + column]
                    + deviations[at + 3u * stride + pivot] * inverse * deviations[at + 3u * stride + column];
            }
            for (var row = 0u; row < params.rows; row += 4u) {
                let at = start + row * stride;
                deviations[at + column] -= deviations[at + pivot] * inverse * dot;
                deviations[at + stride + column] -= deviations[at + stride + pivot] * inverse * dot;
                deviations[at + 2u * stride + column] -= deviations[at + 2u * stride + pivot] * inverse * dot;
                deviations[at + 3u * stride + column] -= deviations[at + 3u * stride + pivot] * inverse * dot;
            }
        }
        // All have read the pivot before it changes; all see the others' vectors before the next one.
        storageBarrier();
        if lane.x == 0u {
            let at = (group.z * params.blocks + params.block) * stride + pivot;
            let mantissa = select(growth[at], 1.0, params.begin != 0u) * length;
            let shift = max(exponent_of(mantissa), -126);
            growth[at] = mantissa * power_of_two(-shift);
            growth_exponents[at] = select(growth_exponents[at], 0, params.begin != 0u) + shift;
        }
        if length > 0.0 {
            for (var row = lane.x; row < params.rows; row += LANES) {
                deviations[start + row * stride + pivot] *= inverse;
            }
        }
        storageBarrier();
    }
}
