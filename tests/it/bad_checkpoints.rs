//! Trained models that are damaged, as the program meets them: exit code, one line, in a moment, and nothing is written.

use crate::checkpoint::damaged::{Copy, with_header};
use crate::cli_bad_input::{eulerscope, refusal};
use std::path::Path;
use std::time::{Duration, Instant};

const WEIGHTS: &str = "model.safetensors";

/// The line with which a command refuses a model behind the device's, which comes first where only the weights are wrong.
#[track_caller]
fn refused(path: &Path, command: &str, code: i32) -> String {
    let out = path.with_file_name("results");
    let begun = Instant::now();
    let mut program = eulerscope();
    program.args([command, "--device", "cpu", "--quiet", "--token-ids", "1,2,3", "--out"]).arg(&out);
    program.arg("--checkpoint").arg(path);
    let line = refusal(program, code);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}: {line}", begun.elapsed());
    assert!(!out.exists(), "nothing is written: {line}");
    line
}

/// A header with one key more.
fn with_key(bytes: &[u8], entry: &str) -> Vec<u8> {
    with_header(bytes, |header| format!("{},{entry}}}", header.trim_end().trim_end_matches('}').to_owned() + "}"))
}

/// Every number of the data is this one.
fn filled(bytes: &[u8], value: f32) -> Vec<u8> {
    let data = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize + 8;
    let numbers = (bytes.len() - data) / 4;
    [&bytes[..data], &value.to_le_bytes().repeat(numbers)].concat()
}

/// The place of a tensor as a header has it.
fn entry(bytes: &[u8], name: &str) -> String {
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).expect("JSON");
    format!("\"{name}\":{}", header[name])
}

#[test]
fn damaged_weights_are_refused() {
    let copy = Copy::of("gpt2");
    let good = copy.bytes(WEIGHTS);
    let same = |name: &str| entry(&good, name);
    let header = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "is empty"),
        ("shorter than a length", b"1234567".to_vec(), "header too small"),
        ("a header of no bytes", vec![0; 8], "EOF while parsing"),
        ("a header longer than any", [&u64::MAX.to_le_bytes(), &b"{}"[..]].concat(), "header too large"),
        ("a header longer than the file", [&(200_u64 << 20).to_le_bytes(), &b"{}"[..]].concat(), "header too large"),
        ("a list", header("[1,2]"), "invalid JSON in header"),
        ("a hundred thousand brackets", header(&"[".repeat(100_000)), "invalid JSON in header"),
        ("no tensors", header("{}"), "has no tensor \"wte.weight\""),
        ("only a note", header("{\"__metadata__\":{\"a\":\"b\"}}"), "has no tensor \"wte.weight\""),
        ("cut short", good[..good.len() - 4].to_vec(), "not fully covered"),
        ("too long", [&good[..], b"more"].concat(), "not fully covered"),
        (
            "a tensor twice",
            with_key(&good, &same("transformer.wpe.weight")),
            "the key `transformer.wpe.weight` is there twice",
        ),
        (
            "another tensor in its place",
            with_key(&good, &same("transformer.wte.weight").replacen("wte", "extra", 1)),
            "invalid offset for tensor",
        ),
        (
            "a tensor of nothing that shares an offset",
            with_key(&good, "\"extra\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}"),
            "\"extra\" has no place in a model of this configuration",
        ),
        ("a type of no name", with_header(&good, |header| header.replacen("F32", "Q99", 1)), "unknown variant `Q99`"),
        ("eight bits", with_header(&good, |header| header.replacen("F32", "F8_E4M3", 1)), "of F8_E4M3 and shape"),
        (
            "backwards",
            with_header(&good, |header| header.replacen("\"data_offsets\":[0,", "\"data_offsets\":[9999999,", 1)),
            "offset",
        ),
        ("not a number", filled(&good, f32::NAN), "has NaN at number"),
        ("infinite", filled(&good, f32::INFINITY), "has inf at number"),
        ("beyond what states may reach", filled(&good, 3e38), "reaches 2^48"),
    ];
    for (what, bytes, words) in cases {
        copy.write(WEIGHTS, &bytes);
        let line = refused(&copy.path, "spectrum", 4);
        assert!(line.contains(words), "{what}: {line}");
    }
}

/// All of them are valid: nothing is said of a state that is 0 but that it is.
#[test]
fn weights_of_zeros_run() {
    let copy = Copy::of("gpt2");
    let good = copy.bytes(WEIGHTS);
    for value in [0.0, 1e-40] {
        copy.write(WEIGHTS, &filled(&good, value));
        for command in ["spectrum", "sweep"] {
            let mut program = eulerscope();
            program
                .args([command, "--device", "cpu", "--quiet", "--token-ids", "1,2,3", "--checkpoint"])
                .arg(&copy.path);
            let output = program.output().expect("the program starts");
            let (said, words) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
            assert_eq!(output.status.code(), Some(0), "{command} of {value}: {said}");
            assert!(!words.contains("NaN") && !words.contains("inf"), "{command} of {value}: {words}");
        }
    }
    copy.write(WEIGHTS, &filled(&good, 0.0));
    assert!(refused(&copy.path, "lyapunov", 4).contains("are 0, and growth is told relative to the start"));
}

/// Embeddings within what states may reach, which the layers grow beyond it.
#[test]
fn states_that_leave_their_numbers_are_refused_with_the_layer() {
    let copy = Copy::of("gpt2");
    copy.write(WEIGHTS, &filled(&copy.bytes(WEIGHTS), 1e13));
    for command in ["spectrum", "lyapunov"] {
        let line = refused(&copy.path, command, 4);
        assert!(line.contains("reaches 2^48 in layer 0"), "{command}: {line}");
    }
}

/// Links that lead nowhere or in a circle, folders, pipes and devices in the place of each file. A pipe that was opened would
/// wait for a writer that never comes.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let root = tempfile::tempdir().expect("a folder");
    let pipe = root.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let circle = root.path().join("circle");
    std::os::unix::fs::symlink(&circle, &circle).expect("linked");
    let gone = root.path().join("gone");
    for (name, files) in [
        ("gpt2", &["config.json", WEIGHTS][..]),
        ("llama", &["model.safetensors.index.json", "model-00002-of-00004.safetensors"]),
        ("llama.gguf", &[""]),
    ] {
        for file in files {
            for (target, code, words) in [
                (pipe.as_path(), 4, "is a pipe, socket or device"),
                (Path::new("/dev/zero"), 4, "is a pipe, socket or device"),
                (circle.as_path(), 7, "Too many levels of symbolic links"),
                (gone.as_path(), 7, "No such file or directory"),
                (root.path(), 4, if file.is_empty() { "config.json" } else { "is a folder" }),
            ] {
                let copy = Copy::of(name);
                std::fs::remove_file(copy.file(file)).expect("removed");
                std::os::unix::fs::symlink(target, copy.file(file)).expect("linked");
                // A folder in the place of a GGUF file is taken for one with a configuration.
                let code = if file.is_empty() && target == root.path() { 7 } else { code };
                let line = refused(&copy.path, "spectrum", code);
                assert!(line.contains(words), "{name}/{file} as {}: {line}", target.display());
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn texts_that_are_no_files_are_refused_without_waiting() {
    let root = tempfile::tempdir().expect("a folder");
    let pipe = root.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let empty = root.path().join("empty");
    std::fs::write(&empty, " \n").expect("writable");
    let long = root.path().join("long");
    std::fs::write(&long, "a ".repeat((1 << 19) + 1)).expect("writable");
    let bytes = root.path().join("bytes");
    std::fs::write(&bytes, b"a\xff").expect("writable");
    let copy = Copy::of("gpt2");
    for flag in ["--text", "--prompts"] {
        for (file, words) in [
            (pipe.as_path(), "is a pipe, socket or device"),
            (Path::new("/dev/zero"), "is a pipe, socket or device"),
            (root.path(), "is a folder"),
            (empty.as_path(), "has no text"),
            (long.as_path(), "is longer than 1 MiB"),
            (bytes.as_path(), "is not UTF-8"),
        ] {
            let mut program = eulerscope();
            program.args(["spectrum", "--checkpoint"]).arg(&copy.path).arg(flag).arg(file);
            let line = refusal(program, 4);
            assert!(line.contains(words), "{flag} {}: {line}", file.display());
        }
    }
}

/// Token numbers, tokens and tokenizers, with the exit code and what the line must say.
#[test]
fn tokens_that_are_none_are_refused() {
    let copy = Copy::of("gpt2");
    std::fs::create_dir(copy.file("tokenizer.json")).expect("made");
    for (line, code, words) in [
        ("--token-ids 1,,2", 2, "--token-ids"),
        ("--token-ids -1", 2, "-1 is not in 0"),
        ("--token-ids 4294967296", 2, "4294967296 is not in 0"),
        ("--token-ids 60", 4, "there is no token 60"),
        ("--token-ids 1 --tokens 5", 4, "there is no token 5"),
        ("--token-ids 1 --tokens x", 2, "no place"),
        ("--prompt hello", 4, "tokenizer.json: is a folder"),
    ] {
        let mut program = eulerscope();
        program.args(["spectrum", "--device", "cpu", "--quiet", "--checkpoint"]).arg(&copy.path).args(line.split(' '));
        let said = refusal(program, code);
        assert!(said.contains(words), "{line}: {said}");
    }
}

/// The weights are mapped: what happens to a run whose file another program cuts short is a signal, and a line about it.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_cut_short_during_the_run_is_one_line() {
    let copy = Copy::of("gpt2");
    let weights = copy.file(WEIGHTS);
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    program.args(["spectrum", "--device", "software", "--in-process", "--quiet", "--token-ids", "1,2", "--checkpoint"]);
    program.arg(&copy.path).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut run = program.spawn().expect("the program starts");
    // Once it opens its device the header has been read; that takes some tenths of a second, and weights are read behind it.
    let maps = format!("/proc/{}/maps", run.id());
    let path = weights.canonicalize().expect("a path");
    let opens_its_device = || {
        let maps = std::fs::read_to_string(&maps).unwrap_or_default();
        maps.contains(path.to_str().expect("UTF-8")) && maps.contains("libvulkan")
    };
    while !opens_its_device() {
        assert!(run.try_wait().expect("a child").is_none(), "it ended before it opened its device");
    }
    std::fs::OpenOptions::new().write(true).open(&weights).expect("a file").set_len(100).expect("cut short");
    let output = run.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(
        said.starts_with("error: a file became shorter while it was read") && said.matches('\n').count() == 1,
        "{said}"
    );
}
