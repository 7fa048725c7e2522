//! What is written beside the code: READMEs, specifications, decisions, and no path of somebody's machine.

use super::Finding;
use super::tree::{File, Tree};

/// The crates that speak with others over a wire, or say something that others measure.
const SPECIFIED: [&str; 8] = ["nat", "crypto", "dht", "cc", "media", "signal", "telemetry", "rendezvous"];

/// Directories in which people's and machines' own files lie, and the folder next door.
const MACHINE_PATHS: [&str; 3] =
    [concat!("/", "work", "/"), concat!("/", "root", "/"), concat!("/", "home", "/")];
const NEXT_DOOR: &str = concat!("..", "/", "shared");

/// Looks at the documents, and at every file for paths.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = readmes(tree);
    findings.extend(specifications(tree));
    findings.extend(decisions(tree));
    findings.extend(tree.files.iter().flat_map(machine_paths));
    findings
}

fn readmes(tree: &Tree) -> Vec<Finding> {
    let crates = tree.crates();
    let without = crates.iter().filter(|name| tree.file(&format!("crates/{name}/README.md")).is_none());
    let what =
        "the crate has no README.md; write what it is, a short example, its limits and what is left out";
    without.map(|name| Finding::new(&format!("crates/{name}/Cargo.toml"), 1, what)).collect()
}

fn specifications(tree: &Tree) -> Vec<Finding> {
    let crates = tree.crates();
    let mut findings = Vec::new();
    for short in SPECIFIED {
        let name = format!("p2pvoip-{short}");
        let written = tree.file(&format!("docs/spec/{short}.md")).is_some();
        if crates.contains(&name.as_str()) && !written {
            let what = format!("the crate is not specified; write docs/spec/{short}.md");
            findings.push(Finding::new(&format!("crates/{name}/Cargo.toml"), 1, what));
        }
    }
    findings
}

/// Decisions are numbered from 0001 without gaps, carry their number in the heading, and are in the index.
fn decisions(tree: &Tree) -> Vec<Finding> {
    let index = tree.file("docs/adr/README.md").and_then(|file| file.text.as_deref()).unwrap_or_default();
    let mut findings = Vec::new();
    let mut expected = 1;
    for file in &tree.files {
        let Some(name) = file.path.strip_prefix("docs/adr/").filter(|name| *name != "README.md") else {
            continue;
        };
        let mut found = |what: String| findings.push(Finding::new(&file.path, 1, what));
        let number = name.get(..4).filter(|_| name.get(4..5) == Some("-") && file.is_markdown());
        let Some(number) = number.and_then(|number| number.parse::<u32>().ok()) else {
            found("a decision is called NNNN-title.md; give it the next number".to_owned());
            continue;
        };
        if number != expected {
            found(format!(
                "the decision's number should be {expected:04}; numbers have no gaps and none comes twice"
            ));
        }
        expected = number + 1;
        if !file.lines().next().is_some_and(|(_, line)| line.starts_with(&format!("# {number:04} "))) {
            found(format!("the heading does not carry the number; begin it with `# {number:04} `"));
        }
        if !index.contains(&format!("]({name})")) {
            found("the decision is not in the index; add it to docs/adr/README.md".to_owned());
        }
    }
    findings
}

fn machine_paths(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        let found = MACHINE_PATHS.into_iter().find(|path| begins_a_path(line, path));
        let found = found.or_else(|| line.contains(NEXT_DOOR).then_some(NEXT_DOOR));
        if let Some(path) = found {
            let what = format!("`{path}` is a path of one machine; name a place inside the repository");
            findings.push(Finding::new(&file.path, number, what));
        }
    }
    findings
}

/// Whether the path stands at its beginning, not inside a longer one or an address.
fn begins_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_crate_has_a_readme() {
        let findings = found(&[("crates/p2pvoip-sim/Cargo.toml", "")]);
        assert!(matches!(findings.as_slice(), [one] if one.contains("README.md")), "{findings:?}");
        assert!(
            found(&[("crates/p2pvoip-sim/Cargo.toml", ""), ("crates/p2pvoip-sim/README.md", "")]).is_empty()
        );
    }

    #[test]
    fn a_protocol_crate_is_specified() {
        let nat = [("crates/p2pvoip-nat/Cargo.toml", ""), ("crates/p2pvoip-nat/README.md", "")];
        assert!(matches!(found(&nat).as_slice(), [one] if one.contains("docs/spec/nat.md")));
        assert!(found(&[nat.as_slice(), &[("docs/spec/nat.md", "")]].concat()).is_empty());
    }

    #[test]
    fn decisions_in_a_row_pass() {
        let files = [
            ("docs/adr/0001-a.md", "# 0001 A\n"),
            ("docs/adr/0002-b.md", "# 0002 B\n"),
            ("docs/adr/README.md", "[A](0001-a.md) [B](0002-b.md)"),
        ];
        assert!(found(&files).is_empty());
    }

    #[test]
    fn a_gap_or_a_second_decision_of_a_number_is_found() {
        let index = ("docs/adr/README.md", "[A](0001-a.md) [B](0003-b.md) [C](0001-c.md)");
        let gap = found(&[("docs/adr/0001-a.md", "# 0001 A\n"), ("docs/adr/0003-b.md", "# 0003 B\n"), index]);
        assert!(matches!(gap.as_slice(), [one] if one.contains("should be 0002")), "{gap:?}");
        let twice =
            found(&[("docs/adr/0001-a.md", "# 0001 A\n"), ("docs/adr/0001-c.md", "# 0001 C\n"), index]);
        assert!(matches!(twice.as_slice(), [one] if one.starts_with("docs/adr/0001-c.md")), "{twice:?}");
    }

    #[test]
    fn a_decision_with_another_heading_or_name_or_no_place_in_the_index_is_found() {
        let index = ("docs/adr/README.md", "[A](0001-a.md)");
        assert!(
            matches!(found(&[("docs/adr/0001-a.md", "# A\n"), index]).as_slice(), [one] if one.contains("# 0001 "))
        );
        assert!(
            matches!(found(&[("docs/adr/a.md", "# A\n"), index]).as_slice(), [one] if one.contains("NNNN-title"))
        );
        let unlisted = found(&[("docs/adr/0001-a.md", "# 0001 A\n")]);
        assert!(matches!(unlisted.as_slice(), [one] if one.contains("index")), "{unlisted:?}");
    }

    #[test]
    fn paths_of_a_machine_are_found_in_any_file() {
        for path in MACHINE_PATHS {
            let text = format!("first\nsee {path}me/notes\n");
            let findings = found(&[("docs/a.txt", &text)]);
            assert!(
                matches!(findings.as_slice(), [one] if one.starts_with("docs/a.txt:2: ")),
                "{findings:?}"
            );
        }
        assert_eq!(found(&[("a.sh", &format!("cat {NEXT_DOOR}/notes"))]).len(), 1);
    }

    #[test]
    fn addresses_and_longer_paths_are_no_paths_of_a_machine() {
        let [work, ..] = MACHINE_PATHS;
        let text = format!("https://example.org{work}x and target{work}x and .{work}x");
        assert!(found(&[("docs/a.md", &text)]).is_empty());
    }
}
