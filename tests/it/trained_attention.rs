//! The attention of trained models, whose queries share keys and values, against its definition; its tangents against
//! central differences.

use eulerscope::kernel::Kernel;
use eulerscope::kernel::attend::{self, Attend, key_lanes};
use eulerscope::kernel::attend_own_tangent::{self, AttendOwnTangent};
use eulerscope::kernel::attend_tangent::{self, AttendTangent};
use eulerscope::numbers::random::sample;

/// An attention of one grid point; nothing is padded.
#[derive(Clone, Copy, Debug)]
struct Attention {
    head_width: usize,
    heads: usize,
    key_value_heads: usize,
    tokens: usize,
    causal: bool,
}

/// A step of central differences: what is left of the function's third derivative is far below 1e-8.
const STEP: f64 = 1e-5;

const ATTENTIONS: [Attention; 4] = [
    Attention { head_width: 4, heads: 2, key_value_heads: 2, tokens: 8, causal: false },
    Attention { head_width: 3, heads: 4, key_value_heads: 2, tokens: 5, causal: true },
    Attention { head_width: 5, heads: 9, key_value_heads: 3, tokens: 6, causal: true },
    Attention { head_width: 7, heads: 4, key_value_heads: 1, tokens: 1, causal: false },
];

impl Attention {
    fn rows(&self) -> usize {
        (self.heads + 2 * self.key_value_heads) * self.head_width
    }

    fn scale(&self) -> f64 {
        1.5 / (self.head_width as f64).sqrt()
    }

    /// The heads of token `token`, by the definition: with the softmax of its scores as plain powers of e.
    fn of_token(&self, stacked: &[f64], token: usize) -> Vec<f64> {
        let (d, t) = (self.head_width, self.tokens);
        let x = |row: usize, token: usize| stacked[row * t + token];
        let mut out = Vec::new();
        for head in 0..self.heads {
            let key = (self.heads + head * self.key_value_heads / self.heads) * d;
            let value = key + self.key_value_heads * d;
            let powers: Vec<f64> = (0..t)
                .filter(|&s| !self.causal || s <= token)
                .map(|s| (self.scale() * (0..d).map(|i| x(head * d + i, token) * x(key + i, s)).sum::<f64>()).exp())
                .collect();
            let total: f64 = powers.iter().sum();
            for i in 0..d {
                out.push(powers.iter().enumerate().map(|(s, p)| p * x(value + i, s)).sum::<f64>() / total);
            }
        }
        out
    }

    fn stacked(&self, stream: u32) -> Vec<f64> {
        sample(stream, self.rows() * self.tokens)
    }

    /// The central difference of the heads of a token along `direction`, `[rows, tokens]`.
    fn difference(&self, stacked: &[f64], direction: &[f64], token: usize) -> Vec<f64> {
        let at = |step: f64| -> Vec<f64> {
            let moved: Vec<f64> = stacked.iter().zip(direction).map(|(x, d)| x + step * d).collect();
            self.of_token(&moved, token)
        };
        at(STEP).iter().zip(at(-STEP)).map(|(ahead, behind)| (ahead - behind) / (2.0 * STEP)).collect()
    }
}

fn compare(found: f64, wanted: f64, tolerance: f64, what: &str) {
    assert!((found - wanted).abs() <= tolerance, "{what}: {found}, not {wanted}");
}

#[test]
fn heads_are_those_of_the_definition() {
    for (i, attention) in ATTENTIONS.into_iter().enumerate() {
        let Attention { head_width, heads, key_value_heads, tokens, causal } = attention;
        let stacked = attention.stacked(4100 + i as u32);
        let width = heads * head_width;
        let (mut out, mut entropy) = (vec![f64::NAN; width * tokens], vec![f64::NAN; heads * tokens]);
        let params = attend::Params {
            head_width: head_width as u32,
            tokens: tokens as u32,
            columns: tokens as u32,
            rows: attention.rows() as u32,
            out_rows: width as u32,
            heads: heads as u32,
            key_value_heads: key_value_heads as u32,
            causal: u32::from(causal),
            key_lanes: key_lanes(tokens as u32),
            scale: attention.scale(),
        };
        Attend::twin(&params, attend::Views { stacked: &stacked, out: &mut out, entropy: &mut entropy });
        for token in 0..tokens {
            for (row, wanted) in attention.of_token(&stacked, token).into_iter().enumerate() {
                compare(out[row * tokens + token], wanted, 1e-13, &format!("{attention:?}, row {row}, token {token}"));
            }
        }
    }
}

#[test]
fn tangents_are_central_differences() {
    for (i, attention) in ATTENTIONS.into_iter().enumerate() {
        for vectors in [1, 4] {
            let Attention { head_width, heads, key_value_heads, tokens, causal } = attention;
            let (rows, width) = (attention.rows(), heads * head_width);
            let stacked = attention.stacked(4110 + i as u32);
            let deviations = sample(4120 + i as u32, rows * tokens * vectors);
            let mut out = vec![f64::NAN; width * tokens * vectors];
            let params = attend_tangent::Params {
                head_width: head_width as u32,
                tokens: tokens as u32,
                columns: tokens as u32,
                vectors: vectors as u32,
                rows: rows as u32,
                out_rows: width as u32,
                heads: heads as u32,
                key_value_heads: key_value_heads as u32,
                causal: u32::from(causal),
                scale: attention.scale(),
            };
            let views = attend_tangent::Views {
                stacked: &stacked,
                differences: &stacked,
                deviations: &deviations,
                out: &mut out,
            };
            AttendTangent::twin(&params, views);
            for (vector, token) in (0..vectors).flat_map(|vector| (0..tokens).map(move |token| (vector, token))) {
                let direction: Vec<f64> = (0..rows * tokens).map(|j| deviations[j * vectors + vector]).collect();
                for (row, wanted) in attention.difference(&stacked, &direction, token).into_iter().enumerate() {
                    let found = out[(row * tokens + token) * vectors + vector];
                    compare(found, wanted, 1e-7, &format!("{attention:?}, row {row}, token {token}, vector {vector}"));
                }
            }
        }
    }
}

/// Only the own token's queries, keys and values move, in some tokens at once and in any order.
#[test]
fn own_tangents_are_central_differences() {
    const VECTORS: usize = 4;
    for (i, attention) in ATTENTIONS.into_iter().enumerate() {
        let Attention { head_width, heads, key_value_heads, tokens, causal } = attention;
        let (rows, width) = (attention.rows(), heads * head_width);
        let stacked = attention.stacked(4130 + i as u32);
        let columns_of: Vec<u32> = (0..=tokens as u32).map(|j| 3 * j % tokens as u32).collect();
        let selected = columns_of.len();
        let deviations = sample(4140 + i as u32, rows * selected * VECTORS);
        let mut out = vec![f64::NAN; width * selected * VECTORS];
        let params = attend_own_tangent::Params {
            head_width: head_width as u32,
            tokens: tokens as u32,
            columns: tokens as u32,
            selected: selected as u32,
            vectors: VECTORS as u32,
            rows: rows as u32,
            out_rows: width as u32,
            heads: heads as u32,
            key_value_heads: key_value_heads as u32,
            causal: u32::from(causal),
            scale: attention.scale(),
        };
        let views = attend_own_tangent::Views {
            columns_of: &columns_of,
            stacked: &stacked,
            deviations: &deviations,
            out: &mut out,
        };
        AttendOwnTangent::twin(&params, views);
        for (j, &token) in columns_of.iter().enumerate() {
            for vector in 0..VECTORS {
                let mut direction = vec![0.0; rows * tokens];
                for row in 0..rows {
                    direction[row * tokens + token as usize] = deviations[(row * selected + j) * VECTORS + vector];
                }
                let wanted = attention.difference(&stacked, &direction, token as usize);
                for (row, wanted) in wanted.into_iter().enumerate() {
                    let found = out[(row * selected + j) * VECTORS + vector];
                    compare(found, wanted, 1e-7, &format!("{attention:?}, row {row}, token {token}, vector {vector}"));
                }
            }
        }
    }
}
