//! Colours: a diverging map, and a palette for lines.

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

pub(super) const INK: Rgb = [34, 34, 34];
pub(super) const QUIET: Rgb = [102, 102, 102];
pub(super) const GRID: Rgb = [225, 225, 225];
pub(super) const WHITE: Rgb = [255, 255, 255];
/// A value that is not there.
pub(super) const MISSING: Rgb = [168, 168, 168];

/// Okabe and Ito's palette without black and yellow.
pub(super) const PALETTE: [Rgb; 6] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [230, 159, 0]];

/// ColorBrewer's RdBu, from blue over near-white to red: safe for the common forms of colour blindness.
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

/// The colour of `position` in −1 (blue) to 1 (red); beyond, the end colours.
pub(super) fn diverging(position: f64) -> Rgb {
    let last = DIVERGING.len() - 1;
    let place = (position.clamp(-1.0, 1.0) + 1.0) / 2.0 * last as f64;
    let index = (place as usize).min(last - 1);
    mix(DIVERGING[index], DIVERGING[index + 1], place - index as f64)
}

/// The colour of line `index` among `count`: the palette, or a ramp when there are too many to tell apart.
pub(super) fn line(index: usize, count: usize) -> Rgb {
    if count <= PALETTE.len() {
        PALETTE[index]
    } else {
        mix([178, 24, 43], [33, 102, 172], index as f64 / (count - 1) as f64)
    }
}

fn mix(from: Rgb, to: Rgb, share: f64) -> Rgb {
    std::array::from_fn(|i| (f64::from(from[i]) + (f64::from(to[i]) - f64::from(from[i])) * share).round() as u8)
}
