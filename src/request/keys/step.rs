//! The keys of one step, at one place instead of on a grid.

/// The radius, the step size and the friction of `spectrum` and `lyapunov`.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct StepKeys {
    /// Spectral radius rho [default: 1]
    #[arg(long, visible_alias = "rho", value_name = "RHO", allow_negative_numbers = true)]
    #[serde(alias = "rho")]
    pub radius: Option<f64>,
    /// Step size h [default: 1]; spectrum speaks of the step M instead of A where h or gamma is given
    #[arg(long, visible_alias = "h", value_name = "H", allow_negative_numbers = true)]
    #[serde(alias = "h")]
    pub step_size: Option<f64>,
    /// Friction gamma, 0 to 1 [default: 0]
    #[arg(long, visible_alias = "gamma", value_name = "GAMMA", allow_negative_numbers = true)]
    #[serde(alias = "gamma")]
    pub damping: Option<f64>,
}
