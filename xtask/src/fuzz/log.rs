//! What libFuzzer writes, line by line, and what it means (LLVM's documentation of libFuzzer, section "Output").

/// What was learnt of a run so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Progress {
    /// Inputs that were run.
    pub(crate) executions: u64,
    /// Inputs in a second.
    pub(crate) per_second: u64,
    /// Edges of the code that the corpus reached at the start.
    pub(crate) edges_at_start: Option<u64>,
    /// Edges that are reached now.
    pub(crate) edges: u64,
    /// Inputs that are held.
    pub(crate) corpus: u64,
    /// The first line that tells what broke.
    pub(crate) broke: Option<String>,
    /// Where the input was written that broke it.
    pub(crate) artifact: Option<String>,
}

impl Progress {
    /// Edges that were not reached at the start.
    pub(crate) fn new_edges(&self) -> u64 {
        self.edges.saturating_sub(self.edges_at_start.unwrap_or(self.edges))
    }

    /// Reads the next line. The line after a panic's place tells its message.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(status) = status(line) {
            self.read_status(status);
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.artifact.get_or_insert_with(|| path.trim().to_owned());
        } else if let Some(value) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = value.trim().parse().unwrap_or(self.executions);
        } else if let Some(value) = line.strip_prefix("stat::average_exec_per_sec:") {
            self.per_second = value.trim().parse().unwrap_or(self.per_second);
        } else if self.broke.as_deref().is_some_and(|what| what.ends_with(':')) {
            self.broke = self.broke.take().map(|what| format!("{what} {}", line.trim()));
        } else if self.broke.is_none() && tells_what_broke(line) {
            self.broke = Some(line.trim().to_owned());
        }
    }

    fn read_status(&mut self, status: &str) {
        let mut words = status.split_whitespace();
        let event = words.nth(1).unwrap_or_default();
        self.executions = status.split_whitespace().next().and_then(number).unwrap_or(self.executions);
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            let value = words.peek().copied().and_then(number);
            match (word, value) {
                ("cov:", Some(edges)) => self.edges = edges,
                ("corp:", Some(files)) => self.corpus = files,
                ("exec/s:", Some(rate)) => self.per_second = rate,
                _ => {}
            }
        }
        if event == "INITED" {
            self.edges_at_start = Some(self.edges);
        }
    }
}

/// The part of a line such as `#1024 NEW cov: 12 ft: 30 corp: 5/77b exec/s: 100 rss: 40Mb` behind its `#`.
fn status(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('#')?;
    (rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.contains(char::is_whitespace)
        && !rest.contains(" in "))
    .then_some(rest)
}

/// The number at the front of a word.
fn number(word: &str) -> Option<u64> {
    word.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A panic of Rust, or a finding of libFuzzer or a sanitizer.
fn tells_what_broke(line: &str) -> bool {
    (line.starts_with("thread ") && line.contains("panicked at")) || line.contains("ERROR: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Progress {
        let mut progress = Progress::default();
        lines.lines().for_each(|line| progress.read(line));
        progress
    }

    #[test]
    fn a_run_without_a_finding_is_counted() {
        let progress = read(
            "INFO: Seed: 1\n\
             #8\tINITED cov: 100 ft: 150 corp: 7/300b exec/s: 0 rss: 40Mb\n\
             #4096\tNEW    cov: 120 ft: 180 corp: 8/340b lim: 17 exec/s: 2048 rss: 41Mb L: 9/17 MS: 1 ChangeBit-\n\
             #9000\tDONE   cov: 121 ft: 190 corp: 9/350b lim: 17 exec/s: 3000 rss: 42Mb\n\
             Done 9000 runs in 3 second(s)\n\
             stat::number_of_executed_units: 9001\n\
             stat::average_exec_per_sec:     3000\n",
        );
        let expected = Progress {
            executions: 9_001,
            per_second: 3_000,
            edges_at_start: Some(100),
            edges: 121,
            corpus: 9,
            ..Progress::default()
        };
        assert_eq!(progress, expected);
        assert_eq!(progress.new_edges(), 21);
    }

    #[test]
    fn a_panic_is_told_with_its_message_and_where_its_input_is() {
        let progress = read(
            "#8\tINITED cov: 100 ft: 150 corp: 7/300b exec/s: 0 rss: 40Mb\n\
             thread '<unnamed>' (7) panicked at fuzz/src/signal.rs:9:5:\n\
             emit undoes parse\n\
             ==7== ERROR: libFuzzer: deadly signal\n    \
             #0 0x7f in __sanitizer_print_stack_trace\n\
             artifact_prefix='x/'; Test unit written to x/crash-00ff\n",
        );
        let told = "thread '<unnamed>' (7) panicked at fuzz/src/signal.rs:9:5: emit undoes parse";
        assert_eq!(progress.broke.as_deref(), Some(told));
        assert_eq!(progress.artifact.as_deref(), Some("x/crash-00ff"));
    }

    #[test]
    fn what_libfuzzer_finds_itself_is_told_too() {
        let progress = read("==7== ERROR: libFuzzer: timeout after 30 seconds\n");
        assert!(progress.broke.is_some_and(|what| what.contains("timeout")));
        assert_eq!(read("INFO: nothing\n#frames\n"), Progress::default());
    }
}
