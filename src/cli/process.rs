//! What the program agrees on with the operating system: the signals that stop it, the limits that it meets, its threads.

#[cfg(target_os = "linux")]
use crate::cli::abrupt::notice_files_cut_short;
use crate::cli::streams::remark;
use crate::error::{Error, Result};
use crate::invalid;
use crate::results::dataset;
use std::error::Error as _;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The variable that sets the number of threads, as in every program with rayon.
const THREADS: &str = "RAYON_NUM_THREADS";
/// Threads for each core at most: idle ones look for work in all others, so that thousands of them never come to any.
const MOST_PER_CORE: usize = 8;
/// Threads that any machine may ask for.
const ALWAYS_ALLOWED: usize = 256;

/// The same signal twice so close to each other is one request: `timeout` sends its own to the program, and then to its group.
const SAME_REQUEST: Duration = Duration::from_millis(200);

/// Makes the process fit for work; to be called before any thread is started.
///
/// # Errors
/// [`Error::Invalid`] for a number of threads that no machine has, [`Error::Device`] if the system does not give them.
pub fn prepare() -> Result<()> {
    silence_wayland();
    outlive_file_limits();
    #[cfg(target_os = "linux")]
    if let Err(error) = notice_files_cut_short() {
        log::warn!("a mapped file that is cut short will end the program without a word: {error}");
    }
    start_threads()
}

/// Vulkan drivers load libwayland, which complains on standard error where this variable is missing.
fn silence_wayland() {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: called before any other thread is started.
        unsafe { std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir()) };
    }
}

/// A file that grows beyond `ulimit -f` is to be an error of the write, with its line and its exit code; by default it
/// kills the process.
fn outlive_file_limits() {
    #[cfg(unix)]
    {
        let unread = Arc::new(AtomicBool::new(false));
        if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, unread) {
            log::warn!("a file size limit will end the program: {error}");
        }
    }
}

fn start_threads() -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = (MOST_PER_CORE * cores).max(ALWAYS_ALLOWED);
    let asked = std::env::var_os(THREADS).unwrap_or_default();
    let asked = asked.to_string_lossy();
    let threads = match asked.trim() {
        // 0 is rayon's word for one a core.
        "" => 0,
        number => match number.parse::<usize>() {
            Ok(threads) if threads <= most => threads,
            _ => {
                return invalid!("{THREADS}: `{number}` is not a number of threads up to {most}; unset it or lower it");
            }
        },
    };
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build_global() {
        Err(error) if error.source().is_some() => Err(Error::Device(format!(
            "the CPU path cannot start its threads: {error}; set {THREADS} to a lower number"
        ))),
        // The threads are there, or have been there before.
        _ => Ok(()),
    }
}

/// Set by the first Ctrl-C, hang-up or request to end; the second ends the program. What the caller of the program has
/// ignored stays ignored: hang-ups under `nohup`, Ctrl-C in the background of a script.
pub fn stop_flag(quiet: bool) -> Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let own = flag.clone();
        let mut first: Option<(i32, Instant)> = None;
        let watched = on_stop(move |signal| {
            match first {
                Some((same, at)) if same == signal && at.elapsed() < SAME_REQUEST => return,
                Some(_) => {
                    dataset::abandon();
                    std::process::exit(130);
                }
                None => first = Some((signal, Instant::now())),
            }
            own.store(true, Ordering::SeqCst);
            if !quiet {
                remark("stopping after this chunk and keeping what is done; again to stop now");
            }
        });
        if let Err(error) = watched {
            log::warn!("Ctrl-C will lose what is done: {error}");
        }
        flag
    })
    .clone()
}

/// Calls `act` on a thread of its own for every signal that asks the program to stop, with its number.
#[cfg(unix)]
fn on_stop(mut act: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let heeded = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|&signal| !is_ignored(signal));
    let mut signals = signal_hook::iterator::Signals::new(heeded)?;
    let watch = move || signals.forever().for_each(&mut act);
    std::thread::Builder::new().name("signals".to_string()).spawn(watch).map(drop)
}

#[cfg(not(unix))]
fn on_stop(mut act: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(move || act(0)).map_err(io::Error::other)
}

/// Has the caller of the program ignored this signal?
#[cfg(unix)]
fn is_ignored(signal: libc::c_int) -> bool {
    let mut current = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action sigaction changes nothing and writes the current one, which zeros are a valid value of.
    let (answer, current) =
        unsafe { (libc::sigaction(signal, std::ptr::null(), current.as_mut_ptr()), current.assume_init()) };
    answer == 0 && current.sa_sigaction == libc::SIG_IGN
}
