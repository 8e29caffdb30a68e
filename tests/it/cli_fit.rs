//! What is printed fits the terminal, whatever its width; what is meant for programs is not touched by it.

use assert_cmd::Command;
use std::path::Path;

/// Widths of terminals, in columns.
const WIDTHS: [usize; 5] = [40, 60, 80, 132, 400];

/// Everything that prints something for people.
const LINES: &[&str] = &[
    "sweep --members 3 --width 4 --depth 3 --out OUT",
    "sweep --members 3 --width 4 --depth 3 --step-size 0.1,1 --radius 1,2 --damping 0 --step-scaling inverse-sqrt-depth",
    "sweep --members 3 --width 4 --step-size 0.1,1 --radius 1 --damping 0.1 --sweep-over depth=3,300000",
    "sweep --model transformer --members 2 --width 4 --depth 2 --step-size 1 --radius 1",
    "sweep --model mlp --members 2 --width 4 --depth 2 --step-size 1 --radius 1 --linearise-every 0",
    "sweep --members 3 --width 4 --plan",
    "sweep --members 3 --h 1 --rho 1 --plan --sweep-over depth=1,2,3,4,5,6,7,8,9,10,11,12 --sweep-over width=1,2,3,4,5,6,7",
    "spectrum --members 3 --width 4 --out OUT",
    "spectrum --matrix m.csv --step-size 0.1",
    "spectrum --members 3 --width 4 --plan",
    "lyapunov --members 3 --width 12 --steps 20 --out OUT",
    "lyapunov --model transformer --members 2 --width 4 --steps 3 --transient-steps 2",
    "lyapunov --members 3 --width 4 --steps 20 --plan",
    "bench --quick --only audit",
    "bench --quick --plan",
    "devices",
    "help",
    "help sweep",
    "help spectrum",
    "help lyapunov",
    "help devices",
    "help bench",
    "help completions",
    "sweep -h",
    "lyapunov -h",
];

/// A command in a folder with a matrix of its own; `devices` and `bench` see the host only.
fn command(line: &str, folder: &Path) -> Command {
    std::fs::write(folder.join("m.csv"), "0.5,10,0\n0,0.5,1\n0,0.25,-0.5\n").expect("writable");
    let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    command.current_dir(folder).timeout(std::time::Duration::from_secs(60));
    command.args(line.split(' '));
    if !line.starts_with("help") {
        command.args(["--device", "cpu"]);
    }
    command
}

/// Columns of the widest line, without the codes of colours.
fn widest(text: &str) -> usize {
    let mut plain = String::new();
    let mut pieces = text.split('\x1b');
    plain += pieces.next().unwrap_or_default();
    for piece in pieces {
        plain += piece.split_once('m').expect("every code ends").1;
    }
    plain.lines().map(|line| line.trim_end_matches('\r').chars().count()).max().unwrap_or(0)
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in WIDTHS {
        for (number, line) in LINES.iter().enumerate() {
            let folder = tempfile::tempdir().expect("a folder");
            let line = line.replace("OUT", &format!("results{number}"));
            let output = command(&line, folder.path()).env("COLUMNS", width.to_string()).output().expect("it starts");
            let (text, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(0), "{line}: {said}");
            assert!(!text.is_empty(), "{line} says nothing");
            assert!(widest(&text) <= width, "{line} at {width} columns is {} wide:\n{text}", widest(&text));
            assert!(widest(&said) <= width, "{line} at {width} columns remarks {} wide:\n{said}", widest(&said));
        }
    }
}

/// Narrow or wide, the same is said; only a map has more or fewer pixels, and the numbers of time are their own.
#[test]
fn nothing_is_lost_where_the_terminal_is_narrow() {
    let folder = tempfile::tempdir().expect("a folder");
    for line in ["help sweep", "spectrum --matrix m.csv", "devices", "lyapunov --members 3 --width 4 --steps 20"] {
        let words = |width: &str| -> Vec<String> {
            let output = command(line, folder.path()).env("COLUMNS", width).output().expect("it starts");
            let text = String::from_utf8(output.stdout).expect("UTF-8");
            let is_time = |word: &str| word.parse::<f64>().is_ok() || ["us", "ms", "s"].contains(&word);
            text.split_whitespace().filter(|word| !is_time(word)).map(String::from).collect()
        };
        assert_eq!(words("40").concat(), words("110").concat(), "{line}");
    }
}

/// Where it is no terminal and nobody says how wide it is, it is 80 columns; a log keeps its remarks in whole lines, and
/// JSON is never broken.
#[test]
fn without_a_terminal_it_is_80_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |line: &str, columns: Option<&str>| {
        let mut command = command(line, folder.path());
        command.env_remove("COLUMNS");
        if let Some(columns) = columns {
            command.env("COLUMNS", columns);
        }
        let output = command.output().expect("it starts");
        let (text, said) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
        (text.expect("UTF-8"), said.expect("UTF-8"))
    };
    let line =
        "sweep --members 3 --h 1 --rho 1 --sweep-over depth=1,2,3,4,5,6,7,8,9,10,11,12,13 --sweep-over width=1,2,3,4,5";
    for columns in [None, Some(""), Some("0"), Some("many"), Some("-5")] {
        let (text, said) = run(line, columns);
        assert!((70..=80).contains(&widest(&text)), "{columns:?}: {text}");
        assert!(
            said.lines().any(|line| line.contains(",12,13 x width=1,2,3,4,5: ") && line.ends_with(" flop")),
            "{columns:?}: {said}"
        );
    }
    let (text, _) = run("spectrum --members 2 --width 4 --values --json", Some("40"));
    assert_eq!(text.lines().count(), 1, "{text}");
}

/// A terminal says itself how wide it is: in colour, and in all of its columns.
#[cfg(unix)]
#[test]
fn a_terminal_is_asked_for_its_columns() {
    let python = std::env::var_os("EULERSCOPE_PYTHON")
        .expect("EULERSCOPE_PYTHON is not set; run bash tests/run.sh, which makes it from tests/requirements.txt");
    let script = "\
import fcntl, os, pty, struct, subprocess, sys, termios
own, its = pty.openpty()
fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack('HHHH', 40, int(sys.argv[1]), 0, 0))
child = subprocess.Popen(sys.argv[2:], stdin=its, stdout=its, stderr=its)
os.close(its)
try:
    while piece := os.read(own, 65536):
        sys.stdout.buffer.write(piece)
except OSError:
    pass
sys.exit(child.wait())";
    let folder = tempfile::tempdir().expect("a folder");
    let line = "sweep --members 3 --width 4 --depth 3 --damping 0 --quiet --device cpu";
    for width in [40, 61, 80, 132] {
        let mut command = std::process::Command::new(&python);
        command.env_remove("COLUMNS").env_remove("NO_COLOR").current_dir(folder.path());
        command.args(["-c", script, &width.to_string(), env!("CARGO_BIN_EXE_eulerscope")]).args(line.split(' '));
        let output = command.output().expect("Python runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("\x1b[48;2;"), "{text}");
        // 32 step sizes have a whole number of columns each, where there are as many.
        assert!(widest(&text) <= width && widest(&text) + 33 > width, "{} of {width}:\n{text}", widest(&text));
    }
}
