//! The tokenizer of a GGUF file, written as a `tokenizer.json`: byte-level BPE.
//!
//! A file names the rules by which text is split before the merges; what a name means is llama.cpp's knowledge
//! (`llama-vocab.cpp`), which is that of the models' own `tokenizer.json`.

use super::super::tokenizer::Vocabulary;
use super::metadata::Metadata;
use serde_json::{Value, json};

/// Types of tokens.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

/// The rules of Llama 3.
const LLAMA3: &str = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\
                      \\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
/// The rules of Qwen2: digits stand alone.
const QWEN2: &str = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\
                     \\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/// What the metadata says about tokens.
pub(super) fn read(metadata: &Metadata, bytes: &[u8]) -> Vocabulary {
    match described(metadata, bytes) {
        Ok(json) => Vocabulary::Made(json.to_string().into_bytes()),
        Err(why) => Vocabulary::Missing(why),
    }
}

fn described(metadata: &Metadata, bytes: &[u8]) -> Result<Value, String> {
    let model = metadata.text("tokenizer.ggml.model").ok_or("has no tokenizer")?;
    if model != "gpt2" {
        return Err(format!("its tokenizer is of type {model:?}, and gpt2 (byte-level BPE) is read"));
    }
    let list = |key: &str| metadata.texts(key, bytes).ok_or_else(|| format!("its tokenizer has no {key}"));
    let (tokens, merges) = (list("tokenizer.ggml.tokens")?, list("tokenizer.ggml.merges")?);
    let types = metadata.integers("tokenizer.ggml.token_type", bytes).unwrap_or_default();
    let added: Vec<Value> = (tokens.iter().zip(&types).enumerate())
        .filter(|(_, (_, kind))| matches!(**kind, CONTROL | USER_DEFINED))
        .map(|(id, (token, kind))| {
            json!({"id": id, "content": token, "special": *kind == CONTROL, "single_word": false, "lstrip": false,
                   "rstrip": false, "normalized": false})
        })
        .collect();
    let rules = Rules::named(metadata.text("tokenizer.ggml.pre").unwrap_or_default())?;
    let vocabulary: serde_json::Map<String, Value> =
        tokens.iter().enumerate().map(|(id, token)| ((*token).to_owned(), id.into())).collect();
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": rules.normalizer,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": rules.splits},
        "post_processor": first_token(metadata, &tokens)?,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                  "ignore_merges": rules.whole_words, "vocab": vocabulary, "merges": merges},
    }))
}

/// Puts the first token before a text, if the file says that its model was trained so.
fn first_token(metadata: &Metadata, tokens: &[&str]) -> Result<Value, String> {
    if !metadata.flag("tokenizer.ggml.add_bos_token").unwrap_or(false) {
        return Ok(Value::Null);
    }
    let id = metadata.integer("tokenizer.ggml.bos_token_id").and_then(|id| usize::try_from(id).ok());
    let (id, token) = id.and_then(|id| Some((id, tokens.get(id)?))).ok_or("its tokenizer has no first token")?;
    Ok(json!({
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": token, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {*token: {"id": token, "ids": [id], "tokens": [token]}},
    }))
}

/// How text is split before the merges.
struct Rules {
    normalizer: Value,
    splits: Vec<Value>,
    /// Is a word that is a token that token, whatever the merges make of it?
    whole_words: bool,
}

impl Rules {
    fn named(name: &str) -> Result<Self, String> {
        let bytes = |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex});
        let split = |pattern: &str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
        let digits = json!({"type": "Digits", "individual_digits": true});
        let plain = |splits: Vec<Value>| Rules { normalizer: Value::Null, splits, whole_words: false };
        Ok(match name {
            "gpt-2" => plain(vec![bytes(true)]),
            "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" => plain(vec![digits, bytes(true)]),
            "llama-bpe" | "llama3" | "llama-v3" => {
                Rules { whole_words: true, ..plain(vec![split(LLAMA3), bytes(false)]) }
            }
            "qwen2" => Rules { normalizer: json!({"type": "NFC"}), ..plain(vec![split(QWEN2), bytes(false)]) },
            _ => {
                return Err(format!(
                    "its tokenizer splits text by the rules {name:?}, and gpt-2, smollm, starcoder, llama-bpe and qwen2 are \
                     known"
                ));
            }
        })
    }
}
