// The record of a column's norm over the steps, shared by the shaders that end a step. They have the bindings `norms`
// [members, now | peak | initial, columns] and `events` [members, 3 scales | 4 events, columns], and `params` with
// threshold_exponent and threshold_mantissa. For nonlinear models a grid point with all its tokens is such a column.
// Rows: trajectory.wgsl. CPU twin: src/kernel/shared/trajectory.rs.

// Records the squared norm of one of so many columns after step `step`: its exponent, its peak and when it crossed the
// threshold. `renormalise`: is the next step to divide by a power of two?
fn track(member: u32, column: u32, columns: u32, square: f32, step: u32, renormalise: bool) {
    let norm = member * NORM_ROWS * columns + column;
    let event = member * EVENT_ROWS * columns + column;
    norms[norm + NOW * columns] = square;
    let scale = events[event + EXPONENT * columns] + events[event + PENDING * columns];
    events[event + EXPONENT * columns] = scale;
    events[event + PENDING * columns] = 0;
    let exponent = exponent_of(square);
    if exponent <= -127 {
        if events[event + COLLAPSE_STEP * columns] == 0 {
            events[event + COLLAPSE_STEP * columns] = i32(step);
        }
        return;
    }
    let mantissa = square * power_of_two(-exponent);
    let total = exponent + 2 * scale;
    if larger(total, mantissa, events[event + PEAK_EXPONENT * columns], norms[norm + PEAK * columns]) {
        events[event + PEAK_EXPONENT * columns] = total;
        norms[norm + PEAK * columns] = mantissa;
        events[event + PEAK_STEP * columns] = i32(step);
    }
    let limit = norms[norm + INITIAL * columns] * params.threshold_mantissa;
    let limit_exponent = exponent_of(limit);
    let limit_mantissa = limit * power_of_two(-limit_exponent);
    let crossed = larger(total, mantissa, limit_exponent + params.threshold_exponent, limit_mantissa);
    if events[event + CROSSING_STEP * columns] == 0 && crossed {
        events[event + CROSSING_STEP * columns] = i32(step);
    }
    if renormalise {
        events[event + PENDING * columns] = exponent >> 1u;
    }
}
