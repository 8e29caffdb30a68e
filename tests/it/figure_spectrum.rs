//! The figure of eigenvalues: its frame, and who counts as outside.

use crate::figure::assert_well_formed;
use eulerscope::figure::{Disc, Figure, SpectrumScatter, Theme};

/// 1 - γ + h λ of a disc around 1: the frame is that of the disc where the unit circle would leave it 5 % of the area.
#[test]
fn the_frame_is_zoomed_where_it_would_be_empty() {
    let figure = |radius: f64| SpectrumScatter {
        eigenvalues: (0..100).map(|i| f64::from(i).sin_cos()).map(|(s, c)| [1.0 + radius * c, radius * s]).collect(),
        disc: Some(Disc { center: 1.0, radius }),
        levels: None,
        of: "M",
        band: 0.0,
        title: "spectrum".into(),
        caption: "cpu".into(),
    };
    let width = |radius: f64| {
        let [[left, right], [low, high]] = figure(radius).frame();
        assert!((right - left - (high - low)).abs() <= 1e-9, "equal scale");
        (right - left) / 1.06
    };
    // With the unit circle it reaches from -1 to 1 + radius; the disc takes 5 % where 2 r / (2 + r) = sqrt(0.05).
    assert!((width(0.5) - 2.5).abs() <= 1e-9);
    assert!((width(0.26) - 2.26).abs() <= 1e-9);
    assert!((width(0.24) - 0.48).abs() <= 1e-9);
    assert!((width(0.01) - 0.02).abs() <= 1e-9);
    let svg = figure(0.01).draw(Theme::Light).unwrap().svg;
    assert!(svg.contains("zoomed in") && !figure(0.5).draw(Theme::Light).unwrap().svg.contains("zoomed in"));
    // One point has no size.
    let one = SpectrumScatter { eigenvalues: vec![[1.0, 0.0]], disc: None, ..figure(1.0) };
    assert_well_formed(&one.draw(Theme::Dark).unwrap());
    assert!(!one.draw(Theme::Light).unwrap().svg.contains("zoomed in"));
}

#[test]
fn eigenvalues_on_the_circle_are_not_outside_within_the_band() {
    let figure = |band: f64| SpectrumScatter {
        eigenvalues: vec![[1.0 + 1e-7, 0.0], [0.0, -1.0], [0.6, 0.9], [0.0, 0.0], [f64::NAN, 3.0]],
        disc: None,
        levels: None,
        of: "M",
        band,
        title: "spectrum".into(),
        caption: "cpu".into(),
    };
    assert_eq!((figure(0.0).counts(), figure(1e-6).counts()), ((2, 2), (3, 1)));
}
