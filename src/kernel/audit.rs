//! The audit, the last run of a rollout: counts numbers that are NaN or infinite, by their bits, and signs for the member
//! and the step. WGSL lets an implementation assume that there are no such numbers, so only words tell. Any count but 0 is an
//! internal error, never a data point; any other signature is that of a readback which is not what was asked for.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

/// What a signature is made with: any member of any step has another one, but for chance.
const MAGIC: u32 = 0x4555_4C52;
/// See [`MAGIC`].
const OF_MEMBER: u32 = 0x9E37_79B1;
/// See [`MAGIC`].
const OF_STEP: u32 = 0x85EB_CA77;

/// The signature of a member after a step.
pub fn signature(member: u32, step: u32) -> u32 {
    MAGIC ^ member.wrapping_mul(OF_MEMBER).wrapping_add(step.wrapping_mul(OF_STEP))
}

kernel! {
    /// The count of numbers that are NaN or infinite, and a signature.
    pub struct Audit = audit;
    /// What is looked at.
    params {
        /// Numbers of one member.
        length: u32,
        /// The step that they are after.
        step: u32,
    }
    buffers {
        values: read bits,
        member_ids: read word,
        proof: write word,
    }
}

impl Kernel for Audit {
    fn grid(_p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [1, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { values, member_ids: member, proof } = views;
        proof[0] = values[..p.length as usize].iter().filter(|value| !value.is_finite()).count() as u32;
        proof[1] = signature(member[0], p.step);
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 0.0, bytes: 4.0 * p.length as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
