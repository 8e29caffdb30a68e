//! Marching squares: the line on which a gridded value crosses a level.

use super::canvas::Point;
use std::collections::HashMap;

/// An edge of the grid: its lower left node and whether it goes up (to the next row) or right.
type Edge = (usize, usize, bool);

/// The lines on which `value` crosses `level`, between the nodes at `xs` × `ys`. Squares with a missing corner are left out.
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
    let above = [a, b, c, d].map(|value| value >= level);
    let edges: [Edge; 4] =
        [(row, column, false), (row, column + 1, true), (row + 1, column, false), (row, column, true)];
    let crossed: Vec<usize> = (0..4).filter(|&side| above[side] != above[(side + 1) % 4]).collect();
    match crossed.as_slice() {
        [first, second] => segments.push([edges[*first], edges[*second]]),
        // A saddle: the middle decides which corners are connected.
        [_, _, _, _] => {
            let middle_joins_first = ((a + b + c + d) / 4.0 >= level) == above[0];
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
