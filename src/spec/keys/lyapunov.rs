//! The keys of `lyapunov`.

use super::{EnsembleKeys, Keys, LayerKeys, Seed, Source};
use crate::error::Result;

/// What the layers do, and how many steps of them.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct LyapunovKeys {
    /// Spectral radius rho [default: 1]
    #[arg(long, visible_alias = "rho", value_name = "RHO", allow_negative_numbers = true)]
    #[serde(alias = "rho")]
    pub radius: Option<f64>,
    /// Step size h [default: 1]
    #[arg(long, visible_alias = "h", value_name = "H", allow_negative_numbers = true)]
    #[serde(alias = "h")]
    pub step_size: Option<f64>,
    /// Friction gamma, 0 to 1 [default: 0]
    #[arg(long, visible_alias = "gamma", value_name = "GAMMA", allow_negative_numbers = true)]
    #[serde(alias = "gamma")]
    pub damping: Option<f64>,
    /// Steps L that are averaged over [default: 1000]
    #[arg(long, visible_alias = "depth", value_name = "STEPS", allow_negative_numbers = true)]
    #[serde(alias = "depth")]
    pub steps: Option<usize>,
    /// Steps before the average begins [default: 100]
    #[arg(long, value_name = "STEPS", allow_negative_numbers = true)]
    pub transient_steps: Option<usize>,
    /// Only the K largest exponents [default: all]
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub top: Option<usize>,
    /// Points of the convergence series [default: 20, or one a step]
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub blocks: Option<usize>,
    /// Members computed at a time; on the command line it is a global option.
    #[arg(skip)]
    pub chunk: Option<usize>,
    /// Which matrices are drawn.
    #[command(flatten)]
    #[serde(skip)]
    pub ensemble: EnsembleKeys,
    /// What a layer computes.
    #[command(flatten)]
    #[serde(skip)]
    pub layer: LayerKeys,
}

impl Keys for LyapunovKeys {
    const COMMAND: &'static str = "lyapunov";

    fn read(file: &impl Source) -> Result<Self> {
        Ok(LyapunovKeys { ensemble: file.view()?, layer: file.view()?, ..file.view()? })
    }

    fn set_global(&mut self, seed: Option<Seed>, chunk: Option<usize>) {
        self.ensemble.seed = seed;
        self.chunk = chunk;
    }
}
