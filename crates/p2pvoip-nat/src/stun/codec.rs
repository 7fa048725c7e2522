//! The messages of ICE to bytes and back, by stun-rs as a codec and nothing more.
//!
//! stun-rs accepts what must be refused: absent integrity, an absent or misplaced fingerprint, trailing bytes, and it
//! draws its own transaction ids. All of that is checked or given here, and none of its types leaves this file.

use core::net::SocketAddr;

use stun_rs::attributes::ice::{IceControlled, IceControlling, Priority, UseCandidate};
use stun_rs::attributes::stun::{
    ErrorCode as ErrorCodeAttribute, Fingerprint, MessageIntegrity, UserName, XorMappedAddress,
};
use stun_rs::methods::BINDING;
use stun_rs::{
    DecoderContextBuilder, ErrorCode, HMACKey, MessageClass, MessageDecoderBuilder, MessageEncoderBuilder,
    StunAttribute, StunMessage, StunMessageBuilder, TransactionId as Id,
};

use super::header::{Class, Header, TransactionId, ends_with_fingerprint};
use crate::candidate::is_priority;
use crate::check::Check;
use crate::error::Refused;

/// The error code of a role conflict (RFC 8445 section 7.3.1.1).
pub(crate) const ROLE_CONFLICT: u16 = 487;

/// An authentic connectivity check of the peer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) id: TransactionId,
    /// `receiver:sender`, of which the receiver's part is not checked yet.
    pub(crate) username: String,
    pub(crate) priority: u32,
    pub(crate) controlling: bool,
    pub(crate) tie_breaker: u64,
    pub(crate) nominate: bool,
}

/// An authentic answer to a connectivity check, or a server's to a query.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Response {
    /// The address that the other side saw.
    Mapped(SocketAddr),
    /// It is refused because both sides have the same role.
    RoleConflict,
    /// It is refused for another reason.
    Error,
}

/// A connectivity check (RFC 8445 section 7.2.2). `username` is `receiver:sender`, `key` the receiver's.
pub(crate) fn emit_check(check: &Check, username: &str, key: &HMACKey, out: &mut [u8]) -> Option<usize> {
    let mut builder = message(MessageClass::Request, check.id)
        .with_attribute(UserName::new(username).ok()?)
        .with_attribute(Priority::from(check.priority));
    builder = if check.controlling {
        builder.with_attribute(IceControlling::from(check.tie_breaker))
    } else {
        builder.with_attribute(IceControlled::from(check.tie_breaker))
    };
    if check.nominate {
        builder = builder.with_attribute(UseCandidate::default());
    }
    sealed(builder, key, out)
}

/// The answer to a connectivity check (RFC 8445 section 7.3.1.2); `key` is the sender's own.
pub(crate) fn emit_answer(
    id: TransactionId,
    mapped: SocketAddr,
    key: &HMACKey,
    out: &mut [u8],
) -> Option<usize> {
    let builder = message(MessageClass::SuccessResponse, id).with_attribute(XorMappedAddress::from(mapped));
    sealed(builder, key, out)
}

/// The answer to a connectivity check in a role conflict (RFC 8445 section 7.3.1.1).
pub(crate) fn emit_conflict(id: TransactionId, key: &HMACKey, out: &mut [u8]) -> Option<usize> {
    let code = ErrorCode::new(ROLE_CONFLICT, "Role Conflict").ok()?;
    let builder = message(MessageClass::ErrorResponse, id).with_attribute(ErrorCodeAttribute::new(code));
    sealed(builder, key, out)
}

/// A query to a STUN server (RFC 8445 section 5.1.1.2).
pub(crate) fn emit_query(id: TransactionId, out: &mut [u8]) -> Option<usize> {
    encode(&message(MessageClass::Request, id).with_attribute(Fingerprint::default()).build(), out)
}

/// A sign of life, which nobody answers (RFC 8445 section 11).
pub(crate) fn emit_keep(id: TransactionId, out: &mut [u8]) -> Option<usize> {
    encode(&message(MessageClass::Indication, id).with_attribute(Fingerprint::default()).build(), out)
}

/// Reads a connectivity check; the receiver's key proves it.
pub(crate) fn parse_request(bytes: &[u8], key: &HMACKey) -> Result<Request, Refused> {
    let decoded = authentic(bytes, key)?;
    let username =
        decoded.get::<UserName>().and_then(|a| a.as_user_name().ok()).ok_or(Refused::Unauthentic)?;
    let priority = decoded.get::<Priority>().and_then(|a| a.as_priority().ok()).map(|p| *p.as_ref());
    let controlling =
        decoded.get::<IceControlling>().and_then(|a| a.as_ice_controlling().ok()).map(|t| *t.as_ref());
    let controlled =
        decoded.get::<IceControlled>().and_then(|a| a.as_ice_controlled().ok()).map(|t| *t.as_ref());
    let ((Some(tie_breaker), None) | (None, Some(tie_breaker))) = (controlling, controlled) else {
        return Err(Refused::Malformed);
    };
    let nominate = decoded.get::<UseCandidate>().is_some();
    Ok(Request {
        id: *decoded.transaction_id().as_bytes(),
        username: username.as_str().to_owned(),
        priority: priority.filter(|p| is_priority(*p)).ok_or(Refused::Malformed)?,
        controlling: controlling.is_some(),
        tie_breaker,
        nominate,
    })
}

/// Reads the answer to a connectivity check; the key of who was asked proves it.
pub(crate) fn parse_answer(bytes: &[u8], key: &HMACKey) -> Result<Response, Refused> {
    response(&authentic(bytes, key)?)
}

/// Reads a STUN server's answer to a query. It cannot be authentic; a fingerprint that is there must be right.
pub(crate) fn parse_query_answer(bytes: &[u8]) -> Result<Response, Refused> {
    response(&decode(bytes, None)?)
}

/// See [`super::answer_binding`].
pub(super) fn answer_binding(request: &[u8], source: SocketAddr, out: &mut [u8]) -> Option<usize> {
    let header = Header::parse(request).filter(|header| header.class == Class::Request)?;
    let decoded = decode(request, None).ok()?;
    let mut builder =
        message(MessageClass::SuccessResponse, header.id).with_attribute(XorMappedAddress::from(source));
    if decoded.get::<Fingerprint>().is_some() {
        builder = builder.with_attribute(Fingerprint::default());
    }
    encode(&builder.build(), out)
}

pub(super) fn message(class: MessageClass, id: TransactionId) -> StunMessageBuilder {
    StunMessageBuilder::new(BINDING, class).with_transaction_id(Id::from(id))
}

fn sealed(builder: StunMessageBuilder, key: &HMACKey, out: &mut [u8]) -> Option<usize> {
    let builder = builder.with_attribute(MessageIntegrity::new(key.clone()));
    encode(&builder.with_attribute(Fingerprint::default()).build(), out)
}

pub(super) fn encode(message: &StunMessage, out: &mut [u8]) -> Option<usize> {
    MessageEncoderBuilder::default().build().encode(out, message).ok()
}

/// Decodes a message that must have both integrity and fingerprint, each right.
fn authentic(bytes: &[u8], key: &HMACKey) -> Result<StunMessage, Refused> {
    let decoded = decode(bytes, Some(key))?;
    if decoded.get::<MessageIntegrity>().is_some() && decoded.get::<Fingerprint>().is_some() {
        Ok(decoded)
    } else {
        Err(Refused::Unauthentic)
    }
}

/// Decodes a message that fills `bytes`; what integrity and fingerprint it has must be right.
pub(super) fn decode(bytes: &[u8], key: Option<&HMACKey>) -> Result<StunMessage, Refused> {
    let mut context = DecoderContextBuilder::default().with_validation();
    if let Some(key) = key {
        context = context.with_key(key.clone());
    }
    let decoder = MessageDecoderBuilder::default().with_context(context.build()).build();
    // One error for broken and forged messages: an error of the decoder does not tell them apart reliably.
    let (decoded, len) = decoder.decode(bytes).map_err(|_| Refused::Unauthentic)?;
    if len != bytes.len() || decoded.get::<Fingerprint>().is_some() && !ends_with_fingerprint(bytes) {
        return Err(Refused::Malformed);
    }
    let demands = |a: &StunAttribute| a.is_unknown() && a.attribute_type().is_comprehension_required();
    if decoded.attributes().iter().any(demands) {
        return Err(Refused::Unsupported);
    }
    Ok(decoded)
}

pub(super) fn response(decoded: &StunMessage) -> Result<Response, Refused> {
    if decoded.class() == MessageClass::ErrorResponse {
        let code = decoded.get::<ErrorCodeAttribute>().and_then(|a| a.as_error_code().ok());
        let code = code.ok_or(Refused::Malformed)?.error_code().error_code();
        return Ok(if code == ROLE_CONFLICT { Response::RoleConflict } else { Response::Error });
    }
    let mapped = decoded.get::<XorMappedAddress>().and_then(|a| a.as_xor_mapped_address().ok());
    Ok(Response::Mapped(*mapped.ok_or(Refused::Malformed)?.socket_address()))
}
