//! What to change where results cannot be read or written, in one place: these settings are of every run.

use crate::error::Remedy;
use crate::error::remedy::{FORCE, OUT, Piece::Text, RESUME};

/// A folder of an earlier run cannot be removed.
pub(super) const IN_THE_WAY: Remedy = Remedy::of(&[Text("remove this folder or give "), OUT, Text(" another one")]);

/// Neither can a file.
pub(super) const OLD_FILE: Remedy = Remedy::of(&[Text("delete this old file or give "), OUT, Text(" another folder")]);

/// A file stands where a folder should.
pub(super) const NO_FOLDER: Remedy = Remedy::of(&[Text("a file is in the way; give "), OUT, Text(" another folder")]);

/// A folder cannot be made.
pub(super) const MAKEABLE: Remedy = Remedy::of(&[Text("give "), OUT, Text(" a folder that can be made")]);

/// It is there, and nothing can be written into it.
pub(super) const WRITABLE: Remedy = Remedy::of(&[Text("give "), OUT, Text(" a folder that can be written")]);

/// Another process writes into it.
pub(super) const BUSY: Remedy = Remedy::of(&[Text("wait until it is done or give "), OUT, Text(" another folder")]);

/// Results are in it.
pub(super) const REPLACE: Remedy =
    Remedy::of(&[Text("give "), OUT, Text(" another folder, or "), FORCE, Text(" to replace them")]);

/// Something is in it that nobody knows.
pub(super) const KEEP: Remedy = Remedy::of(&[
    Text("give "),
    OUT,
    Text(" another folder, or "),
    FORCE,
    Text(" to go on and keep it under another name"),
]);

/// Parts of another run that was cut off are in it.
pub(super) const UNFINISHED: Remedy = Remedy::of(&[
    Text("give "),
    RESUME,
    Text(" to go on with it, "),
    FORCE,
    Text(" to start anew, or "),
    OUT,
    Text(" another folder"),
]);

/// A folder should be one of ours, and is none.
pub(super) const WRITTEN: Remedy = Remedy::of(&[Text("give a folder that "), OUT, Text(" has written")]);

/// A disk is full, of results.
pub(super) const ROOM: Remedy = Remedy::of(&[Text("make room or give "), OUT, Text(" another folder")]);

/// A disk is full, of parts.
pub(super) const ROOM_FOR_PARTS: Remedy = Remedy::of(&[
    Text("make room or give "),
    OUT,
    Text(" another folder; "),
    RESUME,
    Text(" goes on from what is there"),
]);
