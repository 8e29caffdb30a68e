// Elementary functions as our own polynomials: built-in ones differ between drivers, and some give NaN for large
// arguments. Coefficients, origins and error bounds: src/numbers/elementary.rs, which has the same formulas.

// e^x for -87 <= x <= 88; beyond, the value at the end.
fn exponential(argument: f32) -> f32 {
    let x = clamp(argument, -87.0, 88.0);
    let n = floor(x * 1.44269504 + 0.5);
    let r = (x - n * 0.693359375) + n * 0.000212194440;
    var p = 1.9875691500e-4;
    p = p * r + 1.3981999507e-3;
    p = p * r + 8.3334519073e-3;
    p = p * r + 4.1665795894e-2;
    p = p * r + 1.6666665459e-1;
    p = p * r + 5.0000001201e-1;
    return ((p * r) * r + r + 1.0) * bitcast<f32>(u32(i32(n) + 127) << 23u);
}

// tanh x.
fn hyperbolic_tangent(argument: f32) -> f32 {
    let x = clamp(argument, -7.90531110763549805, 7.90531110763549805);
    let s = x * x;
    var p = -2.76076847742355e-16;
    p = p * s + 2.00018790482477e-13;
    p = p * s - 8.60467152213735e-11;
    p = p * s + 5.12229709037114e-08;
    p = p * s + 1.48572235717979e-05;
    p = p * s + 6.37261928875436e-04;
    p = p * s + 4.89352455891786e-03;
    var q = 1.19825839466702e-06;
    q = q * s + 1.18534705686654e-04;
    q = q * s + 2.26843463243900e-03;
    q = q * s + 4.89352518554385e-03;
    return x * p / q;
}

// P(0 < N(0, 1) < x), with the sign of x.
fn normal_share(argument: f32) -> f32 {
    let x = clamp(argument, -5.0, 5.0);
    let s = x * x;
    var p = 3.631293541e-03;
    p = p * s + 2.292436175e-02;
    p = p * s + 3.989457786e-01;
    var q = 5.321800245e-08;
    q = q * s - 8.635266568e-06;
    q = q * s + 9.784334106e-04;
    q = q * s + 2.140354179e-02;
    q = q * s + 2.241728008e-01;
    q = q * s + 1.0;
    return x * p / q;
}

// ln x for normal x > 0, from the series of artanh.
fn logarithm(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    // The mantissa lies in [0.75, 1.5): the exponent is that of x / 0.75.
    let e = i32((bits + 0x00400000u) >> 23u) - 127;
    let m = bitcast<f32>(bits - (u32(e) << 23u));
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    let series = 1.0 + s2 * (0.33333333 + s2 * (0.2 + s2 * (0.14285714 + s2 * (0.11111111 + s2 * 0.09090909))));
    return f32(e) * 0.69314718 + 2.0 * s * series;
}
