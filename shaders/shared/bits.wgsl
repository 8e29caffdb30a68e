// Exponents of a `real`, read from its bits.

// floor(log2 x) for x > 0; 1 less than the smallest exponent for 0 and subnormal numbers.
fn exponent_of(x: real) -> i32 {
    return i32(u32((bitcast<word>(x) << 1u) >> (MANTISSA + 1u))) - BIAS;
}

// 2^e for 1 - BIAS <= e <= BIAS.
fn power_of_two(e: i32) -> real {
    return bitcast<real>(word(u32(e + BIAS)) << MANTISSA);
}
