// The record of a column's norm over the steps, shared by the shaders that end a step. They have the bindings `norms`
// [members, now | peak | initial, columns] and `events` [members, 3 scales | 4 events, columns], and `params` with
// threshold_exponent and threshold_mantissa. For nonlinear models a grid point with all its tokens is such a column.
// Rows: trajectory.wgsl. CPU twin: src/kernel/shared/trajectory.rs.
//
// A record is read at once and written at once: one wait for storage instead of one for each comparison. Who makes
// many steps keeps it from step to step.

struct Record {
    square: f32,
    peak: f32,
    initial: f32,
    exponent: i32,
    pending: i32,
    peak_exponent: i32,
    peak_step: i32,
    crossing_step: i32,
    collapse_step: i32,
}

// The record of one of so many columns.
fn record_of(member: u32, column: u32, columns: u32) -> Record {
    let norm = member * NORM_ROWS * columns + column;
    let event = member * EVENT_ROWS * columns + column;
    return Record(
        norms[norm + NOW * columns],
        norms[norm + PEAK * columns],
        norms[norm + INITIAL * columns],
        events[event + EXPONENT * columns],
        events[event + PENDING * columns],
        events[event + PEAK_EXPONENT * columns],
        events[event + PEAK_STEP * columns],
        events[event + CROSSING_STEP * columns],
        events[event + COLLAPSE_STEP * columns],
    );
}

fn keep_record(member: u32, column: u32, columns: u32, record: Record) {
    let norm = member * NORM_ROWS * columns + column;
    let event = member * EVENT_ROWS * columns + column;
    norms[norm + NOW * columns] = record.square;
    norms[norm + PEAK * columns] = record.peak;
    events[event + EXPONENT * columns] = record.exponent;
    events[event + PENDING * columns] = record.pending;
    events[event + PEAK_EXPONENT * columns] = record.peak_exponent;
    events[event + PEAK_STEP * columns] = record.peak_step;
    events[event + CROSSING_STEP * columns] = record.crossing_step;
    events[event + COLLAPSE_STEP * columns] = record.collapse_step;
}

// The record after step `step`, which left such a squared norm: its exponent, its peak and when it crossed the
// threshold. `renormalise`: is the next step to divide by a power of two?
fn tracked(before: Record, square: f32, step: u32, renormalise: bool) -> Record {
    var record = before;
    record.square = square;
    record.exponent += record.pending;
    record.pending = 0;
    let exponent = exponent_of(square);
    if exponent <= -127 {
        record.collapse_step = select(record.collapse_step, i32(step), record.collapse_step == 0);
        return record;
    }
    let mantissa = square * power_of_two(-exponent);
    let total = exponent + 2 * record.exponent;
    if larger(total, mantissa, record.peak_exponent, record.peak) {
        record.peak_exponent = total;
        record.peak = mantissa;
        record.peak_step = i32(step);
    }
    let limit = record.initial * params.threshold_mantissa;
    let limit_exponent = exponent_of(limit);
    let limit_mantissa = limit * power_of_two(-limit_exponent);
    let crossed = larger(total, mantissa, limit_exponent + params.threshold_exponent, limit_mantissa);
    record.crossing_step = select(record.crossing_step, i32(step), record.crossing_step == 0 && crossed);
    record.pending = select(0, exponent >> 1u, renormalise);
    return record;
}

// Records the squared norm of one of so many columns after a step.
fn track(member: u32, column: u32, columns: u32, square: f32, step: u32, renormalise: bool) {
    keep_record(member, column, columns, tracked(record_of(member, column, columns), square, step, renormalise));
}
