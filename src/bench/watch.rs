//! Who hears of a bench while it runs, and may stop it.

use super::{BlockTime, Peak, Row, Scaling, Soak};
use std::ops::ControlFlow;

/// Something that has just been measured.
pub enum News<'a> {
    /// The ceilings, before any row; rows may raise them.
    Peaks(&'a [Peak]),
    /// A row, without the shares of ceilings that are not final yet.
    Row(&'a Row),
    /// A soak.
    Soak(&'a Soak),
    /// One number of members.
    Scaling(&'a Scaling),
    /// All layouts of a product, the fastest first.
    Blocks(&'a [BlockTime]),
}

/// Hears of a bench while it runs.
pub trait Audience {
    /// So much of the work is done, and what is next; `Break` to stop. It is asked between any two repetitions.
    fn progress(&mut self, fraction: f64, what: &str) -> ControlFlow<()>;

    /// Something is measured.
    fn hear(&mut self, news: News<'_>);
}

/// An audience that hears no news.
impl<F: FnMut(f64, &str) -> ControlFlow<()>> Audience for F {
    fn progress(&mut self, fraction: f64, what: &str) -> ControlFlow<()> {
        self(fraction, what)
    }

    fn hear(&mut self, _: News<'_>) {}
}

/// An audience, and whether it has asked to stop: once it has, nothing more is measured.
pub(super) struct Watch<'a> {
    audience: &'a mut dyn Audience,
    fraction: f64,
    what: String,
    stopped: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(audience: &'a mut dyn Audience) -> Self {
        Watch { audience, fraction: 0.0, what: String::new(), stopped: false }
    }

    /// [`Watch::goes_on`] with a new place in the work.
    pub(super) fn at(&mut self, fraction: f64, what: &str) -> bool {
        self.fraction = fraction;
        what.clone_into(&mut self.what);
        self.goes_on()
    }

    /// Is there to be more?
    pub(super) fn goes_on(&mut self) -> bool {
        self.stopped = self.stopped || self.audience.progress(self.fraction, &self.what).is_break();
        !self.stopped
    }

    /// Was it stopped?
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn tell(&mut self, news: News<'_>) {
        self.audience.hear(news);
    }
}
