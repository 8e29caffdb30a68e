//! Fewer cells of a grid: a coarser grid, with the ends of every axis.

use super::encode;
use crate::results::dataset::Column;
use std::collections::HashSet;

/// The rows of a table of cells at some values of each of its keys, at most so many; all of them if that is enough.
pub fn grid(columns: Vec<(String, Column)>, is_key: &dyn Fn(&str) -> bool, most: usize) -> Vec<(String, Column)> {
    let rows = rows(&columns, is_key, most);
    columns.into_iter().map(|(name, column)| (name, column.at(&rows))).collect()
}

/// The places of these rows.
pub fn rows(columns: &[(String, Column)], is_key: &dyn Fn(&str) -> bool, most: usize) -> Vec<usize> {
    let keys: Vec<Vec<f64>> =
        columns.iter().filter(|(name, _)| is_key(name)).map(|(_, column)| encode::numbers(column)).collect();
    let axes: Vec<Vec<f64>> = keys.iter().map(|values| distinct(values)).collect();
    let mut counts: Vec<usize> = axes.iter().map(Vec::len).collect();
    while counts.iter().product::<usize>() > most.max(1) {
        let Some(longest) = counts.iter_mut().max().filter(|count| **count > 1) else { break };
        *longest -= 1;
    }
    let kept: Vec<HashSet<u64>> = axes.iter().zip(&counts).map(|(axis, &count)| spread(axis, count)).collect();
    let rows = keys.first().map_or(0, Vec::len);
    let is_kept = |row: &usize| keys.iter().zip(&kept).all(|(values, kept)| kept.contains(&values[*row].to_bits()));
    (0..rows).filter(is_kept).collect()
}

/// The different values, in order.
fn distinct(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.dedup_by_key(|value| value.to_bits());
    values
}

/// So many of them, evenly, the first and the last among them if there are two.
fn spread(axis: &[f64], count: usize) -> HashSet<u64> {
    let place = |i: usize| if count == 1 { axis.len() / 2 } else { i * (axis.len() - 1) / (count - 1) };
    (0..count).map(|i| axis[place(i)].to_bits()).collect()
}

#[cfg(test)]
mod tests {
    use super::grid;
    use crate::results::dataset::Column;

    #[test]
    fn a_coarser_grid_keeps_its_ends() {
        let all = || (0..100_usize).flat_map(|i| (0..50_usize).map(move |j| (i, j)));
        let columns = vec![
            ("step_size".to_string(), Column::F64(all().map(|(i, _)| i as f64).collect())),
            ("radius".to_string(), Column::F64(all().map(|(_, j)| j as f64).collect())),
            ("value".to_string(), Column::I64(all().map(|(i, j)| (50 * i + j) as i64).collect())),
        ];
        let found = grid(columns, &|name| name != "value", 200);
        let [Column::F64(steps), Column::F64(radii), Column::I64(values)] = [&found[0].1, &found[1].1, &found[2].1]
        else {
            panic!("columns keep their types")
        };
        assert!((150..=200).contains(&values.len()), "{}", values.len());
        assert_eq!((values[0], *values.last().expect("rows")), (0, 4999));
        let right = |row: usize| values[row] as f64 == 50.0 * steps[row] + radii[row];
        assert!((0..values.len()).all(right), "rows stay together");
    }
}
