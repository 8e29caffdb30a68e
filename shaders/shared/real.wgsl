// The number type of kernels that run in f32 and in f64. In f64 `real64.wgsl` stands in the place of this file.

alias real = f32;
alias word = u32;
const ULP = 0x1p-23f;
const MANTISSA = 23u;
const BIAS = 127;
