//! What a check of the network found, and what follows from it for calls.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use p2pvoip_core::Redacted;
use p2pvoip_nat::discovery::{Filtering, Findings, StunFinding, TurnFinding};

/// What was found out about a server, under the name that it was given by.
#[derive(Clone, PartialEq, Eq)]
pub struct Named<T> {
    /// As in the configuration.
    pub name: String,
    /// What was found out.
    pub finding: T,
}

impl<T: fmt::Debug> fmt::Debug for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("finding", &self.finding).finish_non_exhaustive()
    }
}

/// What was found out about one family of addresses.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FamilyReport {
    /// The address of this machine from which the family's servers are reached; `None` when there is no way at all.
    pub local: Option<IpAddr>,
    /// Each STUN server that has an address of this family.
    pub stun: Vec<Named<StunFinding>>,
    /// Each TURN server that has an address of this family.
    pub turn: Vec<Named<TurnFinding>>,
    /// How the network in between behaves; `None` when no server has an address of this family.
    pub findings: Option<Findings>,
}

impl fmt::Debug for FamilyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FamilyReport")
            .field("local", &Redacted(&self.local))
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}

/// What was found out about the rendezvous server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RendezvousFinding {
    /// Whether it speaks our protocol.
    pub answered: bool,
    /// How long it took until it welcomed us: name, TCP, TLS and WebSocket.
    pub welcome: Option<Duration>,
    /// The round trip on the open connection.
    pub rtt: Option<Duration>,
}

/// All that was found out.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct NetReport {
    /// With IPv4 addresses.
    pub ipv4: FamilyReport,
    /// With IPv6 addresses.
    pub ipv6: FamilyReport,
    /// The rendezvous server, if one was named.
    pub rendezvous: Option<RendezvousFinding>,
    /// Servers whose names have no address that can be asked.
    pub not_found: Vec<String>,
    /// Whether a TURN server was named.
    pub relay_named: bool,
}

/// What a relay can do for calls that find no direct path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relay {
    /// One answers.
    Ready,
    /// One was named, and none answers.
    Silent,
    /// None was named.
    None,
}

/// What to expect of calls from here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outlook {
    /// Anybody who is told the address gets through.
    Open,
    /// Direct calls with most networks.
    Direct,
    /// Direct calls with open networks alone.
    Symmetric,
    /// Servers answer, but do not show how the network behaves.
    Undetermined,
    /// No STUN server answers.
    Unreachable,
}

impl Outlook {
    /// The stable word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Direct => "direct",
            Self::Symmetric => "symmetric",
            Self::Undetermined => "undetermined",
            Self::Unreachable => "unreachable",
        }
    }

    /// What one family's findings promise.
    fn of(findings: &Findings) -> Self {
        match (findings.translated, findings.mapping.is_symmetric(), findings.filtering) {
            (None, ..) => Self::Unreachable,
            (Some(_), Some(false), Filtering::EndpointIndependent) => Self::Open,
            (Some(_), Some(false), _) => Self::Direct,
            (Some(_), Some(true), _) => Self::Symmetric,
            (Some(_), None, _) => Self::Undetermined,
        }
    }

    /// Lower is better: the better family carries the call.
    const fn rank(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Direct => 1,
            Self::Symmetric => 2,
            Self::Undetermined => 3,
            Self::Unreachable => 4,
        }
    }
}

impl NetReport {
    /// What to expect of calls. IPv4 counts, since nearly every peer has it; IPv6 where IPv4 says nothing.
    pub fn outlook(&self) -> Outlook {
        let [v4, v6] = [&self.ipv4, &self.ipv6].map(|family| family.findings.as_ref().map(Outlook::of));
        match (v4, v6) {
            (Some(v4), _) if v4.rank() < Outlook::Undetermined.rank() => v4,
            (Some(v4), Some(v6)) => {
                if v6.rank() < v4.rank() {
                    v6
                } else {
                    v4
                }
            }
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => Outlook::Unreachable,
        }
    }

    /// What a relay can do.
    pub fn relay(&self) -> Relay {
        let mut turn = self.ipv4.turn.iter().chain(&self.ipv6.turn);
        match (turn.any(|relay| relay.finding.refusal.is_some()), self.relay_named) {
            (true, _) => Relay::Ready,
            (false, true) => Relay::Silent,
            (false, false) => Relay::None,
        }
    }

    /// What to expect of calls, in one sentence.
    pub fn verdict(&self) -> String {
        let relay = match self.relay() {
            Relay::Ready => "a relay answers for the others",
            Relay::Silent => "the others need a relay, and the one that was named does not answer",
            Relay::None => "the others need a relay, and none was named",
        };
        match self.outlook() {
            Outlook::Open => "Direct calls will work: this network lets everybody in.".to_owned(),
            Outlook::Direct => format!("Direct calls will work with most networks; {relay}."),
            Outlook::Symmetric => format!(
                "This network shows another address to everybody, so direct calls will work with open networks alone; {relay}."
            ),
            Outlook::Undetermined => format!(
                "A STUN server answers, but it cannot show how this network behaves; name a second one on another host. For direct calls nothing is certain; {relay}."
            ),
            Outlook::Unreachable => match self.relay() {
                Relay::Ready => {
                    "No STUN server answers, but a relay does; check the STUN servers' addresses.".to_owned()
                }
                Relay::Silent | Relay::None => {
                    "No STUN or TURN server answers; check their addresses, and whether this network lets UDP out.".to_owned()
                }
            },
        }
    }

    /// Whether the behaviour of the network could be determined.
    pub fn is_determined(&self) -> bool {
        !matches!(self.outlook(), Outlook::Undetermined | Outlook::Unreachable)
    }
}

#[cfg(test)]
mod tests {
    use p2pvoip_core::{Instant, Seed};
    use p2pvoip_nat::discovery::{Config, Discovery, Mapping};

    use super::*;

    /// Findings of a network that behaves so.
    fn findings(translated: Option<bool>, mapping: Mapping, filtering: Filtering) -> Findings {
        let config = Config::new("10.0.0.1:1000".parse().unwrap(), "10.0.0.1:1001".parse().unwrap());
        let nothing = Discovery::new(config, Seed::from_u64(1), Instant::from_millis(0)).unwrap().findings();
        let mut findings = nothing;
        (findings.translated, findings.mapping, findings.filtering) = (translated, mapping, filtering);
        findings
    }

    fn report(v4: Option<Findings>, v6: Option<Findings>) -> NetReport {
        let family = |findings| FamilyReport { findings, ..FamilyReport::default() };
        let (ipv4, ipv6) = (family(v4), family(v6));
        NetReport { ipv4, ipv6, rendezvous: None, not_found: Vec::new(), relay_named: false }
    }

    #[test]
    fn what_each_behaviour_promises() {
        use Filtering::{AddressAndPortDependent as Strict, EndpointIndependent as Lax};
        for (translated, mapping, filtering, outlook) in [
            (Some(false), Mapping::EndpointIndependent, Lax, Outlook::Open),
            (Some(true), Mapping::EndpointIndependent, Strict, Outlook::Direct),
            (Some(true), Mapping::EndpointIndependent, Filtering::Unknown, Outlook::Direct),
            (Some(true), Mapping::AddressAndPortDependent, Strict, Outlook::Symmetric),
            (Some(true), Mapping::Dependent, Filtering::Unknown, Outlook::Symmetric),
            (Some(true), Mapping::Unknown, Filtering::Unknown, Outlook::Undetermined),
            (None, Mapping::Unknown, Filtering::Unknown, Outlook::Unreachable),
        ] {
            let report = report(Some(findings(translated, mapping, filtering)), None);
            assert_eq!(report.outlook(), outlook);
            assert_eq!(report.is_determined(), outlook.rank() < 3);
            assert!(report.verdict().ends_with('.'));
        }
    }

    #[test]
    fn ipv4_counts_and_ipv6_only_where_ipv4_says_nothing() {
        let open =
            || Some(findings(Some(false), Mapping::EndpointIndependent, Filtering::EndpointIndependent));
        let symmetric = || Some(findings(Some(true), Mapping::Dependent, Filtering::Unknown));
        let silent = || Some(findings(None, Mapping::Unknown, Filtering::Unknown));
        assert_eq!(report(symmetric(), open()).outlook(), Outlook::Symmetric);
        assert_eq!(report(silent(), open()).outlook(), Outlook::Open);
        assert_eq!(report(None, open()).outlook(), Outlook::Open);
        assert_eq!(report(None, None).outlook(), Outlook::Unreachable);
    }

    #[test]
    fn the_verdict_says_whether_a_relay_was_named() {
        let symmetric = findings(Some(true), Mapping::AddressAndPortDependent, Filtering::Unknown);
        let mut report = report(Some(symmetric), None);
        assert!(report.verdict().contains("none was named"), "{}", report.verdict());
        report.relay_named = true;
        assert!(report.verdict().contains("does not answer"), "{}", report.verdict());
    }
}
