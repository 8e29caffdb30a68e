//! Parse, run, report.

use eulerscope::cli;
use std::process::ExitCode;

#[global_allocator]
static MEMORY: cli::Memory = cli::Memory;

fn main() -> ExitCode {
    // What drivers and wgpu remark is for those who ask: RUST_LOG=warn.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("off")).init();
    let result = cli::guarded(|| cli::run(cli::parse(std::env::args_os())?));
    ExitCode::from(cli::report(result))
}
