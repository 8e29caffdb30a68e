//! How the program ends: one line on standard error and a documented exit code, whatever happened.

use crate::cli::flags::said;
use crate::error::{Error, Result};
use std::io::{ErrorKind, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Mutex;

/// The first panic of the process: later ones follow from it.
static FIRST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Runs the program and turns a panic, on whatever thread, into [`Error::Bug`] instead of a backtrace.
pub fn guarded(program: impl FnOnce() -> Result<()>) -> Result<()> {
    panic::set_hook(Box::new(remember));
    match panic::catch_unwind(AssertUnwindSafe(program)) {
        Ok(result) => result,
        Err(_) => {
            let first = FIRST_PANIC.lock().map(|mut first| first.take()).ok().flatten();
            Err(Error::Bug(first.unwrap_or_else(|| "a panic without a message".to_owned())))
        }
    }
}

/// Says an error in one line and gives the exit code. A closed standard output is not worth a word.
pub fn report(result: Result<()>) -> u8 {
    let Err(error) = result else { return 0 };
    if let Error::Io { source, .. } = &error
        && source.kind() == ErrorKind::BrokenPipe
    {
        return 0;
    }
    say(&error);
    error.exit_code()
}

fn say(error: &Error) {
    let line: String = said(error).lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let safe: String = line.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    // When standard error is closed too, the exit code still speaks.
    let _ = writeln!(std::io::stderr(), "error: {safe}");
}

fn remember(information: &PanicHookInfo) {
    let payload = information.payload();
    let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or("a panic without a message");
    leave_if_unwritable(message);
    let place = information.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
    if let Ok(mut first) = FIRST_PANIC.lock() {
        first.get_or_insert(format!("{message}{}", place.unwrap_or_default()));
    }
}

/// `println!` panics when standard output cannot be written. A closed pipe (`| head`) ends the program quietly;
/// a full disk is an input/output error.
fn leave_if_unwritable(message: &str) {
    let Some(cause) = message.strip_prefix("failed printing to stdout: ") else { return };
    if cause.contains("Broken pipe") || cause.contains("os error 232") {
        std::process::exit(0);
    }
    let source = std::io::Error::other(cause.to_owned());
    std::process::exit(report(Err(Error::io("standard output".as_ref(), source, "free some space"))).into());
}
