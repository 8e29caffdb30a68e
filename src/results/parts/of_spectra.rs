//! Spectra as tables: one row for each, with lists of the real and imaginary parts of its eigenvalues.

use super::tabled::{Read, Rows};
use crate::results::dataset::Column;
use crate::results::tables::word;
use crate::spectrum::{Spectrum, Status};

/// Their columns.
pub(super) fn spectra<'a>(spectra: impl Iterator<Item = &'a Spectrum> + Clone) -> Vec<(&'static str, Column)> {
    let numbers = |of: usize| {
        let list = |spectrum: &Spectrum| Some(spectrum.eigenvalues.iter().map(|z| z[of]).collect());
        Column::ListF64(spectra.clone().map(list).collect())
    };
    vec![
        ("status", Column::Text(spectra.clone().map(|s| word(s.status)).collect())),
        ("real_eigenvalues", Column::I64(spectra.clone().map(|s| s.real as i64).collect())),
        ("solved_again", Column::I64(spectra.clone().map(|s| i64::from(s.solved_again)).collect())),
        ("epsilon", Column::F64(spectra.clone().map(|s| s.epsilon).collect())),
        ("re", numbers(0)),
        ("im", numbers(1)),
    ]
}

/// One of them.
pub(super) fn read_spectrum(rows: &Rows, row: usize) -> Read<Spectrum> {
    let (re, im) = (rows.some_list("re", row)?, rows.some_list("im", row)?);
    Ok(Spectrum {
        eigenvalues: re.into_iter().zip(im).map(|(re, im)| [re, im]).collect(),
        status: status(rows, row)?,
        real: rows.whole("real_eigenvalues", row)? as usize,
        solved_again: rows.whole("solved_again", row)? != 0,
        epsilon: rows.real("epsilon", row)?,
    })
}

/// What became of a matrix.
pub(super) fn status(rows: &Rows, row: usize) -> Read<Status> {
    let text = rows.text("status", row)?;
    let all = [Status::Ok, Status::NoConvergence, Status::Refused, Status::Overflow];
    all.into_iter().find(|&status| text == word(status)).ok_or_else(|| "no status in column status".to_string())
}
