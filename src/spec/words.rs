//! The words a specification is made of. Each is spelled the same on the command line, in TOML and in the record.

use serde::{Deserialize, Serialize};

/// A word of a specification: one of a few, each with one spelling.
pub trait Word: Copy + PartialEq + Send + Sync + 'static {
    /// All of them, in the order in which help lists them.
    const ALL: &'static [Self];

    /// The spelling on the command line, in TOML and in records.
    fn name(self) -> &'static str;

    /// What it stands for, in half a line.
    fn meaning(self) -> &'static str;
}

/// Declares words with their spellings and meanings.
macro_rules! words {
    ($(
        $(#[doc = $doc:literal])+
        pub enum $word:ident, by default $default:ident {
            $(#[doc = $meaning:literal] $variant:ident = $name:literal,)+
        }
    )+) => { $(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $word {
            $(#[doc = $meaning] #[serde(rename = $name)] $variant,)+
        }

        impl Default for $word {
            fn default() -> Self {
                $word::$default
            }
        }

        impl Word for $word {
            const ALL: &'static [Self] = &[$($word::$variant,)+];

            fn name(self) -> &'static str {
                match self { $($word::$variant => $name,)+ }
            }

            fn meaning(self) -> &'static str {
                match self { $($word::$variant => $meaning.trim_ascii(),)+ }
            }
        }

        impl std::fmt::Display for $word {
            fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.pad(self.name())
            }
        }
    )+ };
}

words! {
    /// What one layer computes, f(x).
    pub enum Model, by default Linear {
        /// f(x) = A x
        Linear = "linear",
        /// f(x) = W2 φ(W1 norm(x))
        Mlp = "mlp",
        /// f(x) = MultiHead(norm(x))
        Attention = "attention",
        /// Attention, then FFN, each its own Euler step
        Transformer = "transformer",
    }

    /// Which random matrices are drawn.
    pub enum Ensemble, by default Ginibre {
        /// Independent normal entries
        Ginibre = "ginibre",
        /// A = Aᵀ: real eigenvalues
        Symmetric = "symmetric",
        /// A = −Aᵀ: imaginary eigenvalues
        Antisymmetric = "antisymmetric",
        /// In between: A_ij and A_ji have correlation tau
        Elliptic = "elliptic",
    }

    /// Whether the steps of one member share their layer.
    pub enum Weights, by default Tied {
        /// Each member iterates one layer
        Tied = "tied",
        /// A fresh layer at every step
        Iid = "iid",
        /// Own matrices, one after the other
        Given = "given",
    }

    /// What `radius` is the radius of.
    pub enum RadiusKind, by default Nominal {
        /// The edge of the limiting law: A = rho G / sqrt(n)
        Nominal = "nominal",
        /// Each A is rescaled by its own measured radius
        Exact = "exact",
        /// Own matrices are multiplied by it
        Factor = "factor",
    }

    /// The nonlinearity φ of the FFN.
    pub enum Activation, by default Gelu {
        /// max(0, x)
        Relu = "relu",
        /// x Φ(x)
        Gelu = "gelu",
        /// tanh(x)
        Tanh = "tanh",
    }

    /// Where the norm stands in a sublayer.
    pub enum NormPlacement, by default Pre {
        /// No norm at all
        None = "none",
        /// On the input of f
        Pre = "pre",
        /// On the updated state
        Post = "post",
    }

    /// Which norm.
    pub enum NormKind, by default Layernorm {
        /// Subtracts the mean, divides by the standard deviation
        Layernorm = "layernorm",
        /// Divides by the root mean square
        Rmsnorm = "rmsnorm",
    }

    /// Which tokens a token attends to.
    pub enum Mask, by default None {
        /// All of them
        None = "none",
        /// Itself and those before it
        Causal = "causal",
    }

    /// How one step of size h follows dx/dt = f(x).
    pub enum Integrator, by default Euler {
        /// x + h f(x), the residual update
        Euler = "euler",
        /// Two evaluations of f, order 2
        Heun = "heun",
        /// The classical Runge-Kutta method: four evaluations, order 4
        Rk4 = "rk4",
        /// Implicit, order 1; linear model only
        BackwardEuler = "backward-euler",
        /// The solution itself; linear model only
        ExponentialEuler = "exponential-euler",
        /// Half attention, FFN, half attention (Macaron); transformer only
        Strang = "strang",
        /// The same with sub-steps of order 4, which make it one of order 2
        StrangRk4 = "strang-rk4",
    }

    /// How the step size depends on the depth L.
    pub enum StepScaling, by default Constant {
        /// h
        Constant = "constant",
        /// h / sqrt(L)
        InverseSqrtDepth = "inverse-sqrt-depth",
        /// h / L
        InverseDepth = "inverse-depth",
    }

    /// Weights that have a checkpoint's form and not its training.
    pub enum Control, by default Initial {
        /// Random weights, as before training
        Initial = "initial",
        /// The trained ones, each matrix with its entries in random order
        Shuffled = "shuffled",
    }

    /// The numbers that eigenvalues are computed in.
    pub enum Precision, by default F32 {
        /// 24 bits
        F32 = "f32",
        /// 53 bits; on a GPU only where the adapter has them
        F64 = "f64",
    }
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

impl Weights {
    /// Does step `step`, from 1, need weights that the one before it did not have?
    pub fn are_new_at(self, step: usize) -> bool {
        step == 1 || self != Weights::Tied
    }
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
