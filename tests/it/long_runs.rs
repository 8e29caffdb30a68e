//! Runs in units besides sweeps of members: exponents, and a trained model on a grid. Cut off, killed, shared out or done by
//! a process that dies, they end with the same numbers to the last bit.

use super::checkpoint::oracles::data;
use super::cli_bad_input::{eulerscope, refusal};
use eulerscope::device::Device;
use eulerscope::error::Result;
use eulerscope::lyapunov::{self, Part};
use eulerscope::results::parts::{Origin, Store, Terms};
use eulerscope::spec::{LyapunovSpec, Model};
use eulerscope::units::{Afresh, Parts};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Two blocks of members each; the numbers of the second come from states, too.
const EXPONENTS: [&str; 2] = [
    "lyapunov --members 300 --width 3 --depth 20 --radius 1.2 --top 2 --chunk 20",
    "lyapunov --model mlp --members 300 --width 2 --depth 20 --transient-steps 5 --top 1 --chunk 20",
];

/// A tiny Llama at more grid points than go through its layers at once.
fn trained() -> String {
    let ids: Vec<String> = (0..30).map(|id| (id % 17).to_string()).collect();
    let (folder, ids) = (data("llama"), ids.join(","));
    format!("sweep --checkpoint {} --token-ids {ids} --step-size lin(0.5,1.5,80) --damping 0", folder.display())
}

/// A tiny GPT-2 and a control at more tokens than are solved at once, and the largest values alone of a Llama's Jacobians.
fn spectra() -> [String; 2] {
    let of = |name: &str, more: &str| {
        format!("spectrum --checkpoint {} --token-ids 3,1,4,1,5,9,2,6,5,3 --tokens all {more}", data(name).display())
    };
    [of("gpt2", "--values --control shuffled --damping 0.6 --step-size 0.3"), of("llama", "--leading 2 --singular 1")]
}

/// Runs of trained models.
fn of_models() -> Vec<String> {
    [vec![trained()], spectra().to_vec()].concat()
}

fn run(arguments: &str, device: &str, folder: &Path, more: &[&str]) -> assert_cmd::Command {
    let mut command = eulerscope();
    command.args(arguments.split_whitespace()).args(["--device", device, "-q", "--out"]).arg(folder).args(more);
    // Workers that die one after the other each open the driver.
    command.timeout(Duration::from_secs(300));
    command
}

fn succeeds(mut command: assert_cmd::Command) {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// All numbers that the record of a run has.
fn numbers(folder: &Path) -> Value {
    let text = fs::read(folder.join("run.json")).expect("there");
    let mut run: Value = serde_json::from_slice(&text).expect("JSON");
    let object = run.as_object_mut().expect("an object");
    for key in ["timing", "device", "files"] {
        object.shift_remove(key);
    }
    run
}

fn said_of(folder: &Path) -> (String, Value) {
    (eulerscope::results::content::hash(folder).expect("tables"), numbers(folder))
}

#[test]
fn runs_that_are_killed_at_random_end_with_the_same_numbers() {
    let root = TempDir::new().expect("a folder");
    let of_models = of_models();
    for (place, arguments) in EXPONENTS.into_iter().chain(of_models.iter().map(String::as_str)).enumerate() {
        let whole = root.path().join(format!("whole-{place}"));
        let start = Instant::now();
        succeeds(run(arguments, "cpu", &whole, &[]));
        let (taken, folder) = (start.elapsed(), root.path().join(format!("killed-{place}")));
        for attempt in 0..200_u32 {
            assert!(attempt < 199, "it never ends");
            let mut child = Process::new(env!("CARGO_BIN_EXE_eulerscope"));
            child.args(arguments.split_whitespace()).args(["--device", "cpu", "-q", "--out"]).arg(&folder);
            child.args(["--save-every", "0", "--resume=auto"]).stdout(Stdio::null());
            let mut child = child.spawn().expect("it starts");
            // Any moment, later ones more and more likely, so that it comes to an end.
            std::thread::sleep(taken.mul_f64(f64::from(attempt * 7 % 10 + attempt) / 10.0));
            if let Some(status) = child.try_wait().expect("asked") {
                assert!(status.success());
                break;
            }
            child.kill().expect("killed");
            child.wait().expect("gone");
        }
        assert_eq!(said_of(&folder), said_of(&whole), "{arguments}");
        assert!(!folder.join("parts").exists());
    }
}

#[test]
fn shards_of_exponents_make_the_whole() {
    let root = TempDir::new().expect("a folder");
    for (place, arguments) in EXPONENTS.into_iter().enumerate() {
        let [whole, shards, merged] =
            ["whole", "shards", "merged"].map(|name| root.path().join(format!("{name}-{place}")));
        succeeds(run(arguments, "cpu", &whole, &[]));
        succeeds(run(arguments, "cpu", &shards, &["--shard", "2/2"]));
        let mut merge = eulerscope();
        merge.arg("merge").arg(&shards).arg("--out").arg(&merged);
        let error = refusal(merge, 9);
        assert!(error.contains("of shards 1;"), "{error}");
        succeeds(run(arguments, "cpu", &shards, &["--shard", "1/2"]));
        let mut merge = eulerscope();
        merge.arg("merge").arg(&shards).arg("-q").arg("--out").arg(&merged);
        succeeds(merge);
        assert_eq!(said_of(&merged), said_of(&whole));
    }
}

#[test]
fn a_worker_that_dies_changes_nothing() {
    let root = TempDir::new().expect("a folder");
    let of_models = of_models();
    for (place, arguments) in EXPONENTS.into_iter().chain(of_models.iter().map(String::as_str)).enumerate() {
        let alone = root.path().join(format!("alone-{place}"));
        succeeds(run(arguments, "software", &alone, &["--in-process"]));
        for fault in ["", "killed@1"] {
            let folder = root.path().join(format!("{place}-{fault}"));
            let mut command = run(arguments, "software", &folder, &[]);
            command.env("EULERSCOPE_WORKER_FAULT", fault);
            succeeds(command);
            assert_eq!(said_of(&folder), said_of(&alone), "{arguments} {fault}");
        }
    }
}

#[test]
fn a_unit_that_always_fails_is_left_out_and_said() {
    let root = TempDir::new().expect("a folder");
    let (trained, [spectra, _]) = (trained(), spectra());
    for (arguments, members, said) in [
        (EXPONENTS[0], Some(256), "the exponents are those of the other"),
        (&trained, None, "missing from the cells"),
        (&spectra, None, "their Jacobians are missing"),
    ] {
        let folder = root.path().join(said);
        let mut command = run(arguments, "software", &folder, &[]);
        command.env("EULERSCOPE_WORKER_FAULT", "abort@1!");
        let output = command.output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(error.contains("1 unit of work failed") && error.contains(said), "{error}");
        let found = numbers(&folder);
        assert_eq!(found["failed_units"].as_object().map(|units| units.len()), Some(1), "{found}");
        assert_eq!(found["members"].as_u64(), members);
        succeeds(run(arguments, "software", &folder, &["--resume"]));
        assert!(numbers(&folder).get("failed_units").is_none());
    }
}

/// A run that is gone on with is the same run: of the same model, too.
#[test]
fn another_run_is_refused() {
    let root = TempDir::new().expect("a folder");
    let (model, folder) = (root.path().join("model"), root.path().join("run"));
    fs::create_dir(&model).expect("made");
    for found in fs::read_dir(data("llama")).expect("there").flatten() {
        fs::copy(found.path(), model.join(found.file_name())).expect("copied");
    }
    let arguments = trained().replace(&data("llama").display().to_string(), &model.display().to_string());
    succeeds(run(&arguments, "cpu", &folder, &[]));
    let whole = run(&arguments, "cpu", &folder, &["--resume", "--json"]).output().expect("it runs").stdout;
    let whole: serde_json::Value = serde_json::from_slice(&whole).expect("the record");
    assert_eq!(whole["files"].as_object().map(serde_json::Map::is_empty), Some(false), "{whole}");
    let path = model.join("model-00004-of-00004.safetensors");
    let mut bytes = fs::read(&path).expect("there");
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    fs::write(&path, bytes).expect("written");
    let again = |more: &[&str]| {
        let mut command = eulerscope();
        command.arg(arguments.split(' ').next().expect("a command")).arg(folder.join("run.json"));
        command.args(["--device", "cpu", "-q"]).args(more);
        command
    };
    let error = refusal(again(&[]), 4);
    assert!(
        error.contains("not as in the run that is recorded: model-00004-of-00004.safetensors; give --checkpoint"),
        "{error}"
    );
    succeeds(again(&["--checkpoint", &model.display().to_string()]));
    let error = refusal(run(&arguments, "cpu", &folder, &["--resume"]), 8);
    assert!(error.contains("differs in model-00004-of-00004.safetensors of the model"), "{error}");
    let exponents = root.path().join("exponents");
    succeeds(run(EXPONENTS[0], "cpu", &exponents, &[]));
    let error = refusal(run(EXPONENTS[0], "cpu", &exponents, &["--resume", "--seed", "1"]), 8);
    assert!(error.contains("differs in seed"), "{error}");
    let error = refusal(run("sweep --members 3 --width 2", "cpu", &exponents, &["--resume"]), 8);
    assert!(error.contains("differs in"), "{error}");
}

#[test]
fn what_is_unfinished_or_mixed_is_said() {
    let root = TempDir::new().expect("a folder");
    let shards = root.path().join("shards");
    let ask = |command: &str| {
        let mut asked = eulerscope();
        asked.arg(command).arg(&shards);
        asked
    };
    succeeds(run(EXPONENTS[0], "cpu", &shards, &["--shard", "1/2"]));
    succeeds(ask("status"));
    let error = refusal(ask("report"), 4);
    assert!(error.contains("holds a run that is not finished"), "{error}");
    succeeds(run(EXPONENTS[0], "cpu", &shards, &["--shard", "2/2", "--seed", "1"]));
    let error = refusal(ask("status"), 9);
    assert!(error.contains("shards of different runs, which differ in seed"), "{error}");
    for (flag, said) in [("--any-device", "give --resume with it"), ("--shard-offset=3", "is for --shard auto/N")] {
        let error = refusal(run(EXPONENTS[0], "cpu", &root.path().join("new"), &[flag]), 2);
        assert!(error.contains(said), "{error}");
    }
}

/// Parts in memory, of which some may be unwanted.
#[derive(Default)]
struct Memory {
    parts: BTreeMap<usize, Part>,
    unwanted: BTreeSet<usize>,
}

impl Parts<Part> for Memory {
    fn wants(&self, unit: usize) -> bool {
        !self.unwanted.contains(&unit)
    }

    fn has(&self, unit: usize) -> bool {
        self.parts.contains_key(&unit)
    }

    fn take(&mut self, unit: usize, _empty: Part) -> Result<Part> {
        Ok(self.parts[&unit].clone())
    }

    fn keep(&mut self, unit: usize, part: &mut Part) -> Result<()> {
        assert!(self.parts.insert(unit, part.clone()).is_none(), "no unit is worked on twice");
        Ok(())
    }
}

#[test]
fn exponents_are_those_of_their_members_whatever_is_done_first() {
    for model in [Model::Linear, Model::Mlp] {
        let device = Device::open("cpu").expect("always there");
        let mut spec = LyapunovSpec { depth: 24, ..LyapunovSpec::of(model) };
        (spec.ensemble.members, spec.ensemble.width) = (800, 3);
        spec.layer.tokens = 1;
        let go_on = &mut |_: f64| ControlFlow::Continue(());
        let whole = lyapunov::run_parts(&device, &spec, 0, &mut Afresh, go_on).expect("it runs");
        assert_eq!((whole.members, whole.interrupted), (800, false));
        let mut parts = Memory { unwanted: [0, 2].into(), ..Memory::default() };
        for unwanted in [vec![0, 2], vec![2], vec![]] {
            parts.unwanted = unwanted.into_iter().collect();
            for chunk in [7, 0] {
                let found = lyapunov::run_parts(&device, &spec, chunk, &mut parts, go_on).expect("it runs");
                assert_eq!(found.members, parts.parts.values().map(|part| part.members.len()).sum::<usize>());
            }
        }
        assert_eq!(lyapunov::run_parts(&device, &spec, 0, &mut parts, go_on).expect("it runs"), whole);
        // Stopped behind the first chunk: whole blocks are kept, the results are those of all members that were done.
        let mut parts = Memory::default();
        let mut stop = |_: f64| ControlFlow::Break(());
        let found = lyapunov::run_parts(&device, &spec, 300, &mut parts, &mut stop).expect("it runs");
        assert_eq!((found.members, found.interrupted, parts.parts.len()), (300, true, 1));
    }
}

/// Numbers of several devices are never taken for those of one.
#[test]
fn results_of_several_devices_say_so() {
    let root = TempDir::new().expect("a folder");
    let (shards, merged) = (root.path().join("shards"), root.path().join("merged"));
    succeeds(run(EXPONENTS[0], "cpu", &shards, &["--shard", "1/2"]));
    succeeds(run(EXPONENTS[0], "reference", &shards, &["--shard", "2/2"]));
    let mut merge = eulerscope();
    merge.arg("merge").arg(&shards).args(["-q", "--device", "cpu", "--out"]).arg(&merged);
    succeeds(merge);
    let others = numbers(&merged)["other_devices"].clone();
    assert!(others[0].as_str().is_some_and(|own| own.starts_with("reference: ")) && others[1].is_null(), "{others}");
    // A run that is gone on with elsewhere, and elsewhere again.
    let origin = |word: &str| {
        let device = Device::open(word).expect("always there");
        Origin::of("lyapunov", &LyapunovSpec::default(), &device.description(), word, 2)
    };
    let terms = Terms { shard: None, every: Some(Duration::ZERO), any_device: true };
    let folder = root.path().join("run");
    Store::begin(&folder, origin("cpu"), &terms).expect("a new folder");
    for word in ["reference", "cpu", "reference"] {
        let own = origin(word);
        let mut store = Store::resume(&folder, own.clone(), &terms, &mut |_| {}).expect("whole").expect("there");
        store.flush().expect("written");
        let others = store.other_devices(own.device());
        let other = if word == "cpu" { "reference: " } else { "cpu: " };
        assert!(others.len() == 1 && others[0].starts_with(other), "{word}: {others:?}");
    }
}
