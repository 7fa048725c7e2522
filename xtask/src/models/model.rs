//! A model as it is written: its head says what is claimed and expected, and lines in it make the flawed variants.
//!
//! The head is the first comment. It has lines `Claim: TEXT`, `Sessions: N` (Verifpal alone), `Expected: CODE` and
//! `Control NAME: CODE TEXT`. Below a line of the model, a comment `instead, NAME: LINE` says what stands in its place in the
//! control of that name, so that a control differs from its model by the flaw and nothing else.
//!
//! A code is what the tool writes of the queries, in their order: of Verifpal its result code (`c0a1`: a letter for the
//! kind of query and 1 for an attack), of ProVerif `t` for true, `f` for false and `?` for what it cannot decide.

use std::path::Path;

/// What reads the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tool {
    /// Searches for attacks in a bounded number of sessions.
    Verifpal,
    /// Proves for any number of sessions.
    ProVerif,
}

impl Tool {
    /// By the ending of a file's name.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "vp" => Some(Self::Verifpal),
            "pv" => Some(Self::ProVerif),
            _ => None,
        }
    }

    /// What files for it are called.
    pub(crate) const fn ending(self) -> &'static str {
        match self {
            Self::Verifpal => "vp",
            Self::ProVerif => "pv",
        }
    }

    /// Which queries of a code hold, in their order.
    pub(crate) fn holds(self, code: &str) -> Vec<bool> {
        match self {
            Self::Verifpal => code.chars().filter(char::is_ascii_digit).map(|digit| digit == '0').collect(),
            Self::ProVerif => code.chars().map(|letter| letter == 't').collect(),
        }
    }
}

/// The model with a known flaw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Control {
    pub(crate) name: String,
    /// What the tool must find.
    pub(crate) expected: String,
    /// What the flaw is.
    pub(crate) flaw: String,
}

/// A model with its head understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) tool: Tool,
    pub(crate) claims: Vec<String>,
    /// How many runs of each principal Verifpal looks at; ProVerif takes any number.
    pub(crate) sessions: u8,
    pub(crate) expected: String,
    pub(crate) controls: Vec<Control>,
    source: String,
}

impl Model {
    /// Understands a file.
    pub(crate) fn parse(name: &str, tool: Tool, source: &str) -> Result<Self, String> {
        let mut model = Self {
            name: name.to_owned(),
            tool,
            claims: Vec::new(),
            sessions: 0,
            expected: String::new(),
            controls: Vec::new(),
            source: source.to_owned(),
        };
        for line in source.lines().map(comment).take_while(Option::is_some).flatten() {
            model.head(line).map_err(|what| format!("{name}.{}: {what}", tool.ending()))?;
        }
        model.check().map_err(|what| format!("{name}.{}: {what}", tool.ending()))?;
        Ok(model)
    }

    fn head(&mut self, line: &str) -> Result<(), String> {
        let Some((key, value)) = line.split_once(": ") else { return Ok(()) };
        match key {
            "Claim" => self.claims.push(value.to_owned()),
            "Expected" => value.clone_into(&mut self.expected),
            "Sessions" => {
                self.sessions = value.parse().map_err(|_| format!("`{value}` is no number of sessions"))?;
            }
            _ => {
                if let Some(name) = key.strip_prefix("Control ") {
                    let (expected, flaw) = value.split_once(' ').ok_or("a control wants its flaw told")?;
                    let (expected, flaw) = (expected.to_owned(), flaw.to_owned());
                    self.controls.push(Control { name: name.to_owned(), expected, flaw });
                }
            }
        }
        Ok(())
    }

    /// A model must be able to fail: each query that is expected to hold is broken by a control.
    fn check(&self) -> Result<(), String> {
        let expected = self.tool.holds(&self.expected);
        if self.claims.is_empty() || expected.is_empty() {
            return Err("its head wants a `Claim:` and an `Expected:`".to_owned());
        }
        if self.tool == Tool::Verifpal && self.sessions == 0 {
            return Err("its head wants `Sessions:`".to_owned());
        }
        for control in &self.controls {
            if self.tool.holds(&control.expected).len() != expected.len() {
                return Err(format!("the control `{}` has another number of queries", control.name));
            }
            if !self.source.contains(&format!("instead, {}: ", control.name)) {
                return Err(format!("no line says what `{}` changes", control.name));
            }
        }
        let broken = |index: usize| {
            let found = |control: &Control| self.tool.holds(&control.expected).get(index) == Some(&false);
            self.controls.iter().any(found)
        };
        let unbroken = expected.iter().enumerate().find(|(index, holds)| **holds && !broken(*index));
        unbroken.map_or(Ok(()), |(index, _)| {
            Err(format!("no control breaks query {}: a model that cannot fail shows nothing", index + 1))
        })
    }

    /// The model with the flaw of that name, or with none.
    pub(crate) fn variant(&self, control: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        for line in self.source.lines() {
            let instead = comment(line).and_then(|text| text.strip_prefix("instead, ")?.split_once(": "));
            match instead {
                Some((name, replacement)) if name == control => {
                    let _replaced = lines.pop();
                    lines.push(format!("\t{replacement}"));
                }
                Some(_) => (),
                None => lines.push(line.to_owned()),
            }
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// What the tool is asked, as far as it stands in lines of its own below `queries[`.
    pub(crate) fn queries(&self) -> Vec<&str> {
        let below = self.source.split_once("\nqueries[").map_or("", |(_, below)| below);
        below.lines().map(str::trim).filter(|line| line.contains('?')).collect()
    }
}

/// The text of a line that is a comment: of Verifpal after `//`, of ProVerif between `(*` and `*)`.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim();
    if let Some(text) = line.strip_prefix("//") {
        return Some(text.trim());
    }
    Some(line.strip_prefix("(*")?.strip_suffix("*)")?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
// A test.
//
// Claim: m is secret
// Sessions: 2
// Expected: c0a1
// Control leak: c1a1 the key is told
attacker[active]
principal Alice[
\tknows private k
\t// instead, leak: knows public k
]
queries[
\tconfidentiality? m
\tauthentication? Alice -> Bob: e
]
";

    fn parsed(source: &str) -> Result<Model, String> {
        Model::parse("test", Tool::Verifpal, source)
    }

    #[test]
    fn the_head_tells_claims_expectations_and_controls() {
        let model = parsed(SOURCE).unwrap();
        assert_eq!(model.claims, ["m is secret"]);
        assert_eq!((model.sessions, model.expected.as_str()), (2, "c0a1"));
        let control =
            Control { name: "leak".into(), expected: "c1a1".into(), flaw: "the key is told".into() };
        assert_eq!(model.controls, [control]);
        assert_eq!(model.queries(), ["confidentiality? m", "authentication? Alice -> Bob: e"]);
    }

    #[test]
    fn a_control_changes_the_line_above_and_nothing_else() {
        let model = parsed(SOURCE).unwrap();
        let variant = model.variant("leak");
        assert!(variant.contains("\tknows public k\n]") && !variant.contains("knows private k"), "{variant}");
        assert_eq!(model.variant(""), SOURCE.replace("\t// instead, leak: knows public k\n", ""));
    }

    #[test]
    fn a_model_that_cannot_fail_is_refused() {
        let error = parsed(&SOURCE.replace("leak: c1a1", "leak: c0a1")).unwrap_err();
        assert!(error.contains("no control breaks query 1"), "{error}");
        assert!(parsed(&SOURCE.replace("instead, leak", "instead, lack")).is_err());
        assert!(parsed(&SOURCE.replace("c1a1 the key", "c1 the key")).is_err());
        assert!(parsed(&SOURCE.replace("// Sessions: 2\n", "")).is_err());
        assert!(parsed(&SOURCE.replace("// Expected: c0a1\n", "")).is_err());
    }

    #[test]
    fn proverifs_comments_are_understood_too() {
        let source =
            "(* Claim: x *)\n(* Expected: tf *)\n(* Control c: ff y *)\nnew k;\n(* instead, c: out(k); *)\n";
        let model = Model::parse("test", Tool::ProVerif, source).unwrap();
        assert_eq!(Tool::ProVerif.holds(&model.expected), [true, false]);
        assert!(model.variant("c").contains("\tout(k);") && !model.variant("c").contains("new k"));
    }
}
