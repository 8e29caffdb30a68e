//! The picture of the eigenvalues of the step, at one grid point of a sweep.

use crate::device::Device;
use crate::figure::{Disc, SpectrumScatter};
use crate::integrator::{self, c64};
use crate::layer::Coefficients;
use crate::results::maps::{is, said};
use crate::spec::{Integrator, MapAxis, Model, SweepSpec};
use crate::sweep::{self, Cell, Combination, Point, Sweep};

/// The eigenvalues of M of the first members: of a linear step at the Transformer's grid point, with a radius near 1, or in
/// the middle of a grid without it; of a nonlinear one in the middle of the grid, where it was linearised.
pub fn figure(device: &Device, spec: &SweepSpec, Combination { spec: own, sweep }: &Combination) -> SpectrumScatter {
    let linear = own.layer.model == Model::Linear;
    let points = sweep::points(own);
    let middle = Sweep::middle(points.len());
    let place = if linear { telling(&points).unwrap_or(middle) } else { middle };
    let point = &points[place];
    let (eigenvalues, disc) =
        if linear { (of_step(own, sweep, point), circular_law(own, point)) } else { (of_jacobians(sweep), None) };
    let values =
        [(MapAxis::StepSize, point.step_size), (MapAxis::Radius, point.radius), (MapAxis::Damping, point.damping)];
    let last = sweep.spectra.len().saturating_sub(1);
    let members = if last == 0 { "member 0".to_string() } else { format!("members 0 to {last}") };
    let outer = spec.said_of(own);
    let outer = if outer.is_empty() { outer } else { format!("; {outer}") };
    let step = if linear { String::new() } else { format!(", step {}", first_step(&sweep.cells[place])) };
    SpectrumScatter {
        eigenvalues,
        disc,
        levels: None,
        of: "M",
        band: sweep.cells[place].bands.predicted.half_width(),
        title: format!("Eigenvalues of the step M at {}{outer}", said(values.into_iter())),
        caption: format!(
            "{members}{step}, {} {}, width {}, {} radius, seed {}, {}; {}",
            own.layer.model,
            own.ensemble.title(),
            own.ensemble.width,
            own.ensemble.radius_kind,
            own.ensemble.seed,
            own.layer.integrator,
            device.description().caption()
        ),
    }
}

fn first_step(cell: &Cell) -> usize {
    cell.linearised.first().map_or(1, |linearised| linearised.step)
}

/// The Transformer's point, with the radius nearest to 1.
fn telling(points: &[Point]) -> Option<usize> {
    let own = points.iter().enumerate().filter(|(_, point)| is(point.step_size, 1.0) && is(point.damping, 0.0));
    own.min_by(|a, b| (a.1.radius - 1.0).abs().total_cmp(&(b.1.radius - 1.0).abs())).map(|(place, _)| place)
}

fn of_jacobians(sweep: &Sweep) -> Vec<[f64; 2]> {
    sweep.spectra.iter().flat_map(|spectrum| spectrum.eigenvalues.clone()).collect()
}

/// Φ(z) of every eigenvalue λ of A at radius 1, with z = h ρ λ - h mu - γ; where radii are exact, of λ times the gain of its
/// member.
fn of_step(own: &SweepSpec, sweep: &Sweep, point: &Point) -> Vec<[f64; 2]> {
    let Coefficients { keep, gain } = Coefficients::linear(point, own.ensemble.shift, 1.0);
    let member_gains = sweep.members.iter().map(|member| member.gain);
    let factor = |[re, im]: [f64; 2], own_gain: f64| {
        let own_gain = gain * own_gain;
        let growth = integrator::growth(own.layer.integrator, c64::new(keep - 1.0 + own_gain * re, own_gain * im));
        [growth.re, growth.im]
    };
    let of = |(spectrum, own_gain): (&crate::spectrum::Spectrum, f64)| -> Vec<[f64; 2]> {
        spectrum.eigenvalues.iter().map(|&eigenvalue| factor(eigenvalue, own_gain)).collect()
    };
    sweep.spectra.iter().zip(member_gains).flat_map(of).collect()
}

/// Where the circular law expects them: Euler's step moves and scales the disc, other steps bend it.
fn circular_law(own: &SweepSpec, point: &Point) -> Option<Disc> {
    let ginibre = own.ensemble.matrices.is_none() && own.ensemble.correlation() == 0.0;
    let is_disc = own.layer.integrator == Integrator::Euler && ginibre;
    let center = 1.0 - point.damping - point.step_size * own.ensemble.shift;
    is_disc.then_some(Disc { center, radius: point.step_size * point.radius })
}

#[cfg(test)]
mod tests {
    use super::telling;
    use crate::sweep::Point;

    #[test]
    fn the_transformer_with_a_radius_near_1_is_drawn() {
        let point = |step_size, radius, damping| Point { step_size, radius, damping };
        let points = [point(1.0, 1.0, 0.1), point(0.5, 1.0, 0.0), point(1.0, 0.2, 0.0), point(1.0, 1.1, 0.0)];
        assert_eq!(telling(&points), Some(3));
        assert_eq!(telling(&points[..2]), None);
    }
}
