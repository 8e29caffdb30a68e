//! Lines cut at the edges of what is drawn.

use super::axis::Interval;
use super::canvas::Point;

/// The pieces of a line inside a rectangle, cut where it leaves.
pub(super) fn inside(line: &[Point], x: Interval, y: Interval) -> Vec<Vec<Point>> {
    let turned = |line: &Vec<Point>| -> Vec<Point> { line.iter().map(|&(x, y)| (y, x)).collect() };
    let pieces = within(line, y).iter().flat_map(|piece| within(&turned(piece), x)).collect::<Vec<_>>();
    pieces.iter().map(turned).collect()
}

/// The pieces of a line between two heights, cut where it crosses them.
pub(super) fn within(line: &[Point], heights: Interval) -> Vec<Vec<Point>> {
    let Interval { from: low, to: high } = heights;
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    let mut open = false;
    for pair in line.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        // Shares of the way at which the two heights are crossed.
        let share = |level: f64| (level - from.1) / (to.1 - from.1);
        let (first, last) = if from.1 == to.1 {
            if (low..=high).contains(&from.1) { (0.0, 1.0) } else { (1.0, 0.0) }
        } else {
            let (a, b) = (share(low), share(high));
            (a.min(b).max(0.0), a.max(b).min(1.0))
        };
        if first > last || !first.is_finite() || !last.is_finite() {
            open = false;
            continue;
        }
        let at = |share: f64| match share {
            0.0 => from,
            1.0 => to,
            _ => (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1)),
        };
        if !open {
            pieces.push(vec![at(first)]);
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(at(last));
        }
        open = last == 1.0;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{Interval, inside, within};

    #[test]
    fn a_line_is_cut_where_it_leaves() {
        let cut = |line: &[(f64, f64)]| within(line, Interval::new(0.0, 1.0));
        let there_and_back = [vec![(0.0, 0.5), (0.5, 1.0)], vec![(1.5, 1.0), (2.0, 0.5)]];
        assert_eq!(cut(&[(0.0, 0.5), (1.0, 1.5), (2.0, 0.5)]), there_and_back);
        assert_eq!(cut(&[(0.0, -1.0), (2.0, 3.0)]), [vec![(0.5, 0.0), (1.0, 1.0)]]);
        assert_eq!(cut(&[(0.0, 0.2), (1.0, 0.4), (2.0, 0.6)]), [vec![(0.0, 0.2), (1.0, 0.4), (2.0, 0.6)]]);
        assert_eq!(cut(&[(0.0, 2.0), (1.0, 3.0)]), Vec::<Vec<_>>::new());
        assert_eq!(cut(&[(0.0, 2.0), (1.0, 2.0)]), Vec::<Vec<_>>::new());
        assert_eq!(cut(&[(0.0, 1.0), (1.0, 1.0)]), [vec![(0.0, 1.0), (1.0, 1.0)]]);
    }

    #[test]
    fn a_diagonal_crosses_a_rectangle_from_side_to_side() {
        let found = inside(&[(-1.0, -2.0), (3.0, 6.0)], Interval::new(0.0, 1.0), Interval::new(1.0, 5.0));
        // y = 2 x: at x = 0.5 it comes from below, at x = 1 it leaves to the right.
        assert_eq!(found, [vec![(0.5, 1.0), (1.0, 2.0)]]);
    }
}
