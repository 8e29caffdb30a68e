//! Parity cases of `rotate`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [
        ([1, 2, 2, 2], 4, 1, 1, true),
        ([3, 7, 4, 3], 12, 1, 2, false),
        ([12, 8, 8, 8], 9, 8, 2, true),
        ([2, 5, 2, 6], 1, 4, 3, false),
        ([2, 6, 6, 0], 68, 4, 1, true),
    ]
    .map(|([heads, head_width, dimensions, more], columns, vectors, members, shared)| Shape {
        heads,
        head_width,
        dimensions,
        more,
        columns,
        vectors,
        members,
        shared,
    });
    shapes.into_iter().enumerate().map(|(i, shape)| case(2900 + 10 * i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    heads: usize,
    head_width: usize,
    /// Rows of a head that are rotated.
    dimensions: usize,
    /// Rows behind the heads.
    more: usize,
    columns: usize,
    vectors: usize,
    members: usize,
    /// Do all members share the positions?
    shared: bool,
}

/// Two products and a sum, and the rounding of the tables, on each number of a rotated pair.
fn case(stream: u32, shape: Shape) -> Case<Params> {
    let Shape { heads, head_width, dimensions, more, columns, vectors, members, shared } = shape;
    const POSITIONS: usize = 11;
    let rows = heads * head_width + more;
    let (pairs, line) = (dimensions / 2, columns * vectors);
    let angle = |i: usize| (i % POSITIONS) as f64 * 0.3_f64.powi((i / POSITIONS) as i32);
    let (cosines, sines): (Vec<f64>, Vec<f64>) =
        (0..pairs * POSITIONS).map(|i| (angle(i).cos(), angle(i).sin())).unzip();
    let owners = if shared { 1 } else { members };
    let position: Vec<u32> = (0..owners * columns).map(|c| (7 * c % POSITIONS) as u32).collect();
    let x = sample(stream, members * rows * line);
    let bound = |i: usize| {
        let (member, row, column) = (i / (rows * line), i / line % rows, i % line / vectors);
        let of_head = row % head_width;
        if row >= heads * head_width || of_head >= dimensions {
            return 0.0;
        }
        let other = if of_head < pairs { i + pairs * line } else { i - pairs * line };
        let at = of_head % pairs * POSITIONS + position[(member * columns + column) % position.len()] as usize;
        3.0 * f64::from(f32::EPSILON) * ((cosines[at] * x[i]).abs() + (sines[at] * x[other]).abs())
    };
    Case {
        name: format!("{heads} heads of {head_width}, {dimensions} rotated, {columns} x {vectors}, {members} members"),
        members,
        params: Params {
            rows: rows as u32,
            columns: columns as u32,
            vectors: vectors as u32,
            heads: heads as u32,
            head_width: head_width as u32,
            dimensions: dimensions as u32,
            positions: POSITIONS as u32,
        },
        tolerance: vec![(0..x.len()).map(bound).collect()],
        buffers: vec![
            CaseBuffer::SharedReal(cosines.clone()),
            CaseBuffer::SharedReal(sines.clone()),
            if shared { CaseBuffer::SharedWord(position.clone()) } else { CaseBuffer::Word(position.clone()) },
            CaseBuffer::Real(x.clone()),
            CaseBuffer::Real(vec![f64::NAN; x.len()]),
        ],
    }
}
