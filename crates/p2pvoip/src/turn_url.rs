//! The address of a TURN server: `turn:host[:port][?transport=udp]` (RFC 7065).

use std::fmt;
use std::str::FromStr;

use p2pvoip_nat::Password;

/// The port of TURN over UDP (RFC 8656 section 4).
const DEFAULT_PORT: u16 = 3478;

/// A TURN server's address, checked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TurnUrl {
    host: String,
    port: u16,
}

/// The text is not the address of a TURN server that can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadTurnUrl {
    /// It has another form.
    #[error("not a TURN server's address; write turn:HOST or turn:HOST:PORT")]
    Form,
    /// It wants TCP or TLS.
    #[error("TURN over TCP or TLS is not spoken; name a server that listens on UDP, as turn:HOST:PORT")]
    Transport,
}

impl TurnUrl {
    /// The host's name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The UDP port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for TurnUrl {
    type Err = BadTurnUrl;

    fn from_str(text: &str) -> Result<Self, BadTurnUrl> {
        let (scheme, rest) = text.split_once(':').ok_or(BadTurnUrl::Form)?;
        if scheme.eq_ignore_ascii_case("turns") {
            return Err(BadTurnUrl::Transport);
        }
        let (authority, query) = rest.split_once('?').map_or((rest, None), |(a, q)| (a, Some(q)));
        if !scheme.eq_ignore_ascii_case("turn") {
            return Err(BadTurnUrl::Form);
        }
        match query.map(|query| query.split_once('=').unwrap_or_default()) {
            None | Some(("transport", "udp")) => {}
            Some(("transport", _)) => return Err(BadTurnUrl::Transport),
            Some(_) => return Err(BadTurnUrl::Form),
        }
        let (host, port) = parts(authority).ok_or(BadTurnUrl::Form)?;
        let port = port.map_or(Ok(DEFAULT_PORT), str::parse).map_err(|_| BadTurnUrl::Form)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
        if port == 0 || host.is_empty() || !host.bytes().all(is_name) {
            return Err(BadTurnUrl::Form);
        }
        Ok(Self { host: host.to_ascii_lowercase(), port })
    }
}

/// Parts `host`, `host:port`, `[v6]` and `[v6]:port`.
fn parts(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return if rest.is_empty() {
            Some((host, None))
        } else {
            Some((host, Some(rest.strip_prefix(':')?)))
        };
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => Some((host, Some(port))),
        Some(_) => None,
        None => Some((authority, None)),
    }
}

impl fmt::Debug for TurnUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TurnUrl([redacted])")
    }
}

impl fmt::Display for TurnUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "turn:[{}]:{}", self.host, self.port)
        } else {
            write!(f, "turn:{}:{}", self.host, self.port)
        }
    }
}

/// A TURN server and how it knows us. Its `Debug` shows neither.
#[derive(Clone)]
#[non_exhaustive]
pub struct TurnServer {
    /// Where it is.
    pub url: TurnUrl,
    /// The user name.
    pub username: String,
    /// The password; wiped when it is dropped.
    pub password: Password,
}

impl TurnServer {
    /// The server at this address that knows this user by this password.
    pub fn new(url: TurnUrl, username: impl Into<String>, password: Password) -> Self {
        Self { url, username: username.into(), password }
    }
}

impl fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TurnServer([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn host_and_port_are_told_apart() {
        for (text, host, port) in [
            ("turn:relay.example.org", "relay.example.org", 3478),
            ("turn:Relay.example.org:5000", "relay.example.org", 5000),
            ("TURN:192.0.2.1:5000?transport=udp", "192.0.2.1", 5000),
            ("turn:[2001:db8::1]", "2001:db8::1", 3478),
            ("turn:[2001:db8::1]:9", "2001:db8::1", 9),
        ] {
            let url: TurnUrl = text.parse().unwrap();
            assert_eq!((url.host(), url.port()), (host, port), "{text}");
            assert_eq!(url.to_string().parse(), Ok(url), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused_and_other_transports_by_their_name() {
        for text in [
            "",
            "turn:",
            "turn::3478",
            "turn:a:0",
            "turn:a:99999",
            "turn:a:",
            "turn://a",
            "turn:user@a",
            "turn:2001:db8::1",
            "turn:[relay]:9",
            "turn:[::1",
            "stun:a:1",
            "turn:a?x=y",
            "turn:a b",
        ] {
            assert_eq!(text.parse::<TurnUrl>(), Err(BadTurnUrl::Form), "{text}");
        }
        for text in ["turns:a", "turn:a?transport=tcp", "turns:a:443?transport=tcp"] {
            assert_eq!(text.parse::<TurnUrl>(), Err(BadTurnUrl::Transport), "{text}");
        }
    }

    #[test]
    fn nothing_of_it_is_shown_by_debug() {
        let url = "turn:relay.example.org".parse().unwrap();
        let server = TurnServer::new(url, "alice", Password::new("secret"));
        for hidden in ["relay", "alice", "secret"] {
            assert!(!format!("{server:?} {:?} {:?}", server.url, server.password).contains(hidden));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}", tail in "[a-z0-9:.?=\\[\\]/]{0,20}") {
            let _ = text.parse::<TurnUrl>();
            if let Ok(url) = format!("turn:{tail}").parse::<TurnUrl>() {
                prop_assert_eq!(url.to_string().parse(), Ok(url));
            }
        }
    }
}
