// Rows of the buffers `norms` and `events` of a trajectory, which src/kernel/shared/trajectory.rs explains.

const NOW: u32 = 0u;
const PEAK: u32 = 1u;
const INITIAL: u32 = 2u;
const NORM_ROWS: u32 = 3u;
const EXPONENT: u32 = 0u;
const PENDING: u32 = 1u;
const PEAK_EXPONENT: u32 = 2u;
const PEAK_STEP: u32 = 3u;
const CROSSING_STEP: u32 = 4u;
const COLLAPSE_STEP: u32 = 5u;
const DIVERGED_STEP: u32 = 6u;
const EVENT_ROWS: u32 = 7u;
