//! The keys of `essay`.

use super::{Keys, Seed, Source, TrainedKeys};
use crate::error::Result;
use crate::invalid;
use crate::spec::{EssaySpec, TrainedInput};

/// What is examined.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct EssayKeys {
    /// Fewer members: all claims in a minute on two cores
    #[arg(long)]
    pub quick: bool,
    /// The claims; on the command line they stand alone.
    #[arg(skip)]
    pub claims: Vec<String>,
    /// The seed of every random number; on the command line it is a global option.
    #[arg(skip)]
    pub seed: Option<Seed>,
    /// Which trained model.
    #[command(flatten)]
    #[serde(skip)]
    pub trained: TrainedKeys,
}

impl Keys for EssayKeys {
    type Spec = EssaySpec;

    const COMMAND: &'static str = "essay";
    const HAS_CHUNK: bool = false;
    const RECORDED: &'static [&'static [&'static str]] = &[&["claims"], TrainedKeys::RECORDED];

    fn read(file: &impl Source) -> Result<Self> {
        Ok(EssayKeys { trained: file.view()?, ..file.view()? })
    }

    fn specify(file: Self, flags: Self) -> Result<EssaySpec> {
        let mut input = TrainedInput::default();
        file.trained.apply(&mut input)?;
        flags.trained.apply(&mut input)?;
        let named = file.trained.checkpoint.is_some() || flags.trained.checkpoint.is_some();
        if let Some(name) = file.trained.first().or(flags.trained.first()).filter(|_| !named) {
            return invalid!("{name}: it is of a trained model; name its folder or file with checkpoint");
        }
        Ok(EssaySpec {
            claims: if flags.claims.is_empty() { file.claims } else { flags.claims },
            quick: flags.quick || file.quick,
            seed: flags.seed.or(file.seed).map_or(0, |seed| seed.0),
            trained: named.then_some(input),
        })
    }

    fn set_global(&mut self, seed: Option<Seed>, _chunk: Option<usize>) {
        self.seed = seed;
    }
}
