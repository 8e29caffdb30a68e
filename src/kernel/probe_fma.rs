//! Multiplies and adds as fast as it can, `x <- a x + b`: the arithmetic ceiling of the bench's roofline.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};

kernel! {
    /// A recurrence of multiply-adds, which measures arithmetic.
    pub struct ProbeFma = probe_fma;
    /// How much is computed.
    params {
        /// Numbers of a member, a multiple of 16.
        length: u32,
        /// Loop trips, each of STEPS steps of the recurrence.
        trips: u32,
        /// Below 1, so that the recurrence settles.
        a: f32,
        /// The fixed point is b / (1 - a).
        b: f32,
    }
    buffers {
        x: write vec4,
    }
}

/// Steps of the recurrence in a loop trip.
const STEPS: usize = 4;

impl Kernel for ProbeFma {
    const TRUSTED: bool = true;

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.length.div_ceil(16 * 64), members, 1]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { x } = views;
        let (a, b) = (T::from_f64(p.a), T::from_f64(p.b));
        dispatch(Chains { x, a, b, steps: STEPS * p.trips as usize });
    }

    fn cost(p: &Params) -> Cost {
        let steps = (STEPS as f64) * p.trips as f64;
        Cost { flops: 2.0 * steps * p.length as f64, bytes: 8.0 * p.length as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The recurrence on all of `x`, as many vectors at a time as hide the latency.
struct Chains<'a, T> {
    x: &'a mut [T],
    a: T,
    b: T,
    steps: usize,
}

impl<T: Real> Work for Chains<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let Chains { x, a, b, steps } = self;
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if FUSED && size_of::<T>() == 4 {
            let (block, (a, b)) = (3 * BYTES, (a.to_f64() as f32, b.to_f64() as f32));
            while done + block <= x.len() {
                let to = x[done..][..block].as_mut_ptr().cast::<f32>();
                // SAFETY: 12 vectors of BYTES / 4 numbers of f32 lie at `to`; FUSED is set only where AVX2 and FMA
                // were found, and 64 bytes only with AVX-512.
                unsafe { if BYTES == 64 { x86::f32x16(to, a, b, steps) } else { x86::f32x8(to, a, b, steps) } }
                done += block;
            }
        }
        for block in x[done..].chunks_mut(16) {
            for _ in 0..steps {
                block.iter_mut().for_each(|x| *x = multiply_add::<T, FUSED>(a, *x, b));
            }
        }
    }
}

/// Twelve vectors in registers: two units with a latency of four to five cycles need ten.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    macro_rules! chains {
        ($name:ident, $lanes:literal, $load:ident, $splat:ident, $fma:ident, $store:ident) => {
            #[inline(always)]
            pub unsafe fn $name(x: *mut f32, a: f32, b: f32, steps: usize) {
                // SAFETY: as the caller promises.
                unsafe {
                    let (a, b) = ($splat(a), $splat(b));
                    let mut chains: [_; 12] = std::array::from_fn(|i| $load(x.add($lanes * i)));
                    for _ in 0..steps {
                        for chain in &mut chains {
                            *chain = $fma(a, *chain, b);
                        }
                    }
                    for (i, chain) in chains.into_iter().enumerate() {
                        $store(x.add($lanes * i), chain);
                    }
                }
            }
        };
    }

    chains!(f32x16, 16, _mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps);
    chains!(f32x8, 8, _mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps);
}
