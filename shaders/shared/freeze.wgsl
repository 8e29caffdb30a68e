// The freezing of a nonlinear state whose largest magnitude has reached 2^48, shared by the shaders that end its steps.
// They have the record of track.wgsl, with a grid point in the place of a column.
// CPU twin: src/kernel/shared/trajectory.rs.

const DIVERGED_EXPONENT: i32 = 48;

// A magnitude that is too large counts as 0 in sums, which are not used then.
fn bounded(value: f32) -> f32 {
    return select(0.0, value, exponent_of(value) < DIVERGED_EXPONENT);
}

// Marks one of so many points, which diverges in step `step`; it has crossed every threshold then.
fn freeze(member: u32, point: u32, points: u32, step: u32) {
    let event = member * EVENT_ROWS * points + point;
    events[event + DIVERGED_STEP * points] = i32(step);
    if events[event + CROSSING_STEP * points] == 0 {
        events[event + CROSSING_STEP * points] = i32(step);
    }
}
