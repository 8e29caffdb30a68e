//! The ensemble: random weights of every member, made on the device from their addresses.
//!
//! A = -shift I + radius * G * unit, where G is stored as it is drawn and `unit` brings the edge of the ensemble's
//! limiting law to 1. So one set of weights serves all grid points, and its spectrum, computed once, all of them too.

use crate::device::Device;
use crate::error::Result;
use crate::kernel::shared::PADDING;
use crate::numbers::verdict::Band;
use crate::plan::{Data, Plan};
use crate::spec::{EnsembleSpec, Matrices, RadiusKind};
use crate::weights::Source;
use std::ops::{ControlFlow, Range};

/// What the matrices are multiplied by at radius 1: 1 for own ones; for random ones the factor that brings the edge of
/// the ensemble's limiting law from the scale of the drawn G to 1, `1 / (edge * sqrt(width))`, with edge 1 (Ginibre, the circular law), 2 (symmetric, antisymmetric: the semicircle
/// law) and 1 + |tau| (elliptic law).
pub fn unit(spec: &EnsembleSpec) -> f64 {
    if spec.matrices.is_some() {
        return 1.0;
    }
    1.0 / ((1.0 + spec.correlation().abs()) * (spec.width as f64).sqrt())
}

/// What ‖G‖₂ of a random matrix exceeds once in 10^8 draws, whatever the ensemble: 2 sqrt n + 6 (Davidson and Szarek
/// 2001); of own matrices a bound of the largest.
pub fn norm_bound(spec: &EnsembleSpec) -> f64 {
    spec.matrices.as_ref().map_or_else(|| 2.0 * (spec.width as f64).sqrt() + 6.0, Matrices::largest_norm)
}

/// The size of the weights G by which a step is judged that shrinks all states: that of an entry of a random matrix, and
/// the norm of the smallest own one.
pub fn least_size(spec: &EnsembleSpec) -> f64 {
    spec.matrices.as_ref().map_or(1.0, Matrices::smallest_norm)
}

/// The band of |Φ| of Euler's step, for members whose matrices of radius 1 it multiplies by `gain`, h ρ, and whose
/// eigenvalues are computed with this epsilon. An exact radius is itself off by as much as an eigenvalue.
pub fn band_of_step(spec: &EnsembleSpec, gain: f64, epsilon: f64) -> Band {
    let size = gain.abs() * unit(spec) * norm_bound(spec);
    let errors = if spec.radius_kind == RadiusKind::Exact { 2.0 } else { 1.0 };
    Band::of_factor(spec.width, epsilon, size).steeper(errors)
}

/// Draws the matrices G of `members` and hands them to `sink`, chunk by chunk, until it breaks: the first member's index
/// and the matrices, `[chunk, width, width]`, row-major, as drawn (not yet scaled).
///
/// # Errors
/// Whatever the device or `sink` fails with.
pub fn draw_matrices(
    device: &Device,
    spec: &EnsembleSpec,
    members: Range<usize>,
    chunk: usize,
    sink: &mut dyn FnMut(usize, Vec<f32>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, spec.seed);
    let padded = spec.width.next_multiple_of(PADDING);
    let weights = plan.reals("weights", padded * padded);
    source.draw_square(&mut plan, spec, 0, weights);
    let weights = plan.output(weights);
    let _ = device.run_until(&plan, members.len(), chunk, &source.inputs(members.clone()), &mut |chunk| {
        let first = members.start + chunk.members.start;
        sink(first, strip(chunk.into_reals(weights), padded, spec.width))
    })?;
    Ok(())
}

/// Takes the padding away. The drawn matrices are exact in f32 on every device.
fn strip(padded: Data, stride: usize, n: usize) -> Vec<f32> {
    let padded = match padded {
        Data::F32(values) => values,
        other => other.reals().into_iter().map(|x| x as f32).collect(),
    };
    if stride == n {
        return padded;
    }
    let mut values = Vec::with_capacity(padded.len());
    for row in padded.chunks(stride * stride).flat_map(|member| member.chunks(stride).take(n)) {
        values.extend_from_slice(&row[..n]);
    }
    values
}
