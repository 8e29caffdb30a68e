//! Bad input gets one line, the right exit code, and never a panic.

use assert_cmd::Command;
use std::path::Path;

pub fn eulerscope() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    command.timeout(std::time::Duration::from_secs(20));
    command
}

/// Runs, checks code and form of the refusal, and gives the line back.
#[track_caller]
pub fn refusal(mut command: Command, code: i32) -> String {
    let output = command.output().expect("the program starts");
    let line = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{command:?}: {line}");
    assert!(output.stdout.is_empty(), "{command:?} wrote to standard output");
    assert!(line.starts_with("error: "), "{command:?}: {line}");
    assert_eq!(line.matches('\n').count(), 1, "{command:?}: {line}");
    assert!(line.ends_with('\n') && line.len() < 700, "{command:?}: {line}");
    assert!(!line.contains("panicked"), "{command:?}: {line}");
    line
}

/// Command line, exit code, and what the line must say. Arguments are separated by blanks.
const REFUSED: &[(&str, i32, &str)] = &[
    // Usage.
    ("--json", 2, "sweep"),
    ("help swep", 2, "swep"),
    ("swep", 2, "'sweep'"),
    ("sweep --widht 3", 2, "'--width'"),
    ("sweep --layers", 2, "--members"),
    ("sweep --layers -1", 2, "--members"),
    ("sweep --layers 1e3", 2, "whole number"),
    ("sweep --layers 99999999999999999999", 2, "too large"),
    ("sweep --seed -1", 2, "seed"),
    ("sweep --seed 0xgg", 2, "seed"),
    ("sweep --seed 0x+1", 2, "seed"),
    ("sweep --seed 18446744073709551616", 2, "seed"),
    ("sweep --model gpt", 2, "transformer"),
    ("sweep --mask diagonal", 2, "causal"),
    ("sweep --ensemble wigner", 2, "symmetric"),
    ("sweep --shift abc", 2, "not a number"),
    ("sweep a.toml b.toml", 2, "b.toml"),
    ("sweep --gama 0.1", 2, "'--gamma'"),
    ("sweep --layer 3", 2, "'--layers'"),
    ("sweep --dt 0.1", 2, "it is called '--step-size' here"),
    ("sweep -o results", 2, "it is called '--out' here"),
    ("lyapunov --exponents 3", 2, "it is called '--top' here"),
    ("sweep results/A.npy", 4, "use sweep --matrix results/A.npy"),
    ("bench A.mm", 4, "use spectrum --matrix A.mm"),
    ("sweep --json --json", 2, "--json"),
    ("sweep --members 3 --layers 3", 2, "--members"),
    ("sweep --gamma 0.1 --damping 0.1", 2, "--damping"),
    ("sweep --gamma 1.5", 4, "damping: 1.5"),
    ("sweep --h 0", 4, "step_size: 0"),
    ("sweep --rho -1", 4, "radius: -1"),
    ("sweep --mu nan", 4, "shift"),
    ("completions", 2, "SHELL"),
    ("completions tcsh", 2, "fish"),
    ("completions bash --json", 2, "completions has no --json"),
    ("spectrum --matrix a.npy --width 3", 2, "--width"),
    ("spectrum --matrix a.npy --radius 1", 2, "--radius"),
    // Step sizes.
    ("sweep --step-size 0", 4, "step_size: 0 is not above 0"),
    ("sweep --step-size -0.5", 4, "step_size: -0.5"),
    ("sweep --step-size=-0.5,1", 4, "step_size: -0.5"),
    ("sweep --step-size nan", 4, "`nan`"),
    ("sweep --step-size inf", 4, "`inf`"),
    ("sweep --step-size -inf", 4, "`-inf`"),
    ("sweep --step-size 1e999", 4, "finite"),
    ("sweep --step-size 1e-50", 4, "vanishes"),
    ("sweep --step-size 1e7", 4, "too large"),
    ("sweep --step-size 2e-38 --step-scaling inverse-depth", 4, "vanishes"),
    // Grids.
    ("sweep --step-size 0.01:2:64", 4, "Matlab reads start:step:stop, numpy start,stop,count"),
    ("sweep --step-size 0.01:2:64", 4, "lin(0.01,2,64)"),
    ("sweep --step-size 1:2", 4, "lin(start,end,count)"),
    ("sweep --step-size=", 4, "empty"),
    ("sweep --step-size 1,,2", 4, "item 2 is empty"),
    ("sweep --step-size 1,x", 4, "item 2, `x`"),
    ("sweep --step-size lin(0,1)", 4, "start,end,count"),
    ("sweep --step-size lin(0.1,1,0)", 4, "count"),
    ("sweep --step-size lin(0.1,1,2.5)", 4, "whole number"),
    ("sweep --step-size lin(0.1,1,1e12)", 4, "1000000000000 points"),
    ("sweep --step-size lin(2,1,5)", 4, "lin(1,2,5)"),
    ("sweep --step-size log(0,1,5)", 4, "above 0"),
    ("sweep --step-size linspace(0,1,5)", 4, "write lin("),
    ("sweep --step-size geomspace(1,2,5)", 4, "write log("),
    ("sweep --step-size lin(1,2,5", 4, "closing"),
    ("sweep --step-size lin(1,2,5)x", 4, "`x`"),
    ("sweep --step-size lin(0.1,1,2000) --radius lin(0,1,2000) --damping 0", 4, "4000000 points"),
    ("sweep --step-size 2,1", 4, "ascend"),
    ("sweep --step-size log(0.01,1,3),1,2", 4, "1 follows 1"),
    ("sweep --step-size log(0.01,1,3),x", 4, "item 2, `x`"),
    ("sweep --step-size log(0.01,1,3),,2", 4, "item 2 is empty"),
    ("sweep --step-size log(0.01,1,3),lin(2,1,2)", 4, "lin(1,2,2)"),
    ("sweep --step-size lin(0.1,1,1048576),lin(2,3,1048576)", 4, "more than 1048576 points"),
    // Radius, damping, shift.
    ("sweep --radius -1", 4, "radius: -1"),
    ("sweep --radius nan", 4, "radius"),
    ("sweep --radius 1e38", 4, "2^40"),
    ("sweep --radius 1e-40", 4, "vanishes"),
    ("sweep --shift 1e300", 4, "2^40"),
    ("sweep --shift nan", 4, "shift"),
    ("sweep --damping 1.5", 4, "damping: 1.5"),
    ("sweep --damping -0.1", 4, "damping: -0.1"),
    ("sweep --integrator backward-euler --width 513", 4, "width: 513 is too large for backward-euler"),
    ("sweep --integrator exponential-euler --shift -1e3 --radius 1 --step-size 1", 4, "2^40"),
    ("sweep --integrator exponential-euler --shift 1e3 --radius 150 --step-size 1 --quiet", 4, "products a step"),
    ("sweep --integrator exponential-euler --radius-kind exact", 4, "radius_kind: with exact radii"),
    (
        "sweep --integrator exponential-euler --shift 50 --radius 0.5 --step-size 1 --quiet",
        4,
        "lower the step size or the shift",
    ),
    ("sweep --integrator strang", 4, "strang splits two sublayers, and the linear model has none"),
    // Counts.
    ("sweep --width 0", 4, "width: 0"),
    ("sweep --width 100000", 4, "width: 100000"),
    ("sweep --layers 0", 4, "members: 0"),
    ("sweep --members 2147483649", 4, "members"),
    ("sweep --depth 0", 4, "depth: 0"),
    ("sweep --depth 1000001", 4, "depth"),
    ("sweep --tokens 0", 4, "tokens: 0"),
    ("sweep --tokens 513", 4, "tokens: 513"),
    ("sweep --threshold 0", 4, "threshold: 0"),
    ("sweep --threshold -1", 4, "threshold: -1"),
    ("sweep --threshold nan", 4, "threshold"),
    ("sweep --layers 9999 --trajectories 5000", 4, "trajectories"),
    ("sweep --linearise-every 1000001", 4, "linearise_every"),
    ("sweep --chunk 0", 4, "chunk"),
    ("devices --chunk 0", 4, "chunk"),
    ("devices --device=", 4, "device"),
    ("devices --plan", 2, "devices has no --plan"),
    ("devices --out results", 2, "devices has no --out"),
    ("sweep --force", 2, "name it with --out"),
    ("devices --device nosuchadapter --quiet", 5, ""),
    // Ensembles.
    ("sweep --ensemble elliptic", 4, "tau"),
    ("sweep --ensemble elliptic --tau 1.5", 4, "tau: 1.5"),
    ("sweep --ensemble elliptic --tau nan", 4, "tau"),
    ("sweep --tau 0.5", 4, "tau: the ginibre ensemble"),
    ("sweep --ensemble antisymmetric --radius-kind exact --width 1", 4, "width 2"),
    // Layers.
    ("sweep --model transformer --heads 3", 4, "heads: 3 do not divide width 16"),
    ("sweep --model transformer --heads 0", 4, "heads: 0"),
    ("sweep --model mlp --ffn-ratio 0", 4, "ffn_ratio: 0"),
    ("sweep --model mlp --ensemble symmetric", 4, "ginibre"),
    ("sweep --model mlp --integrator strang", 4, "strang splits two sublayers, and the mlp model has none"),
    ("sweep --model transformer --integrator backward-euler", 4, "backward-euler is for the linear model only"),
    ("sweep --model mlp --norm post --integrator rk4", 4, "integrator: with norm post"),
    ("sweep --model attention --ffn-ratio 2", 4, "ffn_ratio: the attention model has none"),
    ("lyapunov --model mlp --integrator exponential-euler", 4, "linear model only"),
    ("sweep --heads 4", 4, "heads: the linear model has no attention"),
    ("sweep --model mlp --heads 4", 4, "heads: the mlp model has no attention"),
    ("sweep --mask causal", 4, "mask"),
    ("sweep --logit-gain 2", 4, "logit_gain"),
    ("sweep --ffn-ratio 4", 4, "ffn_ratio: the linear model has none"),
    ("sweep --activation tanh", 4, "activation"),
    ("sweep --norm post", 4, "norm"),
    ("sweep --norm-kind rmsnorm", 4, "norm_kind"),
    ("sweep --tokens 2", 4, "tokens: the linear model has 1 token"),
    ("sweep --linearise-every 2", 4, "linearise_every: the linear model"),
    ("lyapunov --activation tanh", 4, "activation: the linear model has none"),
    ("sweep --radius-kind exact --weights iid", 4, "radius_kind: with iid weights"),
    ("sweep --model transformer --width 4096 --tokens 512", 4, "2097152 x 2097152"),
    ("sweep --model transformer --width 64 --tokens 512", 4, "lower width x tokens to 23170"),
    ("lyapunov --model transformer --width 512 --tokens 512", 4, "fewer exponents"),
    ("lyapunov --model mlp --width 4096 --tokens 512", 4, "fewer exponents"),
    (
        "lyapunov --model transformer --width 512 --tokens 512 --top 8",
        4,
        "at most 24000, not 65536; lower tokens to 187 or use 16 heads",
    ),
    ("lyapunov --model transformer --tokens 0", 4, "tokens: 0"),
    ("lyapunov --model transformer --ffn-ratio 0", 4, "ffn_ratio: 0"),
    ("lyapunov --model transformer --heads 5", 4, "heads: 5 do not divide width 32; use 4 heads or width 35"),
    ("lyapunov --model transformer --mask diagonal", 2, "causal"),
    ("sweep --model transformer --logit-gain 0", 4, "logit_gain"),
    // The other commands.
    ("spectrum --step-size 0", 4, "step_size"),
    ("spectrum --damping 2", 4, "damping"),
    ("spectrum --radius nan", 4, "radius"),
    ("spectrum --pseudospectrum 5", 4, "pseudospectrum: it is that of your own matrix"),
    ("lyapunov --top 33", 4, "top: 33"),
    ("lyapunov --steps 0", 4, "depth: 0"),
    ("lyapunov --blocks 20 --steps 10", 4, "blocks"),
    ("lyapunov --step-size nan", 4, "step_size"),
    // Files.
    ("sweep /nowhere/spec.toml", 7, "/nowhere/spec.toml"),
    ("sweep /tmp", 4, "directory"),
    ("sweep a.toml --out a.toml", 4, "out"),
];

#[test]
fn bad_arguments_get_one_line_and_their_exit_code() {
    for &(line, code, expected) in REFUSED {
        let mut command = eulerscope();
        command.args(line.split(' ').filter(|argument| !argument.is_empty()));
        let said = refusal(command, code);
        assert!(said.contains(expected), "`{line}` should say `{expected}`, but says: {said}");
    }
}

/// A flag that is like none gets no suggestion at all: one that is wrong is worse than none.
#[test]
fn suggestions_are_alike_or_not_made() {
    for line in ["bench --checkpoint x", "sweep --epsilon 1", "bench --matrix m.csv", "lyapunov --lambda 1", "sweep -x"]
    {
        let mut command = eulerscope();
        command.args(line.split(' '));
        let said = refusal(command, 2);
        assert!(!said.contains("tip"), "{line}: {said}");
    }
    let mut command = eulerscope();
    command.args(["sweep", "--plan", "--members", "2", "--width", "2", "--device", "CPU"]).assert().code(0);
}

#[test]
fn odd_characters_stay_in_one_line() {
    for argument in ["--step-size=1\n2", "--step-size=\u{1b}[31m", "--width=\n", "--bad\nflag", "a\nb.toml"] {
        let mut command = eulerscope();
        command.args(["sweep", argument]);
        let output = command.output().unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(2 | 4 | 7)), "{argument:?}: {line}");
        assert!(line.matches('\n').count() == 1 && !line.contains('\u{1b}'), "{argument:?}: {line}");
    }
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"a\xff");
    for (before, code) in [(&["sweep", "--model"][..], 2), (&["sweep", "--step-size"], 2), (&[], 2), (&["sweep"], 7)] {
        let mut command = eulerscope();
        command.args(before).arg(odd);
        refusal(command, code);
    }
}

/// Text of a specification file, and what the refusal must say.
const REFUSED_FILES: &[(&[u8], &str)] = &[
    (b"widht = 3", "did you mean `width`?"),
    (b"\n  step-size = 0.1", "line 2, column 3: unknown key `step-size`; did you mean `step_size`?"),
    (b"zzzz = 3", "unknown key `zzzz`"),
    (b"[sweep]\nwidth = 3", "unknown key `sweep`"),
    (b"width = ", "line 1, column"),
    (b"width = 3\nwidth = 4", "line 2, column 1"),
    (b"width = \"wide\"", "line 1, column 9: found the text \"wide\", expected a whole number"),
    (b"width = -1", "line 1, column 9"),
    (b"width = 3.5", "line 1, column 9: found the number `3.5`, expected a whole number"),
    (b"heads = 2", "heads: the linear model"),
    (b"model = 'mlp'\nmask = 'none'", "mask"),
    (b"width = 99999999999999999999", "line 1"),
    (b"heads = \"two\"", "line 1, column 9"),
    (b"ensemble = 'wigner'", "symmetric"),
    (b"seed = -1", "seed"),
    (b"seed = '0xgg'", "seed"),
    (b"step_size = nan", "step_size"),
    (b"step_size = [0.1, inf]", "step_size"),
    (b"step_size = []", "empty"),
    (b"step_size = [true]", "line 1"),
    (b"step_size = '0.01:2:64'", "lin(0.01,2,64)"),
    (b"step_size = 0", "step_size: 0 is not above 0"),
    (b"shift = nan", "shift"),
    (b"shift = +inf", "shift"),
    (b"threshold = -inf", "threshold"),
    (b"width = 0", "width: 0"),
    (b"model = 'transformer'\nheads = 3", "heads: 3"),
    (b"chunk = 0", "chunk"),
    (b"width = 3 # \xff", "not UTF-8 at byte 12"),
    (b"\x00", "is no text; give a TOML file"),
    (b"PAR1\x15\x00\x15\xff", "is no text; give a TOML file"),
];

#[test]
fn bad_files_get_one_line_that_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spec.toml");
    for &(text, expected) in REFUSED_FILES {
        std::fs::write(&path, text).unwrap();
        let said = refusal(sweep(&path), 4);
        for rust in ["usize", "u64", "i64", "f64", "i128", "variant", "invalid type", "floating"] {
            assert!(!said.contains(rust), "{said}");
        }
        assert!(
            said.contains(expected),
            "{:?} should say `{expected}`, but says: {said}",
            String::from_utf8_lossy(text)
        );
    }
}

fn sweep(path: &Path) -> Command {
    let mut command = eulerscope();
    command.arg("sweep").arg(path).arg("--plan");
    command
}

#[test]
fn large_and_deep_files_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spec.toml");
    std::fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(refusal(sweep(&path), 4).contains("1 MiB"));
    std::fs::write(&path, format!("width = {}", "[".repeat(500_000))).unwrap();
    refusal(sweep(&path), 4);
    std::fs::write(&path, format!("width{} = 1", ".a".repeat(400_000))).unwrap();
    refusal(sweep(&path), 4);
    std::fs::write(&path, "[a]\n".repeat(200_000)).unwrap();
    refusal(sweep(&path), 4);
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let circle = folder.path().join("circle");
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    assert!(refusal(sweep(&pipe), 4).contains("not a regular file"));
    assert!(refusal(sweep(Path::new("/dev/zero")), 4).contains("not a regular file"));
    assert!(refusal(sweep(folder.path()), 4).contains("directory"));
    refusal(sweep(&circle), 7);
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [&["--help"][..], &["--version"], &["sweep", "--help"], &["spectrum", "-h"], &["lyapunov", "-h"]] {
        eulerscope().args(arguments).assert().code(0).stderr("");
    }
}

#[cfg(unix)]
#[test]
fn a_closed_standard_output_is_no_failure() {
    for arguments in [&["sweep", "--plan", "--quiet", "--layers", "4", "--device", "cpu"][..], &["sweep", "--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eulerscope"));
        let output = command.args(arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_input_output_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    let output = command.args(["sweep", "--plan", "--layers", "4", "--device", "cpu"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
    for arguments in [&["--help"][..], &["--version"], &["sweep", "--help"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eulerscope"));
        let output = command.args(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Set in the child process that is to panic, to the thread that shall do it.
const PANIC: &str = "EULERSCOPE_TEST_PANIC";

/// The child's side of `a_panic_becomes_one_line`; does nothing in an ordinary test run.
#[test]
fn a_panicking_program() {
    let Ok(place) = std::env::var(PANIC) else { return };
    let result = eulerscope::cli::guarded(|| {
        if place == "here" {
            panic!("first\nsecond");
        }
        rayon::join(|| panic!("first, on a worker"), || ());
        Ok(())
    });
    std::process::exit(eulerscope::cli::report(result).into());
}

#[test]
fn a_panic_becomes_one_line() {
    for place in ["here", "worker"] {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "cli_bad_input::a_panicking_program", "--nocapture"]).env(PANIC, place);
        let output = command.output().unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(10), "{line}");
        assert!(line.starts_with("error: first") && line.matches('\n').count() == 1, "{line}");
        assert!(
            line.contains("cli_bad_input.rs") && line.contains("this is a bug") && !line.contains("panicked"),
            "{line}"
        );
    }
}
