//! The demo's children: this very program, run again, each a process of its own which never outlives the demo.
//!
//! A child ends when its standard input closes (also when the demo is killed), and is killed when it is dropped. It
//! runs in a process group of its own, so that Ctrl-C at the terminal reaches the demo alone, which ends them in order.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

use crate::environment;
use crate::exit::Failure;

/// How many lines of a child's complaints are kept, the last ones.
const MOST_COMPLAINTS: usize = 20;

/// How long a child that was asked to end may take before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// The last lines that a child wrote to standard error.
type Complaints = Arc<Mutex<VecDeque<String>>>;

/// A running child.
#[derive(Debug)]
pub(super) struct Child {
    name: &'static str,
    process: tokio::process::Child,
    lines: Lines<BufReader<ChildStdout>>,
    complaints: Complaints,
}

impl Child {
    /// Runs this program again.
    pub(super) fn start(name: &'static str, arguments: &[OsString]) -> Result<Self, Failure> {
        let cannot = |error| Failure::Internal(format!("the demo's {name} cannot be started: {error}"));
        let program = std::env::current_exe().map_err(cannot)?;
        let mut command = Command::new(program);
        command.args(arguments).kill_on_drop(true);
        // A demo shows the same on every machine, whatever its user calls by.
        for variable in environment::ALL {
            command.env_remove(variable);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        let mut process = command.spawn().map_err(cannot)?;
        let complaints = Complaints::default();
        if let Some(stderr) = process.stderr.take() {
            tokio::spawn(collect(stderr, Arc::clone(&complaints)));
        }
        let stdout = process.stdout.take();
        let stdout = stdout.ok_or_else(|| Failure::Internal(format!("the demo's {name} has no output")))?;
        Ok(Self { name, process, lines: BufReader::new(stdout).lines(), complaints })
    }

    /// The next event that the child prints; `None` when it prints no more. Safe to cancel.
    pub(super) async fn event(&mut self) -> Result<Option<Value>, Failure> {
        let broken = |why: String| {
            Failure::Internal(format!("the output of the demo's {} is broken: {why}", self.name))
        };
        match self.lines.next_line().await {
            Ok(Some(line)) => match serde_json::from_str(&line) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(broken(error.to_string())),
            },
            Ok(None) => Ok(None),
            Err(error) => Err(broken(error.to_string())),
        }
    }

    /// Waits for the event of that name, and gives its text field.
    pub(super) async fn expect(
        &mut self,
        event: &str,
        field: &str,
        within: Duration,
    ) -> Result<String, Failure> {
        let wait = async {
            while let Some(value) = self.event().await? {
                if value["event"] == event {
                    return Ok(value[field].as_str().map(ToOwned::to_owned));
                }
            }
            Ok(None)
        };
        match tokio::time::timeout(within, wait).await {
            Ok(Ok(Some(text))) => Ok(text),
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(None)) | Err(_) => Err(self.failed(&format!("did not say `{event}`"))),
        }
    }

    /// Asks the child to end: its standard input closes.
    pub(super) fn ask_to_end(&mut self) {
        drop(self.process.stdin.take());
    }

    /// Asks the child to end and waits; kills it when it does not. Gives what it printed meanwhile.
    pub(super) async fn end(&mut self) -> Result<Vec<Value>, Failure> {
        self.ask_to_end();
        let mut last = Vec::new();
        let orderly = tokio::time::timeout(PATIENCE, async {
            while let Some(value) = self.event().await? {
                last.push(value);
            }
            Ok::<_, Failure>(self.process.wait().await)
        });
        match orderly.await {
            Ok(Ok(_)) => Ok(last),
            Ok(Err(failure)) => Err(failure),
            Err(_) => {
                // It is killed once more when it is dropped.
                let _ = self.process.kill().await;
                Ok(last)
            }
        }
    }

    /// Waits for the end of a child that prints no more.
    pub(super) async fn status(&mut self) -> Result<ExitStatus, Failure> {
        match tokio::time::timeout(PATIENCE, self.process.wait()).await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => Err(self.failed(&error.to_string())),
            Err(_) => Err(self.failed("did not end")),
        }
    }

    /// A failure of this child, with its last words.
    pub(super) fn failed(&self, what: &str) -> Failure {
        let words = self.last_words();
        let words = if words.is_empty() { String::new() } else { format!("; it said:\n{words}") };
        Failure::Internal(format!("the demo's {} {what}{words}", self.name))
    }

    /// What the child wrote last to standard error.
    pub(super) fn last_words(&self) -> String {
        let complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// Keeps the last lines of a stream.
async fn collect(stream: impl AsyncRead + Unpin, complaints: Complaints) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut kept = complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MOST_COMPLAINTS {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}
