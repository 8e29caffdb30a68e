//! The keys of `bench`.

use super::{Keys, Seed, Source};
use crate::bench::BenchSpec;
use crate::error::Result;

/// What is measured.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct BenchKeys {
    /// Small sizes and few repetitions
    #[arg(long)]
    pub quick: bool,
    /// Only these rows, such as linear_sweep,transformer_sweep
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// The seed of every random number; on the command line it is a global option.
    #[arg(skip)]
    pub seed: Option<Seed>,
}

impl Keys for BenchKeys {
    type Spec = BenchSpec;

    const COMMAND: &'static str = "bench";
    const HAS_CHUNK: bool = false;

    fn read(file: &impl Source) -> Result<Self> {
        file.view()
    }

    fn specify(file: Self, flags: Self) -> Result<BenchSpec> {
        Ok(BenchSpec {
            quick: flags.quick || file.quick,
            only: if flags.only.is_empty() { file.only } else { flags.only },
            seed: flags.seed.or(file.seed).map_or(0, |seed| seed.0),
        })
    }

    fn set_global(&mut self, seed: Option<Seed>, _chunk: Option<usize>) {
        self.seed = seed;
    }
}
