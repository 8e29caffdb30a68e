//! The irreducible blocks of a matrix: the strongly connected components of its graph, which has an edge i → j where
//! entry (i, j) is not 0.
//!
//! Ordered by components a matrix is block triangular, so its eigenvalues are those of the diagonal blocks alone: what
//! couples different blocks has no say, however large it is, and would only cost digits. Blocks of one row are the
//! isolated eigenvalues that LAPACK's `gebal` permutes to the border; larger ones it leaves coupled.
//! Sources: Warshall 1962 (transitive closure); Tarjan 1972 and Duff and Reid 1978 (block triangular form).

mod case;

use crate::kernel::shared::team::{Team, ceiling};
use crate::kernel::shared::trips::most_at_once;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;
use bytemuck::Pod;
use std::borrow::Cow;
use std::ops::Range;

kernel! {
    /// The irreducible blocks of a matrix.
    pub struct Components = components;
    shared { real, team }
    /// The pivots of the closure that a run takes.
    params {
        /// Width of the matrices.
        n: u32,
        /// The first pivot; with 0 the graph is read from `matrices`.
        first: u32,
        /// One past the last pivot; with n the blocks are written.
        last: u32,
    }
    buffers {
        matrices: read bits,
        reach: write word,
        blocks: write word,
    }
}

/// Words of a row of the closure: a bit for each column.
pub fn words(n: usize) -> usize {
    n.div_ceil(32)
}

/// An upper bound of the loop trips of one invocation for so many pivots.
pub fn trips(n: u32, lanes: u32, pivots: u32) -> u64 {
    let (words, share) = (words(n as usize) as u64, u64::from(n.div_ceil(lanes)));
    let (n, lanes) = (u64::from(n), u64::from(lanes));
    let around = 2 * (n * n).div_ceil(lanes) + share * (1 + n + words) + 2 * share * (1 + n);
    around + u64::from(pivots) * (1 + share * (1 + words))
}

/// Pivots of one run that keep within the limit of trips.
pub fn pivots_at_once(n: u32, machine: &Machine) -> u32 {
    most_at_once(n, |pivots| trips(n, Team::of(n, machine).lanes, pivots))
}

impl Kernel for Components {
    const TRUSTED: bool = true;

    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        let team = Team::of(p.n, machine);
        [team.overrides(), vec![("WIDTH", (ceiling(p.n) * team.teams).into())]].concat()
    }

    fn grid(p: &Params, members: u32, machine: &Machine) -> [u32; 3] {
        Team::of(p.n, machine).grid(members)
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { matrices: matrix, reach, blocks } = views;
        let n = p.n as usize;
        if !has_zero(matrix, n) {
            if p.first == 0 {
                blocks.copy_from_slice(&blocks_of(matrix, n));
            }
            return;
        }
        if p.first == 0 {
            read_graph(matrix, n, reach);
        }
        close(reach, n, p.first as usize..p.last as usize);
        if p.last == p.n {
            write_blocks(reach, n, blocks);
        }
    }

    fn cost(p: &Params) -> Cost {
        let size = (p.n * p.n) as f64;
        Cost { flops: 0.0, bytes: 4.0 * size }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// Is an entry beside the diagonal 0? If not, there is but one block.
fn has_zero<T: Pod + PartialEq>(matrix: &[T], n: usize) -> bool {
    let zero = T::zeroed();
    matrix.contains(&zero) && (0..n * n).any(|at| at % (n + 1) != 0 && matrix[at] == zero)
}

/// Bit j of row i: is entry (i, j) something else than 0?
fn read_graph<T: Pod + PartialEq>(matrix: &[T], n: usize, reach: &mut [u32]) {
    reach.fill(0);
    let zero = T::zeroed();
    for at in (0..n * n).filter(|&at| matrix[at] != zero) {
        reach[at / n * words(n) + at % n / 32] |= 1 << (at % n % 32);
    }
}

fn reaches(reach: &[u32], n: usize, i: usize, j: usize) -> bool {
    reach[i * words(n) + j / 32] >> (j % 32) & 1 == 1
}

/// Warshall's steps: what reaches the pivot reaches all that the pivot reaches.
fn close(reach: &mut [u32], n: usize, pivots: Range<usize>) {
    let words = words(n);
    for k in pivots {
        for i in (0..n).filter(|&i| i != k) {
            if reaches(reach, n, i, k) {
                (0..words).for_each(|w| reach[i * words + w] |= reach[k * words + w]);
            }
        }
    }
}

/// Orders the indices by their blocks; a block's name is its lowest index.
fn write_blocks(reach: &[u32], n: usize, blocks: &mut [u32]) {
    let both = |i: usize, j: usize| reaches(reach, n, i, j) && reaches(reach, n, j, i);
    let mut order: Vec<[u32; 2]> =
        (0..n).map(|i| [(0..i).find(|&j| both(i, j)).unwrap_or(i) as u32, i as u32]).collect();
    order.sort_unstable();
    blocks.iter_mut().zip(order.iter().flat_map(|&[block, i]| [i, block])).for_each(|(to, from)| *to = from);
}

/// The matrix ordered by its irreducible blocks (`blocks`: index and block for each row), without what couples them.
pub fn arranged<T: Pod>(matrix: &[T], n: usize, blocks: &[u32]) -> Vec<T> {
    let pair = |i: usize| (blocks[2 * i] as usize, blocks[2 * i + 1]);
    let entry = |(i, own): (usize, u32), (j, other): (usize, u32)| {
        if own == other { matrix[i * n + j] } else { T::zeroed() }
    };
    (0..n * n).map(|at| entry(pair(at / n), pair(at % n))).collect()
}

/// Index and block for each row, ordered by blocks.
pub fn blocks_of<T: Pod + PartialEq>(matrix: &[T], n: usize) -> Vec<u32> {
    let mut blocks: Vec<u32> = (0..n as u32).flat_map(|i| [i, 0]).collect();
    if has_zero(matrix, n) {
        let mut reach = vec![0; n * words(n)];
        read_graph(matrix, n, &mut reach);
        close(&mut reach, n, 0..n);
        write_blocks(&reach, n, &mut blocks);
    }
    blocks
}

/// The matrix ordered by its irreducible blocks, without what couples them; as it is where it is but one block.
/// The eigenvalues are the same.
pub fn apart<T: Pod + PartialEq>(matrix: &[T], n: usize) -> Cow<'_, [T]> {
    if !has_zero(matrix, n) {
        return matrix.into();
    }
    let blocks = blocks_of(matrix, n);
    if blocks[2 * n - 1] == 0 { matrix.into() } else { arranged(matrix, n, &blocks).into() }
}

/// A matrix of so many irreducible blocks, coupled one way, in a mixed order; each block is a ring with a few more
/// entries. For parity cases and tests.
pub fn block_triangular(n: usize, blocks: usize, noise: &[f64]) -> Vec<f64> {
    // A step that shares no factor with n visits every index.
    let step = (n / 2 + 1..).find(|step| (2..=n).all(|d| !n.is_multiple_of(d) || !step.is_multiple_of(d))).unwrap_or(1);
    let place = |i: usize| (i * step + 1) % n;
    let block = |i: usize| i * blocks / n;
    let mut matrix = vec![0.0; n * n];
    for (at, &noise) in noise[..n * n].iter().enumerate() {
        let (i, j) = (at / n, at % n);
        let ring = block(i) == block(j) && (j == i + 1 || i == j || j < i && (j == 0 || block(j - 1) != block(j)));
        if ring || block(i) < block(j) {
            matrix[place(i) * n + place(j)] = noise;
        }
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::random::sample;

    /// Against the definition: i and j are in one block if there are paths both ways, found by walking.
    #[test]
    fn blocks_are_what_walks_there_and_back_connect() {
        for (n, blocks) in [(1, 1), (2, 2), (7, 3), (12, 4), (40, 6)] {
            let matrix = block_triangular(n, blocks, &sample(9, n * n));
            let reachable = |from: usize| {
                let (mut seen, mut open) = (vec![false; n], vec![from]);
                seen[from] = true;
                while let Some(i) = open.pop() {
                    for j in (0..n).filter(|&j| matrix[i * n + j] != 0.0) {
                        if !std::mem::replace(&mut seen[j], true) {
                            open.push(j);
                        }
                    }
                }
                seen
            };
            let seen: Vec<_> = (0..n).map(reachable).collect();
            let found = blocks_of(&matrix, n);
            for (a, b) in (0..n * n).map(|at| (at / n, at % n)) {
                let (i, j) = (found[2 * a] as usize, found[2 * b] as usize);
                assert_eq!(found[2 * a + 1] == found[2 * b + 1], i == j || seen[i][j] && seen[j][i], "{n}: {i} {j}");
            }
            let count = found.chunks(2).collect::<Vec<_>>().chunk_by(|a, b| a[1] == b[1]).count();
            assert!(n == 1 || count > 1, "{n} has several blocks");
        }
    }

    #[test]
    fn what_is_one_block_is_left_alone() {
        let untouched = |matrix: &[f64], n| matches!(apart(matrix, n), Cow::Borrowed(_));
        assert!(untouched(&[0.0, 1.0, 2.0, 0.0], 2));
        assert!(untouched(&[0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0], 3));
        assert!(untouched(&[f64::NAN], 1));
        assert_eq!(apart(&[3.0, 5.0, 0.0, 4.0], 2), vec![3.0, 0.0, 0.0, 4.0]);
    }
}
