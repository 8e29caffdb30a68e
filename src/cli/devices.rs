//! `eulerscope devices`: adapters, limits, and a self-test of each.

use crate::cli::console::Console;
use crate::device::self_test::{SelfTest, self_test};
use crate::device::{Description, Device, gpu};
use crate::error::{Error, Result};
use serde_json::{Value, json};

/// Runs the command for the devices that `word` means; `auto` means all of them.
pub fn run(console: &Console, word: &str) -> Result<()> {
    let mut rows: Vec<Value> = Vec::new();
    let mut failed = Vec::new();
    for host in ["cpu", "reference"].into_iter().filter(|host| word == "auto" || word == *host) {
        let (device, _) = Device::open(host)?;
        report(console, &device, json!({}), &mut rows, &mut failed)?;
    }
    let wanted = |description: &Description| match word {
        "auto" | "gpu" => true,
        "cpu" | "reference" => false,
        "software" => description.software,
        part => description.name.to_lowercase().contains(&part.to_lowercase()),
    };
    let host = word == "cpu" || word == "reference";
    let all = if host { Vec::new() } else { gpu::adapters() };
    let adapters: Vec<_> = all.into_iter().filter(|adapter| wanted(&adapter.description)).collect();
    if adapters.is_empty() && !host && word != "auto" {
        // It says which adapters there are.
        return gpu::choose(word).map(|_| ());
    }
    if adapters.is_empty() && !host {
        console.note(&format!("no GPU adapter found; {}", gpu::DRIVER_HINT));
    }
    for adapter in &adapters {
        match adapter.open() {
            Ok(opened) => {
                report(console, &Device::Gpu(Box::new(opened)), json!(adapter.limits()), &mut rows, &mut failed)?
            }
            Err(error) => {
                console.show(&format!("{}\n    cannot be opened: {error}\n", adapter.description))?;
                rows.push(json!({ "device": adapter.description, "error": error.to_string() }));
            }
        }
    }
    console.emit(&json!({ "eulerscope": env!("CARGO_PKG_VERSION"), "command": "devices", "devices": rows }))?;
    match failed.first() {
        None => Ok(()),
        Some(first) => Err(Error::Verification(format!("{first} failed its self-test; do not use it"))),
    }
}

fn report(
    console: &Console,
    device: &Device,
    limits: Value,
    rows: &mut Vec<Value>,
    failed: &mut Vec<String>,
) -> Result<()> {
    let description = device.description();
    let test = self_test(device)?;
    if !test.usable() {
        failed.push(description.name.clone());
    }
    console.show(&format!("{description}\n{}{}", shown_limits(&limits), shown_test(&test)))?;
    rows.push(json!({ "device": description, "limits": limits, "self_test": test, "usable": test.usable() }));
    Ok(())
}

fn shown_limits(limits: &Value) -> String {
    let Some(limits) = limits.as_object().filter(|limits| !limits.is_empty()) else { return String::new() };
    let list: Vec<String> = limits.iter().map(|(name, value)| format!("{} {value}", name.replace('_', " "))).collect();
    format!("    limits: {}\n", list.join(", "))
}

fn shown_test(test: &SelfTest) -> String {
    let word = |good: bool| if good { "yes" } else { "NO" };
    format!(
        "    random numbers bit-exact: {}; NaN and infinity are seen: {}; loops run to their end: {} ({} of {} trips)\n    \
         worst error in ulp: product {:.2}, quotient {:.2}, root {:.2}; sums are exact to the last bit: {}\n",
        word(test.random_exact),
        word(test.non_finite_seen),
        if test.loop_trips == test.loop_trips_asked { "yes" } else { "no, kernels keep below it" },
        test.loop_trips,
        test.loop_trips_asked,
        test.product_ulp,
        test.quotient_ulp,
        test.root_ulp,
        if test.error_free_sums { "yes" } else { "no, and nothing here relies on it" },
    )
}
