//! One program for all fuzz bodies: libFuzzer feeds the one that `P2PVOIP_FUZZ_TARGET` names.
//!
//! A program for each body would be linked forty times over with the same crates; so is one, and a body that is added to
//! `p2pvoip_fuzz::TARGETS` is fuzzed without a further word. `cargo xtask fuzz` builds and runs it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use p2pvoip_fuzz::{Body, TARGETS};

/// The variable that names the body.
const VARIABLE: &str = "P2PVOIP_FUZZ_TARGET";

static BODY: LazyLock<Body> = LazyLock::new(|| {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    let Some((_, body)) = found else {
        eprintln!(
            "`{name}` is no fuzz target; run `cargo xtask fuzz --list`, and name one of them in {VARIABLE}"
        );
        std::process::exit(2);
    };
    *body
});

fuzz_target!(init: { LazyLock::force(&BODY); }, |data: &[u8]| BODY(data));
