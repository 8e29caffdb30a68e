//! Figures as files.

use crate::error::Result;
use crate::figure::{Figure, Theme};
use crate::results::dataset::Dataset;

/// Writes a figure as `NAME.png` and `NAME.svg`, and on dark paper as `NAME_dark.png` and `NAME_dark.svg`.
pub fn write(dataset: &mut Dataset, name: &str, figure: &impl Figure) -> Result<()> {
    for (theme, end) in [(Theme::Light, ""), (Theme::Dark, "_dark")] {
        let picture = figure.draw(theme)?;
        dataset.write_bytes(&format!("{name}{end}.png"), &picture.png)?;
        dataset.write_bytes(&format!("{name}{end}.svg"), picture.svg.as_bytes())?;
    }
    Ok(())
}
