//! What people read: a row for each outcome, and a row for each aim.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use crate::aims::{AIMS, Aim, Side};
use crate::metrics::Metrics;
use crate::run::Outcome;

/// Colours, only where a person sees them: on a terminal, and not when `NO_COLOR` is set (no-color.org).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Paint {
    is_on: bool,
}

impl Paint {
    /// As fits standard output and the environment.
    pub fn for_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_on: std::io::stdout().is_terminal() && !refused }
    }

    /// Never painted.
    pub const fn off() -> Self {
        Self { is_on: false }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A column: its heading, its width, and what stands in it.
type Column = (&'static str, usize, fn(&Metrics) -> String);

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

fn tenth(value: f64) -> String {
    format!("{value:.1}")
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "never".to_owned(), |value| format!("{value:.1}"))
}

/// What is zero because nothing of it is in the case is left empty.
fn some(value: f64, text: fn(f64) -> String) -> String {
    if value == 0.0 { String::new() } else { text(value) }
}

const COLUMNS: [Column; 16] = [
    ("util %", 6, |m| tenth(m.utilisation)),
    ("p50", 4, |m| whole(m.p50)),
    ("p95", 4, |m| whole(m.p95)),
    ("p99", 4, |m| whole(m.p99)),
    ("max", 4, |m| whole(m.max)),
    ("e2e99", 5, |m| whole(m.e2e_p99)),
    ("up s", 5, |m| seconds(m.up)),
    ("down", 5, |m| seconds(m.down)),
    ("Jain", 5, |m| if m.flows.len() > 1 { format!("{:.3}", m.jain) } else { String::new() }),
    ("bad %", 6, |m| some(m.bad, |v| format!("{v:.2}"))),
    ("res60", 6, |m| some(m.residual60, |v| format!("{v:.2}"))),
    ("sent", 5, |m| whole(m.wire)),
    ("deliv", 5, |m| whole(m.delivered)),
    ("lost%", 5, |m| some(m.lost, tenth)),
    ("TCP", 5, |m| some(m.tcp, whole)),
    ("fb", 4, |m| tenth(m.feedback)),
];

/// The table of outcomes.
pub fn outcomes(outcomes: &[Outcome], paint: Paint) -> String {
    let name = outcomes.iter().map(|one| one.case.len()).max().unwrap_or(4).max(4);
    let controller = outcomes.iter().map(|one| one.controller.len()).max().unwrap_or(10).max(10);
    let mut head = format!("{:name$}  {:controller$}", "case", "controller");
    for (title, width, _) in COLUMNS {
        let _ = write!(head, " {title:>width$}");
    }
    let mut text = format!("{}\n", paint.wrap("1", head.trim_end()));
    for one in outcomes {
        let mut row = format!("{:name$}  {:controller$}", one.case, one.controller);
        for (_, width, cell) in COLUMNS {
            let _ = write!(row, " {:>width$}", cell(&one.mean));
        }
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text.push_str(
        "Queueing delays in ms, rates in kbit/s: sent a flow, delivered together, fb feedback a flow.\n",
    );
    text
}

/// An aim, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The aim.
    pub aim: &'a Aim,
    /// The value, none when it was never reached.
    pub value: Option<f64>,
    /// Whether the aim is met.
    pub is_met: bool,
}

/// The aims of the outcomes of `controller`.
pub fn judge<'a>(outcomes: &[Outcome], controller: &str) -> Vec<Judged<'a>> {
    let mut judged = Vec::new();
    for one in outcomes.iter().filter(|one| one.controller == controller) {
        for aim in AIMS.iter().filter(|aim| aim.case == one.case) {
            judged.push(Judged { aim, value: aim.metric.of(&one.mean), is_met: aim.is_met(&one.mean) });
        }
    }
    judged
}

/// The table of aims.
pub fn aims(judged: &[Judged<'_>], paint: Paint) -> String {
    let mut text = format!("{}\n", paint.wrap("1", "aim of p2pvoip                      wanted      is"));
    for Judged { aim, value, is_met } in judged {
        let side = match aim.side {
            Side::AtLeast => ">=",
            Side::AtMost => "<=",
        };
        let is = value.map_or_else(|| "never".to_owned(), |value| number(value, aim.value));
        let verdict = if *is_met { paint.wrap("32", "met") } else { paint.wrap("31", "missed") };
        let wanted = number(aim.value, aim.value);
        let _ =
            writeln!(text, "{:9} {:20} {side} {wanted:>8} {is:>8}  {verdict}", aim.case, aim.metric.name());
    }
    let met = judged.iter().filter(|one| one.is_met).count();
    let _ = writeln!(text, "{met} of {} aims are met.", judged.len());
    text
}

/// With as many digits as the number beside it needs.
fn number(value: f64, beside: f64) -> String {
    if beside < 1.0 {
        format!("{value:.3}")
    } else if beside < 10.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    }
}
