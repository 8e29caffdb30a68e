//! Pictures of results, as SVG and PNG on light and on dark paper, and maps and bars for the terminal.
//!
//! Every figure takes plain data and gives a [`Picture`]. kuva writes SVG and rasterises with the font it carries, so a
//! machine without fonts draws the same picture. Colours are safe for colour-blind readers and ordered in grey too; growth
//! is hatched, so that its sign needs no colour. Missing values are grey.

mod axis;
mod canvas;
mod clip;
mod clouds;
mod color;
mod contour;
mod convergence;
mod grid;
mod hatch;
mod map;
mod roofline;
mod spectrum;
mod spread;
mod stability;
mod terminal;

pub use clouds::{Cloud, CloudFigure};
pub use color::Theme;
pub use convergence::{ConvergenceFigure, Series};
pub use map::{Mark, StabilityMap, Values};
pub use roofline::{Roof, RooflineFigure, RooflinePoint};
pub use spectrum::{Disc, LevelLines, SpectrumScatter};
pub use spread::{Spread, SpreadFigure, SpreadLine, evenly};

use crate::error::Result;

/// One figure in both formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The text of an SVG file; it may also be put into an HTML page as it is.
    pub svg: String,
    /// The bytes of a PNG file, two pixels per unit of the SVG.
    pub png: Vec<u8>,
}

/// What can be drawn.
pub trait Figure {
    /// Draws it.
    ///
    /// # Errors
    /// [`crate::error::Error::Bug`] if its parts do not fit each other, or kuva refuses the drawing.
    fn draw(&self, theme: Theme) -> Result<Picture>;
}
