//! How a GPU lays out a run of steps.

use crate::machine::{Blocks, INVOCATIONS, Machine, panel};

/// How a GPU lays out a run: a workgroup has all rows of its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    rows: u32,
    pub blocks: Blocks,
    /// Do all weights stay in workgroup memory, and not only a panel at a time?
    resident: bool,
}

impl Layout {
    /// With the most lanes of columns that fit, and weights that stay if that leaves four or more of them.
    pub fn of(rows: u32, columns: u32, machine: &Machine) -> Layout {
        let row_lanes = rows.div_ceil(8);
        let most = columns.div_ceil(8).next_power_of_two().min((INVOCATIONS / row_lanes).max(1).next_power_of_two());
        let lanes = |least: u32| {
            [64, 32, 16, 8, 4, 2, 1].into_iter().filter(move |&lanes| lanes >= least.min(most) && lanes <= most)
        };
        let layout = |resident: bool, column_lanes: u32| {
            let blocks = Blocks { row_lanes, column_lanes, tall: true, wide: true, staged: true };
            Layout { rows, blocks, resident }
        };
        let resident = lanes(4).map(|lanes| layout(true, lanes));
        let staged = lanes(1).map(|lanes| layout(false, lanes));
        let fits = |layout: &Layout| layout.bytes() <= machine.workgroup_bytes;
        resident.chain(staged).find(fits).unwrap_or(layout(false, 1))
    }

    fn panel(&self) -> u32 {
        if self.resident { self.rows } else { panel(self.rows) }
    }

    /// Of workgroup memory: weights, state, partial squares and scales.
    fn bytes(&self) -> u32 {
        let (tile_rows, quads) = (self.blocks.tile_rows(), self.blocks.tile_quads());
        16 * (self.panel() * (tile_rows + 1) + quads * (self.rows + self.blocks.row_lanes + 1))
    }

    pub fn overrides(&self) -> Vec<(&'static str, f64)> {
        let state = self.rows * self.blocks.tile_quads();
        let mut overrides = self.blocks.overrides(self.panel(), state);
        overrides.push(("RESIDENT", u8::from(self.resident).into()));
        overrides
    }
}

/// May a state of so many rows stay in the workgroup memory of an adapter?
pub fn fits(rows: u32, machine: &Machine) -> bool {
    rows <= 8 * INVOCATIONS && Layout::of(rows, 4, machine).bytes() <= machine.workgroup_bytes
}

/// The blocks of a run.
pub fn blocks(rows: u32, columns: u32, machine: &Machine) -> Blocks {
    Layout::of(rows, columns, machine).blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::shared::trips::MOST_TRIPS;
    use crate::machine::Processor;

    fn layout(rows: u32, columns: u32, workgroup_bytes: u32) -> Layout {
        Layout::of(rows, columns, &Machine { workgroup_bytes, ..Machine::of(Processor::Hardware) })
    }

    #[test]
    fn a_layout_has_all_rows_and_keeps_within_the_limits() {
        for (rows, kib) in (4..=512).step_by(4).flat_map(|rows: u32| [16, 32, 48].map(|kib: u32| (rows, kib))) {
            let machine = Machine { workgroup_bytes: kib << 10, ..Machine::of(Processor::Hardware) };
            if !fits(rows, &machine) {
                assert!(rows > 128, "{rows} rows in {kib} KiB");
                continue;
            }
            for columns in [4, 20, 256] {
                let layout = layout(rows, columns, kib << 10);
                assert!(layout.bytes() <= kib << 10, "{rows} rows, {columns} columns, {kib} KiB: {layout:?}");
                assert!(layout.blocks.row_lanes * layout.blocks.column_lanes <= 256, "{layout:?}");
                assert_eq!(layout.blocks.tiles(rows, columns)[0], 1, "{layout:?}");
                assert_eq!(rows % layout.panel(), 0, "{layout:?}");
            }
        }
    }

    /// An upper bound of the loop trips of one invocation.
    fn trips(layout: &Layout) -> u32 {
        let (blocks, panels) = (layout.blocks, layout.rows / layout.panel());
        let invocations = blocks.row_lanes * blocks.column_lanes;
        let staging = (blocks.tile_rows() * (layout.panel() / 4)).div_ceil(invocations);
        let columns = (4 * blocks.tile_quads()).div_ceil(invocations);
        let step = panels * (1 + staging + layout.panel() / 4) + 2 + columns * (1 + blocks.row_lanes);
        let state = (layout.rows * blocks.tile_quads()).div_ceil(invocations);
        2 * state + columns + staging + super::super::STEPS as u32 * (1 + step)
    }

    #[test]
    fn no_invocation_makes_too_many_trips() {
        for (rows, kib) in (4..=512).step_by(4).flat_map(|rows: u32| [16, 32, 48].map(|kib: u32| (rows, kib))) {
            let layout = layout(rows, 256, kib << 10);
            assert!(u64::from(trips(&layout)) < MOST_TRIPS, "{layout:?} makes {} trips", trips(&layout));
        }
    }

    #[test]
    fn weights_stay_where_there_is_room() {
        let lanes = |rows: u32, kib: u32| {
            let layout = layout(rows, 256, kib << 10);
            (layout.resident, layout.blocks.row_lanes, layout.blocks.column_lanes)
        };
        assert_eq!(lanes(64, 48), (true, 8, 8));
        assert_eq!(lanes(64, 32), (true, 8, 4));
        assert_eq!(lanes(64, 16), (false, 8, 4));
        assert_eq!(lanes(128, 48), (false, 16, 4));
        assert_eq!(lanes(16, 16), (true, 2, 16));
        assert_eq!(lanes(16, 48), (true, 2, 32));
    }
}
