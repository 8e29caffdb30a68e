//! Marching squares: the line on which a gridded value crosses a level.

use super::canvas::Point;
use std::collections::HashMap;

/// An edge of the grid: its lower left node and whether it goes up (to the next row) or right.
type Edge = (usize, usize, bool);

/// The lines beyond which `value` is above `level`, between the nodes at `xs` × `ys`. Squares with a missing corner are left out.
pub(super) fn lines(
    xs: &[f64],
    ys: &[f64],
    level: f64,
    value: impl Fn(usize, usize) -> Option<f64>,
) -> Vec<Vec<Point>> {
    let mut segments = Vec::new();
    for row in 1..ys.len() {
        for column in 1..xs.len() {
            square(row - 1, column - 1, level, &value, &mut segments);
        }
    }
    let crossing = |&(row, column, upward): &Edge| {
        let (next_row, next_column) = if upward { (row + 1, column) } else { (row, column + 1) };
        let (from, to) = (value(row, column).unwrap_or(level), value(next_row, next_column).unwrap_or(level));
        let share = if to == from { 0.5 } else { (level - from) / (to - from) };
        let between = |from: f64, to: f64| from + share * (to - from);
        (between(xs[column], xs[next_column]), between(ys[row], ys[next_row]))
    };
    chains(&segments).iter().map(|chain| chain.iter().map(crossing).collect()).collect()
}

fn square(
    row: usize,
    column: usize,
    level: f64,
    value: &impl Fn(usize, usize) -> Option<f64>,
    segments: &mut Vec<[Edge; 2]>,
) {
    let corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)];
    let values = corners.map(|(row, column)| value(row, column));
    let [Some(a), Some(b), Some(c), Some(d)] = values else {
        return;
    };
    let above = [a, b, c, d].map(|value| value > level);
    let edges: [Edge; 4] =
        [(row, column, false), (row, column + 1, true), (row + 1, column, false), (row, column, true)];
    let crossed: Vec<usize> = (0..4).filter(|&side| above[side] != above[(side + 1) % 4]).collect();
    match crossed.as_slice() {
        [first, second] => segments.push([edges[*first], edges[*second]]),
        // A saddle: the middle decides which corners are connected.
        [_, _, _, _] => {
            let middle_joins_first = ((a + b + c + d) / 4.0 > level) == above[0];
            let pairs = if middle_joins_first { [[0, 1], [2, 3]] } else { [[3, 0], [1, 2]] };
            segments.extend(pairs.map(|[first, second]| [edges[first], edges[second]]));
        }
        _ => {}
    }
}

/// Joins segments that share an edge into lines as long as possible.
fn chains(segments: &[[Edge; 2]]) -> Vec<Vec<Edge>> {
    let mut at_edge: HashMap<Edge, Vec<usize>> = HashMap::new();
    for (index, segment) in segments.iter().enumerate() {
        for edge in segment {
            at_edge.entry(*edge).or_default().push(index);
        }
    }
    let mut used = vec![false; segments.len()];
    let follow = |start: usize, mut edge: Edge, used: &mut Vec<bool>| {
        let mut chain = vec![edge];
        let mut next = Some(start);
        while let Some(index) = next {
            used[index] = true;
            edge = if segments[index][0] == edge { segments[index][1] } else { segments[index][0] };
            chain.push(edge);
            next = at_edge[&edge].iter().copied().find(|&index| !used[index]);
        }
        chain
    };
    let mut chains = Vec::new();
    let is_end = |edge: &Edge| at_edge[edge].len() == 1;
    // Open lines begin at their ends; what is left afterwards is closed.
    for open in [true, false] {
        for (index, segment) in segments.iter().enumerate() {
            let start = if open { segment.iter().find(|edge| is_end(edge)) } else { segment.first() };
            if let (Some(edge), false) = (start, used[index]) {
                chains.push(follow(index, *edge, &mut used));
            }
        }
    }
    chains
}

#[cfg(test)]
mod tests {
    use super::lines;

    fn nodes(count: usize) -> Vec<f64> {
        (0..count).map(|index| index as f64).collect()
    }

    #[test]
    fn a_circle_is_one_closed_line_of_its_radius() {
        let value = |row: usize, column: usize| Some((row as f64 - 10.0).hypot(column as f64 - 10.0));
        let found = lines(&nodes(21), &nodes(21), 6.3, value);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].first(), found[0].last());
        assert!(found[0].len() > 40);
        for (x, y) in &found[0] {
            let error = ((x - 10.0).hypot(y - 10.0) - 6.3).abs();
            assert!(error <= 0.05, "({x}, {y}) is off by {error}");
        }
    }

    #[test]
    fn a_slope_is_one_open_line_from_edge_to_edge() {
        let found = lines(&nodes(5), &nodes(4), 2.5, |_, column| Some(column as f64));
        assert_eq!(found.len(), 1);
        assert!(found[0].iter().all(|&(x, _)| x == 2.5));
        let ends = [found[0][0].1, found[0][found[0].len() - 1].1];
        assert_eq!(ends.iter().sum::<f64>(), 3.0);
    }

    #[test]
    fn missing_corners_and_flat_grids_have_no_line() {
        let hole = |row: usize, column: usize| (row != 1).then_some(column as f64);
        assert_eq!(lines(&nodes(3), &nodes(3), 0.5, hole), Vec::<Vec<_>>::new());
        assert_eq!(lines(&nodes(3), &nodes(3), 0.5, |_, _| Some(0.5)), Vec::<Vec<_>>::new());
    }

    #[test]
    fn a_saddle_has_two_lines() {
        let value = |row: usize, column: usize| Some(if row == column { 1.0 } else { 0.0 });
        for (level, joins_high) in [(0.4, true), (0.6, false)] {
            let found = lines(&nodes(2), &nodes(2), level, value);
            assert_eq!(found.len(), 2);
            // Joined high corners leave a line around each low corner, (1, 0) and (0, 1).
            let around_low = found.iter().any(|line| line.iter().all(|&(x, y)| x >= y));
            let off_diagonal = found.iter().all(|line| line.iter().map(|(x, y)| x - y).sum::<f64>().abs() > 0.5);
            assert_eq!(around_low && off_diagonal, joins_high, "level {level}: {found:?}");
        }
    }
}
