//! Colours on light and on dark paper: a diverging map, and a palette for lines.

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

/// The paper that a figure is drawn on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
}

/// Okabe and Ito's palette without black and yellow; the two light ones last.
const PALETTE: [Rgb; LINES] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [230, 159, 0]];
/// The same hues, as light as dark paper needs.
const PALETTE_ON_DARK: [Rgb; LINES] =
    [[86, 180, 233], [255, 130, 50], [60, 205, 155], [230, 150, 195], [150, 150, 255], [240, 190, 60]];
/// Lines that the palette tells apart.
pub(super) const LINES: usize = 6;

/// ColorBrewer's RdBu, from blue over near-white to red: safe for the common forms of colour blindness, and darker the
/// farther from neutral.
const DIVERGING: [Rgb; 11] = [
    [5, 48, 97],
    [33, 102, 172],
    [67, 147, 195],
    [146, 197, 222],
    [209, 229, 240],
    [247, 247, 247],
    [253, 219, 199],
    [244, 165, 130],
    [214, 96, 77],
    [178, 24, 43],
    [103, 0, 31],
];
/// The same hues for dark paper: near-black is neutral, and colours are lighter the farther from it.
const DIVERGING_ON_DARK: [Rgb; 11] = [
    [190, 225, 255],
    [120, 185, 245],
    [66, 140, 210],
    [44, 98, 156],
    [38, 64, 98],
    [38, 39, 43],
    [92, 48, 38],
    [148, 64, 42],
    [208, 92, 58],
    [244, 142, 98],
    [255, 206, 170],
];

impl Theme {
    fn choose<T>(self, light: T, dark: T) -> T {
        match self {
            Theme::Light => light,
            Theme::Dark => dark,
        }
    }

    /// The palette and the diverging ramp for scripts that draw on their own: `lines` and `ramp`, each of red, green, blue.
    pub fn for_pages(self) -> serde_json::Value {
        let lines: Vec<Rgb> = (0..LINES).map(|index| self.palette(index)).collect();
        serde_json::json!({ "lines": lines, "ramp": self.choose(DIVERGING, DIVERGING_ON_DARK) })
    }

    /// What is written on.
    pub(super) fn paper(self) -> Rgb {
        self.choose([255, 255, 255], [20, 22, 26])
    }

    /// What is written with.
    pub(super) fn ink(self) -> Rgb {
        self.choose([34, 34, 34], [232, 232, 232])
    }

    /// Of captions.
    pub(super) fn quiet(self) -> Rgb {
        self.choose([102, 102, 102], [165, 165, 165])
    }

    /// Of the lines behind everything.
    pub(super) fn grid(self) -> Rgb {
        self.choose([225, 225, 225], [52, 55, 60])
    }

    /// A value that is not there.
    pub(super) fn missing(self) -> Rgb {
        self.choose([168, 168, 168], [112, 112, 112])
    }

    /// The sample of a band of any line, in a legend.
    pub(super) fn band(self) -> Rgb {
        self.choose([210, 210, 210], [78, 80, 85])
    }

    /// One of the palette's colours, again from the first after the last.
    pub(super) fn palette(self, index: usize) -> Rgb {
        self.choose(PALETTE, PALETTE_ON_DARK)[index % LINES]
    }

    /// The colour of `position` in −1 (blue) to 1 (red); beyond, the end colours.
    pub(super) fn diverging(self, position: f64) -> Rgb {
        let ramp = self.choose(&DIVERGING, &DIVERGING_ON_DARK);
        let last = ramp.len() - 1;
        let place = (position.clamp(-1.0, 1.0) + 1.0) / 2.0 * last as f64;
        let index = (place as usize).min(last - 1);
        mix(ramp[index], ramp[index + 1], place - index as f64)
    }

    /// What hatches a cell of this colour: visible, and quiet. It is darker than every cell on light paper and lighter on dark
    /// paper, for where it changed from one to the other there would seem to be a boundary.
    pub(super) fn hatching(self, cell: Rgb) -> Rgb {
        let light = luminance(cell);
        let near = self.choose((1.0 - light).powi(4), (1.45 * light).powi(2).min(1.0));
        mix(cell, self.choose([0, 0, 0], [255, 255, 255]), 0.42 + 0.5 * near)
    }

    /// The colour of line `index` among `count`: the palette, or a ramp when there are too many to tell apart.
    pub(super) fn line(self, index: usize, count: usize) -> Rgb {
        if count <= LINES {
            self.palette(index)
        } else {
            let (from, to) = self.choose(([178, 24, 43], [33, 102, 172]), ([255, 130, 50], [86, 180, 233]));
            mix(from, to, index as f64 / (count - 1) as f64)
        }
    }
}

fn mix(from: Rgb, to: Rgb, share: f64) -> Rgb {
    std::array::from_fn(|i| (f64::from(from[i]) + (f64::from(to[i]) - f64::from(from[i])) * share).round() as u8)
}

/// The relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2).
fn luminance(color: Rgb) -> f64 {
    let linear = color.map(|channel| match f64::from(channel) / 255.0 {
        c if c <= 0.040_45 => c / 12.92,
        c => ((c + 0.055) / 1.055).powf(2.4),
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

#[cfg(test)]
mod tests {
    use super::{LINES, Rgb, Theme, luminance};

    const THEMES: [Theme; 2] = [Theme::Light, Theme::Dark];

    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn the_luminance_is_that_of_the_standard() {
        assert_eq!((luminance([0, 0, 0]), luminance([255, 255, 255])), (0.0, 1.0));
        // The middle grey of sRGB, #777777, has contrast 4.48 with white in WCAG's own table.
        assert!((contrast([119, 119, 119], [255, 255, 255]) - 4.48).abs() <= 0.005);
    }

    /// Printed in grey, a value farther from neutral is farther from the neutral grey, on both sides alike.
    #[test]
    fn colours_keep_their_order_in_grey() {
        for theme in THEMES {
            let away = |position: f64| {
                let sign = if theme == Theme::Light { -1.0 } else { 1.0 };
                sign * (luminance(theme.diverging(position)) - luminance(theme.diverging(0.0)))
            };
            for step in 0..100 {
                let (here, next) = (f64::from(step) / 100.0, f64::from(step + 1) / 100.0);
                for side in [-1.0, 1.0] {
                    let [here, next] = [side * here, side * next].map(away);
                    assert!(next > here - 1e-3, "{theme:?}: {side} at step {step}: {here} then {next}");
                }
            }
            for side in [-1.0, 1.0] {
                let tenths: Vec<f64> = (0..=10).map(|tenth| away(side * f64::from(tenth) / 10.0)).collect();
                assert!(tenths.windows(2).all(|pair| pair[1] > pair[0]), "{theme:?} {side}: {tenths:?}");
            }
            // 0.5 and -0.5 are told apart by hatching, not by grey: see `hatch`.
            assert!(away(1.0).abs() > 0.4 && away(-1.0).abs() > 0.4, "{theme:?}");
        }
    }

    #[test]
    fn everything_is_seen_on_its_paper() {
        for theme in THEMES {
            assert!(contrast(theme.ink(), theme.paper()) >= 12.0);
            assert!(contrast(theme.quiet(), theme.paper()) >= 4.5);
            for index in 0..LINES {
                assert!(contrast(theme.palette(index), theme.paper()) >= 2.0, "{theme:?}: line {index}");
            }
            for tenth in 0..=10 {
                let cell = theme.diverging(f64::from(tenth) / 10.0);
                let hatching = theme.hatching(cell);
                let is_darker = luminance(hatching) < luminance(cell);
                assert_eq!(is_darker, theme == Theme::Light, "{theme:?}: hatching at {tenth}");
                let seen = contrast(hatching, cell);
                assert!((1.35..6.0).contains(&seen), "{theme:?}: hatching at {tenth}: {seen}");
            }
        }
    }
}
