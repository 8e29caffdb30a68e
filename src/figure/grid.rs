//! A stability map's data in the order of its axes.

use super::axis::{Scale, extent};
use super::canvas::Point;
use super::contour;
use super::map::StabilityMap;
use crate::error::{Error, Result};
use std::ops::Range;

/// Columns and rows of patches at most: a little wider than a unit of the page.
const MOST_COLUMNS: usize = 512;
/// See [`MOST_COLUMNS`].
const MOST_ROWS: usize = 384;

/// The map with increasing axes and checked lengths.
pub(super) struct Grid {
    pub(super) xs: Vec<f64>,
    pub(super) ys: Vec<f64>,
    pub(super) x_scale: Scale,
    pub(super) y_scale: Scale,
    /// `[ys, xs]`
    pub(super) observed: Vec<Option<f64>>,
    /// `[ys, xs]`
    pub(super) predicted: Vec<Option<f64>>,
    /// The distance from 0 at which the colours end.
    pub(super) half_range: f64,
}

impl Grid {
    /// # Errors
    /// [`Error::Bug`] if the lengths do not fit or an axis is empty or not finite.
    pub(super) fn new(map: &StabilityMap) -> Result<Self> {
        let (own_x, own_y) = (&map.x.values, &map.y.values);
        let cells = own_x.len() * own_y.len();
        let axes_are_finite = own_x.iter().chain(own_y).all(|value| value.is_finite());
        if cells == 0 || map.observed.len() != cells || map.predicted.len() != cells || !axes_are_finite {
            return Err(Error::Bug(format!(
                "a stability map of {} x {} points got {} observed and {} predicted rates",
                own_x.len(),
                own_y.len(),
                map.observed.len(),
                map.predicted.len()
            )));
        }
        let columns = order(own_x);
        let rows = order(own_y);
        let pick = |source: &[Option<f64>]| -> Vec<Option<f64>> {
            let places = rows.iter().flat_map(|row| columns.iter().map(move |column| row * own_x.len() + column));
            places.map(|place| source[place].filter(|value| !value.is_nan())).collect()
        };
        let observed = pick(&map.observed);
        let xs: Vec<f64> = columns.iter().map(|&index| own_x[index]).collect();
        let ys: Vec<f64> = rows.iter().map(|&index| own_y[index]).collect();
        let widest = extent(observed.iter().flatten().map(|value| value.abs())).map(|own| own.to);
        Ok(Grid {
            x_scale: Scale::of(&xs),
            y_scale: Scale::of(&ys),
            predicted: pick(&map.predicted),
            half_range: map.half_range.or(widest).filter(|&range| range > 0.0).unwrap_or(1.0),
            observed,
            xs,
            ys,
        })
    }

    /// The observed rate of a cell in colour units: −1 to 1, 0 is neutral; values beyond `half_range` lie outside.
    pub(super) fn position(&self, row: usize, column: usize) -> Option<f64> {
        self.observed[row * self.xs.len() + column].map(|value| value / self.half_range)
    }

    /// The columns and the rows in patches, for more cells than there are dots to see would only make the page large.
    pub(super) fn patches(&self) -> [Vec<Range<usize>>; 2] {
        [(self.xs.len(), MOST_COLUMNS), (self.ys.len(), MOST_ROWS)].map(|(count, most)| {
            let own = count.div_ceil(most);
            (0..count).step_by(own).map(|first| first..count.min(first + own)).collect()
        })
    }

    /// The mean of the positions of some cells, of those that have one.
    pub(super) fn patch(&self, rows: Range<usize>, columns: Range<usize>) -> Option<f64> {
        let all = rows.flat_map(|row| columns.clone().filter_map(move |column| self.position(row, column)));
        let (count, sum) = all.fold((0, 0.0), |(count, sum), position| (count + 1, sum + position));
        // Infinite ones of both signs have none.
        (count > 0).then(|| sum / f64::from(count)).filter(|mean| !mean.is_nan())
    }

    /// The predicted rate of a cell.
    pub(super) fn predicted(&self, row: usize, column: usize) -> Option<f64> {
        self.predicted[row * self.xs.len() + column]
    }

    /// Is there a prediction for any cell?
    pub(super) fn is_predicted(&self) -> bool {
        self.predicted.iter().any(Option::is_some)
    }

    pub(super) fn has_missing(&self) -> bool {
        self.observed.iter().any(Option::is_none)
    }

    /// Do rates lie below and above the range of the colours?
    pub(super) fn clipped(&self) -> (bool, bool) {
        let any = |sign: f64| self.observed.iter().flatten().any(|value| sign * value > self.half_range);
        (any(-1.0), any(1.0))
    }

    /// The edges of the cells in scaled units: those between columns, and those between rows.
    pub(super) fn edges(&self) -> (Vec<f64>, Vec<f64>) {
        (self.x_scale.edges(&self.xs), self.y_scale.edges(&self.ys))
    }

    /// The lines on which a rate is 0, in scaled units. The outermost cells are continued to their edges, so that a line
    /// reaches the frame and a grid of one row or column has one too.
    pub(super) fn zero_lines(&self, rates: &[Option<f64>]) -> Vec<Vec<Point>> {
        let nodes = |edges: &[f64], scaled: Vec<f64>| -> Vec<f64> {
            let ends = (edges[0], edges[edges.len() - 1]);
            std::iter::once(ends.0).chain(scaled).chain(std::iter::once(ends.1)).collect()
        };
        let scaled = |scale: Scale, values: &[f64]| values.iter().map(|&value| scale.forward(value)).collect();
        let (x_edges, y_edges) = self.edges();
        let xs = nodes(&x_edges, scaled(self.x_scale, &self.xs));
        let ys = nodes(&y_edges, scaled(self.y_scale, &self.ys));
        // Between a finite rate and an infinite one the line is next to the finite one.
        let finite = rates.iter().flatten().filter(|rate| rate.is_finite());
        let most = 1e6 * finite.fold(f64::MIN_POSITIVE, |most, rate| f64::max(most, rate.abs()));
        let inner = |index: usize, count: usize| index.saturating_sub(1).min(count - 1);
        let rate = |row: usize, column: usize| {
            let place = inner(row, self.ys.len()) * self.xs.len() + inner(column, self.xs.len());
            rates[place].map(|rate| rate.clamp(-most, most))
        };
        contour::lines(&xs, &ys, 0.0, rate)
    }
}

/// The indices that put the values in increasing order, the first of equal ones only.
fn order(values: &[f64]) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..values.len()).collect();
    indices.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    indices.dedup_by(|a, b| values[*a] == values[*b]);
    indices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Values;

    /// A map whose observed rates are those of a function of row and column.
    fn grid(columns: usize, rows: usize, rate: &dyn Fn(usize, usize) -> Option<f64>) -> Grid {
        let along =
            |count: usize| Values { label: String::new(), values: (0..count).map(|place| place as f64).collect() };
        let rates: Vec<_> = (0..rows).flat_map(|row| (0..columns).map(move |column| rate(row, column))).collect();
        let map = StabilityMap {
            x: along(columns),
            y: along(rows),
            observed: rates.clone(),
            predicted: rates,
            value_label: String::new(),
            half_range: Some(1.0),
            mark: None,
            at: String::new(),
            title: String::new(),
            caption: String::new(),
        };
        Grid::new(&map).expect("its lengths fit")
    }

    #[test]
    fn a_grid_that_a_page_can_show_has_a_patch_for_every_point() {
        let grid = grid(512, 384, &|row, column| Some((row * 512 + column) as f64 * 1e-6));
        let [columns, rows] = grid.patches();
        assert_eq!((columns.len(), rows.len()), (512, 384));
        assert_eq!(grid.patch(7..8, 9..10), grid.position(7, 9));
    }

    #[test]
    fn patches_of_a_larger_one_tile_it_and_are_the_means_of_their_points() {
        let grid = grid(1025, 400, &|row, column| (column != 3).then_some((row + 2 * column) as f64 * 1e-4));
        let [columns, rows] = grid.patches();
        assert_eq!((columns.len(), rows.len()), (342, 200));
        assert!(columns.windows(2).all(|pair| pair[0].end == pair[1].start) && columns[341] == (1023..1025));
        // Rows 4 and 5, columns 3 to 5, of which the first has no value.
        let mean = [12.0, 14.0, 13.0, 15.0].iter().sum::<f64>() / 4.0 * 1e-4;
        assert!((grid.patch(4..6, 3..6).expect("some have one") - mean).abs() < 1e-15);
        assert_eq!(grid.patch(0..2, 3..4), None);
    }
}
