//! The house rules, and proof that each of them bites.

use eulerscope::device::gpu::check;
use eulerscope::kernel::{Access, Binding, Element, Entry, KERNELS, Part};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Rooms of src/kernel that are no kernels: what all kernels declare, and what several have in common.
const ROOMS: [&str; 2] = ["shared", "signature"];

/// Lines of a file at most.
const MOST_LINES: usize = 400;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder with this ending: path from the root, and text.
fn files(folder: &str, ending: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                let name = path.strip_prefix(root()).expect("below the root").display().to_string();
                found.insert(name, std::fs::read_to_string(&path).expect("text"));
            }
        }
    }
    found
}

fn stems(folder: &str, ending: &str) -> BTreeSet<String> {
    let folder = root().join(folder);
    let entries = std::fs::read_dir(folder).expect("a folder of the project");
    let path = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("readable").path();
    let is = |path: &PathBuf| path.extension().is_some_and(|e| e == ending);
    let stem = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().to_string();
    entries.map(path).filter(is).map(stem).collect()
}

/// The modules that `lib.rs` lists, in its order.
fn river(lib: &str) -> Vec<String> {
    lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).map(str::to_string).collect()
}

/// Uses of a module that is listed below the user's own.
fn against_the_river(river: &[String], files: &BTreeMap<String, String>) -> Vec<String> {
    let place = |name: &str| river.iter().position(|module| module == name);
    let mut found = Vec::new();
    for (file, text) in files {
        let inner = file.strip_prefix("src/").unwrap_or(file);
        let module = Path::new(inner).components().next().expect("a name").as_os_str().to_string_lossy().to_string();
        let Some(own) = place(module.trim_end_matches(".rs")) else { continue };
        for (number, line) in text.lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let name: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if place(&name).is_some_and(|place| place > own) && !line.trim_start().starts_with("//") {
                    found.push(format!("{file}:{}: uses {name}, which lib.rs lists below it", number + 1));
                }
            }
        }
    }
    found
}

#[test]
fn modules_use_only_modules_above_them() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("text");
    let found = against_the_river(&river(&lib), &files("src", "rs"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_use_against_the_river_is_found() {
    let river = ["error", "kernel", "sweep"].map(str::to_string);
    let file = |text: &str| BTreeMap::from([("src/kernel/audit.rs".to_string(), text.to_string())]);
    assert_eq!(against_the_river(&river, &file("use crate::sweep::Cell;")).len(), 1);
    assert!(against_the_river(&river, &file("use crate::error::Error;\n// crate::sweep")).is_empty());
}

/// Files that name `wgpu` outside of the GPU device.
fn naming_wgpu(files: &BTreeMap<String, String>) -> Vec<&String> {
    let allowed = |file: &str| file == "src/device/gpu.rs" || file.starts_with("src/device/gpu/");
    let names = |text: &str| text.lines().any(|line| line.contains("wgpu::") && !line.trim_start().starts_with("//"));
    files.iter().filter(|(file, text)| !allowed(file) && names(text)).map(|(file, _)| file).collect()
}

#[test]
fn only_the_gpu_device_names_wgpu() {
    let files = files("src", "rs");
    assert!(naming_wgpu(&files).is_empty(), "{:?}", naming_wgpu(&files));
    let bad = BTreeMap::from([("src/sweep.rs".to_string(), "let x: wgpu::Device;".to_string())]);
    assert_eq!(naming_wgpu(&bad).len(), 1, "the rule bites");
}

/// Texts with a flag of the command line in a room that does not read or write command lines: such a room names settings
/// (`error::Remedy`), and whoever shows an error calls them by his own names.
fn naming_flags(files: &BTreeMap<String, String>) -> Vec<String> {
    let allowed = |file: &str| ["cli", "jobs", "request"].iter().any(|room| file.starts_with(&format!("src/{room}")));
    let is_flag = |(at, _): (usize, &str), line: &str| {
        line[..at].matches('"').count() % 2 == 1 && line[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
    };
    let names =
        |line: &str| !line.trim_start().starts_with("//") && line.match_indices("--").any(|at| is_flag(at, line));
    let lines = files
        .iter()
        .filter(|(file, _)| !allowed(file))
        .flat_map(|(file, text)| text.lines().enumerate().map(move |(number, line)| (file, number + 1, line)));
    lines.filter(|(.., line)| names(line)).map(|(file, number, _)| format!("{file}:{number}")).collect()
}

#[test]
fn only_the_command_line_names_its_flags() {
    let files = files("src", "rs");
    assert!(naming_flags(&files).is_empty(), "{:?}", naming_flags(&files));
    let bad = |file: &str, text: &str| naming_flags(&BTreeMap::from([(file.to_string(), text.to_string())])).len();
    assert_eq!(bad("src/device.rs", "let x = \"use --device cpu\";"), 1, "the rule bites");
    assert_eq!(bad("src/cli/flags.rs", "let x = \"use --device cpu\";"), 0);
    assert_eq!(bad("src/device.rs", "// \"use --device cpu\"\nlet x = 1 --y;"), 0);
}

/// Functions whose parameters hold a tuple, which does not say what its parts are.
fn taking_tuples(text: &str) -> Vec<&str> {
    let parameters = |from: &str| -> Option<String> {
        let open = from.find('(')?;
        let mut depth = 0;
        let end = from[open..].find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        })?;
        Some(from[open..open + end].to_string())
    };
    let has_tuple = |text: &str| text.split(": (").skip(1).any(|kind| !kind.starts_with("dyn "));
    text.lines()
        .filter(|line| line.trim_start().starts_with("fn ") || line.contains(" fn "))
        .filter(|line| !line.trim_start().starts_with("//"))
        .filter(|line| {
            let from = &text[line.as_ptr() as usize - text.as_ptr() as usize..];
            parameters(from).is_some_and(|own| has_tuple(&own))
        })
        .collect()
}

#[test]
fn functions_take_structs_and_not_tuples() {
    for (file, text) in files("src", "rs") {
        assert!(taking_tuples(&text).is_empty(), "{file}: {:?}", taking_tuples(&text));
    }
    assert_eq!(taking_tuples("fn area(\n    (width, height): (f64, f64),\n) -> f64 {").len(), 1, "the rule bites");
    assert!(taking_tuples("fn ask(stop: &(dyn Fn() -> bool + Sync), x: f64) -> (f64, f64) {").is_empty());
}

#[test]
fn every_kernel_has_one_stem() {
    let listed: BTreeSet<String> = KERNELS.iter().map(|entry| entry.name.to_string()).collect();
    assert_eq!(stems("shaders", "wgsl"), listed, "shaders/*.wgsl and the list in src/kernel.rs");
    let files: BTreeSet<String> =
        stems("src/kernel", "rs").into_iter().filter(|stem| !ROOMS.contains(&&**stem)).collect();
    assert_eq!(files, listed, "src/kernel/*.rs and the list in src/kernel.rs");
    for entry in KERNELS {
        let rust = std::fs::read_to_string(root().join(format!("src/kernel/{}.rs", entry.name))).expect("text");
        let shader = std::fs::read_to_string(root().join(format!("shaders/{}.wgsl", entry.name))).expect("text");
        assert!(rust.contains(&format!(" = {};\n", entry.name)), "{} is declared in its file", entry.name);
        assert!(shader.contains(&format!("src/kernel/{}.rs", entry.name)), "{} names its twin", entry.name);
    }
}

#[test]
fn shaders_say_what_their_rust_halves_say() {
    for entry in KERNELS {
        check(entry).unwrap_or_else(|difference| panic!("{difference}"));
    }
}

/// The kernel of this name with another shader, which keeps the constants of its parts.
fn with_source(good: &Entry, source: &'static str) -> Entry {
    let constants: Vec<_> = good.parts.iter().flat_map(|part| part.constants).copied().collect();
    let part = Part { stem: good.name, source, constants: Box::leak(constants.into_boxed_slice()) };
    Entry { parts: Box::leak(Box::new([part])), ..*good }
}

#[test]
fn a_shader_that_drifts_is_found() {
    let good = KERNELS.iter().find(|entry| entry.name == "save").expect("is listed");
    assert_eq!(check(good), Ok(()));
    let fields = &[("columns", "u32"), ("rows", "u32"), ("row", "u32")];
    assert!(check(&Entry { fields, ..*good }).is_err(), "order of parameters");
    let binding = |name, access, element| Binding { name, access, element };
    let swapped = [
        binding("events", Access::Read, Element::Int),
        binding("norms", Access::Read, Element::Number),
        binding("history", Access::Write, Element::Number),
        binding("history_exponents", Access::Write, Element::Int),
    ];
    assert!(check(&Entry { buffers: Box::leak(Box::new(swapped)), ..*good }).is_err(), "order of buffers");
    assert!(check(&with_source(good, "fn save() {}")).is_err(), "no entry point");
}

#[test]
fn a_constant_that_drifts_is_found() {
    for (kernel, from, to) in [
        ("transformer_steps", "const EPSILON: f32 = 0.00001;", "const EPSILON: f32 = 0.000011;"),
        ("transformer_steps", "const EPSILON: f32 = 0.00001;", "const EPSILON = 0.00001;"),
        ("end_step", "const EVENT_ROWS: u32 = 7u;", "const EVENT_ROWS: u32 = 8u;"),
        ("rescale_tangent", "const LEAST: i32 = -126;", "const LEAST: i32 = -127;"),
        ("project", "const GELU: u32 = 2u;", "const GELUS: u32 = 2u;"),
    ] {
        let good = KERNELS.iter().find(|entry| entry.name == kernel).expect("is listed");
        let source: &'static str = Box::leak(good.source().into_boxed_str());
        assert_eq!(check(&with_source(good, source)), Ok(()), "{kernel}");
        assert_eq!(source.matches(from).count(), 1, "{kernel}: {from}");
        let source: &'static str =
            Box::leak(source.replace(from, to).replace("case GELU:", "case GELUS:").into_boxed_str());
        assert!(check(&with_source(good, source)).is_err(), "{kernel}: {to}");
    }
}

/// Storage bindings whose line does not say their shape.
fn without_shape(shader: &str) -> Vec<&str> {
    let is = |line: &&str| line.contains("var<storage") && !line.contains("// [");
    shader.lines().filter(is).collect()
}

#[test]
fn every_binding_carries_its_shape() {
    for (file, text) in files("shaders", "wgsl") {
        assert!(without_shape(&text).is_empty(), "{file}: {:?}", without_shape(&text));
        let shared = file.starts_with("shaders/shared/");
        assert!(!shared || !text.contains("@group"), "{file}: shared files hold functions only");
    }
    assert_eq!(without_shape("@group(0) @binding(1) var<storage, read> x: array<f32>;").len(), 1, "the rule bites");
}

#[test]
fn files_are_short() {
    let kinds = [("src", "rs"), ("shaders", "wgsl"), ("tests", "rs"), ("tests", "py"), ("src", "js"), ("src", "css")];
    for (file, text) in kinds.into_iter().flat_map(|(folder, ending)| files(folder, ending)) {
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{file} has {lines} lines; split it by concept");
        for word in ["utils", "helpers", "common"] {
            assert!(!file.contains(word), "{file}: a name should say what is in it");
        }
    }
    assert!(root().join("src/main.rs").metadata().is_ok_and(|m| m.len() < 3000), "main.rs stays small");
}

#[test]
fn every_test_file_is_listed() {
    let main = std::fs::read_to_string(root().join("tests/it/main.rs")).expect("text");
    for stem in stems("tests/it", "rs") {
        assert!(stem == "main" || main.contains(&format!("mod {stem};")), "tests/it/main.rs does not list {stem}");
    }
}

#[test]
fn the_readme_maps_every_module() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("text");
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    for module in river(&lib) {
        assert!(readme.contains(&format!("`{module}`")), "README.md does not say what `{module}` is");
    }
}

#[test]
fn nothing_is_left_undone() {
    for (file, text) in files("src", "rs").into_iter().chain(files("shaders", "wgsl")) {
        for word in ["todo!", "unimplemented!", "TODO", "FIXME", "HACK"] {
            assert!(!text.contains(word), "{file} has {word}");
        }
    }
}
