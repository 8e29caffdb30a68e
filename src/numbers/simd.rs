//! Vector instructions chosen at run time: one source, compiled for each level, with the best one that the
//! processor has called. No build flags are needed.

use std::sync::OnceLock;

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What every processor of the target has.
    Baseline,
    /// AVX2 with fused multiply-add, and the bit counts that came with them: 8 lanes of f32.
    Avx2,
    /// AVX-512: 16 lanes of f32.
    Avx512,
}

impl Level {
    /// For the record.
    pub fn name(self) -> &'static str {
        match self {
            Level::Baseline => std::env::consts::ARCH,
            Level::Avx2 => "avx2+fma",
            Level::Avx512 => "avx512",
        }
    }
}

/// The best level of this processor.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(detect)
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    let fma = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw");
    match (fma, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        (false, _) => Level::Baseline,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Baseline
}

/// Work that is compiled once for each level. `run` must be `#[inline(always)]`, and so must all that it calls and
/// that should use vectors.
pub trait Work {
    /// What it returns.
    type Output;
    /// Does it. `REGISTERS` vectors of `BYTES` bytes are there; `FUSED` says whether `mul_add` is an instruction.
    fn run<const BYTES: usize, const FUSED: bool>(self) -> Self::Output;
}

/// An array made lane by lane. `std::array::from_fn`, `map` and `for_each` are not always inlined, and then run without
/// the caller's vector instructions: with them the linear sweep takes 1.1 times as long, `inverse_lanczos` 2.1 times.
#[inline(always)]
pub fn lanes<T: Copy + Default, const LANES: usize>(make: impl Fn(usize) -> T) -> [T; LANES] {
    let mut made = [T::default(); LANES];
    for (lane, made) in made.iter_mut().enumerate() {
        *made = make(lane);
    }
    made
}

/// Runs `work` with the best instructions of this processor.
#[inline]
pub fn dispatch<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    match level() {
        // SAFETY: `level` found these features on this processor.
        Level::Avx512 => return unsafe { avx512(work) },
        // SAFETY: as above.
        Level::Avx2 => return unsafe { avx2(work) },
        Level::Baseline => {}
    }
    // 64-bit ARM has fused multiply-add in its baseline, other targets may call a slow function for it.
    work.run::<16, { cfg!(target_arch = "aarch64") }>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi1,bmi2,lzcnt")]
fn avx512<W: Work>(work: W) -> W::Output {
    work.run::<64, true>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt")]
fn avx2<W: Work>(work: W) -> W::Output {
    work.run::<32, true>()
}
