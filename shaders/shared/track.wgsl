// The record of a column's norm over the steps, shared by the shaders that end a step. They have the bindings `norms`
// [members, now | peak | initial, columns] and `marks` [members, 7 marks, columns], and `params` with
// threshold_exponent and threshold_mantissa. For nonlinear models a grid point with all its tokens is such a column.
// Rows: trajectory.wgsl. CPU twin: src/kernel/shared/trajectory.rs.

// Records the squared norm of one of so many columns after step `step`: its exponent, its peak and when it crossed the
// threshold. `renormalise`: is the next step to divide by a power of two?
fn track(member: u32, column: u32, columns: u32, square: f32, step: u32, renormalise: bool) {
    let norm = member * NORM_ROWS * columns + column;
    let mark = member * MARK_ROWS * columns + column;
    norms[norm + NOW * columns] = square;
    let scale = marks[mark + EXPONENT * columns] + marks[mark + PENDING * columns];
    marks[mark + EXPONENT * columns] = scale;
    marks[mark + PENDING * columns] = 0;
    let exponent = exponent_of(square);
    if exponent <= -127 {
        if marks[mark + COLLAPSE_STEP * columns] == 0 {
            marks[mark + COLLAPSE_STEP * columns] = i32(step);
        }
        return;
    }
    let mantissa = square * power_of_two(-exponent);
    let total = exponent + 2 * scale;
    if larger(total, mantissa, marks[mark + PEAK_EXPONENT * columns], norms[norm + PEAK * columns]) {
        marks[mark + PEAK_EXPONENT * columns] = total;
        norms[norm + PEAK * columns] = mantissa;
        marks[mark + PEAK_STEP * columns] = i32(step);
    }
    let limit = norms[norm + INITIAL * columns] * params.threshold_mantissa;
    let limit_exponent = exponent_of(limit);
    let limit_mantissa = limit * power_of_two(-limit_exponent);
    let crossed = larger(total, mantissa, limit_exponent + params.threshold_exponent, limit_mantissa);
    if marks[mark + CROSSING_STEP * columns] == 0 && crossed {
        marks[mark + CROSSING_STEP * columns] = i32(step);
    }
    if renormalise {
        marks[mark + PENDING * columns] = exponent >> 1u;
    }
}
