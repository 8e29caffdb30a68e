//! A sweep handed to Slurm, without one: the scripts, who submits them, and what is refused. tests/slurm.sh has a real one.

use crate::cli_bad_input::{eulerscope, refusal};
use eulerscope::jobs::arrays::{Array, arrays};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const SPEC: &str = "members = 512\nwidth = 8\ndepth = 5\nstep_size = [0.1, 1.0]\nradius = 0.9\n";

/// A folder with blanks and marks in its name, a specification in it, and commands of a Slurm that writes down what it is asked.
struct Stage {
    _folder: TempDir,
    work: PathBuf,
}

impl Stage {
    /// With `sbatch` refusing from the call after so many on.
    fn new(accepted: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let work = folder.path().join("a b %j $HOME");
        fs::create_dir_all(work.join("bin")).expect("made");
        fs::write(work.join("spec.toml"), SPEC).expect("written");
        let stage = Stage { _folder: folder, work };
        stage.command(
            "sbatch",
            &format!(
                "n=$(ls ../asked* 2> /dev/null | wc -l)\n[ $n -lt {accepted} ] || {{ echo 'sbatch: error: no more' >&2; exit 1; }}\n\
                 printf '%s\\n' \"$@\" > ../arguments$n\ncat > ../asked$n\necho \"$((n + 11));cluster\"\n"
            ),
        );
        stage.command("scancel", "printf '%s\\n' \"$@\" >> ../cancelled\n");
        stage.command("squeue", "cat ../queue 2> /dev/null || true\n");
        stage.command("scontrol", "printf 'ControlAddr = x\\nMaxArraySize            = 6\\nMaxJobCount = 9\\n'\n");
        stage
    }

    fn command(&self, name: &str, script: &str) {
        let path = self.work.join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\ncd \"$(dirname \"$0\")\"\n{script}")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    }

    /// A command in the folder, with this Slurm.
    fn with_slurm(&self, command: &mut Command) {
        let path = std::env::var("PATH").expect("is set");
        command.current_dir(&self.work).env("PATH", format!("{}:{path}", self.work.join("bin").display()));
    }

    fn eulerscope(&self, line: &str) -> assert_cmd::Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
        self.with_slurm(&mut command);
        command.args(words(line));
        assert_cmd::Command::from_std(command)
    }

    /// What a valid command writes to standard output.
    #[track_caller]
    fn says(&self, line: &str) -> String {
        let output = self.eulerscope(line).output().expect("starts");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.work.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The scripts that were submitted, and forgets them.
    fn submitted(&self) -> Vec<String> {
        let names = (0..).map(|n| format!("asked{n}")).take_while(|name| self.work.join(name).exists());
        let scripts = names.map(|name| {
            let text = self.read(&name);
            fs::remove_file(self.work.join(name)).expect("removed");
            text
        });
        scripts.collect()
    }
}

/// Words between blanks; those between bars keep theirs.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('|').enumerate();
    parts
        .flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().map(str::to_string).collect(),
            _ => vec![part.to_string()],
        })
        .collect()
}

#[test]
fn shards_have_the_same_place_in_any_array() {
    let array = |offset, indices: &str, tasks| Array { offset, indices: indices.to_string(), tasks };
    let all: Vec<usize> = (1..=12).collect();
    assert_eq!(arrays(&all, 5), [array(0, "1-5", 5), array(5, "1-5", 5), array(10, "1-2", 2)]);
    assert_eq!(arrays(&[2, 4, 5, 11], 5), [array(0, "2,4-5", 3), array(10, "1", 1)]);
    assert_eq!(arrays(&[3], 1), [array(2, "1", 1)]);
    assert_eq!(arrays(&[], 5), []);
}

#[test]
fn what_is_printed_submits_the_same_as_submit() {
    let line = "slurm spec.toml --tasks 8 --out |the results| --device cpu --sbatch |--partition=gpu --time=5| --sbatch-merge \
                |--time=1| --parallel 3 --seed 7";
    let printing = Stage::new(9);
    let script = printing.says(line);
    assert!(!printing.work.join("the results").exists(), "printing writes nothing");
    fs::write(printing.work.join("submit.sh"), script).expect("written");
    let mut bash = Command::new("bash");
    printing.with_slurm(&mut bash);
    let said = bash.arg("submit.sh").output().expect("bash runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let (said, merged) = (String::from_utf8_lossy(&said.stdout), printing.work.join("the results/merged"));
    assert_eq!(said, format!("jobs 11 12 do the shards; job 13 merges them into {}\n", merged.display()));
    let printed = printing.submitted();

    let submitting = Stage::new(9);
    let said: Value = serde_json::from_str(&submitting.says(&format!("{line} --submit --json"))).expect("JSON");
    assert_eq!(said["submitted"], serde_json::json!({ "tasks": ["11", "12"], "merge": "13" }));
    // Folders differ, and nothing else.
    let there =
        |text: &str, stage: &Stage| text.replace(stage.work.parent().expect("has one").to_str().expect("UTF-8"), "");
    let submitted = submitting.submitted();
    assert_eq!(printed.len(), 3);
    for (printed, submitted) in printed.iter().zip(&submitted) {
        assert_eq!(there(printed, &printing), there(submitted, &submitting));
    }
    for (stage, name) in [(&printing, "printed"), (&submitting, "submitted")] {
        assert_eq!(stage.read("the results/slurm/submitted"), "11\n12\n13\n", "{name}");
        assert_eq!(stage.read("arguments0"), "--parsable\n", "{name}");
        assert_eq!(stage.read("arguments2"), "--parsable\n--dependency=afterok:11:12\n", "{name}");
    }
    let tasks = [
        ("#SBATCH --array=1-5%3\n", "--shard auto/8 --resume"),
        ("#SBATCH --array=1-3%3\n", "auto/8 --shard-offset 5 "),
    ];
    for (script, (array, shard)) in submitted.iter().zip(tasks) {
        for part in [
            array,
            shard,
            "#SBATCH --partition=gpu --time=5\n",
            "#SBATCH --requeue\n",
            "/a b %%j $HOME/the results/slurm/%A_",
        ] {
            assert!(script.contains(part), "{part}: {script}");
        }
    }
    assert!(submitted[2].contains("#SBATCH --time=1\n") && !submitted[2].contains("gpu"), "{}", submitted[2]);
    // What the tasks read is the sweep that was asked for.
    let spec = |file: &str| -> Value {
        let line = format!("sweep |{file}| --seed 7 --plan --json --quiet --device cpu");
        serde_json::from_str::<Value>(&submitting.says(&line)).expect("JSON")["spec"].clone()
    };
    assert_eq!(spec("the results/slurm/job.json"), spec("spec.toml"));
}

/// The task's script in a folder of such a name: what it runs, and what it makes of the ways that it can end.
#[test]
fn a_task_calls_the_program_and_maps_its_exit_codes() {
    let stage = Stage::new(9);
    stage.says("slurm spec.toml --tasks 3 --out |the results| --device |an adapter's name| --submit");
    let script = stage.submitted().swap_remove(0);
    let program = env!("CARGO_BIN_EXE_eulerscope");
    assert!(script.contains(&format!("\n{program} sweep ")), "{script}");
    stage.command("stub", "pwd > ../place\nprintf '%s\\n' \"$@\" > ../called\nexit $STUB_CODE\n");
    stage.command("scontrol", "echo \"$@\" >> ../requeued\n");
    let stub = stage.work.join("bin/stub").display().to_string();
    let script = script.replace(&format!("\n{program} sweep "), "\n\"$STUB\" sweep ");
    for (code, restarts, ends, requeued) in [
        (0, 0, 0, false),
        (3, 0, 3, false),
        (6, 0, 6, true),
        (7, 2, 7, true),
        (7, 3, 7, false),
        (2, 0, 2, false),
        (4, 0, 4, false),
        (5, 0, 5, false),
        (8, 0, 8, false),
        (137, 0, 137, false),
    ] {
        let _ = fs::remove_file(stage.work.join("requeued"));
        let mut bash = Command::new("bash");
        stage.with_slurm(&mut bash);
        bash.args(["-c", &script]).current_dir("/").env("STUB", &stub).env("STUB_CODE", code.to_string());
        bash.env("SLURM_RESTART_COUNT", restarts.to_string()).env("SLURM_JOB_ID", "77");
        assert_eq!(bash.status().expect("bash runs").code(), Some(ends), "{code}");
        let asked = fs::read_to_string(stage.work.join("requeued")).ok();
        assert_eq!(asked.as_deref(), requeued.then_some("requeue 77\n"), "{code} after {restarts}");
    }
    let folder = stage.work.display();
    let record = format!("{folder}/the results/slurm/job.json");
    let out = format!("{folder}/the results");
    let expected =
        ["sweep", &record, "--device", "an adapter's name", "--shard", "auto/3", "--resume=auto", "--out", &out];
    assert_eq!(stage.read("called").lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_refused_job_leaves_nothing_behind() {
    let line = "slurm spec.toml --tasks 8 --out results";
    let stage = Stage::new(1);
    let said = refusal(stage.eulerscope(&format!("{line} --submit")), 4);
    assert!(said.contains("sbatch: error: no more"), "{said}");
    assert_eq!(stage.read("cancelled"), "11\n");
    assert!(!stage.work.join("results/slurm/job.json").exists());
    let stage = Stage::new(1);
    fs::write(stage.work.join("submit.sh"), stage.says(line)).expect("written");
    let mut bash = Command::new("bash");
    stage.with_slurm(&mut bash);
    assert!(!bash.arg("submit.sh").output().expect("bash runs").status.success());
    assert_eq!(stage.read("cancelled"), "11\n");
    assert!(!stage.work.join("results/slurm/job.json").exists());
    // Where there is no Slurm at all.
    let mut command = stage.eulerscope(&format!("{line} --max-array-size 50 --submit"));
    command.env("PATH", "/nowhere");
    let said = refusal(command, 7);
    assert!(
        said.contains("sbatch") && said.contains("without --submit") | said.contains("leave --submit out"),
        "{said}"
    );
}

#[test]
fn nothing_is_submitted_twice() {
    let stage = Stage::new(9);
    stage.says("slurm spec.toml --tasks 3 --out results --submit");
    stage.submitted();
    let again = stage.eulerscope("slurm spec.toml --tasks 3 --out results --submit");
    assert!(refusal(again, 7).contains("slurm --retry"));
    fs::write(stage.work.join("queue"), "9\n11\n11\n").expect("written");
    let said = refusal(stage.eulerscope("slurm --retry results --submit"), 4);
    assert!(said.contains("scancel 11\n"), "{said}");
    fs::write(stage.work.join("queue"), "9\n").expect("written");
    stage.says("slurm --retry results --sbatch --time=9 --submit");
    let retried = stage.submitted();
    assert!(retried[0].contains("--array=1-3\n") && retried[0].contains("#SBATCH --time=9\n"), "{}", retried[0]);
    assert_eq!(stage.read("results/slurm/submitted"), "11\n12\n11\n12\n", "the first attempt and the second");
}

#[test]
fn bad_requests_are_refused_in_one_line() {
    let stage = Stage::new(9);
    for (line, code, said) in [
        ("slurm", 2, "SPEC.toml"),
        ("slurm spec.toml --out x", 2, "--tasks"),
        ("slurm spec.toml --tasks 8", 2, "--out DIR"),
        ("slurm spec.toml --tasks 0 --out x", 4, "at least 1"),
        ("slurm spec.toml --tasks 1000001 --out x", 4, "fewer"),
        ("slurm spec.toml --tasks 8 --out x --plan", 2, "--plan"),
        ("slurm spec.toml --tasks 8 --out x --force", 2, "--force"),
        ("slurm none.toml --tasks 8 --out x", 7, "none.toml"),
        ("slurm spec.toml --tasks 8 --out x --sbatch gpu", 4, "--partition=gpu"),
        ("slurm spec.toml --tasks 8 --out x --sbatch |--array=1-3|", 4, "--array"),
        ("slurm spec.toml --tasks 8 --out x --sbatch |--time=5 -a 1-3|", 4, "-a"),
        ("slurm spec.toml --tasks 8 --out x --sbatch-merge |--dependency=singleton|", 4, "--dependency"),
        ("slurm spec.toml --tasks 8 --out x --sbatch |--time=5\n#SBATCH --x|", 4, "one line"),
        ("slurm spec.toml --tasks 8 --out x --parallel 0", 4, "at least 1"),
        ("slurm spec.toml --tasks 8 --out x --max-array-size 1", 4, "2 or more"),
        ("slurm spec.toml --tasks 8 --out |it's|", 4, "no quote"),
        ("slurm spec.toml --tasks 8 --out |a\nb|", 4, "rename"),
        ("slurm spec.toml --retry x", 2, "--retry"),
        ("slurm --retry none", 7, "slurm --out DIR"),
        ("slurm --retry x --out y", 2, "--out"),
        ("slurm --retry x --seed 3", 2, "--seed"),
        ("kubernetes spec.toml --tasks 8 --out /r", 2, "--image"),
        ("kubernetes spec.toml --tasks 8 --image i", 2, "--out DIR"),
        ("kubernetes spec.toml --tasks 8 --image i --out r", 4, "absolute"),
        ("kubernetes spec.toml --tasks 8 --image i --out /r:w", 4, "absolute"),
        ("kubernetes spec.toml --tasks 0 --image i --out /r", 4, "at least 1"),
        ("kubernetes spec.toml --tasks 10001 --image i --out /r", 4, "10000"),
        ("kubernetes spec.toml --tasks 8 --image |a b| --out /r", 4, "image"),
        ("kubernetes spec.toml --tasks 8 --image i --out /r --name Big", 4, "small letters"),
        ("kubernetes spec.toml --tasks 8 --image i --out /r --claim x-", 4, "small letters"),
        ("kubernetes spec.toml --tasks 8 --image i --out /r --limit gpu", 4, "RESOURCE=AMOUNT"),
        ("kubernetes spec.toml --tasks 8 --image i --out /r --parallel 0", 4, "at least 1"),
        ("kubernetes spec.toml --tasks 8 --image i --out /r --json", 2, "--json"),
    ] {
        let refused = refusal(stage.eulerscope(line), code);
        assert!(refused.contains(said), "{line}: {refused}");
    }
    fs::create_dir_all(stage.work.join("odd/slurm")).expect("made");
    fs::write(stage.work.join("odd/slurm/job.json"), "{}").expect("written");
    assert!(refusal(stage.eulerscope("slurm --retry odd"), 4).contains("job.json"));
}

/// A program in Python with the packages of tests/requirements.txt.
#[track_caller]
fn python(script: &str, arguments: &[&Path]) {
    let python = std::env::var_os("EULERSCOPE_PYTHON")
        .expect("EULERSCOPE_PYTHON is not set; run bash tests/run.sh, which makes it from tests/requirements.txt");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    let output = Command::new(python).arg(script).args(arguments).output().expect("EULERSCOPE_PYTHON must run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn kubernetes_takes_the_manifest() {
    let stage = Stage::new(0);
    let line = "kubernetes spec.toml --tasks 40 --out |/the \"results\"| --image registry:5000/eulerscope:0.1 --parallel 7 --limit \
                nvidia.com/gpu=1 --limit memory=8Gi --name a-sweep --claim disk --any-device --device |an \"adapter's\" name| --seed 7";
    fs::write(stage.work.join("job.yaml"), stage.says(line)).expect("written");
    python("kubernetes.py", &[&stage.work.join("job.yaml"), &stage.work.join("record.json")]);
    let spec = |file: &str| -> Value {
        let text = stage.says(&format!("sweep {file} --seed 7 --plan --json --quiet --device cpu"));
        serde_json::from_str::<Value>(&text).expect("JSON")["spec"].clone()
    };
    assert_eq!(spec("record.json"), spec("spec.toml"));
}

/// The same results by one machine and by tasks of HyperQueue on two workers.
#[cfg(target_os = "linux")]
#[test]
fn hyperqueue_does_the_same_shards() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("spec.toml"), SPEC.replace("512", "2000")).expect("written");
    let says = |line: &str| {
        let output = eulerscope().args(line.split(' ')).current_dir(folder.path()).output().expect("starts");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    says("sweep spec.toml --device cpu --quiet --out alone");
    python("on_hyperqueue.py", &[Path::new(env!("CARGO_BIN_EXE_eulerscope")), folder.path(), Path::new("5")]);
    for shard in 1..=5 {
        assert!(folder.path().join(format!("shards/shard-{shard}-of-5")).is_dir(), "shard {shard}");
    }
    says("merge shards --out merged --device cpu --quiet");
    let hash = |name: &str| says(&format!("hash {name}")).split_whitespace().next().map(str::to_string);
    assert_eq!(hash("merged"), hash("alone"));
    assert!(hash("alone").is_some_and(|hash| hash.len() >= 32));
}

#[test]
fn no_scheduler_is_needed_to_refuse() {
    let mut command = eulerscope();
    command.args(["slurm", "--retry", "/nowhere", "--submit"]).env("PATH", "/nowhere");
    assert!(refusal(command, 7).contains("/nowhere/slurm/job.json"));
}
