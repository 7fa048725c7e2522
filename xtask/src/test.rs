//! `cargo xtask test`: everything that must hold before a change is merged.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::Command;

use crate::args::TestOptions;
use crate::cargo::{Ran, Workspace, capture};
use crate::exit::Exit;
use crate::paint::Paint;
use crate::steps::{self, Context, Outcome, Step, runner_summary};
use crate::{system, tidy};

/// All steps, in their order: what answers soonest comes first.
pub(crate) const STEPS: [Step; 16] = [
    Step { name: "fmt", about: "the code is formatted", fast: true, run: fmt },
    Step { name: "tidy", about: "the rules of the house hold", fast: true, run: tidy_up },
    Step {
        name: "clippy",
        about: "clippy has nothing to say, in tests and examples too",
        fast: true,
        run: clippy,
    },
    Step { name: "tests", about: "every test of every package", fast: true, run: tests },
    Step { name: "fuzz", about: "the fuzz bodies hold on their corpora", fast: true, run: fuzz },
    Step {
        name: "examples",
        about: "every library crate has an example, and all run and end well",
        fast: false,
        run: crate::examples::step,
    },
    Step {
        name: "features",
        about: "the parts that are built on demand hold (mls, x509, fast-x25519, keyring)",
        fast: false,
        run: features,
    },
    Step { name: "doctests", about: "the examples in the documentation run", fast: false, run: doctests },
    Step { name: "doc", about: "the documentation builds without a warning", fast: false, run: doc },
    Step { name: "api", about: "the public API is as it was locked", fast: false, run: crate::api::step },
    Step { name: "cc-alone", about: "p2pvoip-cc needs p2pvoip-core alone", fast: true, run: cc_alone },
    Step {
        name: "no-std",
        about: "p2pvoip-cc links without std and without a heap",
        fast: true,
        run: crate::no_std::step,
    },
    Step { name: "no-tokio", about: "the facade builds without a runtime", fast: false, run: no_tokio },
    Step { name: "no-wav", about: "media builds without files of sound", fast: false, run: no_wav },
    Step {
        name: "no-device",
        about: "the program builds without sound devices",
        fast: false,
        run: no_device,
    },
    Step { name: "deny", about: "licences and sources are allowed (cargo-deny)", fast: false, run: deny },
];

/// Names the steps.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for Step { name, about, fast, .. } in &STEPS {
        let _infallible = writeln!(text, "{name:<10} {about}{}", if *fast { "" } else { " (not in --fast)" });
    }
    text
}

/// Runs the chosen steps.
pub(crate) fn run(workspace: &Workspace, options: &TestOptions, paint: Paint) -> Exit {
    if let Err(exit) = system::ensure(paint) {
        return exit;
    }
    let chosen: Vec<&Step> = STEPS.iter().filter(|step| is_chosen(step, options)).collect();
    let log = !std::io::stdout().is_terminal();
    let context = Context { workspace, verbose: options.verbose, log, paint };
    if steps::run(&chosen, &context) { Exit::Done } else { Exit::Failed }
}

fn is_chosen(step: &Step, options: &TestOptions) -> bool {
    if options.steps.is_empty() {
        step.fast || !options.fast
    } else {
        options.steps.iter().any(|name| name == step.name)
    }
}

fn fmt(context: &Context<'_>) -> Outcome {
    plainly(context, "fmt --all --check")
}

fn clippy(context: &Context<'_>) -> Outcome {
    plainly(context, "clippy --workspace --all-targets -- -D warnings")
}

fn tidy_up(context: &Context<'_>) -> Outcome {
    let findings = tidy::findings(context.workspace);
    if findings.is_empty() { Outcome::Passed(String::new()) } else { failed(tidy::report(&findings)) }
}

fn tests(context: &Context<'_>) -> Outcome {
    if context.workspace.has_subcommand("nextest") {
        counted(context, "nextest run --workspace --no-fail-fast")
    } else {
        counted(context, "test --workspace --no-fail-fast --lib --bins --tests --examples")
    }
}

fn fuzz(context: &Context<'_>) -> Outcome {
    if context.workspace.has_subcommand("nextest") {
        // The whole workspace is named so that features, and with them the build, are those of the step before.
        counted(context, "nextest run --workspace --no-fail-fast -E package(p2pvoip-fuzz)")
    } else {
        at_least_one(counted(context, "test -p p2pvoip-fuzz --lib --tests"))
    }
}

/// Turns a run without any test into a failure, as nextest does: a corpus that nobody replays proves nothing.
fn at_least_one(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Passed(output) if runner_summary(&output).iter().any(|line| line.contains(" 0 passed")) => {
            failed(format!("{output}\nno test was run; the package has none"))
        }
        other @ (Outcome::Passed(_) | Outcome::Failed { .. } | Outcome::Skipped(_)) => other,
    }
}

/// What nobody else asks for, so that the steps above do not build it.
fn features(context: &Context<'_>) -> Outcome {
    let runner =
        if context.workspace.has_subcommand("nextest") { "nextest run" } else { "test --lib --tests" };
    let tests = format!("{runner} -p p2pvoip-crypto --features fast-x25519,mls,x509 --no-fail-fast");
    match counted(context, &tests) {
        Outcome::Passed(_) => plainly(context, "check -p p2pvoip --features keyring,x509"),
        other @ (Outcome::Failed { .. } | Outcome::Skipped(_)) => other,
    }
}

fn doctests(context: &Context<'_>) -> Outcome {
    counted(context, "test --doc --workspace --no-fail-fast")
}

fn doc(context: &Context<'_>) -> Outcome {
    let mut command = context.workspace.cargo("doc --workspace --no-deps");
    command.env("RUSTDOCFLAGS", "-D warnings");
    outcome(context, command, context.verbose)
}

fn cc_alone(context: &Context<'_>) -> Outcome {
    let needs = |names: &[&str]| {
        let strangers: Vec<&str> =
            names.iter().filter(|name| !["p2pvoip-cc", "p2pvoip-core"].contains(name)).copied().collect();
        let why = format!("p2pvoip-cc needs {}; take it out of its [dependencies]", strangers.join(", "));
        if strangers.is_empty() { Ok(()) } else { Err(why) }
    };
    dependencies(context, "tree -p p2pvoip-cc -e normal --prefix none", needs)
}

fn no_tokio(context: &Context<'_>) -> Outcome {
    let needs = |names: &[&str]| {
        let found = names.iter().find(|name| name.starts_with("tokio"));
        found.map_or(Ok(()), |name| {
            Err(format!(
                "p2pvoip needs {name} without its default features; make it a part of the feature `tokio`"
            ))
        })
    };
    match dependencies(context, "tree -p p2pvoip --no-default-features -e normal --prefix none", needs) {
        Outcome::Passed(_) => plainly(context, "check -p p2pvoip --no-default-features"),
        other @ (Outcome::Failed { .. } | Outcome::Skipped(_)) => other,
    }
}

fn no_wav(context: &Context<'_>) -> Outcome {
    plainly(context, "check -p p2pvoip-media --no-default-features")
}

fn no_device(context: &Context<'_>) -> Outcome {
    let needs = |names: &[&str]| {
        let found = names.iter().find(|name| ["cpal", "alsa"].contains(name));
        found.map_or(Ok(()), |name| {
            Err(format!("p2pvoip needs {name} by default; make it a part of the feature `device`"))
        })
    };
    match dependencies(context, "tree -p p2pvoip -e normal --prefix none", needs) {
        Outcome::Passed(_) => plainly(context, "check -p p2pvoip-cli --no-default-features --all-targets"),
        other @ (Outcome::Failed { .. } | Outcome::Skipped(_)) => other,
    }
}

fn deny(context: &Context<'_>) -> Outcome {
    if context.workspace.has_subcommand("deny") {
        plainly(context, "deny check bans licenses sources")
    } else {
        Outcome::Skipped("cargo-deny is not installed (cargo install --locked cargo-deny)".to_owned())
    }
}

/// Cargo with these arguments; its output matters when it fails.
fn plainly(context: &Context<'_>, arguments: &str) -> Outcome {
    outcome(context, context.workspace.cargo(arguments), context.verbose)
}

/// Cargo running tests: in a log, what they write is shown as it comes.
fn counted(context: &Context<'_>, arguments: &str) -> Outcome {
    outcome(context, context.workspace.cargo(arguments), context.verbose || context.log)
}

fn outcome(context: &Context<'_>, mut command: Command, show: bool) -> Outcome {
    command.env("CARGO_TERM_COLOR", if context.paint.is_on() { "always" } else { "never" });
    let Ran { passed, output } = capture(command, show);
    if passed { Outcome::Passed(output) } else { Outcome::Failed { output, shown: show } }
}

const fn failed(output: String) -> Outcome {
    Outcome::Failed { output, shown: false }
}

/// Asks cargo for a list of packages and judges their names.
fn dependencies(
    context: &Context<'_>,
    arguments: &str,
    judge: impl Fn(&[&str]) -> Result<(), String>,
) -> Outcome {
    // Standard error is not a part of the list: cargo tells there what it downloads.
    let list = match context.workspace.cargo(arguments).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => return failed(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => return failed(format!("cargo could not be started: {error}")),
    };
    let names: Vec<&str> = list.lines().filter_map(|line| line.split(' ').next()).collect();
    judge(&names).map_or_else(failed, |()| Outcome::Passed(list.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_name_of_its_own_that_fits_the_table() {
        for (i, step) in STEPS.iter().enumerate() {
            assert!(step.name.len() <= 10, "{}", step.name);
            assert!(STEPS.iter().skip(i + 1).all(|other| other.name != step.name), "{}", step.name);
        }
    }

    #[test]
    fn the_list_names_every_step_once() {
        let text = list();
        assert_eq!(text.lines().count(), STEPS.len());
        for step in &STEPS {
            assert!(text.lines().any(|line| line.split(' ').next() == Some(step.name)), "{}", step.name);
        }
    }

    #[test]
    fn fast_leaves_out_what_takes_long_and_a_named_step_runs_alone() {
        let chosen = |options: &TestOptions| -> Vec<&str> {
            STEPS.iter().filter(|step| is_chosen(step, options)).map(|step| step.name).collect()
        };
        let fast = chosen(&TestOptions { fast: true, ..TestOptions::default() });
        assert!(fast.contains(&"tests") && !fast.contains(&"doc"), "{fast:?}");
        assert_eq!(chosen(&TestOptions::default()).len(), STEPS.len());
        let named = TestOptions { fast: true, steps: vec!["doc".to_owned()], ..TestOptions::default() };
        assert_eq!(chosen(&named), ["doc"]);
    }

    #[test]
    fn what_a_failed_step_wrote_is_shown_once() {
        let workspace = Workspace::here();
        let context = |verbose| Context { workspace: &workspace, verbose, log: false, paint: Paint::off() };
        let quiet = plainly(&context(false), "no-such-subcommand");
        assert!(
            matches!(&quiet, Outcome::Failed { output, shown: false } if output.contains("no-such")),
            "{quiet:?}"
        );
        assert!(matches!(plainly(&context(true), "no-such-subcommand"), Outcome::Failed { shown: true, .. }));
    }

    #[test]
    fn a_run_without_a_test_has_failed() {
        let ran = |passed: u8| {
            let line = format!("test result: ok. {passed} passed; 0 failed; 0 ignored");
            at_least_one(Outcome::Passed(line))
        };
        assert!(matches!(ran(0), Outcome::Failed { .. }));
        assert!(matches!(ran(10), Outcome::Passed(_)));
    }

    #[test]
    fn a_package_that_is_not_wanted_is_told() {
        let workspace = Workspace::here();
        let context = Context { workspace: &workspace, verbose: false, log: false, paint: Paint::off() };
        let arguments = "tree -p xtask -e normal --prefix none --depth 1";
        let strict = |names: &[&str]| {
            if names.contains(&"serde_json") { Err("serde_json is there".to_owned()) } else { Ok(()) }
        };
        assert_eq!(dependencies(&context, arguments, strict), failed("serde_json is there".to_owned()));
    }
}
