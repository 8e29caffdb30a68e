//! Is there room on the disk for what is to be written?

use crate::error::{Error, Result};
use crate::results::remedies::ROOM_FOR_PARTS;
use std::io::{Error as IoError, ErrorKind};
use std::path::Path;

/// Bytes that are left to others on any disk.
const FLOOR: u64 = 1 << 20;

/// Bytes that this process may still write below a folder; none where the system does not tell.
#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut found = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero, and zeros are a valid value of what statvfs fills in.
    let (answer, found) = unsafe { (libc::statvfs(path.as_ptr(), found.as_mut_ptr()), found.assume_init()) };
    #[allow(clippy::unnecessary_cast, reason = "the types differ from system to system")]
    (answer == 0).then(|| found.f_bavail as u64 * found.f_frsize as u64)
}

#[cfg(not(unix))]
fn free(_folder: &Path) -> Option<u64> {
    None
}

/// What must be free for so many bytes.
fn with_reserve(bytes: u64) -> u64 {
    bytes.saturating_add(bytes / 5).saturating_add(FLOOR)
}

/// Refuses to write so many bytes, `what` they are, where there is no room for them.
///
/// # Errors
/// [`Error::Io`] with both numbers.
pub(super) fn check(folder: &Path, bytes: u64, what: &str) -> Result<()> {
    match free(folder) {
        Some(free) if free < with_reserve(bytes) => {
            let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            let needed = mib(with_reserve(bytes));
            let cause = format!("{what} need {needed:.1} MiB with some to spare, and {:.1} MiB are free", mib(free));
            let source = IoError::new(ErrorKind::StorageFull, cause);
            Err(Error::io(folder, source, ROOM_FOR_PARTS))
        }
        _ => Ok(()),
    }
}
