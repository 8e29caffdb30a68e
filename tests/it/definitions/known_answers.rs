//! The definitions themselves against numbers that are known from elsewhere, and against closed forms.

use super::dense::{State, dot};
use super::layer::Layer;
use super::number::{Dual, Number};
use super::random::{Address, Tensor, normal_steps, threefry};
use super::setting::Setting;
use super::statistics::*;

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

/// Random123's known answers; the third has a key and a counter with different words, which tell their order.
#[test]
fn threefry_is_that_of_random123() {
    let zeros = [0x9c6c_a96a, 0xe17e_ae66, 0xfc10_ecd4, 0x5256_a7d8];
    assert_eq!(threefry([0; 4], [0; 4]), zeros);
    let ones = [0x2a88_1696, 0x5701_2287, 0xf6c7_446e, 0xa16a_6732];
    assert_eq!(threefry([u32::MAX; 4], [u32::MAX; 4]), ones);
    let key = [0xa409_3822, 0x299f_31d0, 0x082e_fa98, 0xec4e_6c89];
    let counter = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
    assert_eq!(threefry(key, counter), [0x59cd_1dbb, 0xb887_9579, 0x86b5_d00c, 0xac8b_6d84]);
}

/// Quantiles of the normal distribution from its tables: 25 %, 2.5 %, 0.1 %, and the least that there is, 2^-33.
#[test]
fn normal_numbers_are_quantiles() {
    let at = |p: f64| normal_steps((p * 2_f64.powi(32)) as u32) as f64 / 2_f64.powi(21);
    for (p, z) in [(0.25, 0.674_489_750), (0.025, 1.959_963_985), (0.001, 3.090_232_306)] {
        close(at(p), z, 1e-6);
        close(normal_steps((p * 2_f64.powi(32)) as u32 | 1 << 31) as f64 / 2_f64.powi(21), -z, 1e-6);
    }
    close(at(0.0), 6.338_4, 1e-3);
}

fn normed(kind: &'static str, x: &[f64]) -> Vec<f64> {
    let setting = Setting { model: "mlp", width: x.len(), norm_kind: kind, ..Setting::default() };
    Layer::draw(&setting, 0, 1).normed(&vec![x.to_vec()]).remove(0)
}

/// ε of 1e-5 is added to the variance, which is over n; RMSNorm subtracts no mean.
#[test]
fn norms() {
    close(normed("rmsnorm", &[1.0, 2.0, 3.0, 4.0])[0], 0.36515, 5e-6);
    close(normed("layernorm", &[1.0, 2.0, 3.0, 4.0])[0], -1.34164, 5e-6);
    close(normed("layernorm", &[1e-3, -1e-3])[0], 0.30151, 5e-6);
    close(normed("rmsnorm", &[1e-3, -1e-3])[1], -0.30151, 5e-6);
}

/// GELU is x Φ(x), not its tanh form, and its slope is largest at sqrt 2.
#[test]
fn activations() {
    let gelu = |x: f64| x * x.normal_share();
    close(gelu(-3.0), -0.004_049_7, 5e-8);
    close(gelu(3.0), 2.995_950_3, 5e-8);
    let x = Dual { value: 2_f64.sqrt(), slope: 1.0 };
    close((x * x.normal_share()).slope, 1.128_904, 5e-7);
    close(x.tanh().slope, 1.0 - 2_f64.sqrt().tanh().powi(2), 1e-15);
    close(x.sqrt().slope, 0.5 / 2_f64.powf(0.25), 1e-15);
}

/// Slopes are those of difference quotients, through every part of a Transformer.
#[test]
fn tangents_are_derivatives() {
    use super::integrator::{step, tangent};
    use super::trajectory::start;
    for norm_kind in ["layernorm", "rmsnorm"] {
        let setting = Setting {
            model: "transformer",
            integrator: "heun",
            tokens: 3,
            heads: 2,
            mask: "causal",
            logit_gain: 2.0,
            norm_kind,
            ..Setting::default()
        };
        let (layer, point) = (Layer::draw(&setting, 1, 1), setting.points()[0]);
        let (x, d): (State<f64>, State<f64>) =
            (start(&setting, 1, Tensor::State), start(&setting, 1, Tensor::Deviations));
        let at = |e: f64| step(&setting, &layer, &point, &super::dense::combined(1.0, &x, e, &d));
        let (ahead, behind) = (at(1e-5), at(-1e-5));
        let exact = tangent(&setting, &layer, &point, &x, &d);
        for (token, exact) in exact.iter().enumerate() {
            for (row, exact) in exact.iter().enumerate() {
                close((ahead[token][row] - behind[token][row]) / 2e-5, *exact, 1e-8);
            }
        }
    }
}

/// A spread of (1, 2, 3, 4) over n - 1; quantiles between values; Wilson's interval of 1 of 4 (from his formula); a
/// median's interval needs six values, and of ten it is that from the second to the ninth (Conover's table).
#[test]
fn statistics() {
    let sample = [4.0, 1.0, 3.0, 2.0];
    close(standard_deviation(&sample).unwrap(), 1.29099, 5e-6);
    close(standard_error(&sample).unwrap(), 0.64550, 5e-6);
    let quantiles = [0.1, 0.5, 0.9].map(|p| quantile(&sample, p).unwrap());
    quantiles.iter().zip([1.3, 2.5, 3.7]).for_each(|(found, expected)| close(*found, expected, 1e-12));
    assert_eq!(quantile(&[3.0, f64::INFINITY, f64::INFINITY], 0.5), Some(f64::INFINITY));
    let [low, high] = wilson(0.25, 4.0);
    close(low, 0.045_587, 1e-6);
    close(high, 0.699_358, 1e-6);
    assert_eq!(wilson(0.0, 8.0)[0], 0.0);
    close(wilson(0.0, 8.0)[1], 3.841_459 / (8.0 + 3.841_459), 1e-6);
    let ten: Vec<f64> = (1..=10).map(f64::from).collect();
    assert_eq!(median_interval(&ten), Some([2.0, 9.0]));
    assert_eq!((median_interval(&ten[..6]), median_interval(&ten[..5])), (Some([1.0, 6.0]), None));
}

/// With small scores s the entropy is ln T less half the variance of s: g² / 2 (1 - 1/T) where scores have variance g².
#[test]
fn the_gain_of_scores() {
    let setting =
        Setting { model: "attention", width: 64, heads: 4, tokens: 16, logit_gain: 0.1, ..Setting::default() };
    let lost = |member: usize| {
        let layer = Layer::draw(&setting, member, 1);
        let x: State<f64> = super::trajectory::start(&setting, member, Tensor::State);
        16_f64.ln() - layer.attention_entropy(&x).expect("attention")
    };
    let all: Vec<f64> = (0..24).map(lost).collect();
    close(mean(&all).unwrap(), 0.004_69, 4.0 * standard_error(&all).unwrap());
}

/// x0 depends on every part of its address.
#[test]
fn addresses() {
    let at = |seed, member, tensor, step| Address { seed, member, tensor, step }.normal(5);
    let numbers = [
        at(3, 0, Tensor::State, 0),
        at(3 + (1 << 32), 0, Tensor::State, 0),
        at(4, 0, Tensor::State, 0),
        at(3, 1, Tensor::State, 0),
        at(3, 0, Tensor::Deviations, 0),
        at(3, 0, Tensor::State, 1),
    ];
    for (i, x) in numbers.iter().enumerate() {
        assert!(numbers[..i].iter().all(|y| x != y), "{numbers:?}");
    }
    let column: Vec<f64> =
        (0..4000).map(|e| Address { seed: 1, member: 0, tensor: Tensor::Up, step: 0 }.normal(e)).collect();
    close(mean(&column).unwrap(), 0.0, 0.07);
    close(dot(&column, &column) / 4000.0, 1.0, 0.1);
}
