//! Ends in which nothing more can be done but to say a line: memory that the system does not give, and a mapped file that is
//! cut short while it is read.
//!
//! What was staged in a results folder stays there, as after a kill; the next run in the folder removes it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit codes of a device failure, for the host's memory is the device's, and of a file that cannot be read.
const OUT_OF_MEMORY: i32 = 6;
#[cfg(target_os = "linux")]
const UNREADABLE: i32 = 7;

/// The system's memory. Where there is no more of it the program ends with a line and its exit code: the handler of Rust's
/// library aborts, and prints a backtrace that needs memory too.
pub struct Memory;

// SAFETY: every call is passed on to the system's allocator, which keeps the promises of this trait.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as promised by the caller.
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as promised by the caller.
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as promised by the caller.
        given(unsafe { System.realloc(memory, layout, size) }, size)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(memory, layout) }
    }
}

fn given(memory: *mut u8, bytes: usize) -> *mut u8 {
    if memory.is_null() {
        out_of_memory(bytes);
    }
    memory
}

#[cold]
fn out_of_memory(bytes: usize) -> ! {
    let mut line = [0; 200];
    let mut rest = &mut line[..];
    // Into an array, since nothing can be allocated.
    let _ =
        writeln!(rest, "error: out of memory: the system does not give {bytes} more bytes; lower --chunk or the width");
    let free = rest.len();
    leave(&line[..line.len() - free], OUT_OF_MEMORY)
}

/// Ends the process with a line. Neither allocates nor takes a lock, so it may be called in a signal handler.
fn leave(line: &[u8], code: i32) -> ! {
    static LEAVING: AtomicBool = AtomicBool::new(false);
    if LEAVING.swap(true, Ordering::SeqCst) {
        // Another thread is saying its line.
        loop {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
    }
    #[cfg(unix)]
    // SAFETY: the line is as long as it says, and the process ends.
    unsafe {
        libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len());
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    {
        let _ = std::io::stderr().write_all(line);
        std::process::exit(code)
    }
}

/// From now on a mapped file that is cut short by another program is a line and an exit code, where it was the signal's
/// silent end.
///
/// # Errors
/// If the system does not take the handler.
#[cfg(target_os = "linux")]
pub(super) fn notice_files_cut_short() -> std::io::Result<()> {
    extern "C" fn cut_short(_: libc::c_int) {
        leave(
            b"error: a file became shorter while it was read (SIGBUS); fetch it again, and start once it is whole\n",
            UNREADABLE,
        )
    }
    // SAFETY: zeros are a valid action, of which the handler and its flags are set; the handler calls nothing but `leave`.
    let answer = unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        action.sa_sigaction = cut_short as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_ONSTACK;
        libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut())
    };
    match answer {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}
