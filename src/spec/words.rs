//! The words a specification is made of. Each is spelled the same on the command line, in TOML and in the record.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Gives a word its one spelling, shared by help, errors and records.
macro_rules! spelled {
    ($($word:ty),* $(,)?) => { $(
        impl $word {
            /// The spelling on the command line, in TOML and in records.
            pub fn name(self) -> String {
                self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
            }
        }
        impl std::fmt::Display for $word {
            fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.pad(&self.name())
            }
        }
    )* };
}

spelled!(Model, Ensemble, Weights, RadiusKind, Activation, NormPlacement, NormKind, Mask, Integrator, StepScaling);

/// What one layer computes, f(x).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// f(x) = A x
    #[default]
    Linear,
    /// f(x) = W2 φ(W1 norm(x))
    Mlp,
    /// f(x) = MultiHead(norm(x))
    Attention,
    /// Attention, then FFN, each its own Euler step
    Transformer,
}

impl Model {
    /// Has it attention?
    pub fn attends(self) -> bool {
        matches!(self, Model::Attention | Model::Transformer)
    }

    /// Has it an FFN?
    pub fn has_ffn(self) -> bool {
        matches!(self, Model::Mlp | Model::Transformer)
    }
}

/// Which random matrices are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ensemble {
    /// Independent normal entries
    #[default]
    Ginibre,
    /// A = Aᵀ: real eigenvalues
    Symmetric,
    /// A = −Aᵀ: imaginary eigenvalues
    Antisymmetric,
    /// In between: A_ij and A_ji have correlation tau
    Elliptic,
}

/// Whether the steps of one member share their layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// Each member iterates one layer
    #[default]
    Tied,
    /// A fresh layer at every step
    Iid,
}

/// What `radius` is the radius of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RadiusKind {
    /// The edge of the limiting law: A = rho G / sqrt(n)
    #[default]
    Nominal,
    /// Each A is rescaled by its own measured radius
    Exact,
}

/// The nonlinearity φ of the FFN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(0, x)
    Relu,
    /// x Φ(x)
    #[default]
    Gelu,
    /// tanh(x)
    Tanh,
}

/// Where the norm stands in a sublayer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormPlacement {
    /// No norm at all
    None,
    /// On the input of f
    #[default]
    Pre,
    /// On the updated state
    Post,
}

/// Which norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormKind {
    /// Subtracts the mean, divides by the standard deviation
    #[default]
    Layernorm,
    /// Divides by the root mean square
    Rmsnorm,
}

/// Which tokens a token attends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mask {
    /// All of them
    #[default]
    None,
    /// Itself and those before it
    Causal,
}

/// How one step of size h follows dx/dt = f(x).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrator {
    /// x + h f(x), the residual update
    #[default]
    Euler,
    /// Two evaluations of f, order 2
    Heun,
    /// The classical Runge-Kutta method: four evaluations, order 4
    Rk4,
    /// Implicit, order 1; linear model only
    BackwardEuler,
    /// The solution itself; linear model only
    ExponentialEuler,
    /// Half attention, FFN, half attention (Macaron); transformer only
    Strang,
    /// The same with sub-steps of order 4, which make it one of order 2
    StrangRk4,
}

/// How the step size depends on the depth L.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepScaling {
    /// h
    #[default]
    Constant,
    /// h / sqrt(L)
    InverseSqrtDepth,
    /// h / L
    InverseDepth,
}

impl StepScaling {
    /// The factor on the step size at this depth.
    pub fn factor(self, depth: usize) -> f64 {
        match self {
            StepScaling::Constant => 1.0,
            StepScaling::InverseSqrtDepth => 1.0 / (depth as f64).sqrt(),
            StepScaling::InverseDepth => 1.0 / depth as f64,
        }
    }
}
