//! Matrix files of every format, compressed or not, and arrays of initial states.

use super::edits::{edited, edits};
use super::{fuzz, refused};
use crate::matrix::{f64_bytes, npy};
use crate::matrix_dialects::compressed;
use eulerscope::weights::matrix::{Content, Format, parse};
use proptest::prelude::*;
use proptest::sample::select;

const FORMATS: [(Format, &str); 3] = [(Format::Npy, "npy"), (Format::MatrixMarket, "mtx"), (Format::Csv, "csv")];

const WORDS: &[&str] = &[
    "nan",
    "-inf",
    "1e999",
    "1e-320",
    "9007199254740993",
    "18446744073709551616",
    "-1",
    "0 0 0",
    "\n",
    "\r",
    ",",
    ";",
    "\"",
    "%%MatrixMarket",
    "array",
    "pattern",
    "skew-symmetric",
    "(1000000, 1000000)",
    "(",
    "'descr'",
    "True",
    "|O",
    "<f8",
    "# ",
];

fn good() -> Vec<Vec<u8>> {
    vec![
        npy(1, "<f8", "False", "(2, 2)", &f64_bytes(&[1.0, 2.0, 3.0, 4.0])),
        npy(2, ">i2", "True", "(2, 1, 1)", &[0, 1, 0, 2]),
        npy(3, "<f2", "False", "(1, 1)", &[0, 0x40]),
        b"%%MatrixMarket matrix coordinate real symmetric\n% note\n2 2 2\n1 1 1\n2 1 2\n".to_vec(),
        b"%%MatrixMarket matrix array integer skew-symmetric\n2 2\n1\n".to_vec(),
        b"1,2\n3,4\n".to_vec(),
        b",\"a, b\",c\nr,1,-2.5e-3\ns,3,4 # end\n".to_vec(),
        b"1 2;3\n".to_vec(),
    ]
}

#[test]
fn files_are_read_or_refused() {
    let noise = prop::collection::vec(any::<u8>(), 0..200);
    let changed = (select(good()), edits(WORDS)).prop_map(|(good, edits)| edited(&good, &edits, usize::MAX));
    fuzz(3000, &prop_oneof![4 => changed, 1 => noise], |bytes| {
        for (format, _) in FORMATS {
            match parse(format, &bytes) {
                Ok(stack) => assert_eq!(stack.values.len(), stack.matrices * stack.n * stack.n),
                Err(error) => refused(&error, &[4]),
            }
        }
    });
}

/// From disk, where they may be compressed and the compressed bytes damaged, as matrices and as arrays.
#[test]
fn files_on_disk_are_read_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = (select(good()), edits(WORDS), edits(WORDS), select(&FORMATS[..]), any::<bool>());
    fuzz(500, &input, |(good, inside, outside, (_, ending), squeezed)| {
        let mut bytes = edited(&good, &inside, usize::MAX);
        let mut path = folder.path().join(format!("a.{ending}"));
        if squeezed {
            bytes = edited(&compressed(&bytes), &outside, usize::MAX);
            path = folder.path().join(format!("a.{ending}.gz"));
        }
        std::fs::write(&path, bytes).expect("writable");
        match Content::read(&path) {
            Ok(content) => {
                if let Err(error) = content.matrices() {
                    refused(&error, &[4]);
                }
                match content.array() {
                    Ok(array) => assert_eq!(array.values.len(), array.shape.iter().product::<usize>()),
                    Err(error) => refused(&error, &[4]),
                }
            }
            Err(error) => refused(&error, &[4]),
        }
    });
}
