//! Where the log goes: to standard error, but while the view has that terminal into memory, of which the view shows the
//! last lines, and to standard error when the terminal is given back.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::terminal;

/// Lines kept while the view is shown; the oldest give way.
const KEPT: usize = 500;

static LINES: Mutex<Lines> = Mutex::new(Lines { kept: VecDeque::new(), dropped: 0 });

#[derive(Debug)]
struct Lines {
    kept: VecDeque<String>,
    dropped: u64,
}

impl Lines {
    fn push(&mut self, line: &str) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
            self.dropped += 1;
        }
        self.kept.push_back(line.to_owned());
    }
}

fn lines() -> MutexGuard<'static, Lines> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The log's writer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !terminal::is_taken() || !io::stderr().is_terminal() {
            return io::stderr().lock().write(bytes);
        }
        let mut lines = lines();
        String::from_utf8_lossy(bytes).lines().for_each(|line| lines.push(line));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// The newest lines that were kept, oldest first.
pub(super) fn newest(count: usize) -> Vec<String> {
    let lines = lines();
    lines.kept.iter().skip(lines.kept.len().saturating_sub(count)).cloned().collect()
}

/// Writes what was kept to standard error.
pub(super) fn release() {
    let (kept, dropped) = {
        let mut lines = lines();
        (std::mem::take(&mut lines.kept), std::mem::take(&mut lines.dropped))
    };
    let mut out = io::stderr().lock();
    if dropped > 0 {
        let _ =
            writeln!(out, "({dropped} earlier lines of the log are left out; send it to a file by 2>FILE)");
    }
    for line in kept {
        let _ = writeln!(out, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_give_way_and_are_counted() {
        let mut lines = Lines { kept: VecDeque::new(), dropped: 0 };
        (0..KEPT + 3).for_each(|number| lines.push(&number.to_string()));
        assert_eq!((lines.kept.len(), lines.dropped), (KEPT, 3));
        assert_eq!(lines.kept.front().map(String::as_str), Some("3"));
    }
}
