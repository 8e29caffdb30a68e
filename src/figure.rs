//! Pictures of results, as SVG and PNG, and a heat map for the terminal.
//!
//! Every figure takes plain data and gives a [`Picture`]. kuva writes SVG and rasterises with the font it carries, so a
//! machine without fonts draws the same picture. Colours are safe for colour-blind readers; missing values are grey.

mod axis;
mod canvas;
mod color;
mod contour;
mod convergence;
mod grid;
mod roofline;
mod scaling;
mod spectrum;
mod stability;
mod terminal;

pub use convergence::{ConvergenceFigure, Series};
pub use roofline::{Roof, RooflineFigure, RooflinePoint};
pub use scaling::{ScalingFigure, ScalingLine, Spread, evenly};
pub use spectrum::{Disc, LevelLines, SpectrumScatter};
pub use stability::StabilityMap;

/// One figure in both formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The text of an SVG file; it may also be put into an HTML page as it is.
    pub svg: String,
    /// The bytes of a PNG file, two pixels per unit of the SVG.
    pub png: Vec<u8>,
}
