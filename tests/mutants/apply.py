"""Writes all mistakes of a list into a copy of the project, each behind a switch. Usage: apply.py LIST TREE

A mistake is off unless the environment variable EULERSCOPE_MUTANT holds its number when the program starts, so one build
serves all of them. In Rust the old text becomes `if mutant::on(N) { new } else { old }`; a shader's text is replaced as
its module is made. Every old text must stand exactly once in its file.
"""

import pathlib
import re
import sys


def read(path):
    """The list as [(number, title, [(file, old, new)])]; see its head for the form."""
    mistakes, file, block = [], None, None
    for line in path.read_text().splitlines():
        if match := re.match(r"## (\d+) (.*)", line):
            mistakes.append((int(match[1]), match[2], []))
            file = block = None
        elif line.startswith("@ "):
            file, block = line[2:].strip(), None
        elif line[:2] in ("- ", "+ ") and mistakes and file:
            if line[0] == "-" and (block is None or block[2]):
                block = [file, [], []]
                mistakes[-1][2].append(block)
            block[1 if line[0] == "-" else 2].append(line[2:])
    joined = lambda lines: "\n".join(lines)
    return [(n, title, [(f, joined(old), joined(new)) for f, old, new in parts]) for n, title, parts in mistakes]


def switched(old, choices):
    """Rust that evaluates the old text, or that of the mistake that is on."""
    text = ""
    for number, new in choices:
        text += f"if crate::mutant::on({number}) {{ {new} }} else "
    text += f"{{ {old} }}"
    return text if old.endswith(";") else f"({text})"


MODULE = """//! Which mistake is on.
use std::sync::atomic::{{AtomicU32, Ordering::Relaxed}};

static WHICH: AtomicU32 = AtomicU32::new(u32::MAX);

#[inline(always)]
pub fn on(number: u32) -> bool {{
    let which = WHICH.load(Relaxed);
    (if which == u32::MAX {{ first() }} else {{ which }}) == number
}}

#[cold]
fn first() -> u32 {{
    let which = std::env::var("EULERSCOPE_MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    WHICH.store(which, Relaxed);
    which
}}

/// A shader with the mistake that is on.
pub fn shader(source: String) -> String {{
    let mut text = source.clone();
    for (number, file, old, new) in SHADERS {{
        if on(*number) && source.contains(file) {{
            text = text.replace(old, new);
        }}
    }}
    text
}}

const SHADERS: &[(u32, &str, &str, &str)] = &[
{rows}];
"""


def main(listed, tree):
    by_text, rows, errors = {}, "", []
    for number, title, parts in read(listed):
        if not parts:
            errors.append(f"{number} {title}: no text")
        for file, old, new in parts:
            text = (tree / file).read_text()
            if text.count(old) != 1:
                errors.append(f"{number} {title}: {file} has {text.count(old)} times: {old}")
            elif file.endswith(".rs") and not (whole(old) and whole(new)):
                errors.append(f"{number} {title}: no whole expression of {file}: {old}")
            elif file.endswith(".wgsl"):
                rows += f'    ({number}, include_str!("../{file}"), {quoted(old)}, {quoted(new)}),\n'
            else:
                by_text.setdefault((file, old), []).append((number, new))
    if errors:
        sys.exit("\n".join(errors))
    # First marks, then texts: a mistake may have the right text of another one.
    marks = {}
    for (file, old), choices in sorted(by_text.items(), key=lambda item: -len(item[0][1])):
        marks.setdefault(file, []).append((f"\0{len(marks.get(file, []))}\0", switched(old, choices)))
        patch(tree / file, old, marks[file][-1][0])
    for file, switches in marks.items():
        for mark, text in switches:
            patch(tree / file, mark, text)
    (tree / "src/mutant.rs").write_text(MODULE.format(rows=rows))
    patch(tree / "src/lib.rs", "pub mod error;", "#![allow(warnings)]\npub mod mutant;\npub mod error;")
    patch(tree / "src/device/gpu.rs", "Ok(entry.source())", "Ok(crate::mutant::shader(entry.source()))")


def whole(text):
    """Is every bracket closed? A switch stands around the text."""
    return all(text.count(left) == text.count(right) for left, right in ["()", "[]", "{}"]) and not text.startswith("let ")


def quoted(text):
    return 'r#"' + text + '"#'


def patch(path, old, new):
    text = path.read_text()
    if text.count(old) != 1:
        sys.exit(f"{path}: not once: {old}")
    path.write_text(text.replace(old, new))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
