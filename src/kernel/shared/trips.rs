//! The limit on loop trips.
//!
//! lavapipe ends all loops of an invocation, silently, after 65,535 trips in one dispatch. So kernels whose work grows
//! with the size of a matrix are run for a part of it at a time: each counts, from above, the trips that a part takes.

/// The most loop trips of one invocation in one dispatch; [`self_test`](crate::device::self_test) tries whether a device
/// makes them.
pub const MOST_TRIPS: u64 = 60_000;

/// As [`MOST_TRIPS`], for kernels that count what dominates and not every trip.
pub const MOST_COUNTED_TRIPS: u64 = MOST_TRIPS / 3 * 2;

/// The largest of `1..=most` parts that one dispatch may take by [`MOST_TRIPS`], where `trips` counts what so many take;
/// 1 if even a single part takes more.
pub fn most_at_once(most: u32, trips: impl Fn(u32) -> u64) -> u32 {
    (1..=most).rev().find(|&parts| trips(parts) < MOST_TRIPS).unwrap_or(1)
}
