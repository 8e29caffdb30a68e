// The activations of the FFN and their slopes; the numbers are those of src/numbers/activation.rs.

// `activation` of the parameters, known when the shader is compiled: the functions are long and stand there often.
override ACTIVATION: u32 = 0u;

const RELU: u32 = 1u;
const GELU: u32 = 2u;
const TANH: u32 = 3u;

fn activate(x: f32) -> f32 {
    switch ACTIVATION {
        case RELU: { return select(0.0, x, x > 0.0); }
        case GELU: { return x * (0.5 + normal_share(x)); }
        case TANH: { return hyperbolic_tangent(x); }
        default: { return x; }
    }
}

fn slope(x: f32) -> f32 {
    switch ACTIVATION {
        case RELU: { return select(0.0, 1.0, x > 0.0); }
        case GELU: {
            // Beyond 13 the density is 0 in f32, and the square must not overflow.
            let z = clamp(x, -13.0, 13.0);
            return 0.5 + normal_share(z) + 0.39894228 * z * exponential(-0.5 * z * z);
        }
        case TANH: {
            // 1 - tanh^2 x would cancel.
            let e = exponential(-2.0 * abs(x));
            return 4.0 * e / ((1.0 + e) * (1.0 + e));
        }
        default: { return 1.0; }
    }
}

fn activate4(x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(activate(x.x), activate(x.y), activate(x.z), activate(x.w));
}
