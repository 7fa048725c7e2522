//! Names that say nothing: no file and no type is a manager, handler, helper, util, data, info or process.

use super::Finding;
use super::code::{code, is_name};
use super::tree::{File, Tree};

/// The words, as a type ends with them. As a file or a directory they stand alone, in the plural too.
const FORBIDDEN: [&str; 7] = ["Manager", "Handler", "Helper", "Util", "Data", "Info", "Process"];

/// The keywords that a type's name follows.
const DEFINES: [&str; 5] = ["struct", "enum", "trait", "union", "type"];

/// Looks at the names of Rust files, of their directories, and of the types in them.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust()) {
        findings.extend(path(file));
        findings.extend(types(file));
    }
    findings
}

fn path(file: &File) -> Option<Finding> {
    let part = file.path.trim_end_matches(".rs").split('/').find(|part| is_forbidden_file(part))?;
    Some(Finding::new(
        &file.path,
        1,
        format!("a file or directory is called `{part}`; name it after what it does"),
    ))
}

fn is_forbidden_file(name: &str) -> bool {
    FORBIDDEN.iter().any(|word| {
        let word = word.to_ascii_lowercase();
        name == word || name.strip_suffix('s') == Some(&word)
    })
}

fn types(file: &File) -> Vec<Finding> {
    let code = code(file.text.as_deref().unwrap_or_default());
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        let mut words = line.split(|c| !is_name(c)).filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            // What an `impl` gives for a trait's type was named by who wrote the trait.
            let is_given = word == "type" && line.starts_with(' ') && line.contains('=');
            if !DEFINES.contains(&word) || is_given {
                continue;
            }
            let Some(name) = words.next() else { continue };
            if FORBIDDEN.iter().any(|end| name.trim_end_matches('s').ends_with(end.trim_end_matches('s'))) {
                let what = format!("a type is called `{name}`; name it after what it is (docs/GLOSSARY.md)");
                findings.push(Finding::new(&file.path, number, what));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_and_directories_that_say_nothing_are_found() {
        for path in ["a/util.rs", "a/utils.rs", "a/helpers/mod.rs", "manager.rs", "a/handler.rs", "info.rs"] {
            assert!(matches!(found(path, "").as_slice(), [one] if one.starts_with(path)), "{path}");
        }
        for path in ["a/database.rs", "a/utility_bill.rs", "docs/util.md"] {
            assert!(found(path, "").is_empty(), "{path}");
        }
    }

    #[test]
    fn types_that_say_nothing_are_found_at_their_line() {
        for name in ["CallManager", "Handler", "PathHelper", "StringUtils", "CallInfo", "MediaData"] {
            let findings = found("a.rs", &format!("//! A.\npub struct {name} {{}}\n"));
            assert!(
                matches!(findings.as_slice(), [one] if one.starts_with("a.rs:2: ")),
                "{name}: {findings:?}"
            );
        }
        assert_eq!(found("a.rs", "pub(crate) trait Helper<T> {}").len(), 1);
        assert_eq!(found("a.rs", "type Handler = u8;\ntrait A {\n    type Helper;\n}").len(), 2);
    }

    #[test]
    fn good_names_and_words_about_bad_ones_pass() {
        let text = "//! A.\n// struct Helper\nstruct DataSize;\nfn handler() -> u8 { 0 }\nimpl Manager for X {\n    type Handler = u8;\n}\n";
        assert!(found("a.rs", text).is_empty());
    }
}
