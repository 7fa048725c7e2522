//! Steps one after the other: each with its time, the output of those that failed, and a table at the end.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cargo::Workspace;
use crate::paint::{Paint, plain};

/// One thing that must hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What it does, in a few words.
    pub(crate) about: &'static str,
    /// Whether it answers soon enough for `--fast`.
    pub(crate) fast: bool,
    /// Does it.
    pub(crate) run: fn(&Context<'_>) -> Outcome,
}

/// What a step is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// Where the project is.
    pub(crate) workspace: &'a Workspace,
    /// Show what every step writes.
    pub(crate) verbose: bool,
    /// Standard output is a log: nobody can ask again, so what the tests write is shown.
    pub(crate) log: bool,
    /// How text is painted.
    pub(crate) paint: Paint,
}

/// How a step ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// It holds; the text is what was written.
    Passed(String),
    /// It does not.
    Failed {
        /// Why.
        output: String,
        /// Whether that was shown as it came.
        shown: bool,
    },
    /// It could not be asked; the text says why.
    Skipped(String),
}

/// A step that was run.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Row {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

impl Row {
    const fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }
}

/// Runs the steps, also after one that failed. Tells whether none failed.
pub(crate) fn run(steps: &[&Step], context: &Context<'_>) -> bool {
    let mut rows = Vec::new();
    for step in steps {
        println!("{} {}", context.paint.bold(&format!("[{}]", step.name)), step.about);
        let start = now();
        let outcome = (step.run)(context);
        let row = Row { name: step.name, outcome, took: now().saturating_duration_since(start) };
        if let Outcome::Failed { output, shown: false } = &row.outcome {
            println!("{}", output.trim_end());
        }
        println!("{}", line(&row, context.paint));
        rows.push(row);
    }
    print!("\n{}", table(&rows, context.paint));
    rows.iter().all(|row| !row.failed())
}

/// The moment, for the time a step takes.
#[expect(clippy::disallowed_methods, reason = "a step's time is shown to a person; no test depends on it")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// A row of the table.
fn line(row: &Row, paint: Paint) -> String {
    let Row { name, outcome, took } = row;
    let (result, note) = match outcome {
        Outcome::Passed(_) => (paint.green("ok     "), ""),
        Outcome::Failed { .. } => (paint.red("FAILED "), ""),
        Outcome::Skipped(why) => (paint.yellow("skipped"), why.as_str()),
    };
    format!("  {name:<10} {result} {:>7.1} s  {note}", took.as_secs_f64()).trim_end().to_owned()
}

/// All rows, what the test runners counted, and the verdict.
fn table(rows: &[Row], paint: Paint) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&line(row, paint));
        text.push('\n');
    }
    // In the runners' own words, so that a program can read them; the whole workspace's come last.
    for row in rows.iter().rev() {
        if let Outcome::Passed(output) | Outcome::Failed { output, .. } = &row.outcome {
            for counted in runner_summary(output) {
                let _infallible = writeln!(text, "{counted}  ({})", row.name);
            }
        }
    }
    let failed: Vec<&str> = rows.iter().filter(|row| row.failed()).map(|row| row.name).collect();
    let seconds = rows.iter().map(|row| row.took).sum::<Duration>().as_secs_f64();
    let verdict = if failed.is_empty() {
        paint.green(&format!("passed, in {seconds:.1} s"))
    } else {
        paint.red(&format!("FAILED: {}, in {seconds:.1} s", failed.join(", ")))
    };
    text.push_str(&verdict);
    text.push('\n');
    text
}

/// The lines in which a test runner counts: nextest's own, or the sum of those that `cargo test` writes per program.
pub(crate) fn runner_summary(output: &str) -> Vec<String> {
    let output = plain(output);
    let nextest = output.lines().map(str::trim).filter(|line| line.starts_with("Summary ["));
    let mut lines: Vec<String> = nextest.map(str::to_owned).collect();
    lines.extend(libtest_sum(&output));
    lines
}

/// One `test result:` line for all.
fn libtest_sum(output: &str) -> Option<String> {
    let mut counts = [0_u64; 3];
    let results: Vec<&str> =
        output.lines().filter_map(|line| line.trim().strip_prefix("test result: ")).collect();
    for result in &results {
        for (count, word) in counts.iter_mut().zip([" passed", " failed", " ignored"]) {
            let before = result.split(word).next().unwrap_or_default();
            *count +=
                before.rsplit(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default();
        }
    }
    let [passed, failed, ignored] = counts;
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    (!results.is_empty())
        .then(|| format!("test result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, outcome: Outcome) -> Row {
        Row { name, outcome, took: Duration::from_millis(1_250) }
    }

    #[test]
    fn the_table_has_every_step_and_ends_with_the_verdict() {
        let rows = [
            row("fmt", Outcome::Passed(String::new())),
            row("deny", Outcome::Skipped("cargo-deny is not installed".to_owned())),
        ];
        let text = table(&rows, Paint::off());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "  fmt        ok          1.2 s",
                "  deny       skipped     1.2 s  cargo-deny is not installed",
                "passed, in 2.5 s"
            ]
        );
    }

    #[test]
    fn what_the_runners_counted_comes_before_the_verdict_and_the_whole_workspace_last() {
        let counted = |text: &str| Outcome::Passed(format!("compiling\n   {text}\n"));
        let rows = [
            row("tests", counted("Summary [   3.5s] 7 tests run: 7 passed, 0 skipped")),
            row("doctests", counted("test result: ok. 2 passed; 0 failed; 0 ignored")),
        ];
        let text = table(&rows, Paint::off());
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "test result: ok. 2 passed; 0 failed; 0 ignored  (doctests)",
                "Summary [   3.5s] 7 tests run: 7 passed, 0 skipped  (tests)",
                "passed, in 2.5 s"
            ]
        );
    }

    #[test]
    fn the_verdict_names_what_failed() {
        let failed = Outcome::Failed { output: String::new(), shown: false };
        let rows =
            [row("fmt", failed.clone()), row("doc", Outcome::Passed(String::new())), row("tidy", failed)];
        let text = table(&rows, Paint::off());
        assert!(text.ends_with("FAILED: fmt, tidy, in 3.8 s\n"), "{text}");
    }

    #[test]
    fn the_summary_of_nextest_is_found_below_its_colours() {
        let output = "   PASS x\n\x1b[32;1m     Summary\x1b[0m [   3.5s] \x1b[1m7\x1b[0m tests run: 7 passed, 0 skipped\n";
        assert_eq!(runner_summary(output), ["Summary [   3.5s] 7 tests run: 7 passed, 0 skipped"]);
    }

    #[test]
    fn the_counts_of_cargo_test_are_added_up() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                      test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(runner_summary(output), ["test result: FAILED. 7 passed; 2 failed; 1 ignored"]);
    }

    #[test]
    fn no_runner_no_summary() {
        assert_eq!(runner_summary("Finished in 2 s"), Vec::<String>::new());
    }
}
