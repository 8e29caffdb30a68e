//! Arguments of any kind.

use super::fuzz;
use eulerscope::cli;
use eulerscope::request::keys::{LyapunovKeys, SpectrumKeys, SweepKeys};
use eulerscope::request::names;
use proptest::prelude::*;
use proptest::sample::select;
use std::ffi::OsString;

/// Bytes as an argument; on Windows the text that they are nearest to.
fn argument(bytes: Vec<u8>) -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(bytes);
    #[cfg(not(unix))]
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[test]
fn any_arguments_are_understood_or_refused() {
    const COMMANDS: [&str; 9] =
        ["sweep", "spectrum", "lyapunov", "essay", "devices", "bench", "report", "completions", "help"];
    const VALUES: [&str; 16] = [
        "",
        "0",
        "1",
        "-1",
        "nan",
        "1e9",
        "lin(0.1,1,4)",
        "log(1,",
        "2:3:4",
        "cpu",
        "depth=2,3",
        "=",
        "18446744073709551616",
        "transformer",
        "/nowhere",
        "\u{feff}",
    ];
    let mut flags: Vec<String> = [names::<SweepKeys>(), names::<SpectrumKeys>(), names::<LyapunovKeys>()].concat();
    flags.extend(["json", "device", "out", "force", "plan", "quiet", "help", "version"].map(str::to_owned));
    let flag = select(flags).prop_map(|name| format!("--{}", name.replace('_', "-")).into_bytes());
    let value = select(&VALUES[..]).prop_map(|value| value.as_bytes().to_vec());
    let joined = (flag.clone(), value.clone()).prop_map(|(flag, value)| [flag, b"=".to_vec(), value].concat());
    let one = prop_oneof![3 => flag, 3 => value, 3 => joined, 1 => prop::collection::vec(1..=255_u8, 0..20)];
    let command = prop::option::weighted(0.9, select(&COMMANDS[..]).prop_map(|name| name.as_bytes().to_vec()));
    fuzz(1500, &(command, prop::collection::vec(one, 0..6)), |(command, rest)| {
        let arguments = std::iter::once(b"eulerscope".to_vec()).chain(command).chain(rest);
        // A line break of a path is folded where the line is written.
        if let Err(error) = cli::understand(arguments.map(argument)) {
            assert!(matches!(error.exit_code(), 2 | 4 | 7), "{error}");
        }
    });
}
