//! The files that may do what others may not, each with its reason. A line here is a decision: keep the lists short.

/// A file and why it is let off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exception {
    /// From the root.
    pub(crate) path: &'static str,
    /// Why, in half a sentence.
    #[cfg_attr(not(test), expect(dead_code, reason = "it is written for the reader of this file"))]
    pub(crate) reason: &'static str,
}

/// Who is let off which rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// May have more than 500 lines.
    pub(crate) long: &'static [Exception],
    /// May ask what time it is.
    pub(crate) clock: &'static [Exception],
    /// May have `unsafe` blocks.
    pub(crate) unsafe_code: &'static [Exception],
}

/// The exceptions of this project.
pub(crate) const ALLOWED: Allowed = Allowed {
    long: &[],
    clock: &[
        Exception {
            path: "benches/benches/frame_path.rs",
            reason: "measures a call of which it has to leave the beginning out",
        },
        Exception {
            path: "benches/cc/src/clock.rs",
            reason: "shows a person how long cases take, and measures what controllers cost",
        },
        Exception {
            path: "benches/constant-time/src/measure.rs",
            reason: "measures whether a time tells of a secret",
        },
        Exception {
            path: "benches/libsrtp2/src/main.rs",
            reason: "measures two libraries by turns in one run",
        },
        Exception {
            path: "crates/p2pvoip-media/tests/device.rs",
            reason: "plays and records through a sound server that runs in real time",
        },
        Exception {
            path: "crates/p2pvoip-nat/tests/coturn.rs",
            reason: "drives a turnserver that runs in real time",
        },
        Exception {
            path: "crates/p2pvoip-rendezvous/src/server/clock.rs",
            reason: "the one clock of the rendezvous server",
        },
        Exception { path: "crates/p2pvoip-cli/src/clock.rs", reason: "the one clock of the program" },
        Exception { path: "crates/p2pvoip/src/runtime/clock.rs", reason: "the one clock of the runtime" },
        Exception { path: "xtask/src/models/mod.rs", reason: "shows a person how long a model took" },
        Exception { path: "xtask/src/steps.rs", reason: "shows a person how long a step took" },
    ],
    unsafe_code: &[
        Exception {
            path: "benches/libsrtp2/src/srtp.rs",
            reason: "calls a C library, in a program that is no part of the workspace",
        },
        Exception {
            path: "crates/p2pvoip-sim/src/alloc.rs",
            reason: "an allocator that counts can be written in no other way",
        },
        Exception {
            path: "xtask/no-std/src/main.rs",
            reason: "a program without the C runtime needs an entry that the linker knows by name",
        },
    ],
};

/// Whether the file at this path is in the list.
pub(crate) fn is_listed(list: &[Exception], path: &str) -> bool {
    list.iter().any(|exception| exception.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exception_has_a_reason() {
        for exception in [ALLOWED.long, ALLOWED.clock, ALLOWED.unsafe_code].into_iter().flatten() {
            assert!(exception.reason.len() > 10, "{}", exception.path);
        }
    }
}
