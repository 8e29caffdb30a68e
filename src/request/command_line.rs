//! A specification as the command line that asks for it.

use serde::Serialize;
use serde_json::{Map, Value};

/// `eulerscope COMMAND` with a flag for each key of `spec` that is not as in `usual`, the specification without any flag but
/// those of `first`, which come first; none where a key has no flag, for what it says is in no file.
pub fn command_line(command: &str, spec: &impl Serialize, usual: &impl Serialize, first: &[&str]) -> Option<String> {
    let (spec, usual) = (object(spec)?, object(usual)?);
    let mut line = format!("eulerscope {command}");
    let others = spec.keys().map(String::as_str).filter(|key| !first.contains(key));
    for key in first.iter().copied().filter(|key| spec.contains_key(*key)).chain(others) {
        let value = &spec[key];
        if usual.get(key) == Some(value) && !first.contains(&key) {
            continue;
        }
        if matches!(key, "matrix" | "initial") {
            return None;
        }
        let (flag, value) = match (key, value) {
            // One text has a flag of its own.
            ("prompts", Value::Array(texts)) if texts.len() == 1 => ("prompt", &texts[0]),
            _ => (key, value),
        };
        let value = match (key, value) {
            ("margin", Value::Array(words)) => joined(words),
            _ => value.clone(),
        };
        line += &format!(" --{} {}", flag.replace('_', "-"), quoted(&value)?);
    }
    Some(line)
}

fn object(spec: &impl Serialize) -> Option<Map<String, Value>> {
    match serde_json::to_value(spec).ok()? {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

/// Words with commas.
fn joined(words: &[Value]) -> Value {
    words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",").into()
}

/// A value as a shell takes it.
fn quoted(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is) => is.to_string(),
        _ => return None,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || ".,-_+/=".contains(c);
    Some(if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) })
}
