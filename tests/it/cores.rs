//! Large products are shared out among cores; their bits do not tell.

use eulerscope::kernel::Kernel;
use eulerscope::kernel::euler_update::{self, EulerUpdate};
use eulerscope::kernel::project::{self, Project};
use eulerscope::kernel::project_tangent::{self, ProjectTangent};
use eulerscope::numbers::activation::kind;
use eulerscope::numbers::cores::is_shared;
use eulerscope::numbers::matmul::operations;
use eulerscope::numbers::random::sample;

/// Rows, terms and columns of a product that is worth sharing; no block of its rows is like another.
const SIZE: (usize, usize, usize) = (268, 120, 516);

fn numbers(stream: u32, length: usize) -> Vec<f32> {
    sample(stream, length).into_iter().map(|x| x as f32).collect()
}

/// What `make` makes on so many cores.
fn on<T: Send>(cores: usize, make: impl Fn() -> T + Send + Sync) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build().expect("threads");
    pool.install(|| {
        assert_eq!(is_shared(operations(SIZE.1) * (SIZE.0 * SIZE.2) as f64), cores > 1);
        make()
    })
}

fn same_on_all_cores(make: impl Fn() -> Vec<u32> + Send + Sync) {
    let one = on(1, &make);
    assert!(one.iter().all(|&bits| f32::from_bits(bits).is_finite()));
    for cores in [2, 3, 7] {
        assert_eq!(one, on(cores, &make), "{cores} cores");
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn projections_have_the_same_bits_on_every_number_of_cores() {
    let (rows, inner, columns) = SIZE;
    let (weights, input) = (numbers(4000, rows * inner), numbers(4001, inner * columns));
    same_on_all_cores(|| {
        let mut out = vec![f32::NAN; rows * columns];
        let params = project::Params {
            rows: rows as u32,
            inner: inner as u32,
            columns: columns as u32,
            activation: kind::GELU,
            scale: 0.3,
        };
        Project::twin(&params, project::Views { weights: &weights, input: &input, out: &mut out });
        bits(&out)
    });
    for vectors in [1, 12] {
        let pre = numbers(4002, rows * columns / vectors);
        same_on_all_cores(|| {
            let mut out = vec![f32::NAN; rows * columns];
            let params = project_tangent::Params {
                rows: rows as u32,
                inner: inner as u32,
                columns: columns as u32,
                vectors: vectors as u32,
                activation: kind::TANH,
                scale: 0.3,
            };
            let views = project_tangent::Views { weights: &weights, input: &input, pre: &pre, out: &mut out };
            ProjectTangent::twin(&params, views);
            bits(&out)
        });
    }
}

#[test]
fn updates_and_their_records_have_the_same_bits_on_every_number_of_cores() {
    let (rows, inner, columns) = SIZE;
    let (weights, input) = (numbers(4003, rows * inner), numbers(4004, inner * columns));
    let (x, coefficients) = (numbers(4005, rows * columns), numbers(4006, 2 * columns));
    same_on_all_cores(|| {
        let mut out = vec![f32::NAN; rows * columns];
        let (mut norms, mut events) = (vec![1.0; 3 * columns], vec![0; 7 * columns]);
        events[columns..2 * columns].iter_mut().enumerate().for_each(|(c, pending)| *pending = c as i32 % 5 - 2);
        let params = euler_update::Params {
            rows: rows as u32,
            inner: inner as u32,
            columns: columns as u32,
            step: 3,
            record: 1,
            renormalise: 1,
            threshold_exponent: 3,
            threshold_mantissa: 1.5,
        };
        let views = euler_update::Views {
            weights: &weights,
            input: &input,
            x: &x,
            coefficients: &coefficients,
            member_gain: &[0.5],
            out: &mut out,
            norms: &mut norms,
            events: &mut events,
        };
        EulerUpdate::twin(&params, views);
        let events = events.into_iter().map(|event| event as u32 & 0xFFFF).collect();
        [bits(&out), bits(&norms), events].concat()
    });
}
