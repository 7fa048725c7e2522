//! `cargo xtask tidy`: the rules of the house that a program can check.
//!
//! Every rule is a pure function from what was read to findings, so that its tests need no checkout.

mod code;
mod dependencies;
mod documents;
mod exceptions;
mod links;
mod names;
mod sources;
mod tree;

use std::fmt;

use crate::cargo::Workspace;
use crate::exit::Exit;
use tree::Tree;

/// A place where a rule does not hold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl Finding {
    /// A finding at a line, counted from 1.
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Checks, prints what was found, and says whether anything was.
pub(crate) fn run(workspace: &Workspace) -> Exit {
    let findings = findings(workspace);
    if findings.is_empty() {
        println!("tidy: every rule holds");
        return Exit::Done;
    }
    print!("{}", report(&findings));
    Exit::Failed
}

/// Everything that was found, in the order of paths and lines.
pub(crate) fn findings(workspace: &Workspace) -> Vec<Finding> {
    let tree = match Tree::load(&workspace.root) {
        Ok(tree) => tree,
        Err(error) => return vec![Finding::new(".", 1, format!("the files could not be read: {error}"))],
    };
    let mut findings = match workspace.metadata() {
        Ok(metadata) => dependencies::check(&dependencies::packages(&metadata), &tree),
        Err(error) => vec![Finding::new("Cargo.toml", 1, error)],
    };
    findings.extend(sources::check(&tree, &exceptions::ALLOWED));
    findings.extend(names::check(&tree));
    findings.extend(documents::check(&tree));
    findings.extend(links::check(&tree));
    findings.sort();
    findings
}

/// The findings, one a line, and their number.
pub(crate) fn report(findings: &[Finding]) -> String {
    let mut lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    lines.push(format!("tidy: {} found\n", findings.len()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_line_for_each_finding_and_their_number() {
        let findings =
            [Finding::new("a.rs", 3, "wrong, mend it"), Finding::new("b.rs", 1, "wrong, mend it too")];
        assert_eq!(report(&findings), "a.rs:3: wrong, mend it\nb.rs:1: wrong, mend it too\ntidy: 2 found\n");
    }
}
