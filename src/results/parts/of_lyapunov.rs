//! Parts of Lyapunov exponents as tables: what grew along the way of each member.

use super::tabled::{Columns, Read, Rows, Tabled, named};
use crate::lyapunov::{Growth, Part};
use crate::results::dataset::Column;

impl Tabled for Part {
    const FIRST: &'static str = "growths";

    /// One row for each member; one that has no end has no lists.
    fn tables(&mut self) -> Vec<(&'static str, Columns)> {
        let directions = |own: &Option<Growth>| own.as_ref().map(|growth| growth.of_directions.clone());
        let norm = |own: &Option<Growth>| own.as_ref().and_then(|growth| growth.of_norm);
        let columns = vec![
            ("log_growth", Column::ListF64(self.members.iter().map(directions).collect())),
            ("norm_rate", Column::OptionalF64(self.members.iter().map(norm).collect())),
        ];
        vec![(Self::FIRST, named(columns))]
    }

    fn read(&mut self, _table: &str, rows: &Rows) -> Read<()> {
        for row in 0..rows.count() {
            let of_norm = rows.optional("norm_rate", row)?;
            let growth = |of_directions| Growth { of_directions, of_norm };
            self.members.push(rows.list("log_growth", row)?.map(growth));
        }
        Ok(())
    }
}
