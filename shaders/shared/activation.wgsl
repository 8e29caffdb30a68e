// The activations of the FFN and their slopes; the numbers are those of src/numbers/activation.rs.

// `activation` of the parameters, known when the shader is compiled: the functions are long and stand there often.
override ACTIVATION: u32 = 0u;

const RELU: u32 = 1u;
const GELU: u32 = 2u;
const TANH: u32 = 3u;
const SILU: u32 = 4u;
const TANH_GELU: u32 = 5u;

// 1 / (1 + e^-x), to its last digits where x is far below 0 as well.
fn sigmoid(x: f32) -> f32 {
    let e = exponential(-abs(x));
    return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

// sigmoid (1 - sigmoid), without its difference.
fn sigmoid_slope(x: f32) -> f32 {
    let e = exponential(-abs(x));
    return e / ((1.0 + e) * (1.0 + e));
}

// sqrt(8 / pi) (z + 0.044715 z^3): the tanh form of GELU is z times the sigmoid of it.
fn tanh_gelu_argument(z: f32) -> f32 {
    return 1.59576912 * z * (1.0 + 0.044715 * z * z);
}

fn activated(x: f32) -> f32 {
    switch ACTIVATION {
        case RELU: { return select(0.0, x, x > 0.0); }
        case GELU: { return x * (0.5 + normal_share(x)); }
        case TANH: { return hyperbolic_tangent(x); }
        case SILU: { return x * sigmoid(x); }
        // Beyond 13 the sigmoid is 0 or 1 in f32, and the cube must not overflow.
        case TANH_GELU: { return x * sigmoid(tanh_gelu_argument(clamp(x, -13.0, 13.0))); }
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
        case SILU: { return sigmoid(x) + x * sigmoid_slope(x); }
        case TANH_GELU: {
            let z = clamp(x, -13.0, 13.0);
            let argument = tanh_gelu_argument(z);
            let steepness = 1.59576912 * (1.0 + 0.134145 * z * z);
            return sigmoid(argument) + z * steepness * sigmoid_slope(argument);
        }
        default: { return 1.0; }
    }
}

fn activated4(x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(activated(x.x), activated(x.y), activated(x.z), activated(x.w));
}
