//! `report.html`: a results folder as one page that opens from disk, without a network, in any browser of today.
//!
//! The page is made of the files in `page/`, put together by [`page`], with the data of the folder as JSON in the middle.
//! Rust gathers and encodes; everything that is drawn is drawn by the page's own scripts. The same folder gives the same
//! bytes, so the page can be sealed like any other file.

mod bands;
mod encode;
mod gather;
mod specification;
mod thinned;

use crate::error::{Error, Result};
use crate::results::dataset::{Finished, Page};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The name of the page in its folder.
pub const NAME: &str = "report.html";

const PAGE: &str = include_str!("report/page/page.html");
const STYLE: &str = include_str!("report/page/style.css");
/// The scripts in the order in which the page reads them; they share one scope.
const SCRIPTS: [&str; 18] = [
    include_str!("report/page/columns.js"),
    include_str!("report/page/numbers.js"),
    include_str!("report/page/state.js"),
    include_str!("report/page/elements.js"),
    include_str!("report/page/scale.js"),
    include_str!("report/page/chart.js"),
    include_str!("report/page/grid.js"),
    include_str!("report/page/controls.js"),
    include_str!("report/page/verdicts.js"),
    include_str!("report/page/contour.js"),
    include_str!("report/page/map.js"),
    include_str!("report/page/plane.js"),
    include_str!("report/page/mode.js"),
    include_str!("report/page/paths.js"),
    include_str!("report/page/depth.js"),
    include_str!("report/page/trained.js"),
    include_str!("report/page/trust.js"),
    include_str!("report/page/main.js"),
];

/// What a folder that is being written is told to make last.
pub const OF_A_RUN: Page = Page { name: NAME, text: page };

/// The page of a folder whose tables are complete, and of the record that seals it or will.
///
/// # Errors
/// What [`crate::results::dataset::read::table`] reports of a table.
pub fn page(folder: &Path, run: &Value) -> Result<String> {
    let data = gather::data(folder, run)?;
    let json = serde_json::to_string(&data).map_err(|error| Error::Bug(format!("the report's data: {error}")))?;
    // Within a script only the end of that script could be mistaken for one.
    let json = json.replace('<', "\\u003c");
    let title = format!("{} · eulerscope", escaped(&gather::title(run)));
    let script = SCRIPTS.join("\n");
    let parts = [("{{title}}", &*title), ("{{style}}", STYLE), ("{{data}}", &json), ("{{script}}", &script)];
    Ok(filled(PAGE, &parts))
}

/// The page that was written.
#[derive(Debug)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: usize,
}

/// Writes the page of a finished folder and seals it with the other files.
///
/// # Errors
/// [`Error::Io`] if there is no such folder or it cannot be written, [`Error::Invalid`] if it is not of a run of this
/// version, [`Error::Verification`] if a file is not what was written.
pub fn write(folder: &Path) -> Result<Written> {
    let finished = Finished::open(folder, NAME)?;
    let page = page(folder, finished.run())?;
    finished.add(NAME, page.as_bytes())?;
    Ok(Written { path: folder.join(NAME), bytes: page.len() })
}

/// The text with each mark replaced by its part, in their order; marks within parts stay.
fn filled(text: &str, parts: &[(&str, &str)]) -> String {
    let mut whole = String::new();
    let mut rest = text;
    for (mark, part) in parts {
        let (before, after) = rest.split_once(mark).unwrap_or((rest, ""));
        whole += before;
        whole += part;
        rest = after;
    }
    whole + rest
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::{PAGE, SCRIPTS, STYLE, filled};

    #[test]
    fn parts_take_the_places_of_their_marks() {
        assert_eq!(filled("a {{x}} b {{y}} c", &[("{{x}}", "{{y}}"), ("{{y}}", "2")]), "a {{y}} b 2 c");
        for mark in ["{{title}}", "{{style}}", "{{script}}", "{{data}}"] {
            assert_eq!(PAGE.matches(mark).count(), 1, "{mark}");
        }
    }

    /// The scripts share one scope, in which a second function of a name would take the place of the first.
    #[test]
    fn no_name_is_given_twice() {
        let mut names: Vec<&str> = Vec::new();
        for line in SCRIPTS.into_iter().flat_map(str::lines) {
            let words = ["function ", "const ", "let ", "class "].into_iter().find_map(|word| line.strip_prefix(word));
            let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
            names.extend(words.map(|rest| rest.split_once(|letter| !is_letter(letter)).map_or(rest, |(name, _)| name)));
        }
        names.retain(|name| !name.is_empty());
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert!(count > 100 && names.len() == count, "{} of {count} names", names.len());
    }

    /// A page that opens offline names nothing that would be fetched.
    #[test]
    fn nothing_is_fetched() {
        for text in SCRIPTS.into_iter().chain([PAGE, STYLE]) {
            for word in ["http://", "https://", "@import", "fetch(", "XMLHttpRequest", "import("] {
                let allowed = text.replace("http://www.w3.org/", "");
                assert!(!allowed.contains(word), "{word}");
            }
        }
    }
}
