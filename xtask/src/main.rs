//! The project's commands, run as `cargo xtask COMMAND`: one way to test, tidy, show and measure, here and in CI.
//!
//! xtask links no crate of the workspace, because it installs what they need to be built.
//!
//! # Exit codes
//! See [`exit::Exit`]; `demo` and `sim` pass on the exit code of what they ran.

mod api;
mod args;
mod bench;
mod cargo;
mod cc;
mod examples;
mod exit;
mod fuzz;
mod models;
mod no_std;
mod paint;
mod programs;
mod steps;
mod system;
mod table;
mod test;
mod tidy;

use std::process::ExitCode;

use args::Command;
use cargo::Workspace;
use exit::Exit;
use paint::Paint;

fn main() -> ExitCode {
    if let Some(code) = api::as_rustdoc() {
        return code;
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    match args::parse(&words) {
        Ok(command) => run(command),
        Err(error) => {
            eprintln!("error: {error}");
            Exit::Usage.into()
        }
    }
}

/// Does what was asked.
fn run(command: Command) -> ExitCode {
    let workspace = Workspace::here();
    let paint = Paint::for_stdout();
    match command {
        Command::Help(text) => {
            print!("{text}");
            Exit::Done.into()
        }
        Command::ListSteps => {
            print!("{}", test::list());
            Exit::Done.into()
        }
        Command::Test(options) => test::run(&workspace, &options, paint).into(),
        Command::Tidy => tidy::run(&workspace).into(),
        Command::Demo(args) => programs::demo(&workspace, &args, paint),
        Command::Sim(args) => programs::sim(&workspace, &args, paint),
        Command::Cc(args) => cc::run(&workspace, &args),
        Command::ConstantTime(args) => programs::constant_time(&workspace, &args),
        Command::Api { check } => api::run(&workspace, check).into(),
        Command::Fuzz(options) => fuzz::run(&workspace, &options, paint).into(),
        Command::Models(options) => models::run(&workspace, &options, paint).into(),
        Command::Bench(options) => bench::run(&workspace, &options, paint).into(),
    }
}
