//! Specifications: the grid grammar, the file, and that what is accepted can be written and read again.

use eulerscope::cli::{self, Command, Invocation};
use eulerscope::error::Error;
use eulerscope::request::keys::{Keys, SweepKeys, SweepRequest};
use eulerscope::request::{file, names};
use eulerscope::spec::{Ensemble, Grid, Model, SweepSpec, Weights};
use proptest::prelude::*;
use std::ffi::OsString;

fn from_text(text: &str) -> Result<SweepSpec, Error> {
    match SweepKeys::specify(file::parse(text)?, SweepKeys::default())? {
        SweepRequest::Members(spec) => Ok(*spec),
        SweepRequest::Trained(spec) => panic!("{spec:?} is of a trained model"),
    }
}

#[track_caller]
fn invocation(line: &[&str]) -> Invocation {
    let arguments = std::iter::once("eulerscope").chain(line.iter().copied()).map(OsString::from);
    cli::parse(arguments).expect("a valid command line")
}

#[track_caller]
fn sweep(line: &[&str]) -> SweepSpec {
    match invocation(line).command {
        Command::Sweep(spec) => spec,
        other => panic!("not a sweep: {other:?}"),
    }
}

#[test]
fn grids_have_the_points_they_say() {
    let cases: &[(&str, &[f64], bool)] = &[
        ("0.5", &[0.5], false),
        (" 0.1, 0.5 ,1 ", &[0.1, 0.5, 1.0], false),
        ("-1,0,1e3", &[-1.0, 0.0, 1000.0], false),
        ("lin(0,1,5)", &[0.0, 0.25, 0.5, 0.75, 1.0], false),
        ("lin( -1 , 1 , 3 )", &[-1.0, 0.0, 1.0], false),
        ("lin(2,2,1)", &[2.0], false),
        ("lin(0,1,1e0)", &[], false),
        ("log(1,16,5)", &[1.0, 2.0, 4.0, 8.0, 16.0], true),
        ("lin(0,1,3), 2 ,log(4,16,3)", &[0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0], false),
        ("log(1,4,3),5,log(8,16,2)", &[1.0, 2.0, 4.0, 5.0, 8.0, 16.0], true),
    ];
    for &(text, expected, logarithmic) in cases {
        let Ok(grid) = Grid::parse(text) else {
            assert!(expected.is_empty(), "{text} is refused");
            continue;
        };
        assert_eq!(grid.len(), expected.len(), "{text}");
        for (value, expected) in grid.values().iter().zip(expected) {
            assert!((value - expected).abs() <= 1e-14 * expected.abs(), "{text}: {value} is not {expected}");
        }
        assert_eq!(grid.is_logarithmic(), logarithmic, "{text}");
        assert_eq!(grid.source(), text.trim());
    }
}

/// Every point that is a short decimal number is that number, and none is moved by more than the rounding of its making.
#[test]
fn grids_hit_their_round_values() {
    let values = |text: &str| Grid::parse(text).expect(text).values().to_vec();
    assert_eq!(values("log(0.01,100,5)"), [0.01, 0.1, 1.0, 10.0, 100.0]);
    assert_eq!(
        values("log(1e-12,1e12,25)"),
        std::array::from_fn::<f64, 25, _>(|k| format!("1e{}", k as i32 - 12).parse().expect("is"))
    );
    assert_eq!(values("lin(-0.1,0.2,4)"), [-0.1, 0.0, 0.1, 0.2]);
    assert_eq!(values("log(3e-5,300,8)")[5], 3.0);
    for step in [1e-9, 0.001, 0.01, 0.05, 0.1, 0.3, 2.5, 70.0] {
        for (first, count) in [(0_i32, 7), (1, 11), (-5, 11), (-40, 81), (3, 64), (7, 1000)] {
            let at = |k: i32| format!("{:.12e}", f64::from(first + k) * step).parse::<f64>().expect("is");
            let text = format!("lin({},{},{count})", at(0), at(count - 1));
            for (k, value) in (0..).zip(values(&text)) {
                assert_eq!(value.to_bits(), at(k).to_bits(), "{text}: point {k} is {value}");
            }
        }
    }
    for (start, end, count) in [(0.1, 1.6, 32), (0.01, 2.0, 64), (1e-300, 1e300, 333), (0.7, 0.7000001, 1000)] {
        for kind in ["lin", "log"] {
            let own = values(&format!("{kind}({start},{end},{count})"));
            assert!(own.windows(2).all(|pair| pair[0] < pair[1]) && own[0] == start && own[count - 1] == end);
            for (k, value) in own.iter().enumerate() {
                let share = k as f64 / (count - 1) as f64;
                let (from, to) = (f64::ln(start), f64::ln(end));
                let plain =
                    if kind == "lin" { start + share * (end - start) } else { (from + share * (to - from)).exp() };
                let error = 4.0 * f64::EPSILON * (2.0 + from.abs().max(to.abs())) * plain;
                assert!((value - plain).abs() <= error, "{kind} {start} {end}: {value}, {plain}");
            }
        }
    }
}

#[test]
fn both_ends_of_a_grid_are_exact() {
    let grid = Grid::parse("log(1e-3,2,64)").unwrap();
    assert_eq!((grid.values()[0], grid.values()[63], grid.len()), (1e-3, 2.0, 64));
    assert_eq!(Grid::parse("lin(0,1,1048576)").unwrap().len(), 1 << 20);
}

#[test]
fn both_readings_of_a_colon_are_spelled_out() {
    let error = Grid::parse("0.01:2:64").unwrap_err().to_string();
    for part in ["Matlab", "numpy", "lin(0.01,2,64)", "lin(0.01,62.01,32)"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn defaults_are_the_documented_ones() {
    let spec = SweepSpec::default();
    spec.validate().unwrap();
    assert_eq!((spec.ensemble.members, spec.ensemble.width, spec.depth, spec.cells()), (1024, 64, 80, 2048));
    assert_eq!(sweep(&["sweep"]), spec);
    assert_eq!(from_text("").unwrap(), spec);
    assert_eq!(spec.damping.values(), [0.0, 0.1]);
    // The Transformer's step is on the map, exactly, with every model.
    for model in ["linear", "mlp", "attention", "transformer"] {
        let own = sweep(&["sweep", "--model", model]);
        assert!(own.step_size.values().contains(&1.0) && own.damping.values().contains(&0.0), "{model}");
        let ends = (own.step_size.values()[0], own.step_size.values()[own.step_size.len() - 1]);
        assert_eq!((own.step_size.len(), ends), (if model == "linear" { 32 } else { 12 }, (0.01, 2.0)), "{model}");
    }
    let Command::Lyapunov(own) = invocation(&["lyapunov"]).command else { panic!("not a lyapunov") };
    assert_eq!((own.step_size, own.damping), (1.0, 0.0));
    // With friction the predicted boundary, step size x radius = damping, crosses the map from edge to edge.
    let product = |step: usize, radius: usize| spec.step_size.values()[step] * spec.radius.values()[radius];
    let damping = spec.damping.values()[1];
    assert!(product(0, 31) < damping && product(31, 31) > damping && product(31, 0) <= damping + 1e-12);
    assert_eq!(sweep(&["sweep", "--model", "transformer"]).layer.tokens, 4);
    assert_eq!(sweep(&["sweep", "--layers", "3"]).trajectories, 3);
}

#[test]
fn flags_win_over_the_file_only_when_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spec.toml");
    let text = "\u{feff}width = 32\r\nlayers = 10\r\nstep_size = [0.1, 1]\r\nradius = 0.5\r\ndamping = 'lin(0,1,3)'\r\n\
                seed = '0xff'\r\nchunk = 7\r\nmodel = 'mlp'\r\nweights = 'iid'\r\ntokens = 2\r\n";
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();

    let spec = sweep(&["sweep", path]);
    assert_eq!((spec.ensemble.width, spec.ensemble.members, spec.ensemble.seed, spec.chunk), (32, 10, 255, Some(7)));
    assert_eq!((spec.layer.model, spec.layer.weights, spec.layer.tokens), (Model::Mlp, Weights::Iid, 2));
    assert_eq!((spec.step_size.values(), spec.radius.values()), (&[0.1, 1.0][..], &[0.5][..]));

    let flags = ["--seed", "3", "sweep", path, "--width", "64", "--radius", "1,2", "--chunk", "9", "--weights", "tied"];
    let invocation = invocation(&flags);
    let spec = sweep(&flags);
    assert_eq!((spec.ensemble.width, spec.ensemble.members, spec.ensemble.seed, spec.chunk), (64, 10, 3, Some(9)));
    assert_eq!((spec.layer.weights, spec.radius.len(), spec.damping.len()), (Weights::Tied, 2, 3));
    assert_eq!(invocation.chunk, Some(9));
}

#[test]
fn every_flag_is_a_key_of_the_file() {
    let record = serde_json::to_value(SweepSpec::default()).unwrap();
    let names = names::<SweepKeys>();
    for key in record.as_object().unwrap().keys() {
        assert!(names.contains(key), "{key} is recorded but cannot be given");
    }
    for name in names {
        let error = file::parse::<SweepKeys>(&format!("{name} = {{}}")).expect_err(&name).to_string();
        assert!(!error.contains("unknown key"), "{name}: {error}");
    }
}

#[test]
fn the_other_commands_parse() {
    let Command::Spectrum(spec) = invocation(&["spectrum", "--matrix", "a.npy", "--step-size", "0.5"]).command else {
        panic!("not a spectrum")
    };
    assert_eq!((spec.affine(), spec.is_of_step()), ((0.5, 1.0), true));
    let Command::Lyapunov(spec) = invocation(&["lyapunov", "--top", "3", "--seed", "0x10", "--steps", "5"]).command
    else {
        panic!("not a lyapunov")
    };
    assert_eq!((spec.exponents(), spec.ensemble.seed, spec.blocks), (3, 16, 5));
    let Command::Bench(spec) = invocation(&["bench", "--quick", "--only", "a,b"]).command else {
        panic!("not a bench")
    };
    assert_eq!((spec.quick, spec.only), (true, vec!["a".to_owned(), "b".to_owned()]));
    let all = invocation(&["devices", "--json", "--quiet", "--device", "lavapipe"]);
    assert_eq!((all.json, all.quiet, all.plan, all.device.as_str()), (true, true, false, "lavapipe"));
    let planned = invocation(&["lyapunov", "--plan", "--out", "results"]);
    assert_eq!((planned.plan, planned.out), (true, Some("results".into())));
}

/// The arguments of a line of shell: split at blanks, but not inside of single quotes.
fn arguments_of(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let split = parts.flat_map(|(i, part)| match i % 2 {
        0 => part.split(' ').filter(|word| !word.is_empty()).map(String::from).collect(),
        _ => vec![part.to_string()],
    });
    split.collect()
}

#[test]
fn the_examples_of_the_help_and_of_the_readme_are_accepted() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    let output = command.args(["sweep", "--help"]).env("COLUMNS", "110").output().expect("the program starts");
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let readme = readme.replace("\\\n", " ").replace("cargo run --release --", "  eulerscope");
    let text = help + &readme;
    let examples: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  eulerscope ")).collect();
    assert!(examples.len() >= 15, "{examples:?}");
    for example in examples {
        let bare = example.split(" # ").next().expect("a part").split("   #").next().expect("a part");
        let arguments = arguments_of(&format!("eulerscope {bare}"));
        // Records of runs that were not made here.
        let arguments = arguments.into_iter().filter(|word| !word.ends_with("run.json")).map(OsString::from);
        // Matrices and states of files that are the reader's own.
        let said = cli::understand(arguments).err().map(|error| error.to_string());
        let said = said.filter(|said| !said.contains("No such file"));
        assert_eq!(said, None, "{example}");
    }
}

#[test]
fn long_contexts_run_without_their_jacobian() {
    let spec = sweep(&["sweep", "--model", "transformer", "--tokens", "512", "--linearise-every", "0"]);
    assert_eq!((spec.layer.tokens, spec.linearise_every), (512, Some(0)));
    let long = ["lyapunov", "--model", "transformer", "--width", "512", "--tokens", "512", "--top", "8"];
    invocation(&[&long[..], &["--heads", "16"]].concat());
}

#[test]
fn an_elliptic_ensemble_lies_between_the_others() {
    let spec = from_text("ensemble = 'elliptic'\ntau = -0.5").unwrap();
    assert_eq!((spec.ensemble.family, spec.ensemble.correlation()), (Ensemble::Elliptic, -0.5));
}

fn accepted() -> impl Strategy<Value = SweepSpec> {
    let grid = |least: f64| (least..0.5, 0.6..2.0, 2_usize..40, any::<bool>());
    let words = (0..4_usize, any::<bool>(), any::<u64>(), -1.0..1.0_f64);
    (grid(0.01), grid(0.0), 1_usize..5000, 1_usize..4097, words).prop_map(|(steps, radii, layers, width, words)| {
        let (family, iid, seed, tau) = words;
        let spelled = |(from, to, count, logarithmic): (f64, f64, usize, bool)| {
            let name = if logarithmic && from > 0.0 { "log" } else { "lin" };
            format!("{name}({from},{to},{count})")
        };
        let family = ["ginibre", "symmetric", "antisymmetric", "elliptic"][family];
        let tau = if family == "elliptic" { format!("tau = {tau:?}\n") } else { String::new() };
        let weights = if iid { "iid" } else { "tied" };
        let text = format!(
            "{tau}ensemble = '{family}'\nweights = '{weights}'\nseed = '{seed:#x}'\nmembers = {layers}\nwidth = {width}\n\
             step_size = '{}'\nradius = '{}'\nshift = 0.25",
            spelled(steps),
            spelled(radii)
        );
        from_text(&text).unwrap_or_else(|error| panic!("{text}\n{error}"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn what_is_accepted_can_be_written_and_read_again(spec in accepted()) {
        prop_assert_eq!(&from_text(&toml::to_string(&spec).unwrap()).unwrap(), &spec);
        let record = serde_json::to_string(&spec).unwrap();
        let again: toml::Table = serde_json::from_str(&record).unwrap();
        prop_assert_eq!(from_text(&again.to_string()).unwrap(), spec);
    }
}
