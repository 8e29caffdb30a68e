//! Layers with a planted axis against their closed forms on every device, and verdicts on Mercury that turn with their
//! premises.

use crate::adapter::{reference, software};
use eulerscope::device::Device;
use eulerscope::error::Error;
use eulerscope::essay::mercury::{self, Context, DEPTH, FEEDBACK, Model, Premise, Question, ask};
use eulerscope::essay::planted::{
    Address, Answers, Axes, Evidence, Form, Graded, Layers, Passage, Planted, Saddle, Turned, Words, anatomy, blank,
    calibration_error, confidence, decided, drawn, first_sure, follows, locked, put_column, put_row,
};
use eulerscope::essay::{Effort, Lab, Measured, Statement, Truth, Verdict, hallucination};
use eulerscope::layer::Point;
use eulerscope::spec::{Activation, Gains, NormPlacement};
use std::ops::ControlFlow;

fn cpu() -> Device {
    Device::open("cpu").expect("always there")
}

fn devices() -> [Device; 3] {
    [cpu(), reference(), software()]
}

fn point(step_size: f64, damping: f64) -> Point {
    Point { step_size, radius: 1.0, damping }
}

fn quick<T>(device: &Device, seed: u64, work: impl Fn(&Lab) -> T) -> T {
    let mut stop = |_: f64| ControlFlow::Continue(());
    work(&Lab::new(device, seed, Effort::Quick, &mut stop))
}

/// Rounding errors of some tens of steps, each of a few numbers of f32.
#[track_caller]
fn assert_near(found: f64, truth: f64, relative: f64) {
    assert!((found - truth).abs() <= relative * truth.abs() + 5e-7, "{found} is not {truth}");
}

fn basis(width: usize, row: usize) -> Vec<f64> {
    (0..width).map(|i| if i == row { 1.0 } else { 0.0 }).collect()
}

/// y10, y20, y40 and y80 of y' = y + tanh(y / 10) from 0.01 on, as printed elsewhere.
#[test]
fn attention_to_marked_words_doubts_and_commits_as_published() {
    let own = Evidence { planet: 1, element: 1, value: 1.0, feedback: 0.2, point: point(1.0, 0.0) };
    for device in devices() {
        let course = own.course(&device, 0.01, 80).expect("it runs");
        for (layer, truth) in [(10, 0.025937), (20, 0.067275), (40, 0.452459), (80, 15.004499)] {
            assert_near(course[layer - 1], truth, 2e-5);
        }
        // tanh(y / 10) = 0.9 at 14.722: between layers 79 and 80.
        let time = own.commitment(&device, 0.01, 10.0 * 0.9_f64.atanh(), 100.0).expect("it runs");
        assert!(time.is_some_and(|time| time > 79.0 && time < 80.0), "{time:?}");
        assert_eq!(own.commitment(&device, 0.01, 14.7, 40.0).expect("it runs"), None);
    }
}

#[test]
fn attention_to_unequal_evidence_takes_the_steps_of_its_law() {
    let own = Evidence { planet: 5, element: 3, value: 0.5, feedback: 0.3, point: point(0.5, 0.0) };
    for device in devices() {
        let course = own.course(&device, -0.2, 30).expect("it runs");
        for layer in [1, 2, 10, 30] {
            assert_near(course[layer - 1], own.law().after(-0.2, layer), 2e-5);
        }
    }
}

/// With friction the marks shrink too, and with them what they add and how much is made of y.
#[test]
fn friction_takes_the_evidence_away_with_the_state() {
    let own = Evidence { planet: 3, element: 1, value: 0.7, feedback: 0.6, point: point(1.0, 0.05) };
    let (mut y, mut mark) = (0.1_f64, 1.0_f64);
    let mut truth = Vec::new();
    for _ in 0..40 {
        let [for_it, against] = [3.0 * (0.3 * y * mark).exp(), (-0.3 * y * mark).exp()];
        y = 0.95 * y + 0.7 * mark * (for_it - against) / (for_it + against);
        mark *= 0.95;
        truth.push(y);
    }
    for device in devices() {
        let course = own.course(&device, 0.1, 40).expect("it runs");
        course.iter().zip(&truth).for_each(|(&found, &truth)| assert_near(found, truth, 2e-5));
    }
}

/// A hidden tanh unit with a bias has constant evidence: y' = (1 - γ) y + θ tanh((κ y + b) / 2), here with b = 0 and
/// published ends, and with b = 0.4 as a sum over its steps.
#[test]
fn hidden_units_with_friction_follow_the_same_law() {
    const WIDTH: usize = 8;
    let form = |dampings: &[f64]| Form {
        anatomy: anatomy(WIDTH, NormPlacement::None, false, Some((4, Activation::Tanh))),
        points: dampings.iter().map(|&damping| point(1.0, damping)).collect(),
        tokens: 1,
        members: 1,
        normed: false,
    };
    let u = basis(WIDTH, 2);
    let words = Words { rows: [u.clone(), vec![0.0; WIDTH]] };
    let ends = |device: &Device, evidence: f32, dampings: &[f64]| -> Vec<f64> {
        let form = form(dampings);
        let mut layer = blank(&form.anatomy);
        put_row(&mut layer.feedforward.input, 0, &u, 0.1);
        layer.feedforward.input.bias = Some(vec![0.5 * evidence, 0.0, 0.0, 0.0]);
        put_column(&mut layer.feedforward.output, 0, &u, 1.0);
        let mut passage = Passage::begin(device, form, &words, |_, _, _| u.iter().map(|u| 0.01 * u).collect());
        let margins = passage.pass(Layers::Repeated(&layer, 80)).expect("it runs");
        margins[79].iter().map(|members| members[0]).collect()
    };
    for device in devices() {
        let found = ends(&device, 0.0, &[0.0, 0.05, 0.15]);
        // A tanh near 0 is good to some 1e-7, of 1e-3.
        let slack = if device.is_single() { 1e-3 } else { 1e-5 };
        for (found, truth) in found.into_iter().zip([15.004499, 0.495238, 1.65154e-4]) {
            assert!((found - truth).abs() <= slack * truth, "{found} is not {truth}");
        }
        let truth = (0..80).fold(0.01_f64, |y, _| 0.9 * y + (0.1 * y + 0.2).tanh());
        assert_near(ends(&device, 0.4, &[0.1])[0], truth, 1e-4);
    }
}

/// Shares of a leaky drift in noise, Φ(d (1 - r^L) / γ / (s √((1 - r^2L) / (1 - r²)))) with d = tanh(0.1), s² = 1/2 and
/// r = 1 - γ, as printed elsewhere: friction forgets the evidence.
#[test]
fn evidence_without_feedback_adds_up_as_a_leaky_drift() {
    const WIDTH: usize = 64;
    let (stacks, states) = (24, 32);
    let dampings = [0.0, 0.1, 0.5];
    let own = anatomy(WIDTH, NormPlacement::Pre, false, Some((WIDTH, Activation::Tanh)));
    // E tanh(z)² = 0.394294; one of the units is the drift's.
    let noise = (0.5 / 0.394294 * 64.0 / 63.0_f64).sqrt();
    let gains = Gains { output: noise, ..Gains::default() };
    let device = cpu();
    let mut shares = vec![Vec::new(); dampings.len()];
    for stack in 0..stacks {
        let words = Words::drawn(5, stack, WIDTH);
        let axis = words.axis();
        let form = Form {
            anatomy: own.clone(),
            points: dampings.iter().map(|&damping| point(1.0, damping)).collect(),
            tokens: 1,
            members: states,
            normed: true,
        };
        let mut passage = Passage::begin(&device, form, &words, |member, _, _| {
            // Words of other stacks: random directions, of length √n, off the axis.
            let mut x = Words::drawn(6, stack * states + member, WIDTH).rows[0].clone();
            let along: f64 = x.iter().zip(&axis).map(|(x, u)| x * u).sum();
            x.iter_mut().zip(&axis).for_each(|(x, u)| *x = (*x - along * u) * 8.0);
            x
        });
        let mut last = Vec::new();
        for first in (0..80).step_by(8) {
            let layer = |layer| {
                let mut layer = drawn(&own, gains, Address { seed: 5, stack, layer });
                put_row(&mut layer.feedforward.input, 0, &axis, 0.0);
                let mut bias = vec![0.0; WIDTH];
                bias[0] = 0.1;
                layer.feedforward.input.bias = Some(bias);
                put_column(&mut layer.feedforward.output, 0, &axis, 1.0);
                layer
            };
            let layers: Vec<_> = (first..first + 8).map(layer).collect();
            last = passage.pass(Layers::Each(&layers)).expect("it runs").swap_remove(7);
        }
        for (shares, margins) in shares.iter_mut().zip(&last) {
            shares.push(margins.iter().map(|&margin| follows(margin)).sum::<f64>() / states as f64);
        }
    }
    for (shares, truth) in shares.into_iter().zip([0.89629, 0.73048, 0.59644]) {
        let found = Measured::of(shares);
        let value = found.value.expect("a share");
        assert!(found.standard_error < 0.035, "{found:?}");
        assert!((value - truth).abs() <= 3.5 * found.standard_error, "{found:?} is not {truth}");
    }
}

/// A pair of units along u: y' = y + s √n y / |x|, while the rest of x stays as it is.
#[test]
fn a_saddle_drives_every_lean_to_certainty() {
    const WIDTH: usize = 16;
    let (u, rest) = (basis(WIDTH, 3), basis(WIDTH, 7));
    let (strength, start, length) = (0.4, -0.02, 3.0);
    for activation in [Activation::Relu, Activation::Gelu] {
        let own = anatomy(WIDTH, NormPlacement::Pre, false, Some((4, activation)));
        let mut layer = blank(&own);
        let planted = Planted { saddle: strength, ..Planted::NOTHING };
        planted.plant(&own, &mut layer, Axes { read: &u, written: &u });
        let words = Words { rows: [u.clone(), vec![0.0; WIDTH]] };
        for device in devices() {
            let form =
                Form { anatomy: own.clone(), points: vec![point(1.0, 0.0)], tokens: 1, members: 1, normed: true };
            let state = |_, _, _| u.iter().zip(&rest).map(|(u, r)| start * u + length * r).collect();
            let mut passage = Passage::begin(&device, form, &words, state);
            let margins = passage.pass(Layers::Repeated(&layer, 60)).expect("it runs");
            let mut y: f64 = start;
            for (layer, margins) in margins.iter().enumerate() {
                y += strength * 4.0 * y / y.hypot(length);
                // The norm's epsilon is 1e-5 of a mean square of 9 / 16.
                let truth = 4.0 * y / y.hypot(length);
                assert!((margins[0][0] - truth).abs() <= 2e-3 * truth.abs(), "{layer}: {} {truth}", margins[0][0]);
            }
        }
    }
    let of = |strength, noise| {
        let own = Saddle { strength, noise, activation: Activation::Gelu, share: 0.51 };
        quick(&cpu(), 0, |lab| own.answers(lab, 40)).expect("it runs")
    };
    let (alone, without, noisy) = (of(0.5, 0.0), of(0.0, 0.0), of(0.0, 1.0));
    assert!(alone.behind(40, confidence).value.expect("some") > 0.99);
    assert_eq!(alone.behind(40, follows).value, Some(1.0));
    assert_near(without.behind(40, confidence).value.expect("some"), 0.51, 1e-4);
    assert!(noisy.behind(40, confidence).value.expect("some") < 0.85);
}

#[test]
fn answers_are_decided_where_they_change_sides_last() {
    assert_eq!(decided(&[1.0, 2.0, 0.5]), 1.0);
    assert_eq!(decided(&[-1.0, 2.0, 0.5]), 2.0);
    assert_eq!(decided(&[1.0, 2.0, -0.5]), 3.0);
    // 9 to 1 is a margin of 2.197.
    assert_eq!([&[-2.2, 0.0][..], &[2.19, -3.0], &[0.1, 2.0]].map(first_sure), [1.0, 2.0, 3.0]);
    let mut answers = Answers::default();
    answers.push(vec![vec![1.0, -2.0], vec![3.0, 4.0]]);
    answers.push(vec![vec![1.0, -2.0], vec![-3.0, -4.0]]);
    assert_eq!(answers.count(), 4);
    // Means of stacks: 1/2 and 0.
    assert_eq!(answers.behind(2, follows), Measured::new(0.25, 0.25));
    assert_eq!(answers.share(1, follows).value, Some(0.75));
    assert!(answers.share(1, |_| 1.0).standard_error > 0.1);
}

/// Confidence that is what the evidence allows has no error; answers that are all sure have what is left of 1, and two stacks
/// that disagree the error of the jackknife.
#[test]
fn calibration_is_judged_by_confidence() {
    let answers = |stacks: &[f64]| {
        let mut all = Answers::default();
        stacks.iter().for_each(|&margin| all.push(vec![vec![0.0, margin]; 5]));
        all
    };
    let share = 0.625_f64;
    let allowed = answers(&[(share / (1.0 - share)).ln(); 3]);
    let even = answers(&[0.0; 3]);
    let graded = [Graded { share, answers: &allowed }, Graded { share: 0.5, answers: &even }];
    let error = |own: &[Graded]| calibration_error(own, 2);
    assert!(error(&graded).value.is_some_and(|error| error.abs() < 1e-12), "{:?}", error(&graded));
    let (sure, split) = (answers(&[40.0; 3]), answers(&[40.0, -40.0]));
    let one = error(&[Graded { share, answers: &sure }]);
    assert!((one.value.expect("some") - 0.375).abs() < 1e-12 && one.standard_error < 1e-12, "{one:?}");
    let two = error(&[Graded { share, answers: &split }]);
    assert!((two.value.expect("some") - 0.5).abs() < 1e-12, "{two:?}");
    assert!((two.standard_error - 0.125).abs() < 1e-12, "{two:?}");
    // Behind layer 1 all are even: half of them are right.
    assert!(calibration_error(&graded, 1).value.is_some_and(|error| error < 0.126));
    assert_eq!(error(&[]), Measured::MISSING);
}

/// By hand: of four answers one is never turned, one at layer 2 alone, one at layers 2 and 8, one at all three.
#[test]
fn answers_are_locked_in_where_turning_comes_too_late() {
    let answers = |sides: [f64; 4]| {
        let mut all = Answers::default();
        all.push(sides.map(|side| vec![side]).to_vec());
        all.push(sides.map(|side| vec![side]).to_vec());
        all
    };
    let plain = answers([1.0; 4]);
    let turned = [answers([1.0, -1.0, -1.0, -1.0]), answers([1.0, 1.0, -1.0, -1.0]), answers([-1.0, 1.0, 1.0, -1.0])];
    let at = |layers: [usize; 3]| -> Vec<Turned> {
        layers.into_iter().zip(&turned).map(|(layer, answers)| Turned { layer, answers }).collect()
    };
    let found = locked(&plain, &at([2, 8, 24]), 80);
    assert!((found.value.expect("three are turned") - (8.0 + 24.0 + 80.0) / 3.0).abs() < 1e-12, "{found:?}");
    let never = Turned { layer: 2, answers: &plain };
    assert_eq!(locked(&plain, &[never], 80).value, None);
}

/// Random layers and friction leave answers a coin's, and margins of a size, at every depth.
#[test]
fn without_a_planted_axis_nothing_is_decided() {
    let context = Context { planet: 7, element: 1 };
    let models = [NormPlacement::Pre, NormPlacement::Post].map(|norm| Model {
        norm,
        planted: Planted::NOTHING,
        questions: vec![Question::plain(context, 0.0), Question::plain(context, 0.1)],
    });
    let asked = quick(&cpu(), 2, |lab| ask(lab, &models)).expect("it runs");
    for answers in asked.iter().flatten() {
        for layer in [1, 2, 5, 10, 20, 40, DEPTH] {
            let share = answers.share(layer, follows);
            assert!((share.value.expect("some") - 0.5).abs() <= 4.0 * share.standard_error, "{layer}: {share:?}");
            let size = answers.behind(layer, f64::abs);
            // √2 E |z|, of directions of 64 dimensions. In the worst case all answers of a stack are alike, and there are 16
            // stacks, each with the deviation √(2 - 4 / π) of √2 |z|.
            let off = (size.value.expect("some") - 1.128).abs();
            assert!(off <= 3.0 * 0.853 / 4.0, "{layer}: {size:?}");
        }
    }
}

fn truths(statements: &[Statement]) -> Vec<Truth> {
    statements.iter().map(Statement::truth).collect()
}

fn mercury(device: &Device, premise: Premise) -> Vec<Statement> {
    quick(device, 0, |lab| mercury::statements(lab, &premise)).expect("it runs")
}

#[test]
fn verdicts_on_mercury_turn_with_their_premises() {
    use Truth::{Fails, Holds};
    let essay = mercury(&cpu(), Premise::default());
    let as_said = [Holds; 9].into_iter().chain([Fails; 3]).collect::<Vec<_>>();
    assert_eq!(truths(&essay), as_said);
    assert_eq!(Verdict::of(&essay), Verdict::HoldsConditionally);
    assert_eq!(essay[11].agrees(), Some(true), "{:?}", essay[11]);
    // Nothing planted: nothing of it is true.
    let nothing = mercury(&cpu(), Premise { planted: Planted::NOTHING, ..Premise::default() });
    assert_eq!(Verdict::of(&nothing), Verdict::Wrong, "{nothing:?}");
    // All of the context for one word: sure, and rightly so.
    let clear = Context { planet: 8, element: 0 };
    let clear = mercury(&cpu(), Premise { context: clear, ..Premise::default() });
    assert_eq!([2, 4].map(|place| clear[place].truth()), [Fails; 2], "{clear:?}");
    // As many words for each: whatever is answered is wrong half of the time.
    let even = mercury(&cpu(), Premise { context: Context { planet: 4, element: 4 }, ..Premise::default() });
    let [sure, wrong] = [1, 4].map(|place| even[place].measured.value.expect("there are answers"));
    assert!(sure > 0.9 && (wrong - 0.5 * sure).abs() <= 1e-12, "{even:?}");
    // Feedback so weak that it is not saturated: the layers go on amplifying, and the context may turn the answer.
    let weak = Planted { feedback: 0.2, value: 0.2, saddle: 0.0 };
    let weak = mercury(&cpu(), Premise { planted: weak, ..Premise::default() });
    assert_eq!([5, 7, 8, 9].map(|place| weak[place].truth()), [Fails, Fails, Fails, Holds], "{weak:?}");
    // Friction forgets the evidence.
    let strong = Context { planet: 7, element: 1 };
    let rubbed = mercury(&cpu(), Premise { context: strong, damping: 0.3, ..Premise::default() });
    assert_eq!(rubbed[10].truth(), Holds, "{:?}", rubbed[10]);
    // The same planted in the layers that are compared.
    let both = mercury(&cpu(), Premise { control: FEEDBACK, ..Premise::default() });
    assert_eq!(both[11].truth(), Holds, "{:?}", both[11]);
}

#[test]
fn the_reference_comes_to_the_same_verdict_on_mercury() {
    let [cpu, exact] = [cpu(), reference()].map(|device| truths(&mercury(&device, Premise::default())));
    assert_eq!(cpu, exact);
}

#[test]
fn hallucination_is_open_until_answers_of_a_trained_model_are_there() {
    let verdict = |excess| {
        let premise = hallucination::Premise { excess, ..hallucination::Premise::default() };
        let found = quick(&cpu(), 0, |lab| hallucination::examine(lab, &premise)).expect("it runs");
        assert_eq!(found.statements[1].agrees(), Some(true), "{:?}", found.statements[1]);
        Verdict::of(&found.statements)
    };
    assert_eq!(verdict(None), Verdict::Undecidable);
    assert_eq!(verdict(Some(Measured::new(1.0, 0.1))), Verdict::Holds);
    assert_eq!(verdict(Some(Measured::new(-1.0, 0.1))), Verdict::HoldsConditionally);
}

#[test]
fn what_is_stopped_is_no_answer() {
    let device = cpu();
    let mut stop = |_: f64| ControlFlow::Break(());
    let lab = Lab::new(&device, 0, Effort::Quick, &mut stop);
    assert!(matches!(mercury::statements(&lab, &Premise::default()), Err(Error::Partial(_))));
}
