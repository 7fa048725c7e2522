//! What every Rust file keeps to: its first line, its length, and what it leaves to others.

use super::Finding;
use super::code::{code, has_word};
use super::exceptions::{Allowed, is_listed};
use super::tree::{File, Tree};

/// The longest file, in lines (docs/STYLE.md).
const LONGEST: usize = 500;

/// All of `p2pvoip-core`'s sources together are shorter than this, in lines (docs/STYLE.md).
const CORE_LONGEST: usize = 1_000;

const LIST: &str = "xtask/src/tidy/exceptions.rs";

/// Looks at every Rust file.
pub(crate) fn check(tree: &Tree, allowed: &Allowed) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust()) {
        findings.extend(first_line(file));
        findings.extend(length(file, allowed));
        findings.extend(words(file, allowed));
    }
    findings.extend(core_length(tree));
    findings
}

fn first_line(file: &File) -> Option<Finding> {
    let (_, first) = file.lines().next().unwrap_or((1, ""));
    let what = "the file does not say what it is; begin it with a `//!` line";
    (!first.starts_with("//! ")).then(|| Finding::new(&file.path, 1, what))
}

fn length(file: &File, allowed: &Allowed) -> Option<Finding> {
    let lines = file.lines().count();
    let what = format!(
        "the file has {lines} lines, more than {LONGEST}; cut it where its state parts, or name it and the reason in {LIST}"
    );
    (lines > LONGEST && !is_listed(allowed.long, &file.path)).then(|| Finding::new(&file.path, LONGEST, what))
}

fn core_length(tree: &Tree) -> Option<Finding> {
    let sources =
        tree.files.iter().filter(|file| file.is_rust() && file.path.starts_with("crates/p2pvoip-core/src/"));
    let lines: usize = sources.map(|file| file.lines().count()).sum();
    let what = format!(
        "the core has {lines} lines, {CORE_LONGEST} or more; move what not all crates share out of it"
    );
    (lines >= CORE_LONGEST).then(|| Finding::new("crates/p2pvoip-core/src/lib.rs", 1, what))
}

fn words(file: &File, allowed: &Allowed) -> Vec<Finding> {
    let code = code(file.text.as_deref().unwrap_or_default());
    let may_ask_the_time = is_listed(allowed.clock, &file.path);
    let may_be_unsafe = is_listed(allowed.unsafe_code, &file.path);
    let mut findings = Vec::new();
    let mut found = |number: usize, what: String| findings.push(Finding::new(&file.path, number, what));
    for (number, line) in (1..).zip(code.lines()) {
        let clocks = ["Instant::now", "SystemTime::now"].into_iter().filter(|call| line.contains(call));
        for call in clocks.filter(|_| !may_ask_the_time) {
            found(
                number,
                format!(
                    "`{call}` is read; take `now` as an argument, or name the file and the reason in {LIST}"
                ),
            );
        }
        for name in ["todo", "unimplemented", "dbg"].into_iter().filter(|name| has_macro(line, name)) {
            found(number, format!("`{name}!` is left in the code; finish it or take it out"));
        }
        if has_word(line, "unsafe") && !may_be_unsafe {
            found(number, format!("`unsafe` is used; do without, or name the file and the reason in {LIST}"));
        }
    }
    findings
}

fn has_macro(line: &str, name: &str) -> bool {
    has_word(line, name) && line.contains(&format!("{name}!"))
}

#[cfg(test)]
mod tests {
    use super::super::exceptions::Exception;
    use super::*;

    const NONE: Allowed = Allowed { long: &[], clock: &[], unsafe_code: &[] };

    fn found(path: &str, text: &str, allowed: &Allowed) -> Vec<String> {
        check(&Tree::of(&[(path, text)]), allowed).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_that_says_what_it_is_and_keeps_to_the_rules_passes() {
        assert!(found("a.rs", "//! A.\nfn a(now: Instant) {}\n", &NONE).is_empty());
        assert!(found("a.md", "no Rust, no rule\n", &NONE).is_empty());
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is_is_found() {
        for text in ["", "fn a() {}\n", "// A.\n", "\n//! A.\n", "#![no_std]\n//! A.\n"] {
            let findings = found("a.rs", text, &NONE);
            assert!(matches!(findings.as_slice(), [one] if one.starts_with("a.rs:1: ")), "{findings:?}");
        }
    }

    #[test]
    fn five_hundred_lines_are_allowed_and_one_more_is_not() {
        let text = |lines: usize| format!("//! A.\n{}", "\n".repeat(lines - 1));
        assert!(found("a.rs", &text(500), &NONE).is_empty());
        assert!(matches!(found("a.rs", &text(501), &NONE).as_slice(), [one] if one.contains("501 lines")));
        let listed = Allowed { long: &[Exception { path: "a.rs", reason: "a table" }], ..NONE };
        assert!(found("a.rs", &text(501), &listed).is_empty());
    }

    #[test]
    fn the_core_stays_below_a_thousand_lines() {
        let half = format!("//! A.\n{}", "\n".repeat(498));
        let tree = |more: &str| {
            let lib = format!("{half}{more}");
            let files =
                [("crates/p2pvoip-core/src/lib.rs", lib.as_str()), ("crates/p2pvoip-core/src/a.rs", &half)];
            check(&Tree::of(&files), &NONE)
        };
        assert!(tree("\n").is_empty(), "999 lines");
        let listed =
            Allowed { long: &[Exception { path: "crates/p2pvoip-core/src/a.rs", reason: "" }], ..NONE };
        let long = format!("//! A.\n{}", "\n".repeat(999));
        let findings = found("crates/p2pvoip-core/src/a.rs", &long, &listed);
        assert!(matches!(findings.as_slice(), [one] if one.contains("1000 lines")), "{findings:?}");
    }

    #[test]
    fn the_clock_is_read_in_named_files_alone() {
        let text =
            "//! A.\nlet a = std::time::Instant::now();\nlet b = SystemTime::now();\n// Instant::now\n";
        let findings = found("a.rs", text, &NONE);
        let places: Vec<&str> = findings.iter().filter_map(|finding| finding.get(..7)).collect();
        assert_eq!(places, ["a.rs:2:", "a.rs:3:"]);
        let listed = Allowed { clock: &[Exception { path: "a.rs", reason: "the clock" }], ..NONE };
        assert!(found("a.rs", text, &listed).is_empty());
    }

    #[test]
    fn unfinished_code_is_found_and_words_about_it_are_not() {
        let unfinished =
            ["todo", "unimplemented", "dbg"].map(|name| format!("//! A.\nfn a() {{ {name}!(1) }}\n"));
        for text in unfinished {
            assert_eq!(found("a.rs", &text, &NONE).len(), 1, "{text}");
        }
        assert!(found("a.rs", "//! A.\n/// Never a todo!().\nfn todo() { \"dbg!\" }\n", &NONE).is_empty());
    }

    #[test]
    fn unsafe_code_is_found_outside_named_files() {
        let text = "//! A.\nfn a() { unsafe { b() } }\n";
        assert!(
            matches!(found("a.rs", text, &NONE).as_slice(), [one] if one.starts_with("a.rs:2: `unsafe`"))
        );
        let listed = Allowed { unsafe_code: &[Exception { path: "a.rs", reason: "calls C" }], ..NONE };
        assert!(found("a.rs", text, &listed).is_empty());
        assert!(found("a.rs", "//! A.\n#![expect(unsafe_code)]\n", &NONE).is_empty());
    }
}
