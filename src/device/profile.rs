//! Where the time of a run goes: kernels, transfers, the rest. Off unless asked for, because a profiled run waits
//! between its phases.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Seconds of the parts of one or more runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Seconds of each kernel: by timestamp queries on adapters that have them, by the clock of each thread divided
    /// by the number of threads on the CPU. Empty where neither is possible.
    pub kernels: BTreeMap<&'static str, f64>,
    /// The same for each run of the plan, in their order; of all rounds of one that is repeated, and of all plans if
    /// there were several.
    pub runs: Vec<f64>,
    /// From the first dispatch to the end of the last one, by the host's clock; on the CPU the sum of the kernels.
    pub compute: f64,
    /// Inputs and shared buffers on their way to the device.
    pub upload: f64,
    /// Outputs on their way back.
    pub download: f64,
}

impl Profile {
    /// Adds `share` times another profile.
    pub fn add(&mut self, other: &Profile, share: f64) {
        for (name, seconds) in &other.kernels {
            *self.kernels.entry(name).or_default() += share * seconds;
        }
        for (place, seconds) in other.runs.iter().enumerate() {
            *self.of_run(place) += share * seconds;
        }
        self.compute += share * other.compute;
        self.upload += share * other.upload;
        self.download += share * other.download;
    }

    /// Counts seconds of run number `place` of a plan, which is one of a kernel.
    pub fn run(&mut self, place: usize, kernel: &'static str, seconds: f64) {
        *self.kernels.entry(kernel).or_default() += seconds;
        *self.of_run(place) += seconds;
    }

    fn of_run(&mut self, place: usize) -> &mut f64 {
        self.runs.resize(self.runs.len().max(place + 1), 0.0);
        &mut self.runs[place]
    }
}

/// Collects the profile of a device while it is asked to.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Option<Profile>>);

impl Recorder {
    /// Begins a profile.
    pub fn begin(&self) {
        *self.lock() = Some(Profile::default());
    }

    /// Ends it.
    pub fn end(&self) -> Profile {
        self.lock().take().unwrap_or_default()
    }

    /// Is one being made?
    pub fn is_on(&self) -> bool {
        self.lock().is_some()
    }

    /// Adds `share` times `profile`.
    pub fn add(&self, profile: &Profile, share: f64) {
        if let Some(sum) = &mut *self.lock() {
            sum.add(profile, share);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Profile>> {
        self.0.lock().expect("no holder of the lock panics")
    }
}
