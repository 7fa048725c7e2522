//! Colours, only where a person sees them: on a terminal, and not when `NO_COLOR` is set (no-color.org).

use std::io::IsTerminal as _;

/// Whether text is painted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// As fits standard output and the environment.
    pub(crate) fn for_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { on: std::io::stdout().is_terminal() && !refused }
    }

    /// Never painted.
    #[cfg(test)]
    pub(crate) const fn off() -> Self {
        Self { on: false }
    }

    /// Whether text is painted.
    pub(crate) const fn is_on(self) -> bool {
        self.on
    }

    /// For what went well.
    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// For what failed.
    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// For what was left out.
    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// For headings.
    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The text without its colours.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        // The final byte of a control sequence is a letter (ECMA-48 section 5.4).
        rest = after.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paint_comes_off_again() {
        let paint = Paint { on: true };
        let text = format!("{} and {}", paint.green("ok"), paint.bold("bold"));
        assert_ne!(text, "ok and bold");
        assert_eq!(plain(&text), "ok and bold");
    }

    #[test]
    fn paint_that_is_off_changes_nothing() {
        assert_eq!(Paint::off().red("failed"), "failed");
    }

    #[test]
    fn a_sequence_that_never_ends_is_dropped() {
        assert_eq!(plain("before\x1b[12"), "before");
    }
}
