//! What a stability map shows.

/// A swept key.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// What the values are: "step size h", and by what it is scaled.
    pub label: String,
    /// The values, in any order.
    pub values: Vec<f64>,
}

/// A point or a line of the map with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where it is along x; none: everywhere.
    pub x: Option<f64>,
    /// Where it is along y; none: everywhere.
    pub y: Option<f64>,
    /// Its name, such as "Transformer: h = 1, γ = 0".
    pub label: String,
}

/// What to draw.
#[derive(Debug, Clone)]
pub struct StabilityMap {
    /// Along x.
    pub x: Values,
    /// Along y.
    pub y: Values,
    /// The observed rate, `[y, x]`: below 0 decays, above 0 grows. `None` or NaN is missing and drawn grey.
    pub observed: Vec<Option<f64>>,
    /// The predicted rate, `[y, x]`.
    pub predicted: Vec<Option<f64>>,
    /// What the observed rate is, with its unit, such as "median growth a step".
    pub value_label: String,
    /// The distance from 0 at which the colours end; by default the largest one in the data.
    pub half_range: Option<f64>,
    /// A point or a line that has a name; outside of the axes it is left out.
    pub mark: Option<Mark>,
    /// The values of what is not along the axes, such as "γ = 0, depth 10"; may be empty.
    pub at: String,
    /// One line.
    pub title: String,
    /// Adapter, layers, width, depth, damping.
    pub caption: String,
}
