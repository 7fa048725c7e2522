//! The exit codes of xtask's own making.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// All is well.
    Done = 0,
    /// A step, a rule or a program failed; the output says which.
    Failed = 1,
    /// The command line was not understood.
    Usage = 2,
    /// System packages are missing and could not be installed; the output says by which command they can be.
    PackagesMissing = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
