//! Pictures, drawn by hand as SVG.

use std::fmt::Write as _;

use crate::speed::sheet::number;

const WIDTH: f64 = 760.0;
const ROW: f64 = 22.0;
const NAMES: f64 = 150.0;
const BAR: f64 = 520.0;
const TOP: f64 = 56.0;
const COLOURS: [&str; 4] = ["#8a8f98", "#1f6feb", "#c2571a", "#2e8b57"];

/// A bar and what kind of thing it is: the colour.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) colour: usize,
}

/// Points that belong together.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

fn text((x, y): (f64, f64), anchor: &str, words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    format!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{words}</text>"#)
}

fn page(height: f64, title: &str, body: &str) -> String {
    let heading = text((16.0, 26.0), "start", title);
    format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {:.0}" "#,
            r##"font-family="sans-serif" font-size="13" fill="#222">"##,
            "\n",
            r#"<rect width="100%" height="100%" fill="white"/>"#,
            "\n<g font-weight=\"bold\">{}</g>\n{}</svg>\n"
        ),
        WIDTH, height, heading, body
    )
}

/// Bars one below the other, with their values, and a mark where the limit of one lies.
pub(super) fn bars(title: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(1.0, f64::max);
    let mut body = String::new();
    for (place, bar) in (0_u32..).zip(bars) {
        let y = TOP + f64::from(place) * ROW;
        let width = bar.value / most * BAR;
        let colour = COLOURS[bar.colour % COLOURS.len()];
        let name = text((NAMES - 8.0, y + 13.0), "end", &bar.name);
        let value = text((NAMES + width + 6.0, y + 13.0), "start", &number(bar.value));
        let rect = format!(
            r#"<rect x="{NAMES}" y="{y:.1}" width="{width:.1}" height="16" fill="{colour}"/>"#
        );
        let _ = writeln!(body, "{name}{rect}{value}");
    }
    page(TOP + bars.len() as f64 * ROW + 12.0, title, &body)
}

/// A plane with a logarithm on each axis.
struct Plane {
    x: (f64, f64),
    y: (f64, f64),
}

const LEFT: f64 = 80.0;
const RIGHT: f64 = 560.0;
const BOTTOM: f64 = 330.0;

impl Plane {
    fn around(lines: &[Line]) -> Self {
        let all = || lines.iter().flat_map(|line| line.points.iter());
        Self { x: decades(all().map(|point| point.0)), y: decades(all().map(|point| point.1)) }
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let part = |value: f64, (low, high): (f64, f64)| (value.log10() - low) / (high - low);
        let across = LEFT + part(x, self.x) * (RIGHT - LEFT);
        (across, BOTTOM - part(y, self.y) * (BOTTOM - TOP))
    }

    fn axes(&self, (across, up): (&str, &str)) -> String {
        let mut out = text((RIGHT, BOTTOM + 36.0), "end", across);
        out += &text((LEFT - 8.0, TOP - 10.0), "end", up);
        for value in powers(self.x) {
            let (x, _) = self.place((value, 10_f64.powf(self.y.0)));
            out += &text((x, BOTTOM + 18.0), "middle", &number(value).replace(".00", ""));
        }
        for value in powers(self.y) {
            let (_, y) = self.place((10_f64.powf(self.x.0), value));
            out += &text((LEFT - 8.0, y + 4.0), "end", &number(value).replace(".00", ""));
            let rule = r##"stroke="#ddd""##;
            let _ = writeln!(out, r#"<path d="M{LEFT} {y:.1}H{RIGHT}" {rule}/>"#);
        }
        out
    }
}

/// The powers of ten that enclose the values.
fn decades(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let low = values.clone().fold(f64::MAX, f64::min).log10().floor();
    let high = values.fold(f64::MIN, f64::max).log10().ceil();
    (low, high.max(low + 1.0))
}

fn powers((low, high): (f64, f64)) -> impl Iterator<Item = f64> {
    (low as i32..=high as i32).map(|power| 10_f64.powi(power))
}

/// Lines over two logarithms.
pub(super) fn lines(title: &str, across: &str, up: &str, lines: &[Line]) -> String {
    let plane = Plane::around(lines);
    let mut body = plane.axes((across, up));
    for (colour, line) in COLOURS.iter().zip(lines) {
        let places: Vec<(f64, f64)> = line.points.iter().map(|one| plane.place(*one)).collect();
        let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let style = format!(r#"fill="none" stroke="{colour}" stroke-width="2.5""#);
        let _ = writeln!(body, r#"<polyline points="{}" {style}/>"#, path.join(" "));
        for (x, y) in &places {
            let _ = writeln!(body, r#"<circle cx="{x:.1}" cy="{y:.1}" r="4" fill="{colour}"/>"#);
        }
        if let Some((x, y)) = places.last() {
            body += &text((x + 10.0, y + 4.0), "start", &line.name);
        }
    }
    page(BOTTOM + 56.0, title, &body)
}
