//! The examples of every library crate: each is built and run, and says by its exit code whether what it shows is true.

use serde_json::Value;

use crate::cargo::{Ran, Workspace, capture};
use crate::steps::{Context, Outcome};
use crate::table::{Side, Table};

/// Examples that are programs too, and what they are told so that they end soon.
const ARGUMENTS: [(&str, &[&str]); 1] = [("sim", &["--calls", "5", "--seconds", "2"])];

/// An example and its crate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Example {
    krate: String,
    name: String,
}

/// The step of `test`.
pub(crate) fn step(context: &Context<'_>) -> Outcome {
    let failed = |output| Outcome::Failed { output, shown: false };
    let metadata = match context.workspace.metadata() {
        Ok(metadata) => metadata,
        Err(what) => return failed(what),
    };
    let (examples, without) = examples(&metadata);
    if !without.is_empty() {
        return failed(format!(
            "these crates have no example: {}; write a short one that asserts",
            without.join(", ")
        ));
    }
    let build = capture(context.workspace.cargo("build --workspace --examples"), context.verbose);
    if !build.passed {
        return Outcome::Failed { output: build.output, shown: context.verbose };
    }
    let ran: Vec<(&Example, Ran)> =
        examples.iter().map(|example| (example, run(context.workspace, example))).collect();
    print!("{}", table(&ran).text());
    let broken: Vec<String> = ran
        .iter()
        .filter(|(_, ran)| !ran.passed)
        .map(|(example, ran)| format!("{} of {} failed:\n{}", example.name, example.krate, ran.output))
        .collect();
    if broken.is_empty() { Outcome::Passed(String::new()) } else { failed(broken.join("\n")) }
}

fn run(workspace: &Workspace, example: &Example) -> Ran {
    let file = format!("{}{}", example.name, std::env::consts::EXE_SUFFIX);
    let mut command = workspace.program(workspace.target_dir().join("debug/examples").join(file));
    let arguments = ARGUMENTS.iter().find(|(name, _)| *name == example.name);
    command.args(arguments.map_or(&[][..], |(_, arguments)| arguments));
    capture(command, false)
}

fn table(ran: &[(&Example, Ran)]) -> Table {
    let mut table = Table::new(&[("crate", Side::Left), ("example", Side::Left), ("result", Side::Left)]);
    for (example, ran) in ran {
        let result = if ran.passed { "ok" } else { "FAILED" };
        table.push(vec![example.krate.clone(), example.name.clone(), result.to_owned()]);
    }
    table
}

/// The examples of the workspace, and the library crates that have none.
fn examples(metadata: &Value) -> (Vec<Example>, Vec<String>) {
    let list =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (mut examples, mut without) = (Vec::new(), Vec::new());
    let libraries = crate::api::libraries(metadata);
    for package in list(metadata, "packages") {
        let krate = text(&package, "name");
        let targets = list(&package, "targets");
        let of_kind = |kind: &str| -> Vec<String> {
            let is = |target: &&Value| list(target, "kind").iter().any(|found| found == kind);
            targets.iter().filter(is).map(|target| text(target, "name")).collect()
        };
        let names = of_kind("example");
        if names.is_empty() && libraries.contains(&krate) {
            without.push(krate.clone());
        }
        examples.extend(names.into_iter().map(|name| Example { krate: krate.clone(), name }));
    }
    examples.sort();
    (examples, without)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_library_without_an_example_is_found() {
        let package = |name: &str, examples: &[&str]| {
            let mut targets = vec![json!({ "name": name, "kind": ["lib"] })];
            targets.extend(examples.iter().map(|name| json!({ "name": name, "kind": ["example"] })));
            json!({ "name": name, "manifest_path": format!("/house/crates/{name}/Cargo.toml"), "targets": targets })
        };
        let packages = [package("p2pvoip-nat", &[]), package("p2pvoip", &["sim", "call"])];
        let (examples, without) = examples(&json!({ "workspace_root": "/house", "packages": packages }));
        let names: Vec<&str> = examples.iter().map(|example| example.name.as_str()).collect();
        assert_eq!(names, ["call", "sim"]);
        assert_eq!(without, ["p2pvoip-nat"]);
    }

    #[test]
    fn an_example_that_is_not_there_has_failed() {
        let example = Example { krate: "p2pvoip".to_owned(), name: "no-such-example".to_owned() };
        assert!(!run(&Workspace::here(), &example).passed);
    }
}
