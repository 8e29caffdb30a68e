//! Manifests of the parts of a sweep, with the hash that they have or the one that they should have.

use super::edits::{edited, edits};
use super::{fuzz, refused};
use eulerscope::results::parts;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

const WORDS: &[&str] = &[
    "null",
    "-1",
    "0",
    "1e300",
    "18446744073709551615",
    "[]",
    "{}",
    "[2,0]",
    "[0,99]",
    ",",
    "\"",
    "true",
    "\"1/8\"",
    "\"0/8\"",
    "\"../x\"",
    "\"\"",
    "4294967296",
];

/// A manifest of four units, of which three are done in two parts and one failed.
fn good() -> Value {
    let file =
        |bytes: &str| json!({ "bytes": bytes.len(), "blake3": blake3::hash(bytes.as_bytes()).to_hex().to_string() });
    json!({
        "eulerscope": "0.1.0", "command": "sweep", "stream_version": 1, "spec": { "width": 3 },
        "device": { "kind": "cpu", "name": "a", "backend": "host", "driver": "b" }, "device_asked_for": "cpu", "units": 4,
        "shard": null,
        "parts": [
            { "units": [0, 2], "files": { "a.parquet": file("a") } },
            { "units": [3, 4], "files": { "b.parquet": file("bb") } },
        ],
        "failed": { "2": "why" },
    })
}

/// With the hash of what it is now.
fn sealed(mut manifest: Value) -> String {
    let hash = blake3::hash(manifest.to_string().as_bytes()).to_hex().to_string();
    if let Some(fields) = manifest.as_object_mut() {
        fields.insert("blake3".to_string(), hash.into());
    }
    manifest.to_string()
}

fn folder_of(results: &Path, manifest: &str) {
    let folder = results.join(parts::FOLDER);
    std::fs::create_dir_all(&folder).expect("made");
    for (name, text) in [("a.parquet", "a"), ("b.parquet", "bb"), ("manifest.json", manifest)] {
        std::fs::write(folder.join(name), text).expect("writable");
    }
}

#[test]
fn manifests_are_read_or_refused() {
    let results = tempfile::tempdir().expect("a folder");
    folder_of(results.path(), &sealed(good()));
    let survey = parts::survey(results.path()).expect("a good manifest");
    assert_eq!((survey.units, survey.done, parts::verify(results.path()).expect("whole")), (4, 3, 2));
    fuzz(600, &(edits(WORDS), any::<bool>()), |(edits, resealed)| {
        let text = edited(good().to_string().as_bytes(), &edits, usize::MAX);
        let text = String::from_utf8_lossy(&text).into_owned();
        let text = match serde_json::from_str::<Value>(&text) {
            // What it says of its size has no meaning with another hash: nobody writes that many units.
            Ok(value) if resealed && value["units"].as_u64().is_none_or(|units| units < 1 << 20) => sealed(value),
            _ => text,
        };
        folder_of(results.path(), &text);
        for error in [parts::survey(results.path()).err(), parts::verify(results.path()).err()].into_iter().flatten() {
            refused(&error, &[4, 7, 9]);
        }
    });
}
