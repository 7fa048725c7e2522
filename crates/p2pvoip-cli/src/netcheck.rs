//! The command `netcheck`: how this network behaves, which servers answer, and what to expect of calls.

mod shown;

use p2pvoip::nat::discovery::Event;
use p2pvoip::{NetcheckConfig, Progress, StartError};
use serde_json::{Value, json};

use crate::args;
use crate::endpoint;
use crate::events::{self, Printer};
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::turn;
use shown::{Shown, milliseconds};

/// Checks, and tells.
pub(crate) async fn run(common: &args::Common, netcheck: &args::Netcheck) -> Result<(), Failure> {
    let config = config(netcheck)?;
    let mut interrupt = Interrupt::watch(common.with_parent)?;
    let printer = Printer::new(common.json, netcheck.show_addresses);
    let show = Shown { addresses: netcheck.show_addresses };
    let progress = |progress: Progress| {
        // People wait for seven seconds at most, and read the whole then.
        if printer.is_json() {
            let (event, body) = step(&progress);
            printer.tell(event, body, String::new);
        }
    };
    let check = Box::pin(p2pvoip::netcheck(config, progress));
    let report = tokio::select! {
        report = check => report.map_err(|error| cannot_check(&error, netcheck))?,
        () = interrupt.asked() => return Err(Failure::Interrupted),
    };
    printer.tell("netcheck", show.fields(&report), || show.page(&report, events::Paint::stdout()));
    if report.is_determined() { Ok(()) } else { Err(Failure::Undetermined(report.verdict())) }
}

/// What the command line and the environment ask for.
fn config(netcheck: &args::Netcheck) -> Result<NetcheckConfig, Failure> {
    let mut config = NetcheckConfig::default();
    config.stun_servers.clone_from(&netcheck.stun);
    config.turn_servers = turn::named(&netcheck.turn, |name| std::env::var(name).ok())?;
    let server = endpoint::server(netcheck.server.as_deref())?;
    let parsed = server.as_deref().map(str::parse).transpose();
    config.server = parsed.map_err(|error| Failure::Usage(format!("--server: {error}")))?;
    config.bind.clone_from(&netcheck.bind);
    config.trusted_certificate.clone_from(&netcheck.trust);
    if config.stun_servers.is_empty() {
        return Err(Failure::Usage(
            "name a STUN server by --stun HOST:PORT, at best one with two addresses (RFC 5780), or two of them"
                .into(),
        ));
    }
    match config.stun_servers.iter().find(|name| !is_place(name)) {
        Some(name) => Err(Failure::Usage(format!("--stun {name}: write HOST:PORT"))),
        None => Ok(config),
    }
}

/// Whether it is written as `HOST:PORT`.
fn is_place(name: &str) -> bool {
    name.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Whose fault it is that nothing can be checked.
fn cannot_check(error: &StartError, netcheck: &args::Netcheck) -> Failure {
    match (error, &netcheck.trust) {
        (StartError::Bind { .. }, _) => Failure::Usage(format!("--bind: {error}")),
        (StartError::Tls(_), Some(path)) => Failure::file(path, error),
        _ => Failure::Internal(error.to_string()),
    }
}

/// One step of the check as an event.
fn step(progress: &Progress) -> (&'static str, Value) {
    let (ipv6, event) = match progress {
        Progress::Network { ipv6, event } => (*ipv6, event),
        Progress::Rendezvous(finding) => return ("rendezvous-server", shown::rendezvous(finding)),
        _ => return ("progress", json!({})),
    };
    let family = if ipv6 { "ipv6" } else { "ipv4" };
    match event {
        Event::Stun(finding) => (
            "stun-server",
            json!({ "family": family, "answered": finding.answered, "rtt_ms": milliseconds(finding.rtt) }),
        ),
        Event::Turn(finding) => (
            "turn-server",
            json!({ "family": family, "answered": finding.refusal.is_some(), "rtt_ms": milliseconds(finding.rtt) }),
        ),
        Event::Mapping(mapping) => ("mapping", json!({ "family": family, "mapping": mapping.as_str() })),
        Event::Filtering(filtering) => {
            ("filtering", json!({ "family": family, "filtering": filtering.as_str() }))
        }
        Event::Hairpin(hairpin) => ("hairpin", json!({ "family": family, "hairpin": hairpin })),
        Event::Done | _ => ("checked", json!({ "family": family })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_written_with_its_port() {
        for good in ["a:1", "stun.example.org:3478", "[2001:db8::1]:3478"] {
            assert!(is_place(good), "{good}");
        }
        for bad in ["", "a", "a:", ":3478", "a:0", "a:99999", "a:b"] {
            assert!(!is_place(bad), "{bad}");
        }
    }
}
