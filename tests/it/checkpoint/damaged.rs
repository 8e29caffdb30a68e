//! Files that are cut short, changed or made up: each is refused in one line, and none ends the process.

use super::oracles::data;
use eulerscope::checkpoint::Checkpoint;
use eulerscope::error::Error;
use std::path::{Path, PathBuf};

/// A copy of a tiny model that may be damaged.
pub struct Copy {
    _folder: tempfile::TempDir,
    /// The folder or file.
    pub path: PathBuf,
}

impl Copy {
    /// Of a folder or of a single file.
    pub fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        if data(name).is_dir() {
            std::fs::create_dir(&path).expect("a folder");
            for file in std::fs::read_dir(data(name)).expect("a folder of the tests") {
                let file = file.expect("a file").path();
                std::fs::copy(&file, path.join(file.file_name().expect("a name"))).expect("copied");
            }
        } else {
            std::fs::copy(data(name), &path).expect("copied");
        }
        Copy { _folder: folder, path }
    }

    /// A file of it, or itself.
    pub fn file(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.path.clone() } else { self.path.join(name) }
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).expect("a file")
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        // A new file: one that is mapped must not be cut short.
        std::fs::remove_file(self.file(name)).ok();
        std::fs::write(self.file(name), bytes).expect("written");
    }

    /// Replaces a text that stands in a file, by one that may have another length.
    fn replace(&self, name: &str, from: &str, to: &str) {
        let text = String::from_utf8(self.bytes(name)).expect("text");
        assert!(text.contains(from), "{name} has no {from}");
        self.write(name, text.replace(from, to).as_bytes());
    }

    /// Why it is refused.
    fn refusal(&self) -> String {
        refusal(&self.path).expect("is refused")
    }
}

/// Reads all that there is to read.
pub fn read(path: &Path) -> Result<(), Error> {
    let model = Checkpoint::open(path)?;
    let form = model.architecture().clone();
    (0..form.depth).try_for_each(|layer| model.layer(layer).map(drop))?;
    model.embed(&[0, 1, 2])?;
    model.embedding_norm()?;
    model.final_norm()?;
    if model.final_norm()?.is_some() {
        model.unembedding(0..form.vocabulary)?;
    }
    Ok(())
}

/// The line with which a model is refused, if it is.
fn refusal(path: &Path) -> Option<String> {
    let error = read(path).err()?;
    let line = error.to_string();
    assert_eq!(error.exit_code(), 4, "{line}");
    assert!(!line.contains('\n') && line.len() < 600, "one line: {line}");
    Some(line)
}

/// Safetensors with the header that `change` makes of the good one.
pub fn with_header(bytes: &[u8], change: impl Fn(String) -> String) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize;
    let header = change(String::from_utf8(bytes[8..8 + length].to_vec()).expect("text"));
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[8 + length..]].concat()
}

const WEIGHTS: &str = "model.safetensors";

#[test]
fn files_that_are_cut_short_are_refused() {
    for (name, file) in [("llama.gguf", ""), ("gpt2", WEIGHTS), ("llama", "model-00002-of-00004.safetensors")] {
        let copy = Copy::of(name);
        let good = copy.bytes(file);
        assert_eq!(refusal(&copy.path), None, "{name}");
        for length in (0..300).chain((300..good.len()).step_by(211)).chain(good.len() - 3..good.len()) {
            copy.write(file, &good[..length]);
            let line = refusal(&copy.path).unwrap_or_else(|| panic!("{name} of {length} bytes is read"));
            assert!(line.contains(copy.file(file).to_str().expect("a name")), "{line}");
        }
        copy.write(file, &[&good[..], b"more"].concat());
        // Bytes behind a GGUF file's tensors belong to nobody.
        assert_eq!(refusal(&copy.path).is_some(), name != "llama.gguf");
    }
}

#[test]
fn no_changed_byte_of_a_header_ends_the_process() {
    let header = |bytes: &[u8]| u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize + 8;
    for (name, file) in
        [("llama.gguf", ""), ("bert", WEIGHTS), ("neox", "config.json"), ("llama", "model.safetensors.index.json")]
    {
        let copy = Copy::of(name);
        let good = copy.bytes(file);
        let end = if file == WEIGHTS { header(&good) } else { good.len().min(2600) };
        let mut refused = 0;
        for at in 0..end {
            for change in [0x01, 0x10, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] ^= change;
                copy.write(file, &bytes);
                refused += usize::from(refusal(&copy.path).is_some());
            }
        }
        assert!(refused > end, "{name}: {refused} changes of {end} bytes were noticed");
    }
}

#[test]
fn headers_that_claim_too_much_are_refused() {
    let copy = Copy::of("gpt2");
    let good = copy.bytes(WEIGHTS);
    copy.write(WEIGHTS, &[&u64::MAX.to_le_bytes(), &good[8..]].concat());
    assert!(copy.refusal().contains("header too large"));
    let petabytes = |header: String| header.replacen("[60,16]", "[1125899906842624,16]", 1);
    copy.write(WEIGHTS, &with_header(&good, petabytes));
    assert!(copy.refusal().contains("tensor \"transformer.wte.weight\" of F32 and shape [1125899906842624, 16]"));
    let more_than_words = |header: String| header.replacen("[60,16]", "[9223372036854775807,9223372036854775807]", 1);
    copy.write(WEIGHTS, &with_header(&good, more_than_words));
    assert!(copy.refusal().contains("transformer.wte.weight"));
    copy.write(WEIGHTS, &good);
    copy.replace("config.json", "\"n_layer\": 2", "\"n_layer\": 2000000");
    assert!(copy.refusal().contains("has no tensor \"transformer.h.2.ln_1.weight\""));
    copy.replace("config.json", "\"n_layer\": 2000000", "\"n_layer\": 1e300");
    assert!(copy.refusal().contains("n_layer is 1e+300; 1 to"), "{}", copy.refusal());
}

#[test]
fn headers_of_gguf_that_claim_too_much_are_refused() {
    let copy = Copy::of("llama.gguf");
    let good = copy.bytes("");
    for at in [8, 16] {
        let mut bytes = good.clone();
        bytes[at..at + 8].fill(0xff);
        copy.write("", &bytes);
        assert!(copy.refusal().contains("llama.gguf: "), "{}", copy.refusal());
    }
    // The first axis of the first tensor.
    let name = b"blk.0.attn_norm.weight";
    let at = good.windows(name.len()).position(|window| window == name).expect("is listed") + name.len() + 4;
    for axis in [1_u64 << 50, u64::MAX] {
        let mut bytes = good.clone();
        bytes[at..at + 8].copy_from_slice(&axis.to_le_bytes());
        copy.write("", &bytes);
        assert!(copy.refusal().contains("tensor \"blk.0.attn_norm.weight\""), "{}", copy.refusal());
    }
}

#[test]
fn weights_that_are_not_finite_are_refused_by_name() {
    let copy = Copy::of("gpt2");
    let good = copy.bytes(WEIGHTS);
    for (bits, word) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let mut bytes = good.clone();
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&bits.to_le_bytes());
        copy.write(WEIGHTS, &bytes);
        let line = copy.refusal();
        assert!(
            line.contains("tensor \"transformer.wte.weight\" has") || line.contains("tensor \"transformer."),
            "{line}"
        );
        assert!(line.contains(&format!("has {word} at number")), "{line}");
    }
}

#[test]
fn types_and_shapes_that_are_mislabelled_are_refused_by_name() {
    let copy = Copy::of("gpt2");
    let good = copy.bytes(WEIGHTS);
    copy.write(WEIGHTS, &with_header(&good, |header| header.replacen("F32", "F16", 1)));
    assert!(copy.refusal().contains("of F16 and shape"), "{}", copy.refusal());
    copy.write(WEIGHTS, &with_header(&good, |header| header.replace("F32", "I32")));
    assert!(copy.refusal().contains("has no tensor"), "{}", copy.refusal());
    copy.write(WEIGHTS, &with_header(&good, |header| header.replacen("[16,48]", "[48,16]", 1)));
    assert!(copy.refusal().contains("c_attn.weight\" has shape [48, 16]"), "{}", copy.refusal());
    copy.write(WEIGHTS, &with_header(&good, |header| header.replacen("wpe", "wpx", 1)));
    assert!(copy.refusal().contains("has no tensor \"transformer.wpe.weight\""), "{}", copy.refusal());
    let copy = Copy::of("qwen2");
    copy.replace("config.json", "bfloat16", "float16");
    assert!(copy.refusal().contains("dtype is float16, and the file has weights of type BF16"), "{}", copy.refusal());
}

#[test]
fn shards_that_are_missing_or_misplaced_are_refused() {
    let index = "model.safetensors.index.json";
    let copy = Copy::of("llama");
    copy.replace(index, "model-00003-of-00004.safetensors", "model-00009-of-00004.safetensors");
    assert!(copy.refusal().contains("names \"model-00009-of-00004.safetensors\", which is not there"));
    copy.replace(index, "model-00009-of-00004.safetensors", "../oracle.json");
    assert!(copy.refusal().contains("is no file name"), "{}", copy.refusal());
    copy.replace(index, "../oracle.json", "model-00001-of-00004.safetensors");
    assert!(copy.refusal().contains("and it does not"), "{}", copy.refusal());
    copy.write(index, b"[]");
    assert!(copy.refusal().contains("expected a JSON object"));
    std::fs::remove_file(copy.file(index)).expect("removed");
    assert!(copy.refusal().contains("has no model.safetensors"));
    copy.write("pytorch_model.bin", b"\x80\x02");
    assert!(copy.refusal().contains("pickled weights"));
}
