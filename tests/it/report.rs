//! `report.html`: what is refused, how it is sealed, and the page itself in a headless browser (tests/page).

use crate::cli_bad_input::{eulerscope, refusal};
use crate::cli_results::run;
use eulerscope::error::Error;
use eulerscope::report;
use eulerscope::results::dataset::{Dataset, Page, verify};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A small linear sweep with both fates, a shift and two frictions.
const LINEAR: &str = "sweep --members 32 --width 8 --depth 20 --step-size log(0.1,2,7) --radius lin(0.2,1.4,5) \
                      --damping 0,0.2 --shift 0.1 --quiet --out linear";
const TRANSFORMER: &str = "sweep --model transformer --members 8 --width 8 --tokens 4 --depth 12 --step-size 0.1,0.5,1 \
                           --radius 0.5,1 --damping 0,0.1 --quiet --out transformer";

/// Runs a script of tests/page with the tests' Python and a browser.
fn script(name: &str, arguments: &[String]) -> Output {
    let python = std::env::var_os("EULERSCOPE_PYTHON")
        .expect("EULERSCOPE_PYTHON is not set; run bash tests/run.sh, which makes it from tests/requirements.txt");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page").join(name);
    Command::new(python).arg(script).args(arguments).output().expect("EULERSCOPE_PYTHON must run")
}

#[track_caller]
fn passes(name: &str, arguments: &[String]) {
    let output = script(name, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}");
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

/// Makes results in a folder, named by the end of the command line, and gives their place.
#[track_caller]
fn results(line: &str, within: &Path) -> PathBuf {
    let words: Vec<&str> = line.split_whitespace().collect();
    run(&words.join(" "), within, "100");
    within.join(words[words.len() - 1])
}

fn data(page: &Path) -> Value {
    let text = std::fs::read_to_string(page).expect("the page");
    let (_, rest) = text.split_once("<script type=\"application/json\" id=\"data\">").expect("data");
    serde_json::from_str(rest.split_once("</script>").expect("an end").0).expect("JSON")
}

/// Claims of all verdicts, with and without statements, curves and errors.
fn claims(folder: &Path) -> PathBuf {
    let statement = |says: &str, value: f64, truth: &str| {
        json!({ "says": says, "name": "growth a step", "unit": "nats", "value": value, "standard_error": 0.01,
                "predicted": 1.5, "tolerance": 0.0, "criterion": "above 1", "truth": truth })
    };
    let curve =
        json!({ "curve": "Euler", "x": [0.1, 1.0, 2.0], "y": [-0.5, null, 2.25], "standard_error": [0.0, 0.0, 0.5] });
    let graph = json!({ "x_label": "step size h", "y_label": "growth", "log_x": true, "reading": "It grows.",
                        "neutral": { "level": 0.0, "name": "neutral" }, "curves": [curve] });
    let measured = json!([{ "name": "rate", "value": 2.5, "error": 0.25, "unit": "nats" }]);
    let claims = json!([
        { "id": "four-times", "claim": "four times larger", "experiment": "One mode.", "verdict": "holds", "graph": graph,
          "command": "eulerscope essay four-times", "statements": [statement("it grows", 1.625, "holds")],
          "measured": [], "predicted": [], "remark": "So it is.", "runs": [{ "command": "sweep", "line": "eulerscope sweep" }] },
        { "id": "tiny", "claim": "h must be tiny", "experiment": "A sweep.", "verdict": "holds_conditionally",
          "command": "eulerscope essay tiny",
          "statements": [statement("with a force", 0.375, "holds"), statement("without", -3.125, "fails")] },
        { "id": "friction", "claim": "friction <would> fix it & all", "experiment": "A sweep.", "verdict": "wrong",
          "measured": measured, "predicted": [{ "name": "rate", "value": 1.5 }], "command": "eulerscope essay friction" },
        { "id": "dumb", "claim": "therefore it hallucinates", "experiment": "None.", "verdict": "undecidable",
          "measured": [], "command": "eulerscope essay dumb" },
    ]);
    let out = folder.join("claims");
    let dataset = Dataset::create(&out, false).expect("a folder").with_page(report::OF_A_RUN);
    let landed = dataset.finish(json!({ "command": "essay", "claims": claims })).expect("results");
    assert_eq!(landed.no_page, None);
    out
}

#[test]
fn what_is_no_results_folder_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let report = |name: &str| {
        let mut command = eulerscope();
        command.current_dir(root.path()).args(["report", name]);
        command
    };
    std::fs::write(at("file"), "no folder").unwrap();
    std::fs::create_dir(at("empty")).unwrap();
    for (name, code, said) in [
        ("nowhere", 7, "nowhere: No such file or directory"),
        ("file", 7, "give a folder that --out has written"),
        ("empty", 4, "empty: holds no run.json; give a folder that --out has written"),
    ] {
        let line = refusal(report(name), code);
        assert!(line.contains(said), "{line}");
    }
    assert!(!at("nowhere").exists(), "nothing is made");
    assert_eq!(std::fs::read_dir(at("empty")).unwrap().count(), 0, "nothing is left behind");
    for (more, said) in [("--out x", "report has no --out"), ("--plan", "report has no --plan")] {
        let mut command = report("empty");
        command.args(more.split(' '));
        assert!(refusal(command, 2).contains(said));
    }
}

#[test]
fn what_is_damaged_or_of_another_version_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder =
        results("sweep --members 2 --width 2 --depth 2 --step-size 1 --radius 1 --quiet --out own", root.path());
    let refused = |code: i32, said: &str| {
        let mut command = eulerscope();
        command.arg("report").arg(&folder);
        let line = refusal(command, code);
        assert!(line.contains(said), "{line}");
    };
    let (seal, table) = (folder.join("run.json"), folder.join("cells.parquet"));
    let (sealed, cells) = (std::fs::read_to_string(&seal).unwrap(), std::fs::read(&table).unwrap());
    let page = std::fs::read(folder.join("report.html")).unwrap();
    let mut changed = cells.clone();
    changed[100] ^= 1;
    std::fs::write(&table, &changed).unwrap();
    refused(9, "cells.parquet: the content is not what was written");
    std::fs::remove_file(&table).unwrap();
    refused(9, "cells.parquet");
    std::fs::write(&table, &cells).unwrap();
    std::fs::write(&seal, &sealed[..200]).unwrap();
    refused(9, "run.json: not JSON");
    std::fs::write(&seal, "{}").unwrap();
    refused(9, "run.json: not a record of eulerscope's");
    let own = format!("\"eulerscope\": \"{}\"", env!("CARGO_PKG_VERSION"));
    std::fs::write(&seal, sealed.replace(&own, "\"eulerscope\": \"7.5.0\"")).unwrap();
    refused(4, "is of eulerscope 7.5.0, this is");
    // A table that is sealed as it is and yet none: its hash is right.
    std::fs::write(&table, b"PAR1 but not for long").unwrap();
    let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
    let forged = sealed.replace(&hash(&cells), &hash(b"PAR1 but not for long"));
    std::fs::write(&seal, forged.replace(&format!("\"bytes\": {}", cells.len()), "\"bytes\": 21")).unwrap();
    refused(9, "cells.parquet: not a table of eulerscope's");
    assert_eq!(std::fs::read(folder.join("report.html")).unwrap(), page, "the page stays as it was");
    std::fs::write(&table, &cells).unwrap();
    std::fs::write(&seal, &sealed).unwrap();
    verify(&folder).unwrap();
}

#[test]
fn the_page_is_sealed_and_made_anew_it_is_the_same() {
    let root = tempfile::tempdir().unwrap();
    let folder = results("lyapunov --members 2 --width 3 --depth 10 --quiet --out own", root.path());
    let page = folder.join("report.html");
    let (sealed, first) = (std::fs::read(folder.join("run.json")).unwrap(), std::fs::read(&page).unwrap());
    verify(&folder).unwrap();
    for damage in [Some(&b"scribble"[..]), None] {
        match damage {
            Some(text) => std::fs::write(&page, text).unwrap(),
            None => std::fs::remove_file(&page).unwrap(),
        }
        assert_eq!(verify(&folder).unwrap_err().exit_code(), 9);
        let said = run("report own --json --quiet", root.path(), "100").0;
        assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["bytes"], first.len());
        assert_eq!(std::fs::read(&page).unwrap(), first);
        assert_eq!(std::fs::read(folder.join("run.json")).unwrap(), sealed);
        verify(&folder).unwrap();
    }
    // A folder of before there were pages gets one.
    let mut run: Value = serde_json::from_slice(&sealed).unwrap();
    run["files"].as_object_mut().unwrap().remove("report.html");
    std::fs::write(folder.join("run.json"), run.to_string()).unwrap();
    std::fs::remove_file(&page).unwrap();
    report::write(&folder).unwrap();
    assert_eq!(std::fs::read(&page).unwrap(), first);
    verify(&folder).unwrap();
}

/// Results are worth more than a page about them.
#[test]
fn a_page_that_cannot_be_made_costs_no_results() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("own");
    let text = |_: &Path, _: &Value| Err(Error::Invalid("nothing to say".to_string()));
    let dataset = Dataset::create(&out, false).unwrap().with_page(Page { name: "report.html", text });
    let landed = dataset.finish(json!({})).unwrap();
    assert_eq!(landed.no_page.as_deref(), Some("nothing to say"));
    verify(&out).unwrap();
    assert!(!out.join("report.html").exists());
}

#[test]
fn the_specification_in_the_page_runs_again() {
    let root = tempfile::tempdir().unwrap();
    for (line, again) in [
        (LINEAR, "sweep again.toml --quiet --out again-linear"),
        (
            "sweep --members 2 --width 4 --step-size 1 --radius 1 --sweep-over depth=3,5 --quiet --out over",
            "sweep again.toml --quiet --out again-over",
        ),
        (
            "spectrum --members 3 --width 4 --step-size 0.5 --quiet --out spectrum",
            "spectrum again.toml --quiet --out again-spectrum",
        ),
        (
            "lyapunov --members 2 --width 3 --depth 10 --seed 7 --quiet --out lyapunov",
            "lyapunov again.toml --quiet --out again-lyapunov",
        ),
    ] {
        let folder = results(line, root.path());
        let toml = data(&folder.join("report.html"))["toml"].as_str().expect("TOML").to_string();
        std::fs::write(root.path().join("again.toml"), toml).unwrap();
        let again = results(again, root.path());
        let spec = |folder: &Path| data(&folder.join("report.html"))["run"]["spec"].clone();
        assert_eq!(spec(&again), spec(&folder), "{line}");
    }
}

#[test]
fn every_figure_is_drawn_at_every_width_on_light_and_dark_paper() {
    let root = tempfile::tempdir().unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkpoints/llama").display().to_string();
    let trained =
        |command: &str, out: &str| format!("{command} --checkpoint {model} --token-ids 1,2,3,4 --quiet --out {out}");
    let mut reports: Vec<String> = [
        // The grid of the default sweep, with the members that are recorded: a page of the same size.
        ("sweep --members 8 --width 8 --quiet --out default".to_string(), "map,paths,plane,mode,trust"),
        (TRANSFORMER.to_string(), "map,paths,plane,mode,depth,trust"),
        ("sweep --model mlp --members 8 --width 8 --depth 8 --step-size 0.1,0.3,1 --radius 1 --damping 0 --quiet --out curve".to_string(),
         "map,paths,plane,mode,depth,trust"),
        ("sweep --members 16 --width 8 --step-size 1 --radius 0.5,1 --weights iid --sweep-over depth=5,20 --quiet --out over".to_string(),
         "map,paths,plane,mode,trust"),
        ("spectrum --members 64 --width 16 --quiet --out matrices".to_string(), "plane,mode,trust"),
        ("spectrum --members 16 --width 16 --step-size 0.5 --damping 0.1 --quiet --out steps".to_string(), "plane,mode,trust"),
        ("lyapunov --members 8 --width 8 --depth 100 --quiet --out exponents".to_string(), "exponents,mode,trust"),
        (trained("spectrum --control initial", "layers"), "plane,mode,layers,trust"),
        (trained("sweep --step-size 0.5,1,2 --damping 0,0.1", "texts"), "texts,mode,trust"),
        (trained("lyapunov --top 3", "trained_exponents"), "exponents,mode,trust"),
        (trained("essay decay everywhere overshoot hallucination --quick", "essay"), "verdicts,mode,trust"),
    ]
    .into_iter()
    .map(|(line, views)| format!("{}={views}", results(&line, root.path()).join("report.html").display()))
    .collect();
    reports.push(format!("{}=verdicts,mode,trust", claims(root.path()).join("report.html").display()));
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    passes("drawn.py", &[vec![shots.display().to_string()], reports].concat());
}

#[test]
fn numbers_of_the_page_are_those_of_the_tables() {
    let root = tempfile::tempdir().unwrap();
    passes("values.py", &[results(LINEAR, root.path()).display().to_string()]);
    let exact = results(&LINEAR.replace("--out linear", "--radius-kind exact --out exact"), root.path());
    let page = exact.join("report.html");
    passes("values.py", &[exact, page, "outside".into()].map(|own| own.display().to_string()));
}

#[test]
fn views_are_linked_and_the_address_keeps_the_state() {
    let root = tempfile::tempdir().unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkpoints/llama").display().to_string();
    let layers = format!("spectrum --checkpoint {model} --token-ids 1,2,3,4 --control initial --quiet --out layers");
    let mut folders: Vec<PathBuf> = [LINEAR, TRANSFORMER, &layers].map(|line| results(line, root.path())).to_vec();
    folders.push(claims(root.path()));
    // What the essay itself writes, with what a trained model adds.
    let essay = format!("essay decay everywhere --quick --checkpoint {model} --token-ids 1,2,3,4 --quiet --out essay");
    folders.push(results(&essay, root.path()));
    passes("linked.py", &folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>());
}

/// A page with one thing wrong is found out, so that the scripts above are known to look.
#[test]
fn a_broken_page_is_found() {
    let root = tempfile::tempdir().unwrap();
    let folder = results(LINEAR, root.path());
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    let broken = folder.join("broken.html");
    let shots = root.path().display().to_string();
    let views = format!("{}=map,paths,plane,mode,trust", broken.display());
    let folder = folder.display().to_string();
    for (old, new, check, said) in [
        ("start();\n", "start(); console.error('trouble');\n", "drawn", "complains"),
        ("start();\n", "start(); fetch('http://localhost:1/');\n", "drawn", "complains"),
        ("class: \"line\", d: path(points)", "class: \"line\", d: 'M0,NaN'", "drawn", ""),
        ("{ id: \"paths\", there: hasGrid", "{ id: \"paths\", there: false", "drawn", "instead of"),
        ("main { display: grid;", "main { min-width: 3000px; display: grid;", "drawn", "wider than the screen"),
        ("term = scaled(times(term, z), 1 / k)", "term = scaled(times(term, z), 1 / (k * k))", "one_mode", "heun"),
        ("const factor = rho * (gains", "const factor = 1.1 * rho * (gains", "outside", "outside"),
        ("cx: x(g - 1)", "cx: x(g - 1.05)", "outside", "centred"),
        ("rampColour(value / most)", "rampColour(-value / most)", "cells", "wrong colour"),
        ("const share = a / (a - b);", "const share = 0.5;", "contours", "does not cross"),
        ("y: rate * x })", "y: 0.9 * rate * x })", "bands", "promise"),
        (
            "values(this.described.get(name))",
            "values(this.described.get(name === 'radius' ? 'damping' : name))",
            "downloads",
            "",
        ),
    ] {
        assert_eq!(page.matches(old).count(), 1, "{old} stands once in the page");
        std::fs::write(&broken, page.replace(old, new)).unwrap();
        let output = match check {
            "drawn" => script("drawn.py", &[shots.clone(), views.clone()]),
            check => script("values.py", &[folder.clone(), broken.display().to_string(), check.to_string()]),
        };
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(said), "{new}: {told}");
        assert!(told.contains("Error"), "{new}: {told}");
    }
}

/// More grid points than a page has room for: it has fewer, says so, and opens as fast as any. So do the pictures.
#[test]
fn a_page_of_a_large_grid_stays_small() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = results(
        "sweep --members 2 --width 2 --depth 2 --step-size lin(0.1,2,600) --radius lin(0.1,2,400) \
         --damping 0 --quiet --out large",
        root.path(),
    );
    let page = data(&folder.join("report.html"));
    for (name, most) in [("cells", 30_000), ("trajectories", 100_000)] {
        let own = &page["left_out"][name];
        let (rows, of_rows) = (own["rows"].as_u64().expect("a count"), own["of_rows"].as_u64().expect("a count"));
        assert!((1000..most).contains(&rows) && of_rows >= 240_000, "{name}: {own}");
    }
    let cells = &page["tables"]["cells"]["columns"];
    let values = |name: &str| {
        let column = cells.as_array().expect("columns").iter().find(|column| column["name"] == name);
        column.expect("it is kept")["values"].as_array().expect("few values").clone()
    };
    for axis in ["step_size", "radius"] {
        let values: Vec<f64> = values(axis).iter().filter_map(Value::as_f64).collect();
        let ends = values.iter().fold([f64::MAX, f64::MIN], |[low, high], &x| [low.min(x), high.max(x)]);
        assert_eq!(ends, [0.1, 2.0], "{axis} keeps its ends");
    }
    for (name, most) in [("report.html", 6 << 20), ("stability_map.svg", 16 << 20)] {
        let bytes = std::fs::metadata(folder.join(name)).expect("written").len();
        assert!(bytes < most, "{name}: {bytes} bytes");
    }
    let svg = std::fs::read_to_string(folder.join("stability_map.svg")).expect("text");
    assert!(svg.contains("colours are means of 2 x 2 points"), "the map says that it has fewer patches");
}
