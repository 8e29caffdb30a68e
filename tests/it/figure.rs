//! Figures: drawn for every size of grid, with the boundary where it belongs and missing values grey.

use eulerscope::figure::{
    ConvergenceFigure, Disc, Figure, Mark, Picture, Series, SpectrumScatter, Spread, SpreadFigure, SpreadLine,
    StabilityMap, Theme, Values, evenly,
};

const MISSING: &str = "#a8a8a8";
const INK: &str = "#222222";

fn spaced(from: f64, to: f64, count: usize) -> Vec<f64> {
    (0..count).map(|index| from + (to - from) * index as f64 / (count.max(2) - 1) as f64).collect()
}

/// Rates ln(h ρ), predicted and observed.
fn map(step_sizes: Vec<f64>, radii: Vec<f64>) -> StabilityMap {
    let products = radii.iter().flat_map(|radius| step_sizes.iter().map(move |h| h * radius));
    let rates: Vec<Option<f64>> = products.map(|product| Some(product.ln())).collect();
    StabilityMap {
        x: Values { label: "step size h".into(), values: step_sizes },
        y: Values { label: "spectral radius ρ".into(), values: radii },
        predicted: rates.clone(),
        observed: rates,
        value_label: "median rate a step".into(),
        half_range: None,
        mark: None,
        at: String::new(),
        title: "Stability <map> & \"boundary\"".into(),
        caption: "cpu · 1024 layers · width 64 · depth 80".into(),
    }
}

pub fn assert_well_formed(picture: &Picture) {
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
        for theme in [Theme::Light, Theme::Dark] {
            let picture = map.draw(theme).unwrap();
            assert_well_formed(&picture);
            assert!(picture.png.len() < 1_000_000 && picture.svg.len() < 8_000_000);
        }
        for width in [10, 40, 57, 72, 80, 133, 300, 400] {
            for color in [false, true] {
                let lines = lines(&map, width, color);
                assert!(lines.len() <= 30, "{} lines", lines.len());
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
    let crossed = map(spaced(0.1, 2.0, 32), spaced(0.2, 3.0, 32)).draw(Theme::Light).unwrap();
    assert!(crossed.svg.contains("predicted boundary: median rate of the eigenvalues 0"));
    let stable = map(spaced(0.01, 0.1, 32), spaced(0.2, 3.0, 32)).draw(Theme::Light).unwrap();
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
    assert!(lines[0].contains("spectral radius rho") && lines.iter().any(|line| line.trim() == "step size h"));
    assert!(lines.last().unwrap().contains("predicted boundary"));
    assert!(!map.terminal(80, false).unwrap().contains('\x1b'));
    assert!(map.terminal(80, false).unwrap().is_ascii());
    assert!(map.terminal(80, true).unwrap().contains("\x1b[38;2;"));
}

#[test]
fn missing_values_are_grey_and_never_zero() {
    let mut map = map(spaced(0.1, 2.0, 3), spaced(0.1, 2.0, 3));
    let grey = |map: &StabilityMap| map.draw(Theme::Light).unwrap().svg.matches(MISSING).count();
    assert_eq!(grey(&map), 0);
    map.observed[4] = None;
    map.observed[2] = Some(f64::NAN);
    map.observed[6] = Some(f64::NEG_INFINITY);
    // Two cells and the sample in the legend; an infinite value has the end colour.
    assert_eq!(grey(&map), 3);
    assert!(lines(&map, 80, false).iter().any(|line| line.contains("??")));
    map.observed = vec![None; 9];
    map.predicted = vec![None; 9];
    assert_well_formed(&map.draw(Theme::Light).unwrap());
    assert!(map.draw(Theme::Light).unwrap().svg.contains("unknown, nothing was linearised"));
    assert!(map.draw(Theme::Light).unwrap().svg.contains("no value"));
}

#[test]
fn equal_values_and_unsorted_axes_are_drawn() {
    let mut equal = map(spaced(0.1, 2.0, 4), spaced(0.1, 2.0, 4));
    equal.observed = vec![Some(0.0); 16];
    assert_well_formed(&equal.draw(Theme::Light).unwrap());
    let sorted = map(vec![0.1, 0.5, 2.0], vec![0.5, 1.0]);
    let shuffled = map(vec![2.0, 0.1, 0.5], vec![1.0, 0.5]);
    assert_eq!(sorted.draw(Theme::Light).unwrap(), shuffled.draw(Theme::Light).unwrap());
    let mut short = sorted.clone();
    short.observed.pop();
    assert_eq!(short.draw(Theme::Light).unwrap_err().exit_code(), 10);
}

#[test]
fn axes_follow_the_grid() {
    let decades: Vec<f64> = (-3..=1).map(|power| 10f64.powi(power)).collect();
    let svg = map(decades.clone(), spaced(0.5, 1.5, 40)).draw(Theme::Light).unwrap().svg;
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
        of: "M",
        band: 0.0,
        title: "spectrum".into(),
        caption: "cpu".into(),
    };
    let picture = figure(spiral(150_000)).draw(Theme::Light).unwrap();
    assert_well_formed(&picture);
    assert!(picture.png.len() < 1_000_000, "{} bytes", picture.png.len());
    assert!(picture.svg.len() < 3_000_000, "{} bytes", picture.svg.len());
    assert!(picture.svg.contains("20000 of 150000 eigenvalues drawn"));
    assert_eq!(figure(spiral(500)).draw(Theme::Light).unwrap(), figure(spiral(500)).draw(Theme::Light).unwrap());
    let mut some = spiral(10);
    some.push([f64::NAN, 0.0]);
    assert!(figure(some).draw(Theme::Light).unwrap().svg.contains("missing eigenvalues: 1"));
    for few in [vec![], vec![[0.0, 0.0]]] {
        assert_well_formed(&figure(few).draw(Theme::Light).unwrap());
    }
}

#[test]
fn convergence_breaks_where_values_are_missing() {
    let series = |mean: Vec<Option<f64>>| Series {
        label: "λ₁".into(),
        x: spaced(1.0, 100.0, mean.len()),
        standard_error: vec![Some(0.1); mean.len()],
        dashed: false,
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
        let picture = figure(vec![series(mean)]).draw(Theme::Light).unwrap();
        assert_well_formed(&picture);
        assert!(picture.svg.contains(INK));
        picture.svg.matches("opacity=\"0.22\"").count()
    };
    assert_eq!(bands(vec![Some(0.4); 9]), 1);
    assert_eq!(bands(vec![Some(0.4), Some(0.5), None, Some(0.5), Some(f64::NAN), Some(0.5)]), 3);
    assert_eq!(bands(vec![None; 3]), 0);
    assert_well_formed(&figure(vec![]).draw(Theme::Light).unwrap());
    let mut wrong = series(vec![Some(1.0); 3]);
    wrong.x.pop();
    assert_eq!(figure(vec![wrong]).draw(Theme::Light).unwrap_err().exit_code(), 10);
}

/// Growth 0.3, 0.6, .. over depth 10, 100, .., with a spread of 0.1 on both sides.
fn scaling(lines: usize, points: usize) -> SpreadFigure {
    let spread = |middle: f64| Spread { low: Some(middle - 0.1), middle: Some(middle), high: Some(middle + 0.1) };
    let point = |i: usize| (10f64.powi(i as i32 + 1), spread(0.3 * (i + 1) as f64));
    let line = |l: usize| SpreadLine {
        label: format!("radius {l}"),
        points: (0..points).map(point).collect(),
        promise: (0..points).map(|i| (10f64.powi(i as i32 + 1), 0.2)).collect(),
    };
    SpreadFigure {
        lines: (0..lines).map(line).collect(),
        x_label: "depth".into(),
        y_label: "growth".into(),
        neutral: (0.0, "neutral: 0".into()),
        mark: Some((30.0, "here".into())),
        title: "growth over depth".into(),
        caption: "cpu".into(),
    }
}

#[test]
fn scaling_is_drawn_whatever_is_missing() {
    for (lines, points) in [(1, 1), (1, 3), (3, 2), (8, 40), (2, 0)] {
        let figure = scaling(lines, points);
        assert_well_formed(&figure.draw(Theme::Light).unwrap());
        for columns in [10, 40, 60, 72, 100, 160] {
            let text = figure.terminal(columns);
            assert!(text.is_ascii() && text.lines().all(|line| line.len() <= columns.max(48)), "{text}");
            assert!(text.lines().count() <= 4 * 18 + 2, "{text}");
        }
    }
    let mut figure = scaling(1, 3);
    figure.lines[0].points[1].1 = Spread::default();
    figure.lines[0].points[2].1.middle = Some(f64::INFINITY);
    assert_well_formed(&figure.draw(Theme::Light).unwrap());
    let text = figure.terminal(58);
    assert!(text.contains("- to -") && text.contains("-: no value"), "{text}");
    assert!(scaling(0, 0).draw(Theme::Light).is_err(), "nothing to draw");
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

/// The rate ln |1 - γ + h ρ| of a real eigenvalue ρ is 0 where h ρ = γ. Between the nodes the map is linear in ln h and ρ:
/// off by at most 1/8 of the squares of their spacings times the second derivatives, over the slope across the line.
#[test]
fn lines_are_where_the_rate_is_0() {
    let gamma: f64 = 0.1;
    let steps: Vec<f64> = (0..48).map(|i| 10f64.powf(-2.0 + 2.0 * f64::from(i) / 47.0)).collect();
    let radii = spaced(0.15, 1.6, 48);
    let mut map = map(steps.clone(), radii.clone());
    let rate = |h: f64, rho: f64, gamma: f64| Some((1.0 - gamma + h * rho).abs().ln());
    let all = |gamma: f64| {
        let of_radius = |&rho: &f64| steps.iter().map(move |&h| rate(h, rho, gamma)).collect::<Vec<_>>();
        radii.iter().flat_map(of_radius).collect::<Vec<_>>()
    };
    map.predicted = all(gamma);
    map.observed = all(2.0 * gamma);
    for (lines, wanted) in [(map.predicted_line(), gamma), (map.observed_line(), 2.0 * gamma)] {
        let lines = lines.unwrap();
        assert_eq!(lines.len(), 1, "one line");
        let inner: Vec<[f64; 2]> =
            lines[0].iter().copied().filter(|[x, y]| *x < 1.0 && (0.2..1.55).contains(y)).collect();
        assert!(inner.len() > 40, "{} points", inner.len());
        for [h, rho] in inner {
            // Spacings are 0.1 of ln h and 0.03 of ρ; h ρ = γ is off by (0.1² + (0.03/ρ)²)/8 of itself at most, and a
            // little for the curvature of the logarithm.
            let error = (h * rho / wanted - 1.0).abs();
            let bound = 1.2 * (0.1f64.powi(2) + (0.031 / rho).powi(2)) / 8.0;
            assert!(error <= bound, "h ρ = {} at h = {h}, ρ = {rho}: off by {error}, not {bound}", h * rho);
        }
    }
    // Everything grows: no line.
    map.predicted = vec![Some(0.1); steps.len() * radii.len()];
    assert!(map.predicted_line().unwrap().is_empty());
}

/// Between a finite and an infinite rate, or one of a frozen state, the line stays between the two cells.
#[test]
fn infinite_rates_do_not_move_lines_away() {
    let mut map = map(vec![1.0, 2.0, 3.0], vec![1.0, 2.0]);
    map.observed = [-0.1, f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, -0.1, 0.3].map(Some).into();
    let lines = map.observed_line().unwrap();
    assert!(!lines.is_empty());
    for [x, y] in lines.into_iter().flatten() {
        assert!((0.5..=3.5).contains(&x) && (0.5..=2.5).contains(&y), "({x}, {y})");
    }
}

#[test]
fn colours_that_end_too_early_are_arrows() {
    let clipped = |values: [f64; 4], half_range: Option<f64>| {
        let mut map = map(vec![1.0, 2.0], vec![1.0, 2.0]);
        map.observed = values.map(Some).into();
        map.half_range = half_range;
        assert_well_formed(&map.draw(Theme::Dark).unwrap());
        (map.clipped().unwrap(), map.terminal(80, false).unwrap())
    };
    let (none, text) = clipped([-0.5, 0.1, 0.2, 0.5], Some(0.5));
    assert!(none == (false, false) && text.contains("-0.5 to 0.5"), "{text}");
    let (above, text) = clipped([-0.5, 0.1, 0.2, 0.51], Some(0.5));
    assert!(above == (false, true) && text.contains("-0.5 to >0.5"), "{text}");
    let (both, text) = clipped([f64::NEG_INFINITY, 0.1, 0.2, 0.51], Some(0.5));
    assert!(both == (true, true) && text.contains("<-0.5 to >0.5"), "{text}");
}

/// The share of a theme's map that is hatched is that of the cells that grow.
#[test]
fn growth_is_hatched() {
    let lines = |positive: usize| {
        let mut map = map(vec![1.0, 2.0, 3.0, 4.0], vec![1.0, 2.0]);
        map.predicted = vec![None; 8];
        map.observed = (0..8).map(|i| Some(if i % 4 < positive { 0.1 } else { -0.1 })).collect();
        // Ends of thin lines are those of the hatching.
        map.draw(Theme::Light).unwrap().svg.matches("stroke-width=\"0.9\"").count()
    };
    let (none, half, all) = (lines(0), lines(2), lines(4));
    // The legend and the colour bar are hatched in any case. Longer lines are not more lines.
    assert!(half > none + 40 && all > half, "{none}, {half}, {all}");
}

#[test]
fn the_mark_is_in_the_figure_and_in_the_terminal() {
    let label = "Transformer: h = 1, γ = 0";
    let mark = |x: Option<f64>, y: Option<f64>| Some(Mark { x, y, label: label.into() });
    let mut map = map(vec![0.25, 0.5, 1.0, 2.0], vec![0.5, 1.0, 1.5]);
    for (place, column, line) in [
        (mark(Some(1.0), None), Some(3), None),
        (mark(None, Some(1.0)), None, Some(1)),
        (mark(Some(0.25), Some(1.5)), Some(1), Some(0)),
    ] {
        map.mark = place;
        assert!(map.draw(Theme::Light).unwrap().svg.contains(label));
        let found = lines(&map, 80, false);
        let axis = found.iter().find(|line| line.starts_with("        +")).unwrap();
        // Four cells of 12 columns behind the gutter of 9: the middle of the third is its 7th.
        assert_eq!(axis.find('^'), column.map(|c| 9 + 12 * (c - 1) + 6), "{axis}");
        let rows: Vec<&String> =
            found.iter().filter(|line| line.chars().nth(8).is_some_and(|c| "|>".contains(c))).collect();
        let marked = rows.iter().position(|row| row.chars().nth(8) == Some('>'));
        // Three rows of four lines each, the lowest radius below.
        assert_eq!(marked.map(|row| row / 4), line, "{}", found.join("\n"));
        assert!(found.iter().any(|line| line.contains("Transformer: h = 1, gamma = 0")), "{}", found.join("\n"));
    }
    for off in [mark(Some(9.0), None), mark(Some(1.0), Some(9.0))] {
        map.mark = off;
        assert!(!map.draw(Theme::Light).unwrap().svg.contains(label));
        assert!(lines(&map, 80, false).iter().all(|line| !line.contains("Transformer") && !line.contains('^')));
    }
}
