//! Rows of results: names and values. What is missing is `None`; what is beyond f64 is infinite.

use super::statistics::{mean, median_interval, quantile, share, standard_deviation, standard_error, wilson};
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
    let [low, high] = median_interval(sample).map_or([None, None], |ends| ends.map(Some));
    add("median_interval_low", low);
    add("median_interval_high", high);
}

/// Adds the share of members that do something, and its interval.
pub fn count(row: &mut Row, name: &str, members: &[bool]) {
    let fraction = share(members);
    let interval = fraction.map(|fraction| wilson(fraction, members.len() as f64));
    row.insert(name.to_string(), fraction);
    row.insert(format!("intervals_{name}_low"), interval.map(|ends| ends[0]));
    row.insert(format!("intervals_{name}_high"), interval.map(|ends| ends[1]));
}

/// Adds the shares of members that decay and explode by a rate, and of those in between.
pub fn fates(row: &mut Row, name: &str, rates: &[f64]) {
    let of = |is: &dyn Fn(f64) -> bool| share(&rates.iter().map(|&rate| is(rate)).collect::<Vec<_>>());
    row.insert(format!("{name}_decays"), of(&|rate| rate < 0.0));
    row.insert(format!("{name}_neutral"), of(&|rate| rate == 0.0));
    row.insert(format!("{name}_explodes"), of(&|rate| rate > 0.0));
}
