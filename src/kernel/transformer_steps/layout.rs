//! How a GPU lays out a run of steps.

use super::{MOST_STEPS, Params};
use crate::kernel::Machine;
use crate::kernel::shared::trips::MOST_TRIPS;
use crate::machine::Blocks;

/// Invocations of a workgroup, if a point does not take more: four subgroups of 32, one for each scheduler of a
/// multiprocessor.
const INVOCATIONS: u32 = 128;
/// Invocations that every adapter has.
const MOST_INVOCATIONS: u32 = 256;
/// Terms of a panel of weights at most, and at least if there is another choice.
const PANEL: u32 = 32;
const LEAST_PANEL: u32 = 16;

/// How a GPU lays out a run: a workgroup has all rows of some points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    rows: u32,
    stacked: u32,
    /// Quads of columns of a point.
    point_quads: u32,
    /// Points of a workgroup.
    pub points: u32,
    /// Terms of a panel of weights, a divisor of the rows.
    pub panel: u32,
    /// Heads whose scores have room at a time.
    heads_at_once: u32,
}

impl Layout {
    /// With the most points that fit, and then the longest panels; the smallest one if none fits.
    pub fn of(p: &Params, machine: &Machine) -> Layout {
        let point_quads = p.tokens.div_ceil(4);
        let most = (INVOCATIONS / (p.rows / 4 * point_quads)).clamp(1, p.points);
        let panels = || (4..=PANEL).rev().step_by(4).filter(|panel| p.rows.is_multiple_of(*panel));
        let longest = panels().next().unwrap_or(4);
        let layout = |points, panel| {
            let layout =
                Layout { rows: p.rows, stacked: p.stacked, point_quads, points, panel, heads_at_once: p.heads };
            Layout { heads_at_once: p.heads.min(layout.unit_rows() / (4 * point_quads)), ..layout }
        };
        let all = || (1..=most).rev().flat_map(|points| panels().map(move |panel| layout(points, panel)));
        let fits = |layout: &Layout| layout.bytes() <= machine.workgroup_bytes;
        let long = |layout: &Layout| layout.panel >= LEAST_PANEL.min(longest);
        all().find(|layout| fits(layout) && long(layout)).or_else(|| all().find(fits)).unwrap_or(layout(1, 4))
    }

    /// Invocations along the rows.
    pub fn row_lanes(&self) -> u32 {
        self.rows / 4
    }

    /// Quads of columns of a workgroup.
    pub fn quads(&self) -> u32 {
        self.points * self.point_quads
    }

    /// Rows of the room for the normed state, or for the scores of one head.
    fn unit_rows(&self) -> u32 {
        self.rows.max(4 * self.point_quads)
    }

    /// vec4 of the state's units, behind them queries, keys and values.
    fn input_room(&self) -> u32 {
        (self.unit_rows() + self.stacked) * self.quads()
    }

    /// vec4 of what invocations have of sums over rows, or of the largest scores of a quad of keys.
    fn partial_room(&self) -> u32 {
        self.unit_rows() / 4 * self.quads()
    }

    /// Of workgroup memory: a panel of weights, units, sums with their exponents, a sum and an exponent for each quad,
    /// a word for each point.
    pub fn bytes(&self) -> u32 {
        let vectors = self.panel * (self.row_lanes() + 1) + self.input_room() + self.partial_room();
        16 * vectors + 4 * (self.partial_room() + 2 * self.quads() + self.points)
    }

    /// Is there room on this adapter?
    pub fn fits(&self, machine: &Machine) -> bool {
        self.bytes() <= machine.workgroup_bytes && self.row_lanes() * self.quads() <= MOST_INVOCATIONS
    }

    /// The `override` constants that say so.
    pub fn overrides(&self) -> Vec<(&'static str, f64)> {
        let (row_lanes, column_lanes) = (self.row_lanes(), self.quads());
        let blocks = Blocks { row_lanes, column_lanes, tall: false, wide: false, staged: true };
        let mut overrides = blocks.overrides(self.panel, self.input_room());
        overrides.extend([
            ("POINTS", f64::from(self.points)),
            ("POINT_QUADS", self.point_quads.into()),
            ("HEADS_AT_ONCE", self.heads_at_once.into()),
            ("STACK", (self.unit_rows() * self.quads()).into()),
            ("PARTIAL_ROOM", self.partial_room().into()),
        ]);
        overrides
    }

    /// Steps of a run.
    pub fn steps(&self, p: &Params) -> usize {
        ((MOST_TRIPS / (self.trips(p) + 1)) as usize).min(MOST_STEPS)
    }

    /// Trips of an invocation through its loops in a step, at most.
    pub fn trips(&self, p: &Params) -> u64 {
        let lanes = self.row_lanes() * self.quads();
        let each = |items: u32| u64::from(items.div_ceil(lanes));
        let (rows, panels) = (u64::from(p.rows), u64::from(p.rows / self.panel));
        // Terms, and for each panel the staging.
        let product = rows + panels * (2 + each(self.row_lanes() * self.panel / 4));
        // Each with its loop, and the activation of four rows.
        let products = u64::from(p.stacked.div_ceil(p.rows) + 1 + 2 * p.hidden.div_ceil(p.rows));
        let head_width = p.width / p.heads;
        let items = each(self.heads_at_once * self.point_quads * self.quads());
        let outputs = each(self.heads_at_once * head_width * self.quads());
        let point_quads = u64::from(self.point_quads);
        let scores = items * (u64::from(head_width) + point_quads + 8) + outputs * (point_quads + 2);
        let attention = u64::from(p.heads.div_ceil(self.heads_at_once)) * (scores + 2);
        let sums = u64::from(6 * self.row_lanes()) + each(self.points) * (point_quads + 2);
        products * (product + 6) + attention + sums + each(self.quads()) + 8
    }
}
