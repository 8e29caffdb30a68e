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
        line += &match (key, value) {
            ("matrix" | "initial", _) => return None,
            // One text has a flag of its own, and several are in a file.
            ("prompts", Value::Array(texts)) => match &texts[..] {
                [text] => format!(" --prompt {}", quoted(text)?),
                _ => return None,
            },
            (_, Value::Bool(true)) => format!(" --{}", key.replace('_', "-")),
            _ => format!(" --{} {}", key.replace('_', "-"), quoted(value)?),
        };
    }
    Some(line)
}

fn object(spec: &impl Serialize) -> Option<Map<String, Value>> {
    match serde_json::to_value(spec).ok()? {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

/// A value as a shell takes it.
fn quoted(value: &Value) -> Option<String> {
    plain(value).map(|text| shell_word(&text))
}

/// A text as one word of a shell, in quotes where it needs them.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".,-_+/=".contains(c);
    let bare = !text.is_empty() && text.chars().all(is_plain);
    if bare { text.to_string() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A value as a flag takes it, lists with commas.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Array(values) => Some(values.iter().map(plain).collect::<Option<Vec<_>>>()?.join(",")),
        Value::Null | Value::Object(_) => None,
    }
}
