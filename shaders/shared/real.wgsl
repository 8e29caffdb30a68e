// The number type of kernels that run in f32 and in f64. In f64 `real64.wgsl` stands in the place of this file.

alias real = f32;
alias word = u32;
const ULP: f32 = 0x1p-23f;
const MANTISSA: u32 = 23u;
const BIAS: i32 = 127;
