//! Figures: drawn for every size of grid, with the boundary where it belongs and missing values grey.

use eulerscope::figure::{
    ConvergenceFigure, Disc, Picture, ScalingFigure, ScalingLine, Series, SpectrumScatter, Spread, StabilityMap, evenly,
};

const MISSING: &str = "#a8a8a8";
const INK: &str = "#222222";

fn spaced(from: f64, to: f64, count: usize) -> Vec<f64> {
    (0..count).map(|index| from + (to - from) * index as f64 / (count.max(2) - 1) as f64).collect()
}

/// Growth log(h ρ), unstable where h ρ > 1.
fn map(step_sizes: Vec<f64>, radii: Vec<f64>) -> StabilityMap {
    let products: Vec<f64> = radii.iter().flat_map(|radius| step_sizes.iter().map(move |h| h * radius)).collect();
    StabilityMap {
        step_label: "step size h".to_string(),
        values: products.iter().map(|product| Some(product.ln())).collect(),
        unstable_fraction: products.iter().map(|&product| Some(f64::from(u8::from(product > 1.0)))).collect(),
        step_sizes,
        radii,
        value_label: "median log growth per layer".into(),
        neutral: 0.0,
        half_range: None,
        title: "Stability <map> & \"boundary\"".into(),
        caption: "cpu · 1024 layers · width 64 · depth 80".into(),
    }
}

fn assert_well_formed(picture: &Picture) {
    assert!(picture.png.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(picture.svg.starts_with("<svg") && picture.svg.trim_end().ends_with("</svg>"));
    for bad in ["NaN", "inf", "<map>"] {
        assert!(!picture.svg.contains(bad), "the SVG contains {bad}");
    }
}

/// Lines of the terminal map without colour codes.
fn lines(map: &StabilityMap, columns: usize, color: bool) -> Vec<String> {
    let text = map.terminal(columns, color).unwrap();
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').expect("every code ends").1;
    }
    plain.push_str(rest);
    plain.lines().map(String::from).collect()
}

#[test]
fn every_size_of_grid_is_drawn() {
    for (columns, rows) in [(1, 1), (1, 7), (7, 1), (2, 2), (32, 32), (200, 200)] {
        let map = map(spaced(0.1, 2.0, columns), spaced(0.2, 3.0, rows));
        let picture = map.draw().unwrap();
        assert_well_formed(&picture);
        assert!(picture.png.len() < 1_000_000 && picture.svg.len() < 4_000_000);
        for width in [10, 40, 60, 72, 80, 133, 300] {
            for color in [false, true] {
                let lines = lines(&map, width, color);
                assert!(lines.len() <= 30, "{} lines", lines.len());
                let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
                assert!(
                    widest <= width.max(72),
                    "{columns} × {rows}: {widest} of {width} columns\n{}",
                    lines.join("\n")
                );
                // Words can be wrapped, what is drawn cannot.
                let drawn = |line: &&String| line.contains(['|', '│', '+', '└']) && !line.contains("boundary");
                let drawn = lines.iter().filter(drawn).map(|line| line.chars().count()).max().unwrap();
                assert!(drawn <= width.max(40), "{columns} × {rows}: {drawn} of {width} columns\n{}", lines.join("\n"));
            }
        }
    }
}

#[test]
fn the_boundary_is_drawn_and_named() {
    let crossed = map(spaced(0.1, 2.0, 32), spaced(0.2, 3.0, 32)).draw().unwrap();
    assert!(crossed.svg.contains("predicted boundary: half of the layers unstable"));
    let stable = map(spaced(0.01, 0.1, 32), spaced(0.2, 3.0, 32)).draw().unwrap();
    assert!(stable.svg.contains("none in this range"));
}

#[test]
fn the_terminal_puts_growth_up_and_right_and_the_boundary_between() {
    let map = map(spaced(0.1, 2.0, 20), spaced(0.1, 2.0, 20));
    let lines = lines(&map, 80, false);
    let rows: Vec<&str> = lines.iter().filter_map(|line| line.split_once('|').map(|(_, cells)| cells)).collect();
    assert_eq!(rows.len(), 20);
    assert!(rows[0].ends_with('#') || rows[0].ends_with('+'), "{}", rows[0]);
    assert!(rows[19].starts_with('='), "{}", rows[19]);
    assert!(rows[19].chars().all(|cell| "=-".contains(cell)), "h ρ ≤ 0.2 along the bottom: {}", rows[19]);
    let boundary = rows[0].find('%').expect("a boundary in the top row");
    // h ρ = 1 at ρ = 2: between the cells h = 0.5 and h = 0.6, the fifth and the sixth of three characters each.
    assert_eq!(boundary, 14, "{}", rows[0]);
    assert!(lines[0].contains("radius") && lines.iter().any(|line| line.trim() == "step size h"));
    assert!(lines.last().unwrap().contains("predicted boundary"));
    assert!(!map.terminal(80, false).unwrap().contains('\x1b'));
    assert!(map.terminal(80, false).unwrap().is_ascii());
    assert!(map.terminal(80, true).unwrap().contains("\x1b[38;2;"));
}

#[test]
fn missing_values_are_grey_and_never_zero() {
    let mut map = map(spaced(0.1, 2.0, 3), spaced(0.1, 2.0, 3));
    let grey = |map: &StabilityMap| map.draw().unwrap().svg.matches(MISSING).count();
    assert_eq!(grey(&map), 0);
    map.values[4] = None;
    map.values[5] = Some(f64::NAN);
    map.values[6] = Some(f64::NEG_INFINITY);
    // Two cells and the sample in the legend; an infinite value has the end colour.
    assert_eq!(grey(&map), 3);
    assert!(lines(&map, 80, false).iter().any(|line| line.contains("??")));
    map.values = vec![None; 9];
    map.unstable_fraction = vec![None; 9];
    assert_well_formed(&map.draw().unwrap());
    assert!(map.draw().unwrap().svg.contains("unknown, nothing was linearised"));
    assert!(map.draw().unwrap().svg.contains("no value"));
}

#[test]
fn equal_values_and_unsorted_axes_are_drawn() {
    let mut equal = map(spaced(0.1, 2.0, 4), spaced(0.1, 2.0, 4));
    equal.values = vec![Some(0.0); 16];
    assert_well_formed(&equal.draw().unwrap());
    let sorted = map(vec![0.1, 0.5, 2.0], vec![0.5, 1.0]);
    let shuffled = map(vec![2.0, 0.1, 0.5], vec![1.0, 0.5]);
    assert_eq!(sorted.draw().unwrap(), shuffled.draw().unwrap());
    let mut short = sorted.clone();
    short.values.pop();
    assert_eq!(short.draw().unwrap_err().exit_code(), 10);
}

#[test]
fn axes_follow_the_grid() {
    let decades: Vec<f64> = (-3..=1).map(|power| 10f64.powi(power)).collect();
    let svg = map(decades.clone(), spaced(0.5, 1.5, 40)).draw().unwrap().svg;
    for tick in [">0.001<", ">0.1<", ">10<", ">1.0<"] {
        assert!(svg.contains(tick), "no tick {tick}");
    }
    let text = map(decades, vec![1.0]).terminal(80, false).unwrap();
    assert!(text.contains("(logarithmic)"));
}

#[test]
fn many_eigenvalues_are_thinned_and_said_so() {
    let angle = |index: u32| f64::from(index) * 2.399_963;
    let spiral = |count: u32| -> Vec<[f64; 2]> {
        let point = |index: u32| (f64::from(index) / f64::from(count)).sqrt() * 1.2;
        (0..count).map(|index| [point(index) * angle(index).cos(), point(index) * angle(index).sin()]).collect()
    };
    let figure = |eigenvalues: Vec<[f64; 2]>| SpectrumScatter {
        eigenvalues,
        disc: Some(Disc { center: 0.0, radius: 1.2 }),
        levels: None,
        title: "spectrum".into(),
        caption: "cpu".into(),
    };
    let picture = figure(spiral(150_000)).draw().unwrap();
    assert_well_formed(&picture);
    assert!(picture.png.len() < 1_000_000, "{} bytes", picture.png.len());
    assert!(picture.svg.len() < 3_000_000, "{} bytes", picture.svg.len());
    assert!(picture.svg.contains("20000 of 150000 eigenvalues drawn"));
    assert_eq!(figure(spiral(500)).draw().unwrap(), figure(spiral(500)).draw().unwrap());
    let mut some = spiral(10);
    some.push([f64::NAN, 0.0]);
    assert!(figure(some).draw().unwrap().svg.contains("missing eigenvalues: 1"));
    for few in [vec![], vec![[0.0, 0.0]]] {
        assert_well_formed(&figure(few).draw().unwrap());
    }
}

#[test]
fn convergence_breaks_where_values_are_missing() {
    let series = |mean: Vec<Option<f64>>| Series {
        label: "λ₁".into(),
        x: spaced(1.0, 100.0, mean.len()),
        standard_error: vec![Some(0.1); mean.len()],
        mean,
    };
    let figure = |series: Vec<Series>| ConvergenceFigure {
        series,
        x_label: "steps".into(),
        y_label: "Lyapunov exponent (1/step)".into(),
        log_x: true,
        reference: Some((0.5, "exact".into())),
        title: "convergence".into(),
        caption: "cpu".into(),
    };
    let bands = |mean: Vec<Option<f64>>| {
        let picture = figure(vec![series(mean)]).draw().unwrap();
        assert_well_formed(&picture);
        assert!(picture.svg.contains(INK));
        picture.svg.matches("opacity=\"0.22\"").count()
    };
    assert_eq!(bands(vec![Some(0.4); 9]), 1);
    assert_eq!(bands(vec![Some(0.4), Some(0.5), None, Some(0.5), Some(f64::NAN), Some(0.5)]), 3);
    assert_eq!(bands(vec![None; 3]), 0);
    assert_well_formed(&figure(vec![]).draw().unwrap());
    let mut wrong = series(vec![Some(1.0); 3]);
    wrong.x.pop();
    assert_eq!(figure(vec![wrong]).draw().unwrap_err().exit_code(), 10);
}

/// Growth 0.3, 0.6, .. over depth 10, 100, .., with a spread of 0.1 on both sides.
fn scaling(lines: usize, points: usize) -> ScalingFigure {
    let spread = |middle: f64| Spread { low: Some(middle - 0.1), middle: Some(middle), high: Some(middle + 0.1) };
    let point = |i: usize| (10f64.powi(i as i32 + 1), spread(0.3 * (i + 1) as f64));
    let line = |l: usize| ScalingLine { label: format!("radius {l}"), points: (0..points).map(point).collect() };
    ScalingFigure {
        lines: (0..lines).map(line).collect(),
        x_label: "depth".into(),
        y_label: "growth".into(),
        neutral: (0.0, "neutral: 0".into()),
        title: "growth over depth".into(),
        caption: "cpu".into(),
    }
}

#[test]
fn scaling_is_drawn_whatever_is_missing() {
    for (lines, points) in [(1, 1), (1, 3), (3, 2), (8, 40), (2, 0)] {
        let figure = scaling(lines, points);
        assert_well_formed(&figure.draw().unwrap());
        for columns in [10, 40, 60, 72, 100, 160] {
            let text = figure.terminal(columns);
            assert!(text.is_ascii() && text.lines().all(|line| line.len() <= columns.max(48)), "{text}");
            assert!(text.lines().count() <= 4 * 18 + 2, "{text}");
        }
    }
    let mut figure = scaling(1, 3);
    figure.lines[0].points[1].1 = Spread::default();
    figure.lines[0].points[2].1.middle = Some(f64::INFINITY);
    assert_well_formed(&figure.draw().unwrap());
    let text = figure.terminal(58);
    assert!(text.contains("- to -") && text.contains("-: no value"), "{text}");
    assert!(scaling(0, 0).draw().is_err(), "nothing to draw");
}

#[test]
fn the_terminal_puts_medians_between_their_quantiles() {
    let text = scaling(1, 3).terminal(100);
    let bars: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('|')?.1.split_once('|')?.0)).collect();
    assert_eq!(bars.len(), 3, "{text}");
    // From 0, which is neutral, to 1: of 54 columns the median 0.3 (i + 1) stands at 53 of them.
    for (i, bar) in bars.iter().enumerate() {
        let place = |value: f64| (value * 53.0).round() as usize;
        let middle = 0.3 * (i + 1) as f64;
        assert_eq!((bar.find(':'), bar.find('o'), bar.len()), (Some(0), Some(place(middle)), 54), "{text}");
        assert_eq!((bar.find('-'), bar.rfind('-')), (Some(place(middle - 0.1)), Some(place(middle + 0.1))), "{text}");
    }
}

#[test]
fn thinning_keeps_both_ends() {
    assert_eq!(evenly(3, 8), [0, 1, 2]);
    assert_eq!(evenly(9, 3), [0, 4, 8]);
    assert_eq!((evenly(9, 1), evenly(0, 4)), (vec![0], vec![]));
}
