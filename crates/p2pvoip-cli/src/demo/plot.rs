//! Plots of something over time, drawn as SVG that a page can hold inline. Colours come from the page's style sheet.

use std::fmt::Write as _;

/// The drawing's width and height, in the units of its `viewBox`.
const SIZE: (f64, f64) = (560.0, 190.0);
/// Room around the plot for its numbers: left, right, above, below.
const MARGIN: (f64, f64, f64, f64) = (46.0, 10.0, 10.0, 24.0);
/// How many lines a grid has at most in each direction.
const MOST_TICKS: f64 = 6.0;

/// One line of a plot.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// What it shows, for the legend.
    pub(super) name: &'static str,
    /// The class of the style sheet that colours it.
    pub(super) class: &'static str,
    /// Seconds, and the value then; values that are no numbers are left out.
    pub(super) points: Vec<(f64, f64)>,
}

/// A stretch of time with a name, drawn behind the lines.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Span {
    /// Its first and its last second.
    pub(super) seconds: (f64, f64),
    /// What it is, for the legend.
    pub(super) name: &'static str,
}

/// What a plot shows of the values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// The least value shown.
    pub(super) bottom: f64,
    /// The largest value shown.
    pub(super) top: f64,
    /// Ranges of values that have a name, drawn behind the lines; each ends where the next begins, the last at the top.
    pub(super) bands: &'static [Band],
}

/// A range of values with a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    /// Where it begins.
    pub(super) from: f64,
    /// What is written in it.
    pub(super) name: &'static str,
    /// The class of the style sheet that colours it.
    pub(super) class: &'static str,
}

impl Scale {
    /// From zero to `top`, without names.
    pub(super) const fn to(top: f64) -> Self {
        Self { bottom: 0.0, top, bands: &[] }
    }
}

/// Lines over time.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    /// The direction that it is of.
    pub(super) way: &'static str,
    /// What it shows.
    pub(super) title: &'static str,
    /// The unit of the values.
    pub(super) unit: &'static str,
    /// How many seconds are shown.
    pub(super) seconds: f64,
    /// The values shown: the least and the largest.
    pub(super) scale: Scale,
    /// What is drawn, the last above the others.
    pub(super) lines: Vec<Line>,
    /// What is drawn behind them; its name is a class of the style sheet.
    pub(super) spans: Vec<Span>,
}

/// The largest value of all lines, and not less than `least`.
pub(super) fn top<'a>(lines: impl Iterator<Item = &'a Line>, least: f64) -> f64 {
    lines
        .flat_map(|line| &line.points)
        .map(|(_, value)| *value)
        .filter(|value| value.is_finite())
        .fold(least, f64::max)
}

impl Plot {
    /// A figure of HTML: the title, the legend and the drawing.
    pub(super) fn figure(&self) -> String {
        let mut out = format!(
            "<figure><figcaption><em class=\"way\">{}</em> <b>{}</b> <span>{}</span>",
            self.way, self.title, self.unit
        );
        for line in &self.lines {
            let _ = write!(out, "<i class=\"key {}\">{}</i>", line.class, line.name);
        }
        let mut named: Vec<&str> = self.spans.iter().map(|span| span.name).collect();
        named.sort_unstable();
        named.dedup();
        for name in named {
            let _ = write!(out, "<i class=\"key {name}\">{name}</i>");
        }
        out.push_str("</figcaption>\n");
        self.draw(&mut out);
        out.push_str("</figure>\n");
        out
    }

    fn draw(&self, out: &mut String) {
        let (width, height) = SIZE;
        let _ = writeln!(
            out,
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}: {} in {} over time\">",
            self.way, self.title, self.unit
        );
        self.bands(out);
        for Span { seconds: (from, to), name } in &self.spans {
            let (top, bottom) = (MARGIN.2, height - MARGIN.3);
            let (left, right) = (self.x(*from), self.x(*to));
            let _ = writeln!(
                out,
                "<path class=\"span {name}\" d=\"M{left:.1} {top}H{right:.1}V{bottom}H{left:.1}Z\"/>"
            );
        }
        let step = step(self.scale.top - self.scale.bottom);
        for tick in ticks(self.scale.bottom, self.scale.top, step) {
            let y = self.y(tick);
            let (left, right) = (MARGIN.0, width - MARGIN.1);
            let _ = write!(out, "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/>");
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" class=\"end\">{}</text>",
                left - 6.0,
                y + 4.0,
                number(tick, step)
            );
        }
        let seconds = step_of_time(self.seconds);
        for tick in ticks(0.0, self.seconds, seconds) {
            let label = number(tick, seconds);
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" class=\"mid\">{label} s</text>",
                self.x(tick).min(width - MARGIN.1 - 8.0),
                height - 6.0
            );
        }
        for line in &self.lines {
            self.trace(line, out);
        }
        out.push_str("</svg>\n");
    }

    fn bands(&self, out: &mut String) {
        let (left, right) = (MARGIN.0, SIZE.0 - MARGIN.1);
        let ends = self.scale.bands.iter().skip(1).map(|band| band.from).chain([self.scale.top]);
        for (band, end) in self.scale.bands.iter().zip(ends) {
            let (top, bottom) = (self.y(end), self.y(band.from));
            let _ = writeln!(
                out,
                "<path class=\"band {}\" d=\"M{left} {top:.1}H{right}V{bottom:.1}H{left}Z\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" class=\"end name {0}\">{}</text>",
                band.class,
                right - 6.0,
                bottom - 5.0,
                band.name
            );
        }
    }

    fn trace(&self, line: &Line, out: &mut String) {
        let mut path = String::new();
        for (seconds, value) in &line.points {
            if value.is_finite() {
                let command = if path.is_empty() { 'M' } else { 'L' };
                let _ = write!(path, "{command}{:.1} {:.1}", self.x(*seconds), self.y(*value));
            }
        }
        if !path.is_empty() {
            let _ = writeln!(out, "<path class=\"line {}\" d=\"{path}\"/>", line.class);
        }
    }

    fn x(&self, seconds: f64) -> f64 {
        let part = (seconds / self.seconds.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        MARGIN.0 + part * (SIZE.0 - MARGIN.0 - MARGIN.1)
    }

    fn y(&self, value: f64) -> f64 {
        let Scale { bottom, top, .. } = self.scale;
        let part = ((value - bottom) / (top - bottom).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        SIZE.1 - MARGIN.3 - part * (SIZE.1 - MARGIN.2 - MARGIN.3)
    }
}

/// How far the lines of a grid are apart: 1, 2 or 5 times a power of ten.
fn step(top: f64) -> f64 {
    let rough = top.max(f64::MIN_POSITIVE) / MOST_TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= rough).unwrap_or(10.0);
    digit * power
}

/// As [`step`], but of whole seconds.
fn step_of_time(seconds: f64) -> f64 {
    step(seconds).max(1.0)
}

fn ticks(bottom: f64, top: f64, step: f64) -> impl Iterator<Item = f64> {
    (0..=20_u32).map(move |n| bottom + f64::from(n) * step).take_while(move |tick| *tick <= top * 1.000_001)
}

fn number(value: f64, step: f64) -> String {
    if step < 1.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> Plot {
        let line = Line { name: "sent", class: "one", points };
        Plot {
            way: "Caller to callee",
            title: "Bitrate",
            unit: "kbit/s",
            seconds: 10.0,
            scale: Scale::to(50.0),
            lines: vec![line],
            spans: Vec::new(),
        }
    }

    #[test]
    fn steps_are_round_and_few() {
        for top in [0.3, 1.0, 7.0, 12.0, 49.0, 64.0, 999.0] {
            let step = step(top);
            let count = ticks(0.0, top, step).count();
            assert!((2..=7).contains(&count), "{top}: {count} lines of {step}");
        }
    }

    #[test]
    fn values_without_a_number_are_left_out() {
        let figure = plot(vec![(0.0, 25.0), (1.0, f64::NAN), (2.0, 50.0)]).figure();
        assert!(figure.contains("d=\"M46.0 88.0L146.8 10.0\""), "{figure}");
    }

    #[test]
    fn no_points_draw_no_line() {
        assert!(!plot(Vec::new()).figure().contains("class=\"line"));
    }

    #[test]
    fn named_ranges_fill_the_scale_without_a_hole() {
        const BANDS: &[Band] = &[
            Band { from: 1.0, name: "poor", class: "poor" },
            Band { from: 3.0, name: "good", class: "good" },
        ];
        let mut plot = plot(vec![(0.0, 1.0), (10.0, 5.0)]);
        plot.scale = Scale { bottom: 1.0, top: 5.0, bands: BANDS };
        let figure = plot.figure();
        assert!(figure.contains("class=\"band poor\" d=\"M46 88.0H550V166.0H46Z\""), "{figure}");
        assert!(figure.contains("class=\"band good\" d=\"M46 10.0H550V88.0H46Z\""), "{figure}");
        assert!(figure.contains("d=\"M46.0 166.0L550.0 10.0\""), "the scale begins at its bottom: {figure}");
    }

    #[test]
    fn a_stretch_of_time_is_drawn_behind_and_named_once() {
        let mut plot = plot(vec![(0.0, 0.0)]);
        plot.spans = [(2.0, 4.0), (6.0, 7.0)].map(|seconds| Span { seconds, name: "draining" }).to_vec();
        let figure = plot.figure();
        assert!(figure.contains("class=\"span draining\" d=\"M146.8 10H247.6V166H146.8Z\""), "{figure}");
        assert_eq!(figure.matches("key draining").count(), 1);
        assert!(figure.find("class=\"span") < figure.find("class=\"line"));
    }

    #[test]
    fn values_above_the_top_stay_inside() {
        let figure = plot(vec![(0.0, 1_000.0), (99.0, -5.0)]).figure();
        assert!(figure.contains("M46.0 10.0L550.0 166.0"), "{figure}");
    }
}
