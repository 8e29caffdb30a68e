//! Verdicts follow from statements, and turn with their premises.

use super::*;
use crate::device::Device;
use crate::spec::{NormPlacement, Weights};
use std::ops::ControlFlow;

/// What an experiment finds on the CPU path.
fn found(examine: impl Fn(&Lab) -> Result<Finding>) -> Vec<Statement> {
    let device = Device::open("cpu").expect("always there");
    let mut stop = |_: f64| ControlFlow::Continue(());
    let lab = Lab::new(&device, 0, Effort::Quick, &mut stop);
    examine(&lab).expect("it runs").statements
}

fn verdict(examine: impl Fn(&Lab) -> Result<Finding>) -> Verdict {
    Verdict::of(&found(examine))
}

fn truths(examine: impl Fn(&Lab) -> Result<Finding>) -> Vec<Truth> {
    found(examine).iter().map(Statement::truth).collect()
}

fn statement(measured: Measured, criterion: Criterion) -> Statement {
    Statement::new("so it is", "a number", measured, criterion)
}

#[test]
fn statements_are_decided_beyond_three_standard_errors() {
    let at = |value, error| statement(Measured::new(value, error), Criterion::Above(1.0)).truth();
    assert_eq!(at(1.31, 0.1), Truth::Holds);
    assert_eq!(at(1.29, 0.1), Truth::Undecided);
    assert_eq!(at(0.71, 0.1), Truth::Undecided);
    assert_eq!(at(0.69, 0.1), Truth::Fails);
    let within = |value| statement(Measured::new(value, 0.1), Criterion::Within(5.0, 1.0)).truth();
    assert_eq!([5.6, 5.8, 6.2, 6.4, 4.4, 3.6].map(within), {
        use Truth::*;
        [Holds, Undecided, Undecided, Fails, Holds, Fails]
    });
    assert_eq!(statement(Measured::MISSING, Criterion::Below(0.0)).truth(), Truth::Undecided);
    assert_eq!(statement(Measured::new(f64::NAN, 0.0), Criterion::Below(0.0)).truth(), Truth::Undecided);
    assert_eq!(statement(Measured::exact(f64::INFINITY), Criterion::Above(0.0)).truth(), Truth::Undecided);
}

#[test]
fn a_number_agrees_with_theory_within_both_of_their_errors() {
    let own = |value, error| statement(Measured::new(value, error), Criterion::Above(0.0)).predicted(1.0, 0.1);
    assert_eq!(own(1.39, 0.1).agrees(), Some(true));
    assert_eq!(own(1.41, 0.1).agrees(), Some(false));
    assert_eq!(statement(Measured::MISSING, Criterion::Above(0.0)).predicted(1.0, 0.1).agrees(), None);
}

#[test]
fn verdicts_are_those_of_their_statements() {
    let [yes, no, open] = [1.0, -1.0, f64::NAN].map(|value| statement(Measured::exact(value), Criterion::Above(0.0)));
    let of = |all: &[&Statement]| Verdict::of(&all.iter().map(|&one| one.clone()).collect::<Vec<_>>());
    assert_eq!(of(&[&yes, &yes]), Verdict::Holds);
    assert_eq!(of(&[&no, &no]), Verdict::Wrong);
    assert_eq!(of(&[&yes, &no]), Verdict::HoldsConditionally);
    assert_eq!(of(&[&yes, &no, &open]), Verdict::HoldsConditionally);
    assert_eq!(of(&[&yes, &open]), Verdict::Undecidable);
    assert_eq!(of(&[&no, &open]), Verdict::Undecidable);
    assert_eq!(of(&[]), Verdict::Undecidable);
}

#[test]
fn errors_of_sums_and_ratios_add_in_squares() {
    let (a, b) = (Measured::new(3.0, 0.3), Measured::new(4.0, 0.4));
    assert_eq!(b.minus(a), Measured::new(1.0, 0.5));
    let ratio = b.over(a);
    assert!((ratio.standard_error - ratio.value.unwrap() * 0.02_f64.sqrt()).abs() < 1e-15);
    assert_eq!(a.over(Measured::exact(0.0)).value, None);
    assert_eq!(a.times(-2.0), Measured::new(-6.0, 0.6));
    assert!((a.ln().standard_error - 0.1).abs() < 1e-15);
}

/// The essay's equation with a step that is small enough does not explode.
#[test]
fn decay_turns_with_the_step_size() {
    assert_eq!(verdict(|lab| decay::examine(lab, &decay::Premise::default())), Verdict::Holds);
    let small = decay::Premise { step_size: 0.1, ..Default::default() };
    assert_eq!(verdict(|lab| decay::examine(lab, &small)), Verdict::HoldsConditionally);
    let growing = decay::Premise { shift: -1.0, step_size: 1.0 };
    assert_eq!(verdict(|lab| decay::examine(lab, &growing)), Verdict::Wrong);
}

#[test]
fn integrators_turn_with_the_stiffness() {
    let of = |shift| verdict(|lab| integrators::examine(lab, &integrators::Premise { shift }));
    assert_eq!([of(5.0), of(1.0), of(-0.5)], [Verdict::HoldsConditionally, Verdict::Holds, Verdict::Wrong]);
}

/// Off the circle and with eigenvectors there are three fates.
#[test]
fn fates_turn_with_the_circle_and_the_block() {
    let of = |circle, block| {
        let premise = fates::Premise { circle, block, depth: 400 };
        verdict(|lab| fates::examine(lab, &premise))
    };
    assert_eq!([of(1.0, 3), of(0.9, 1)], [Verdict::HoldsConditionally, Verdict::Holds]);
}

/// With a restoring force in both kinds of layers a tiny step is stable; with none in either it never is.
#[test]
fn tiny_steps_turn_with_the_restoring_force() {
    let of = |premise: tiny_steps::Premise| verdict(|lab| tiny_steps::examine(lab, &premise));
    let default = tiny_steps::Premise::default();
    assert_eq!(of(default), Verdict::HoldsConditionally);
    let truths = |premise: tiny_steps::Premise| truths(|lab| tiny_steps::examine(lab, &premise));
    use Truth::{Fails, Holds};
    assert_eq!(truths(default), [Holds, Holds, Fails, Fails]);
    assert_eq!(truths(tiny_steps::Premise { free_shift: 2.0, ..default }), [Holds, Holds, Fails, Holds]);
}

/// Tied layers in place of fresh ones have no excess that would not be exponential growth.
#[test]
fn euler_layers_turn_with_the_weights() {
    let truths = |weights| truths(|lab| euler_layer::examine(lab, &euler_layer::Premise { weights }));
    use Truth::{Fails, Holds};
    assert_eq!(truths(Weights::Iid), [Fails, Holds, Holds, Fails, Fails]);
}

/// Blunt attention grows ever more sensitive as it sharpens.
#[test]
fn attention_turns_with_the_range_of_sharpness() {
    let of = |sharpest| verdict(|lab| attention::examine(lab, &attention::Premise { sharpest }));
    assert_eq!(of(1000.0), Verdict::HoldsConditionally);
    assert_ne!(of(0.1), Verdict::HoldsConditionally);
}

/// Without the planted pair no FFN decides.
#[test]
fn feedforward_turns_with_what_is_planted() {
    let of = |planted| {
        let premise = feedforward::Premise { planted, ..Default::default() };
        verdict(|lab| feedforward::examine(lab, &premise))
    };
    assert_eq!([of(0.5), of(0.0)], [Verdict::HoldsConditionally, Verdict::Wrong]);
}

/// Friction that the formula has not shows.
#[test]
fn two_sublayers_turn_with_friction() {
    let of = |damping| verdict(|lab| two_sublayers::examine(lab, &two_sublayers::Premise { damping }));
    assert_eq!([of(0.0), of(0.3)], [Verdict::Holds, Verdict::Wrong]);
}

/// Without friction fresh layers do explode.
#[test]
fn stacks_turn_with_friction() {
    let truth = |damping| truths(|lab| stack::examine(lab, &stack::Premise { damping, radius: 0.2 }));
    use Truth::{Fails, Holds};
    assert_eq!(truth(0.1), [Holds, Fails, Fails, Fails]);
    assert_eq!(truth(0.0), [Holds, Holds, Fails, Fails]);
    assert_eq!(truth(0.4), [Fails, Fails, Fails, Fails]);
}

/// A restoring force keeps unstable eigenvalues out.
#[test]
fn everywhere_turns_with_the_restoring_force() {
    let of = |shift, radius| verdict(|lab| everywhere::examine(lab, &everywhere::Premise { radius, shift }));
    assert_eq!([of(0.0, 1.0), of(1.0, 0.2)], [Verdict::HoldsConditionally, Verdict::Wrong]);
}

#[test]
fn exponential_growth_turns_with_the_norm() {
    use NormPlacement::{None, Post, Pre};
    let of = |norms| verdict(|lab| exponential::examine(lab, &exponential::Premise { norms }));
    assert_eq!(of([None, Pre, Post]), Verdict::HoldsConditionally);
    assert_eq!(of([None; 3]), Verdict::Holds);
    assert_eq!(of([Pre, Pre, Post]), Verdict::Wrong);
}

#[test]
fn overshoot_turns_with_the_modes() {
    let of = |growth, decay| verdict(|lab| overshoot::examine(lab, &overshoot::Premise { growth, decay }));
    assert_eq!([of(0.1, -1.5), of(0.1, -0.5)], [Verdict::HoldsConditionally, Verdict::Wrong]);
}

/// Without a norm friction makes nothing worse; too little of it does not tame linear layers either.
#[test]
fn friction_turns_with_its_strength() {
    let of = |damping| {
        let premise = friction::Premise { damping, ..Default::default() };
        verdict(|lab| friction::examine(lab, &premise))
    };
    assert_eq!([of(0.3), of(0.1)], [Verdict::HoldsConditionally, Verdict::Wrong]);
}

/// Layers that hardly do anything take nothing away.
#[test]
fn no_friction_turns_with_the_step_size() {
    let of = |step_size| verdict(|lab| no_friction::examine(lab, &no_friction::Premise { step_size }));
    assert_eq!([of(1.0), of(0.001)], [Verdict::Wrong, Verdict::Holds]);
}

/// Of 0, 1, .., 60 the median is 30, and its 95 % interval reaches from the 23rd value to the 23rd from the end.
#[test]
fn a_median_has_the_error_of_its_interval() {
    let values: Vec<f64> = (0..61).map(f64::from).collect();
    let found = Measured::median(&crate::numbers::statistics::Summary::of(&values));
    assert_eq!(found, Measured::new(30.0, (38.0 - 22.0) / 3.92));
    assert_eq!(Measured::median(&crate::numbers::statistics::Summary::of(&[5.0])), Measured::exact(5.0));
}
