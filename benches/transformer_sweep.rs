//! The work of `transformer_sweep` in the JAX peer, on the CPU path: prints the best time of several.
//!
//! 16 members of width 64 with 4 heads, 16 tokens, 16 grid points, 20 tied steps; weights and states are given, as in
//! the peer. The observables of every step are computed too, which the peer does not do.

use eulerscope::device::Device;
use eulerscope::layer::{NonlinearLayer, Point, Threshold};
use eulerscope::numbers::random::sample;
use eulerscope::plan::{BufferId, Data, Inputs, Plan};
use eulerscope::spec::{LayerSpec, Model};
use std::time::Instant;

const MEMBERS: usize = 16;

fn main() {
    let spec = LayerSpec { tokens: 16, heads: 4, ffn_ratio: 4, ..LayerSpec::of(Model::Transformer) };
    let points: Vec<Point> =
        (0..16).map(|g| Point { step_size: 0.01 + 1.99 * g as f64 / 15.0, radius: 1.0, damping: 0.0 }).collect();
    let mut plan = Plan::new();
    let mut layer = NonlinearLayer::new(&mut plan, &spec, 64, &points, Threshold::new(1e3), 1);
    let mut inputs = Inputs::default();
    for id in layer.weights().into_iter().chain([layer.start_buffer()]) {
        let length = plan.buffers[BufferId::from(id).0].len();
        let values = sample(BufferId::from(id).0 as u32, MEMBERS * length).into_iter().map(|x| x as f32).collect();
        inputs = inputs.with(plan.input(id), Data::F32(values));
    }
    let mut x = layer.start_buffer();
    for step in 1..=20 {
        x = layer.step(&mut plan, x, step, 0);
    }
    plan.output(layer.record.norms);
    let device = Device::open("cpu").expect("always there");
    let seconds = |_| {
        let start = Instant::now();
        device.run(&plan, MEMBERS, 0, &inputs, &mut |_| Ok(())).expect("it runs");
        start.elapsed().as_secs_f64()
    };
    let best = (0..20).map(seconds).fold(f64::INFINITY, f64::min);
    let rate = MEMBERS as f64 * plan.cost().flops / best / 1e9;
    println!("transformer_sweep B={MEMBERS} d=64 T=16 G=16 K=20: {best:.3} s {rate:.1} GF/s");
}
