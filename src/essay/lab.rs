//! What experiments have at hand: a device, a seed, how many members they may take, and the program's ordinary runs.

use super::{Measured, Trained};
use crate::device::{Device, Progress};
use crate::error::{Error, Result};
use crate::lyapunov::{self, Lyapunov};
use crate::rollout::{History, Observation, Outcome};
use crate::spec::{
    EnsembleSpec, Grid, LayerSpec, LyapunovSpec, Matrices, Model, SpectrumSpec, SweepSpec, TrainedSpectrumSpec,
    TrainedSweepSpec, Weights,
};
use crate::spectrum::facts::Facts;
use crate::spectrum::solve;
use crate::sweep::{self, Cell};
use std::cell::{Cell as Slot, RefCell};
use std::ops::ControlFlow;

/// How much work an experiment may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// All claims in a minute on two cores.
    Quick,
    /// Thousands of members.
    Full,
}

impl Effort {
    /// How many times as many members [`Effort::Full`] takes as [`Effort::Quick`].
    pub(super) const FULL_OVER_QUICK: usize = 8;
}

/// A run that an experiment consists of.
#[derive(Clone, Debug)]
pub enum Run {
    /// That of `sweep`.
    Sweep(Box<SweepSpec>),
    /// That of `spectrum`.
    Spectrum(Box<SpectrumSpec>),
    /// That of `lyapunov`.
    Lyapunov(Box<LyapunovSpec>),
    /// That of `spectrum --checkpoint`.
    TrainedSpectrum(Box<TrainedSpectrumSpec>),
    /// That of `sweep --checkpoint`.
    TrainedSweep(Box<TrainedSweepSpec>),
}

/// What the members of a sweep over single values did at every step.
pub struct AlongDepth {
    history: History,
    members: usize,
    depth: usize,
}

impl AlongDepth {
    /// The mean over members of something that was observed behind a step; members without it are left out.
    pub fn seen(&self, step: usize, of: impl Fn(&Observation) -> Option<f64>) -> Measured {
        let all = self.history.observations.as_deref().unwrap_or_default();
        Measured::of((0..self.members).filter_map(|member| of(all.get(self.place(member, step))?)))
    }

    /// The mean over members of ln |x| behind step `to`, less that behind step `from`.
    pub fn growth(&self, from: usize, to: usize) -> Measured {
        let log = |member: usize, step: usize| self.history.log_growth[self.place(member, step)];
        Measured::of((0..self.members).map(|member| log(member, to) - log(member, from)))
    }

    /// The mean over members of something about ln |x| / |x_0| behind steps 0, 1, ..
    pub fn of_logs(&self, of: impl Fn(&[f64]) -> f64) -> Measured {
        Measured::of(self.history.log_growth.chunks(self.depth + 1).take(self.members).map(of))
    }

    fn place(&self, member: usize, step: usize) -> usize {
        member * (self.depth + 1) + step
    }
}

/// Where experiments are made.
pub struct Lab<'a> {
    /// The device of all runs.
    pub device: &'a Device,
    /// The seed of all random numbers.
    pub seed: u64,
    /// How much work there may be.
    pub effort: Effort,
    trained: Option<&'a Trained>,
    runs: RefCell<Vec<Run>>,
    /// Asked between pieces of work whether to go on.
    stop: RefCell<Progress<'a>>,
    stopped: Slot<bool>,
}

impl<'a> Lab<'a> {
    /// A lab on a device, without a trained model; `stop` is asked between pieces of work, and breaks to stop.
    pub fn new(device: &'a Device, seed: u64, effort: Effort, stop: Progress<'a>) -> Self {
        let (stop, stopped) = (RefCell::new(stop), Slot::new(false));
        Lab { device, seed, effort, trained: None, runs: RefCell::default(), stop, stopped }
    }

    /// The same with a trained model, if there is one.
    pub fn with_model(self, trained: Option<&'a Trained>) -> Self {
        Lab { trained, ..self }
    }

    /// The trained model, if there is one.
    pub fn trained(&self) -> Option<&'a Trained> {
        self.trained
    }

    /// The members of an experiment that takes `full` of them, or with [`Effort::Quick`] an eighth, and 8 at least.
    pub fn members(&self, full: usize) -> usize {
        match self.effort {
            Effort::Full => full,
            Effort::Quick => (full / Effort::FULL_OVER_QUICK).max(8).min(full),
        }
    }

    /// A sweep of a model over single values: no Jacobians and no tangents, until they are asked for.
    pub fn sweep(&self, model: Model, members: usize, width: usize) -> SweepSpec {
        let ensemble = EnsembleSpec { members, width, seed: self.seed, ..EnsembleSpec::default() };
        let nonlinear = model != Model::Linear;
        SweepSpec {
            ensemble,
            layer: LayerSpec::of(model),
            linearise_every: nonlinear.then_some(0),
            perturbations: !nonlinear,
            trajectories: 1,
            step_size: Grid::single(1.0),
            radius: Grid::single(1.0),
            damping: Grid::single(0.0),
            ..SweepSpec::of(model)
        }
    }

    /// The same of own matrices: tied members, or one stack of them.
    pub fn given(&self, matrices: Matrices, weights: Weights) -> SweepSpec {
        let depth = matrices.count();
        let ensemble = EnsembleSpec { seed: self.seed, ..EnsembleSpec::given(matrices, weights) };
        let layer = LayerSpec { weights, ..LayerSpec::of(Model::Linear) };
        SweepSpec { ensemble, layer, depth, ..self.sweep(Model::Linear, 1, 1) }
    }

    /// The growth factor Φ of a step of Euler's method of this size along dx/dt = -`shift` x.
    ///
    /// # Errors
    /// As [`Lab::cells`].
    pub fn factor(&self, shift: f64, step_size: f64) -> Result<Measured> {
        let mut spec = SpectrumSpec { radius: 0.0, step_size: Some(step_size), ..SpectrumSpec::default() };
        (spec.ensemble.width, spec.ensemble.members) = (1, 1);
        (spec.ensemble.shift, spec.ensemble.seed) = (shift, self.seed);
        Ok(Measured::exact(self.spectra(&spec)?[0].abscissa))
    }

    /// Runs a sweep.
    ///
    /// # Errors
    /// What the device reports, and [`Error::Partial`] where it was stopped.
    pub fn cells(&self, spec: &SweepSpec) -> Result<Vec<Cell>> {
        self.note(Run::Sweep(Box::new(spec.clone())));
        let swept = sweep::run(self.device, spec, &mut |_| self.go_on())?;
        self.finished(swept.cells)
    }

    /// The only cell of a sweep over single values.
    ///
    /// # Errors
    /// As [`Lab::cells`].
    pub fn cell(&self, spec: &SweepSpec) -> Result<Cell> {
        Ok(self.cells(spec)?.swap_remove(0))
    }

    /// What became of every member of a sweep at every grid point, `[members, points]`.
    ///
    /// # Errors
    /// As [`Lab::cells`].
    pub fn outcomes(&self, spec: &SweepSpec) -> Result<Vec<Outcome>> {
        spec.validate()?;
        self.note(Run::Sweep(Box::new(spec.clone())));
        let points = sweep::points(spec);
        let mut all = Vec::new();
        sweep::rollout(spec, &points).run(self.device, 0..spec.ensemble.members, 0, &mut |outcomes| {
            for member in 0..outcomes.members().len() {
                all.extend((0..outcomes.points()).map(|point| outcomes.get(member, point)));
            }
            self.go_on()
        })?;
        self.finished(all)
    }

    /// What every member of a sweep over single values did at every step.
    ///
    /// # Errors
    /// As [`Lab::cells`].
    pub fn history(&self, spec: &SweepSpec) -> Result<AlongDepth> {
        spec.validate()?;
        self.note(Run::Sweep(Box::new(spec.clone())));
        let points = sweep::points(spec);
        let members = spec.ensemble.members;
        let history = sweep::rollout(spec, &points).histories(self.device, 0..members)?;
        let _ = self.go_on();
        self.finished(AlongDepth { history, members, depth: spec.depth })
    }

    /// Lyapunov exponents.
    ///
    /// # Errors
    /// As [`Lab::cells`].
    pub fn exponents(&self, spec: &LyapunovSpec) -> Result<Lyapunov> {
        self.note(Run::Lyapunov(Box::new(spec.clone())));
        let found = lyapunov::run(self.device, spec, 0, &mut |_| self.go_on())?;
        self.finished(found)
    }

    /// What the eigenvalues of every member of an ensemble say.
    ///
    /// # Errors
    /// As [`Lab::cells`].
    pub fn spectra(&self, spec: &SpectrumSpec) -> Result<Vec<Facts>> {
        spec.validate()?;
        self.note(Run::Spectrum(Box::new(spec.clone())));
        let solved = solve::of_ensemble(self.device, spec, None, false, &mut |_| self.go_on())?;
        self.finished(solved.facts)
    }

    /// The runs since the last call.
    pub(super) fn take_runs(&self) -> Vec<Run> {
        self.runs.take()
    }

    pub(super) fn note(&self, run: Run) {
        self.runs.borrow_mut().push(run);
    }

    /// Asks whether to go on. Experiments of their own ask it between pieces of work.
    pub(super) fn go_on(&self) -> ControlFlow<()> {
        self.part(0.0)
    }

    /// The same where it is known how much of an experiment is done.
    pub(super) fn part(&self, share: f64) -> ControlFlow<()> {
        let flow = (self.stop.borrow_mut())(share);
        self.stopped.set(self.stopped.get() || flow.is_break());
        flow
    }

    /// The same, for work that nothing is left of when it is stopped.
    ///
    /// # Errors
    /// [`Error::Partial`] where it was stopped.
    pub(super) fn reached(&self, share: f64) -> Result<()> {
        let _ = self.part(share);
        self.finished(())
    }

    /// What was found, unless it is only a part.
    pub(super) fn finished<T>(&self, found: T) -> Result<T> {
        match self.stopped.get() {
            false => Ok(found),
            true => Err(Error::Partial("interrupted".to_string())),
        }
    }
}
