//! The flags, and the one function that turns them into an [`Invocation`].

use super::{BenchSpec, Command, Invocation};
use crate::error::{Error, Result};
use crate::invalid;
use crate::spec::keys::{EnsembleKeys, LayerKeys, Seed, SweepKeys};
use crate::spec::{LyapunovSpec, Precision, SpectrumSpec, SweepSpec, check, file};
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  eulerscope sweep
  eulerscope sweep --step-size 'log(0.01,2,64)' --radius 0.5,1 --damping 0 --out results
  eulerscope sweep spec.toml --device cpu --json
  eulerscope spectrum --ensemble elliptic --tau 0.5 --width 128
  eulerscope lyapunov --weights iid --step-size 0.1 --top 4
  eulerscope devices

Exit codes: 0 ok, 2 usage, 3 some members failed or interrupted with Ctrl-C, 4 invalid input, 5 no adapter,
6 device failure, 7 input/output, 8 resume mismatch, 9 verification failed, 10 a bug, 130 after a second Ctrl-C";

const SWEEP_EXAMPLES: &str = "\
A GRID is a number, a list `0.1,0.5,1`, `lin(0.01,2,64)` or `log(1e-3,2,64)` (start,end,count).

Examples:
  eulerscope sweep --layers 4096 --damping 0,0.1,0.5
  eulerscope sweep --weights iid --step-scaling inverse-sqrt-depth --depth 200
  eulerscope sweep --model transformer --heads 8 --mask causal --plan
  eulerscope sweep --step-size 1 --radius 1 --sweep-over 'depth=log(8,1024,8)'
  eulerscope sweep --model transformer --sweep-over depth=10,80 --sweep-over logit_gain=0.5,1,2

SPEC.toml holds the same keys with `_` for `-`; flags win:
  width = 64
  step_size = \"log(0.01,2,64)\"
  radius = [0.5, 1.0]
  sweep_over = { depth = \"10,100,1000\" }";

const SPECTRUM_EXAMPLES: &str = "\
With --step-size or --damping it speaks of the step M = (1 - gamma) I + h A instead of A.

Examples:
  eulerscope spectrum --layers 10000 --width 32
  eulerscope spectrum --matrix jacobians.npy --json
  eulerscope spectrum --step-size 0.1 --radius 1.2 --damping 0.05";

const LYAPUNOV_EXAMPLES: &str = "\
Exponents are natural logarithms per step.

Examples:
  eulerscope lyapunov --step-size 0.1 --damping 0
  eulerscope lyapunov --weights tied --width 16 --steps 5000 --json";

/// When does a stack of residual layers behave like a stable integrator, and when does it blow up?
#[derive(Debug, Parser)]
#[command(name = "eulerscope", version, after_help = EXAMPLES, disable_help_subcommand = true, arg_required_else_help = false, max_term_width = 110)]
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
    /// Folder for tables, figures and the report
    #[arg(long, global = true, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only say what would be done: cells, members, memory, time
    #[arg(long, global = true)]
    plan: bool,
    /// Members computed at a time [default: as many as fit]
    #[arg(long, global = true, value_name = "COUNT", allow_negative_numbers = true)]
    chunk: Option<usize>,
    /// No progress and no remarks
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// A stability map over step size x radius x damping
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep(Box<SweepArguments>),
    /// Eigenvalues of an ensemble, or of your own matrices
    #[command(after_help = SPECTRUM_EXAMPLES)]
    Spectrum(Box<SpectrumArguments>),
    /// Lyapunov exponents of long products of layers
    #[command(after_help = LYAPUNOV_EXAMPLES)]
    Lyapunov(Box<LyapunovArguments>),
    /// The adapters, their limits and a self-test of each
    Devices(DevicesArguments),
    /// GPU against CPU, kernel by kernel and end to end
    Bench(BenchArguments),
}

#[derive(Debug, Args)]
struct SweepArguments {
    /// Specification file; flags win over it
    #[arg(value_name = "SPEC.toml")]
    file: Option<PathBuf>,
    #[command(flatten)]
    keys: SweepKeys,
}

/// The flags that draw an ensemble have no meaning beside `--matrix`.
const ENSEMBLE_FLAGS: [&str; 7] = ["ensemble", "tau", "radius_kind", "shift", "layers", "width", "radius"];

#[derive(Debug, Args)]
struct SpectrumArguments {
    /// Your own matrices: .npy (one or a stack), .mtx or .csv
    #[arg(long, value_name = "FILE", conflicts_with_all = ENSEMBLE_FLAGS)]
    matrix: Option<PathBuf>,
    /// Spectral radius rho [default: 1]
    #[arg(long, value_name = "RHO", allow_negative_numbers = true)]
    radius: Option<f64>,
    /// Euler step size h: eigenvalues of M instead of A
    #[arg(long, value_name = "H", allow_negative_numbers = true)]
    step_size: Option<f64>,
    /// Friction gamma, 0 to 1: eigenvalues of M instead of A
    #[arg(long, value_name = "GAMMA", allow_negative_numbers = true)]
    damping: Option<f64>,
    /// Print every eigenvalue, not only their statistics
    #[arg(long)]
    values: bool,
    /// Numbers that eigenvalues are computed in; a GPU needs to have f64 [default: f32; f64 for files on a host]
    #[arg(long, value_name = "BITS")]
    precision: Option<Precision>,
    /// Smallest singular values of z I - A on a grid of N x N points z, for the first matrix of the file
    #[arg(long, value_name = "N", requires = "matrix")]
    pseudospectrum: Option<usize>,
    #[command(flatten)]
    ensemble: EnsembleKeys,
}

#[derive(Debug, Args)]
struct LyapunovArguments {
    /// Spectral radius rho [default: 1]
    #[arg(long, value_name = "RHO", allow_negative_numbers = true)]
    radius: Option<f64>,
    /// Euler step size h [default: 1]
    #[arg(long, value_name = "H", allow_negative_numbers = true)]
    step_size: Option<f64>,
    /// Friction gamma, 0 to 1 [default: 0.1]
    #[arg(long, value_name = "GAMMA", allow_negative_numbers = true)]
    damping: Option<f64>,
    /// Steps that are averaged over [default: 1000]
    #[arg(long, value_name = "STEPS", allow_negative_numbers = true)]
    steps: Option<usize>,
    /// Steps before the average begins [default: 100]
    #[arg(long, value_name = "STEPS", allow_negative_numbers = true)]
    transient_steps: Option<usize>,
    /// Only the K largest exponents [default: all]
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    top: Option<usize>,
    /// Points of the convergence series [default: 20, or one a step]
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    blocks: Option<usize>,
    #[command(flatten)]
    ensemble: EnsembleKeys,
    #[command(flatten)]
    layer: LayerKeys,
}

#[derive(Debug, Args)]
struct DevicesArguments {
    /// Also run every kernel on each device against its f64 twin
    #[arg(long)]
    parity: bool,
}

#[derive(Debug, Args)]
struct BenchArguments {
    /// Small sizes and few repetitions
    #[arg(long)]
    quick: bool,
    /// Only these rows, such as linear_sweep,transformer_sweep
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
}

/// The command line's grammar.
pub(super) fn command() -> clap::Command {
    Arguments::command()
}

impl Arguments {
    /// Flags, file and defaults become one valid invocation.
    pub(super) fn resolve(self) -> Result<Invocation> {
        let Arguments { global, command } = self;
        if global.device.trim().is_empty() {
            return invalid!("device: the name is empty; give auto, gpu, cpu, reference, software or part of a name");
        }
        let mut chunk = global.chunk;
        let command = match command {
            Subcommands::Sweep(arguments) => {
                let spec = arguments.resolve(&global)?;
                chunk = spec.chunk;
                Command::Sweep(spec)
            }
            Subcommands::Spectrum(arguments) => Command::Spectrum(arguments.resolve(global.seed)?),
            Subcommands::Lyapunov(arguments) => Command::Lyapunov(arguments.resolve(global.seed)?),
            Subcommands::Devices(_) if global.out.is_some() || global.plan => {
                let flag = if global.plan { "--plan" } else { "--out" };
                return Err(Error::Usage(format!("devices has no {flag}: it prints to standard output; see --help")));
            }
            Subcommands::Devices(DevicesArguments { parity }) => Command::Devices { parity },
            Subcommands::Bench(BenchArguments { quick, only }) => {
                Command::Bench(BenchSpec { quick, only, seed: global.seed.map_or(0, |seed| seed.0) })
            }
        };
        chunk.map_or(Ok(()), |chunk| check::count("chunk", chunk, crate::spec::MOST_LAYERS))?;
        let Global { json, device, out, plan, quiet, .. } = global;
        Ok(Invocation { command, json, device, out, plan, quiet, chunk })
    }
}

impl SweepArguments {
    fn resolve(self, global: &Global) -> Result<SweepSpec> {
        if self.file.is_some() && self.file == global.out {
            return invalid!("out: the results would replace the specification file; give another folder");
        }
        let file = self.file.as_deref().map(file::read).transpose()?.unwrap_or_default();
        let mut flags = self.keys;
        flags.ensemble.seed = global.seed;
        flags.chunk = global.chunk;
        SweepSpec::from_keys(&file, &flags)
    }
}

impl SpectrumArguments {
    fn resolve(self, seed: Option<Seed>) -> Result<SpectrumSpec> {
        let mut spec = SpectrumSpec::default();
        spec.ensemble.apply(&EnsembleKeys { seed, ..self.ensemble });
        spec.radius = self.radius.unwrap_or(spec.radius);
        spec.step_size = self.step_size;
        spec.damping = self.damping;
        spec.matrix = self.matrix;
        spec.values = self.values;
        spec.precision = self.precision;
        spec.pseudospectrum = self.pseudospectrum;
        spec.validate()?;
        Ok(spec)
    }
}

impl LyapunovArguments {
    fn resolve(self, seed: Option<Seed>) -> Result<LyapunovSpec> {
        let model = self.layer.model.unwrap_or_default();
        self.layer.refuse_unused(model)?;
        let mut spec = LyapunovSpec::of(model);
        spec.ensemble.apply(&EnsembleKeys { seed, ..self.ensemble });
        spec.layer.apply(&self.layer);
        spec.radius = self.radius.unwrap_or(spec.radius);
        spec.step_size = self.step_size.unwrap_or(spec.step_size);
        spec.damping = self.damping.unwrap_or(spec.damping);
        spec.steps = self.steps.unwrap_or(spec.steps);
        spec.transient_steps = self.transient_steps.unwrap_or(spec.transient_steps);
        spec.top = self.top;
        spec.blocks = self.blocks.unwrap_or(spec.blocks.min(spec.steps.max(1)));
        spec.validate()?;
        Ok(spec)
    }
}
