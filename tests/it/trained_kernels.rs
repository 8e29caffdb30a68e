//! The kernels of trained layers beside those of random ones, against plain definitions in f64.

use eulerscope::kernel::Kernel;
use eulerscope::kernel::activate::{self, Activate};
use eulerscope::kernel::activate_tangent::{self, ActivateTangent};
use eulerscope::kernel::affine::{self, Affine};
use eulerscope::kernel::normalise::{self, Normalise};
use eulerscope::kernel::project_adjoint::{self, ProjectAdjoint};
use eulerscope::kernel::rotate::{self, Rotate};
use eulerscope::kernel::select_columns::{self, SelectColumns};
use eulerscope::numbers::activation::kind;
use eulerscope::numbers::random::sample;
use std::f64::consts::{PI, SQRT_2};

fn compare(found: f64, wanted: f64, tolerance: f64, what: &str) {
    assert!((found - wanted).abs() <= tolerance, "{what}: {found}, not {wanted}");
}

/// The integral of the normal density from 0 to x, by Simpson's rule in 4,000 parts: off by less than 1e-13.
fn normal_share(x: f64) -> f64 {
    let (parts, density) = (4000, |z: f64| (-0.5 * z * z).exp() / (2.0 * PI).sqrt());
    let step = x / f64::from(parts);
    let weight = |i: i32| if i == 0 || i == parts { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
    (0..=parts).map(|i| weight(i) * density(f64::from(i) * step)).sum::<f64>() * step / 3.0
}

fn definition(activation: u32, x: f64) -> f64 {
    match activation {
        kind::RELU => x.max(0.0),
        kind::GELU => x * (0.5 + normal_share(x)),
        kind::SILU => x / (1.0 + (-x).exp()),
        kind::TANH_GELU => 0.5 * x * (1.0 + (SQRT_2 / PI.sqrt() * (x + 0.044715 * x * x * x)).tanh()),
        _ => unreachable!("not tested here"),
    }
}

/// Units, columns, whether there is a gate; the units are padded to `rows`.
struct Units {
    hidden: usize,
    columns: usize,
    gated: bool,
    activation: u32,
}

impl Units {
    fn all() -> Vec<Units> {
        let kinds = [kind::RELU, kind::GELU, kind::SILU, kind::TANH_GELU].into_iter();
        kinds
            .flat_map(|activation| [false, true].map(|gated| Units { hidden: 5, columns: 8, gated, activation }))
            .collect()
    }

    fn stacked_rows(&self) -> usize {
        if self.gated { 2 * self.hidden } else { self.hidden }
    }

    fn value(&self, stacked: &[f64], unit: usize, column: usize) -> f64 {
        let x = |row: usize| stacked[row * self.columns + column];
        let own = definition(self.activation, x(unit));
        if self.gated { own * x(self.hidden + unit) } else { own }
    }
}

#[test]
fn units_and_their_tangents_are_those_of_the_definition() {
    const ROWS: usize = 8;
    for units in Units::all() {
        let (hidden, columns, name) = (units.hidden, units.columns, format!("{}, {}", units.activation, units.gated));
        let stacked = sample(4200, units.stacked_rows() * columns);
        let mut out = vec![f64::NAN; ROWS * columns];
        let params = activate::Params {
            hidden: hidden as u32,
            stacked_rows: units.stacked_rows() as u32,
            rows: ROWS as u32,
            columns: columns as u32,
            gated: u32::from(units.gated),
            activation: units.activation,
        };
        Activate::twin(&params, activate::Views { stacked: &stacked, out: &mut out });
        for (row, column) in (0..ROWS).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let wanted = if row < hidden { units.value(&stacked, row, column) } else { 0.0 };
            compare(out[row * columns + column], wanted, 1e-12, &name);
        }
        for vectors in [1, 4] {
            let deviations = sample(4201, stacked.len() * vectors);
            let mut out = vec![f64::NAN; ROWS * columns * vectors];
            let params = activate_tangent::Params {
                hidden: hidden as u32,
                stacked_rows: units.stacked_rows() as u32,
                rows: ROWS as u32,
                columns: columns as u32,
                vectors: vectors as u32,
                gated: u32::from(units.gated),
                activation: units.activation,
            };
            let views = activate_tangent::Views { stacked: &stacked, deviations: &deviations, out: &mut out };
            ActivateTangent::twin(&params, views);
            for vector in 0..vectors {
                let moved = |by: f64| -> Vec<f64> {
                    stacked.iter().enumerate().map(|(i, x)| x + by * deviations[i * vectors + vector]).collect()
                };
                let (by, ahead, behind) = (1e-5, moved(1e-5), moved(-1e-5));
                for (row, column) in (0..ROWS).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                    let difference = |row| units.value(&ahead, row, column) - units.value(&behind, row, column);
                    let wanted = if row < hidden { difference(row) / (2.0 * by) } else { 0.0 };
                    compare(out[(row * columns + column) * vectors + vector], wanted, 1e-8, &name);
                }
            }
        }
    }
}

/// A turn of the plane is a multiplication of complex numbers: two turns add their angles, and lengths stay.
#[test]
fn rotations_turn_pairs_by_their_positions() {
    const POSITIONS: usize = 16;
    let (heads, head_width, dimensions, rows, columns) = (3, 7, 4, 25, 8);
    let frequency = |pair: usize| 0.7_f64.powi(pair as i32);
    let table = |f: fn(f64) -> f64| -> Vec<f64> {
        (0..dimensions / 2 * POSITIONS).map(|i| f((i % POSITIONS) as f64 * frequency(i / POSITIONS))).collect()
    };
    let (cosines, sines) = (table(f64::cos), table(f64::sin));
    for vectors in [1, 4] {
        let turn = |position: &[u32], x: &[f64]| -> Vec<f64> {
            let mut out = vec![f64::NAN; x.len()];
            let params = rotate::Params {
                rows: rows as u32,
                columns: columns as u32,
                vectors: vectors as u32,
                heads: heads as u32,
                head_width: head_width as u32,
                dimensions: dimensions as u32,
                positions: POSITIONS as u32,
            };
            Rotate::twin(&params, rotate::Views { cosines: &cosines, sines: &sines, position, x, out: &mut out });
            out
        };
        let x = sample(4210, rows * columns * vectors);
        let position: Vec<u32> = (0..columns as u32).map(|c| 3 * c % 8).collect();
        let rest: Vec<u32> = position.iter().map(|p| 15 - p).collect();
        let (once, twice) = (turn(&position, &x), turn(&rest, &turn(&position, &x)));
        let at = |row: usize, c: usize, v: usize| (row * columns + c) * vectors + v;
        for (c, v) in (0..columns).flat_map(|c| (0..vectors).map(move |v| (c, v))) {
            for row in 0..rows {
                let (head, i) = (row / head_width, row % head_width);
                if head >= heads || i >= dimensions {
                    assert_eq!(once[at(row, c, v)], x[at(row, c, v)], "values and the rest of a head stay");
                    continue;
                }
                let (first, second) = (head * head_width + i % 2, head * head_width + i % 2 + dimensions / 2);
                let turned = |x: &[f64]| (x[at(first, c, v)], x[at(second, c, v)]);
                let ((before, after), angle) = ((turned(&x), turned(&once)), f64::from(position[c]) * frequency(i % 2));
                compare(before.0.hypot(before.1), after.0.hypot(after.1), 1e-14, "length");
                // From (1, 0) towards (0, 1).
                let cross = before.0 * after.1 - before.1 * after.0;
                compare(cross, angle.sin() * before.0.hypot(before.1).powi(2), 1e-13, "direction");
                let all = turned(&turn(&[15; 8], &x));
                compare(turned(&twice).0, all.0, 1e-13, "sum of angles");
                compare(turned(&twice).1, all.1, 1e-13, "sum of angles");
            }
        }
    }
}

#[test]
fn gains_biases_columns_and_epsilons_are_what_they_say() {
    let (rows, columns) = (3, 4);
    let (gain, bias, x) = (sample(4220, rows), sample(4221, rows), sample(4222, rows * columns));
    for biased in [0, 1] {
        let mut out = vec![f64::NAN; rows * columns];
        let params = affine::Params { rows: rows as u32, columns: columns as u32, biased };
        Affine::twin(&params, affine::Views { gain: &gain, bias: &bias, x: &x, out: &mut out });
        for (i, &found) in out.iter().enumerate() {
            let wanted = gain[i / columns] * x[i] + f64::from(biased) * bias[i / columns];
            compare(found, wanted, 1e-15, "affine");
        }
    }
    let mut out = vec![f64::NAN; rows * 5];
    let params = select_columns::Params { rows: rows as u32, columns: columns as u32, selected: 5 };
    SelectColumns::twin(&params, select_columns::Views { columns_of: &[3, 0, 3, 2, 1], x: &x, out: &mut out });
    assert_eq!(out[5..10], [x[7], x[4], x[7], x[6], x[5]]);
    for epsilon in [1e-12, 1e-5, 0.5] {
        let (mut out, mut inverse) = (vec![f64::NAN; 4 * columns], vec![f64::NAN; columns]);
        let state = [x.clone(), vec![0.0; columns]].concat();
        let params = normalise::Params { width: 3, rows: 4, columns: 4, root_mean_square: 1, epsilon };
        Normalise::twin(&params, normalise::Views { x: &state, out: &mut out, inverse: &mut inverse });
        for column in 0..columns {
            let square = (0..3).map(|row| x[row * columns + column].powi(2)).sum::<f64>() / 3.0;
            compare(inverse[column], (square + epsilon).powf(-0.5), 1e-14 * inverse[column], "inverse");
            compare(out[column], x[column] * inverse[column], 1e-14, "normed");
        }
    }
}

/// By the definition, sum by sum.
#[test]
fn the_adjoint_of_a_projection_is_that_of_its_transpose() {
    let (rows, inner, columns) = (8, 12, 20);
    let (weights, input) = (sample(4230, rows * inner), sample(4231, rows * columns));
    let mut out = vec![f64::NAN; inner * columns];
    let params =
        project_adjoint::Params { rows: rows as u32, inner: inner as u32, columns: columns as u32, scale: 0.25 };
    let views = project_adjoint::Views { weights: &weights, input: &input, out: &mut out };
    ProjectAdjoint::twin(&params, views);
    for (i, &found) in out.iter().enumerate() {
        let (term, column) = (i / columns, i % columns);
        let wanted: f64 = (0..rows).map(|row| weights[row * inner + term] * input[row * columns + column]).sum();
        compare(found, 0.25 * wanted, 1e-14, "adjoint");
    }
}
