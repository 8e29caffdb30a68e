//! What `end_step` says of a state, by hand.

use crate::theory::devices;
use eulerscope::kernel::end_step::{self, observation};
use eulerscope::kernel::shared::trajectory::{event, norm};
use eulerscope::plan::{Data, Inputs, Plan};

/// Before (3, 4), kept to a half, and h f = (0, 10): x = (1.5, 12). The start is (0, 2), |x| = 12.0934.
#[test]
fn observations_of_one_step_are_those_of_its_states() {
    for (device, _) in devices() {
        let mut plan = Plan::new();
        let column = |x: f64, y: f64| {
            let mut values = vec![0.0; 16];
            (values[0], values[4]) = (x, y);
            Data::F64(values)
        };
        let [before, start, x] = ["before", "start", "x"].map(|label| {
            let id = plan.reals(label, 16);
            plan.input(id)
        });
        let keep = plan.shared_reals("keep", vec![0.5; 4]);
        let entropy = plan.reals("entropy", 1);
        let observations = plan.reals("observations", observation::ROWS);
        let (norms, events) = (plan.reals("norms", norm::ROWS), plan.ints("events", event::ROWS));
        let params = end_step::Params {
            rows: 4,
            columns: 4,
            tokens: 1,
            points: 1,
            heads: 0,
            token_lanes: 1,
            step: 1,
            slot: 0,
            slots: 1,
            threshold_exponent: 5,
            threshold_mantissa: 1.0,
        };
        plan.run(params, end_step::Buffers { before, start, keep, entropy, x, observations, norms, events });
        let (observations, events) = (plan.output(observations), plan.output(events));
        let inputs =
            Inputs::new().with(before, column(3.0, 4.0)).with(start, column(0.0, 2.0)).with(x, column(1.5, 12.0));
        let mut seen = 0;
        let size = 146.25_f64.sqrt();
        device
            .run(&plan, 1, 1, &inputs, &mut |chunk| {
                for (row, wanted) in [
                    (observation::NORM, size),
                    (observation::COSINE, 12.0 / size),
                    (observation::EFFECTIVE_STEP, 2.0),
                    (observation::EFFECTIVE_DAMPING, 1.0 - 5.0 / size),
                ] {
                    let found = chunk.reals(observations).at(row);
                    let error = 16.0 * device.epsilon() * wanted.abs();
                    assert!(
                        (found - wanted).abs() <= error,
                        "{row} on {}: {found}, not {wanted}",
                        device.description()
                    );
                }
                // |x|² / |x_0|² = 36.6 is beyond 2^5, and the largest so far.
                assert_eq!(chunk.ints(events)[event::CROSSING_STEP], 1);
                assert_eq!(chunk.ints(events)[event::PEAK_STEP], 1);
                seen += 1;
                Ok(())
            })
            .expect("it runs");
        assert_eq!(seen, 1);
    }
}
