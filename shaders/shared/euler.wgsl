// What the kernels of the linear Euler step share: four terms of a product, and the record of a column.

// Four terms of four columns.
fn terms(w: vec4<f32>, u0: vec4<f32>, u1: vec4<f32>, u2: vec4<f32>, u3: vec4<f32>) -> vec4<f32> {
    return w.x * u0 + w.y * u1 + w.z * u2 + w.w * u3;
}

// What is known of a column: the rows of norms and marks, see src/kernel/euler_update.rs.
struct Column {
    now: f32,
    peak: f32,
    initial: f32,
    exponent: i32,
    pending: i32,
    peak_exponent: i32,
    peak_step: i32,
    crossing_step: i32,
    collapse_step: i32,
}

// The rules of a record, and which step was made.
struct Rules {
    step: i32,
    renormalise: u32,
    threshold_exponent: i32,
    threshold_mantissa: f32,
}

// The record of a column after a step that gave it this squared norm.
fn recorded(before: Column, square: f32, rules: Rules) -> Column {
    var column = before;
    column.now = square;
    column.exponent = before.exponent + before.pending;
    column.pending = 0;
    let exponent = exponent_of(square);
    if exponent <= -127 {
        column.collapse_step = select(before.collapse_step, rules.step, before.collapse_step == 0);
        return column;
    }
    let mantissa = square * power_of_two(-exponent);
    let total = exponent + 2 * column.exponent;
    if larger(total, mantissa, before.peak_exponent, before.peak) {
        column.peak_exponent = total;
        column.peak = mantissa;
        column.peak_step = rules.step;
    }
    let limit = before.initial * rules.threshold_mantissa;
    let limit_exponent = exponent_of(limit);
    let limit_mantissa = limit * power_of_two(-limit_exponent);
    let crossed = larger(total, mantissa, limit_exponent + rules.threshold_exponent, limit_mantissa);
    if before.crossing_step == 0 && crossed {
        column.crossing_step = rules.step;
    }
    if rules.renormalise != 0u {
        column.pending = exponent >> 1u;
    }
    return column;
}
