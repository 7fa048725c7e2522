//! Pictures of a case: capacity, target, sent and delivered over time, the queue below, losses as marks.

mod canvas;

use std::fmt::Write as _;
use std::path::Path;

use crate::metrics::possible_rate;
use crate::record::{FlowRecord, PLOT};
use crate::run;
use crate::scenario::Scenario;
use crate::time::{Micros, SECOND, seconds};
use crate::world::Noted;
use canvas::{Panel, WIDTH, escaped};

/// Height of the panel of rates, and of that of delays, in pixels.
const RATES: f64 = 220.0;
const DELAYS: f64 = 110.0;
/// Space for a heading above a panel, and for the times below.
const HEAD: f64 = 34.0;
const FOOT: f64 = 26.0;
/// Colours of flows, told apart by people who see few colours as well (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// Writes one picture a case, with a part for each controller, of the first variant.
///
/// # Errors
/// A sentence about a folder or file that cannot be written.
pub fn write(folder: &Path, variants: &[Vec<Scenario>], controllers: &[String]) -> Result<(), String> {
    let complain = |path: &Path, error: std::io::Error| {
        format!("{} cannot be written: {error}; give --svg a folder that can", path.display())
    };
    std::fs::create_dir_all(folder).map_err(|error| complain(folder, error))?;
    for scenario in variants.iter().filter_map(|case| case.first()) {
        let mut parts: Vec<(&str, Noted)> = Vec::new();
        for name in controllers {
            parts.extend(run::once(scenario, name, 0).map(|run| (name.as_str(), run.1)));
        }
        let name: String = scenario
            .name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() || ".-_".contains(letter) { letter } else { '_' })
            .collect();
        let path = folder.join(format!("{name}.svg"));
        std::fs::write(&path, picture(scenario, &parts)).map_err(|error| complain(&path, error))?;
    }
    Ok(())
}

/// The whole picture.
pub fn picture(scenario: &Scenario, parts: &[(&str, Noted)]) -> String {
    let part = HEAD + RATES + HEAD / 2.0 + DELAYS + FOOT;
    let height = HEAD + part * parts.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} \
         {height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" \
         fill=\"white\"/>\n"
    );
    let title = escaped(&format!("{}: {}", scenario.name, scenario.title));
    let _ = writeln!(out, "<text x=\"8\" y=\"22\" font-size=\"16\">{title}</text>");
    for (index, (name, noted)) in parts.iter().enumerate() {
        let top = HEAD + part * index as f64;
        rates(&mut out, scenario, name, noted, top + HEAD);
        delays(&mut out, scenario, noted, top + HEAD + RATES + HEAD / 2.0);
    }
    out.push_str("</svg>\n");
    out
}

fn kbps(bytes: u64, time: Micros) -> f64 {
    bytes as f64 * 8_000.0 / time as f64
}

/// A flow's delivered bytes as rates of `PLOT`.
fn delivered(record: &FlowRecord, end: Micros) -> Vec<(f64, f64)> {
    (0..end / PLOT)
        .map(|bin| {
            let from = bin * PLOT;
            (seconds(from + PLOT / 2), kbps(record.delivered.between(from, from + PLOT), PLOT))
        })
        .collect()
}

fn rates(out: &mut String, scenario: &Scenario, name: &str, noted: &Noted, top: f64) {
    let end = scenario.duration;
    let steps: Vec<(f64, f64)> = (0..end / (SECOND / 10))
        .map(|tenth| {
            let at = tenth * SECOND / 10;
            (seconds(at), possible_rate(scenario, at) as f64 / 1_000.0)
        })
        .collect();
    let lines: Vec<Vec<(f64, f64)>> = noted.flows.iter().map(|flow| delivered(flow, end)).collect();
    let highest = steps.iter().chain(lines.iter().flatten()).map(|point| point.1).fold(1.0, f64::max);
    let panel = Panel::new(top, RATES, seconds(end), highest * 1.05);
    panel.frame(out, "kbit/s");
    let _ = writeln!(
        out,
        "<text x=\"60\" y=\"{}\" font-weight=\"bold\">{}</text>",
        top - 8.0,
        escaped(&format!("{name}: possible (grey), delivered of each flow, target (dotted), sent (thin)"))
    );
    panel.steps(out, &steps, "#999999", 2.0, "");
    for (index, (record, line)) in noted.flows.iter().zip(&lines).enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let of = |bins: &[u64], value: fn(u64) -> f64| -> Vec<(f64, f64)> {
            bins.iter()
                .enumerate()
                .map(|(bin, sum)| (seconds(bin as u64 * PLOT + PLOT / 2), value(*sum)))
                .collect()
        };
        let mut target = of(record.target.sums(), |bps| bps as f64 / 1_000.0);
        // A target is noted when something happens; in between it stays what it was.
        target.retain(|point| point.1 > 0.0);
        panel.line(out, &target, colour, 1.0, "2 3");
        panel.line(out, &of(record.sent.sums(), |bytes| kbps(bytes, PLOT)), colour, 0.4, "");
        panel.line(out, line, colour, 1.5, "");
    }
}

fn delays(out: &mut String, scenario: &Scenario, noted: &Noted, top: f64) {
    let end = seconds(scenario.duration);
    let points = |record: &FlowRecord| -> Vec<(f64, f64)> {
        record
            .queue
            .sums()
            .iter()
            .enumerate()
            .map(|(bin, micros)| (seconds(bin as u64 * PLOT + PLOT / 2), *micros as f64 / 1_000.0))
            .collect()
    };
    let lines: Vec<Vec<(f64, f64)>> = noted.flows.iter().map(points).collect();
    let highest = lines.iter().flatten().map(|point| point.1).fold(50.0, f64::max);
    let panel = Panel::new(top, DELAYS, end, highest * 1.05);
    panel.frame(out, "queue ms");
    panel.times(out);
    for (index, (record, line)) in noted.flows.iter().zip(&lines).enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        panel.line(out, line, colour, 1.2, "");
        for (bin, lost) in record.lost.sums().iter().enumerate().filter(|(_, lost)| **lost > 0) {
            panel.mark(out, seconds(bin as u64 * PLOT), *lost, colour);
        }
    }
}
