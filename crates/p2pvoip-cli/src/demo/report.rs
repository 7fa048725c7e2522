//! The report: one page of HTML that needs nothing else, no script, no network; light or dark as its reader likes.

use std::fmt::Write as _;

use p2pvoip::telemetry::{Grade, emodel::MOS_TOP};

use super::plot::{self, Band, Line, Plot, Scale, Span};
use super::trace::Trace;
use super::verdict::{Summary, Way};

/// The page's style sheet.
const STYLE: &str = include_str!("report.css");

/// The least that the scales show: kbit/s, percent, milliseconds.
const LEAST: (f64, f64, f64) = (32.0, 10.0, 100.0);

/// Opinion scores and what they are called.
const OPINIONS: Scale = Scale {
    bottom: Grade::Poor.least_mos(),
    top: MOS_TOP,
    bands: &[band(Grade::Poor, "poor"), band(Grade::Fair, "fair"), band(Grade::Good, "fine")],
};

const fn band(grade: Grade, class: &'static str) -> Band {
    Band { from: grade.least_mos(), name: grade.as_str(), class }
}

/// The whole page.
pub(super) fn page(summary: &Summary, traces: [&Trace; 2]) -> String {
    let mut out = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let _ = write!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}: p2pvoip demo</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        summary.headline()
    );
    head(summary, &mut out);
    table(summary, &mut out);
    plots(summary, traces, &mut out);
    conservation(summary, &mut out);
    listen(summary, &mut out);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn head(summary: &Summary, out: &mut String) {
    let class = if summary.passed() { "good" } else { "bad" };
    let _ = write!(
        out,
        "<header>\n<p class=\"badge {class}\">{}</p>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n",
        if summary.passed() { "Passed" } else { "Failed" },
        escape(&summary.headline()),
        escape(&summary.lead())
    );
    if !summary.complaints().is_empty() {
        out.push_str("<ul class=\"complaints\">\n");
        for complaint in summary.complaints() {
            let _ = writeln!(out, "<li>{}</li>", escape(&complaint));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("<dl>\n");
    for (name, value) in summary.facts() {
        let _ = writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(&value));
    }
    out.push_str("</dl>\n</header>\n");
}

fn table(summary: &Summary, out: &mut String) {
    out.push_str("<section>\n<h2>What arrived</h2>\n");
    rows(summary, Way::rows, out);
    out.push_str("</section>\n");
}

fn conservation(summary: &Summary, out: &mut String) {
    out.push_str(
        "<section>\n<h2>Where every datagram went</h2>\n<p>Both programs know of each other only the addresses of the \
         forwarder between them. What one counts as sent must have arrived there, and what the other counts as \
         received must have left from there: so no voice passed it by.</p>\n",
    );
    let _ = writeln!(out, "<p>Datagrams of strangers, which it dropped: {}</p>", summary.strangers);
    rows(summary, Way::passage_rows, out);
    out.push_str("</section>\n");
}

/// A table with one column for each direction.
fn rows(summary: &Summary, of: impl Fn(&Way) -> Vec<(&'static str, String)>, out: &mut String) {
    let [first, second] = &summary.ways;
    let _ = writeln!(
        out,
        "<table>\n<thead><tr><th></th><th>{}</th><th>{}</th></tr></thead>\n<tbody>",
        first.title, second.title
    );
    for ((name, left), (_, right)) in of(first).into_iter().zip(of(second)) {
        let _ =
            writeln!(out, "<tr><th>{name}</th><td>{}</td><td>{}</td></tr>", escape(&left), escape(&right));
    }
    out.push_str("</tbody>\n</table>\n");
}

/// A row of plots.
struct Kind {
    title: &'static str,
    unit: &'static str,
    /// A fixed scale, or the least top of one that fits.
    scale: Result<Scale, f64>,
    /// What is drawn of a direction, and behind it.
    lines: fn(&Trace) -> Vec<Line>,
    spans: fn(&Trace) -> Vec<Span>,
}

impl Kind {
    const fn new(
        title: &'static str,
        unit: &'static str,
        scale: Result<Scale, f64>,
        lines: fn(&Trace) -> Vec<Line>,
    ) -> Self {
        Self { title, unit, scale, lines, spans: |_| Vec::new() }
    }

    /// The same, with what the congestion controller did behind it.
    const fn with_congestion(self) -> Self {
        Self { spans: Trace::congestion, ..self }
    }
}

fn plots(summary: &Summary, traces: [&Trace; 2], out: &mut String) {
    if traces.iter().all(|trace| trace.seconds() <= 0.0) {
        out.push_str("<section>\n<h2>Over time</h2>\n<p>The call was never connected, so nothing is to be shown.</p>\n</section>\n");
        return;
    }
    let seconds = traces.iter().map(|trace| trace.seconds()).fold(1.0, f64::max);
    let kinds = [
        Kind::new("Quality", "MOS (E-model), 1 to 4.5", Ok(OPINIONS), Trace::quality),
        Kind::new("Bitrate", "kbit/s", Err(LEAST.0), Trace::bitrate).with_congestion(),
        Kind::new("Queue", "ms", Err(LEAST.2), Trace::queue).with_congestion(),
        Kind::new("Loss", "%, over the last two seconds", Err(LEAST.1), Trace::loss),
        Kind::new("Playout delay", "ms", Err(LEAST.2), Trace::delay),
    ];
    out.push_str(
        "<section>\n<h2>Over time</h2>\n<p class=\"lead\">Quality is the opinion that listeners would have on average, as the \
         E-model (ITU-T G.107.2) estimates it from the codec's rate, what was lost after repair, and the delay. Delay costs a \
         conversation, not the listening, and nothing up to 100 ms: then both lines are one. Behind bitrate and queue stands what \
         the congestion controller did where it did not grow.</p>\n<div class=\"plots\">\n",
    );
    for way in &summary.ways {
        let _ = writeln!(out, "<h3>{}</h3>", way.title);
    }
    for Kind { title, unit, scale, lines, spans } in kinds {
        let both = traces.map(lines);
        let fitted = |least| Scale::to(plot::top(both.iter().flatten(), least) * 1.05);
        let scale = scale.unwrap_or_else(fitted);
        for ((lines, trace), way) in both.into_iter().zip(traces).zip(&summary.ways) {
            let spans = spans(trace);
            out.push_str(&Plot { way: way.title, title, unit, seconds, scale, lines, spans }.figure());
        }
    }
    out.push_str("</div>\n</section>\n");
}

fn listen(summary: &Summary, out: &mut String) {
    out.push_str("<section>\n<h2>Listen</h2>\n<div class=\"plots\">\n");
    for way in &summary.ways {
        let _ = writeln!(out, "<div class=\"voices\"><h3>{}</h3>", way.title);
        for (what, file) in
            [("Said", Some(way.original)), ("Heard", way.heard.is_ok().then_some(way.received))]
        {
            if let Some(file) = file {
                let _ = writeln!(
                    out,
                    "<p><a href=\"{file}\">{what}: {file}</a></p><audio controls preload=\"none\" src=\"{file}\"></audio>"
                );
            }
        }
        out.push_str("</div>\n");
    }
    out.push_str("</div>\n</section>\n");
}

/// Text as HTML shows it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::demo::play::Side;

    /// A side that had a call of eight seconds.
    fn side() -> Side {
        let stats = (1..=40_u32).map(|n| {
            json!({
                "event": "stats", "at_ms": n * 200,
                "outbound": {
                    "bitrate": 30_000 + n % 5 * 800, "target_bitrate": 42_000, "ptime_ms": 20,
                    "congestion": if n % 10 < 2 { "draining" } else { "growing" },
                },
                "inbound": {
                    "packets_received": n * 10, "packets_lost": n / 2, "concealed_ms": n, "played_ms": n * 200,
                    "playout_delay_ms": 60 + n % 7, "target_playout_delay_ms": 62,
                },
                "path": { "round_trip_time_ms": 41.0, "queueing_delay_ms": n % 9 },
                "quality": if n < 5 { json!(null) } else { json!({ "mos": 3.9, "mos_listening": 4.0, "r": 77.0 }) },
            })
        });
        let connected = json!({ "event": "state", "state": "connected", "at_ms": 0 });
        Side { events: std::iter::once(connected).chain(stats).collect(), ..Side::default() }
    }

    #[test]
    fn the_page_is_whole_and_needs_nothing_else() {
        let (caller, callee) = (side(), side());
        let traces = [Trace::of(&caller, &callee), Trace::of(&callee, &caller)];
        let [first, second] = &traces;
        let page = page(&Summary::example(&caller, &callee), [first, second]);
        for tag in [
            "html", "head", "style", "main", "header", "section", "table", "tr", "figure", "svg", "div", "dl",
        ] {
            let opened =
                page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        assert_eq!((page.matches("<svg").count(), page.matches("class=\"line").count()), (10, 20));
        assert_eq!(
            page.matches("class=\"span draining").count(),
            5 * 4,
            "each stretch in two plots of each direction"
        );
        assert_eq!(
            page.matches("<em class=\"way\">Caller to callee</em>").count(),
            5,
            "a narrow page names it"
        );
        assert!(!page.contains("<script") && !page.contains("http"), "nothing is loaded from elsewhere");
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<b> & \"x\""), "&lt;b&gt; &amp; &quot;x&quot;");
    }
}
