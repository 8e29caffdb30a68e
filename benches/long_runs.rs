//! What it costs that nothing is lost: a sweep that keeps its parts beside one that keeps nothing, and a GPU in a process of
//! its own beside one in this process. Times are medians of runs in turns, on the clock and of the processors; what counts are
//! the ratios, on a busy machine those of the processors' time.
//!
//! `cargo bench --bench long_runs`; with the name of a device, `cargo bench --bench long_runs -- gpu`, on that one, and with a
//! number, so many members on the CPU.

use eulerscope::device::Device;
use eulerscope::results::parts::{Origin, Store, Terms};
use eulerscope::spec::SweepSpec;
use eulerscope::sweep::{self, Part, Shapes};
use eulerscope::units::{Afresh, Parts, Units};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of each.
const TURNS: usize = 5;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let (numbers, names): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| word.parse::<usize>().is_ok());
    let device = names.first().map_or("software", |name| name.as_str());
    let spec = sweep_of(numbers.first().and_then(|number| number.parse().ok()).unwrap_or(4096));
    let cpu = Device::open("cpu").expect("always there");
    let keep = |every: f64| {
        let (cpu, spec) = (&cpu, &spec);
        move || in_this_process(cpu, spec, Some(Duration::from_secs_f64(every)))
    };
    let nothing = || in_this_process(&cpu, &spec, None);
    compare("cpu: parts every 10 s", &nothing, &keep(10.0));
    compare("cpu: parts every 2 s", &nothing, &keep(2.0));
    let members = if device == "software" { 256 } else { 16_384 };
    let alone = || program(device, members, &["--in-process"]);
    compare(&format!("{device}: a process of its own"), &alone, &|| program(device, members, &[]));
}

/// The default sweep of so many members.
fn sweep_of(members: usize) -> SweepSpec {
    let mut spec = SweepSpec::default();
    spec.ensemble.members = members;
    spec
}

/// Seconds of a run.
#[derive(Clone, Copy)]
struct Cost {
    clock: f64,
    /// Of all processors: this process and those that it has waited for.
    processors: f64,
}

impl Cost {
    fn of(run: impl FnOnce()) -> Self {
        let (start, before) = (Instant::now(), processor_seconds());
        run();
        Cost { clock: start.elapsed().as_secs_f64(), processors: processor_seconds() - before }
    }
}

#[cfg(unix)]
fn processor_seconds() -> f64 {
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;
    let used = |who| {
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: getrusage writes the usage, which zeros are a valid value of.
        let usage = unsafe {
            libc::getrusage(who, usage.as_mut_ptr());
            usage.assume_init()
        };
        seconds(usage.ru_utime) + seconds(usage.ru_stime)
    };
    used(libc::RUSAGE_SELF) + used(libc::RUSAGE_CHILDREN)
}

#[cfg(not(unix))]
fn processor_seconds() -> f64 {
    f64::NAN
}

fn in_this_process(device: &Device, spec: &SweepSpec, every: Option<Duration>) -> Cost {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |parts: &mut dyn Parts<Part>| {
        sweep::run_parts(device, spec, parts, &|_| 1.0, &mut |_| ControlFlow::Continue(())).expect("it runs")
    };
    Cost::of(|| match every {
        None => drop(run(&mut Afresh)),
        Some(every) => {
            let origin = Origin::of("sweep", spec, &device.description(), "cpu", Shapes::of(device, spec).count());
            let terms = Terms { shard: None, every: Some(every), any_device: false };
            drop(run(&mut Store::begin(folder.path(), origin, &terms).expect("a new folder")));
        }
    })
}

fn program(device: &str, members: usize, more: &[&str]) -> Cost {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    command.args(["sweep", "-q", "--device", device, "--members", &members.to_string()]).args(more);
    Cost::of(|| assert!(command.stdout(Stdio::null()).status().expect("it starts").success()))
}

/// Runs both in turns and says by how much the second takes longer.
fn compare(name: &str, plain: &dyn Fn() -> Cost, kept: &dyn Fn() -> Cost) {
    let pairs: Vec<[Cost; 2]> = (0..TURNS).map(|_| [plain(), kept()]).collect();
    let said = |of: fn(Cost) -> f64| {
        let median = |which: usize| {
            let mut times: Vec<f64> = pairs.iter().map(|pair| of(pair[which])).collect();
            times.sort_by(f64::total_cmp);
            times[TURNS / 2]
        };
        let [plain, kept] = [median(0), median(1)];
        format!("{kept:.2} s beside {plain:.2} s, {:+.1} %", 100.0 * (kept / plain - 1.0))
    };
    println!("{name}: {}; of processors {}", said(|cost| cost.clock), said(|cost| cost.processors));
}
