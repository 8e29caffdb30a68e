//! Parity cases of `attend_adjoint`.

use super::Params;
use crate::kernel::attend_tangent::case::softmax;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// Sizes of a case.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Sizes {
    pub head_width: usize,
    /// Of queries, and of keys.
    pub heads: [usize; 2],
    pub tokens: usize,
    pub points: usize,
    /// Tokens that move alone; none where all move.
    pub own: Option<usize>,
    pub vectors: usize,
    pub members: usize,
    pub causal: bool,
}

impl Sizes {
    /// Those of all cases.
    pub fn all() -> [Sizes; 9] {
        let sizes = |head_width, heads, [tokens, points]: [usize; 2], own, vectors, members, causal| Sizes {
            head_width,
            heads,
            tokens,
            points,
            own,
            vectors,
            members,
            causal,
        };
        [
            sizes(1, [1, 1], [1, 4], Some(4), 4, 1, false),
            sizes(3, [2, 2], [5, 3], Some(7), 8, 2, true),
            sizes(16, [2, 1], [16, 1], Some(5), 20, 2, false),
            sizes(5, [6, 2], [9, 2], None, 12, 1, true),
            sizes(7, [3, 1], [1, 5], Some(2), 4, 2, true),
            sizes(2, [1, 1], [70, 1], None, 4, 1, false),
            sizes(4, [2, 2], [6, 1], Some(3), 260, 1, true),
            sizes(3, [4, 2], [7, 3], None, 8, 2, false),
            sizes(6, [2, 2], [1, 3], None, 4, 1, true),
        ]
    }

    pub fn rows(&self) -> usize {
        ((self.heads[0] + 2 * self.heads[1]) * self.head_width).next_multiple_of(4)
    }

    pub fn out_rows(&self) -> usize {
        (self.heads[0] * self.head_width).next_multiple_of(4)
    }

    pub fn columns(&self) -> usize {
        (self.tokens * self.points).next_multiple_of(4)
    }

    /// Columns of the cotangents.
    pub fn selected(&self) -> usize {
        self.own.unwrap_or(self.columns())
    }

    /// Those that count.
    pub fn used(&self) -> usize {
        self.own.unwrap_or(self.tokens * self.points)
    }

    pub fn keys(&self) -> usize {
        if self.own.is_some() { 1 } else { self.tokens }
    }

    /// The columns of the state, of so many members.
    pub fn columns_of(&self, owners: usize) -> Vec<u32> {
        match self.own {
            None => (0..self.columns() as u32).collect(),
            Some(own) => (0..owners * own).map(|j| (7 * j % (self.tokens * self.points)) as u32).collect(),
        }
    }

    pub fn name(&self) -> String {
        let Sizes { head_width, heads: [heads, shared], tokens, points, own, vectors, causal, .. } = self;
        format!(
            "{heads} heads of {head_width} on {shared}, {points} x {tokens} tokens, own {own:?}, {vectors} vectors, causal {causal}"
        )
    }
}

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    Sizes::all().into_iter().enumerate().map(|(i, sizes)| case(3700 + 10 * i as u32, sizes)).collect()
}

/// A weight is off by `relative` (see `attend`); the rest is the bound of the kernel's own documentation, in which every
/// term has a weight.
fn case(stream: u32, sizes: Sizes) -> Case<Params> {
    let Sizes { head_width: d, heads: [heads, shared], tokens, vectors, members, causal, .. } = sizes;
    let (rows, out_rows, columns, selected) = (sizes.rows(), sizes.out_rows(), sizes.columns(), sizes.selected());
    let kept = sizes.keys();
    let stacked = sample(stream, members * rows * columns);
    let cotangents = sample(stream + 1, members * out_rows * selected * vectors);
    let is_shared = stream.is_multiple_of(20) || sizes.own.is_none();
    let columns_of = sizes.columns_of(if is_shared { 1 } else { members });
    let scale = 1.5 / (d as f64).sqrt();
    let ulp = f64::from(f32::EPSILON);
    let mut out = vec![0.25; members * rows * selected * vectors];
    let mut slopes = vec![0.25; members * heads * kept * selected * vectors];
    let mut shares = vec![0.25; members * heads * kept * selected];
    let [mut of_out, mut of_slopes, mut of_shares] = [&out, &slopes, &shares].map(|all| vec![0.0; all.len()]);
    for (m, h) in (0..members).flat_map(|m| (0..heads).map(move |h| (m, h))) {
        let own = h / (heads / shared);
        let (keys, values) = ((heads + own) * d, (heads + shared + own) * d);
        let at = |row: usize, column: usize| stacked[(m * rows + row) * columns + column];
        for j in 0..sizes.used() {
            let column = columns_of[(m * selected + j) % columns_of.len()] as usize;
            let (t, first) = (column % tokens, column - column % tokens);
            let used = if causal { t + 1 } else { tokens };
            let row = softmax(used, d, scale, |i| at(h * d + i, column), |i, s| at(keys + i, first + s));
            let relative = row.relative + (2 * used + 2 * d + 12) as f64 * ulp;
            let top = (0..used).fold(0, |top, s| if row.weights[s] > row.weights[top] { s } else { top });
            let difference = |from: usize, s: usize| (at(from, first + s) - at(from, first + top)).abs();
            let seen = if kept == tokens { 0..used } else { t..t + 1 };
            let place = |s: usize| ((m * heads + h) * kept + s - seen.start) * selected + j;
            for s in seen.clone() {
                (shares[place(s)], of_shares[place(s)]) = (f64::NAN, relative * row.weights[s]);
            }
            for k in 0..vectors {
                let g = |i: usize| cotangents[((m * out_rows + h * d + i) * selected + j) * vectors + k].abs();
                let along = |s: usize| (0..d).map(|i| g(i) * difference(values + i, s)).sum::<f64>();
                let all: f64 = (0..used).map(|s| row.weights[s] * along(s)).sum();
                let slope: Vec<f64> = (0..used).map(|s| scale * row.weights[s] * (along(s) + all)).collect();
                for s in seen.clone() {
                    let at = place(s) * vectors + k;
                    (slopes[at], of_slopes[at]) = (f64::NAN, 2.0 * relative * slope[s]);
                }
                for i in 0..d {
                    let size: f64 = (0..used).map(|s| slope[s] * difference(keys + i, s)).sum();
                    let at = ((m * rows + h * d + i) * selected + j) * vectors + k;
                    (out[at], of_out[at]) = (f64::NAN, 2.0 * relative * size);
                }
            }
        }
    }
    Case {
        name: sizes.name(),
        members,
        params: Params {
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
            keys: kept as u32,
            causal: u32::from(causal),
            scale,
        },
        buffers: vec![
            if is_shared { CaseBuffer::SharedWord(columns_of) } else { CaseBuffer::Word(columns_of) },
            CaseBuffer::Real(stacked),
            CaseBuffer::Real(cotangents),
            CaseBuffer::Real(out),
            CaseBuffer::Real(slopes),
            CaseBuffer::Real(shares),
        ],
        tolerance: vec![of_out, of_slopes, of_shares],
    }
}
