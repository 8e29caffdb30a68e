//! Parse, run, report.

use eulerscope::cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = cli::guarded(|| cli::run(cli::parse(std::env::args_os())?));
    ExitCode::from(cli::report(result))
}
