//! What people read: a row for each outcome, and a row for each aim.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use crate::aims::{AIMS, Aim, Metric, Side};
use crate::frozen::{self, Compared};
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
    for (index, one) in outcomes.iter().enumerate() {
        let mut row = format!("{:name$}  {:controller$}", one.case, one.controller);
        for (_, width, cell) in COLUMNS {
            let _ = write!(row, " {:>width$}", cell(&one.mean));
        }
        let _ = writeln!(text, "{}", row.trim_end());
        let is_last = outcomes.get(index + 1).is_none_or(|next| next.case != one.case);
        if let Some(row) = frozen::of(&one.case).filter(|_| is_last) {
            let was = [row.utilisation, row.p95, row.delivered];
            for (label, values) in [("frozen", was), ("best known", row.best)] {
                let cells = frozen_cells(values);
                let line = format!("{:name$}  {label:controller$}{cells}", one.case);
                let _ = writeln!(text, "{}", paint.wrap("2", line.trim_end()));
            }
        }
    }
    text.push_str(
        "Queueing delays in ms, rates in kbit/s: sent a flow, delivered together, fb feedback a flow.\n",
    );
    if outcomes.iter().any(|one| frozen::of(&one.case).is_some()) {
        text.push_str(
            "Frozen: goog_cc in another simulator. Best known: the best of six controllers there, each column its own.\n",
        );
    }
    text
}

/// Utilisation, 95th percentile and media in their columns.
fn frozen_cells([utilisation, p95, delivered]: [Option<f64>; 3]) -> String {
    let mut cells = String::new();
    for (title, width, _) in COLUMNS {
        let value = match title {
            "util %" => utilisation,
            "p95" => p95,
            "deliv" => delivered,
            _ => None,
        };
        let cell = value.map_or_else(String::new, whole);
        let _ = write!(cells, " {cell:>width$}");
    }
    cells
}

/// The table of frozen rows beside live ones.
pub fn calibration(compared: &[Compared], paint: Paint) -> String {
    let head = format!(
        "{:30} {:>8} {:>8} {:>7} {:>8}",
        format!("live {} of {} runs", frozen::CONTROLLER, frozen::RUNS),
        "frozen",
        "live",
        "off",
        "chance"
    );
    let mut text = format!("{}\n", paint.wrap("1", &head));
    for one in compared {
        let _ = writeln!(
            text,
            "{:9} {:20} {:>8.0} {:>8.1} {:>+6.0}% {:>+8.0}  {}",
            one.case,
            one.metric.name(),
            one.frozen,
            one.live,
            one.off(),
            one.chance,
            verdict(one.is_met, paint)
        );
    }
    let met = compared.iter().filter(|one| one.is_met).count();
    let _ = writeln!(
        text,
        "{met} of {} come out within 10 %, or closer than 5 ms. A frozen row is a mean of three runs: chance is how\n\
         far such means of the live controller lie from its own, 19 times in 20.",
        compared.len()
    );
    text
}

fn verdict(is_met: bool, paint: Paint) -> String {
    if is_met { paint.wrap("32", "met") } else { paint.wrap("31", "missed") }
}

/// An aim, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The aim.
    pub aim: &'a Aim,
    /// The mean of the variants, none when one never reached it.
    pub value: Option<f64>,
    /// The worst of them.
    pub worst: Option<f64>,
    /// Whether the aim is met.
    pub is_met: bool,
}

/// The aims of the outcomes of `controller`.
pub fn judge<'a>(outcomes: &[Outcome], controller: &str) -> Vec<Judged<'a>> {
    let mut judged = Vec::new();
    for one in outcomes.iter().filter(|one| one.controller == controller) {
        for aim in AIMS.iter().filter(|aim| aim.case == one.case) {
            judged.push(Judged {
                aim,
                value: aim.metric.of(&one.mean),
                worst: worst(aim.metric, aim.side, &one.runs),
                is_met: aim.is_met(&one.mean),
            });
        }
    }
    judged
}

/// The worst of several runs, none when one never reached it.
fn worst(metric: Metric, side: Side, runs: &[Metrics]) -> Option<f64> {
    let values: Option<Vec<f64>> = runs.iter().map(|run| metric.of(run)).collect();
    values?.into_iter().reduce(|one, other| match side {
        Side::AtLeast => one.min(other),
        Side::AtMost => one.max(other),
    })
}

/// The table of aims.
pub fn aims(judged: &[Judged<'_>], paint: Paint) -> String {
    let head = "aim of p2pvoip                      wanted      is    worst";
    let mut text = format!("{}\n", paint.wrap("1", head));
    for Judged { aim, value, worst, is_met } in judged {
        let side = match aim.side {
            Side::AtLeast => ">=",
            Side::AtMost => "<=",
        };
        let shown =
            |value: &Option<f64>| value.map_or_else(|| "never".to_owned(), |value| number(value, aim.value));
        let (is, worst, verdict) = (shown(value), shown(worst), verdict(*is_met, paint));
        let (name, wanted) = (aim.metric.name(), number(aim.value, aim.value));
        let _ = writeln!(text, "{:9} {name:20} {side} {wanted:>8} {is:>8} {worst:>8}  {verdict}", aim.case);
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
