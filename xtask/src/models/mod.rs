//! `cargo xtask models`: what the symbolic models of docs/spec/models claim, and whether the tools find it so.

mod model;
mod options;
mod tools;

use std::time::Duration;

use serde_json::{Value, json};

use crate::cargo::Workspace;
use crate::exit::Exit;
use crate::paint::Paint;
use crate::table::{Side, Table};
use model::{Model, Tool};
use tools::Programs;

pub(crate) use options::{HELP, Options, parse};

/// Where the models are, from the root.
const FOLDER: &str = "docs/spec/models";

/// A model or a control of it, after the tool has looked at it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Row {
    model: String,
    tool: Tool,
    control: Option<String>,
    about: String,
    expected: String,
    /// What was found; `None` when the tool is not installed.
    found: Option<String>,
    took: Duration,
}

impl Row {
    fn failed(&self) -> bool {
        self.found.as_ref().is_some_and(|found| *found != self.expected)
    }
}

/// Runs the models and tells.
pub(crate) fn run(workspace: &Workspace, options: &Options, paint: Paint) -> Exit {
    let done = models(workspace, options).and_then(|models| {
        if options.list {
            list(&models);
            return Ok(Exit::Done);
        }
        let programs = Programs::ready(workspace, &models)?;
        let rows = look(&programs, &models)?;
        if options.json {
            println!("{:#}", to_json(&rows, &models));
        } else {
            print!("\n{}\n{}", table(&rows).text(), verdict(&rows, paint));
        }
        Ok(if rows.iter().any(Row::failed) { Exit::Failed } else { Exit::Done })
    });
    done.unwrap_or_else(|what| {
        eprintln!("error: {what}");
        Exit::Failed
    })
}

/// The models that were asked for, by name.
fn models(workspace: &Workspace, options: &Options) -> Result<Vec<Model>, String> {
    let folder = workspace.root.join(FOLDER);
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{FOLDER} cannot be read: {error}"))?;
    let mut models = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let Some(tool) = Tool::of(&path) else { continue };
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let source = std::fs::read_to_string(&path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        models.push(Model::parse(name, tool, &source)?);
    }
    models.sort_by(|a, b| (&a.name, a.tool.ending()).cmp(&(&b.name, b.tool.ending())));
    if let Some(name) = options.names.iter().find(|name| !models.iter().any(|m| m.name.starts_with(*name))) {
        let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        return Err(format!("there is no model `{name}`; there are {}", names.join(", ")));
    }
    let wanted = |model: &Model| {
        options.names.is_empty() || options.names.iter().any(|name| model.name.starts_with(name))
    };
    models.retain(wanted);
    Ok(models)
}

fn list(models: &[Model]) {
    for model in models {
        println!("{}.{}", model.name, model.tool.ending());
        for claim in &model.claims {
            println!("  claim    {claim}");
        }
        for control in &model.controls {
            println!("  control  {}: {}", control.name, control.flaw);
        }
    }
}

/// Each model, then its controls.
fn look(programs: &Programs, models: &[Model]) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for model in models {
        let controls = model.controls.iter().map(|control| (Some(control), &control.expected));
        for (control, expected) in std::iter::once((None, &model.expected)).chain(controls) {
            let start = now();
            let name = control.map(|control| control.name.as_str());
            let found = programs
                .find(model, name)
                .map_err(|what| format!("{} ({}): {what}", model.name, name.unwrap_or("the model")))?;
            let row = Row {
                model: model.name.clone(),
                tool: model.tool,
                control: name.map(str::to_owned),
                about: control.map_or_else(|| model.claims.join(" "), |control| control.flaw.clone()),
                expected: expected.clone(),
                found,
                took: now().saturating_duration_since(start),
            };
            // How it goes is for who watches; the table is the result.
            eprintln!("{:<12} {:<12} {}", row.model, name.unwrap_or("-"), word(&row));
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The moment, for the time that a model takes.
#[expect(clippy::disallowed_methods, reason = "a model's time is shown to a person; no test depends on it")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn word(row: &Row) -> &'static str {
    match &row.found {
        None => "not run",
        Some(_) if row.failed() => "OTHERWISE",
        Some(_) => "as expected",
    }
}

fn table(rows: &[Row]) -> Table {
    let columns = [
        ("model", Side::Left),
        ("tool", Side::Left),
        ("control", Side::Left),
        ("expected", Side::Left),
        ("found", Side::Left),
        ("seconds", Side::Right),
        ("", Side::Left),
    ];
    let mut table = Table::new(&columns);
    for row in rows {
        table.push(vec![
            row.model.clone(),
            tool(row.tool).to_owned(),
            row.control.clone().unwrap_or_default(),
            row.expected.clone(),
            row.found.clone().unwrap_or_default(),
            format!("{:.1}", row.took.as_secs_f64()),
            word(row).to_owned(),
        ]);
    }
    table
}

const fn tool(tool: Tool) -> &'static str {
    match tool {
        Tool::Verifpal => "Verifpal",
        Tool::ProVerif => "ProVerif",
    }
}

fn verdict(rows: &[Row], paint: Paint) -> String {
    let of =
        |wanted: bool| rows.iter().filter(move |row| row.control.is_some() == wanted && row.found.is_some());
    let mut text = String::new();
    let missing = rows.iter().filter(|row| row.found.is_none()).count();
    if missing > 0 {
        let what = format!("{missing} were not run: proverif is not installed (opam install proverif)\n");
        text.push_str(&paint.yellow(&what));
    }
    for row in rows.iter().filter(|row| row.failed()) {
        let name = row.control.as_deref().unwrap_or("the model itself");
        let what = format!("FAILED: {}, {name}: {}\n", row.model, row.about);
        text.push_str(&paint.red(&what));
    }
    if !rows.iter().any(Row::failed) {
        let what = format!(
            "{} models hold what they claim; {} flaws were found\n",
            of(false).count(),
            of(true).count()
        );
        text.push_str(&paint.green(&what));
    }
    text
}

fn to_json(rows: &[Row], models: &[Model]) -> Value {
    let one = |row: &Row| {
        let model = models.iter().find(|model| model.name == row.model && model.tool == row.tool);
        json!({
            "model": row.model,
            "tool": tool(row.tool),
            "control": row.control,
            "about": row.about,
            "queries": model.map(Model::queries),
            "expected": row.expected,
            "found": row.found,
            "as_expected": row.found.as_ref().map(|_| !row.failed()),
            "seconds": row.took.as_secs_f64(),
        })
    };
    json!({ "models": rows.iter().map(one).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(control: Option<&str>, found: Option<&str>) -> Row {
        Row {
            model: "sas".to_owned(),
            tool: Tool::Verifpal,
            control: control.map(str::to_owned),
            about: "a claim".to_owned(),
            expected: "c0".to_owned(),
            found: found.map(str::to_owned),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn every_model_is_understood_and_can_fail() {
        let all = models(&Workspace::here(), &Options::default()).unwrap();
        assert!(all.iter().any(|model| model.tool == Tool::Verifpal));
        assert!(all.iter().all(|model| !model.controls.is_empty()));
    }

    #[test]
    fn a_name_without_a_model_is_an_error_that_names_what_there_is() {
        let options = Options { names: vec!["coffee".to_owned()], ..Options::default() };
        assert!(models(&Workspace::here(), &options).unwrap_err().contains("handshake"));
    }

    #[test]
    fn another_result_fails_and_an_absent_tool_does_not() {
        assert!(row(None, Some("c1")).failed());
        assert!(!row(None, Some("c0")).failed());
        assert!(!row(None, None).failed());
        let text = verdict(&[row(None, Some("c1")), row(Some("x"), None)], Paint::off());
        assert!(text.contains("FAILED: sas, the model itself: a claim"), "{text}");
        assert!(text.contains("1 were not run"), "{text}");
        let text = verdict(&[row(None, Some("c0")), row(Some("x"), Some("c0"))], Paint::off());
        assert_eq!(text, "1 models hold what they claim; 1 flaws were found\n");
    }
}
