//! The step `no-std`: p2pvoip-cc and p2pvoip-core are linked into a program that has neither `std` nor a heap.
//!
//! # Left out
//! - Other systems than Linux: their linkers want an entry of their own. What is proven is no different there.

use crate::cargo::{Ran, Workspace, capture};
use crate::steps::{Context, Outcome};

/// The program; it stands outside the workspace, since it has its own panic handler.
const MANIFEST: &str = "xtask/no-std/Cargo.toml";

/// The functions of C that `core` itself asks for (the documentation of `core`, section "How to use the core library").
/// They are given the entry's place, since nothing is run: so nothing else of C is there either.
const OF_CORE: [&str; 5] = ["memcpy", "memmove", "memset", "memcmp", "bcmp"];

/// The step of `test`.
pub(crate) fn step(context: &Context<'_>) -> Outcome {
    if !cfg!(target_os = "linux") {
        return Outcome::Skipped("the program without std is linked on Linux alone".to_owned());
    }
    let Ran { passed, output } = capture(command(context.workspace), context.verbose);
    if passed {
        return Outcome::Passed(output);
    }
    let why = "p2pvoip-cc or p2pvoip-core uses std, alloc or the C library, or their API has changed: take the use out, \
               or follow the change in xtask/no-std/src/main.rs";
    // What cargo wrote was shown as it came when everything is.
    let output = if context.verbose { why.to_owned() } else { format!("{output}\n{why}") };
    Outcome::Failed { output, shown: false }
}

fn command(workspace: &Workspace) -> std::process::Command {
    let mut command = workspace.cargo("rustc --quiet --manifest-path");
    command.arg(MANIFEST).arg("--target-dir").arg(workspace.target_dir().join("no-std"));
    // Neither the start of a C program nor, as rustc has it anyway, a library of it.
    command.args(["--", "-C", "link-arg=-nostartfiles"]);
    command.args(
        OF_CORE.iter().flat_map(|name| ["-C".to_owned(), format!("link-arg=-Wl,--defsym={name}=_start")]),
    );
    command
}
