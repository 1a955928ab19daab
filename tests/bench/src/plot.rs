//! Curves as SVG: logarithmic axes, points joined by lines, one colour a curve.
//!
//! It refuses to smooth, to cut an axis short of its curves, and to leave out what does not look well.

use crate::{
    row::{Curve, Plot, Unit},
    table::amount,
};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 48.0;
/// Room below for the axis.
const BOTTOM: f64 = 56.0;
/// Of one curve's name below the plot.
const LINE: f64 = 20.0;
/// Distinct for those who see fewer colours, too.
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#000000",
];

struct Text {
    title: &'static str,
    across: &'static str,
    up: &'static str,
}

const fn text(plot: Plot) -> Text {
    match plot {
        Plot::CostBySize => Text {
            title: "Cost of a node against the size of the graph",
            across: "nodes of the graph",
            up: "time a node",
        },
        Plot::Latency => Text {
            title: "Latency percentiles",
            across: "part of the calls answered",
            up: "within",
        },
    }
}

/// The plot of all curves that belong to it; none if there is none.
#[must_use]
pub fn svg(plot: Plot, curves: &[Curve]) -> Option<String> {
    let curves: Vec<&Curve> = curves.iter().filter(|curve| curve.plot == plot).collect();
    let frame = Frame::around(plot, &curves)?;
    let height = HEIGHT + LINE * curves.len() as f64;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
"##
    );
    let Text { title, across, up } = text(plot);
    words(&mut svg, (LEFT, 26.0), "start", title);
    words(&mut svg, (LEFT - 8.0, TOP - 8.0), "end", up);
    words(&mut svg, (WIDTH - RIGHT, HEIGHT - 14.0), "end", across);
    frame.axes(&mut svg);
    for (number, curve) in curves.into_iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        frame.curve(&mut svg, curve, colour);
        let y = HEIGHT + LINE * number as f64;
        let dot = r#"<circle r="5" cx="#;
        push(
            &mut svg,
            &format!(r#"{dot}"{LEFT}" cy="{:.1}" fill="{colour}"/>"#, y - 4.0),
        );
        words(&mut svg, (LEFT + 14.0, y), "start", &curve.name);
    }
    svg += "</svg>\n";
    Some(svg)
}

/// Where figures stand in the picture.
struct Frame {
    plot: Plot,
    /// Least and most, as the axis counts them.
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    /// Whole powers of ten around everything there is.
    fn around(plot: Plot, curves: &[&Curve]) -> Option<Self> {
        let points = curves.iter().flat_map(|curve| &curve.points);
        let points: Vec<(f64, f64)> = points
            .filter(|(x, y)| has_place(plot, *x, *y))
            .map(|(x, y)| (along(plot, *x), y.log10()))
            .collect();
        let least = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).reduce(f64::min);
        let most = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).reduce(f64::max);
        let y = (least(|at| at.1)?.floor(), most(|at| at.1)?.ceil());
        Some(Self {
            plot,
            x: (least(|at| at.0)?.floor(), most(|at| at.0)?.ceil()),
            y: (y.0, y.1.max(y.0 + 1.0)),
        })
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let part = |at: f64, (least, most): (f64, f64)| (at - least) / (most - least).max(1.0);
        (
            LEFT + part(x, self.x) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - part(y, self.y) * (HEIGHT - TOP - BOTTOM),
        )
    }

    fn axes(&self, svg: &mut String) {
        for power in self.y.0 as i32..=self.y.1 as i32 {
            let (x, y) = self.at(self.x.0, f64::from(power));
            rule(svg, (x, y), (WIDTH - RIGHT, y));
            let name = amount(10_f64.powi(power) * 1.000_001, Unit::Seconds);
            words(svg, (x - 8.0, y + 4.0), "end", &whole(&name));
        }
        for power in self.x.0 as i32..=self.x.1 as i32 {
            let (x, y) = self.at(f64::from(power), self.y.0);
            rule(svg, (x, y), (x, TOP));
            words(svg, (x, y + 18.0), "middle", &self.tick(power));
        }
    }

    fn tick(&self, power: i32) -> String {
        match self.plot {
            Plot::CostBySize => whole(&amount(10_f64.powi(power) * 1.000_001, Unit::PerSecond("")))
                .trim_end_matches("/s")
                .to_owned(),
            // So many nines.
            Plot::Latency => match power {
                0 => "0".to_owned(),
                nines => format!("{} %", 100.0 - 100.0 / 10_f64.powi(nines)),
            },
        }
    }

    fn curve(&self, svg: &mut String, curve: &Curve, colour: &str) {
        // What answered all of the calls would stand at the end of an axis that has none.
        let points = curve
            .points
            .iter()
            .filter(|(x, y)| has_place(self.plot, *x, *y));
        let points: Vec<(f64, f64)> = points.copied().collect();
        let places: Vec<(f64, f64)> = points
            .iter()
            .map(|(x, y)| self.at(along(self.plot, *x), y.log10()))
            .collect();
        let line: Vec<String> = places
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let line = line.join(" ");
        push(
            svg,
            &format!(
                r#"<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>"#
            ),
        );
        for ((x, y), (_, figure)) in places.iter().zip(&points) {
            push(
                svg,
                &format!(
                    r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"><title>{}</title></circle>"#,
                    amount(*figure, Unit::Seconds)
                ),
            );
        }
    }
}

/// How far along the axis a figure stands: a size by its power of ten, a part of all by its nines.
fn along(plot: Plot, x: f64) -> f64 {
    match plot {
        Plot::CostBySize => x.log10(),
        Plot::Latency => -(1.0 - x).log10(),
    }
}

fn has_place(plot: Plot, x: f64, y: f64) -> bool {
    along(plot, x).is_finite() && y.log10().is_finite()
}

/// `1.00 µs` without its hundredths.
fn whole(name: &str) -> String {
    name.replacen(".00", "", 1).replacen(".0", "", 1)
}

fn words(svg: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    push(
        svg,
        &format!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{words}</text>"#),
    );
}

fn rule(svg: &mut String, (x, y): (f64, f64), (to_x, to_y): (f64, f64)) {
    push(
        svg,
        &format!(
            r##"<line x1="{x:.1}" y1="{y:.1}" x2="{to_x:.1}" y2="{to_y:.1}" stroke="#ddd"/>"##
        ),
    );
}

fn push(svg: &mut String, element: &str) {
    svg.push_str(element);
    svg.push('\n');
}

#[cfg(test)]
#[path = "plot_test.rs"]
mod plot_test;
