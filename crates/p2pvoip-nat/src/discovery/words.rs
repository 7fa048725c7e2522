//! The words that behaviour discovery and its owner speak: settings, findings, events.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use p2pvoip_core::Redacted;

use crate::address;

/// The most STUN servers that are asked.
pub const MAX_STUN_SERVERS: usize = 4;
/// The most TURN servers that are asked.
pub const MAX_TURN_SERVERS: usize = 2;

/// Which packets from one inner endpoint share an external address and port (RFC 4787 section 4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Mapping {
    /// All: the address that one server sees is the one that a peer reaches. Also where there is no NAT.
    EndpointIndependent,
    /// Those to one address.
    AddressDependent,
    /// Those to one address and port.
    AddressAndPortDependent,
    /// Not all, but which was not found out: no server showed more.
    Dependent,
    /// Nothing is known: no server answered, or only one that cannot tell.
    Unknown,
}

impl Mapping {
    /// The stable word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EndpointIndependent => "endpoint-independent",
            Self::AddressDependent => "address-dependent",
            Self::AddressAndPortDependent => "address-and-port-dependent",
            Self::Dependent => "dependent",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a peer is seen at another address than servers are told; `None` when that is unknown.
    pub const fn is_symmetric(self) -> Option<bool> {
        match self {
            Self::EndpointIndependent => Some(false),
            Self::AddressDependent | Self::AddressAndPortDependent | Self::Dependent => Some(true),
            Self::Unknown => None,
        }
    }
}

/// Who may send to an external address and port (RFC 4787 section 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Filtering {
    /// Anybody.
    EndpointIndependent,
    /// Only addresses that were sent to.
    AddressDependent,
    /// Only addresses and ports that were sent to.
    AddressAndPortDependent,
    /// Nothing is known: no server answers from another address.
    Unknown,
}

impl Filtering {
    /// The stable word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EndpointIndependent => "endpoint-independent",
            Self::AddressDependent => "address-dependent",
            Self::AddressAndPortDependent => "address-and-port-dependent",
            Self::Unknown => "unknown",
        }
    }
}

/// What is known of one STUN server.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StunFinding {
    /// Which server.
    pub server: SocketAddr,
    /// Whether it answered at all.
    pub answered: bool,
    /// The round trip; unknown when the request was sent more than once.
    pub rtt: Option<Duration>,
    /// The address that it saw.
    pub mapped: Option<SocketAddr>,
    /// Whether it has a second address from which it can answer (RFC 5780), and may be asked there.
    pub discovers: bool,
}

impl fmt::Debug for StunFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StunFinding")
            .field("server", &Redacted(&self.server))
            .field("answered", &self.answered)
            .field("rtt", &self.rtt)
            .field("mapped", &Redacted(&self.mapped))
            .field("discovers", &self.discovers)
            .finish()
    }
}

/// What is known of one TURN server, of which nothing was wanted but a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TurnFinding {
    /// Which server.
    pub server: SocketAddr,
    /// The error code of its refusal, 401 where it asks for a password; `None` when it did not answer.
    pub refusal: Option<u16>,
    /// The round trip; unknown when the request was sent more than once.
    pub rtt: Option<Duration>,
}

impl fmt::Debug for TurnFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnFinding")
            .field("server", &Redacted(&self.server))
            .field("refusal", &self.refusal)
            .field("rtt", &self.rtt)
            .finish()
    }
}

/// All that is known so far.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Findings {
    /// Of each STUN server, in the order of the settings.
    pub stun: Vec<StunFinding>,
    /// Of each TURN server, in the order of the settings.
    pub turn: Vec<TurnFinding>,
    /// Whether an address translator is in between; `None` when no server answered.
    pub translated: Option<bool>,
    /// Whether the translator keeps the port of the socket; `None` when there is none, or no server answered.
    pub keeps_port: Option<bool>,
    /// How it maps.
    pub mapping: Mapping,
    /// Whom it lets in. Without a translator this is the firewall's.
    pub filtering: Filtering,
    /// Whether two hosts behind it reach one another by its external addresses; `None` when that was not tried.
    pub hairpin: Option<bool>,
}

/// What the owner is told, as it is found out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A STUN server answered, or did not.
    Stun(StunFinding),
    /// A TURN server answered, or did not.
    Turn(TurnFinding),
    /// How the translator maps.
    Mapping(Mapping),
    /// Whom it lets in.
    Filtering(Filtering),
    /// Whether it hairpins.
    Hairpin(bool),
    /// All that could be found out was.
    Done,
}

/// Whether a server can be asked at this address: it is that of one host, and has a port.
pub fn can_ask(server: SocketAddr) -> bool {
    !address::is_dubious(server)
}

/// Who is asked, and from where.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The address of the bound socket for the tests of mapping. Nothing else may use it.
    pub mapping: SocketAddr,
    /// The address of another bound socket of the same host, for the tests of filtering: nothing may have left from it
    /// to the servers' other addresses.
    pub filtering: SocketAddr,
    /// STUN servers of the sockets' family; at most 4, on different hosts where they cannot do RFC 5780.
    pub stun_servers: Vec<SocketAddr>,
    /// TURN servers of the sockets' family; at most 2.
    pub turn_servers: Vec<SocketAddr>,
}

impl Config {
    /// Without servers yet.
    pub const fn new(mapping: SocketAddr, filtering: SocketAddr) -> Self {
        Self { mapping, filtering, stun_servers: Vec::new(), turn_servers: Vec::new() }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.stun_servers.len() > MAX_STUN_SERVERS || self.turn_servers.len() > MAX_TURN_SERVERS {
            return Err(ConfigError::TooManyServers);
        }
        let unusable = |socket| address::is_dubious(socket);
        if self.mapping == self.filtering || unusable(self.mapping) || unusable(self.filtering) {
            return Err(ConfigError::Sockets);
        }
        if self.mapping.is_ipv4() != self.filtering.is_ipv4() {
            return Err(ConfigError::Sockets);
        }
        let mut servers = self.stun_servers.iter().chain(&self.turn_servers);
        let reached =
            |server: &SocketAddr| !address::is_dubious(*server) && server.is_ipv4() == self.mapping.is_ipv4();
        if servers.all(reached) { Ok(()) } else { Err(ConfigError::UnusableServer) }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("stun_servers", &self.stun_servers.len())
            .field("turn_servers", &self.turn_servers.len())
            .finish_non_exhaustive()
    }
}

/// Why the settings are of no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// More servers than are asked.
    #[error("at most 4 STUN servers and 2 TURN servers are asked; configure fewer")]
    TooManyServers,
    /// The sockets are one, or of two families, or not bound to one address.
    #[error("give the addresses of two bound sockets of one family, not the wildcard")]
    Sockets,
    /// A server that cannot be reached from the sockets.
    #[error(
        "a server's address has no port, is not that of one host, or is of another family than the sockets"
    )]
    UnusableServer,
}
