//! How much work is about half a second: a guess for each kind of device, good to a factor of a few.

use crate::machine::Processor;

/// Flops plus bytes that a core of the host gets through in about half a second.
const OF_A_CORE: f64 = 3e10;
/// The same of a GPU driver that runs on the CPU.
const OF_SOFTWARE: f64 = 4e9;
/// The same of a GPU.
const OF_HARDWARE: f64 = 4e12;

/// Members of so much work each that are about half a second; on the host a whole number for each thread.
pub(super) fn members_of_half_a_second(processor: Processor, work: f64) -> usize {
    let threads = match processor {
        Processor::Host => rayon::current_num_threads(),
        Processor::Software | Processor::Hardware => 1,
    };
    let of_a_thread = match processor {
        Processor::Host => OF_A_CORE,
        Processor::Software => OF_SOFTWARE,
        Processor::Hardware => OF_HARDWARE,
    };
    let members = (of_a_thread * threads as f64 / work.max(1.0)) as usize;
    members.max(1).next_multiple_of(threads)
}

/// Flops of a trial that is over in about half a second, whatever else it does.
pub(super) fn flops_of_a_trial(processor: Processor) -> f64 {
    match processor {
        Processor::Host | Processor::Software => 1.5e10,
        Processor::Hardware => 3e11,
    }
}
