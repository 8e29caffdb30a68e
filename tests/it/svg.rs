//! Reads a figure back: the elements of its SVG, and values from the axes by the ticks that are drawn.

/// A place on the page, from the top left corner.
pub type Place = [f64; 2];

/// Coordinates in an SVG have two decimals; so have the ticks that they are compared with.
pub const PIXEL: f64 = 0.03;

#[derive(Debug, Clone)]
pub struct Text {
    pub at: Place,
    pub anchor: String,
    pub content: String,
}

/// A line or an area.
#[derive(Debug, Clone)]
pub struct Path {
    pub points: Vec<Place>,
    pub stroke: String,
    pub width: f64,
    pub fill: String,
}

#[derive(Debug, Clone)]
pub struct Rectangle {
    /// The top left corner and the one across.
    pub corners: [Place; 2],
    pub fill: String,
    pub stroke: String,
}

#[derive(Debug, Clone)]
pub struct Dot {
    pub at: Place,
    pub fill: String,
}

/// All elements of a figure.
#[derive(Debug, Default)]
pub struct Drawing {
    pub texts: Vec<Text>,
    pub paths: Vec<Path>,
    pub rectangles: Vec<Rectangle>,
    pub dots: Vec<Dot>,
}

/// The colour of ink on light paper.
pub const INK: &str = "#222222";

impl Drawing {
    pub fn of(svg: &str) -> Self {
        let mut own = Drawing::default();
        for element in svg.split('<').skip(1) {
            let (tag, content) = element.split_once('>').expect("a tag ends");
            let attribute = |name: &str| {
                let start = tag.find(&format!(" {name}=\"")).map(|at| at + name.len() + 3)?;
                tag[start..].split('"').next()
            };
            let word = |name: &str| attribute(name).unwrap_or("none").to_string();
            let number = |name: &str| attribute(name).and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
            match tag.split([' ', '/']).next() {
                Some("text") => own.texts.push(Text {
                    at: [number("x"), number("y")],
                    anchor: word("text-anchor"),
                    content: content.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"),
                }),
                Some("path") => own.paths.push(Path {
                    points: points(&word("d")),
                    stroke: word("stroke"),
                    width: number("stroke-width"),
                    fill: word("fill"),
                }),
                Some("line") => own.paths.push(Path {
                    points: vec![[number("x1"), number("y1")], [number("x2"), number("y2")]],
                    stroke: word("stroke"),
                    width: number("stroke-width"),
                    fill: "none".into(),
                }),
                Some("rect") if number("x").is_finite() => {
                    let [x, y] = [number("x"), number("y")];
                    own.rectangles.push(Rectangle {
                        corners: [[x, y], [x + number("width"), y + number("height")]],
                        fill: word("fill"),
                        stroke: word("stroke"),
                    });
                }
                Some("circle") => own.dots.push(Dot { at: [number("cx"), number("cy")], fill: word("fill") }),
                _ => {}
            }
        }
        own
    }

    /// The texts of the page.
    pub fn says(&self, text: &str) -> bool {
        self.texts.iter().any(|own| own.content.contains(text))
    }

    /// Empty rectangles with an outline of ink, the largest first: the frame, and that of a colour bar.
    pub fn frames(&self) -> Vec<&Rectangle> {
        let mut frames: Vec<&Rectangle> =
            self.rectangles.iter().filter(|own| own.fill == "none" && own.stroke == INK).collect();
        let area = |own: &Rectangle| (own.corners[1][0] - own.corners[0][0]) * (own.corners[1][1] - own.corners[0][1]);
        frames.sort_by(|a, b| area(b).total_cmp(&area(a)));
        frames
    }

    /// The axes of the frame.
    pub fn axes(&self) -> [Axis; 2] {
        let [[left, top], [right, bottom]] = self.frames()[0].corners;
        let along = |text: &Text| text.anchor == "middle" && near(text.at[1], bottom + 21.0);
        let up = |text: &Text| text.anchor == "end" && near(text.at[0], left - 9.0);
        [
            Axis::of([left, right], self.ticks(along, |text| text.at[0])),
            Axis::of([bottom, top], self.ticks(up, |text| text.at[1] - 4.5)),
        ]
    }

    /// The axis of the colour bar.
    pub fn colours(&self) -> Axis {
        let [[_, top], [right, bottom]] = self.frames()[1].corners;
        let beside = |text: &Text| text.anchor == "start" && near(text.at[0], right + 9.0);
        Axis::of([bottom, top], self.ticks(beside, |text| text.at[1] - 4.5))
    }

    fn ticks(&self, is: impl Fn(&Text) -> bool, place: impl Fn(&Text) -> f64) -> Vec<[f64; 2]> {
        let of = |text: &Text| Some([place(text), value(&text.content)?]);
        self.texts.iter().filter(|text| is(text)).filter_map(of).collect()
    }

    /// Is a place inside of the frame?
    pub fn frames_in(&self, [x, y]: Place) -> bool {
        let [[left, top], [right, bottom]] = self.frames()[0].corners;
        (left - PIXEL..=right + PIXEL).contains(&x) && (top - PIXEL..=bottom + PIXEL).contains(&y)
    }

    /// Lines of a width in the frame, and of a colour.
    pub fn lines(&self, stroke: &str, width: f64) -> Vec<&Path> {
        let is = |path: &&Path| path.stroke == stroke && path.width == width;
        self.paths.iter().filter(is).filter(|path| path.points.iter().all(|&place| self.frames_in(place))).collect()
    }

    /// Dots of a colour in the frame, in their order.
    pub fn dots(&self, fill: &str) -> Vec<Place> {
        self.dots.iter().filter(|dot| dot.fill == fill && self.frames_in(dot.at)).map(|dot| dot.at).collect()
    }

    /// The areas of a colour in the frame.
    pub fn areas(&self, fill: &str) -> Vec<&Path> {
        let is = |path: &&Path| path.fill == fill && path.points.iter().all(|&place| self.frames_in(place));
        self.paths.iter().filter(is).collect()
    }

    /// The colour of the line before a text of the legend.
    pub fn colour_of(&self, label: &str) -> String {
        let text = self.texts.iter().find(|text| text.content == label).unwrap_or_else(|| panic!("no {label}"));
        let sample = [text.at[0] - 38.0, text.at[1] - 4.5];
        let is = |path: &&Path| path.points.first().is_some_and(|&[x, y]| near(x, sample[0]) && near(y, sample[1]));
        self.paths.iter().find(is).unwrap_or_else(|| panic!("no sample of {label}")).stroke.clone()
    }

    /// The texts of the legend, which stand below the frame's labels.
    pub fn legend(&self) -> Vec<&str> {
        let bottom = self.frames()[0].corners[1][1];
        let below = |text: &&Text| text.at[1] > bottom + 60.0;
        self.texts.iter().filter(below).map(|text| text.content.as_str()).collect()
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= PIXEL
}

fn points(d: &str) -> Vec<Place> {
    let numbers: Vec<f64> = d.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    numbers.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
}

/// The number of a tick.
fn value(text: &str) -> Option<f64> {
    text.replace('−', "-").parse().ok()
}

/// An axis: from places on the page to values, by the first and the last tick.
#[derive(Debug)]
pub struct Axis {
    pub page: [f64; 2],
    ticks: [[f64; 2]; 2],
    pub logarithmic: bool,
}

impl Axis {
    fn of(page: [f64; 2], mut ticks: Vec<[f64; 2]>) -> Self {
        ticks.sort_by(|a, b| a[1].total_cmp(&b[1]));
        assert!(ticks.len() > 1, "an axis has two ticks: {ticks:?}");
        let ends = [ticks[0], ticks[ticks.len() - 1]];
        let axis = |logarithmic| Axis { page, ticks: ends, logarithmic };
        let error = |axis: &Axis| ticks.iter().map(|[at, value]| (axis.place(*value) - at).abs()).fold(0.0, f64::max);
        let is_logarithmic = ends[0][1] > 0.0 && error(&axis(true)) < error(&axis(false));
        let own = axis(is_logarithmic);
        assert!(error(&own) <= 1.0, "the ticks are those of a scale: {ticks:?}");
        own
    }

    fn scaled(&self, value: f64) -> f64 {
        if self.logarithmic { value.ln() } else { value }
    }

    /// The place of a value.
    pub fn place(&self, value: f64) -> f64 {
        let [[from, low], [to, high]] = self.ticks;
        let share = (self.scaled(value) - self.scaled(low)) / (self.scaled(high) - self.scaled(low));
        from + share * (to - from)
    }

    /// The value at a place.
    pub fn value(&self, place: f64) -> f64 {
        let [[from, low], [to, high]] = self.ticks;
        let scaled = self.scaled(low) + (place - from) / (to - from) * (self.scaled(high) - self.scaled(low));
        if self.logarithmic { scaled.exp() } else { scaled }
    }
}

/// How far a place is from the line between two others.
pub fn distance([x, y]: Place, [[x0, y0], [x1, y1]]: [Place; 2]) -> f64 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let square = dx * dx + dy * dy;
    let share = if square > 0.0 { (((x - x0) * dx + (y - y0) * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
    (x - x0 - share * dx).hypot(y - y0 - share * dy)
}

/// Complaints about places that are not those which are expected, in any order.
pub fn unlike(what: &str, found: &[Place], expected: &[Place]) -> Vec<String> {
    let mut left = expected.to_vec();
    let mut complaints = Vec::new();
    if found.len() != expected.len() {
        complaints.push(format!("{what}: {} places, not {}", found.len(), expected.len()));
    }
    for place in found {
        let apart = |own: &Place| (own[0] - place[0]).abs().max((own[1] - place[1]).abs());
        match (0..left.len()).min_by(|&i, &j| apart(&left[i]).total_cmp(&apart(&left[j]))) {
            Some(nearest) if apart(&left[nearest]) <= PIXEL => {
                left.swap_remove(nearest);
            }
            nearest => complaints.push(format!("{what}: nothing is at {place:?}; {:?}", nearest.map(|i| left[i]))),
        }
    }
    complaints
}
