//! The parts of a run that was cut off: a manifest and tables, changed at any place.

use super::edits::{Edit, edited, edits};
use super::{fuzz, refused};
use eulerscope::device::Device;
use eulerscope::results::parts::{self, Origin, Store, Terms, Together};
use eulerscope::spec::{Grid, SweepSpec};
use eulerscope::sweep::{self, Shapes};
use eulerscope::units::Units;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

const TERMS: Terms = Terms { shard: None, every: Some(Duration::ZERO), any_device: false };

struct Run {
    device: Device,
    spec: SweepSpec,
    origin: Origin,
}

impl Run {
    /// Two blocks of members.
    fn new() -> Self {
        let device = Device::open("reference").expect("always there");
        let mut spec = SweepSpec { depth: 2, ..SweepSpec::default() };
        (spec.ensemble.members, spec.ensemble.width) = (260, 2);
        let grid = |text| Grid::parse(text).expect("a grid");
        (spec.step_size, spec.radius, spec.damping) = (grid("0.5,1"), grid("1"), grid("0"));
        let origin = Origin::of("sweep", &spec, &device.description(), "reference", Shapes::of(&device, &spec).count());
        Run { device, spec, origin }
    }

    /// Works on what is left; what is reported then.
    fn work(&self, store: &mut Store) -> eulerscope::error::Result<String> {
        let go_on = &mut |_: f64| ControlFlow::Continue(());
        let results = sweep::run_parts(&self.device, &self.spec, store, &|_| 1.0, go_on)?;
        Ok(format!("{:?} {:?}", results[0].sweep.cells, results[0].sweep.members))
    }

    fn resume(&self, folder: &Path) -> eulerscope::error::Result<Option<Store>> {
        Store::resume(folder, self.origin.clone(), &TERMS, &mut |_| {})
    }
}

/// The files of a folder of parts.
fn files(folder: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder.join(parts::FOLDER)).expect("there").flatten();
    let mut all: Vec<PathBuf> = listing.map(|found| found.path()).filter(|path| path.is_file()).collect();
    all.sort();
    all
}

/// Whatever is changed, a run that goes on ends with the same numbers, or is refused.
#[test]
fn changed_parts_are_worked_out_again_or_refused() {
    let (run, folder) = (Run::new(), tempfile::tempdir().expect("a folder"));
    let mut store = Store::begin(folder.path(), run.origin.clone(), &TERMS).expect("a new folder");
    let gold = run.work(&mut store).expect("it runs");
    let whole: Vec<(PathBuf, Vec<u8>)> =
        files(folder.path()).into_iter().map(|path| (path.clone(), fs::read(path).expect("there"))).collect();
    assert_eq!(whole.len(), 2 + 2 * 2 + 1, "two manifests, and tables of two units, of which one has spectra");
    let words = &["\"units\"", "[", "{}", "null", "0", "18446744073709551615", ".parquet", "PAR1"];
    fuzz(150, &(any::<Index>(), edits(words)), |(which, edits): (Index, Vec<Edit>)| {
        for (path, bytes) in &whole {
            fs::write(path, bytes).expect("writable");
        }
        let (path, bytes) = &whole[which.index(whole.len())];
        fs::write(path, edited(bytes, &edits, usize::MAX)).expect("writable");
        let _ = parts::survey(folder.path());
        let _ = parts::verify(folder.path());
        match run.resume(folder.path()) {
            Ok(store) => assert!(run.work(&mut store.expect("there is one")).expect("it runs") == gold),
            Err(error) => refused(&error, &[8, 9]),
        }
    });
}

/// A manifest with another content and the hash of that: nobody who wrote it meant well, and nothing panics.
#[test]
fn manifests_that_lie_are_refused() {
    let (run, folder) = (Run::new(), tempfile::tempdir().expect("a folder"));
    let mut store = Store::begin(folder.path(), run.origin.clone(), &TERMS).expect("a new folder");
    run.work(&mut store).expect("it runs");
    let path = folder.path().join(parts::FOLDER).join("manifest.json");
    let good = fs::read(&path).expect("there");
    let words = &["\"units\":", "[0,2]", "[0,1]", "\"shard\":\"1/2\"", "{}", "null", "1e9", "-1", "../x", "000000"];
    fuzz(300, &edits(words), |edits: Vec<Edit>| {
        let text = edited(&good, &edits, usize::MAX);
        let Ok(Value::Object(mut whole)) = serde_json::from_slice(&text) else { return };
        whole.shift_remove("blake3");
        let hash = blake3::hash(Value::Object(whole.clone()).to_string().as_bytes()).to_hex().to_string();
        whole.insert("blake3".to_string(), Value::String(hash));
        fs::write(&path, Value::Object(whole).to_string()).expect("writable");
        let surveyed = parts::survey(folder.path()).map(drop);
        let merged = Together::open(&[folder.path().to_path_buf()]).map(drop);
        let resumed =
            run.resume(folder.path()).and_then(|store| store.map_or(Ok(()), |mut own| run.work(&mut own).map(drop)));
        for error in [surveyed, merged, resumed].into_iter().filter_map(Result::err) {
            refused(&error, &[4, 7, 8, 9]);
        }
    });
}
