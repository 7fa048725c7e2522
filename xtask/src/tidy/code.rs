//! Rust text without its comments and literals, so that a rule about code is not broken by words about it.
//!
//! # Left out
//! - Macros: what they write is not seen. Clippy sees it.

/// The text with every comment and literal turned to blanks; lines stay where they are.
pub(crate) fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = ' ';
    while let Some(c) = rest.chars().next() {
        let (skipped, kept, next) = match silent(rest, previous) {
            Some(len) => (rest.get(..len), ' ', rest.get(len..)),
            None => (None, c, rest.get(c.len_utf8()..)),
        };
        match skipped {
            Some(skipped) => out.extend(skipped.chars().map(|c| if c == '\n' { '\n' } else { ' ' })),
            None => out.push(c),
        }
        previous = kept;
        rest = next.unwrap_or_default();
    }
    out
}

/// Whether the word stands in the code by itself, not as a part of a longer one.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

/// Whether the character can be a part of a name.
pub(crate) fn is_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// How many bytes the comment or literal has that `rest` begins with, if it begins with one.
fn silent(rest: &str, previous: char) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    if rest.starts_with('"') {
        return Some(quoted(rest, '"'));
    }
    if rest.starts_with('\'') {
        return character(rest);
    }
    if is_name(previous) { None } else { raw_string(rest) }
}

/// The length of a comment in which others may be nested.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut after = '\0';
    for (at, c) in rest.char_indices() {
        match (after, c) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth = depth.saturating_sub(1),
            _ => {
                after = c;
                continue;
            }
        }
        after = '\0';
        if depth == 0 {
            return at + 1;
        }
    }
    rest.len()
}

/// The length of what begins with a quote, up to the next one that no backslash stands before.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    rest.len()
}

/// The length of a character; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.chars().skip(1);
    let first = chars.next()?;
    (first == '\\' || chars.next() == Some('\'')).then(|| quoted(rest, '\''))
}

/// The length of a string in which a backslash is a backslash.
fn raw_string(rest: &str) -> Option<usize> {
    let unprefixed = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    let hashes_on = unprefixed.strip_prefix('r')?;
    let inside = hashes_on.trim_start_matches('#');
    let hashes = hashes_on.len() - inside.len();
    let inside = inside.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let before = rest.len() - inside.len();
    Some(inside.find(&end).map_or(rest.len(), |at| before + at + end.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        code(text).split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn comments_are_blank_and_lines_stay() {
        assert_eq!(code("a // b\nc /* d\n/* e */ f */ g"), "a     \nc     \n             g");
    }

    #[test]
    fn strings_of_every_kind_are_blank() {
        assert_eq!(words(r#"a "b \" c" d"#), ["a", "d"]);
        assert_eq!(words(r##"a r#"b " c"# d"##), ["a", "d"]);
        assert_eq!(words(r##"a br#"b"# d"##), ["a", "d"]);
        assert_eq!(words(r#"a b"c" d"#), ["a", "b", "d"]);
        assert_eq!(words("r\"a\\\" b"), ["b"]);
    }

    #[test]
    fn a_string_that_holds_a_comment_does_not_begin_one() {
        assert_eq!(words("a \"http://x\" b"), ["a", "b"]);
        assert_eq!(words("a '/' /* ' */ b"), ["a", "b"]);
    }

    #[test]
    fn characters_are_blank_and_lifetimes_are_not() {
        assert_eq!(words(r"a '\'' b '\u{7f}' c"), ["a", "b", "c"]);
        assert_eq!(words("fn f<'a>(x: &'a str)"), ["fn", "f<'a>(x:", "&'a", "str)"]);
        assert_eq!(words("a '\"' b"), ["a", "b"]);
    }

    #[test]
    fn a_raw_name_is_no_raw_string() {
        assert_eq!(words("r#type + \"x\""), ["r#type", "+"]);
        assert_eq!(words("for\"x\""), ["for"]);
    }

    #[test]
    fn what_never_ends_is_blank_to_the_end() {
        for text in ["\"a", "/* a", "r#\"a\"", "'\\"] {
            assert_eq!(words(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_word_is_not_a_part_of_another() {
        assert!(has_word("unsafe { x }", "unsafe"));
        assert!(!has_word("expect(unsafe_code)", "unsafe"));
        assert!(!has_word("not_unsafe()", "unsafe"));
    }
}
