//! What a sweep says in a few lines: at how many grid points eigenvalues and trajectories tell most members to explode,
//! where the two differ and why.

use crate::spec::grid::brief;
use crate::spec::{Model, SweepSpec, Weights};
use crate::sweep::{Cell, Combination, Fates, Sweep};
use serde::Serialize;

/// Steps that are named of the radius along depth at most.
const MOST_STEPS: usize = 5;

/// The headline, as it is in the record.
#[derive(Debug, Serialize)]
pub struct Headline {
    /// Grid points of all combinations.
    grid_points: usize,
    /// At so many most members are predicted to explode; none where nothing is predicted.
    predicted_to_explode: Option<usize>,
    /// At so many most were seen to; none where nothing was followed.
    seen_to_explode: Option<usize>,
    /// At so many the two differ, where both are known.
    differ: Option<usize>,
    /// Why they do, if they do.
    reason: Option<Reason>,
    /// The grid point with the largest difference of the median rates, among those where the two differ.
    largest_difference: Option<Difference>,
    /// At so many the norm of most nonlinear states grows, and perturbations of them do not.
    saturated: Option<usize>,
    /// The median spectral radius of nonlinear steps at the middle of the grid.
    radius_along_depth: Vec<RadiusAt>,
    #[serde(skip)]
    linear: bool,
}

/// Why rates that eigenvalues predict are not those of trajectories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// The later half of the depth is not yet the long run: layers that are not normal take many steps to it.
    Transient,
    /// Different layers one after the other grow by the exponents of their product, not by one's eigenvalues.
    Product,
    /// Both: the Jacobians along a trajectory differ.
    ProductOfJacobians,
}

impl Reason {
    fn said(self) -> &'static str {
        match self {
            Reason::Transient => {
                "transient: the later half of the depth is not yet the long run, least of all of layers that are not normal"
            }
            Reason::Product => {
                "product: different layers one after the other grow by their Lyapunov exponent, not by the eigenvalues of one"
            }
            Reason::ProductOfJacobians => {
                "product: the Jacobians along a trajectory differ, and their product grows by its Lyapunov exponent, not by \
                 their eigenvalues"
            }
        }
    }
}

/// A grid point where the two verdicts differ.
#[derive(Debug, Serialize)]
struct Difference {
    step_size: f64,
    radius: f64,
    damping: f64,
    predicted_rate: f64,
    observed_rate: f64,
}

/// The median spectral radius before one step.
#[derive(Debug, Serialize)]
struct RadiusAt {
    step: usize,
    spectral_radius: f64,
}

/// Do most members explode, if that is known?
fn explodes(fates: &Fates) -> Option<bool> {
    fates.explodes.get().map(|share| share > 0.5)
}

/// Do the two verdicts differ, if both are known?
fn differs(cell: &Cell) -> Option<bool> {
    Some(explodes(&cell.fates_predicted)? != explodes(&cell.fates_observed)?)
}

impl Headline {
    /// Of all combinations.
    pub fn of(spec: &SweepSpec, results: &[Combination]) -> Self {
        let cells = || results.iter().flat_map(|result| &result.sweep.cells);
        let count = |of: &dyn Fn(&Cell) -> Option<bool>| {
            let known = cells().filter_map(of);
            known.fold(None, |count: Option<usize>, is| Some(count.unwrap_or(0) + usize::from(is)))
        };
        let linear = spec.layer.model == Model::Linear;
        let differ = count(&differs);
        Headline {
            grid_points: cells().count(),
            predicted_to_explode: count(&|cell| explodes(&cell.fates_predicted)),
            seen_to_explode: count(&|cell| explodes(&cell.fates_observed)),
            differ,
            reason: differ.filter(|&count| count > 0).map(|_| match (linear, spec.layer.weights) {
                (true, Weights::Tied) => Reason::Transient,
                (true, _) => Reason::Product,
                (false, _) => Reason::ProductOfJacobians,
            }),
            largest_difference: largest_difference(cells()),
            saturated: count(&saturated),
            radius_along_depth: results.first().map(|first| along_depth(&first.sweep)).unwrap_or_default(),
            linear,
        }
    }

    /// In lines for people.
    pub fn said(&self) -> String {
        let what = if self.linear { "states" } else { "perturbations" };
        let all = self.grid_points;
        let mut text = match self.predicted_to_explode {
            Some(count) => {
                format!("predicted rates, of eigenvalues: most members explode at {count} of {all} grid points\n")
            }
            None => "predicted rates: none, for nothing was linearised\n".to_string(),
        };
        text += &match self.seen_to_explode {
            Some(count) => format!(
                "observed rates, of {what} over the later half of the depth: most explode at {count} of {all}\n"
            ),
            None => "observed rates: none, for no perturbations were followed\n".to_string(),
        };
        match (self.differ, self.reason) {
            (Some(count), Some(reason)) => text += &format!("the two differ at {count}: {}\n", reason.said()),
            (Some(_), None) => text += "the two verdicts are the same everywhere\n",
            _ => {}
        }
        if let Some(Difference { step_size, radius, damping, predicted_rate, observed_rate }) = self.largest_difference
        {
            text += &format!(
                "  most at h = {}, ρ = {}, γ = {}: predicted {predicted_rate:+.4} a step, observed {observed_rate:+.4} (medians)\n",
                brief(step_size),
                brief(radius),
                brief(damping)
            );
        }
        if let Some(count) = self.saturated.filter(|&count| count > 0) {
            text += &format!("saturation: norms grow and perturbations do not, at {count} of {all}\n");
        }
        if !self.radius_along_depth.is_empty() {
            let named = crate::figure::evenly(self.radius_along_depth.len(), MOST_STEPS);
            let at = named.into_iter().map(|i| &self.radius_along_depth[i]);
            let said: Vec<String> = at.map(|at| format!("{:.2} at step {}", at.spectral_radius, at.step)).collect();
            text += &format!("spectral radius along depth: {} (medians at the middle of the grid)\n", said.join(", "));
        }
        text
    }
}

/// Do the norms of most members grow while perturbations of them do not? Nothing to say of linear layers.
fn saturated(cell: &Cell) -> Option<bool> {
    let norm = cell.norm_rate.as_ref()?.median.get()?;
    Some(cell.bands.observed.above(norm) && !explodes(&cell.fates_observed)?)
}

fn largest_difference<'a>(cells: impl Iterator<Item = &'a Cell>) -> Option<Difference> {
    let of = |cell: &Cell| {
        Some(Difference {
            step_size: cell.step_size,
            radius: cell.radius,
            damping: cell.damping,
            predicted_rate: cell.predicted_rate.median.get()?,
            observed_rate: cell.observed_rate.median.get()?,
        })
    };
    let size = |own: &Difference| (own.predicted_rate - own.observed_rate).abs();
    let differing = cells.filter(|cell| differs(cell) == Some(true)).filter_map(of);
    differing.max_by(|a, b| size(a).total_cmp(&size(b)))
}

fn along_depth(sweep: &Sweep) -> Vec<RadiusAt> {
    let Some(cell) = sweep.cells.get(Sweep::middle(sweep.cells.len())) else { return Vec::new() };
    let at = |own: &crate::sweep::Linearised| {
        Some(RadiusAt { step: own.step, spectral_radius: own.spectral_radius.median.get()? })
    };
    cell.linearised.iter().filter_map(at).collect()
}
