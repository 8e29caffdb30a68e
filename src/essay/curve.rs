//! What there is to see of an experiment.

use super::Measured;

/// Some curves over one quantity.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// What x is, with its unit.
    pub x_label: &'static str,
    /// What y is, with its unit.
    pub y_label: &'static str,
    /// Is x logarithmic?
    pub log_x: bool,
    /// A level to draw across, with its name.
    pub neutral: Option<(f64, &'static str)>,
    /// What is drawn.
    pub curves: Vec<Curve>,
    /// How to read it, in one sentence.
    pub reading: &'static str,
}

/// A measured curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What it is of.
    pub label: String,
    /// Increasing x, and what was measured there.
    pub points: Vec<(f64, Measured)>,
    /// Is it what theory says, and not measured?
    pub is_theory: bool,
}

impl Curve {
    /// A curve of this name.
    pub fn new(label: impl Into<String>, points: impl IntoIterator<Item = (f64, Measured)>) -> Self {
        Curve { label: label.into(), points: points.into_iter().collect(), is_theory: false }
    }

    /// What theory says at these x.
    pub fn theory(label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let exact = points.into_iter().map(|(x, y)| (x, Measured::exact(y)));
        Curve { is_theory: true, ..Curve::new(label, exact) }
    }
}
