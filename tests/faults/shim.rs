//! A library that is loaded before the program (LD_PRELOAD) and makes one of its file operations fail, or kills it there.
//!
//! `EULERSCOPE_FAULT` is `K:WHAT`: the K-th operation below the folder `EULERSCOPE_FAULT_DIR` fails with the error number
//! WHAT, or is cut short (`short`, of writes), or kills the program before (`kill`). Operations are the making and opening
//! of files for writing, writes, syncs, renames, and the making and removing of folders and files, in their order. When the
//! program ends without having come to it, `EULERSCOPE_FAULT_COUNT` is the file that says how many there were.

#![allow(unsafe_op_in_unsafe_fn, reason = "every function here is libc's")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn __errno_location() -> *mut c_int;
    fn kill(process: c_int, signal: c_int) -> c_int;
    fn getpid() -> c_int;
    fn readlink(path: *const c_char, buffer: *mut c_char, length: usize) -> isize;
}

/// The next definition of a symbol, which is libc's.
const NEXT: *mut c_void = -1_isize as *mut c_void;
static DONE: AtomicU64 = AtomicU64::new(0);

enum What {
    Fail(c_int),
    Short,
    Kill,
}

struct Fault {
    at: u64,
    what: What,
    folder: String,
}

fn fault() -> Option<&'static Fault> {
    static FAULT: OnceLock<Option<Fault>> = OnceLock::new();
    FAULT
        .get_or_init(|| {
            let text = std::env::var("EULERSCOPE_FAULT").ok()?;
            let (at, what) = text.split_once(':')?;
            let what = match what {
                "short" => What::Short,
                "kill" => What::Kill,
                number => What::Fail(number.parse().ok()?),
            };
            Some(Fault { at: at.parse().ok()?, what, folder: std::env::var("EULERSCOPE_FAULT_DIR").ok()? })
        })
        .as_ref()
}

/// Counts an operation on a path; what is to happen at it, if it is the one.
fn meet(path: &[u8]) -> Option<&'static What> {
    let fault = fault()?;
    if !path.starts_with(fault.folder.as_bytes()) {
        return None;
    }
    if DONE.fetch_add(1, Ordering::SeqCst) + 1 != fault.at {
        return None;
    }
    if let What::Kill = fault.what {
        unsafe { kill(getpid(), 9) };
    }
    Some(&fault.what)
}

fn meet_file(descriptor: c_int) -> Option<&'static What> {
    fault()?;
    let link = format!("/proc/self/fd/{descriptor}\0");
    let mut path = [0_u8; 4096];
    let length = unsafe { readlink(link.as_ptr().cast(), path.as_mut_ptr().cast(), path.len()) };
    if length <= 0 { None } else { meet(&path[..length as usize]) }
}

unsafe fn meet_path(path: *const c_char) -> Option<&'static What> {
    meet(unsafe { CStr::from_ptr(path) }.to_bytes())
}

/// Sets the error number of a failed operation.
fn failed(what: Option<&What>) -> bool {
    if let Some(What::Fail(number)) = what {
        unsafe { *__errno_location() = *number };
        return true;
    }
    false
}

macro_rules! next {
    ($name:literal, $type:ty) => {{
        static FOUND: OnceLock<usize> = OnceLock::new();
        let found = *FOUND.get_or_init(|| unsafe { dlsym(NEXT, concat!($name, "\0").as_ptr().cast()) } as usize);
        unsafe { std::mem::transmute::<usize, $type>(found) }
    }};
}

/// O_WRONLY, O_RDWR, O_CREAT.
const WRITING: c_int = 0o1 | 0o2 | 0o100;

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    if flags & WRITING != 0 && failed(unsafe { meet_path(path) }) {
        return -1;
    }
    next!("open64", unsafe extern "C" fn(*const c_char, c_int, c_uint) -> c_int)(path, flags, mode)
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(file: c_int, bytes: *const c_void, length: usize) -> isize {
    let what = meet_file(file);
    if failed(what) {
        return -1;
    }
    let length = if matches!(what, Some(What::Short)) { length.div_ceil(2) } else { length };
    next!("write", unsafe extern "C" fn(c_int, *const c_void, usize) -> isize)(file, bytes, length)
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(file: c_int) -> c_int {
    if failed(meet_file(file)) {
        return -1;
    }
    next!("fsync", unsafe extern "C" fn(c_int) -> c_int)(file)
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    if failed(unsafe { meet_path(to) }) {
        return -1;
    }
    next!("rename", unsafe extern "C" fn(*const c_char, *const c_char) -> c_int)(from, to)
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: c_uint) -> c_int {
    if failed(unsafe { meet_path(path) }) {
        return -1;
    }
    next!("mkdir", unsafe extern "C" fn(*const c_char, c_uint) -> c_int)(path, mode)
}

/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    if failed(unsafe { meet_path(path) }) {
        return -1;
    }
    next!("unlink", unsafe extern "C" fn(*const c_char) -> c_int)(path)
}

extern "C" fn count() {
    if let Ok(file) = std::env::var("EULERSCOPE_FAULT_COUNT") {
        let _ = std::fs::write(file, DONE.load(Ordering::SeqCst).to_string());
    }
}

/// Run when the program ends.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: extern "C" fn() = count;
