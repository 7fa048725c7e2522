//! The requests of TURN to bytes, and the answers back (RFC 8656), by stun-rs as a codec and nothing more.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use stun_rs::attributes::stun::{
    AlternateServer, ErrorCode, Fingerprint, MessageIntegrity, Nonce, Realm, UserName, XorMappedAddress,
};
use stun_rs::attributes::turn::{
    ChannelNumber, LifeTime, RequestedAddressFamily, RequestedTrasport, XorPeerAddress, XorRelayedAddress,
};
use stun_rs::methods::{ALLOCATE, CHANNEL_BIND, REFRESH};
use stun_rs::protocols::UDP;
use stun_rs::{
    AddressFamily, Algorithm, AlgorithmId, HMACKey, MessageClass, StunMessage, StunMessageBuilder,
    TransactionId as Id,
};

use super::codec::{decode, encode};
use super::header::{self, TransactionId};
use crate::error::{Refused, RelayFailure};

/// The longest realm and the longest nonce that are taken, in bytes: what fits into one request beside the user name.
pub(crate) const MAX_CHALLENGE: usize = 256;

/// The long-term credentials of one user, under the realm and the nonce of a server (RFC 8489 section 9.2).
#[derive(Clone)]
pub(crate) struct Auth {
    username: String,
    realm: String,
    nonce: String,
    key: HMACKey,
}

impl Auth {
    #[cfg(test)]
    pub(crate) const fn key(&self) -> &HMACKey {
        &self.key
    }

    /// Whether a challenge is of the same realm.
    pub(crate) fn is_of(&self, challenge: &Challenge) -> bool {
        self.realm == challenge.realm
    }

    /// The credentials for this challenge; none when they cannot be prepared (RFC 8265).
    pub(crate) fn new(username: &str, password: &str, challenge: Challenge) -> Option<Self> {
        let Challenge { realm, nonce } = challenge;
        let key =
            HMACKey::new_long_term(username, &realm, password, Algorithm::from(AlgorithmId::MD5)).ok()?;
        Some(Self { username: username.to_owned(), realm, nonce, key })
    }
}

/// What a server wants to be authenticated by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) realm: String,
    pub(crate) nonce: String,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asked {
    /// A relayed address (RFC 8656 section 7.1).
    Allocate { ipv6: bool },
    /// More time for it, or with zero its end (RFC 8656 section 8.1).
    Refresh { lifetime: u32 },
    /// A channel, and with it the permission, to a peer (RFC 8656 section 12.1).
    Bind { channel: u16, peer: SocketAddr },
}

/// A request, frozen when it is made: a repetition has the same bytes.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) id: TransactionId,
    pub(crate) asked: Asked,
    pub(crate) auth: Option<Arc<Auth>>,
}

/// A server's answer to the request that it belongs to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The relayed address, the own address as the server sees it, and how long.
    Allocated { relayed: SocketAddr, mapped: SocketAddr, lifetime: Duration },
    /// How long the allocation lasts from now on.
    Refreshed { lifetime: Duration },
    /// The channel is bound.
    Bound,
    /// It wants to be authenticated (401).
    Challenged(Challenge),
    /// The nonce is too old (438).
    Stale(Challenge),
    /// It refuses.
    Refused(RelayFailure),
}

/// A request to a TURN server; it ends with FINGERPRINT, and before that with MESSAGE-INTEGRITY once there is a challenge.
pub(crate) fn emit_request(request: &Request, out: &mut [u8]) -> Option<usize> {
    let new = |method| {
        StunMessageBuilder::new(method, MessageClass::Request).with_transaction_id(Id::from(request.id))
    };
    let mut builder = match request.asked {
        Asked::Allocate { ipv6 } => {
            let builder = new(ALLOCATE).with_attribute(RequestedTrasport::from(UDP));
            if ipv6 {
                builder.with_attribute(RequestedAddressFamily::new(AddressFamily::IPv6))
            } else {
                builder
            }
        }
        Asked::Refresh { lifetime } => new(REFRESH).with_attribute(LifeTime::from(lifetime)),
        Asked::Bind { channel, peer } => new(CHANNEL_BIND)
            .with_attribute(ChannelNumber::new(channel))
            .with_attribute(XorPeerAddress::from(peer)),
    };
    if let Some(auth) = &request.auth {
        builder = builder
            .with_attribute(UserName::new(&auth.username).ok()?)
            .with_attribute(Realm::new(&auth.realm).ok()?)
            .with_attribute(Nonce::new(&auth.nonce).ok()?)
            .with_attribute(MessageIntegrity::new(auth.key.clone()));
    }
    encode(&builder.with_attribute(Fingerprint::default()).build(), out)
}

/// Reads the answer to `request`. Whatever answers an authenticated request must be authentic itself, but for the two
/// challenges, which cannot be.
pub(crate) fn parse_response(bytes: &[u8], request: &Request) -> Result<Answer, Refused> {
    let method = header::Header::of_any(bytes).ok_or(Refused::Malformed)?.0;
    if method != request.asked.method() {
        return Err(Refused::Unexpected);
    }
    let decoded = decode(bytes, request.auth.as_ref().map(|auth| &auth.key))?;
    let authentic = request.auth.is_some() && decoded.get::<MessageIntegrity>().is_some();
    if decoded.class() == MessageClass::ErrorResponse {
        return refusal(&decoded, authentic || request.auth.is_none());
    }
    // Success without our key in it proves nothing: servers without authentication are not used.
    if !authentic {
        return Err(Refused::Unauthentic);
    }
    let lifetime = || {
        let lifetime = decoded.get::<LifeTime>().and_then(|a| a.as_life_time().ok());
        lifetime.map(|l| Duration::from_secs(u64::from(*l.as_ref()))).ok_or(Refused::Malformed)
    };
    match request.asked {
        Asked::Allocate { .. } => {
            let relayed = decoded.get::<XorRelayedAddress>().and_then(|a| a.as_xor_relayed_address().ok());
            let mapped = decoded.get::<XorMappedAddress>().and_then(|a| a.as_xor_mapped_address().ok());
            Ok(Answer::Allocated {
                relayed: *relayed.ok_or(Refused::Malformed)?.socket_address(),
                mapped: *mapped.ok_or(Refused::Malformed)?.socket_address(),
                lifetime: lifetime()?,
            })
        }
        Asked::Refresh { .. } => Ok(Answer::Refreshed { lifetime: lifetime()? }),
        Asked::Bind { .. } => Ok(Answer::Bound),
    }
}

fn refusal(decoded: &StunMessage, trusted: bool) -> Result<Answer, Refused> {
    let code = decoded.get::<ErrorCode>().and_then(|a| a.as_error_code().ok());
    let code = code.ok_or(Refused::Malformed)?.error_code().error_code();
    if matches!(code, 401 | 438) {
        let realm = decoded.get::<Realm>().and_then(|a| a.as_realm().ok()).ok_or(Refused::Malformed)?;
        let nonce = decoded.get::<Nonce>().and_then(|a| a.as_nonce().ok()).ok_or(Refused::Malformed)?;
        let challenge = Challenge { realm: realm.as_str().to_owned(), nonce: nonce.as_str().to_owned() };
        if challenge.realm.len() > MAX_CHALLENGE || challenge.nonce.len() > MAX_CHALLENGE {
            return Err(Refused::Malformed);
        }
        return Ok(if code == 401 { Answer::Challenged(challenge) } else { Answer::Stale(challenge) });
    }
    if !trusted {
        return Err(Refused::Unauthentic);
    }
    Ok(Answer::Refused(match code {
        300 => {
            let other = decoded.get::<AlternateServer>().and_then(|a| a.as_alternate_server().ok());
            RelayFailure::TryAlternate(*other.ok_or(Refused::Malformed)?.socket_address())
        }
        403 => RelayFailure::Forbidden,
        437 => RelayFailure::Mismatch,
        440 => RelayFailure::Family,
        441 => RelayFailure::Unauthorized,
        486 => RelayFailure::Quota,
        508 => RelayFailure::Capacity,
        code => RelayFailure::Refused(code),
    }))
}

impl Asked {
    const fn method(self) -> u16 {
        match self {
            Self::Allocate { .. } => header::ALLOCATE,
            Self::Refresh { .. } => header::REFRESH,
            Self::Bind { .. } => header::CHANNEL_BIND,
        }
    }
}
