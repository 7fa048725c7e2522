//! Writes the public API of crates as lines, a `.txt` beside each JSON file of rustdoc that is named.
//!
//! A program of its own, so that `cargo xtask` is quick to build where nobody asks for this (docs/adr/0019).
//!
//! # Left out
//! - What the compiler adds by itself: blanket, automatic and derived implementations.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use public_api::Builder;

fn main() -> ExitCode {
    for file in std::env::args_os().skip(1) {
        if let Err(what) = list(Path::new(&file)) {
            eprintln!("error: {}: {what}", Path::new(&file).display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Lists the crate that this file describes.
fn list(file: &Path) -> Result<(), String> {
    let builder = Builder::from_rustdoc_json(file).omit_blanket_impls(true).omit_auto_trait_impls(true);
    let api = builder.omit_auto_derived_impls(true).build().map_err(|error| error.to_string())?;
    let mut lines = String::new();
    for item in api.items() {
        let _infallible = writeln!(lines, "{item}");
    }
    std::fs::write(file.with_extension("txt"), lines).map_err(|error| error.to_string())
}
