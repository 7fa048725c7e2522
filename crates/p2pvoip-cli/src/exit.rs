//! How the program ends: a failure says what to do in one sentence, and scripts tell failures apart by the exit code.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use p2pvoip::EndReason;

/// The table of exit codes that ends `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
    0  all went well
    1  something inside failed
    2  the command line is wrong
    3  a file or a sound device cannot be used, or is not what it should be
    4  the rendezvous server cannot be reached
    5  the contact card is wrong, or the codes of the call differed
    6  the callee is not there
    7  the callee is busy or declined
    8  the callee did not answer
    9  no path to the other side, or it was lost
   10  the demo's verdict: not everything arrived
   11  netcheck could not find out how the network behaves
  130  interrupted by Ctrl-C";

/// Why the program does not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Something inside failed.
    #[error("{0}")]
    Internal(String),
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read or written, or is not what it should be.
    #[error("{}: {why}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// A microphone or speaker cannot be used.
    #[error("{0}")]
    Device(String),
    /// The rendezvous server cannot be reached.
    #[error("{0}")]
    Server(String),
    /// The contact card is wrong.
    #[error("{0}")]
    Card(String),
    /// The call ended, or did not come about, for this reason.
    #[error("{message}")]
    Call {
        /// The exit code.
        code: u8,
        /// The reason's machine word.
        reason: &'static str,
        /// What happened and what to do.
        message: String,
    },
    /// Not everything arrived in the demo.
    #[error("{0}")]
    Verdict(String),
    /// How the network behaves could not be found out.
    #[error("{0}")]
    Undetermined(String),
    /// Ctrl-C.
    #[error("Interrupted before the end.")]
    Interrupted,
}

impl Failure {
    /// A failure with this file.
    pub(crate) fn file(path: &Path, why: &(impl ToString + ?Sized)) -> Self {
        Self::File { path: path.to_owned(), why: why.to_string() }
    }

    /// The failure that a call's end is for the program, if it is one.
    pub(crate) fn of_end(reason: EndReason) -> Result<(), Self> {
        let code = match reason {
            EndReason::HungUp | EndReason::PeerHungUp | EndReason::PeerCancelled | EndReason::Declined => {
                return Ok(());
            }
            EndReason::Cancelled => return Err(Self::Interrupted),
            EndReason::Offline => return Err(Self::Server(reason.to_string())),
            EndReason::NotTrusted => return Err(Self::Card(reason.to_string())),
            EndReason::CodeDiffers => 5,
            EndReason::Unreachable => 6,
            EndReason::Rejected | EndReason::Busy | EndReason::BusyHere => 7,
            EndReason::NoAnswer | EndReason::Missed => 8,
            EndReason::NoPath | EndReason::PeerVanished => 9,
            EndReason::Unsupported
            | EndReason::Superseded
            | EndReason::PeerFailed
            | EndReason::Failed
            | _ => 1,
        };
        Err(Self::Call { code, reason: reason.as_str(), message: reason.to_string() })
    }

    /// The exit code, one of those in [`HELP`].
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Internal(_) => 1,
            Self::Usage(_) => 2,
            Self::File { .. } | Self::Device(_) => 3,
            Self::Server(_) => 4,
            Self::Card(_) => 5,
            Self::Call { code, .. } => *code,
            Self::Verdict(_) => 10,
            Self::Undetermined(_) => 11,
            Self::Interrupted => 130,
        }
    }

    /// The stable word for scripts.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Internal(_) => "internal",
            Self::Usage(_) => "usage",
            Self::File { .. } => "file",
            Self::Device(_) => "device",
            Self::Server(_) => "server-unreachable",
            Self::Card(_) => "wrong-card",
            Self::Call { reason, .. } => reason,
            Self::Verdict(_) => "verdict",
            Self::Undetermined(_) => "undetermined",
            Self::Interrupted => "interrupted",
        }
    }

    /// The exit code for the operating system.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_told_in_the_help() {
        let failures = [
            Failure::Internal(String::new()),
            Failure::Usage(String::new()),
            Failure::file(Path::new("x"), ""),
            Failure::Device(String::new()),
            Failure::Server(String::new()),
            Failure::Card(String::new()),
            Failure::Verdict(String::new()),
            Failure::Undetermined(String::new()),
            Failure::Interrupted,
        ];
        let told = |code: u8| HELP.lines().any(|line| line.trim_start().starts_with(&format!("{code} ")));
        assert!(failures.iter().all(|failure| told(failure.code())));
        assert!([6, 7, 8, 9].into_iter().all(told));
    }
}
