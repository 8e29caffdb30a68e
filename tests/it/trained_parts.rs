//! Spectra of a trained model in units: whatever is done first, and wherever it is stopped, the numbers are the same.

use super::checkpoint::oracles::data;
use super::cli_bad_input::{eulerscope, refusal};
use eulerscope::device::Device;
use eulerscope::error::Result;
use eulerscope::results::parts::Tables;
use eulerscope::results::trained::Report;
use eulerscope::spec::{Control, Quantities, Tokens, TrainedInput, TrainedSpectrumSpec};
use eulerscope::trained::Model;
use eulerscope::trained::spectrum::{self, Asked, Part, TrainedSpectrum};
use eulerscope::units::{Afresh, Parts};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tempfile::TempDir;

/// Two texts, more tokens together than are solved at once.
const TEXTS: [&[u32]; 2] = [&[3, 1, 4, 1, 5, 9, 2], &[2, 7, 1, 8]];

fn specification() -> TrainedSpectrumSpec {
    let input = TrainedInput { checkpoint: data("gpt2"), token_ids: TEXTS[0].to_vec(), ..TrainedInput::default() };
    TrainedSpectrumSpec {
        input,
        tokens: Tokens::All,
        controls: vec![Control::Initial],
        // Radii below 1, so that the peaks of powers are looked for.
        step_size: 0.1,
        damping: 0.8,
        values: true,
        ..TrainedSpectrumSpec::default()
    }
}

/// Parts as tables, of which some may be unwanted.
struct Memory {
    parts: BTreeMap<usize, Tables>,
    wanted: fn(usize) -> bool,
}

impl Parts<Part> for Memory {
    fn wants(&self, unit: usize) -> bool {
        (self.wanted)(unit)
    }

    fn has(&self, unit: usize) -> bool {
        self.parts.contains_key(&unit)
    }

    fn take(&mut self, unit: usize, empty: Part) -> Result<Part> {
        Ok(self.parts[&unit].part(empty).expect("its tables"))
    }

    fn keep(&mut self, unit: usize, part: &mut Part) -> Result<()> {
        assert!(self.parts.insert(unit, Tables::of(part)).is_none(), "no unit is worked on twice");
        Ok(())
    }
}

/// Everything that is said of it.
fn said(device: &Device, model: &Model, spec: &TrainedSpectrumSpec, found: &TrainedSpectrum) -> Value {
    Report { device, model, spec, found, seconds: 0.0 }.record().expect("the model is there")
}

#[test]
fn spectra_are_the_same_whatever_is_done_first() {
    let device = Device::open("cpu").expect("always there");
    let (spec, model) = (specification(), Model::open(&data("gpt2")).expect("a model"));
    let texts = TEXTS.map(<[u32]>::to_vec);
    let go_on = &mut |_: f64| ControlFlow::Continue(());
    let some = TrainedSpectrumSpec {
        leading: Some(2),
        singular: Some(1),
        derived: Quantities::NONE,
        values: false,
        ..spec.clone()
    };
    for spec in [spec, some] {
        let asked = Asked { model: &model, spec: &spec, texts: &texts, stop: &|| false };
        let whole = spectrum::run_parts(&device, &asked, &mut Afresh, go_on).expect("it runs");
        let jacobians = 11 * model.depth() * 2;
        assert_eq!((whole.jacobians(), whole.interrupted), (jacobians, false));
        let mut parts = Memory { parts: BTreeMap::new(), wanted: |unit| unit % 3 == 2 };
        let wishes: [fn(usize) -> bool; 3] = [|unit| unit % 3 == 2, |unit| unit % 2 == 1, |_| true];
        for (place, wanted) in wishes.into_iter().enumerate() {
            parts.wanted = wanted;
            let found = spectrum::run_parts(&device, &asked, &mut parts, go_on).expect("it runs");
            assert!(!found.interrupted && (found.jacobians() == jacobians) == (place == 2));
            assert!(found.texts.iter().all(|text| place == 2 || text.layers.len() <= model.depth()));
        }
        let found = spectrum::run_parts(&device, &asked, &mut parts, go_on).expect("it runs");
        assert_eq!(said(&device, &model, &spec, &found), said(&device, &model, &spec, &whole));
    }
}

#[test]
fn a_stop_keeps_whole_units_and_no_half_known_peak() {
    // It searches for every peak; the others have multiplied some powers before they ask whether to stop.
    let device = Device::open("reference").expect("always there");
    let (spec, model) = (specification(), Model::open(&data("gpt2")).expect("a model"));
    let texts = TEXTS.map(<[u32]>::to_vec);
    let asked = Asked { model: &model, spec: &spec, texts: &texts, stop: &|| false };
    let mut parts = Memory { parts: BTreeMap::new(), wanted: |_| true };
    let whole = spectrum::run(&device, &asked, &mut |_| ControlFlow::Continue(())).expect("it runs");
    // A search for a peak that is stopped says nothing that would last.
    let stopped = Asked { stop: &|| true, ..asked };
    let go_on = &mut |_: f64| ControlFlow::Continue(());
    let found = spectrum::run_parts(&device, &stopped, &mut parts, go_on).expect("it runs");
    assert!(found.interrupted && found.jacobians() == 0 && parts.parts.is_empty() && found.controls.is_empty());
    // Stopped again and again, it comes to its end.
    for times in 1.. {
        let mut left = times;
        let found = spectrum::run_parts(&device, &asked, &mut parts, &mut |_| {
            left -= 1;
            if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let found = found.expect("it runs");
        let is_whole = found.jacobians() == whole.jacobians();
        assert_eq!(found.interrupted, !is_whole, "{times}");
        if is_whole {
            assert_eq!(said(&device, &model, &spec, &found), said(&device, &model, &spec, &whole));
            assert!(times > 2, "it was never stopped");
            return;
        }
    }
}

#[test]
fn spectra_of_matrices_are_not_kept_in_parts() {
    for flag in ["--resume", "--save-every=1", "--in-process", "--stall=9"] {
        let mut command = eulerscope();
        command.args(["spectrum", "--members", "3", "--width", "2", flag]);
        let error = refusal(command, 2);
        assert!(error.contains("is for runs in parts: of spectra, those of a --checkpoint are"), "{error}");
    }
}

#[test]
fn an_input_that_is_refused_leaves_nothing_to_go_on_with() {
    let root = TempDir::new().expect("a folder");
    for device in ["cpu", "software"] {
        let folder = root.path().join(device);
        let ask = |ids: &str| {
            let mut command = eulerscope();
            command.arg("spectrum").arg("--checkpoint").arg(data("gpt2")).args([
                "--token-ids",
                ids,
                "--device",
                device,
            ]);
            command.arg("-q").arg("--out").arg(&folder);
            command
        };
        let error = refusal(ask("1,2,999999"), 4);
        assert!(error.contains("there is no token 999999"), "{error}");
        assert!(!folder.join("parts").exists());
        assert!(ask("1,2,9").output().expect("it runs").status.success());
    }
}
