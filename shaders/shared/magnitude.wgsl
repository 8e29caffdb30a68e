// Magnitudes as a mantissa in [1, 2) and an integer exponent, read from the bits, so that they never overflow.

// floor(log2 x) for x > 0; -127 for 0 and subnormal numbers.
fn exponent_of(x: f32) -> i32 {
    return i32((bitcast<u32>(x) >> 23u) & 0xFFu) - 127;
}

// 2^e for -126 <= e <= 127.
fn power_of_two(e: i32) -> f32 {
    return bitcast<f32>(u32(e + 127) << 23u);
}

// Is a * 2^i larger than b * 2^j, for mantissas a and b in [1, 2) or 0?
fn larger(i: i32, a: f32, j: i32, b: f32) -> bool {
    return i > j || (i == j && a > b);
}
