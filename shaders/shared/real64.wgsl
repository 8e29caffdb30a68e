// The number type of kernels that run in f32 and in f64: what stands in the place of `real.wgsl` in f64.

alias real = f64;
alias word = u64;
const ULP = real(0x1p-52);
const MANTISSA: u32 = 52u;
const BIAS: i32 = 1023;
