//! `eulerscope devices`: adapters, limits, and a self-test of each.

use crate::cli::console::Console;
use crate::cli::flags::said;
use crate::device::parity::{Agreement, agreements};
use crate::device::self_test::{SelfTest, self_test};
use crate::device::{Description, Device, gpu};
use crate::error::{Error, Result};
use serde_json::{Value, json};

/// Runs the command for the devices that `word` means; `auto` means all of them. With `parity`, every kernel is run too.
pub fn run(console: &Console, word: &str, parity: bool) -> Result<()> {
    let mut report = Report { console, parity, rows: Vec::new(), failed: None };
    for host in ["cpu", "reference"].into_iter().filter(|host| word == "auto" || word == *host) {
        let device = Device::open(host)?;
        report.add(&device, json!({}))?;
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
            Ok(opened) => report.add(&Device::Gpu(Box::new(opened)), json!(adapter.limits()))?,
            Err(error) => {
                let error = said(&error);
                console.show(&format!("{}\n    cannot be opened: {error}\n", adapter.description))?;
                report.rows.push(json!({ "device": adapter.description, "error": error }));
            }
        }
    }
    console.emit(&json!({ "eulerscope": env!("CARGO_PKG_VERSION"), "command": "devices", "devices": report.rows }))?;
    match report.failed {
        None => Ok(()),
        Some(what) => Err(Error::Verification(format!("{what}; do not use it"))),
    }
}

/// What was found so far.
struct Report<'a> {
    console: &'a Console,
    parity: bool,
    rows: Vec<Value>,
    /// The first failure.
    failed: Option<String>,
}

impl Report<'_> {
    fn add(&mut self, device: &Device, limits: Value) -> Result<()> {
        let description = device.description();
        let test = match self_test(device) {
            Ok(test) => test,
            // The others are still to be tested.
            Err(error) => {
                let error = said(&error);
                self.console.show(&format!("{description}\n    {error}\n"))?;
                self.failed.get_or_insert(format!("{} could not be tested: {error}", description.name));
                self.rows.push(json!({ "device": description, "limits": limits, "error": error }));
                return Ok(());
            }
        };
        if !test.usable() {
            self.failed.get_or_insert(format!("{} failed its self-test", description.name));
        }
        self.console.show(&format!("{description}\n{}{}", shown_limits(&limits), shown_test(&test)))?;
        let mut row = json!({ "device": description, "limits": limits, "self_test": test, "usable": test.usable() });
        if self.parity {
            let agreements = agreements(device);
            self.console.show(&shown_parity(&agreements))?;
            if let Some(wrong) = agreements.iter().find(|own| !own.differences.is_empty()) {
                self.failed.get_or_insert(format!("{}: kernel {} is wrong", description.name, wrong.kernel));
            }
            row["parity"] = json!(agreements);
        }
        self.rows.push(row);
        Ok(())
    }
}

fn shown_parity(agreements: &[Agreement]) -> String {
    let cases: usize = agreements.iter().map(|own| own.cases).sum();
    let wrong: Vec<&Agreement> = agreements.iter().filter(|own| !own.differences.is_empty()).collect();
    let Some(worst) = agreements.iter().max_by(|a, b| a.worst.total_cmp(&b.worst)) else { return String::new() };
    let verdict = if wrong.is_empty() { "all agree" } else { "NOT all agree" };
    let mut text = format!(
        "    {} kernels in {cases} cases against f64: {verdict}; the largest error is {:.2} of its bound ({})\n",
        agreements.len(),
        worst.worst,
        worst.kernel
    );
    for (kernel, difference) in wrong.iter().flat_map(|own| own.differences.iter().map(|text| (own.kernel, text))) {
        text += &format!("    {kernel}, {difference}\n");
    }
    text
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
