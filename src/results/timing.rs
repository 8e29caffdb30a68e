//! How long a run took, in its record.

use serde_json::{Value, json};

/// Notes the seconds of the whole run beside those of its parts: as `total_seconds`, and as `seconds`, its older name.
pub fn set_total(record: &mut Value, seconds: f64) {
    for name in ["total_seconds", "seconds"] {
        record["timing"][name] = json!(seconds);
    }
}
