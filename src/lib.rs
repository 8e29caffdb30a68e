//! eulerscope: a GPU laboratory for the stability of residual layers, and its library: batched eigenvalues of
//! non-symmetric matrices, sweeps of random residual layers, Lyapunov exponents and exact Jacobians, on any GPU (Vulkan,
//! Metal, DX12), on the CPU in f32, or in f64 for reference.
//!
//! Eigenvalues of a batch of matrices:
//!
//! ```
//! use eulerscope::{device::Device, spectrum};
//!
//! let device = Device::open("cpu")?; // or "auto", "gpu", "software", "reference"
//! let rotation = [0.0_f32, 1.0, -1.0, 0.0];
//! let stretch = [2.0, 0.0, 0.0, 3.0];
//! let spectra = spectrum::eigenvalues(&device, &[rotation, stretch].concat(), 2)?;
//! assert_eq!(spectra[0].eigenvalues, [[0.0, 1.0], [0.0, -1.0]]);
//! assert_eq!(spectra[1].radius(), Some(3.0));
//! # Ok::<(), eulerscope::error::Error>(())
//! ```
//!
//! A sweep, as a table of what eigenvalues predict and what trajectories do:
//!
//! ```
//! use eulerscope::{device::Device, spec::{Grid, SweepSpec}, sweep};
//! use std::ops::ControlFlow;
//!
//! let device = Device::open("cpu")?;
//! let mut spec = SweepSpec { depth: 20, damping: Grid::single(0.1), ..SweepSpec::default() };
//! (spec.ensemble.members, spec.ensemble.width) = (16, 8);
//! (spec.step_size, spec.radius) = (Grid::parse("0.1,1")?, Grid::parse("lin(0.5,1.5,3)")?);
//! let sweep = sweep::run(&device, &spec, &mut |_| ControlFlow::Continue(()))?;
//! for cell in &sweep.cells {
//!     println!("{} {} {:?} {:?}", cell.step_size, cell.radius, cell.predicted_rate.mean, cell.observed_rate.mean);
//! }
//! assert_eq!(sweep.cells.len(), 6);
//! # Ok::<(), eulerscope::error::Error>(())
//! ```
//!
//! The exact Jacobian of a step of a nonlinear layer at a state of one's own, here of an MLP, and its spectral radius:
//!
//! ```
//! use eulerscope::spec::{EnsembleSpec, InitialStates, LayerSpec, Model, Origin};
//! use eulerscope::{device::Device, layer::Point, rollout::Rollout, spectrum};
//!
//! let device = Device::open("reference")?;
//! let state = InitialStates::new(vec![4], vec![0.5, -1.0, 0.0, 2.0], Origin::default())?;
//! let ensemble = EnsembleSpec { members: 1, width: 4, initial: Some(state), ..EnsembleSpec::default() };
//! let layer = LayerSpec::of(Model::Mlp);
//! let transformer = [Point { step_size: 1.0, radius: 1.0, damping: 0.0 }];
//! let rollout = Rollout::new(&ensemble, &layer, 1, &transformer);
//! rollout.jacobians(&device, 0..1, 1, &mut |jacobians| {
//!     let jacobian = jacobians.matrices[0].as_deref().expect("the state is finite");
//!     assert_eq!(jacobian.len(), 16);
//!     println!("{:?}", spectrum::eigenvalues(&device, jacobian, 4)?[0].radius());
//!     Ok(())
//! })?;
//! # Ok::<(), eulerscope::error::Error>(())
//! ```
//!
//! The modules stand in the order of the data flow; a module uses only modules listed above it. Those that are hidden
//! here belong to the program: they are open to its tests, and change without notice.
//!
//! ```text
//! spec ─→ weights ─→ layer ─→ rollout ─→ sweep ─→ results, figure ─→ cli
//!            └─────────┴─→ spectrum, lyapunov ──↗
//!                 all of them run on a  device (gpu | cpu | reference)
//!                 which runs  plan = list of  kernel = shaders/NAME.wgsl + src/kernel/NAME.rs
//! ```
#![warn(missing_docs)]

// What can go wrong, what is asked for, and how files of others are read.
pub mod error;
pub mod spec;
#[doc(hidden)]
pub mod input;

// Arithmetic that the rest shares: numbers, and how a step follows dx/dt = f(x).
#[doc(hidden)]
pub mod numbers;
#[doc(hidden)]
pub mod integrator;

// What is known beforehand.
#[cfg(feature = "application")]
#[doc(hidden)]
pub mod theory;

// Kernels in lists, and the devices that run them.
#[doc(hidden)]
pub mod machine;
#[doc(hidden)]
pub mod kernel;
#[doc(hidden)]
pub mod plan;
pub mod device;
pub mod units;

// From weights to results: layers, many steps of them, their eigenvalues and exponents, the whole grid.
pub mod weights;
#[cfg(feature = "checkpoint")]
pub mod checkpoint;
pub mod layer;
pub mod rollout;
pub mod spectrum;
pub mod lyapunov;
pub mod sweep;
#[cfg(feature = "checkpoint")]
pub mod trained;

// The program: the essay's claims, what a run would take, the bench, what is asked for, pictures, files, pages, other
// machines, the command line.
#[cfg(feature = "application")]
#[doc(hidden)]
pub mod essay;
#[cfg(feature = "application")]
#[doc(hidden)]
pub mod estimate;
#[cfg(feature = "application")]
#[doc(hidden)]
pub mod bench;
#[cfg(feature = "application")]
#[doc(hidden)]
pub mod request;
#[cfg(feature = "application")]
#[doc(hidden)]
pub mod figure;
#[cfg(feature = "application")]
#[doc(hidden)]
pub mod results;
#[cfg(feature = "application")]
#[doc(hidden)]
pub mod report;
#[cfg(feature = "application")]
#[doc(hidden)]
pub mod jobs;
#[cfg(feature = "application")]
#[doc(hidden)]
pub mod cli;

/// The README's example runs as a test.
#[cfg(all(doctest, feature = "application"))]
#[doc = include_str!("../README.md")]
struct Readme;
