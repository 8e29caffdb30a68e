// LayerNorm or RMSNorm of every column: out = (x - mean) inverse, with inverse = 1 / sqrt(mean square + epsilon).
//
// An invocation owns 4 columns; all loads are vec4. A second pass corrects the mean, a third makes the variance.
// Magnitudes stay below 2^48 (beyond,
// a state is frozen), so squares do not overflow.
// CPU twin: src/kernel/normalise.rs.

struct Params {
    width: u32,
    rows: u32,
    columns: u32,
    root_mean_square: u32,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;                // [members, rows, columns / 4]
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;        // [members, rows, columns / 4]
@group(0) @binding(3) var<storage, read_write> inverse: array<vec4<f32>>;    // [members, columns / 4]

@compute @workgroup_size(64, 1, 1)
fn normalise(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.columns / 4u;
    if at.x >= quads {
        return;
    }
    let start = at.z * params.rows * quads + at.x;
    let n = f32(params.width);
    var mean = vec4<f32>();
    var rest = vec4<f32>();
    if params.root_mean_square == 0u {
        for (var row = 0u; row < params.width; row += 1u) {
            mean += x[start + row * quads];
        }
        mean /= n;
        for (var row = 0u; row < params.width; row += 1u) {
            rest += x[start + row * quads] - mean;
        }
        rest /= n;
    }
    var square = vec4<f32>();
    for (var row = 0u; row < params.width; row += 1u) {
        let centred = x[start + row * quads] - mean - rest;
        square += centred * centred;
    }
    let scale = 1.0 / sqrt(square / n + params.epsilon);
    for (var row = 0u; row < params.width; row += 1u) {
        out[start + row * quads] = (x[start + row * quads] - mean - rest) * scale;
    }
    for (var row = params.width; row < params.rows; row += 1u) {
        out[start + row * quads] = vec4<f32>();
    }
    inverse[at.z * quads + at.x] = scale;
}
