//! The program `p2pvoip`: call people, listen for calls, run a rendezvous server, and prove that it works.

mod args;
mod call;
mod clock;
mod contacts;
mod conversation;
mod date;
mod demo;
mod dht;
mod endpoint;
mod environment;
mod events;
mod exit;
mod files;
mod id;
mod identity_file;
mod interrupt;
mod listen;
mod netcheck;
mod passphrase;
mod people;
mod qr;
mod rendezvous;
mod ring;
mod sound;
mod stats;
mod turn;
mod upkeep;
mod verification;
mod verify;
mod view;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::filter::LevelFilter;

use crate::args::{Args, Command};
use crate::exit::Failure;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return events::usage(&error, std::env::args_os().any(|word| word == "--json")),
    };
    log(&args.common);
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            events::failure(&failure, args.common.json);
            failure.exit_code()
        }
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::Internal(format!("the system gives no threads or sockets ({error})")))?;
    runtime.block_on(async {
        match &args.command {
            Command::Id(id) => id::run(&args.common, id),
            Command::Contacts(contacts) => contacts::run(&args.common, contacts),
            Command::Verify(verify) => verify::run(&args.common, verify),
            Command::Listen(listen) => listen::run(&args.common, listen).await,
            Command::Call(call) => call::run(&args.common, call).await,
            Command::Devices => sound::list(&args.common),
            Command::Rendezvous(rendezvous) => rendezvous::run(&args.common, rendezvous).await,
            Command::DhtNode(node) => dht::run(&args.common, node).await,
            Command::Netcheck(netcheck) => netcheck::run(&args.common, netcheck).await,
            Command::Demo(demo) => demo::run(&args.common, demo).await,
            Command::Forwarder(forwarder) => demo::forward(forwarder.impairment).await,
        }
    })
}

/// Sends what the libraries log to standard error, when it is wanted; the view keeps it back while it is shown.
fn log(common: &args::Common) {
    let level = match common.verbose {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // The view shows lines, not their colours.
    let colours = events::Paint::stderr().is_on() && !view::is_wanted(common);
    tracing_subscriber::fmt().with_max_level(level).with_ansi(colours).with_writer(|| view::logs::Log).init();
}
