//! The address of a rendezvous server: `ws://host:port` or `wss://host[:port]`.

use std::fmt;
use std::str::FromStr;

/// A rendezvous server's address, checked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServerUrl {
    text: String,
    host: (usize, usize),
    port: u16,
    tls: bool,
}

/// The text is not the address of a rendezvous server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a rendezvous server's address; write wss://host or ws://host:port")]
pub struct BadServerUrl;

impl ServerUrl {
    /// The host's name or address, without brackets.
    pub fn host(&self) -> &str {
        self.text.get(self.host.0..self.host.1).unwrap_or_default()
    }

    /// The TCP port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is inside TLS.
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ServerUrl {
    type Err = BadServerUrl;

    fn from_str(text: &str) -> Result<Self, BadServerUrl> {
        // The same server has the same text, however it was written.
        let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let text = text.as_str();
        let (tls, authority) = match text.split_once("://") {
            Some(("ws", rest)) => (false, rest),
            Some(("wss", rest)) => (true, rest),
            _ => return Err(BadServerUrl),
        };
        let start = text.len() - authority.len();
        // What a contact card holds, too: others tell addresses, and they go into requests.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(&byte);
        if authority.is_empty() || !authority.bytes().all(fits) {
            return Err(BadServerUrl);
        }
        let (host, port) = split_port(authority)?;
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        let bracketed = usize::from(host.starts_with('['));
        let (first, last) = (start + bracketed, start + host.len() - bracketed);
        if first >= last || port == 0 {
            return Err(BadServerUrl);
        }
        Ok(Self { text: text.to_owned(), host: (first, last), port, tls })
    }
}

/// Parts `host:port` and `[v6]:port`.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), BadServerUrl> {
    let host_end = match (authority.starts_with('['), authority.find(']')) {
        (true, Some(end)) => end + 1,
        (false, None) => authority.find(':').unwrap_or(authority.len()),
        _ => return Err(BadServerUrl),
    };
    let (host, port) = authority.split_at_checked(host_end).ok_or(BadServerUrl)?;
    match port.strip_prefix(':') {
        Some(port) => Ok((host, Some(port.parse().map_err(|_| BadServerUrl)?))),
        None if port.is_empty() => Ok((host, None)),
        None => Err(BadServerUrl),
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerUrl([redacted])")
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn host_and_port_are_told_apart() {
        for (text, host, port, tls) in [
            ("ws://127.0.0.1:7777", "127.0.0.1", 7777, false),
            ("wss://call.example.org", "call.example.org", 443, true),
            ("wss://[2001:db8::1]:8443/", "2001:db8::1", 8443, true),
            ("ws://[::1]", "::1", 80, false),
        ] {
            let url: ServerUrl = text.parse().unwrap();
            assert_eq!((url.host(), url.port(), url.is_tls()), (host, port, tls), "{text}");
        }
        let url: ServerUrl = "WSS://Call.Example.org/".parse().unwrap();
        assert_eq!(url, "wss://call.example.org".parse().unwrap());
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for text in [
            "",
            "http://a",
            "ws://",
            "ws://:80",
            "ws://a:99999",
            "ws://a:0",
            "ws://a/b",
            "ws://[::1",
            "ws://x@y",
            "ws://a:",
            "ws://a\r\nb",
            "ws://\u{1b}[2J",
        ] {
            assert_eq!(text.parse::<ServerUrl>(), Err(BadServerUrl), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}", tail in "[a-z0-9:.\\[\\]/]{0,20}") {
            let _ = text.parse::<ServerUrl>();
            let _ = format!("ws://{tail}").parse::<ServerUrl>().map(|url| url.host().len());
        }
    }
}
