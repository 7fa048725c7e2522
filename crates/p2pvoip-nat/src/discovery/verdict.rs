//! What follows from the answers (RFC 5780 sections 4.3 and 4.4); `None` as long as an open question could change it.

use core::net::SocketAddr;

use super::ask::{Asking, Outcome, Purpose};
use super::words::{Filtering, Mapping};

/// The questions of one discovery, in the order in which they were asked.
#[derive(Clone, Default)]
pub(super) struct Questions {
    entries: Vec<Asking>,
}

impl Questions {
    /// Adds one; the purposes bound how many there are.
    pub(super) fn add(&mut self, asking: Asking) {
        self.entries.push(asking);
    }

    /// The one with this purpose.
    pub(super) fn of(&self, purpose: Purpose) -> Option<&Asking> {
        self.entries.iter().find(|asking| asking.ask.purpose == purpose)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Asking> {
        self.entries.iter()
    }

    /// All of them, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Asking> {
        self.entries.iter_mut()
    }

    /// Nobody needs to know this any more.
    pub(super) fn drop_open(&mut self, purpose: Purpose) {
        let unneeded = |asking: &&mut Asking| asking.ask.purpose == purpose && asking.is_open();
        if let Some(asking) = self.entries.iter_mut().find(unneeded) {
            asking.outcome = Outcome::Dropped;
        }
    }

    /// Where each STUN server is that has said what it saw, and what that was.
    fn seen(&self) -> impl Iterator<Item = (SocketAddr, SocketAddr)> {
        let stun = self.entries.iter().filter(|asking| matches!(asking.ask.purpose, Purpose::Stun(_)));
        stun.filter_map(|asking| Some((asking.ask.remote, asking.mapped()?)))
    }

    /// Whether a STUN server may still answer.
    fn waits_for_servers(&self) -> bool {
        self.entries.iter().any(|asking| matches!(asking.ask.purpose, Purpose::Stun(_)) && asking.is_open())
    }

    /// What the servers beyond an address translator saw: those on this side of it see the socket itself.
    fn seen_beyond(&self, local: SocketAddr) -> impl Iterator<Item = (SocketAddr, SocketAddr)> {
        self.seen().filter(move |(_, mapped)| *mapped != local)
    }

    /// Whether an address translator is there.
    pub(super) fn translated(&self, local: SocketAddr) -> Option<bool> {
        self.seen().next()?;
        Some(self.seen_beyond(local).next().is_some())
    }

    /// Whether it keeps the port.
    pub(super) fn keeps_port(&self, local: SocketAddr) -> Option<bool> {
        let (_, mapped) = self.seen_beyond(local).next()?;
        Some(mapped.port() == local.port())
    }

    /// How the translator maps what leaves from `local`; `probe` is the server that can be asked at two addresses.
    pub(super) fn mapping(&self, local: SocketAddr, probe: Option<SocketAddr>) -> Option<Mapping> {
        if self.translated(local) == Some(false) {
            // Another server may be the first beyond a translator.
            return (!self.waits_for_servers()).then_some(Mapping::EndpointIndependent);
        }
        let shown = match probe {
            Some(probe) => self.shown_by(probe)?,
            None => Mapping::Unknown,
        };
        if shown != Mapping::Unknown {
            return Some(shown);
        }
        // Other servers are other addresses, too.
        (!self.waits_for_servers()).then(|| self.compared(local))
    }

    /// The three tests of one server; `Unknown` when its other address is silent, or was not asked since it is on this side
    /// of the translator.
    fn shown_by(&self, probe: SocketAddr) -> Option<Mapping> {
        let (_, first) = self.seen().find(|(server, _)| *server == probe)?;
        let (Some(second), Some(third)) = (self.of(Purpose::MapAddress), self.of(Purpose::MapBoth)) else {
            return Some(Mapping::Unknown);
        };
        match (second.mapped(), third.mapped()) {
            (Some(second), _) if second == first => Some(Mapping::EndpointIndependent),
            (Some(second), Some(third)) if second == third => Some(Mapping::AddressDependent),
            (Some(_), Some(_)) => Some(Mapping::AddressAndPortDependent),
            _ if second.is_open() || third.is_open() => None,
            (None, Some(third)) if third == first => Some(Mapping::EndpointIndependent),
            (Some(_), None) | (None, Some(_)) => Some(Mapping::Dependent),
            (None, None) => Some(Mapping::Unknown),
        }
    }

    /// What two servers on different hosts show together.
    fn compared(&self, local: SocketAddr) -> Mapping {
        let mut mapping = Mapping::Unknown;
        for (server, mapped) in self.seen_beyond(local) {
            for (_, other) in self.seen_beyond(local).filter(|(elsewhere, _)| elsewhere.ip() != server.ip()) {
                if other != mapped {
                    return Mapping::Dependent;
                }
                mapping = Mapping::EndpointIndependent;
            }
        }
        mapping
    }

    /// Whom the translator, or the firewall, lets in to the filtering socket.
    pub(super) fn filtering(&self, probe: Option<SocketAddr>) -> Option<Filtering> {
        if probe.is_none() {
            return (!self.waits_for_servers()).then_some(Filtering::Unknown);
        }
        let control = self.of(Purpose::Control)?;
        match self.of(Purpose::FilterBoth)?.outcome {
            Outcome::Open => return None,
            Outcome::Answered { .. } => return Some(Filtering::EndpointIndependent),
            Outcome::Ignored | Outcome::Dropped => return Some(Filtering::Unknown),
            Outcome::Silent => {}
        }
        match self.of(Purpose::FilterPort)?.outcome {
            Outcome::Open => None,
            Outcome::Answered { .. } => Some(Filtering::AddressDependent),
            Outcome::Silent if control.is_open() => None,
            Outcome::Silent if control.is_answered() => Some(Filtering::AddressAndPortDependent),
            Outcome::Silent | Outcome::Ignored | Outcome::Dropped => Some(Filtering::Unknown),
        }
    }

    /// Whether the translator hairpins, when that was tried.
    pub(super) fn hairpin(&self) -> Option<bool> {
        let (there, back) = (self.of(Purpose::HairpinThere)?, self.of(Purpose::HairpinBack)?);
        if there.is_answered() || back.is_answered() {
            return Some(true);
        }
        (!there.is_open() && !back.is_open()).then_some(false)
    }
}
