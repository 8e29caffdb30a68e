//! The flags, and the one function that turns them into an [`Invocation`].

use super::{Command, Invocation, Request};
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

const EXAMPLES: &str = "\
Examples:
  eulerscope sweep
  eulerscope sweep --step-size 'log(0.01,2,64)' --radius 0.5,1 --out results
  eulerscope sweep spec.toml --device cpu --json
  eulerscope sweep results/run.json
  eulerscope spectrum --ensemble elliptic --tau 0.5 --width 128
  eulerscope lyapunov --weights iid --step-size 0.1 --top 4
  eulerscope essay --quick
  eulerscope report results
  eulerscope devices

The update is x <- (1 - gamma) x + h f(x). A Transformer has h = 1 and gamma = 0.

Exit codes: 0 ok, 2 usage, 3 some members failed or interrupted with Ctrl-C, 4 invalid input, 5 no adapter, \
6 device failure, 7 input/output, 9 verification failed, 10 a bug, 130 after a second Ctrl-C";

const SWEEP_EXAMPLES: &str = "\
A GRID is a number, `lin(0.01,2,64)`, `log(1e-3,2,64)` (start,end,count), or a list of these such as `0.1,0.5,1`.

Examples:
  eulerscope sweep --members 4096 --damping 0,0.1,0.5
  eulerscope sweep --weights iid --step-scaling inverse-sqrt-depth --depth 200
  eulerscope sweep --model transformer --heads 8 --mask causal --plan
  eulerscope sweep --step-size 1 --radius 1 --sweep-over 'depth=log(8,1024,8)'
  eulerscope sweep --model mlp --sweep-over depth=10,80 --sweep-over width=8,16
  eulerscope sweep results/run.json --device reference
  eulerscope sweep --checkpoint model/ --text paragraph.txt --step-size 0.5,0.8,1,1.2,1.5,2
  eulerscope sweep --checkpoint model/ --text paragraph.txt --damping 0,0.01,0.02,0.05

SPEC.toml holds the same keys with `_` for `-`; flags win:
  width = 64
  step_size = \"log(0.01,2,64)\"
  radius = [0.5, 1.0]
  sweep_over = { depth = \"10,100,1000\" }";

const SPECTRUM_EXAMPLES: &str = "\
With --step-size or --damping it speaks of the step M = (1 - gamma) I + h A instead of A.

Examples:
  eulerscope spectrum --members 10000 --width 32
  eulerscope spectrum --matrix jacobians.npy --json
  eulerscope spectrum --checkpoint model/ --prompt 'Explain why Mercury is important.'
  eulerscope spectrum --step-size 0.1 --radius 1.2 --damping 0.05
  eulerscope spectrum spectra/run.json

SPEC.toml holds the same keys with `_` for `-`; flags win.";

const LYAPUNOV_EXAMPLES: &str = "\
Exponents are natural logarithms per step.

Examples:
  eulerscope lyapunov --step-size 0.1 --damping 0.1
  eulerscope lyapunov --weights tied --width 16 --depth 5000 --json
  eulerscope lyapunov exponents/run.json
  eulerscope lyapunov --checkpoint model.gguf --prompt 'Mercury is a' --top 32

SPEC.toml holds the same keys with `_` for `-`; flags win.";

const ESSAY_EXAMPLES: &str = "\
The essay is \"AI is Dumb. Here's the Proof.\" Each claim is put as statements about numbers; a verdict follows from them.

Examples:
  eulerscope essay --quick
  eulerscope essay --out verdicts
  eulerscope essay friction no-friction
  eulerscope essay everywhere --checkpoint model/
  eulerscope essay verdicts/run.json --device reference";

const REPORT_EXAMPLES: &str = "\
Every command with --out writes the page as well; this makes it anew.

Examples:
  eulerscope sweep --out results
  eulerscope report results";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  eulerscope completions bash > ~/.local/share/bash-completion/completions/eulerscope
  eulerscope completions zsh > \"${fpath[1]}/_eulerscope\"
  eulerscope completions fish > ~/.config/fish/completions/eulerscope.fish";

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
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// A stability map over step size x radius x damping
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep(Box<Given<SweepKeys>>),
    /// Eigenvalues of an ensemble, of your own matrices, or of every layer of a trained model
    #[command(after_help = SPECTRUM_EXAMPLES)]
    Spectrum(Box<Given<SpectrumKeys>>),
    /// Lyapunov exponents of long products of layers
    #[command(after_help = LYAPUNOV_EXAMPLES)]
    Lyapunov(Box<Given<LyapunovKeys>>),
    /// Every claim of the essay as an experiment, with a verdict
    #[command(after_help = ESSAY_EXAMPLES)]
    Essay(Box<EssayArguments>),
    /// The adapters, their limits and a self-test of each
    Devices(DevicesArguments),
    /// GPU against CPU, kernel by kernel and end to end
    Bench(Given<BenchKeys>),
    /// report.html of a results folder: one page that opens offline
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArguments),
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
struct ReportArguments {
    /// A folder that --out has written
    #[arg(value_name = "DIR")]
    folder: PathBuf,
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
        let command = match command {
            Subcommands::Sweep(given) => {
                let (file, flags) = given.read(&global)?;
                match SweepKeys::specify(file, flags)? {
                    SweepRequest::Members(spec) => {
                        chunk = spec.chunk;
                        Command::Sweep(*spec)
                    }
                    SweepRequest::Trained(spec) => Command::TrainedSweep(*spec),
                }
            }
            Subcommands::Spectrum(given) => {
                let (file, flags) = given.read(&global)?;
                chunk = flags.chunk.or(file.chunk);
                match SpectrumKeys::specify(file, flags)? {
                    SpectrumRequest::Matrices(spec) => Command::Spectrum(spec),
                    SpectrumRequest::Trained(spec) => Command::TrainedSpectrum(spec),
                }
            }
            Subcommands::Lyapunov(given) => {
                let (file, flags) = given.read(&global)?;
                chunk = flags.chunk.or(file.chunk);
                match LyapunovKeys::specify(file, flags)? {
                    LyapunovRequest::Members(spec) => Command::Lyapunov(*spec),
                    LyapunovRequest::Trained(spec) => Command::TrainedLyapunov(spec),
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
            Subcommands::Report(ReportArguments { folder }) => {
                global.refuse("report", "it writes into the folder that is named", &[Unused::Plan, Unused::Out])?;
                Command::Report { folder }
            }
            Subcommands::Completions(CompletionsArguments { shell }) => {
                global.refuse("completions", "it prints a script", &[Unused::Json, Unused::Plan, Unused::Out])?;
                return Ok(Request::Print(completions(shell)));
            }
        };
        chunk.map_or(Ok(()), |chunk| check::count("chunk", chunk, crate::spec::MOST_MEMBERS))?;
        let Global { json, mut device, out, force, plan, quiet, .. } = global;
        if WORDS.iter().any(|word| device.eq_ignore_ascii_case(word)) {
            device.make_ascii_lowercase();
        }
        Ok(Request::Run(Box::new(Invocation { command, json, device, out, force, plan, quiet, chunk })))
    }
}

/// The devices that have a word of their own.
const WORDS: [&str; 5] = ["auto", "gpu", "cpu", "reference", "software"];

/// Global options that some commands have nothing for.
#[derive(Clone, Copy)]
enum Unused {
    Json,
    Plan,
    Out,
}

impl Global {
    /// Refuses an option that a command has nothing for.
    fn refuse(&self, command: &str, why: &str, unused: &[Unused]) -> Result<()> {
        let given = |unused: &&Unused| match unused {
            Unused::Json => self.json,
            Unused::Plan => self.plan,
            Unused::Out => self.out.is_some(),
        };
        let flag = match unused.iter().find(given) {
            None => return Ok(()),
            Some(Unused::Json) => "--json",
            Some(Unused::Plan) => "--plan",
            Some(Unused::Out) => "--out",
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
