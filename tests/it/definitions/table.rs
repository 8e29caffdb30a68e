//! Rows of results: names and values. What is missing is `None`; what is beyond f64 is infinite.

use super::statistics::{
    mean, median_interval, quantile, scaled_moments, share, standard_deviation, standard_error, wilson,
};
use std::collections::BTreeMap;

/// A row, or an object of the JSON with the names of its parts joined by `_`.
pub type Row = BTreeMap<String, Option<f64>>;

/// Adds the summary of `values`, with quantiles of `sample`, in which a value may be infinite.
pub fn summarise(row: &mut Row, name: &str, values: &[f64], sample: &[f64]) {
    let finite = |x: Option<f64>| x.filter(|x| x.is_finite());
    let mut add = |part: &str, value| row.insert(format!("{name}_{part}"), finite(value));
    add("mean", mean(values));
    add("sd", standard_deviation(values));
    add("standard_error", standard_error(values));
    add("q10", quantile(sample, 0.1));
    add("median", quantile(sample, 0.5));
    add("q90", quantile(sample, 0.9));
    // An end of an interval may be infinite, as those of frozen members are.
    let [low, high] = median_interval(sample).map_or([None, None], |ends| ends.map(Some));
    row.insert(format!("{name}_median_interval_low"), low);
    row.insert(format!("{name}_median_interval_high"), high);
}

/// Adds the summary of e^x, some of which may be beyond f64: moments of the finite x, quantiles of all.
pub fn summarise_powers(row: &mut Row, name: &str, logs: &[f64]) {
    let factors: Vec<f64> = logs.iter().map(|x| x.exp()).collect();
    summarise(row, name, &[], &factors);
    let finite: Vec<f64> = logs.iter().copied().filter(|x| x.is_finite()).collect();
    for (part, moment) in ["mean", "sd", "standard_error"].into_iter().zip(scaled_moments(&finite)) {
        row.insert(format!("{name}_{part}"), moment.filter(|x| x.is_finite()));
    }
}

/// Adds the share of members that do something, and its interval.
pub fn count(row: &mut Row, name: &str, members: &[bool]) {
    let fraction = share(members);
    let interval = fraction.map(|fraction| wilson(fraction, members.len() as f64));
    row.insert(name.to_string(), fraction);
    row.insert(format!("intervals_{name}_low"), interval.map(|ends| ends[0]));
    row.insert(format!("intervals_{name}_high"), interval.map(|ends| ends[1]));
}

/// Adds the shares of members below their limit, on neither side and above.
pub fn fates(row: &mut Row, name: &str, sides: &[i8]) {
    for (fate, wanted) in [("decays", -1), ("neutral", 0), ("explodes", 1)] {
        row.insert(format!("{name}_{fate}"), share(&sides.iter().map(|&side| side == wanted).collect::<Vec<_>>()));
    }
}
