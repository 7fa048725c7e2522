//! The real program as the tests run it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

use crate::environment;

/// The program, with nothing of the tester's own configuration.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2pvoip"));
    command.args(arguments).env("NO_COLOR", "1").stdin(Stdio::null());
    without_configuration(&mut command);
    command
}

/// Takes away what the tester's environment tells the program.
pub(crate) fn without_configuration(command: &mut Command) {
    for variable in environment::ALL {
        command.env_remove(variable);
    }
}

/// Whether programs of others must be there, as they must in CI.
pub(crate) fn peers_required() -> bool {
    std::env::var("P2PVOIP_REQUIRE_PEERS").is_ok_and(|value| value == "1")
}

/// Says that a test is passed over, and why; where peers are required it fails.
pub(crate) fn passed_over(what: &str, why: &str) {
    assert!(!peers_required(), "P2PVOIP_REQUIRE_PEERS=1, but {why}");
    // Not `println`, which is shown only when a test fails.
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}: {why}");
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

/// The exit code, and what was said on standard error.
pub(crate) fn failure(output: &Output) -> (i32, String) {
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A program that runs beside the test and is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    /// Starts it; its output is JSON.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// The same with more in its environment.
    pub(crate) fn start_with(arguments: &[&str], environment: &[(&'static str, PathBuf)]) -> Self {
        let mut program = program(arguments);
        program.envs(environment.iter().cloned());
        Self::of(program)
    }

    /// Starts this command of the program, wherever it runs; its output is JSON.
    pub(crate) fn of(mut program: Command) -> Self {
        let mut child = program.arg("--json").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next event of that name; panics when there is none before the end.
    pub(crate) fn expect(&mut self, event: &str) -> Value {
        let mut seen = Vec::new();
        while let Some(value) = self.next() {
            if value["event"] == event {
                return value;
            }
            seen.push(value);
        }
        panic!("no event `{event}` in {seen:#?}");
    }

    /// Waits for the state of that name.
    pub(crate) fn reach(&mut self, state: &str) {
        while self.expect("state")["state"] != state {}
    }

    /// The next event, if there is one.
    pub(crate) fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.lines.read_line(&mut line).unwrap() {
            0 => None,
            _ => Some(serde_json::from_str(&line).unwrap()),
        }
    }

    /// Sends a signal, as `kill -INT` does.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Reads to the end and gives the exit code; -1 when a signal ended it.
    pub(crate) fn code(mut self) -> i32 {
        while self.next().is_some() {}
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A rendezvous server of its own, and its address.
pub(crate) fn server() -> (Running, String) {
    let mut server = Running::start(&["rendezvous", "--bind", "127.0.0.1:0"]);
    let url = server.expect("serving")["url"].as_str().unwrap().to_owned();
    (server, url)
}

/// A listener at that server, and its card.
pub(crate) fn listener(url: &str, more: &[&str]) -> (Running, String) {
    let fixed = ["listen", "--throwaway", "--bind", "127.0.0.1", "--server", url];
    let mut listener = Running::start(&[&fixed, more].concat());
    let card = listener.expect("listening")["card"].as_str().unwrap().to_owned();
    (listener, card)
}

/// A caller of that card.
pub(crate) fn caller(card: &str, more: &[&str]) -> Running {
    Running::start(&[&["call", card, "--throwaway", "--bind", "127.0.0.1"], more].concat())
}

/// Writes a recording of that many seconds: tones that change four times a second, so that each part is its own.
pub(crate) fn recording(path: &std::path::Path, seconds: u32, seed: u32) {
    const RATE: u32 = 48_000;
    let count = RATE * seconds;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + count * 2).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    bytes.extend([RATE, RATE * 2].map(u32::to_le_bytes).concat());
    bytes.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    bytes.extend(b"data");
    bytes.extend((count * 2).to_le_bytes());
    for n in 0..count {
        let time = f64::from(n) / f64::from(RATE);
        let part = n / (RATE / 4);
        let pitch = 120.0 + f64::from((part * 37 + seed * 53) % 23) * 14.0;
        let tone: f64 =
            (1..=6).map(|k| (time * pitch * f64::from(k) * std::f64::consts::TAU).sin() / f64::from(k)).sum();
        let loudness =
            0.15 + 0.85 * (f64::from(n % (RATE / 4)) / f64::from(RATE / 4) * std::f64::consts::PI).sin();
        #[expect(clippy::cast_possible_truncation, reason = "the tone's loudness keeps it within 16 bits")]
        bytes.extend(((tone * loudness * 6_000.0) as i16).to_le_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}
