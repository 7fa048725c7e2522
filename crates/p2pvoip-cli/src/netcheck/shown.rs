//! A report of the network as people read it and as programs do.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip::nat::discovery::{Filtering, Findings, Mapping, StunFinding, TurnFinding};
use p2pvoip::{FamilyReport, Named, NetReport, Outlook, Relay, RendezvousFinding};
use serde_json::{Map, Value, json};

use crate::events::Paint;

/// How wide the first column is.
const LABEL: usize = 22;

/// How much is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// Whether the own addresses are.
    pub(super) addresses: bool,
}

/// A duration as JSON; null when it is not known.
pub(super) fn milliseconds(duration: Option<Duration>) -> Value {
    // A thousandth of a millisecond is more than a network tells.
    duration.map_or(Value::Null, |d| Value::from((d.as_secs_f64() * 1e6).round() / 1e3))
}

/// What is known of the rendezvous server.
pub(super) fn rendezvous(finding: &RendezvousFinding) -> Value {
    json!({
        "answered": finding.answered,
        "welcome_ms": milliseconds(finding.welcome),
        "rtt_ms": milliseconds(finding.rtt),
    })
}

impl Shown {
    /// The report as the fields of an event.
    pub(super) fn fields(self, report: &NetReport) -> Value {
        json!({
            "outlook": report.outlook().as_str(),
            "message": report.verdict(),
            "relay": match report.relay() {
                Relay::Ready => "ready",
                Relay::Silent => "silent",
                Relay::None => "none",
            },
            "ipv4": self.family(&report.ipv4),
            "ipv6": self.family(&report.ipv6),
            "rendezvous": report.rendezvous.as_ref().map(rendezvous),
            "not_found": report.not_found,
        })
    }

    fn family(self, family: &FamilyReport) -> Value {
        let stun = |server: &Named<StunFinding>| {
            let found = &server.finding;
            let mut fields = json!({
                "name": server.name, "answered": found.answered, "rtt_ms": milliseconds(found.rtt), "rfc5780": found.discovers,
            });
            self.own(&mut fields, "mapped", found.mapped.map(|address| address.to_string()));
            fields
        };
        let turn = |server: &Named<TurnFinding>| {
            let found = &server.finding;
            json!({ "name": server.name, "answered": found.refusal.is_some(), "rtt_ms": milliseconds(found.rtt) })
        };
        let mut fields = json!({
            "available": family.local.is_some(),
            "stun": family.stun.iter().map(stun).collect::<Vec<_>>(),
            "turn": family.turn.iter().map(turn).collect::<Vec<_>>(),
        });
        self.own(&mut fields, "local", family.local.map(|address| address.to_string()));
        if let (Some(found), Value::Object(fields)) = (&family.findings, &mut fields) {
            fields.extend(behaviour(found));
        }
        fields
    }

    /// Adds an own address, where these are shown.
    fn own(self, fields: &mut Value, name: &str, address: Option<String>) {
        if let (true, Value::Object(fields)) = (self.addresses, fields) {
            fields.insert(name.to_owned(), address.into());
        }
    }

    /// The report as people read it: the verdict, then a table.
    pub(super) fn page(self, report: &NetReport, paint: Paint) -> String {
        let verdict = report.verdict();
        let mut page = match report.outlook() {
            Outlook::Open | Outlook::Direct => paint.good(&verdict),
            Outlook::Symmetric | Outlook::Undetermined | Outlook::Unreachable | _ => paint.strong(&verdict),
        };
        page.push('\n');
        for (name, family) in [("IPv4", &report.ipv4), ("IPv6", &report.ipv6)] {
            self.rows_of_family(&mut page, name, family);
        }
        if let Some(finding) = &report.rendezvous {
            page.push('\n');
            row(&mut page, "Rendezvous server", &answers(finding.answered, finding.rtt));
        }
        for name in &report.not_found {
            row(&mut page, name, "has no usable address: check its name");
        }
        page.truncate(page.trim_end().len());
        page
    }

    fn rows_of_family(self, page: &mut String, name: &str, family: &FamilyReport) {
        page.push('\n');
        let shown = family.local.filter(|_| self.addresses).map(|address| format!(", {address} here"));
        let state = match (family.local.is_some(), family.stun.is_empty() && family.turn.is_empty()) {
            (false, _) => "not available",
            (true, true) => "available, but no server has such an address",
            (true, false) => "available",
        };
        row(page, name, &format!("{state}{}", shown.unwrap_or_default()));
        if let Some(found) = &family.findings {
            for (label, text) in words(found) {
                row(page, &format!("  {label}"), &text);
            }
        }
        for Named { name, finding } in &family.stun {
            let seen = finding.mapped.filter(|_| self.addresses);
            let seen = seen.map(|mapped: SocketAddr| format!(", sees {mapped}")).unwrap_or_default();
            row(
                page,
                &format!("  stun:{name}"),
                &format!("{}{seen}", answers(finding.answered, finding.rtt)),
            );
        }
        for Named { name, finding } in &family.turn {
            row(page, &format!("  {name}"), &answers(finding.refusal.is_some(), finding.rtt));
        }
    }
}

fn row(page: &mut String, label: &str, text: &str) {
    let _infallible = writeln!(page, "{label:<LABEL$} {text}");
}

fn answers(answered: bool, rtt: Option<Duration>) -> String {
    match (answered, rtt) {
        (false, _) => "does not answer".to_owned(),
        (true, None) => "answers".to_owned(),
        (true, Some(rtt)) => format!("answers after {:.1} ms", rtt.as_secs_f64() * 1e3),
    }
}

/// How the network behaves, as fields.
fn behaviour(found: &Findings) -> Map<String, Value> {
    let fields = json!({
        "nat": found.translated,
        "mapping": found.mapping.as_str(),
        "filtering": found.filtering.as_str(),
        "keeps_port": found.keeps_port,
        "hairpin": found.hairpin,
    });
    if let Value::Object(fields) = fields { fields } else { Map::new() }
}

/// How the network behaves, as rows.
fn words(found: &Findings) -> Vec<(&'static str, String)> {
    let translated = match found.translated {
        None => "unknown: no STUN server answers",
        Some(false) => "none: servers see this machine's own address",
        Some(true) => "yes",
    };
    let mut rows = vec![("NAT", translated.to_owned())];
    if found.translated == Some(true) {
        let mapping = match found.mapping {
            Mapping::EndpointIndependent => "the same address for everybody",
            Mapping::AddressDependent => "another for each address (symmetric)",
            Mapping::AddressAndPortDependent => "another for each address and port (symmetric)",
            Mapping::Dependent => "not the same for everybody (symmetric)",
            Mapping::Unknown | _ => "one more STUN server on another host would tell",
        };
        rows.push(("mapping", format!("{}: {mapping}", found.mapping.as_str())));
        let port = found.keeps_port.map_or("unknown", |keeps| if keeps { "kept" } else { "changed" });
        rows.push(("port", port.to_owned()));
    }
    let filtering = match found.filtering {
        Filtering::EndpointIndependent => "anybody may send here",
        Filtering::AddressDependent => "only hosts that were sent to",
        Filtering::AddressAndPortDependent => "only addresses and ports that were sent to",
        Filtering::Unknown | _ => "a STUN server with two addresses (RFC 5780) would tell",
    };
    if found.translated.is_some() {
        rows.push(("filtering", format!("{}: {filtering}", found.filtering.as_str())));
    }
    if let Some(hairpin) = found.hairpin {
        let text = if hairpin { "yes" } else { "no: two hosts behind it meet on their local network alone" };
        rows.push(("hairpinning", text.to_owned()));
    }
    rows
}
