//! Links in Markdown files that lead to files of the repository: the files must be there.
//!
//! # Left out
//! - Addresses in the net: whether they answer is no property of this repository.
//! - The part after `#`: a heading may change its wording.

use super::Finding;
use super::tree::{File, Tree};

/// Looks at every Markdown file.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().filter(|file| file.is_markdown()).flat_map(|file| dead_links(file, tree)).collect()
}

fn dead_links(file: &File, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fenced = false;
    for (number, line) in file.lines() {
        let start = line.trim_start();
        if start.starts_with("```") || start.starts_with("~~~") {
            fenced = !fenced;
        } else if !fenced {
            for target in targets(line).into_iter().filter(|target| !leads_there(file, target, tree)) {
                let what = format!("the link to `{target}` leads nowhere; mend it or write the file");
                findings.push(Finding::new(&file.path, number, what));
            }
        }
    }
    findings
}

/// What the links of a line point to; code between backticks has none.
fn targets(line: &str) -> Vec<String> {
    let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let mut found = Vec::new();
    for (at, _) in prose.match_indices("](") {
        let target = prose.get(at + 2..).and_then(|rest| rest.split(')').next());
        found.extend(target.map(first_word));
    }
    if let Some((_, target)) = prose.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
        found.push(first_word(target));
    }
    found
}

/// The target without angle brackets and without the title that may follow.
fn first_word(target: &str) -> String {
    let word = target.split_whitespace().next().unwrap_or_default();
    word.trim_start_matches('<').trim_end_matches('>').to_owned()
}

fn leads_there(file: &File, target: &str, tree: &Tree) -> bool {
    let path = target.split('#').next().unwrap_or_default();
    if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
        return true;
    }
    resolve(&file.path, path).is_some_and(|path| tree.has(&path))
}

/// Where a relative path leads from a file; `None` when that is outside the repository.
fn resolve(from: &str, path: &str) -> Option<String> {
    let directory = from.rsplit_once('/').map_or("", |(directory, _)| directory);
    let start = if path.starts_with('/') { "" } else { directory };
    let mut parts: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let files = [("docs/spec/a.md", text), ("docs/STYLE.md", ""), ("README.md", "")];
        check(&Tree::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_to_files_and_directories_that_are_there_pass() {
        let text = "[a](../STYLE.md) [b](../../README.md#use) [c](..) [d](/docs/spec/) [e](#here) ![f](a.md \"A\")\n";
        assert!(found(text).is_empty(), "{:?}", found(text));
        assert!(
            found("[a](https://example.org/x) [b](mailto:a@example.org) [c](<a.md>)\n[d]: a.md\n").is_empty()
        );
    }

    #[test]
    fn links_to_files_that_are_not_there_are_found_at_their_line() {
        for link in ["[a](b.md)", "[a](../STYLE)", "[a](../../../README.md)", "[a]: b.md", "see [`b`](b.md)"]
        {
            let findings = found(&format!("# A\n\n{link}\n"));
            assert!(matches!(findings.as_slice(), [one] if one.starts_with("docs/spec/a.md:3: ")), "{link}");
        }
    }

    #[test]
    fn code_has_no_links() {
        assert!(found("```rust\na[0](b)\n```\nand `x[1](y)` too\n").is_empty());
        assert_eq!(found("```\n```\n[a](b.md)\n").len(), 1);
    }
}
