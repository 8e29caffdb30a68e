//! Values of members while they arrive.

use super::super::cell::{Linearised, Observed};
use crate::numbers::statistics::{Field, Fields, Moments, Name, Share, Summary, quantile};
use crate::numbers::verdict::Band;
use crate::rollout::Observation;
use crate::spectrum::norms::Norms;
use crate::spectrum::{Spectrum, Status};

/// Values of the members: quantiles of all that are kept, infinite ones too, means of the finite ones.
#[derive(Clone, Default)]
pub(super) struct Sample {
    pub finite: Moments,
    pub values: Vec<f64>,
}

impl Sample {
    /// Adds a value, which is kept while there are fewer than `most`.
    pub fn add(&mut self, value: f64, most: usize) {
        if value.is_finite() {
            self.finite.add(value);
        }
        if self.values.len() < most {
            self.values.push(value);
        }
    }

    /// Adds those of the members behind.
    pub fn merge(&mut self, mut later: Sample) {
        self.finite.merge(&later.finite);
        self.values.append(&mut later.values);
    }

    pub fn summary(&mut self) -> Summary {
        Summary::new(&self.finite, &mut self.values)
    }

    pub fn median(&mut self) -> Option<f64> {
        self.values.sort_unstable_by(f64::total_cmp);
        quantile(&self.values, 0.5)
    }
}

impl Fields for Sample {
    fn fields(&mut self, name: Name, see: &mut dyn FnMut(Name, Field)) {
        self.finite.fields(name, see);
        see(name.and("_values"), Field::Values(&mut self.values));
    }
}

/// How states and perturbations grow, where that is not the same.
#[derive(Clone, Default)]
pub(super) struct Apart {
    pub norm_rate: Sample,
    pub perturbation: Sample,
    seen: [Moments; 5],
}

/// The names of what is seen of the last states, in the order of the fields of [`Observed`].
const SEEN: [&str; 5] = ["cosine", "token_similarity", "attention_entropy", "effective_step", "effective_damping"];

impl Apart {
    /// ln |d_L| / |d_0|, if any perturbation was followed.
    pub fn perturbation(&mut self) -> Option<Summary> {
        (!self.perturbation.values.is_empty()).then(|| self.perturbation.summary())
    }

    /// Adds what was seen of a last state.
    pub fn see(&mut self, own: &Observation) {
        let Observation { cosine, token_similarity, attention_entropy, effective_step, effective_damping, .. } = *own;
        let values = [cosine, token_similarity, attention_entropy, effective_step, effective_damping];
        self.seen.iter_mut().zip(values).for_each(|(moments, value)| value.into_iter().for_each(|x| moments.add(x)));
    }

    /// The means of what was seen.
    pub fn observed(&self) -> Observed {
        let [cosine, token_similarity, attention_entropy, effective_step, effective_damping] =
            self.seen.map(|moments| moments.mean());
        Observed { cosine, token_similarity, attention_entropy, effective_step, effective_damping }
    }

    pub fn merge(&mut self, later: Apart) {
        self.norm_rate.merge(later.norm_rate);
        self.perturbation.merge(later.perturbation);
        self.seen.iter_mut().zip(&later.seen).for_each(|(own, later)| own.merge(later));
    }
}

impl Fields for Apart {
    fn fields(&mut self, name: Name, see: &mut dyn FnMut(Name, Field)) {
        self.norm_rate.fields(name.and("norm_rate"), see);
        self.perturbation.fields(name.and("log_perturbation_growth"), see);
        self.seen.iter_mut().zip(SEEN).for_each(|(own, of)| own.fields(name.and("observations_").and(of), see));
    }
}

/// The Jacobians of a grid point at one step while members arrive.
#[derive(Clone, Default)]
pub struct Radii {
    /// The step, from 1.
    step: u64,
    /// Members whose Jacobian was asked for, be they frozen.
    asked: u64,
    radii: Sample,
    abscissas: Sample,
    unstable: Share,
    norms: Sample,
    departures: Sample,
}

impl Radii {
    /// None yet, at this step.
    pub fn at(step: usize) -> Self {
        Radii { step: step as u64, ..Radii::default() }
    }

    /// The step.
    pub fn step(&self) -> usize {
        self.step as usize
    }

    /// Counts a member that was asked for its Jacobian.
    pub fn ask(&mut self) {
        self.asked += 1;
    }

    /// Adds the spectrum of a member's Jacobian; its radius, if it has one.
    pub fn add(&mut self, spectrum: &Spectrum, norms: Option<Norms>, band: Band, most: usize) -> Option<f64> {
        if spectrum.status != Status::Ok {
            return None;
        }
        let radius = spectrum.radius()?;
        self.radii.add(radius, most);
        spectrum.abscissa().into_iter().for_each(|abscissa| self.abscissas.add(abscissa, most));
        self.unstable.add(band.above(radius - 1.0));
        if let Some(own) = norms {
            self.norms.add(own.norm, most);
            self.departures.add(own.relative_departure(), most);
        }
        Some(radius)
    }

    pub(super) fn merge(&mut self, later: Radii) {
        self.asked += later.asked;
        self.radii.merge(later.radii);
        self.abscissas.merge(later.abscissas);
        self.unstable.merge(&later.unstable);
        self.norms.merge(later.norms);
        self.departures.merge(later.departures);
    }

    /// What is reported of them, if any was asked for.
    pub(super) fn summary(mut self) -> Option<Linearised> {
        (self.asked > 0).then(|| Linearised {
            step: self.step(),
            members: self.unstable.of,
            unstable_fraction: self.unstable.fraction().into(),
            spectral_radius: self.radii.summary(),
            spectral_abscissa: self.abscissas.summary(),
            norm: self.norms.summary(),
            relative_departure: self.departures.summary(),
        })
    }
}

impl Fields for Radii {
    fn fields(&mut self, name: Name, see: &mut dyn FnMut(Name, Field)) {
        let step = format!("linearised_{}", self.step);
        let name = name.and(&step);
        see(name.and("_asked"), Field::Count(&mut self.asked));
        self.radii.fields(name.and("_spectral_radius"), see);
        self.abscissas.fields(name.and("_spectral_abscissa"), see);
        self.unstable.fields(name.and("_unstable"), see);
        self.norms.fields(name.and("_norm"), see);
        self.departures.fields(name.and("_relative_departure"), see);
    }
}
