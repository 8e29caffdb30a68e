//! Columns as compact JSON: every number exactly, in the fewest bytes of four forms.
//!
//! | form | for |
//! |---|---|
//! | `{"values": [v], "rows": n}` | the same in every row |
//! | `{"values": [...], "codes": "..."}` | up to 256 different values: a byte a row, in base 64 |
//! | `{"f32": "..."}`, `{"f64": "..."}` | little-endian numbers in base 64, the short ones where all of them are exact |
//! | `{"list": [...]}` | texts of more kinds |
//!
//! What is missing is NaN in the binary forms and null in `values`; infinities are words there.

use crate::results::dataset::Column;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Different values of a coded column at most.
const MOST_CODES: usize = 256;

/// A column for the page.
pub fn column(column: &Column) -> Value {
    match column {
        Column::Text(texts) => words(texts),
        numbers => numeric(&self::numbers(numbers)),
    }
}

/// The numbers of a column, NaN where one is missing; none of a column of texts or lists.
pub fn numbers(column: &Column) -> Vec<f64> {
    match column {
        Column::F64(values) => values.clone(),
        Column::OptionalF64(values) => values.iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
        Column::I64(values) => values.iter().map(|&value| value as f64).collect(),
        Column::OptionalI64(values) => values.iter().map(|value| value.map_or(f64::NAN, |v| v as f64)).collect(),
        Column::U32(values) => values.iter().map(|&value| f64::from(value)).collect(),
        Column::Text(_) | Column::ListF64(_) => Vec::new(),
    }
}

fn numeric(numbers: &[f64]) -> Value {
    if let Some((values, codes)) = coded(numbers.iter().map(|value| value.to_bits())) {
        return with_codes(values.into_iter().map(|bits| number(f64::from_bits(bits))).collect(), &codes);
    }
    let short = |&value: &f64| value.is_nan() || f64::from(value as f32).to_bits() == value.to_bits();
    if numbers.iter().all(short) {
        let bytes = numbers.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect::<Vec<_>>();
        return json!({ "f32": base64(&bytes) });
    }
    json!({ "f64": base64(&numbers.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>()) })
}

fn words(texts: &[String]) -> Value {
    match coded(texts.iter()) {
        Some((values, codes)) => with_codes(values.into_iter().map(|text| json!(text)).collect(), &codes),
        None => json!({ "list": texts }),
    }
}

fn with_codes(values: Vec<Value>, codes: &[u8]) -> Value {
    match values.len() {
        1 => json!({ "values": values, "rows": codes.len() }),
        _ => json!({ "values": values, "codes": base64(codes) }),
    }
}

/// JSON has no infinities and no NaN.
fn number(value: f64) -> Value {
    match value {
        _ if value.is_nan() => Value::Null,
        _ if value.is_infinite() => json!(if value > 0.0 { "Infinity" } else { "-Infinity" }),
        _ => json!(value),
    }
}

/// The different values in the order of their first rows, and the place of each row's; none if there are too many.
fn coded<T: Eq + std::hash::Hash + Copy>(rows: impl Iterator<Item = T>) -> Option<(Vec<T>, Vec<u8>)> {
    let (mut values, mut known, mut codes) = (Vec::new(), HashMap::new(), Vec::new());
    for row in rows {
        let next = values.len();
        let code = *known.entry(row).or_insert(next);
        if code == next {
            if next == MOST_CODES {
                return None;
            }
            values.push(row);
        }
        codes.push(code as u8);
    }
    Some((values, codes))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let all = three.iter().fold(0_u32, |all, &byte| all << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS[(all >> (18 - 6 * place)) as usize & 63];
            text.push(if place > three.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Column, base64, column};
    use serde_json::json;

    /// The test vectors of RFC 4648, section 10, and all bits set.
    #[test]
    fn base_64_is_that_of_the_standard() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[255; 3]), "////");
    }

    #[test]
    fn columns_take_their_shortest_exact_form() {
        assert_eq!(column(&Column::U32(vec![7; 3])), json!({ "values": [7.0], "rows": 3 }));
        let few = Column::OptionalF64(vec![Some(0.1), None, Some(f64::INFINITY), Some(0.1)]);
        assert_eq!(column(&few), json!({ "values": [0.1, null, "Infinity"], "codes": "AAECAA==" }));
        let halves: Vec<f64> = (0..300).map(|i| f64::from(i) / 2.0).collect();
        assert!(column(&Column::F64(halves.clone())).get("f32").is_some());
        let tenths: Vec<f64> = (0..300).map(|i| f64::from(i) / 10.0).collect();
        assert!(column(&Column::F64(tenths)).get("f64").is_some());
        let texts: Vec<String> = halves.iter().map(f64::to_string).collect();
        assert_eq!(column(&Column::Text(texts))["list"][3], json!("1.5"));
    }
}
