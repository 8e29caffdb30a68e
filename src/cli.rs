//! The command line: text becomes an [`Invocation`] here, and nowhere else.

mod abrupt;
mod args;
mod bench;
mod console;
mod devices;
mod ending;
mod essay;
mod fit;
mod flags;
mod folders;
mod headline;
mod kubernetes;
mod long_run;
mod lyapunov;
mod merge;
mod outlook;
mod process;
mod progress;
mod report;
mod slurm;
mod spectrum;
mod streams;
mod sweep;
mod trained;

use crate::bench::BenchSpec;
use crate::error::{Error, Result};
use crate::jobs::kubernetes::Request as Job;
use crate::results::parts;
use crate::spec::{
    EssaySpec, LyapunovSpec, Shard, SpectrumSpec, SweepSpec, TrainedLyapunovSpec, TrainedSpectrumSpec, TrainedSweepSpec,
};
use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde::Serialize;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use abrupt::Memory;
pub use ending::{guarded, report};

/// The widest help, in columns: longer lines are hard to read.
const WIDEST_HELP: usize = 110;

/// A command with all that it needs, valid.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// The stability map.
    Sweep(SweepSpec),
    /// Eigenvalues.
    Spectrum(SpectrumSpec),
    /// Eigenvalues of the layers of a trained model.
    #[serde(rename = "spectrum")]
    TrainedSpectrum(TrainedSpectrumSpec),
    /// A trained model under other step sizes and frictions.
    #[serde(rename = "sweep")]
    TrainedSweep(TrainedSweepSpec),
    /// Exponents along the depth of a trained model.
    #[serde(rename = "lyapunov")]
    TrainedLyapunov(TrainedLyapunovSpec),
    /// Lyapunov exponents.
    Lyapunov(LyapunovSpec),
    /// The essay's claims.
    Essay(EssaySpec),
    /// Adapters and their self-tests.
    Devices {
        /// Is every kernel compared with its f64 twin?
        parity: bool,
    },
    /// GPU against CPU.
    Bench(BenchSpec),
    /// A sweep as jobs of Slurm.
    Slurm(slurm::Asked),
    /// A sweep as a Job of Kubernetes.
    Kubernetes(Job),
    /// The page of a results folder.
    Report {
        /// The folder.
        folder: PathBuf,
    },
    /// Is a results folder as it was written?
    Verify {
        /// The folder.
        folder: PathBuf,
    },
    /// What is done of a run.
    Status {
        /// The folder.
        folder: PathBuf,
        /// Only the shards that are missing.
        missing: bool,
    },
    /// One hash of what the tables of a folder say.
    Hash {
        /// The folder.
        folder: PathBuf,
    },
    /// Units of a sweep for the process that started this one.
    Worker,
    /// The results of a sweep from its shards.
    Merge {
        /// Folders of shards, or those that hold them.
        folders: Vec<PathBuf>,
    },
}

/// May a run go on with one that was cut off?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// It begins.
    No,
    /// It goes on.
    Must,
    /// It goes on where there is one, and begins where there is none.
    Auto,
}

/// How a long run keeps what is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keeping {
    /// May it go on with one that was cut off?
    pub resume: Resume,
    /// With parts of another device, too?
    pub any_device: bool,
    /// How often parts are written.
    pub every: Duration,
    /// Does a GPU run in this process, and not in a worker of its own?
    pub in_process: bool,
    /// So long a worker may be silent.
    pub stall: Duration,
}

impl Default for Keeping {
    fn default() -> Self {
        let (every, stall) = (Duration::from_secs(10), Duration::from_secs(120));
        Keeping { resume: Resume::No, any_device: false, every, in_process: false, stall }
    }
}

/// One call of the program.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// One JSON object on standard output, and nothing else there.
    pub json: bool,
    /// `auto`, `gpu`, `cpu`, `reference`, `software`, or part of an adapter's name; never empty.
    pub device: String,
    /// The folder for results.
    pub out: Option<PathBuf>,
    /// May the results of an earlier run in that folder be replaced?
    pub force: bool,
    /// Only say what would be done.
    pub plan: bool,
    /// No progress, no remarks.
    pub quiet: bool,
    /// Progress as lines of JSON.
    pub json_progress: bool,
    /// Members computed at a time; none: as many as fit. The flag, or else the file's key.
    pub chunk: Option<usize>,
    /// The part of a sweep that is to be done; none: all of it.
    pub shard: Option<Shard>,
    /// What was read off the environment, to be said before the run.
    pub remark: Option<String>,
    /// How a long run keeps what is done.
    pub keeping: Keeping,
}

impl Invocation {
    /// The folder of this run: that of its shard, if it is one.
    pub fn folder(&self) -> Option<PathBuf> {
        let folder = self.out.as_ref().filter(|_| !self.plan)?;
        Some(self.shard.map_or_else(|| folder.clone(), |shard| parts::shard_folder(folder, shard)))
    }
}

/// What the arguments ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Run this.
    Run(Box<Invocation>),
    /// Print this text: help, version, or what a shell needs to complete command lines.
    Print(String),
    /// Print this help on standard error, for nothing was asked.
    Remind(String),
}

/// Reads the arguments, the program's name first; `--help`, `--version` and the
/// like are answered here, and end the program.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Invocation> {
    match understand(arguments)? {
        Request::Run(invocation) => Ok(*invocation),
        Request::Print(text) => {
            // A reader that has gone away (`| head`) is no failure, which `report` knows.
            let written = streams::print(&text);
            std::process::exit(report(written).into())
        }
        Request::Remind(text) => {
            eprint!("{text}");
            std::process::exit(Error::Usage(text).exit_code().into())
        }
    }
}

/// Reads the arguments, the program's name first, and has no effect but reading the specification file.
pub fn understand(arguments: impl Iterator<Item = OsString>) -> Result<Request> {
    let columns = fit::columns().min(WIDEST_HELP);
    let help = |error: &clap::Error| fit::wrapped(&error.render().to_string(), columns);
    let command = args::command().term_width(columns);
    let matches = match command.try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => return Ok(Request::Print(help(&error))),
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Ok(Request::Remind(help(&error)));
        }
        Err(error) => return Err(Error::Usage(in_one_line(&error))),
    };
    let arguments = args::Arguments::from_arg_matches(&matches).map_err(|error| Error::Usage(in_one_line(&error)))?;
    arguments.resolve()
}

/// Does what was asked.
pub fn run(invocation: Invocation) -> Result<()> {
    process::prepare()?;
    let console = console::Console::new(&invocation);
    invocation.remark.iter().for_each(|line| console.note(line));
    match &invocation.command {
        Command::Sweep(spec) => sweep::run(&console, &invocation, spec),
        Command::Spectrum(spec) => spectrum::run(&console, &invocation, spec),
        Command::TrainedSpectrum(spec) => trained::spectrum(&console, &invocation, spec),
        Command::TrainedSweep(spec) => trained::sweep(&console, &invocation, spec),
        Command::TrainedLyapunov(spec) => trained::lyapunov(&console, &invocation, spec),
        Command::Lyapunov(spec) => lyapunov::run(&console, &invocation, spec),
        Command::Essay(spec) => essay::run(&console, &invocation, spec),
        Command::Devices { parity } => devices::run(&console, &invocation.device, *parity),
        Command::Bench(spec) => bench::run(&console, &invocation, spec),
        Command::Slurm(asked) => slurm::run(&console, &invocation, asked),
        Command::Kubernetes(job) => kubernetes::run(&console, &invocation, job),
        Command::Report { folder } => self::report::run(&console, folder),
        Command::Verify { folder } => folders::verify(&console, folder),
        Command::Status { folder, missing } => folders::status(&console, folder, *missing),
        Command::Hash { folder } => folders::hash(&console, folder),
        Command::Worker => long_run::worker::run(),
        Command::Merge { folders } => merge::run(&console, &invocation, folders),
    }
}

/// What some flags are called elsewhere.
const ELSEWHERE: [(&str, &str); 12] = [
    ("--n", "--width"),
    ("--T", "--tokens"),
    ("--L", "--depth"),
    ("--dt", "--step-size"),
    ("--friction", "--damping"),
    ("--exponents", "--top"),
    ("--output", "--out"),
    ("-o", "--out"),
    ("--gpu", "--device gpu"),
    ("--cpu", "--device cpu"),
    ("--verbose", "RUST_LOG=info"),
    ("-v", "RUST_LOG=info"),
];
/// A suggestion less alike than this is none: a short flag is somewhat like anything.
const ALIKE: f64 = 0.8;

/// A usage error of clap in one line: what, its tips, and where help is.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let given = context(ContextKind::InvalidArg);
    let suggested = context(ContextKind::SuggestedArg);
    let unlike = strsim::jaro_winkler(given.trim_matches('-'), suggested.trim_matches('-')) < ALIKE;
    let elsewhere = ELSEWHERE.iter().find(|(name, _)| error.kind() == ErrorKind::UnknownArgument && *name == given);
    // The tip to pass a flag as a value is right about the grammar, and never what is meant.
    let is_idle = |line: &str| {
        line.starts_with("tip: to pass")
            || (line.starts_with("tip:") && (elsewhere.is_some() || unlike && !given.is_empty()))
    };
    let mut lines: Vec<String> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty() && !is_idle(line))
        .map(|line| line.strip_prefix("error: ").unwrap_or(line).to_owned())
        .collect();
    lines.extend(elsewhere.map(|(_, name)| format!("tip: it is called '{name}' here")));
    let mut line = lines.join("; ").replace("; [", " [");
    for (terse, plain) in [
        ("invalid digit found in string", "not a whole number"),
        ("number too large to fit in target type", "too large"),
        ("invalid float literal", "not a number"),
    ] {
        line = line.replace(terse, plain);
    }
    format!("{line}; see --help")
}
