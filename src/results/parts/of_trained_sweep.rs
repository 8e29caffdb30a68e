//! Parts of a sweep of a trained model as tables: one row for each grid point.

use super::tabled::{Columns, Read, Rows, Tabled, named};
use crate::results::dataset::Column;
use crate::trained::Likely;
use crate::trained::sweep::{Part, TrainedCell};

impl Tabled for Part {
    const FIRST: &'static str = "cells";

    fn tables(&mut self) -> Vec<(&'static str, Columns)> {
        let real = |of: fn(&TrainedCell) -> f64| Column::F64(self.cells.iter().map(of).collect());
        let optional = |of: fn(&TrainedCell) -> Option<f64>| Column::OptionalF64(self.cells.iter().map(of).collect());
        let list = |of: fn(&TrainedCell) -> &[Option<f64>]| {
            Column::ListF64(self.cells.iter().map(|cell| Some(of(cell).iter().map(packed).collect())).collect())
        };
        let columns = vec![
            ("step_size", real(|cell| cell.step_size)),
            ("damping", real(|cell| cell.damping)),
            ("cross_entropy", optional(|cell| cell.likely.map(|own| own.cross_entropy))),
            ("kl_divergence", optional(|cell| cell.likely.map(|own| own.kl_divergence))),
            ("log_growth", optional(|cell| cell.log_growth)),
            ("predicted_log_growth", optional(|cell| cell.predicted_log_growth)),
            ("margin", optional(|cell| cell.margin)),
            ("state_norms", list(|cell| &cell.state_norms)),
            ("lens", list(|cell| &cell.lens)),
        ];
        vec![(Self::FIRST, named(columns))]
    }

    fn read(&mut self, _table: &str, rows: &Rows) -> Read<()> {
        for row in 0..rows.count() {
            let list = |name: &str| -> Read<Vec<Option<f64>>> {
                let values = rows.some_list(name, row)?;
                Ok(values.into_iter().map(|value| Some(value).filter(|value| value.is_finite())).collect())
            };
            let likely = rows.optional("cross_entropy", row)?.zip(rows.optional("kl_divergence", row)?);
            self.cells.push(TrainedCell {
                step_size: rows.real("step_size", row)?,
                damping: rows.real("damping", row)?,
                likely: likely.map(|(cross_entropy, kl_divergence)| Likely { cross_entropy, kl_divergence }),
                log_growth: rows.optional("log_growth", row)?,
                predicted_log_growth: rows.optional("predicted_log_growth", row)?,
                state_norms: list("state_norms")?,
                margin: rows.optional("margin", row)?,
                lens: list("lens")?,
            });
        }
        Ok(())
    }
}

/// A list of numbers has none that is missing; no number in these lists is infinite.
fn packed(value: &Option<f64>) -> f64 {
    value.unwrap_or(f64::INFINITY)
}
