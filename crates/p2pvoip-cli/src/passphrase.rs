//! Where the passphrase of an identity comes from: a file, the environment, or the person at the terminal, unseen.
//!
//! No option takes the passphrase itself: what stands on a command line every user of the machine can read.

use std::fs::File;
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use p2pvoip::crypto::keystore::MAX_PASSPHRASE_LEN;
use p2pvoip::store::Passphrase;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal;

use crate::environment::PASSPHRASE;
use crate::exit::Failure;

/// How often somebody may mistype.
pub(crate) const TRIES: u32 = 3;

/// The passphrase of the option or of the environment; nothing where neither has one.
pub(crate) fn given(file: Option<&Path>) -> Result<Option<Passphrase>, Failure> {
    if let Some(file) = file {
        return from_file(file).map(Some);
    }
    let variable = std::env::var_os(PASSPHRASE).filter(|value| !value.is_empty());
    let Some(variable) = variable else { return Ok(None) };
    let text = variable.into_string();
    let text = text.map_err(|_| Failure::Usage(format!("{PASSPHRASE} in the environment is no text")))?;
    let made = Passphrase::new(text);
    made.map(Some).map_err(|error| Failure::Usage(format!("{PASSPHRASE} in the environment: {error}")))
}

/// The first line of a file.
pub(crate) fn from_file(path: &Path) -> Result<Passphrase, Failure> {
    // One byte more than a passphrase has, and the ends of the line, so that a longer one is noticed.
    let most = u64::try_from(MAX_PASSPHRASE_LEN + 3).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| Failure::file(path, &format!("cannot be read ({error}); it holds the passphrase")))?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).unwrap_or_default();
    Passphrase::new(line).map_err(|error| Failure::file(path, &format!("its first line: {error}")))
}

/// Whether a person can be asked.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for a new passphrase, twice.
pub(crate) fn ask_new() -> Result<Passphrase, Failure> {
    for _ in 0..TRIES {
        let first = ask("New passphrase: ")?;
        if first == ask("The same again: ")? {
            return Ok(first);
        }
        tell("The two differ; try again.");
    }
    Err(Failure::Usage("the new passphrase was not typed the same way twice; nothing was changed".into()))
}

/// Asks for a passphrase, and shows nothing of what is typed.
pub(crate) fn ask(question: &str) -> Result<Passphrase, Failure> {
    let typed = hidden(question)?;
    Passphrase::new(typed).map_err(|error| Failure::Usage(error.to_string()))
}

/// Asks a person something that may be seen.
pub(crate) fn ask_open(question: &str) -> Result<String, Failure> {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "{question}").and_then(|()| out.flush());
    let mut line = String::new();
    let read = std::io::stdin().lock().take(1_024).read_line(&mut line);
    read.map_err(|error| Failure::Internal(format!("the terminal cannot be read ({error})")))?;
    Ok(line.trim().to_owned())
}

fn tell(sentence: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{sentence}");
}

/// Keys that are typed come one by one, and the terminal shows none, until this is dropped.
struct Unseen;

impl Unseen {
    fn begin() -> Result<Self, Failure> {
        let begun = terminal::enable_raw_mode().map(|()| Self);
        begun.map_err(|error| Failure::Internal(format!("the terminal cannot hide what is typed ({error})")))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing given back.
        let _ = terminal::disable_raw_mode();
        tell("");
    }
}

fn hidden(question: &str) -> Result<String, Failure> {
    let mut out = std::io::stderr();
    let _ = write!(out, "{question}").and_then(|()| out.flush());
    let _unseen = Unseen::begin()?;
    let mut typed = String::new();
    loop {
        let event = event::read();
        let event =
            event.map_err(|error| Failure::Internal(format!("the terminal cannot be read ({error})")))?;
        let Event::Key(key) = event else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if key.code == KeyCode::Enter {
            return Ok(typed);
        } else if key.code == KeyCode::Backspace {
            typed.pop();
        } else if let KeyCode::Char(c) = key.code {
            match c {
                'c' | 'd' if control => return Err(Failure::Interrupted),
                'u' if control => typed.clear(),
                'j' | 'm' if control => return Ok(typed),
                _ if !control && typed.len() < MAX_PASSPHRASE_LEN => typed.push(c),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_file_is_the_passphrase_and_an_empty_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            from_file(&path)
        };
        let expected = Passphrase::new("correct horse").unwrap();
        for text in ["correct horse", "correct horse\n", "correct horse\r\nmore"] {
            assert!(read(text).unwrap() == expected, "{text:?}");
        }
        assert!(read(&"x".repeat(MAX_PASSPHRASE_LEN)).is_ok());
        for text in ["", "\nsecond line", &"x".repeat(MAX_PASSPHRASE_LEN + 1)] {
            assert_eq!(read(text).unwrap_err().code(), 3);
        }
        assert_eq!(from_file(&folder.path().join("none")).unwrap_err().code(), 3);
    }
}
