//! Rooflines and panels of eigenvalues, read back from their SVG.

use crate::svg::{Drawing, PIXEL, Place, unlike};
use eulerscope::figure::{Cloud, CloudFigure, Figure, Roof, RooflineFigure, RooflinePoint, Theme};

fn drawn(figure: &impl Figure) -> Drawing {
    Drawing::of(&figure.draw(Theme::Light).expect("it is drawn").svg)
}

/// A device is as fast as its memory lets it be, and no faster than its arithmetic: below 10 operations a byte 20 GB/s,
/// above it 200 GFLOP/s.
#[test]
fn rooflines() {
    let point = |label: &str, roof, intensity, gflops| RooflinePoint { label: label.into(), roof, intensity, gflops };
    let figure = RooflineFigure {
        roofs: vec![
            Roof { label: "cpu".into(), gflops: 200.0, gigabytes_per_second: 20.0 },
            Roof { label: "gpu".into(), gflops: 5000.0, gigabytes_per_second: 400.0 },
        ],
        points: vec![
            point("matmul", 0, 40.0, 150.0),
            point("step", 0, 0.25, 4.0),
            point("wide", 1, 100.0, 3000.0),
            // What is not positive has no logarithm.
            point("nothing", 1, 0.0, 3.0),
        ],
        title: "roofline".into(),
        caption: "here".into(),
    };
    let drawing = drawn(&figure);
    let [across, up] = drawing.axes();
    assert!(across.logarithmic && up.logarithmic);
    for (colour, gflops, bandwidth, points) in [
        ("#0072b2", 200.0_f64, 20.0, vec![(40.0, 150.0), (0.25, 4.0)]),
        ("#d55e00", 5000.0, 400.0, vec![(100.0, 3000.0)]),
    ] {
        let place = |(intensity, speed): (f64, f64)| [across.place(intensity), up.place(speed)];
        let expected: Vec<Place> = points.into_iter().map(place).collect();
        assert_eq!(unlike(colour, &drawing.dots(colour), &expected), [""; 0]);
        let roof = drawing.lines(colour, 2.2);
        assert_eq!(roof.len(), 1, "one roof of {colour}");
        let corners = &roof[0].points;
        for &[x, y] in corners {
            let speed = gflops.min(bandwidth * across.value(x));
            assert!((y - up.place(speed)).abs() <= 2.0 * PIXEL, "{colour}: [{x}, {y}], not at {speed} GFLOP/s");
        }
        let ridge = across.place(gflops / bandwidth);
        assert!(corners.iter().any(|corner| (corner[0] - ridge).abs() <= PIXEL), "{colour}: the ridge is at {ridge}");
        assert!((corners[2][0] - across.page[1]).abs() <= PIXEL, "{colour}: the roof ends where the axis does");
    }
    assert!(drawing.says("cpu: 200 GFLOP/s, 20 GB/s") && drawing.says("matmul") && !drawing.says("nothing"));
}

/// All panels show the same square of the plane, on which the unit circle gives the scale.
#[test]
fn panels_of_eigenvalues() {
    let cloud = |name: &str, eigenvalues: &[[f64; 2]]| Cloud {
        name: name.into(),
        eigenvalues: eigenvalues.to_vec(),
        band: 1e-3,
    };
    let clouds = vec![
        cloud("layer 0", &[[0.5, 0.25], [0.5, -0.25], [0.9, 0.9], [0.9, -0.9], [1.0005, 0.0]]),
        cloud("layer 1", &[[-0.8, 0.9], [-0.8, -0.9], [0.0, 0.0]]),
    ];
    let figure = CloudFigure { clouds: clouds.clone(), title: "layers".into(), caption: "here".into() };
    let drawing = drawn(&figure);
    let circles: Vec<_> = drawing.paths.iter().filter(|path| path.width == 1.1).collect();
    assert_eq!(circles.len(), 2, "a circle in each panel");
    for ((own, circle), share) in clouds.iter().zip(circles).zip(["2 / 5", "2 / 3"]) {
        let ends = |axis: usize| {
            let along = circle.points.iter().map(|point| point[axis]);
            (along.clone().fold(f64::INFINITY, f64::min), along.fold(f64::NEG_INFINITY, f64::max))
        };
        let ((left, right), (top, bottom)) = (ends(0), ends(1));
        let (middle, unit) = ([f64::midpoint(left, right), f64::midpoint(top, bottom)], (right - left) / 2.0);
        assert!((bottom - top - (right - left)).abs() <= 2.0 * PIXEL, "the circle is round");
        for ([re, im], fill) in
            own.eigenvalues.iter().map(|z| (z, if z[0].hypot(z[1]) > 1.001 { "#d55e00" } else { "#0072b2" }))
        {
            let place = [middle[0] + re * unit, middle[1] - im * unit];
            let is = |dot: &&crate::svg::Dot| (0..2).all(|axis| (dot.at[axis] - place[axis]).abs() <= 2.0 * PIXEL);
            let dot = drawing.dots.iter().find(is).unwrap_or_else(|| panic!("{}: nothing at {place:?}", own.name));
            assert_eq!(dot.fill, fill, "{}: {re} + {im} i", own.name);
        }
        assert!(drawing.says(&own.name) && drawing.says(share), "{}", own.name);
    }
    assert_eq!(drawing.dots.len(), 8 + 2, "eight eigenvalues and two samples of the legend");
    assert!(drawing.says("|λ| ≤ 1: 4") && drawing.says("|λ| > 1: 4"));
}
