//! One layer as a list of kernel runs, written once for every device.

pub mod fused;
mod implicit;
pub mod jacobian;
pub mod linear;
pub mod nonlinear;
mod point;
pub mod sublayer;
pub mod tangent;
mod threshold;
mod update;

pub use crate::weights::State;
pub use fused::FusedSteps;
pub use jacobian::{Jacobian, jacobian};
pub use linear::LinearLayer;
pub use nonlinear::NonlinearLayer;
pub use point::{Coefficients, Point};
pub use tangent::{Part, Tangents};
pub use threshold::Threshold;
