//! What is wrong with a key or a value, in plain words.

use super::keys::Keys;
use crate::spec::grid::shown;

/// The names of all keys of a command, taken from its flags with their aliases, and of those that are global options.
pub fn names<K: Keys>() -> Vec<String> {
    let flags = K::augment_args(clap::Command::new("keys"));
    let spellings = |flag: &clap::Arg| {
        let aliases = flag.get_visible_aliases().unwrap_or_default();
        let own = [flag.get_id().to_string()];
        own.into_iter().chain(aliases.into_iter().map(str::to_owned)).collect::<Vec<_>>()
    };
    let mut names: Vec<String> = flags.get_arguments().flat_map(spellings).collect();
    names.push("seed".to_owned());
    if K::HAS_CHUNK {
        names.push("chunk".to_owned());
    }
    names.extend(K::RECORDED.iter().flat_map(|group| group.iter()).map(|&name| name.to_owned()));
    names
}

/// What is wrong with the name of a key; nothing if the command has it.
pub(super) fn unknown<K: Keys>(key: &str) -> Option<String> {
    let names = names::<K>();
    if names.iter().any(|name| name == key) {
        return None;
    }
    let spelled = key.replace('-', "_").to_lowercase();
    let nearest = names
        .iter()
        .map(|name| (strsim::jaro_winkler(name, &spelled), name))
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .filter(|(likeness, _)| *likeness > 0.7);
    let remedy = match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => format!("`eulerscope {} --help` lists the keys", K::COMMAND),
    };
    Some(format!("unknown key `{}`; {remedy}", shown(key)))
}

/// The parser's message without the names of Rust's types.
pub(super) fn in_plain_words(message: &str) -> String {
    const WORDS: [(&str, &str); 20] = [
        ("expected usize", "expected a whole number"),
        ("expected u64", "expected a whole number"),
        ("expected f64", "expected a number"),
        ("expected i64", "expected a whole number"),
        ("expected a string", "expected text"),
        ("expected path string", "expected a path"),
        ("expected string or table", "expected text"),
        ("invalid type: ", "found "),
        ("invalid value: ", "found "),
        ("floating point `", "the number `"),
        ("integer `", "the whole number `"),
        ("boolean `", "`"),
        ("` as i128", "`"),
        ("` as u128", "`"),
        ("unknown variant", "unknown word"),
        ("found string \"", "found the text \""),
        ("found sequence", "found an array"),
        ("found map", "found a table"),
        ("expected a sequence", "expected an array"),
        ("duplicate field", "given twice under two names:"),
    ];
    WORDS.iter().fold(message.to_owned(), |message, (rust, plain)| message.replace(rust, plain))
}
