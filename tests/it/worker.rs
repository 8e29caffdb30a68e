//! The GPU in a process of its own: whatever happens there, the results are those of a run in one process, or what is
//! missing is said.

use super::adapter::{gpu, software_adapters};
use super::cli_bad_input::{eulerscope, refusal};
use eulerscope::device::Device;
use eulerscope::device::self_test::self_test;
use eulerscope::results::parts::Tables;
use eulerscope::results::parts::wire::{self, Message};
use eulerscope::spec::{Grid, Model, SweepSpec};
use eulerscope::sweep::{self, Part, Shapes};
use eulerscope::units::{Parts, Units};
use proptest::prelude::*;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::Path;
use tempfile::TempDir;

/// Three blocks of members, on the software driver.
const SWEEP: &str =
    "sweep --device software --members 600 --width 3 --depth 4 --step-size 0.1,1 --radius 0.5,1 --damping 0 -q";

fn run(folder: &Path, fault: &str, more: &[&str]) -> assert_cmd::Command {
    let mut command = eulerscope();
    command.timeout(std::time::Duration::from_secs(60)).env("EULERSCOPE_WORKER_FAULT", fault);
    command.args(SWEEP.split_whitespace()).arg("--out").arg(folder).args(more);
    command
}

fn hash(folder: &Path) -> String {
    eulerscope::results::content::hash(folder).expect("tables")
}

#[test]
fn a_worker_that_dies_hangs_or_loses_its_device_changes_nothing() {
    let root = TempDir::new().expect("a folder");
    let alone = root.path().join("alone");
    assert!(run(&alone, "", &["--in-process"]).output().expect("it runs").status.success());
    for fault in ["", "abort@0", "killed@1", "lost@1", "garbled@0", "garbage@2", "hang@2"] {
        let folder = root.path().join(format!("fault-{fault}"));
        let output = run(&folder, fault, &["--stall", "5"]).output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{fault}: {error}");
        assert_eq!(hash(&folder), hash(&alone), "{fault}");
        assert!(!folder.join("parts").exists(), "{fault}");
    }
}

#[test]
fn a_unit_that_always_fails_is_left_out_and_said() {
    let root = TempDir::new().expect("a folder");
    let folder = root.path().join("run");
    let output = run(&folder, "abort@1!", &["--json"]).output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{error}");
    let line = error.lines().find(|line| line.starts_with("error: ")).expect("an error");
    assert!(line.contains("1 unit of work failed") && line.contains("unit 1: the worker ended (signal: 6"), "{line}");
    let run_json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        run_json["failed_units"].as_object().map(|units| units.keys().cloned().collect()),
        Some(vec!["1".to_string()])
    );
    for cell in run_json["cells"].as_array().expect("cells") {
        assert_eq!(cell["members"], 600 - 256, "the members of the second block are missing");
    }
    // Without the fault the run goes on to all of them.
    assert!(run(&folder, "", &["--resume"]).output().expect("it runs").status.success());
    let whole = root.path().join("whole");
    assert!(run(&whole, "", &[]).output().expect("it runs").status.success());
    assert_eq!(hash(&folder), hash(&whole));
}

#[test]
fn a_device_that_always_fails_is_a_device_failure() {
    let root = TempDir::new().expect("a folder");
    let folder = root.path().join("run");
    let output = run(&folder, "abort@*!", &[]).output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{error}");
    let line = error.lines().last().expect("a line");
    assert!(line.contains("whatever it is given") && line.contains("--resume"), "{line}");
    assert!(run(&folder, "", &["--resume"]).output().expect("it runs").status.success());
}

#[test]
fn a_worker_is_for_the_program_itself() {
    let mut command = eulerscope();
    command.arg("worker").write_stdin("no JSON\n");
    assert!(refusal(command, 2).contains("it is for eulerscope itself"));
}

/// Parts that are kept as bytes.
struct Bytes(Vec<(usize, Vec<u8>)>);

impl Parts<Part> for Bytes {
    fn is_whole(&self) -> bool {
        false
    }

    fn keep(&mut self, unit: usize, part: &mut Part) -> eulerscope::error::Result<()> {
        self.0.push((unit, encode(part)));
        Ok(())
    }
}

fn encode(part: &mut Part) -> Vec<u8> {
    wire::encode(&Tables::of(part))
}

/// The part that came as these bytes, if they are one of its shape.
fn decode(bytes: &[u8], empty: Part) -> Option<Part> {
    wire::decode(bytes)?.part(empty).ok()
}

fn parts(model: Model) -> (Shapes, Bytes) {
    let device = Device::open("reference").expect("always there");
    let mut spec = SweepSpec { depth: 3, ..SweepSpec::of(model) };
    (spec.ensemble.members, spec.ensemble.width, spec.layer.tokens) = (5, 3, 1);
    (spec.step_size, spec.radius) = (Grid::parse("0.5,1").expect("a grid"), Grid::parse("1").expect("a grid"));
    let mut bytes = Bytes(Vec::new());
    sweep::run_parts(&device, &spec, &mut bytes, &|_| 1.0, &mut |_| ControlFlow::Continue(())).expect("it runs");
    (Shapes::of(&device, &spec), bytes)
}

#[test]
fn parts_come_through_a_pipe_to_the_last_bit() {
    for model in [Model::Linear, Model::Mlp] {
        let (shapes, Bytes(all)) = parts(model);
        for (unit, part) in all {
            let mut stream = Vec::new();
            wire::send(&mut stream, &Message::Done { unit, part: part.clone() }).expect("sent");
            let mut stream = Cursor::new(stream);
            let received = wire::receive(&mut stream).expect("received");
            assert_eq!(received, Message::Done { unit, part: part.clone() });
            let mut read = decode(&part, shapes.empty(unit)).expect("a part");
            assert_eq!(encode(&mut read), part);
            for cut in [0, 1, 7, 8, part.len() / 2, part.len() - 8] {
                assert!(decode(&part[..cut], shapes.empty(unit)).is_none(), "{cut} of {} bytes", part.len());
            }
            assert!(decode(&[part.as_slice(), &[0; 8]].concat(), shapes.empty(unit)).is_none());
        }
    }
}

proptest! {
    #[test]
    fn damaged_frames_and_parts_are_refused(place in 0_usize..10_000, bit in 0_u8..8, noise: Vec<u8>) {
        let (shapes, Bytes(all)) = parts(Model::Linear);
        let mut stream = Vec::new();
        wire::send(&mut stream, &Message::Done { unit: 0, part: all[0].1.clone() }).expect("sent");
        let place = place % stream.len();
        stream[place] ^= 1 << bit;
        prop_assert!(wire::receive(&mut Cursor::new(&stream)).is_err(), "byte {}", place);
        prop_assert!(wire::receive(&mut Cursor::new(&noise)).is_err());
        let mut part = all[0].1.clone();
        let place = place % part.len();
        part[place] ^= 1 << bit;
        // Without its hash a part of other numbers is one; nothing panics, and memory is bounded by what is there.
        let _ = decode(&part, shapes.empty(0));
        let _ = decode(&noise, shapes.empty(0));
    }
}

/// The checksum itself finds it, with no signature in the output: the next readback after that is right again.
#[test]
fn a_readback_that_comes_out_wrong_is_a_device_failure() {
    for name in software_adapters() {
        let device = gpu(&name);
        let good = self_test(&device).expect("it runs");
        device.garble();
        let error = self_test(&device).expect_err("a word came back wrong");
        assert!(error.exit_code() == 6 && error.to_string().contains("came back with checksum"), "{name}: {error}");
        assert_eq!(self_test(&device).expect("it runs"), good, "{name}");
        // What is read then are the outputs of the runs before, right to the last bit, and their checksums.
        device.omit();
        let error = self_test(&device).expect_err("nothing came back");
        assert!(error.exit_code() == 6 && error.to_string().contains("came back with checksum"), "{name}: {error}");
        assert_eq!(self_test(&device).expect("it runs"), good, "{name}");
    }
}
