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

/// Words of a column's record: those of `Record` in `track.wgsl`.
const RECORD_WORDS: u32 = 9;

/// Invocations of a workgroup at most, as many as every adapter has.
const MOST_INVOCATIONS: u32 = 256;

impl Layout {
    /// With the most lanes of columns that fit, in blocks of 8 by 4, and weights that stay if there is still room.
    ///
    /// On an H100 (48 KiB for a workgroup), 1,024 members of 256 columns and 80 steps, milliseconds in this kernel at n =
    /// 64: 7.3 with 32 lanes of columns, 7.9 with 16 in blocks of 8 by 8. With weights that stay, which leaves room for
    /// half as many columns: 9.4 in blocks of 8 by 4, 9.7 of 4 by 8, 11.7 of 8 by 8. With neither: 13.4. So what counts
    /// is how many subgroups share a multiprocessor. At n = 128, 256 members: 8.5 with 8 lanes of columns in blocks of 8
    /// by 4, 8.8 of 4 by 8, 13.5 with 4 of 8 by 8, 15.8 with 2; 16, which are taken, were not measured.
    pub fn of(rows: u32, columns: u32, machine: &Machine) -> Layout {
        let row_lanes = rows.div_ceil(8);
        let room = (MOST_INVOCATIONS / row_lanes).max(1).ilog2();
        let most = columns.div_ceil(4).next_power_of_two().min(1 << room);
        let layout = |(column_lanes, resident)| {
            let blocks = Blocks { row_lanes, column_lanes, tall: true, wide: false, staged: true };
            Layout { rows, blocks, resident }
        };
        let fewer = std::iter::successors(Some(most), |lanes| Some(lanes / 2)).take_while(|&lanes| lanes > 0);
        let all = fewer.flat_map(|lanes| [(lanes, true), (lanes, false)]).map(layout);
        all.into_iter().find(|layout| layout.bytes() <= machine.workgroup_bytes).unwrap_or(layout((1, false)))
    }

    fn panel(&self) -> u32 {
        if self.resident { self.rows } else { panel(self.rows) }
    }

    /// Of workgroup memory: weights, state, partial squares, and the record of each column with its scale.
    fn bytes(&self) -> u32 {
        let (tile_rows, quads) = (self.blocks.tile_rows(), self.blocks.tile_quads());
        16 * (self.panel() * (tile_rows + 1) + quads * (self.rows + self.blocks.row_lanes + RECORD_WORDS + 1))
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
        assert_eq!(lanes(64, 48), (false, 8, 32), "measured");
        assert_eq!(lanes(64, 32), (false, 8, 16));
        assert_eq!(lanes(64, 16), (false, 8, 8));
        assert_eq!(lanes(128, 48), (false, 16, 16));
        assert_eq!(lanes(16, 16), (true, 2, 32));
        assert_eq!(lanes(16, 48), (true, 2, 64));
    }
}
