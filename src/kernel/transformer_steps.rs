//! Some Euler steps in a row of the Transformer layer with its norm before f, as that many runs of the separate
//! kernels would make them, and after each of them the record of every grid point's norm as
//! [`end_step`](super::end_step) would leave it. Of what else `end_step` sees nothing is kept.
//!
//! ```text
//! x' <- keep x  + gain W_O [softmax(scale Q^T K) V of each head], Q | K | V = W_QKV norm(x) / sqrt n
//! x  <- keep x' + gain W_2 act(W_1 norm(x') / sqrt n)
//! ```
//!
//! A point that reaches 2^48 keeps the state before that step and is marked; one that is marked stays as it is. The
//! CPU runs the separate kernels' twins, one after the other.
//!
//! # Who takes it
//!
//! - Hardware, for states that fit its workgroup memory: the separate kernels are 8 dispatches a step, each of which
//!   waits for the one before it. With 16 members, width 64, 16 points and 16 tokens that are 8 waits for 0.4 GFLOP,
//!   some microseconds of work for a large GPU; here it is one wait for up to [`MOST_STEPS`] steps. On an H100
//!   (NVIDIA 580.159.04, 26 November 2026) 20 steps of those take 1.8 ms in all, 0.60 of them here; in the separate
//!   kernels 4.7 ms. With members enough to fill a GPU waits do not matter: then it saves the memory that the
//!   separate kernels pass states through, and they read half as much workgroup memory for a multiply-add, in blocks
//!   of 8 by 8. There, too, it is the faster one: 256 members take 10.9 ms in all kernels, in the separate ones 14.1.
//! - Not lavapipe, whose dispatches cost next to nothing and whose barriers are dear: 18 steps of 4 members of that
//!   shape take 0.79 to 1.12 s, in the separate kernels 0.35 to 0.68 s; 1.4 to 2.7 times as long in nine pairs (by
//!   timestamps, two cores of a server with other work).
//! - Not the CPU, which would run the same code.
//!
//! # How a GPU lays it out
//!
//! A workgroup has some grid points of a member with all rows, an invocation 4 rows by 4 columns of the state in
//! registers. By counting, for NVIDIA (48 KiB of workgroup memory, subgroups of 32, four schedulers a multiprocessor):
//!
//! - Workgroup memory holds the normed state (n rows), in whose place come the scores, and queries, keys and values
//!   (3 n rows), in whose place come the heads and n hidden units at a time. So it is 256 bytes for each invocation,
//!   whatever n is, and 128 invocations, a subgroup for each scheduler, take 32 KiB. The FFN's hidden units all at
//!   once would take as much again, the state itself 8 KiB.
//! - With n = 64 and T = 16 a workgroup has 2 points: 32 columns, 16 row lanes by 8. 32 KiB, 8.5 KiB for a panel of 32
//!   terms of the weights, 2.6 KiB for sums: 44,104 bytes. So two are on a multiprocessor with 100 KiB, five on one
//!   with 228 KiB.
//! - Blocks of 8 rows would read three vec4 of workgroup memory for 32 multiply-adds instead of two for 16, but leave
//!   one subgroup for two schedulers at the same memory. A subgroup of 16 row lanes by 2 reads 16 different vec4 of
//!   weights and 2 of units, three wavefronts of 128 bytes, while its 16 multiply-adds take four cycles of the
//!   multiprocessor.
//! - Every product has n terms and tiles of n rows, so no lane is idle in any of them; the last tile of Q | K | V and
//!   of hidden units may be partly empty where n is no multiple of 4.
//! - A step stages all weights from the second-level cache: 192 KiB for each workgroup at n = 64 with an FFN of ratio
//!   4, 32 multiply-adds for each number. Two barriers a panel, 48 of them a step. Nothing is loaded ahead: more than
//!   one workgroup on a multiprocessor must hide that.
//! - A point takes whole quads of columns, so T = 1 leaves three quarters of the lanes without work, T = 5 three
//!   eighths. In return queries never straddle points, and scores are blocks of 4 keys by 4 queries.
//! - Sums have an order that depends on n and T alone, so a point's numbers do not depend on how many lie beside it.
//!
//! The activation is made in a loop over rows: written out for each of them it took SwiftShader's compiler minutes and
//! gigabytes instead of a second.
//!
//! An invocation makes fewer trips through its loops in a run than the [limit](super::shared::trips), which
//! [`steps_at_once`] sees to.

mod case;
mod layout;
mod twin;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::machine::Processor;
use crate::numbers::real::Real;
use crate::spec::NORM_EPSILON;
use layout::Layout;

kernel! {
    /// Some Euler steps of the Transformer layer in one run.
    pub struct TransformerSteps = transformer_steps;
    shared { magnitude, elementary, activation, block, trajectory, track, freeze, tile_attention }
    compared { EPSILON = NORM_EPSILON }
    /// Sizes, padded to multiples of 4 with zeros where nothing else is said, and which steps.
    params {
        /// The width n of the state.
        width: u32,
        /// n, padded.
        rows: u32,
        /// Tokens of a grid point.
        tokens: u32,
        /// Grid points.
        points: u32,
        /// Grid points times tokens, padded.
        columns: u32,
        /// Heads of the attention.
        heads: u32,
        /// Does a token only attend to itself and those before it?
        causal: u32,
        /// Rows of queries, keys and values, 3 n, padded.
        stacked: u32,
        /// Hidden units, padded.
        hidden: u32,
        /// RMSNorm (1) or LayerNorm (0)?
        root_mean_square: u32,
        /// A number of [`kind`](crate::numbers::activation::kind).
        activation: u32,
        /// The number of the first step; what the first of all steps sets in the record is there already.
        first: u32,
        /// Steps of this run, on a GPU at most as many as [`steps_at_once`] says.
        steps: u32,
        /// A point has crossed when its squared norm exceeds `threshold_mantissa * 2^threshold_exponent` times the
        /// initial one.
        threshold_exponent: i32,
        /// Between 1 and 2.
        threshold_mantissa: f32,
        /// The factor on the first projections of the branches.
        projection_scale: f32,
        /// The factor on the scores.
        score_scale: f32,
    }
    buffers {
        query_key_value: read vec4,
        output: read vec4,
        up: read vec4,
        down: read vec4,
        coefficients: read number,
        x: write number,
        norms: write number,
        events: write int,
    }
}

/// Steps of one run at most: beyond, a dispatch costs next to nothing.
pub const MOST_STEPS: usize = 32;

/// The most steps of one run with a state of this shape in the workgroup memory of a GPU; 0: the state does not fit.
fn most_steps(p: &Params, machine: &Machine) -> usize {
    let layout = Layout::of(p, machine);
    if layout.fits(machine) { layout.steps(p) } else { 0 }
}

/// The steps that are best made in one run with a state of this shape; 0 where the separate kernels are better.
pub fn steps_at_once(p: &Params, machine: &Machine) -> usize {
    if machine.processor == Processor::Hardware { most_steps(p, machine) } else { 0 }
}

impl Kernel for TransformerSteps {
    const TRUSTED: bool = true;

    fn fits(p: &Params, machine: &Machine) -> bool {
        machine.processor == Processor::Host || most_steps(p, machine) > 0
    }

    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        let mut overrides = Layout::of(p, machine).overrides();
        overrides.push(("ACTIVATION", p.activation.into()));
        overrides
    }

    fn grid(p: &Params, members: u32, machine: &Machine) -> [u32; 3] {
        [p.points.div_ceil(Layout::of(p, machine).points), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { query_key_value, output, up, down, coefficients, x, norms, events } = views;
        let weights = twin::Weights { query_key_value, output, up, down };
        twin::steps(p, &weights, coefficients, x, twin::Record { norms, events });
    }

    fn cost(p: &Params) -> Cost {
        let (rows, columns, tokens) = (p.rows as f64, p.columns as f64, p.tokens as f64);
        let weights = rows * (p.stacked as f64 + rows + 2.0 * p.hidden as f64);
        let attention = columns * tokens * (4.0 * p.width as f64 + 12.0 * p.heads as f64);
        // Two norms, two updates and the record, by number of the state; the hidden units' activation.
        let others = columns * (24.0 * rows + p.stacked as f64 + p.hidden as f64);
        Cost {
            flops: p.steps as f64 * (2.0 * weights * columns + attention + others),
            bytes: 4.0 * (weights + 2.0 * rows * columns),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::shared::trips::MOST_TRIPS;

    /// Width 64 with 4 heads and an FFN of ratio 4, 16 tokens, 16 points, unless said otherwise.
    fn params(width: u32, tokens: u32, points: u32) -> Params {
        let rows = width.next_multiple_of(4);
        Params {
            width,
            rows,
            tokens,
            points,
            columns: (points * tokens).next_multiple_of(4),
            heads: 4,
            causal: 0,
            stacked: (3 * width).next_multiple_of(4),
            hidden: 4 * rows,
            root_mean_square: 0,
            activation: 2,
            first: 2,
            steps: 1,
            threshold_exponent: 0,
            threshold_mantissa: 1.0,
            projection_scale: 0.125,
            score_scale: 0.25,
        }
    }

    fn hardware(kib: u32) -> Machine {
        Machine { workgroup_bytes: kib << 10, ..Machine::of(Processor::Hardware) }
    }

    #[test]
    fn the_documented_layout_is_the_one_that_is_taken() {
        let layout = Layout::of(&params(64, 16, 16), &hardware(48));
        assert_eq!((layout.points, layout.row_lanes(), layout.quads(), layout.panel), (2, 16, 8, 32));
        assert_eq!(layout.bytes(), 44_104);
        assert_eq!(steps_at_once(&params(64, 16, 16), &hardware(48)), MOST_STEPS);
        // A quarter of that memory has no room for a point.
        assert_eq!(steps_at_once(&params(64, 16, 16), &hardware(12)), 0);
    }

    #[test]
    fn layouts_fit_and_end_their_loops() {
        for (width, tokens) in [(4, 1), (8, 3), (16, 4), (20, 5), (64, 16), (64, 64), (128, 16), (128, 4), (12, 512)] {
            for points in [1, 3, 16, 256] {
                for kib in [16, 32, 48, 100] {
                    let (p, machine) = (params(width, tokens, points), hardware(kib));
                    let layout = Layout::of(&p, &machine);
                    let steps = steps_at_once(&p, &machine);
                    assert_eq!(steps > 0, layout.fits(&machine), "{width} x {tokens}");
                    assert!(steps as u64 * layout.trips(&p) < MOST_TRIPS, "{width} x {tokens}: {steps} steps");
                    assert!(layout.points <= points && p.rows.is_multiple_of(layout.panel), "{layout:?}");
                }
            }
        }
    }

    #[test]
    fn cases_fit_a_software_driver_and_one_has_a_last_group_that_is_partly_empty() {
        let machine = hardware(32);
        let mut partly_empty = false;
        for case in TransformerSteps::cases() {
            let most = most_steps(&case.params, &machine);
            assert!(most >= case.params.steps as usize, "{}: {most} steps", case.name);
            let (points, own) = (case.params.points, Layout::of(&case.params, &machine).points);
            partly_empty |= own > 1 && points > own && !points.is_multiple_of(own);
        }
        assert!(partly_empty);
    }
}
