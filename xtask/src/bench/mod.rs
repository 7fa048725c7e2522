//! `cargo xtask bench`: runs the benchmarks, and tells in one table what each costs.

mod figures;
mod options;

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::cargo::Workspace;
use crate::exit::Exit;
use crate::paint::Paint;
use crate::system;
use crate::table::{Side, Table};
use figures::Figure;

pub(crate) use options::{HELP, Options, parse};

/// The name of the figures of the last run, where the user gives none.
const LAST: &str = "last";

/// Measures and tells.
pub(crate) fn run(workspace: &Workspace, options: &Options, paint: Paint) -> Exit {
    if let Err(exit) = system::ensure(paint) {
        return exit;
    }
    match measure(workspace, options) {
        Ok(figures) => show(workspace, options, &figures),
        Err(what) => {
            eprintln!("error: {what}");
            Exit::Failed
        }
    }
}

fn measure(workspace: &Workspace, options: &Options) -> Result<Vec<Figure>, String> {
    let target = workspace.target_dir();
    let criterion = target.join("criterion");
    let kept = options.save.as_deref().unwrap_or(LAST);
    let against = options.against.as_deref();
    if let Some(name) = against.filter(|name| figures::read(&criterion, name, None).is_empty()) {
        return Err(format!(
            "no figures were kept by the name `{name}`; `cargo xtask bench --save {name}` keeps some"
        ));
    }
    // What was kept by a name stays until it is measured again: a run of some benchmarks, or one that fails, costs nothing.
    if kept == LAST {
        figures::forget(&criterion, kept);
    }
    // Only the benchmarks: the library's own test harness would refuse criterion's options.
    let mut command = workspace.cargo("bench -p p2pvoip-benches --bench * --");
    command.args(["--save-baseline", kept]).args(options.name.as_deref());
    command.args(options.quick.then_some("--quick")).args(&options.rest);
    command.env("CRITERION_HOME", &criterion);
    // How it goes is for who watches; the table is the result.
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    if !command.status().is_ok_and(|status| status.success()) {
        return Err("the benchmarks could not be run; what cargo wrote says why".to_owned());
    }
    let figures = figures::read(&criterion, kept, against);
    if figures.is_empty() { Err("no benchmark has that in its name".to_owned()) } else { Ok(figures) }
}

fn show(workspace: &Workspace, options: &Options, figures: &[Figure]) -> Exit {
    let table = table(figures, options.against.as_deref());
    let document = workspace.target_dir().join("bench.md");
    if let Err(what) = write(&document, &table) {
        eprintln!("error: {what}");
        return Exit::Failed;
    }
    if options.json {
        println!("{:#}", to_json(figures, options));
    } else {
        print!("\n{}", table.text());
        println!(
            "\nThe same is in {}.",
            document.strip_prefix(&workspace.root).unwrap_or(&document).display()
        );
    }
    Exit::Done
}

fn write(document: &Path, table: &Table) -> Result<(), String> {
    let text = format!("# Benchmarks\n\n{}", table.markdown());
    std::fs::write(document, text)
        .map_err(|error| format!("{} cannot be written: {error}", document.display()))
}

fn table(figures: &[Figure], against: Option<&str>) -> Table {
    let mut columns = vec![
        ("name", Side::Left),
        ("median", Side::Right),
        ("spread", Side::Right),
        ("throughput", Side::Right),
        ("of 20 ms", Side::Right),
        ("of the work alone", Side::Right),
    ];
    if against.is_some() {
        columns.push(("ratio to what was kept", Side::Right));
    }
    let mut table = Table::new(&columns);
    for figure in figures {
        let beside = figure.alone(figures).map(|alone| format!("{:.2} x", figure.median / alone.median));
        let mut row = vec![
            figure.name.clone(),
            time(figure.median),
            format!("± {}", time(figure.spread)),
            throughput(figure),
            format!("{:.4} %", 100.0 * figure.share()),
            beside.unwrap_or_default(),
        ];
        if against.is_some() {
            row.push(figure.ratio().map_or_else(|| "new".to_owned(), |ratio| format!("{ratio:.2}")));
        }
        table.push(row);
    }
    table
}

/// Nanoseconds in the unit that fits.
fn time(nanos: f64) -> String {
    match nanos {
        ..1e3 => format!("{nanos:.1} ns"),
        ..1e6 => format!("{:.2} us", nanos / 1e3),
        _ => format!("{:.2} ms", nanos / 1e6),
    }
}

fn throughput(figure: &Figure) -> String {
    let (amount, unit) = match figure.bytes {
        Some(bytes) => (bytes * figure.per_second(), "B/s"),
        None => (figure.per_second(), "/s"),
    };
    match amount {
        ..1e3 => format!("{amount:.0} {unit}"),
        ..1e6 => format!("{:.1} k{unit}", amount / 1e3),
        _ => format!("{:.1} M{unit}", amount / 1e6),
    }
}

fn to_json(figures: &[Figure], options: &Options) -> Value {
    let one = |figure: &Figure| {
        json!({
            "name": figure.name,
            "median_ns": figure.median,
            "spread_ns": figure.spread,
            "per_second": figure.per_second(),
            "bytes_per_second": figure.bytes.map(|bytes| bytes * figure.per_second()),
            "share_of_20_ms": figure.share(),
            "multiple_of_alone": figure.alone(figures).map(|alone| figure.median / alone.median),
            "ratio": figure.ratio(),
        })
    };
    json!({
        "quick": options.quick,
        "against": options.against,
        "benchmarks": figures.iter().map(one).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, median: f64) -> Figure {
        Figure { name: name.to_owned(), median, spread: 1.0, bytes: None, before: Some(median / 2.0) }
    }

    #[test]
    fn the_table_tells_shares_and_ratios() {
        let figures = [figure("seal", 200.0), figure("seal-ring-alone", 160.0), figure("opus/encode", 1e6)];
        let text = table(&figures, Some("old")).text();
        assert!(text.contains("1.00 ms") && text.contains("5.0000 %"), "{text}");
        assert!(text.contains("1.25 x") && text.contains("2.00"), "{text}");
        assert!(!table(&figures, None).text().contains("ratio"));
    }

    #[test]
    fn times_and_rates_have_the_unit_that_fits() {
        assert_eq!([12.34, 1_234.0, 12_345_678.0].map(time), ["12.3 ns", "1.23 us", "12.35 ms"]);
        assert_eq!(throughput(&figure("a", 100.0)), "10.0 M/s");
        assert_eq!(throughput(&Figure { bytes: Some(160.0), ..figure("a", 160.0) }), "1000.0 MB/s");
    }

    #[test]
    fn a_program_reads_the_same() {
        let value = to_json(&[figure("a", 20e6)], &Options::default());
        assert_eq!(value["benchmarks"][0]["share_of_20_ms"], 1.0);
        assert_eq!(value["benchmarks"][0]["ratio"], 2.0);
    }
}
