//! One hash of all that the tables of a folder say: equal for equal results, whatever the order of their rows, how they
//! were compressed, and how long the run took.

use crate::error::remedy::{Piece::Text, RESUME};
use crate::error::{Error, Remedy, Result};
use crate::results::dataset::{self, Column, read};
use crate::results::parts;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// A sum of hashes of rows, which has no order.
#[derive(Clone, Copy, Default)]
struct Sum([u64; 4]);

impl Sum {
    fn plus(self, other: Sum) -> Sum {
        Sum(std::array::from_fn(|lane| self.0[lane].wrapping_add(other.0[lane])))
    }

    fn of(hash: blake3::Hash) -> Self {
        let lane = |i: usize| u64::from_le_bytes(std::array::from_fn(|byte| hash.as_bytes()[8 * i + byte]));
        Sum(std::array::from_fn(lane))
    }
}

/// The hash of a finished folder's tables, or of the parts of an unfinished one and of the shards in it, hexadecimal.
///
/// # Errors
/// [`Error::Invalid`] for a folder with neither, [`Error::Io`] and [`Error::Verification`] for tables that cannot be read.
pub fn hash(folder: &Path) -> Result<String> {
    let mut tables: Vec<(String, PathBuf)> = Vec::new();
    match dataset::standing(folder)? {
        Some(run) => {
            let names = run["files"].as_object().into_iter().flat_map(|files| files.keys());
            let names = names.filter(|name| name.ends_with(".parquet"));
            tables.extend(names.map(|name| (name.clone(), folder.join(name))));
        }
        None => tables.extend(parts::tables(folder)?),
    }
    if tables.is_empty() {
        let nothing = Error::Invalid(format!("{}: holds no tables yet", folder.display()));
        return Err(nothing.remedied(Remedy::of(&[
            Text("give a folder of results, or "),
            RESUME,
            Text(" what was to write them"),
        ])));
    }
    tables.sort();
    let mut whole = blake3::Hasher::new();
    for same in tables.chunk_by(|one, other| one.0 == other.0) {
        let (mut rows, mut sum) = (0, Sum::default());
        for (_, path) in same {
            let mut columns = read::whole_table(path)?;
            columns.sort_by(|one, other| one.0.cmp(&other.0));
            let count = columns.first().map_or(0, |(_, column)| column.rows());
            rows += count;
            let of_row = |row: usize| Sum::of(row_hash(&columns, row));
            sum = sum.plus((0..count).into_par_iter().map(of_row).reduce(Sum::default, Sum::plus));
        }
        whole.update(same[0].0.as_bytes());
        whole.update(&(rows as u64).to_le_bytes());
        for lane in sum.0 {
            whole.update(&lane.to_le_bytes());
        }
    }
    Ok(whole.finalize().to_hex().to_string())
}

/// The hash of a row: of each column its name, whether there is a value, and its bits.
fn row_hash(columns: &[(String, Column)], row: usize) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for (name, column) in columns {
        hasher.update(name.as_bytes());
        let mut some = |bits: Option<u64>| {
            hasher.update(&[0, u8::from(bits.is_some())]);
            hasher.update(&bits.unwrap_or(0).to_le_bytes());
        };
        match column {
            Column::F64(values) => some(Some(values[row].to_bits())),
            Column::OptionalF64(values) => some(values[row].map(f64::to_bits)),
            Column::I64(values) => some(Some(values[row] as u64)),
            Column::OptionalI64(values) => some(values[row].map(|value| value as u64)),
            Column::U32(values) => some(Some(u64::from(values[row]))),
            Column::ListF64(values) => {
                some(values[row].as_ref().map(|list| list.len() as u64));
                values[row].iter().flatten().for_each(|value| some(Some(value.to_bits())));
            }
            Column::Text(values) => {
                some(Some(values[row].len() as u64));
                hasher.update(values[row].as_bytes());
            }
        }
    }
    hasher.finalize()
}
