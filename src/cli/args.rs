//! The flags, and the one function that turns them into an [`Invocation`].

mod examples;
mod jobs;
mod keeping;
mod shard;

use self::examples::{
    COMPLETIONS_EXAMPLES, ESSAY_EXAMPLES, EXAMPLES, KUBERNETES_EXAMPLES, LYAPUNOV_EXAMPLES, MERGE_EXAMPLES,
    REPORT_EXAMPLES, SLURM_EXAMPLES, SPECTRUM_EXAMPLES, SWEEP_EXAMPLES,
};
use self::jobs::{KubernetesArguments, SlurmArguments};
use self::keeping::KeepingArguments;
use self::shard::{Placed, ShardArguments};
use super::{Command, Invocation, Keeping, Request};
use crate::error::{Error, Result};
use crate::invalid;
use crate::request::file;
use crate::request::keys::{
    BenchKeys, EssayKeys, Keys, LyapunovKeys, LyapunovRequest, Seed, SpectrumKeys, SpectrumRequest, SweepKeys,
    SweepRequest,
};
use crate::spec::check;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// When does a stack of residual layers behave like a stable integrator, and when does it blow up?
#[derive(Debug, Parser)]
#[command(name = "eulerscope", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Write one JSON object to standard output, and nothing else
    #[arg(long, global = true)]
    json: bool,
    /// auto, gpu, cpu, reference, software, or part of an adapter's name
    #[arg(long, global = true, value_name = "DEVICE", default_value = "auto")]
    device: String,
    /// Seed of every random number, decimal or 0x hexadecimal [default: 0]
    #[arg(long, global = true, value_name = "SEED", allow_hyphen_values = true)]
    seed: Option<Seed>,
    /// Folder for run.json, tables and figures
    #[arg(long, global = true, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the results of an earlier run in that folder, once the new ones are complete
    #[arg(long, global = true)]
    force: bool,
    /// Only say what would be done: members, memory, time
    #[arg(long, global = true)]
    plan: bool,
    /// Members computed at a time [default: as many as fit]
    #[arg(long, global = true, value_name = "COUNT", allow_negative_numbers = true)]
    chunk: Option<usize>,
    /// No progress and no remarks
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Progress on standard error as lines of JSON, with -q too
    #[arg(long, global = true, value_name = "json", value_parser = ["json"], hide_possible_values = true)]
    progress: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// A stability map over step size x radius x damping
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep(Box<SweepArguments>),
    /// Eigenvalues of an ensemble, of your own matrices, or of every layer of a trained model
    #[command(after_help = SPECTRUM_EXAMPLES)]
    Spectrum(Box<SpectrumArguments>),
    /// Lyapunov exponents of long products of layers
    #[command(after_help = LYAPUNOV_EXAMPLES)]
    Lyapunov(Box<LyapunovArguments>),
    /// Every claim of the essay as an experiment, with a verdict
    #[command(after_help = ESSAY_EXAMPLES)]
    Essay(Box<EssayArguments>),
    /// The adapters, their limits and a self-test of each
    Devices(DevicesArguments),
    /// GPU against CPU, kernel by kernel and end to end
    Bench(Given<BenchKeys>),
    /// A sweep as an array of Slurm and a job that merges: print the script, or submit it
    #[command(after_help = SLURM_EXAMPLES)]
    Slurm(SlurmArguments),
    /// A sweep as an indexed Job of Kubernetes: print the manifest
    #[command(after_help = KUBERNETES_EXAMPLES)]
    Kubernetes(KubernetesArguments),
    /// The results of a sweep from the shards that several machines have done
    #[command(after_help = MERGE_EXAMPLES)]
    Merge(MergeArguments),
    /// What is done in a results folder, and which shards are missing
    Status(StatusArguments),
    /// Compare every file in a results folder with what was written
    Verify(FolderArguments),
    /// One hash of all that the tables in a results folder say, equal for equal results
    Hash(FolderArguments),
    /// Units of a sweep for the process that starts it
    #[command(hide = true)]
    Worker,
    /// report.html of a results folder: one page that opens offline
    #[command(after_help = REPORT_EXAMPLES)]
    Report(FolderArguments),
    /// What a shell needs to complete commands and flags
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArguments),
}

/// What can be given to a command that runs something.
#[derive(Debug, Args)]
struct Given<K: Keys> {
    /// Specification file, or the run.json of an earlier run; flags win over it
    #[arg(value_name = "SPEC.toml")]
    file: Option<PathBuf>,
    #[command(flatten)]
    keys: K,
}

#[derive(Debug, Args)]
struct SweepArguments {
    #[command(flatten)]
    given: Given<SweepKeys>,
    #[command(flatten)]
    part: ShardArguments,
    #[command(flatten)]
    keeping: KeepingArguments,
}

#[derive(Debug, Args)]
struct SpectrumArguments {
    #[command(flatten)]
    given: Given<SpectrumKeys>,
    #[command(flatten)]
    keeping: KeepingArguments,
}

#[derive(Debug, Args)]
struct LyapunovArguments {
    #[command(flatten)]
    given: Given<LyapunovKeys>,
    #[command(flatten)]
    part: ShardArguments,
    #[command(flatten)]
    keeping: KeepingArguments,
}

#[derive(Debug, Args)]
struct EssayArguments {
    /// Claims by their names [default: all]; or a specification file, or the run.json of an earlier run
    #[arg(value_name = "CLAIM")]
    given: Vec<String>,
    #[command(flatten)]
    keys: EssayKeys,
}

#[derive(Debug, Args)]
struct DevicesArguments {
    /// Also run every kernel on each device against its f64 twin
    #[arg(long)]
    parity: bool,
}

#[derive(Debug, Args)]
struct FolderArguments {
    /// A folder that --out has written
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

#[derive(Debug, Args)]
struct StatusArguments {
    #[command(flatten)]
    folder: FolderArguments,
    /// Only the numbers of the shards that are missing, such as 3,7-9
    #[arg(long)]
    missing: bool,
}

#[derive(Debug, Args)]
struct MergeArguments {
    /// Folders that hold shards, or those of shards
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// The command line's grammar.
pub(super) fn command() -> clap::Command {
    Arguments::command()
}

/// What a shell needs to complete command lines.
fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "eulerscope", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

impl Arguments {
    /// Flags, file and defaults become one valid request.
    pub(super) fn resolve(self) -> Result<Request> {
        let Arguments { global, command } = self;
        if global.device.trim().is_empty() {
            return invalid!("device: the name is empty; give auto, gpu, cpu, reference, software or part of a name");
        }
        if global.force && global.out.is_none() {
            return Err(Error::Usage("--force replaces the results in a folder; name it with --out DIR".to_string()));
        }
        let mut chunk = global.chunk;
        let (mut part, mut keeping) = (Placed::default(), Keeping::default());
        let command = match command {
            Subcommands::Sweep(sweep) => {
                let SweepArguments { given, part: own_part, keeping: own } = *sweep;
                part = own_part.placed(&global)?;
                let (file, flags) = given.read(&global)?;
                match SweepKeys::specify(file, flags)? {
                    SweepRequest::Members(spec) => {
                        chunk = spec.chunk;
                        keeping = own.resolve(&global)?;
                        Command::Sweep(*spec)
                    }
                    SweepRequest::Trained(spec) => {
                        part.refuse_for_trained("give each call a part of the grid")?;
                        keeping = own.resolve(&global)?;
                        Command::TrainedSweep(*spec)
                    }
                }
            }
            Subcommands::Spectrum(spectrum) => {
                let SpectrumArguments { given, keeping: own } = *spectrum;
                let (file, flags) = given.read(&global)?;
                chunk = flags.chunk.or(file.chunk);
                match SpectrumKeys::specify(file, flags)? {
                    SpectrumRequest::Matrices(spec) => {
                        own.refuse("of spectra, those of a --checkpoint are")?;
                        Command::Spectrum(spec)
                    }
                    SpectrumRequest::Trained(spec) => {
                        keeping = own.resolve(&global)?;
                        Command::TrainedSpectrum(spec)
                    }
                }
            }
            Subcommands::Lyapunov(lyapunov) => {
                let LyapunovArguments { given, part: own_part, keeping: own } = *lyapunov;
                part = own_part.placed(&global)?;
                let (file, flags) = given.read(&global)?;
                chunk = flags.chunk.or(file.chunk);
                match LyapunovKeys::specify(file, flags)? {
                    LyapunovRequest::Members(spec) => {
                        keeping = own.resolve(&global)?;
                        Command::Lyapunov(*spec)
                    }
                    LyapunovRequest::Trained(spec) => {
                        part.refuse_for_trained("leave it out")?;
                        own.refuse("one way through a trained model is done at once")?;
                        Command::TrainedLyapunov(spec)
                    }
                }
            }
            Subcommands::Essay(essay) => {
                let (file, flags) = essay.given().read(&global)?;
                Command::Essay(EssayKeys::specify(file, flags)?)
            }
            Subcommands::Devices(DevicesArguments { parity }) => {
                global.refuse("devices", "it prints to standard output", &[Unused::Plan, Unused::Out])?;
                Command::Devices { parity }
            }
            Subcommands::Bench(given) => {
                let (file, flags) = given.read(&global)?;
                Command::Bench(BenchKeys::specify(file, flags)?)
            }
            Subcommands::Slurm(slurm) => Command::Slurm(slurm.resolve(&global)?),
            Subcommands::Kubernetes(kubernetes) => Command::Kubernetes(kubernetes.resolve(&global)?),
            Subcommands::Report(FolderArguments { folder }) => {
                global.refuse("report", "it writes into the folder that is named", &[Unused::Plan, Unused::Out])?;
                Command::Report { folder }
            }
            Subcommands::Merge(MergeArguments { folders }) => {
                global.refuse("merge", "what it takes is in the parts", &[Unused::Plan])?;
                if global.out.is_none() {
                    return Err(Error::Usage("merge writes results into a folder; name it with --out DIR".to_string()));
                }
                Command::Merge { folders }
            }
            Subcommands::Status(StatusArguments { folder, missing }) => {
                global.refuse("status", READS, &[Unused::Plan, Unused::Out])?;
                Command::Status { folder: folder.folder, missing }
            }
            Subcommands::Verify(FolderArguments { folder }) => {
                global.refuse("verify", READS, &[Unused::Plan, Unused::Out])?;
                Command::Verify { folder }
            }
            Subcommands::Hash(FolderArguments { folder }) => {
                global.refuse("hash", READS, &[Unused::Plan, Unused::Out])?;
                Command::Hash { folder }
            }
            Subcommands::Worker => Command::Worker,
            Subcommands::Completions(CompletionsArguments { shell }) => {
                global.refuse("completions", "it prints a script", &[Unused::Json, Unused::Plan, Unused::Out])?;
                return Ok(Request::Print(completions(shell)));
            }
        };
        chunk.map_or(Ok(()), |chunk| check::count("chunk", chunk, crate::spec::MOST_MEMBERS))?;
        let Global { json, mut device, out, force, plan, quiet, progress, .. } = global;
        let json_progress = progress.is_some();
        if WORDS.iter().any(|word| device.eq_ignore_ascii_case(word)) {
            device.make_ascii_lowercase();
        }
        let Placed { shard, remark } = part;
        let invocation =
            Invocation { command, json, device, out, force, plan, quiet, json_progress, chunk, shard, remark, keeping };
        Ok(Request::Run(Box::new(invocation)))
    }
}

/// Why a command that looks into a folder has no flags of runs.
const READS: &str = "it reads the folder that is named";

/// The devices that have a word of their own.
const WORDS: [&str; 5] = ["auto", "gpu", "cpu", "reference", "software"];

/// Global options that some commands have nothing for.
#[derive(Clone, Copy)]
enum Unused {
    Json,
    Plan,
    Out,
    Force,
    Seed,
    Chunk,
}

impl Global {
    /// Refuses an option that a command has nothing for.
    fn refuse(&self, command: &str, why: &str, unused: &[Unused]) -> Result<()> {
        let given = |unused: &&Unused| match unused {
            Unused::Json => self.json,
            Unused::Plan => self.plan,
            Unused::Out => self.out.is_some(),
            Unused::Force => self.force,
            Unused::Seed => self.seed.is_some(),
            Unused::Chunk => self.chunk.is_some(),
        };
        let flag = match unused.iter().find(given) {
            None => return Ok(()),
            Some(Unused::Json) => "--json",
            Some(Unused::Plan) => "--plan",
            Some(Unused::Out) => "--out",
            Some(Unused::Force) => "--force",
            Some(Unused::Seed) => "--seed",
            Some(Unused::Chunk) => "--chunk",
        };
        Err(Error::Usage(format!("{command} has no {flag}: {why}; see --help")))
    }
}

impl EssayArguments {
    /// A single name that looks like a file is one.
    fn given(self) -> Given<EssayKeys> {
        let EssayArguments { given, mut keys } = self;
        let is_file = |name: &String| name.ends_with(".toml") || name.ends_with(".json") || name.contains(['/', '\\']);
        match &given[..] {
            [name] if is_file(name) => Given { file: Some(PathBuf::from(name)), keys },
            _ => {
                keys.claims = given;
                Given { file: None, keys }
            }
        }
    }
}

impl<K: Keys> Given<K> {
    /// The keys of the file, and those of the flags.
    fn read(self, global: &Global) -> Result<(K, K)> {
        if self.file.is_some() && self.file == global.out {
            return invalid!("out: the results would replace the specification file; give another folder");
        }
        let file = self.file.as_deref().map(file::read).transpose()?.unwrap_or_default();
        let mut flags = self.keys;
        flags.set_global(global.seed, global.chunk);
        Ok((file, flags))
    }
}
