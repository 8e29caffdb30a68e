//! The statistics against published and closed-form values.

use eulerscope::numbers::statistics::{LogMean, Moments, Share, Summary, median_interval, quantile};

fn close(a: f64, b: f64, error: f64) -> bool {
    (a - b).abs() <= error
}

fn moments(values: &[f64]) -> Moments {
    Moments::of(values.iter().copied())
}

#[test]
fn spread_is_that_of_a_sample_and_not_of_a_population() {
    let found = moments(&[1.0, 2.0, 3.0, 4.0]);
    let known = |value: Option<f64>, wanted: f64| close(value.expect("four values"), wanted, 1e-15);
    // The squares of the deviations sum to 5.
    assert!(known(found.mean(), 2.5) && known(found.sd(), (5.0_f64 / 3.0).sqrt()));
    assert!(known(found.standard_error(), (5.0_f64 / 12.0).sqrt()));
    assert!(close(found.sd().expect("is"), 1.29099, 5e-6) && close(found.standard_error().expect("is"), 0.64550, 5e-6));
    let one = moments(&[7.0]);
    assert_eq!((one.mean(), one.sd(), one.standard_error()), (Some(7.0), None, None));
    assert_eq!(moments(&[]).mean(), None);
    // Far from 0 the textbook's difference of squares would leave nothing: the spread is exact.
    let far = moments(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
    assert!(close(far.sd().expect("is").powi(2), 30.0, 1e-12));
}

#[test]
fn quantiles_lie_between_values() {
    let values = [1.0, 2.0, 3.0, 4.0];
    for (p, wanted) in [(0.1, 1.3), (0.5, 2.5), (0.9, 3.7), (0.0, 1.0), (1.0, 4.0)] {
        assert!(close(quantile(&values, p).expect("is"), wanted, 1e-15), "{p}");
    }
    let summary = Summary::of(&[4.0, 1.0, 3.0, 2.0]);
    assert_eq!(
        (summary.q10.get(), summary.median.get(), summary.q90.get()),
        (quantile(&values, 0.1), Some(2.5), quantile(&values, 0.9))
    );
    assert_eq!(summary.median_interval, None, "four values do not hold a median with 95 %");
    // One of five crosses a threshold: there is no median step.
    let steps = [3.0, f64::INFINITY, f64::INFINITY, f64::INFINITY, f64::INFINITY];
    assert_eq!(quantile(&steps, 0.5), None);
    assert_eq!(quantile(&[3.0, 4.0, 5.0, f64::INFINITY, f64::INFINITY], 0.5), Some(5.0));
    assert_eq!(quantile(&[], 0.5), None);
}

/// Wilson's interval by its definition: the fractions whose own normal interval just reaches the observed one, found by
/// bisection of (p - q)² n = z² q (1 - q).
fn wilson(count: u64, of: u64) -> [f64; 2] {
    let z: f64 = 1.959_963_984_540_054;
    let (p, n) = (count as f64 / of as f64, of as f64);
    let beyond = |q: f64| (p - q).powi(2) * n > z * z * q * (1.0 - q);
    let edge = |mut outside: f64, mut inside: f64| {
        for _ in 0..200 {
            let middle = 0.5 * (outside + inside);
            if beyond(middle) { outside = middle } else { inside = middle }
        }
        inside
    };
    [if count == 0 { 0.0 } else { edge(0.0, p) }, if count == of { 1.0 } else { edge(1.0, p) }]
}

#[test]
fn intervals_of_fractions_are_wilsons() {
    let share = |count, of| Share { count, of };
    // Published: 0 of 10, 1 of 10 (Newcombe, Stat. Med. 17, 1998: 81 of 263, 15 of 148, 0 of 20 and 1 of 29, method 3).
    let published = [
        (0, 10, [0.0, 0.2775]),
        (81, 263, [0.2553, 0.3662]),
        (15, 148, [0.0624, 0.1605]),
        (0, 20, [0.0, 0.1611]),
        (1, 29, [0.0061, 0.1718]),
    ];
    for (count, of, [low, high]) in published {
        let found = share(count, of).interval().expect("is");
        assert!(close(found[0], low, 5e-5) && close(found[1], high, 5e-5), "{count} of {of}: {found:?}");
    }
    for (count, of) in [(0, 1), (1, 1), (1, 4), (64, 64), (1023, 1024), (500, 1_000_000)] {
        let (found, wanted) = (share(count, of).interval().expect("is"), wilson(count, of));
        assert!((0..2).all(|end| close(found[end], wanted[end], 1e-12)), "{count} of {of}: {found:?}, {wanted:?}");
        assert!(found[0] < found[1], "never a single point");
    }
    assert_eq!((share(0, 0).fraction(), share(0, 0).interval()), (None, None));
    assert_eq!(share(1, 4).fraction(), Some(0.25));
}

/// The share of samples between whose ends the population's median lies, from Pascal's triangle.
fn coverage(n: usize, rank: usize) -> f64 {
    let mut row = vec![1.0];
    for _ in 0..n {
        let next = (0..=row.len()).map(|k| {
            let at = |k: Option<usize>| k.and_then(|k| row.get(k)).copied().unwrap_or(0.0);
            0.5 * (at(k.checked_sub(1)) + at(Some(k)))
        });
        row = next.collect();
    }
    row[rank..=n - rank].iter().sum()
}

#[test]
fn intervals_of_medians_are_those_of_order_statistics() {
    // Conover's table and Pascal's triangle: six values hold the median with 96.9 %, five with 93.8 %.
    for (n, rank) in [(5, None), (6, Some(1)), (8, Some(1)), (9, Some(2)), (20, Some(6)), (25, Some(8)), (50, Some(18))]
    {
        let values: Vec<f64> = (1..=n).map(f64::from).collect();
        let wanted = rank.map(|rank: i32| [f64::from(rank), f64::from(n + 1 - rank)]);
        assert_eq!(median_interval(&values), wanted, "{n}");
    }
    for n in (6..90).chain([100, 138, 190, 301, 1024]) {
        let values: Vec<f64> = (1..=n).map(|i| i as f64).collect();
        let [low, high] = median_interval(&values).expect("is");
        assert_eq!(low + high, (n + 1) as f64, "it is symmetric");
        let rank = low as usize;
        assert!(coverage(n, rank) >= 0.95, "{n}: {}", coverage(n, rank));
        // At most one rank could be spared.
        assert!(coverage(n, rank + 2) < 0.95, "{n}");
    }
    let infinite = [1.0, 2.0, 3.0, 4.0, 5.0, f64::INFINITY];
    assert_eq!(median_interval(&infinite), Some([1.0, f64::INFINITY]));
    assert_eq!(median_interval(&[]), None);
}

#[test]
fn means_of_exponentials_have_honest_errors() {
    let of = |logs: &[f64]| {
        let mut mean = LogMean::default();
        logs.iter().for_each(|&x| mean.add(x));
        mean
    };
    // Against the plain moments, in any order, near 1 and far beyond f64.
    let values: [f64; 5] = [0.5, 3.0, 1.0, 7.0, 0.125];
    let plain = moments(&values);
    let relative = plain.standard_error().expect("is") / plain.mean().expect("is");
    for shift in [0.0, 5000.0, -5000.0] {
        let logs: Vec<f64> = values.iter().map(|x| x.ln() + shift).collect();
        let found = of(&logs);
        assert!(close(found.log().expect("is") - shift, plain.mean().expect("is").ln(), 1e-12));
        assert!(close(found.relative_error().expect("is"), relative, 1e-12));
        let squares: f64 = values.iter().map(|x| x * x).sum();
        assert!(close(found.effective_count(), values.iter().sum::<f64>().powi(2) / squares, 1e-11));
    }
    assert!(close(of(&[2.0; 8]).effective_count(), 8.0, 1e-12) && of(&[2.0; 8]).relative_error() == Some(0.0));
    // One of twenty is the sum: 1 effective value of 20.
    let mut tail = vec![0.0; 20];
    tail[3] = 60.0;
    assert!(of(&tail).is_tail() && !of(&[1.0; 20]).is_tail() && !of(&tail[..9]).is_tail());
    assert!(close(of(&tail).relative_error().expect("is"), 1.0, 1e-12));
    assert_eq!(of(&[]).log(), None);
    assert_eq!(of(&[f64::NEG_INFINITY; 2]).log(), Some(f64::NEG_INFINITY));
    assert_eq!(of(&[0.0, f64::INFINITY, 1.0]).log(), Some(f64::INFINITY));
    assert_eq!((of(&[0.0, f64::INFINITY]).relative_error(), of(&[0.0]).relative_error()), (None, None));
    assert!(!of(&[f64::NEG_INFINITY; 30]).is_tail() && !of(&[f64::INFINITY; 30]).is_tail());
}

/// n values e^(1e-9 k) for k from 0: their standard deviation is 1e-9 times that of 0 .. n - 1, to first order, of which
/// sqrt(n (n + 1) / 12) is the closed form. A difference of the squares' sum and the sum's square knows none of it.
#[test]
fn the_error_of_a_mean_of_like_values_does_not_cancel() {
    let (n, step) = (100_u32, 1e-9);
    let mut mean = LogMean::default();
    (0..n).for_each(|k| mean.add(step * f64::from(k) - 300.0));
    let wanted = step * (f64::from(n) * f64::from(n + 1) / 12.0 / f64::from(n)).sqrt();
    let found = mean.relative_error().expect("there are enough");
    // Each value is off by a rounding of 300, which is 5e-14 of 3e-8, and the neglected order by 1e-7.
    assert!((found - wanted).abs() <= 1e-5 * wanted, "{found}, not {wanted}");
}
