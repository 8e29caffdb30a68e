//! Attention alone: the bound of its softmax, and what it does to tokens without an FFN.

use crate::adapter::reference;
use eulerscope::kernel::attend_tangent;
use eulerscope::layer::{NonlinearLayer, Point, Threshold};
use eulerscope::numbers::random::sample;
use eulerscope::plan::{Data, Inputs, Plan};
use eulerscope::spec::{LayerSpec, Model, NormPlacement};
use eulerscope::weights::Source;

/// |v^T J dk| <= 1/2 for unit vectors, with equality for two equal scores.
#[test]
fn the_softmax_jacobian_is_at_most_one_half() {
    let bound = |keys: &[f64], v: &[f64], dk: &[f64]| -> f64 {
        let tokens = keys.len();
        let stride = tokens.next_multiple_of(4);
        let mut plan = Plan::new();
        let [stacked, deviations] = [("stacked", 4 * stride), ("deviations", 16 * stride)].map(|(label, length)| {
            let id = plan.reals(label, length);
            plan.input(id)
        });
        let out = plan.reals("out", 16 * stride);
        let found = plan.output(out);
        let params = attend_tangent::Params {
            head_width: 1,
            tokens: tokens as u32,
            columns: stride as u32,
            vectors: 4,
            rows: 4,
            out_rows: 4,
            heads: 1,
            key_value_heads: 1,
            causal: 0,
            scale: 1.0,
        };
        plan.run(params, attend_tangent::Buffers { stacked, differences: stacked, deviations, out });
        // q = 1: the scores are the keys.
        let (mut x, mut d) = (vec![0.0; 4 * stride], vec![0.0; 16 * stride]);
        for t in 0..tokens {
            (x[t], x[stride + t], x[2 * stride + t]) = (1.0, keys[t], v[t]);
            d[(stride + t) * 4] = dk[t];
        }
        let inputs = Inputs::new().with(stacked, Data::F64(x)).with(deviations, Data::F64(d));
        let mut result = f64::NAN;
        reference()
            .run(&plan, 1, 0, &inputs, &mut |chunk| {
                result = chunk.reals(found).at(0);
                Ok(())
            })
            .expect("it runs");
        result
    };
    let unit = |v: Vec<f64>| -> Vec<f64> {
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.into_iter().map(|x| x / length).collect()
    };
    for i in 0..50 {
        let keys = sample(2700 + i, 2 + i as usize % 6).iter().map(|k| 2.0 * k).collect::<Vec<_>>();
        let (v, dk) = (unit(sample(2800 + i, keys.len())), unit(sample(2900 + i, keys.len())));
        assert!(bound(&keys, &v, &dk).abs() <= 0.5);
    }
    let tight = unit(vec![1.0, -1.0]);
    assert!((bound(&[0.3, 0.3], &tight, &tight) - 0.5).abs() <= 1e-15);
}

/// How far the tokens of a state `[width, tokens]` are from all being equal: |x - mean| / |x|.
fn relative_residual(x: &[f64], tokens: usize) -> f64 {
    let (mut residual, mut whole) = (0.0, 0.0);
    for row in x.chunks_exact(tokens) {
        let mean = row.iter().sum::<f64>() / tokens as f64;
        residual += row.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        whole += row.iter().map(|x| x * x).sum::<f64>();
    }
    (residual / whole).sqrt()
}

/// The median over 200 members of the relative residual after 0, 1, .. layers of attention without norm, width 32 and 16
/// tokens, fresh weights in every layer.
fn residuals(damping: f64, layers: usize) -> Vec<f64> {
    let (width, tokens, members) = (32, 16, 200);
    let spec = LayerSpec { tokens, heads: 1, norm: NormPlacement::None, ..LayerSpec::of(Model::Attention) };
    let point = Point { step_size: 1.0, radius: 1.0, damping };
    let mut medians = Vec::new();
    for depth in 0..=layers {
        let mut plan = Plan::new();
        let own = Source::new(&mut plan, 21);
        let mut layer = NonlinearLayer::new(&mut plan, &spec, width, &[point], Threshold::new(1e3), 1);
        let mut x = layer.start(&mut plan, &own);
        for step in 1..=depth {
            layer.draw(&mut plan, &own, step as u32 - 1);
            x = layer.step(&mut plan, x, step as u32, 0);
        }
        let x = plan.output(x);
        let mut all = Vec::new();
        reference()
            .run(&plan, members, 0, &own.inputs(0..members), &mut |chunk| {
                let states = chunk.reals(x).to_vec();
                all.extend(states.chunks_exact(width * tokens).map(|state| relative_residual(state, tokens)));
                Ok(())
            })
            .expect("it runs");
        all.sort_by(f64::total_cmp);
        medians.push(0.5 * (all[members / 2 - 1] + all[members / 2]));
    }
    medians
}

/// Dong et al. 2021: without skips the tokens become one, doubly exponentially; skips keep them apart for long. The
/// medians of an independent simulation in f64 (the science brief, section 1.6), which has some scatter of its own.
#[test]
fn pure_attention_collapses_in_rank_and_skips_delay_it() {
    let published = [0.969, 0.732, 0.042, 3.2e-6];
    let with_skips = [0.969, 0.943, 0.903, 0.846, 0.763, 0.677, 0.592, 0.505, 0.427, 0.369, 0.302, 0.237, 0.190];
    let (pure, skip) = (residuals(1.0, 4), residuals(0.0, 12));
    println!("pure {pure:?}, with skips {skip:?}");
    // Sixteen independent tokens: the mean has a sixteenth of the square.
    assert!((pure[0] - (15.0_f64 / 16.0).sqrt()).abs() < 0.003, "{}", pure[0]);
    for (layer, (found, published)) in pure.iter().zip(published).enumerate() {
        // Cubed in every layer, and so is a factor by which it is off.
        let factor = [1.02, 1.1, 1.33, 2.4][layer];
        assert!((1.0 / factor..=factor).contains(&(found / published)), "layer {layer}: {found:e}, not {published:e}");
    }
    // Nothing but the rounding of f64 is left.
    assert!(pure[4] < 1e-14, "{:e}", pure[4]);
    for (layer, (found, published)) in skip.iter().zip(with_skips).enumerate() {
        assert!(
            (found / published - 1.0).abs() < 0.02 + 0.02 * layer as f64,
            "layer {layer}: {found}, not {published}"
        );
    }
}
