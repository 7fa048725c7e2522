//! What the owner of an agent decides once, with safe defaults.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use p2pvoip_core::Redacted;

use crate::address;
use crate::turn::TurnServer;

/// Which candidates the peer is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CandidatePolicy {
    /// All of them.
    #[default]
    All,
    /// Only what STUN servers saw. Host addresses are gathered from but never told, and nothing is sent to or
    /// answered from private addresses, since a packet to one could show the host's own. Checks leave from every base, so
    /// gather only from sockets whose public address the peer may see.
    ReflexiveOnly,
    /// Only addresses of relays. STUN servers are not asked, nothing is sent to the peer but through a relay, and no check
    /// that comes by another way is answered: the peer learns no address of this host.
    RelayOnly,
}

/// The most STUN servers.
pub(crate) const MAX_SERVERS: usize = 4;
/// The most TURN servers: two, each by an IPv4 and an IPv6 address.
pub(crate) const MAX_TURN_SERVERS: usize = 4;
/// The least interval between new transactions (RFC 8445 section 14.2).
const MIN_TA: Duration = Duration::from_millis(5);

/// How an agent behaves. The defaults are those of the RFCs where these have some.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The STUN servers that are asked for server-reflexive candidates; at most 4.
    pub stun_servers: Vec<SocketAddr>,
    /// The TURN servers at which relayed candidates are allocated; at most 4, the most preferred first.
    pub turn_servers: Vec<TurnServer>,
    /// Which candidates the peer is told.
    pub policy: CandidatePolicy,
    /// Ta, the least interval between two new transactions: 50 ms, at least 5 ms (RFC 8445 section 14.2).
    pub ta: Duration,
    /// How long servers may take before gathering ends without them: 10 s, so five requests.
    pub gather_for: Duration,
    /// How long the controlling agent waits for a better pair after the first that works: 200 ms.
    pub nomination_wait: Duration,
    /// How long nothing may work after both sides have told all candidates: 10 s (the idea of RFC 8863).
    pub patience: Duration,
    /// How long nothing may work after the start of the checks in any case: 30 s.
    pub give_up_after: Duration,
    /// The mean interval of consent checks, each within 20 % of it: 5 s (RFC 7675 section 5.1).
    pub consent_every: Duration,
    /// How long consent lasts after an answer: 30 s (RFC 7675 section 5.1).
    pub consent_for: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stun_servers: Vec::new(),
            turn_servers: Vec::new(),
            policy: CandidatePolicy::All,
            ta: Duration::from_millis(50),
            gather_for: Duration::from_secs(10),
            nomination_wait: Duration::from_millis(200),
            patience: Duration::from_secs(10),
            give_up_after: Duration::from_secs(30),
            consent_every: Duration::from_secs(5),
            consent_for: Duration::from_secs(30),
        }
    }
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if self.stun_servers.len() > MAX_SERVERS {
            return Err(ConfigError::TooManyServers);
        }
        if self.stun_servers.iter().any(|server| address::is_dubious(*server)) {
            return Err(ConfigError::UnusableServer);
        }
        if self.turn_servers.len() > MAX_TURN_SERVERS {
            return Err(ConfigError::TooManyTurnServers);
        }
        if !self.turn_servers.iter().all(TurnServer::is_usable) {
            return Err(ConfigError::UnusableTurnServer);
        }
        if self.policy == CandidatePolicy::RelayOnly && self.turn_servers.is_empty() {
            return Err(ConfigError::NoRelay);
        }
        if self.ta < MIN_TA {
            return Err(ConfigError::TooFast);
        }
        // Twice the interval leaves room for one lost check even with the longest jitter.
        if self.consent_every < Duration::from_secs(1) || self.consent_for < self.consent_every * 2 {
            return Err(ConfigError::Consent);
        }
        Ok(())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("stun_servers", &Redacted(&self.stun_servers))
            .field("turn_servers", &self.turn_servers)
            .field("policy", &self.policy)
            .field("ta", &self.ta)
            .field("gather_for", &self.gather_for)
            .field("nomination_wait", &self.nomination_wait)
            .field("patience", &self.patience)
            .field("give_up_after", &self.give_up_after)
            .field("consent_every", &self.consent_every)
            .field("consent_for", &self.consent_for)
            .finish()
    }
}

/// Why a configuration is of no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// More STUN servers than an agent asks.
    #[error("an agent asks at most 4 STUN servers; configure fewer")]
    TooManyServers,
    /// A STUN server without a port, or whose address is not that of one host.
    #[error("a STUN server's address is not that of one host, or has no port; correct it")]
    UnusableServer,
    /// More TURN servers than an agent allocates at.
    #[error("an agent allocates at no more than 4 addresses of TURN servers; configure fewer")]
    TooManyTurnServers,
    /// A TURN server whose address or user name cannot be used.
    #[error(
        "a TURN server needs the address of one host, a port, and a user name of 1 to 256 bytes; correct it"
    )]
    UnusableTurnServer,
    /// Relay-only without a relay.
    #[error("only relayed paths are allowed, but there is no TURN server; configure one")]
    NoRelay,
    /// Ta is below 5 ms.
    #[error("new transactions must be at least 5 ms apart (RFC 8445 section 14.2); raise `ta`")]
    TooFast,
    /// Consent checks are too frequent, or last too short a time.
    #[error("consent is checked at most once a second and lasts two intervals or more; raise its times")]
    Consent,
    /// The credentials could not be made into a key.
    #[error("the credentials could not be made into a key; this is a bug of p2pvoip-nat")]
    Key,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Password;

    #[test]
    fn the_default_is_valid_and_each_limit_is_kept() {
        assert_eq!(Config::default().validate(), Ok(()));
        let server: SocketAddr = "192.0.2.1:3478".parse().unwrap();
        let with = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.validate()
        };
        let mut config = Config { stun_servers: vec![server; MAX_SERVERS], ..Config::default() };
        assert_eq!(config.validate(), Ok(()));
        config.stun_servers.push(server);
        assert_eq!(config.validate(), Err(ConfigError::TooManyServers));
        assert_eq!(with(|c| c.policy = CandidatePolicy::RelayOnly), Err(ConfigError::NoRelay));
        let turn = |user: &str| TurnServer::new(server, user, Password::new("secret"));
        let mut config = Config {
            turn_servers: vec![turn("user"); MAX_TURN_SERVERS],
            policy: CandidatePolicy::RelayOnly,
            ..Config::default()
        };
        assert_eq!(config.validate(), Ok(()));
        assert!(!format!("{config:?}").contains("secret") && !format!("{config:?}").contains("192.0.2.1"));
        config.turn_servers.push(turn("user"));
        assert_eq!(config.validate(), Err(ConfigError::TooManyTurnServers));
        config.turn_servers = vec![turn("")];
        assert_eq!(config.validate(), Err(ConfigError::UnusableTurnServer));
        assert_eq!(with(|c| c.ta = Duration::from_millis(5)), Ok(()));
        assert_eq!(with(|c| c.ta = Duration::from_millis(4)), Err(ConfigError::TooFast));
        assert_eq!(with(|c| c.consent_for = Duration::from_secs(9)), Err(ConfigError::Consent));
        assert_eq!(
            with(|c| c.stun_servers.push("0.0.0.0:3478".parse().unwrap())),
            Err(ConfigError::UnusableServer)
        );
    }
}
