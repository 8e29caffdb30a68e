//! What text formats have in common: their encoding, their line ends, and how a number is written.

use super::{Parsed, excerpt, inexact, npy};
use std::borrow::Cow;

/// Digits of the largest whole numbers of any usual type: 2^64 has 20.
const LONGEST_INTEGER: usize = 20;

/// The text of a file without its byte order mark, with `\n` between lines, whether it came from Unix, Windows or an old
/// Macintosh (`\r` alone).
pub(super) fn decode(bytes: &[u8]) -> Parsed<Cow<'_, str>> {
    if bytes.starts_with(npy::MAGIC) {
        return Err("this is a NumPy file; rename it to .npy".into());
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("byte {} is not UTF-8 text; save the file as UTF-8", error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(match text.contains('\r') {
        true => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")),
        false => Cow::Borrowed(text),
    })
}

/// The number that a word stands for, also with Fortran's `D` before the exponent; none if it is not one.
///
/// # Errors
/// If it is a whole number that no f64 has, such as 2^53 + 1: rounding it silently would make another matrix of it.
pub(super) fn number(word: &str) -> Parsed<Option<f64>> {
    match word.parse::<f64>() {
        Ok(value) if is_rounded(word, value) => Err(inexact(word)),
        Ok(value) => Ok(Some(value)),
        Err(_) if word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
            Ok(word.replacen(['d', 'D'], "e", 1).parse().ok())
        }
        Err(_) => Ok(None),
    }
}

/// Is the word a whole number, and the value not it? Programs print large floats as whole numbers of more digits than any
/// integer type has, of which only the first ones count; such a word stands for its float.
fn is_rounded(word: &str, value: f64) -> bool {
    let digits = word.trim_start_matches(['+', '-']).trim_start_matches('0');
    if digits.len() < 16 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let magnitude = value.abs();
    let printed = digits.len() > LONGEST_INTEGER && format!("{magnitude}") == digits;
    format!("{magnitude:.0}") != digits && !printed && magnitude.is_finite()
}

/// The words of an error about something that should be a number.
pub(super) fn not_a_number(word: &str, advice: &str) -> String {
    let complex =
        word.ends_with(['i', 'j', ')']) && word.starts_with(|c: char| c.is_ascii_digit() || "+-(.".contains(c));
    let advice = if complex { "complex matrices are not read; give a real one" } else { advice };
    format!("{} is not a number; {advice}", excerpt(word))
}
