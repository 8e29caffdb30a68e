//! The linearisation against exact properties: it is linear, and sharper attention is not always more sensitive.

use crate::adapter::{gpu, software_adapters};
use crate::theory::devices;
use eulerscope::device::Device;
use eulerscope::kernel::attend_tangent;
use eulerscope::layer::{NonlinearLayer, Point, Tangents, Threshold};
use eulerscope::numbers::random::sample;
use eulerscope::plan::{Data, Inputs, Plan};
use eulerscope::spec::{Activation, LayerSpec, Mask, Model, NormPlacement};
use eulerscope::spectrum::host::batch;
use eulerscope::weights::Source;

fn open(word: &str) -> Device {
    Device::open(word).expect("always there")
}

const WIDTH: usize = 8;

/// M applied to four vectors each, at a random state of member 0.
fn applied(device: &Device, spec: &LayerSpec, vectors: [&[f64]; 4]) -> [Vec<f64>; 4] {
    let columns = spec.tokens.next_multiple_of(4);
    let place = |i: usize| i / spec.tokens * columns + i % spec.tokens;
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, 3);
    let mut layer = NonlinearLayer::new(
        &mut plan,
        spec,
        WIDTH,
        &[Point { step_size: 0.7, radius: 1.3, damping: 0.0 }],
        Threshold::new(1e3),
        1,
    );
    layer.draw(&mut plan, &source, 0);
    let x = layer.start_buffer();
    let tangents = Tangents::new(&mut plan, &layer, 4);
    let d = tangents.start_buffer();
    plan.input(x);
    plan.input(d);
    layer.step(&mut plan, x, 1, 0);
    let after = tangents.step(&mut plan, &layer, d);
    let after = plan.output(after);
    let (mut state, mut deviations) = (vec![0.0; WIDTH * columns], vec![0.0; WIDTH * columns * 4]);
    for (i, &value) in sample(4000, WIDTH * spec.tokens).iter().enumerate() {
        state[place(i)] = value;
        (0..4).for_each(|v| deviations[4 * place(i) + v] = vectors[v][i]);
    }
    let inputs = source.inputs(0..1).with(x, Data::F64(state)).with(d, Data::F64(deviations));
    let mut found: [Vec<f64>; 4] = Default::default();
    device
        .run(&plan, 1, 0, &inputs, &mut |chunk| {
            let of = |v: usize| (0..WIDTH * spec.tokens).map(|i| chunk.reals(after).at(4 * place(i) + v)).collect();
            found = [0, 1, 2, 3].map(of);
            Ok(())
        })
        .expect("it runs");
    found
}

/// J (a d1 + b d2) = a J d1 + b J d2, and J (2 d) = 2 J d to the last bit.
///
/// A computed J d is (J + E) d, where |E| is at most K epsilon times the product of the factors' absolute values, with K
/// the longest chain of roundings: in each sublayer norm (n + 6), projection (n + 1), activation or softmax with its sum
/// over tokens (T + n + 14), output (4 n + 2) and update (2), which is 81 for n = 8 and T = 3, and two sublayers. Absolute
/// values of a random factor of width n lengthen a vector by sqrt(2 n / pi), where the factor itself keeps its length:
/// four factors give 2 n / pi squared. Rounding a d1 + b d2 to f32 adds one more epsilon.
#[test]
fn tangents_are_linear_in_the_tangent() {
    let mut devices = vec![open("cpu"), open("reference")];
    devices.extend(software_adapters().iter().map(|name| gpu(name)));
    let transformer = LayerSpec { tokens: 3, heads: 2, logit_gain: 2.0, ..LayerSpec::of(Model::Transformer) };
    for spec in [
        transformer.clone(),
        LayerSpec {
            norm: NormPlacement::Post,
            mask: Mask::Causal,
            activation: Activation::Tanh,
            ..transformer.clone()
        },
        LayerSpec { norm: NormPlacement::None, ..transformer },
        LayerSpec::of(Model::Mlp),
    ] {
        let size = WIDTH * spec.tokens;
        let (a, b) = (0.7, -1.9);
        // As f32 carries them, so that 2 d is exact.
        let drawn = |seed| sample(seed, size).iter().map(|&x| f64::from(x as f32)).collect::<Vec<f64>>();
        let (first, second) = (drawn(4100), drawn(4101));
        let mixed: Vec<f64> = first.iter().zip(&second).map(|(x, y)| a * x + b * y).collect();
        let twice: Vec<f64> = first.iter().map(|x| 2.0 * x).collect();
        for device in &devices {
            let [u, v, of_mixed, of_twice] = applied(device, &spec, [&first, &second, &mixed, &twice]);
            let largest = |values: &[f64]| values.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            let absolute = (2.0 * WIDTH as f64 / std::f64::consts::PI).powi(2);
            let scale = f64::abs(a) * largest(&u) + f64::abs(b) * largest(&v) + largest(&of_mixed);
            let bound = (2.0 * 81.0 + 1.0) * device.epsilon() * absolute * scale;
            assert!(bound <= 1e-2 * largest(&of_mixed), "the bound says something: {bound}");
            for i in 0..size {
                let (found, wanted) = (of_mixed[i], a * u[i] + b * v[i]);
                let name = format!("{} norm {}, element {i} on {}", spec.model, spec.norm, device.description());
                assert!((found - wanted).abs() <= bound, "{name}: {found}, not {wanted} ± {bound:e}");
                assert!(of_twice[i] == 2.0 * u[i], "{name}: {} is not twice {}", of_twice[i], u[i]);
            }
        }
    }
}

/// J beta with J the Jacobian of softmax at scores beta z, z = 0, 1/7, .., 1, by the kernel of attention's tangents: member
/// m has the value 1 at token m alone, and tangent vector k moves the key of token k.
fn softmax_jacobian(device: &Device, beta: f64) -> Vec<f64> {
    const T: usize = 8;
    let mut plan = Plan::new();
    let [stacked, deviations] = [("stacked", 4 * T), ("deviations", 4 * T * T)].map(|(label, length)| {
        let id = plan.reals(label, length);
        plan.input(id)
    });
    let out = plan.reals("out", 4 * T * T);
    let found = plan.output(out);
    let params = attend_tangent::Params {
        head_width: 1,
        tokens: T as u32,
        columns: T as u32,
        vectors: T as u32,
        rows: 4,
        out_rows: 4,
        heads: 1,
        key_value_heads: 1,
        causal: 0,
        scale: beta,
    };
    plan.run(params, attend_tangent::Buffers { stacked, differences: stacked, deviations, out });
    let key = |t: usize| t as f64 / 7.0;
    let (mut x, mut d) = (vec![0.0; 4 * T * T], vec![0.0; 4 * T * T * T]);
    for (m, t) in (0..T).flat_map(|m| (0..T).map(move |t| (m, t))) {
        // Rows: query 1, key, value.
        (x[4 * T * m + t], x[(4 * m + 1) * T + t], x[(4 * m + 2) * T + t]) = (1.0, key(t), f64::from(u8::from(m == t)));
        d[((4 * m + 1) * T + t) * T + t] = 1.0;
    }
    let inputs = Inputs::new().with(stacked, Data::F64(x)).with(deviations, Data::F64(d));
    let mut matrix = Vec::new();
    device
        .run(&plan, T, 0, &inputs, &mut |chunk| {
            let members = 0..chunk.members.len();
            matrix
                .extend(members.flat_map(|m| (0..T).map(move |k| 4 * T * T * m + k)).map(|i| chunk.reals(found).at(i)));
            Ok(())
        })
        .expect("it runs");
    matrix
}

/// Sharper attention is more sensitive only up to a point: a saturated one hardly moves. The table is independent of
/// this program, with its digits.
#[test]
fn sensitivity_to_scores_rises_and_falls_with_the_logit_gain() {
    let table = [
        (0.1, 0.0131, 5e-5),
        (1.0, 0.186, 5e-4),
        (3.0, 0.896, 5e-4),
        (10.0, 3.067, 5e-4),
        (30.0, 0.806, 5e-4),
        (100.0, 1.2e-4, 5e-6),
        (300.0, 0.0, 1e-9),
    ];
    for (device, _) in devices() {
        let mut norms = Vec::new();
        for (beta, published, digits) in table {
            let matrix = softmax_jacobian(&device, beta);
            let spectrum = batch::eigenvalues(&[&matrix], 8).remove(0);
            let norm = spectrum.radius().expect("J is symmetric, so its radius is its norm");
            // P (dS - sum P dS) times beta, with a sum of 8 and exp: 16 roundings of numbers up to 1, in a matrix of 8.
            let rounding = 16.0 * 8.0 * device.epsilon() * beta;
            let name = format!("beta {beta} on {}", device.description());
            assert!((norm - published).abs() <= digits + rounding, "{name}: {norm}, not {published} ± {rounding:e}");
            norms.push(norm);
        }
        assert!(norms[..4].is_sorted() && norms[3..6].is_sorted_by(|a, b| a > b), "{norms:?}");
    }
}
