//! The essay: every number within its error of theory, verdicts that are the same on every device, and commands that run
//! again what was run.

use crate::adapter::{reference, software};
use crate::cli_bad_input::{eulerscope, refusal};
use crate::cli_results::{self, run};
use eulerscope::cli::{Request, understand};
use eulerscope::device::Device;
use eulerscope::essay::{CLAIMS, Claim, Effort, Examined, Lab};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

/// Where the README's table of verdicts begins and ends.
const MARKS: [&str; 2] = ["<!-- verdicts -->\n", "<!-- end of the verdicts -->"];

fn examined(device: &Device, claims: &[&'static Claim]) -> Vec<Examined> {
    let mut stop = |_: f64| ControlFlow::Continue(());
    let lab = Lab::new(device, 0, Effort::Quick, &mut stop);
    claims.iter().map(|claim| claim.examine(&lab).unwrap_or_else(|error| panic!("{}: {error}", claim.id))).collect()
}

/// The truth of each statement, by claim.
fn truths(found: &[Examined]) -> Vec<(&'static str, Vec<&'static str>)> {
    let of = |one: &Examined| one.finding.statements.iter().map(|own| own.truth().word()).collect();
    found.iter().map(|one| (one.claim.id, of(one))).collect()
}

#[track_caller]
fn assert_agreed(found: &[Examined], device: &str) {
    for one in found {
        let mut predicted = 0;
        for own in &one.finding.statements {
            assert!(own.agrees() != Some(false), "{} on {device}: {own:?}", one.claim.id);
            predicted += usize::from(own.agrees() == Some(true));
        }
        assert!(predicted > 0, "{}: nothing is compared with theory", one.claim.id);
    }
}

/// All claims on the CPU path, examined once.
fn on_the_cpu() -> &'static [Examined] {
    static ALL: OnceLock<Vec<Examined>> = OnceLock::new();
    ALL.get_or_init(|| examined(&Device::open("cpu").expect("always there"), &CLAIMS.iter().collect::<Vec<_>>()))
}

/// Those of Mercury's stacks take minutes in f64, and are held against closed forms on all devices in `essay_mercury`.
fn is_short(id: &str) -> bool {
    !["mercury", "hallucination"].contains(&id)
}

#[test]
fn every_number_is_that_of_theory_on_hosts_and_verdicts_are_the_same() {
    let cpu = on_the_cpu();
    assert_agreed(cpu, "cpu");
    let of = |one: &Examined| one.finding.statements.iter().all(|own| own.truth().word() != "undecided");
    let open: Vec<&str> = cpu.iter().filter(|one| !of(one)).map(|one| one.claim.id).collect();
    assert!(open.iter().all(|id| *id == "hallucination"), "{open:?} are too near to an edge");
    let short: Vec<&Claim> = CLAIMS.iter().filter(|claim| is_short(claim.id)).collect();
    let exact = examined(&reference(), &short);
    assert_agreed(&exact, "reference");
    let of_short: Vec<_> = truths(cpu).into_iter().filter(|(id, _)| is_short(id)).collect();
    assert_eq!(of_short, truths(&exact));
}

/// Those whose work software Vulkan does in seconds.
#[test]
fn software_drivers_come_to_the_same_verdicts() {
    let quick = ["decay", "integrators", "fates", "tiny-steps", "attention", "overshoot"];
    let claims: Vec<&Claim> = quick.iter().map(|id| Claim::named(id).expect(id)).collect();
    let found = examined(&software(), &claims);
    assert_agreed(&found, "software");
    let of_cpu: Vec<_> = truths(on_the_cpu()).into_iter().filter(|(id, _)| quick.contains(id)).collect();
    assert_eq!(truths(&found), of_cpu);
}

#[test]
fn claims_have_names_of_their_own() {
    let names: BTreeSet<&str> = CLAIMS.iter().map(|claim| claim.id).collect();
    assert_eq!(names.len(), CLAIMS.len());
    for claim in CLAIMS {
        assert!(claim.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", claim.id);
        for text in [claim.claim, claim.experiment, claim.remark] {
            assert!(text.ends_with(['.', ')']) && !text.contains("  "), "{}: {text}", claim.id);
        }
    }
}

/// The words of a command line, with quotes as a shell has them.
pub fn words(line: &str) -> Vec<OsString> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(OsString::from(std::mem::take(&mut word))),
            c => word.push(c),
        }
    }
    words.push(word.into());
    words
}

/// The line of every run asks for exactly what was run; lines are missing only where a run had own matrices or states.
#[test]
fn the_runs_of_a_claim_can_be_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let short: Vec<&str> = CLAIMS.iter().map(|claim| claim.id).filter(|id| is_short(id)).collect();
    let result = cli_results::json(&format!("essay {} --quick --json --seed 3", short.join(" ")), folder.path());
    let mut lines = 0;
    for claim in result["claims"].as_array().expect("claims") {
        let again = understood(claim["command"].as_str().expect("a command")).expect("it is understood");
        assert_eq!(again["essay"], json!({ "claims": [claim["id"]], "quick": true, "seed": 3 }));
        for own in claim["runs"].as_array().expect("runs") {
            let spec = &own["spec"];
            let Some(line) = own["line"].as_str() else {
                assert!(spec.get("matrix").or(spec.get("initial")).is_some(), "{own}");
                continue;
            };
            let asked = understood(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(&asked[own["command"].as_str().expect("a command")], spec, "{line}");
            lines += 1;
        }
    }
    assert!(lines > 50, "{lines} lines");
}

/// The command that a line asks for, with its specification.
fn understood(line: &str) -> Result<Value, String> {
    match understand(words(line).into_iter()) {
        Ok(Request::Run(invocation)) => Ok(serde_json::to_value(&invocation.command).expect("JSON")),
        Ok(other) => Err(format!("{other:?}")),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn the_contract_of_the_json_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let result = cli_results::json("essay overshoot decay --quick --json --out out", folder.path());
    let claims = result["claims"].as_array().expect("claims");
    // In the essay's order, whatever the order of the names.
    assert_eq!(claims.iter().map(|claim| claim["id"].as_str().unwrap()).collect::<Vec<_>>(), ["decay", "overshoot"]);
    for name in ["id", "claim", "experiment", "measured", "predicted", "verdict", "command", "statements", "graph"] {
        assert!(!claims[0][name].is_null(), "{name}");
    }
    assert_eq!(claims[0]["verdict"], "holds");
    assert_eq!(claims[0]["measured"][0]["value"].as_f64().map(|value| (value - 4.0).abs() < 1e-5), Some(true));
    assert_eq!(result["verdicts"]["holds"], 1);
    for file in ["run.json", "claims.parquet", "statements.parquet", "curves.parquet", "decay.png", "overshoot.svg"] {
        assert!(folder.path().join("out").join(file).is_file(), "{file}");
    }
    let again = cli_results::json("essay out/run.json --json", folder.path());
    let lasting = |result: &Value| {
        let mut claims = result["claims"].clone();
        claims
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(|claim| drop(claim.as_object_mut().unwrap().remove("seconds")));
        claims
    };
    assert_eq!(lasting(&again), lasting(&result));
}

#[test]
fn bad_requests_are_one_line() {
    let asked = |arguments: &[&str], code| {
        let mut command = eulerscope();
        command.args(["essay", "--device", "cpu"]).args(arguments);
        refusal(command, code)
    };
    let said = asked(&["mercurial"], 4);
    assert!(said.contains("no claim `mercurial`") && said.contains("decay"), "{said}");
    let said = asked(&["--prompt", "Hello"], 4);
    assert!(said.contains("prompt") && said.contains("checkpoint"), "{said}");
    let said = asked(&["no/such.toml"], 7);
    assert!(said.contains("no/such.toml"), "{said}");
    let said = asked(&["--checkpoint", "/nonexistent"], 7);
    assert!(said.contains("/nonexistent"), "{said}");
}

#[test]
fn a_plan_says_what_would_be_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = cli_results::json("essay --plan --json", folder.path());
    assert_eq!(plan["claims"].as_array().map(Vec::len), Some(CLAIMS.len()));
    let seconds = |plan: &serde_json::Value| plan["seconds_on_two_cores"].as_f64().expect("a time");
    let each: f64 = plan["claims"].as_array().into_iter().flatten().map(seconds).sum();
    assert!((seconds(&plan) - each).abs() < 1e-9);
    let quick = cli_results::json("essay --plan --quick --json", folder.path());
    assert!((seconds(&plan) / seconds(&quick) - 8.0).abs() < 1e-9, "as many members");
    let (shown, _) = run("essay fates --plan", folder.path(), "80");
    assert!(shown.starts_with("fates: ") && shown.contains("1 claim, less than a second on two cores"), "{shown}");
}

/// The README's table is what the program finds.
#[test]
fn the_readme_has_the_verdicts() {
    let row = |one: &Examined| {
        let counted = |truth: &str| one.finding.statements.iter().filter(|own| own.truth().word() == truth).count();
        let (yes, no) = (counted("holds"), counted("fails"));
        format!("| `{}` | {} | {} | {yes} of {} |\n", one.claim.id, one.claim.claim, one.verdict().said(), yes + no)
    };
    let rows: String = on_the_cpu().iter().map(row).collect();
    let expected =
        format!("\n| claim | the essay says | verdict | statements that are true |\n|---|---|---|---|\n{rows}\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("a README");
    let (before, rest) = readme.split_once(MARKS[0]).expect("a mark where the verdicts begin");
    let (is, after) = rest.split_once(MARKS[1]).expect("a mark where they end");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, format!("{before}{}{expected}{}{after}", MARKS[0], MARKS[1])).expect("writable");
        return;
    }
    assert!(is == expected, "the README's verdicts are not those that are found; set UPDATE_README=1");
}
