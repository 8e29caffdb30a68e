//! What kernels may know of the device that they are compiled for, and how products are laid out on it.

use serde::Serialize;

/// What the runs of a plan are made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// The cores of the host, through the twins.
    Host,
    /// A GPU driver that runs on the CPU: right, but barriers and loads are dear, and dispatches cheap.
    Software,
    /// A GPU.
    Hardware,
}

/// A device as kernels see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// What makes the runs.
    pub processor: Processor,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Bytes of a number: 4, or 8 where kernels run in f64.
    pub real_bytes: u32,
    /// How all products are laid out, if that is not to be decided for each: for measurements.
    pub blocks: Option<Blocks>,
}

impl Machine {
    /// One with the workgroup memory that every adapter has, which computes in f32; the host has no bounds.
    pub fn of(processor: Processor) -> Self {
        let workgroup_bytes = if processor == Processor::Host { u32::MAX } else { 16 << 10 };
        Machine { processor, workgroup_bytes, real_bytes: 4, blocks: None }
    }

    /// The distance from 1 to the next of its numbers: 2^-23 or 2^-52.
    pub fn epsilon(&self) -> f64 {
        if self.real_bytes == 8 { f64::EPSILON } else { f64::from(f32::EPSILON) }
    }

    /// Is it a GPU driver that runs on the CPU?
    pub fn is_software(&self) -> bool {
        self.processor == Processor::Software
    }
}

/// How a product `weights . input` is cut into blocks: the other half of shaders/shared/block.wgsl, which explains the
/// words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Blocks {
    /// Invocations of a workgroup along the rows.
    pub row_lanes: u32,
    /// Invocations of a workgroup along the columns.
    pub column_lanes: u32,
    /// Blocks of 8 rows, not 4.
    pub tall: bool,
    /// Blocks of 8 columns, not 4.
    pub wide: bool,
    /// Do factors pass through workgroup memory?
    pub staged: bool,
}

/// Invocations of a workgroup on hardware, or up to twice as many: two subgroups of 32, or one of 64.
pub const INVOCATIONS: u32 = 64;

/// Invocations of a workgroup on a software driver.
const SUBGROUP: u32 = 8;

/// Terms of a sum of so many that are staged at a time: a divisor, so that none is empty.
pub fn panel(inner: u32) -> u32 {
    [16, 8].into_iter().find(|panel| inner.is_multiple_of(*panel)).unwrap_or(4)
}

impl Blocks {
    /// The layout of a product of so many rows, terms and columns on an adapter.
    ///
    /// A software driver reads storage in blocks of 8 by 8 where the product has so many rows, one subgroup a workgroup:
    /// loads are what costs there, and a barrier costs as much as some hundred of them.
    ///
    /// Hardware stages tiles in blocks of 8 by 8, of 64 by 64 where the product has so many rows, else as many more
    /// columns as make up for them and fit. By counting, at 64 by 64: an invocation reads four vec4 of workgroup memory for
    /// 64 multiply-adds and copies 8 vec4 there for 1,024. Read directly, rows of the weights lie in cache lines of their
    /// own, and a subgroup of 32 waits eight or sixteen times as long for them as for one line. Small states take fewer
    /// row lanes, so that none is idle. On an H100 single linear steps of 1,024 members (n = 64, 256 columns) do 15
    /// TFLOP/s so, a quarter of what it can; [`euler_steps`](crate::kernel::euler_steps) has more subgroups on a
    /// multiprocessor, in blocks of 8 by 4, and does 24. Other layouts of single products were not measured there.
    pub fn of([rows, inner, columns]: [u32; 3], machine: &Machine) -> Blocks {
        if let Some(blocks) = machine.blocks {
            return blocks;
        }
        if machine.is_software() {
            let row_lanes = rows.div_ceil(4).next_power_of_two().min(SUBGROUP);
            let column_lanes = SUBGROUP / row_lanes;
            let (tall, wide) = (rows > 4 * row_lanes, columns > 4 * column_lanes);
            return Blocks { row_lanes, column_lanes, tall, wide, staged: false };
        }
        let row_lanes = rows.div_ceil(8).next_power_of_two().min(8);
        let most = columns.div_ceil(8).next_power_of_two().min(INVOCATIONS / row_lanes);
        let blocks = |column_lanes| Blocks { row_lanes, column_lanes, tall: true, wide: true, staged: true };
        let lanes = std::iter::successors(Some(most), |lanes| Some(lanes / 2)).take_while(|&lanes| lanes > 0);
        let fits = |blocks: &Blocks| blocks.bytes_of_product(inner) <= machine.workgroup_bytes;
        lanes.map(blocks).find(fits).unwrap_or(blocks(1))
    }

    /// Fours of rows of a workgroup's tile.
    pub fn tile_rows(&self) -> u32 {
        self.row_lanes << u32::from(self.tall)
    }

    /// Quads of columns of a workgroup's tile.
    pub fn tile_quads(&self) -> u32 {
        self.column_lanes << u32::from(self.wide)
    }

    /// Bytes of workgroup memory that a product with `inner` terms in each sum takes, partial norms included.
    pub fn bytes_of_product(&self, inner: u32) -> u32 {
        let panels = if self.staged { panel(inner) * (self.tile_rows() + 1 + self.tile_quads()) } else { 2 };
        16 * (panels + self.tile_quads() * self.row_lanes)
    }

    /// Tiles along the rows and the columns.
    pub fn tiles(&self, rows: u32, columns: u32) -> [u32; 2] {
        [rows.div_ceil(4 * self.tile_rows()), columns.div_ceil(4 * self.tile_quads())]
    }

    /// The `override` constants that say so, with panels of so many terms of weights and so many vec4 of input.
    pub fn overrides(&self, panel: u32, input: u32) -> Vec<(&'static str, f64)> {
        vec![
            ("ROW_LANES", self.row_lanes.into()),
            ("COLUMN_LANES", self.column_lanes.into()),
            ("TALL", u8::from(self.tall).into()),
            ("WIDE", u8::from(self.wide).into()),
            ("PANEL", panel.into()),
            ("TILE_ROWS", self.tile_rows().into()),
            ("TILE_QUADS", self.tile_quads().into()),
            ("WEIGHT_ROOM", if self.staged { panel * (self.tile_rows() + 1) } else { 1 }.into()),
            ("INPUT_ROOM", input.into()),
        ]
    }

    /// The `override` constants of a product of matrices in storage, with `inner` terms in each sum.
    pub fn overrides_of_product(&self, inner: u32) -> Vec<(&'static str, f64)> {
        let panel = panel(inner);
        let mut overrides = self.overrides(panel, if self.staged { panel * self.tile_quads() } else { 1 });
        overrides.push(("STAGED", u8::from(self.staged).into()));
        overrides
    }
}

impl std::fmt::Display for Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (rows, columns) = (if self.tall { 8 } else { 4 }, if self.wide { 8 } else { 4 });
        let read = if self.staged { "staged" } else { "direct" };
        write!(f, "{rows} x {columns}, {} x {} lanes, {read}", self.row_lanes, self.column_lanes)
    }
}
