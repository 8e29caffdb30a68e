//! Parity cases of `attend_adjoint_keys`.

use super::Params;
use crate::kernel::attend_adjoint::case::Sizes;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    Sizes::all().into_iter().enumerate().map(|(i, sizes)| case(3800 + 10 * i as u32, sizes)).collect()
}

/// A sum of as many products as there are queries and heads that see the key.
fn case(stream: u32, sizes: Sizes) -> Case<Params> {
    let Sizes { head_width: d, heads: [heads, shared], tokens, vectors, members, causal, .. } = sizes;
    let (rows, out_rows, columns, selected) = (sizes.rows(), sizes.out_rows(), sizes.columns(), sizes.selected());
    let params = Params {
        head_width: d as u32,
        tokens: tokens as u32,
        columns: columns as u32,
        selected: selected as u32,
        used: sizes.used() as u32,
        vectors: vectors as u32,
        rows: rows as u32,
        out_rows: out_rows as u32,
        heads: heads as u32,
        key_value_heads: shared as u32,
        keys: sizes.keys() as u32,
        causal: u32::from(causal),
    };
    let (kept, group) = (sizes.keys(), heads / shared);
    let stacked = sample(stream, members * rows * columns);
    let cotangents = sample(stream + 1, members * out_rows * selected * vectors);
    let slopes = sample(stream + 2, members * heads * kept * selected * vectors);
    let shares = sample(stream + 3, members * heads * kept * selected);
    let is_shared = stream.is_multiple_of(20) || sizes.own.is_none();
    let columns_of = sizes.columns_of(if is_shared { 1 } else { members });
    let mut out = vec![0.25; members * rows * selected * vectors];
    let mut bounds = vec![0.0; out.len()];
    for (m, row) in (0..members).flat_map(|m| (0..2 * shared * d).map(move |row| (m, row))) {
        let (is_value, of_head, i) = (row >= shared * d, row % (shared * d) / d, row % d);
        for (j, k) in (0..sizes.used()).flat_map(|j| (0..vectors).map(move |k| (j, k))) {
            let (key, queries) = params.seen(j);
            let term = |(head, q): (usize, usize)| {
                let of_key = ((m * heads + head) * kept + key) * selected + q;
                if is_value {
                    shares[of_key] * cotangents[((m * out_rows + head * d + i) * selected + q) * vectors + k]
                } else {
                    let column = columns_of[(m * selected + q) % columns_of.len()] as usize;
                    slopes[of_key * vectors + k] * stacked[(m * rows + head * d + i) * columns + column]
                }
            };
            let seen =
                (of_head * group..(of_head + 1) * group).flat_map(|head| queries.clone().map(move |q| (head, q)));
            let size: f64 = seen.map(|pair| term(pair).abs()).sum();
            let at = ((m * rows + heads * d + row) * selected + j) * vectors + k;
            out[at] = f64::NAN;
            bounds[at] = (group * queries.len() + 2) as f64 * f64::from(f32::EPSILON) * size;
        }
    }
    Case {
        name: sizes.name(),
        members,
        params,
        buffers: vec![
            if is_shared { CaseBuffer::SharedWord(columns_of) } else { CaseBuffer::Word(columns_of) },
            CaseBuffer::Real(stacked),
            CaseBuffer::Real(cotangents),
            CaseBuffer::Real(slopes),
            CaseBuffer::Real(shares),
            CaseBuffer::Real(out),
        ],
        tolerance: vec![bounds],
    }
}
