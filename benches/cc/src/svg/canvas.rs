//! A panel of a picture: axes, lines, marks.

use std::fmt::Write as _;

/// The width of a picture in pixels.
pub(super) const WIDTH: f64 = 1_000.0;
/// Where a panel begins and ends.
const LEFT: f64 = 60.0;
const RIGHT: f64 = WIDTH - 24.0;
/// Lines of a grid, at most.
const LINES: f64 = 5.0;

/// Text that may stand in XML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A panel with time to the right and a value upwards.
pub(super) struct Panel {
    top: f64,
    height: f64,
    end: f64,
    highest: f64,
}

/// A round step that makes at most [`LINES`] of `range`.
fn step(range: f64) -> f64 {
    let rough = range / LINES;
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough);
    factor.unwrap_or(10.0) * power
}

impl Panel {
    pub(super) fn new(top: f64, height: f64, end: f64, highest: f64) -> Self {
        Self { top, height, end, highest }
    }

    fn x(&self, at: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * at / self.end
    }

    fn y(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - value / self.highest)
    }

    /// The frame, the grid, and the values on the left.
    pub(super) fn frame(&self, out: &mut String, unit: &str) {
        let Self { top, height, .. } = self;
        let width = RIGHT - LEFT;
        let _ = writeln!(
            out,
            "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#cccccc\"/>"
        );
        let step = step(self.highest);
        let mut value = 0.0;
        while value <= self.highest {
            let y = self.y(value);
            let _ = writeln!(
                out,
                "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#eeeeee\"/><text x=\"{}\" y=\"{:.1}\" \
                 text-anchor=\"end\" fill=\"#555555\">{value}</text>",
                LEFT - 6.0,
                y + 4.0
            );
            value += step;
        }
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#555555\">{}</text>",
            RIGHT - 6.0,
            top + 14.0,
            escaped(unit)
        );
    }

    /// The times below.
    pub(super) fn times(&self, out: &mut String) {
        let step = step(self.end * LINES / 12.0);
        let mut at = 0.0;
        while at <= self.end {
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555555\">{at} s</text>",
                self.x(at),
                self.top + self.height + 16.0
            );
            at += step;
        }
    }

    /// A line through points; `dash` as in `stroke-dasharray`, none when empty.
    pub(super) fn line(&self, out: &mut String, points: &[(f64, f64)], colour: &str, width: f64, dash: &str) {
        let mut path = String::new();
        for (at, value) in points {
            let verb = if path.is_empty() { 'M' } else { 'L' };
            let value = value.min(self.highest);
            let _ = write!(path, "{verb}{:.1} {:.1}", self.x(*at), self.y(value));
        }
        stroke(out, &path, colour, width, dash);
    }

    /// A line that keeps its value until the next point.
    pub(super) fn steps(
        &self,
        out: &mut String,
        points: &[(f64, f64)],
        colour: &str,
        width: f64,
        dash: &str,
    ) {
        let mut path = String::new();
        let mut last = None;
        for (at, value) in points {
            if path.is_empty() {
                let _ = write!(path, "M{:.1} {:.1}", self.x(*at), self.y(*value));
            } else if last != Some(*value) {
                let _ = write!(path, "H{:.1}V{:.1}", self.x(*at), self.y(*value));
            }
            last = Some(*value);
        }
        let _ = write!(path, "H{RIGHT}");
        stroke(out, &path, colour, width, dash);
    }

    /// Packets lost at a moment: a mark at the top, the longer the more.
    pub(super) fn mark(&self, out: &mut String, at: f64, lost: u64, colour: &str) {
        let length = (lost as f64 * 2.0).clamp(3.0, self.height / 4.0);
        let (x, top) = (self.x(at), self.top);
        let _ =
            writeln!(out, "<path d=\"M{x:.1} {top}v{length:.1}\" stroke=\"{colour}\" stroke-width=\"1.5\"/>");
    }
}

/// Draws a path.
fn stroke(out: &mut String, path: &str, colour: &str, width: f64, dash: &str) {
    if path.is_empty() {
        return;
    }
    let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
    let _ = writeln!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{dash}/>"
    );
}
