//! `--plan`: what a run would take, in words and as JSON.

use crate::cli::console::Console;
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::estimate::{Estimate, counted};
use serde_json::{Value, json};

/// Says what a run of `spec` would take, by the trial that `estimate` makes.
pub fn say(
    console: &Console,
    device: &Device,
    spec: &Value,
    estimate: impl FnOnce(Progress) -> Result<Estimate>,
) -> Result<()> {
    let mut progress = console.progress("trial");
    let estimate = estimate(&mut |fraction| progress.at(fraction))?;
    drop(progress);
    let bytes = estimate.bytes_per_member * estimate.members_at_a_time as u64;
    console.show(&format!(
        "{}\n{} at a time: {} of {}\nabout {}, from a trial of {}\n",
        estimate.what,
        memory(bytes),
        counted(estimate.members_at_a_time, "member"),
        memory(estimate.bytes_per_member),
        duration(estimate.seconds),
        counted(estimate.tried, "member"),
    ))?;
    let mut plan = json!({
        "members": estimate.members,
        "bytes_per_member": estimate.bytes_per_member,
        "members_at_a_time": estimate.members_at_a_time,
        "bytes_at_a_time": bytes,
        "estimated_seconds": estimate.seconds,
        "measured_on_members": estimate.tried,
    });
    if let Value::Object(more) = &estimate.more {
        more.iter().for_each(|(name, value)| plan[name] = value.clone());
    }
    console.emit(&json!({ "spec": spec, "device": device.description(), "plan": plan }))
}

/// Bytes in words.
pub(super) fn memory(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        b if b < 1024.0 => format!("{b:.0} bytes"),
        b if b < 1_048_576.0 => format!("{:.1} KiB", b / 1024.0),
        b if b < 1_073_741_824.0 => format!("{:.1} MiB", b / 1_048_576.0),
        b => format!("{:.1} GiB", b / 1_073_741_824.0),
    }
}

/// A time in words.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} minutes", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} hours", s / 3600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}
