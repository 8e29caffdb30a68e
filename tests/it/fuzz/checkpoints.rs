//! Trained models: headers of safetensors and GGUF, configurations, lists of shards, tokenizers.

use super::edits::{Edit, edited, edits};
use super::{fuzz, refused};
use crate::checkpoint::damaged::{Copy, read, with_header};
use eulerscope::checkpoint::Checkpoint;
use proptest::prelude::*;

const WORDS: &[&str] = &[
    "\"F32\"",
    "\"F64\"",
    "\"BF16\"",
    "\"F8_E4M3\"",
    "[0]",
    "[]",
    "[0,0]",
    "[18446744073709551615,2]",
    "{",
    "}",
    "\"",
    "null",
    "-1",
    "0",
    "1e300",
    "2097152",
    "4294967296",
    ",",
    ":",
    "\"data_offsets\":[0,64]",
    "\"__metadata__\":{}",
    "true",
    "\u{0}",
    "\"rope_scaling\":{\"rope_type\":\"llama3\"},",
    "\"hidden_act\":\"silu\",",
    "llama",
    "qwen2.",
    "\\u0000",
];

fn check(copy: &Copy, file: &str, bytes: &[u8]) {
    copy.write(file, bytes);
    if let Err(error) = read(&copy.path) {
        refused(&error, &[4]);
    }
}

fn header_end(bytes: &[u8]) -> usize {
    u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize + 8
}

#[test]
fn safetensors_are_read_or_refused() {
    for name in ["gpt2", "bert"] {
        let copy = Copy::of(name);
        let good = copy.bytes("model.safetensors");
        let end = header_end(&good);
        // With the length of the header as it was, and with the one that it has now.
        fuzz(300, &(edits(WORDS), any::<bool>()), |(edits, fitting): (Vec<Edit>, bool)| {
            let bytes = match fitting {
                false => edited(&good, &edits, end),
                true => with_header(&good, |header| {
                    String::from_utf8_lossy(&edited(header.as_bytes(), &edits, usize::MAX)).into_owned()
                }),
            };
            copy.write("model.safetensors", &bytes);
            match read(&copy.path) {
                Ok(()) => assert_eq!(flaw(&bytes), None, "it was read"),
                Err(error) => refused(&error, &[4]),
            }
        });
        assert_eq!(flaw(&good), None);
        let twice = with_header(&good, |header| header.replacen('{', "{\"a\":{},\"\\u0061\":{},", 1));
        assert_eq!(flaw(&twice).as_deref(), Some("a is there twice"));
    }
}

/// What is wrong with a safetensors file, by a reader of its own: a key twice, or tensors that do not fill the data one after
/// the other.
fn flaw(bytes: &[u8]) -> Option<String> {
    let end = header_end(bytes);
    let header = std::str::from_utf8(&bytes[8..end]).expect("text");
    let mut keys = keys(header);
    keys.sort();
    if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        return Some(format!("{} is there twice", pair[0]));
    }
    let header: serde_json::Value = serde_json::from_str(header).expect("JSON");
    let tensors = header.as_object().expect("an object").iter().filter(|(name, _)| *name != "__metadata__");
    let mut ranges = Vec::new();
    for (name, tensor) in tensors {
        let numbers = |key: &str| -> Vec<u64> {
            tensor[key].as_array().into_iter().flatten().map(|x| x.as_u64().expect("a size")).collect()
        };
        let size = match tensor["dtype"].as_str().expect("a type") {
            "F32" | "I32" | "U32" => 4,
            "F16" | "BF16" | "I16" | "U16" => 2,
            "BOOL" | "U8" | "I8" => 1,
            _ => 8,
        };
        let range = numbers("data_offsets");
        if range[1] - range[0] != numbers("shape").iter().product::<u64>() * size {
            return Some(format!("{name} has not the bytes of its shape"));
        }
        ranges.push((range[0], range[1]));
    }
    ranges.sort_unstable();
    let all = ranges.iter().try_fold(0, |from, range| (range.0 == from).then_some(range.1));
    (all != Some((bytes.len() - end) as u64)).then(|| "tensors do not fill the data".to_owned())
}

/// The keys of the outermost object, in their order, as a reader of JSON understands them.
fn keys(json: &str) -> Vec<String> {
    let (mut keys, mut depth, mut start, mut last) = (Vec::new(), 0, None, None);
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate() {
        match (start, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(from), b'"') => (start, last) = (None, Some(&json[from..=at])),
            (Some(_), _) => {}
            (None, b'"') => start = Some(at),
            (None, b'{' | b'[') => depth += 1,
            (None, b'}' | b']') => depth -= 1,
            (None, b':') if depth == 1 => keys.extend(last.map(|text| serde_json::from_str(text).expect("a string"))),
            _ => {}
        }
    }
    keys
}

#[test]
fn documents_beside_the_weights_are_read_or_refused() {
    for (name, file) in [
        ("gpt2", "config.json"),
        ("llama_scaled", "config.json"),
        ("neox", "config.json"),
        ("bert", "config.json"),
        ("llama", "model.safetensors.index.json"),
    ] {
        let copy = Copy::of(name);
        let good = copy.bytes(file);
        fuzz(200, &edits(WORDS), |edits| check(&copy, file, &edited(&good, &edits, usize::MAX)));
    }
}

#[test]
fn gguf_is_read_or_refused() {
    let copy = Copy::of("llama.gguf");
    let good = copy.bytes("");
    let end = good.windows(6).rposition(|window| window == b"weight").expect("tensors are listed") + 40;
    fuzz(600, &edits(WORDS), |edits| check(&copy, "", &edited(&good, &edits, end)));
}

/// A small one, of every part that the program knows.
const TOKENIZER: &str = r#"{"version":"1.0","truncation":null,"padding":null,
"added_tokens":[{"id":0,"content":"<s>","special":true,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false}],
"normalizer":{"type":"NFC"},
"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\p{N}{1,3}| ?\\p{L}+|\\s+(?!\\S)"},
"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]},
"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}},
"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},
"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,
"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,
"vocab":{"<s>":0,"a":1,"b":2,"ab":3,"Ġ":4,"Ġa":5,"Ã":6,"©":7},"merges":[["a","b"],["Ġ","a"]]}}"#;

#[test]
fn tokenizers_are_read_or_refused() {
    const WORDS: &[&str] = &[
        "\"type\":\"WordPiece\"",
        "\"type\":\"Unigram\"",
        "\"type\":\"WordLevel\"",
        "null",
        "0",
        "99",
        "-1",
        "4294967296",
        "[]",
        "{}",
        "\"\"",
        "(((",
        ")*",
        "{1,1000}",
        "\\\\p{Q}",
        "true",
        "\"a\"",
        "\"unk_token\":\"zz\",",
        "\"dropout\":2,",
        ",",
        "}",
        "]",
        "\"type\":\"Metaspace\"",
        "\"type\":\"Replace\"",
        "\"behavior\":\"Removed\"",
        "0.5",
        "1e999",
    ];
    let copy = Copy::of("gpt2");
    copy.write("tokenizer.json", TOKENIZER.as_bytes());
    let model = Checkpoint::open(&copy.path).expect("a good model");
    assert_eq!(model.encode("ab a").expect("a good tokenizer"), [0, 3, 5]);
    fuzz(800, &(edits(WORDS), "[ab é0-9 ]{0,12}"), |(edits, text)| {
        copy.write("tokenizer.json", &edited(TOKENIZER.as_bytes(), &edits, usize::MAX));
        let model = Checkpoint::open(&copy.path).expect("a good model");
        match model.encode(&text) {
            Ok(ids) => drop(model.decode(&ids).map_err(|error| refused(&error, &[4]))),
            Err(error) => refused(&error, &[4]),
        }
    });
}

/// Found by the target above: the tokenizers' crate panics at some of these.
#[test]
fn a_tokenizer_that_is_cut_short_is_refused() {
    let copy = Copy::of("gpt2");
    for length in 0..TOKENIZER.len() {
        copy.write("tokenizer.json", &TOKENIZER.as_bytes()[..length]);
        let model = Checkpoint::open(&copy.path).expect("a good model");
        let error = model.encode("ab a").expect_err("it has no end");
        refused(&error, &[4]);
    }
}
