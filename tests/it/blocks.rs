//! Blocks of members: a sweep has the same bits whatever is computed at a time, by whom and in which order.

use eulerscope::device::Device;
use eulerscope::error::Result;
use eulerscope::numbers::statistics::{Field, LogMean, Moments};
use eulerscope::spec::{Grid, Model, RadiusKind, SweepSpec, Weights};
use eulerscope::sweep::{self, Combination, Part, Shapes};
use eulerscope::units::{Afresh, Parts, Units};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Parts in memory, of which some may be unwanted.
struct Memory {
    parts: BTreeMap<usize, Part>,
    wanted: Option<BTreeSet<usize>>,
}

impl Parts<Part> for Memory {
    fn wants(&self, unit: usize) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&unit))
    }

    fn has(&self, unit: usize) -> bool {
        self.parts.contains_key(&unit)
    }

    fn is_whole(&self) -> bool {
        self.wanted.is_none()
    }

    /// By its numbers, as a file would have them.
    fn take(&mut self, unit: usize, mut empty: Part) -> Result<Part> {
        let mut kept = self.parts[&unit].clone();
        for point in 0..kept.points() {
            let mut numbers = BTreeMap::new();
            kept.fields(point, &mut |name, field| {
                let number = match field {
                    Field::Real(number) => vec![number.to_bits()],
                    Field::Count(count) => vec![*count],
                    Field::Values(values) => values.iter().map(|value| value.to_bits()).collect(),
                };
                assert!(numbers.insert(name.to_string(), number).is_none(), "names are told apart");
            });
            empty.fields(point, &mut |name, field| match field {
                Field::Real(number) => *number = f64::from_bits(numbers[&name.to_string()][0]),
                Field::Count(count) => *count = numbers[&name.to_string()][0],
                Field::Values(values) => {
                    *values = numbers[&name.to_string()].iter().map(|&bits| f64::from_bits(bits)).collect();
                }
            });
        }
        (empty.members, empty.courses, empty.spectra) = (kept.members, kept.courses, kept.spectra);
        Ok(empty)
    }

    fn keep(&mut self, unit: usize, part: &mut Part) -> Result<()> {
        assert!(self.parts.insert(unit, part.clone()).is_none(), "no unit is worked on twice");
        Ok(())
    }
}

fn linear() -> SweepSpec {
    let mut spec = SweepSpec { depth: 12, trajectories: 300, ..SweepSpec::default() };
    (spec.ensemble.members, spec.ensemble.width) = (700, 5);
    spec.step_size = Grid::parse("0.1,1,2").expect("a grid");
    spec.radius = Grid::parse("0.5,1.5").expect("a grid");
    spec
}

fn exact() -> SweepSpec {
    let mut spec = linear();
    spec.ensemble.radius_kind = RadiusKind::Exact;
    spec
}

/// Two passes, for there are more points than ride through one rollout.
fn two_passes() -> SweepSpec {
    let mut spec = linear();
    spec.ensemble.members = 300;
    spec.ensemble.width = 2;
    spec.depth = 2;
    spec.step_size = Grid::parse("lin(0.1,2,600)").expect("a grid");
    spec
}

fn transformer() -> SweepSpec {
    let mut spec = SweepSpec { depth: 6, ..SweepSpec::of(Model::Transformer) };
    (spec.ensemble.members, spec.ensemble.width, spec.layer.tokens, spec.layer.heads) = (300, 4, 2, 2);
    spec.layer.weights = Weights::Iid;
    spec.step_size = Grid::parse("0.1,1").expect("a grid");
    spec.radius = Grid::parse("0.5,2").expect("a grid");
    spec.damping = Grid::parse("0").expect("a grid");
    spec
}

fn work(device: &Device, spec: &SweepSpec, parts: &mut dyn Parts<Part>, stop_at: f64) -> Vec<Combination> {
    let results = sweep::run_parts(device, spec, parts, &|_| 1.0, &mut |fraction| {
        if fraction >= stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    results.expect("it runs")
}

/// Everything that is reported, to the last bit.
fn said(results: &[Combination]) -> String {
    let own = |result: &Combination| {
        let sweep = &result.sweep;
        assert!(!sweep.interrupted);
        format!("{:?} {:?} {:?} {:?}", sweep.cells, sweep.members, sweep.courses, sweep.spectra)
    };
    results.iter().map(own).collect::<Vec<_>>().join("\n")
}

fn memory(wanted: Option<BTreeSet<usize>>) -> Memory {
    Memory { parts: BTreeMap::new(), wanted }
}

#[test]
fn chunks_interruptions_and_shards_change_no_bit() {
    let device = Device::open("cpu").expect("always there");
    for spec in [linear(), exact(), two_passes(), transformer()] {
        let whole = said(&work(&device, &spec, &mut Afresh, 2.0));
        let units = Shapes::of(&device, &spec).count();
        assert!(units >= 2, "{units}");
        for chunk in [1, 100, 300] {
            let chunked = SweepSpec { chunk: Some(chunk), ..spec.clone() };
            assert!(said(&work(&device, &chunked, &mut Afresh, 2.0)) == whole, "chunks of {chunk}");
        }
        let mut kept = memory(None);
        let small = SweepSpec { chunk: Some(64), ..spec.clone() };
        for stop_at in [0.0, 0.3, 0.3, 0.7] {
            let stopped = work(&device, &small, &mut kept, stop_at);
            assert!(kept.parts.len() < units || !stopped[0].sweep.interrupted);
        }
        assert!(said(&work(&device, &spec, &mut kept, 2.0)) == whole, "interrupted");
        assert_eq!(kept.parts.len(), units);
        let mut shards = memory(None);
        for of in 0..2 {
            let mut own = memory(Some((0..units).filter(|unit| unit % 2 == of).collect()));
            work(&device, &spec, &mut own, 2.0);
            assert_eq!(own.parts.len(), (units + 1 - of) / 2);
            shards.parts.append(&mut own.parts);
        }
        assert!(said(&work(&device, &spec, &mut shards, 2.0)) == whole, "in two shards");
    }
}

#[test]
fn members_are_the_same_whatever_the_ensemble_around_them() {
    let device = Device::open("cpu").expect("always there");
    let few = SweepSpec { ensemble: eulerscope::spec::EnsembleSpec { members: 200, ..linear().ensemble }, ..linear() };
    let run = |spec: &SweepSpec| work(&device, spec, &mut Afresh, 2.0).remove(0).sweep;
    let (few, many) = (run(&few), run(&linear()));
    assert_eq!(few.members, many.members[..200]);
    assert_eq!(few.courses, many.courses[..200]);
}

/// Means and spreads of merged parts are those of all values; of e^x too, where it is far beyond f64.
#[test]
fn merged_moments_are_those_of_the_whole() {
    let values: Vec<f64> = (0..1000).map(|i| ((i * i) % 97) as f64 - 40.0 + 1e6).collect();
    for at in [0, 1, 500, 999, 1000] {
        let mut merged = Moments::of(values[..at].iter().copied());
        merged.merge(&Moments::of(values[at..].iter().copied()));
        // Whole numbers: their sums are exact.
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        assert!((merged.mean().expect("is") - mean).abs() <= 1e-15 * n * mean);
        assert!((merged.sd().expect("is").powi(2) - variance).abs() <= 1e-9 * variance);
        assert_eq!(merged.count(), 1000);
    }
    for shift in [0.0, 2000.0, -2000.0] {
        let logs: Vec<f64> = (0..200).map(|i| f64::from(i % 7) * 0.3 + shift).collect();
        let weights: Vec<f64> = logs.iter().map(|x| (x - shift).exp()).collect();
        let mean = weights.iter().sum::<f64>() / 200.0;
        let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / 199.0;
        for at in [0, 3, 100, 200] {
            let part = |values: &[f64]| {
                values.iter().fold(LogMean::default(), |mut sum, &x| {
                    sum.add(x);
                    sum
                })
            };
            let mut merged = part(&logs[..at]);
            merged.merge(&part(&logs[at..]));
            assert!((merged.log().expect("is") - shift - mean.ln()).abs() <= 1e-12 * (1.0 + shift.abs()));
            let error = (variance / 200.0).sqrt() / mean;
            assert!((merged.relative_error().expect("is") - error).abs() <= 1e-10 * error);
        }
    }
    let infinite = |values: [f64; 2]| {
        values.iter().fold(LogMean::default(), |mut sum, &x| {
            sum.add(x);
            sum
        })
    };
    let mut merged = infinite([1.0, 2.0]);
    merged.merge(&infinite([f64::INFINITY, 0.0]));
    assert_eq!(merged.log(), Some(f64::INFINITY));
    let mut zeros = infinite([f64::NEG_INFINITY; 2]);
    zeros.merge(&infinite([f64::NEG_INFINITY; 2]));
    assert_eq!(zeros.log(), Some(f64::NEG_INFINITY));
    zeros.merge(&infinite([0.0; 2]));
    assert!((zeros.log().expect("is") - (1.0_f64 / 3.0).ln()).abs() <= 1e-15);
}
