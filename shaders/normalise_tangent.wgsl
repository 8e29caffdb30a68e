// The tangent of a norm: out = inverse (d - mean d - y mean(y d)), from the norm's own result y and its inverse; without
// the mean of d for RMSNorm. The constant that is added to the variance is in `inverse`, so this is exact.
//
// An invocation owns 4 tangent vectors of one column, or the only ones of 4 columns.
// CPU twin: src/kernel/normalise_tangent.rs.

struct Params {
    width: u32,
    rows: u32,
    columns: u32,
    vectors: u32,
    root_mean_square: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<f32>;                      // [members, rows, columns]
@group(0) @binding(2) var<storage, read> inverse: array<f32>;                // [members, columns]
@group(0) @binding(3) var<storage, read> deviations: array<vec4<f32>>;       // [members, rows, columns, vectors / 4]
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;        // [members, rows, columns, vectors / 4]

// What four neighbours have of a row of y, the first of them at `at`.
fn of_y(at: u32) -> vec4<f32> {
    if params.vectors != 1u {
        return vec4<f32>(y[at]);
    }
    return vec4<f32>(y[at], y[at + 1u], y[at + 2u], y[at + 3u]);
}

@compute @workgroup_size(64, 1, 1)
fn normalise_tangent(@builtin(global_invocation_id) at: vec3<u32>) {
    let stride = params.columns * params.vectors / 4u;
    if at.x >= stride {
        return;
    }
    let column = 4u * at.x / params.vectors;
    let start = at.z * params.rows * stride + at.x;
    let base = at.z * params.rows * params.columns + column;
    var mean = vec4<f32>();
    var along = vec4<f32>();
    for (var row = 0u; row < params.width; row += 1u) {
        let d = deviations[start + row * stride];
        mean += d;
        along += of_y(base + row * params.columns) * d;
    }
    mean = select(mean / f32(params.width), vec4<f32>(), params.root_mean_square != 0u);
    along /= f32(params.width);
    let own = at.z * params.columns + column;
    var scale = vec4<f32>(inverse[own]);
    if params.vectors == 1u {
        scale = vec4<f32>(inverse[own], inverse[own + 1u], inverse[own + 2u], inverse[own + 3u]);
    }
    for (var row = 0u; row < params.width; row += 1u) {
        let d = deviations[start + row * stride];
        out[start + row * stride] = scale * (d - mean - of_y(base + row * params.columns) * along);
    }
    for (var row = params.width; row < params.rows; row += 1u) {
        out[start + row * stride] = vec4<f32>();
    }
}
