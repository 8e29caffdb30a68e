//! What it costs that nothing is lost: a sweep that keeps its parts beside one that keeps nothing, and a GPU in a process of
//! its own beside one in this process. Times are medians of runs in turns; what counts are the ratios.
//!
//! `cargo bench --bench long_runs`; with the name of a device, `cargo bench --bench long_runs -- gpu`, on that one.

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
    let device = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or("software".to_string());
    let spec = sweep_of(4096);
    let (cpu, _) = Device::open("cpu").expect("always there");
    let keep = |every: f64| {
        let (cpu, spec) = (&cpu, &spec);
        move || in_this_process(cpu, spec, Some(Duration::from_secs_f64(every)))
    };
    let nothing = || in_this_process(&cpu, &spec, None);
    compare("cpu: parts every 10 s", &nothing, &keep(10.0));
    compare("cpu: parts every 2 s", &nothing, &keep(2.0));
    let members = if device == "software" { 256 } else { 16_384 };
    let alone = || program(&device, members, &["--in-process"]);
    compare(&format!("{device}: a process of its own"), &alone, &|| program(&device, members, &[]));
}

/// The default sweep of so many members.
fn sweep_of(members: usize) -> SweepSpec {
    let mut spec = SweepSpec::default();
    spec.ensemble.members = members;
    spec
}

fn in_this_process(device: &Device, spec: &SweepSpec, every: Option<Duration>) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let start = Instant::now();
    let run = |parts: &mut dyn Parts<Part>| {
        sweep::run_parts(device, spec, parts, &|_| 1.0, &mut |_| ControlFlow::Continue(())).expect("it runs")
    };
    match every {
        None => run(&mut Afresh),
        Some(every) => {
            let origin = Origin::of("sweep", spec, &device.description(), "cpu", Shapes::of(device, spec).count());
            let terms = Terms { shard: None, every, any_device: false };
            run(&mut Store::begin(folder.path(), origin, &terms).expect("a new folder"))
        }
    };
    start.elapsed().as_secs_f64()
}

fn program(device: &str, members: usize, more: &[&str]) -> f64 {
    let start = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    command.args(["sweep", "-q", "--device", device, "--members", &members.to_string()]).args(more);
    assert!(command.stdout(Stdio::null()).status().expect("it starts").success());
    start.elapsed().as_secs_f64()
}

/// Runs both in turns and says by how much the second takes longer.
fn compare(name: &str, plain: &dyn Fn() -> f64, kept: &dyn Fn() -> f64) {
    let pairs: Vec<[f64; 2]> = (0..TURNS).map(|_| [plain(), kept()]).collect();
    let median = |which: usize| {
        let mut times: Vec<f64> = pairs.iter().map(|pair| pair[which]).collect();
        times.sort_by(f64::total_cmp);
        times[TURNS / 2]
    };
    let [plain, kept] = [median(0), median(1)];
    println!("{name}: {kept:.2} s beside {plain:.2} s, {:+.1} %", 100.0 * (kept / plain - 1.0));
}
