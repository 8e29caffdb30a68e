// Counter-based random numbers, bit for bit those of src/numbers/random.rs: Threefry-4x32-20 and normal numbers in fixed point.

fn rotate_left(x: u32, r: u32) -> u32 {
    return (x << r) | (x >> (32u - r));
}

fn threefry_mix_even(x: vec4<u32>, r0: u32, r1: u32) -> vec4<u32> {
    var y = x;
    y.x += y.y;
    y.y = rotate_left(y.y, r0) ^ y.x;
    y.z += y.w;
    y.w = rotate_left(y.w, r1) ^ y.z;
    return y;
}

fn threefry_mix_odd(x: vec4<u32>, r0: u32, r1: u32) -> vec4<u32> {
    var y = x;
    y.x += y.w;
    y.w = rotate_left(y.w, r0) ^ y.x;
    y.z += y.y;
    y.y = rotate_left(y.y, r1) ^ y.z;
    return y;
}

fn threefry(key: vec4<u32>, counter: vec4<u32>) -> vec4<u32> {
    let k4 = 0x1BD11BDAu ^ key.x ^ key.y ^ key.z ^ key.w;
    var x = counter + key;
    x = threefry_mix_even(x, 10u, 26u);
    x = threefry_mix_odd(x, 11u, 21u);
    x = threefry_mix_even(x, 13u, 27u);
    x = threefry_mix_odd(x, 23u, 5u);
    x += vec4<u32>(key.y, key.z, key.w, k4 + 1u);
    x = threefry_mix_even(x, 6u, 20u);
    x = threefry_mix_odd(x, 17u, 11u);
    x = threefry_mix_even(x, 25u, 10u);
    x = threefry_mix_odd(x, 18u, 20u);
    x += vec4<u32>(key.z, key.w, k4, key.x + 2u);
    x = threefry_mix_even(x, 10u, 26u);
    x = threefry_mix_odd(x, 11u, 21u);
    x = threefry_mix_even(x, 13u, 27u);
    x = threefry_mix_odd(x, 23u, 5u);
    x += vec4<u32>(key.w, k4, key.x, key.y + 3u);
    x = threefry_mix_even(x, 6u, 20u);
    x = threefry_mix_odd(x, 17u, 11u);
    x = threefry_mix_even(x, 25u, 10u);
    x = threefry_mix_odd(x, 18u, 20u);
    x += vec4<u32>(k4, key.x, key.y, key.z + 4u);
    x = threefry_mix_even(x, 10u, 26u);
    x = threefry_mix_odd(x, 11u, 21u);
    x = threefry_mix_even(x, 13u, 27u);
    x = threefry_mix_odd(x, 23u, 5u);
    x += vec4<u32>(key.x, key.y, key.z, key.w + 5u);
    return x;
}

// The upper 32 bits of a 64-bit product, from 16-bit halves.
fn multiply_high(a: u32, b: u32) -> u32 {
    let a0 = a & 0xFFFFu;
    let a1 = a >> 16u;
    let b0 = b & 0xFFFFu;
    let b1 = b >> 16u;
    let low = a0 * b0;
    let middle = a1 * b0 + (low >> 16u);
    let cross = a0 * b1 + (middle & 0xFFFFu);
    return a1 * b1 + (middle >> 16u) + (cross >> 16u);
}

// Where the three coefficients of this word's parabola stand in the table of normal quantiles.
fn normal_segment(word: u32) -> u32 {
    let v = (word << 1u) | 1u;
    let octave = countLeadingZeros(v);
    return (octave * 32u + (((v << octave) >> 26u) & 31u)) * 3u;
}

// A standard normal number in units of 2^-21.
fn normal_from_word(word: u32, c0: u32, c1: u32, c2: u32) -> i32 {
    let v = (word << 1u) | 1u;
    let t = (v << countLeadingZeros(v)) << 6u;
    let quantile = c0 - multiply_high(t, c1 - multiply_high(t, c2));
    let magnitude = i32((quantile + 64u) >> 7u);
    return select(magnitude, -magnitude, (word >> 31u) == 1u);
}
