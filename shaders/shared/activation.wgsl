// The activations of the FFN and their slopes; the numbers are those of src/activation.rs.

const RELU = 1u;
const GELU = 2u;
const TANH = 3u;

fn activate(kind: u32, x: f32) -> f32 {
    switch kind {
        case RELU: { return select(0.0, x, x > 0.0); }
        case GELU: { return x * (0.5 + normal_share(x)); }
        case TANH: { return hyperbolic_tangent(x); }
        default: { return x; }
    }
}

fn slope(kind: u32, x: f32) -> f32 {
    switch kind {
        case RELU: { return select(0.0, 1.0, x > 0.0); }
        case GELU: {
            // Beyond 13 the density is 0 in f32, and the square must not overflow.
            let z = clamp(x, -13.0, 13.0);
            return 0.5 + normal_share(z) + 0.39894228 * z * exponential(-0.5 * z * z);
        }
        case TANH: {
            let y = hyperbolic_tangent(x);
            return 1.0 - y * y;
        }
        default: { return 1.0; }
    }
}

fn activate4(kind: u32, x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(activate(kind, x.x), activate(kind, x.y), activate(kind, x.z), activate(kind, x.w));
}

fn slope4(kind: u32, x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(slope(kind, x.x), slope(kind, x.y), slope(kind, x.z), slope(kind, x.w));
}
