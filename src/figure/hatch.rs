//! Diagonal hatching of a region that is known point by point.

use super::canvas::Point;
use super::color::Rgb;

/// Between neighbouring lines, and between the places that are asked for along one.
const SPACING: f64 = 11.0;
const STEP: f64 = 1.0;

/// The pieces of rising diagonals over the rectangle between two corners on which `color` has a colour. On the page y grows
/// downwards, so x + y is the same along a rising line.
pub(super) fn lines(
    (left, top): Point,
    (right, bottom): Point,
    color: impl Fn(Point) -> Option<Rgb>,
) -> Vec<([Point; 2], Rgb)> {
    let mut pieces = Vec::new();
    let count = ((right - left + bottom - top) / SPACING) as usize;
    for line in 1..=count {
        let sum = left + top + line as f64 * SPACING;
        // From the left or the lower side to the upper or the right one.
        let (from, to) = ((sum - bottom).max(left), (sum - top).min(right));
        let steps = ((to - from) / STEP) as usize;
        let mut open: Option<(f64, Rgb)> = None;
        for step in 0..=steps {
            let x = from + step as f64 * STEP;
            let here = if step == steps { None } else { color((x + STEP / 2.0, sum - x - STEP / 2.0)) };
            if open.map(|(_, color)| color) == here {
                continue;
            }
            if let Some((start, color)) = open {
                pieces.push(([(start, sum - start), (x, sum - x)], color));
            }
            open = here.map(|color| (x, color));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{SPACING, lines};

    const GREY: [u8; 3] = [9, 9, 9];

    /// A region of known area is crossed by lines of area / (spacing / sqrt 2) in length.
    #[test]
    fn lines_fill_the_region_and_nothing_else() {
        let disc = |(x, y): (f64, f64)| ((x - 200.0).hypot(y - 150.0) < 100.0).then_some(GREY);
        let found = lines((20.0, 10.0), (420.0, 310.0), disc);
        let mut length = 0.0;
        for ([from, to], color) in &found {
            assert_eq!(*color, GREY);
            assert!(((from.0 + from.1) - (to.0 + to.1)).abs() <= 1e-9, "a rising diagonal");
            for end in [from, to] {
                assert!((end.0 - 200.0).hypot(end.1 - 150.0) <= 102.0, "{end:?} is outside");
            }
            length += (to.0 - from.0).hypot(to.1 - from.1);
        }
        let wanted = std::f64::consts::PI * 1e4 / (SPACING / 2f64.sqrt());
        // Some 26 chords, each off by two steps at most, of which most cancel.
        assert!((length / wanted - 1.0).abs() <= 0.02, "{length}, not {wanted}");
        assert_eq!(lines((0.0, 0.0), (100.0, 100.0), |_| None), []);
        assert_eq!(lines((0.0, 0.0), (0.0, 100.0), |_| Some(GREY)), []);
    }
}
