//! Parquet tables: one that the program wrote, changed at any place.

use super::edits::{Edit, edited, edits};
use super::{fuzz, refused};
use eulerscope::results::dataset::{Column, Dataset, read};
use proptest::prelude::*;
use serde_json::json;

const ROWS: usize = 3000;

/// The bytes of a table with every type of column.
fn good() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let number = |row: usize| (row as f64).sin();
    let text = |row: usize| ["stable", "neutral", "explodes"][row % 3].to_string();
    let mut dataset = Dataset::create(folder.path(), false).expect("a new folder");
    let columns = [
        ("step_size", Column::F64((0..ROWS).map(number).collect())),
        ("rate", Column::OptionalF64((0..ROWS).map(|row| (row % 5 > 0).then(|| number(row))).collect())),
        ("step", Column::OptionalI64((0..ROWS).map(|row| (row > 2000).then_some(row as i64)).collect())),
        ("whole", Column::I64((0..ROWS).map(|row| row as i64 / 100).collect())),
        ("member", Column::U32((0..ROWS).map(|row| row as u32).collect())),
        ("fate", Column::Text((0..ROWS).map(text).collect())),
        ("bands", Column::ListF64((0..ROWS).map(|row| (row % 7 > 0).then(|| vec![number(row); row % 3])).collect())),
    ];
    dataset.write_table("cells", &columns).expect("written");
    dataset.finish(json!({ "command": "sweep" })).expect("sealed");
    let path = folder.path().join("cells.parquet");
    assert_eq!(read::table(&path).expect("is read").len(), 6, "lists are left out");
    std::fs::read(path).expect("a file")
}

/// Anywhere, and in the last bytes, where the footer says how many rows of which types there are.
#[test]
fn changed_tables_are_read_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.parquet");
    let good = good();
    let footer = u32::from_le_bytes(good[good.len() - 8..good.len() - 4].try_into().expect("4 bytes")) as usize + 8;
    let words = &["PAR1", "\u{0}\u{0}\u{0}\u{0}", "\u{7f}\u{7f}\u{7f}\u{7f}"];
    fuzz(700, &(edits(words), any::<bool>()), |(edits, in_footer): (Vec<Edit>, bool)| {
        let bytes = match in_footer {
            false => edited(&good, &edits, usize::MAX),
            true => {
                let (data, footer) = good.split_at(good.len() - footer);
                [data, &edited(footer, &edits, usize::MAX)].concat()
            }
        };
        std::fs::write(&path, bytes).expect("writable");
        if let Err(error) = read::table(&path) {
            refused(&error, &[9]);
        }
    });
}

/// Every byte of the footer, each changed in two ways. Found by the target above: the crate panics at some of them.
#[test]
fn no_changed_byte_of_a_footer_ends_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.parquet");
    let good = good();
    let mut refusals = 0;
    for (at, change) in (good.len() - 1500..good.len()).flat_map(|at| [(at, 0x01), (at, 0x80)]) {
        let mut bytes = good.clone();
        bytes[at] ^= change;
        std::fs::write(&path, bytes).expect("writable");
        if let Err(error) = read::table(&path) {
            refused(&error, &[9]);
            refusals += 1;
        }
    }
    assert!(refusals > 300, "{refusals} changes were noticed");
}

/// A table that is cut short has no footer, wherever that happens.
#[test]
fn tables_that_are_cut_short_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.parquet");
    let good = good();
    for length in (0..200).chain((200..good.len()).step_by(997)).chain(good.len() - 200..good.len()) {
        std::fs::write(&path, &good[..length]).expect("writable");
        let error = read::table(&path).expect_err("a table without its end");
        refused(&error, &[9]);
    }
}
