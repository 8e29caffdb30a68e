//! Statistics of samples.

/// The mean; none of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The standard deviation of a sample, over n - 1.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// ln of the mean of e^x, minus infinity if all of them are 0; none of nothing.
pub fn log_mean(logs: &[f64]) -> Option<f64> {
    let largest = logs.iter().fold(f64::NEG_INFINITY, |most, log| f64::max(most, *log));
    if largest.is_infinite() {
        return (!logs.is_empty()).then_some(largest);
    }
    mean(&logs.iter().map(|log| (log - largest).exp()).collect::<Vec<_>>()).map(|mean| mean.ln() + largest)
}

/// Mean, standard deviation and standard error of e^x for finite x, infinite where they are beyond f64.
pub fn scaled_moments(logs: &[f64]) -> [Option<f64>; 3] {
    let largest = logs.iter().fold(f64::NEG_INFINITY, |most, log| f64::max(most, *log));
    let scaled: Vec<f64> = logs.iter().map(|log| (log - largest).exp()).collect();
    let whole = |scaled: f64| scaled * (largest - largest.floor()).exp() * std::f64::consts::E.powf(largest.floor());
    // e^709 is there and e^710 is not, where a small factor may bring it back.
    let whole = |scaled: f64| if largest < 709.0 { whole(scaled) } else { (scaled.ln() + largest).exp() };
    [mean(&scaled), standard_deviation(&scaled), standard_error(&scaled)].map(|moment| moment.map(whole))
}

/// Of the mean: the standard deviation over sqrt(n).
pub fn standard_error(values: &[f64]) -> Option<f64> {
    Some(standard_deviation(values)? / (values.len() as f64).sqrt())
}

/// The p-quantile, linear between the sorted values, the least being at 0 and the largest at 1. It may be infinite.
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = p * (sorted.len().checked_sub(1)?) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(if below == above { below } else { below + (place - place.floor()) * (above - below) })
}

/// The share of members that do something.
pub fn share(values: &[bool]) -> Option<f64> {
    mean(&values.iter().map(|&is| f64::from(is)).collect::<Vec<_>>())
}

/// Where the population's share lies with 95 % confidence: those p for which the share that was seen is within 1.96
/// standard deviations sqrt(p (1 - p) / n) (Wilson 1927), by bisection from the share outwards.
pub fn wilson(share: f64, n: f64) -> [f64; 2] {
    const Z: f64 = 1.959_963_984_540_054;
    let fits = |p: f64| (share - p).powi(2) * n <= Z * Z * p * (1.0 - p);
    let end = |far: f64| {
        let (mut inside, mut outside) = (share + (0.5 - share) * 1e-9, far);
        for _ in 0..200 {
            let middle = (inside + outside) / 2.0;
            if fits(middle) { inside = middle } else { outside = middle }
        }
        inside
    };
    let exact = |at: f64| if share == at { at } else { end(at) };
    [exact(0.0), exact(1.0)]
}

/// From the r-th smallest value to the r-th largest, with the largest r for which a fair coin thrown n times shows
/// heads less than r times with a probability of at most 2.5 %.
pub fn median_interval(values: &[f64]) -> Option<[f64; 2]> {
    let n = values.len();
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let choose = |k: usize| (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product::<f64>();
    let less = |r: usize| (0..r).map(choose).sum::<f64>() / 2_f64.powi(n as i32);
    let rank = (1..n).take_while(|&r| less(r) <= 0.025).last()?;
    Some([sorted[rank - 1], sorted[n - rank]])
}
