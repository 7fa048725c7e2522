//! The frames between a client and the rendezvous server: binary, bounded, one for each WebSocket message.
//!
//! They borrow what they carry, so that a server passes an envelope on without reading it.

#[cfg(test)]
mod tests;

use crate::{ENVELOPE_LEN, MailboxId, OwnerKey, Slot, Token};
use p2pvoip_core::wire::{Malformed, Reader, Writer};
use std::time::Duration;

/// The version of these frames. Version 1, which had no owners, is no longer spoken.
pub const PROTOCOL_VERSION: u8 = 2;
/// The least version that both sides speak.
pub const LEAST_PROTOCOL_VERSION: u8 = 2;
/// How many bytes a challenge has.
pub const CHALLENGE_LEN: usize = 32;
/// How many bytes a proof of ownership has: an Ed25519 signature (RFC 8032).
pub const PROOF_LEN: usize = 64;
/// The longest published record in bytes.
pub const MAX_BUNDLE_LEN: usize = 2_048;
/// The longest frame of a client in bytes: a put (kind, id, mailbox, envelope).
pub const MAX_CLIENT_FRAME: usize = 1 + 8 + 16 + ENVELOPE_LEN;
/// The longest frame of a server in bytes: an envelope (kind, serial, mailbox, envelope).
pub const MAX_SERVER_FRAME: usize = 1 + 4 + 16 + ENVELOPE_LEN;
/// The longest time that a record stays published without being published anew.
pub const MAX_LIFETIME: Duration = Duration::from_secs(7 * 86_400);

/// The name of one request, random, so that one that is sent again on another connection is known to be the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// Why the server does not do what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// A reason that this version does not know.
    Other,
    /// A table is full, here or for this connection.
    Limit,
    /// Too many requests in a short time; ask again later.
    TooFast,
    /// A record of a higher sequence is published already.
    Older,
    /// The signature does not fit key and challenge, or the key is not owned by this connection.
    NotOwner,
}

impl Refusal {
    const fn code(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Limit => 1,
            Self::TooFast => 2,
            Self::Older => 3,
            Self::NotOwner => 4,
        }
    }

    const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Limit,
            2 => Self::TooFast,
            3 => Self::Older,
            4 => Self::NotOwner,
            _ => Self::Other,
        }
    }
}

const STATEMENT_NAME: &[u8; 12] = b"p2pvoip own\0";

/// What the owner of a key signs, so that this connection may listen and publish at the key's address: the ASCII bytes
/// `p2pvoip own`, a zero, and the challenge of the connection's welcome.
#[must_use]
pub fn own_statement(challenge: &[u8; CHALLENGE_LEN]) -> [u8; STATEMENT_NAME.len() + CHALLENGE_LEN] {
    let mut statement = [0; STATEMENT_NAME.len() + CHALLENGE_LEN];
    for (to, from) in statement.iter_mut().zip(STATEMENT_NAME.iter().chain(challenge)) {
        *to = *from;
    }
    statement
}

/// What a client says. The first frame of a connection is [`Hello`](Self::Hello).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ClientFrame<'a> {
    /// The highest version that the client speaks.
    Hello {
        /// At least [`LEAST_PROTOCOL_VERSION`]; an earlier one is no frame error, but closed.
        version: u8,
    },
    /// Pass on what comes to the mailbox of this token.
    Listen {
        /// Answered by `Done` or `Refused`.
        id: RequestId,
        /// The mailbox's secret.
        token: Token,
    },
    /// No longer.
    Forget {
        /// The mailbox's secret. There is no answer.
        token: Token,
    },
    /// Put an envelope into a mailbox.
    Put {
        /// Answered by `Done` (delivered or kept), `Absent` or `Refused`.
        id: RequestId,
        /// Which mailbox.
        to: MailboxId,
        /// What.
        envelope: &'a [u8; ENVELOPE_LEN],
    },
    /// Publish a record at the address of this key.
    Publish {
        /// Answered by `Done` or `Refused`.
        id: RequestId,
        /// A key that this connection owns.
        key: OwnerKey,
        /// A record replaces one of a lower or the same sequence.
        sequence: u64,
        /// For how many seconds, at most [`MAX_LIFETIME`].
        lifetime: u32,
        /// At most [`MAX_BUNDLE_LEN`] bytes, opaque to the server.
        bytes: &'a [u8],
    },
    /// Give the record of a slot.
    Fetch {
        /// Answered by `Bundle`, `Absent` or `Refused`.
        id: RequestId,
        /// Which slot.
        slot: Slot,
    },
    /// An envelope arrived. Until the server hears so it is sent again to whoever listens after the connection broke.
    Received {
        /// That of the envelope.
        serial: u32,
    },
    /// The connection's user owns this key: pass on what comes to its address, and let records be published there.
    Own {
        /// Answered by `Done` or `Refused`.
        id: RequestId,
        /// The key.
        key: OwnerKey,
        /// Of [`own_statement`], by the key.
        signature: &'a [u8; PROOF_LEN],
    },
    /// No longer.
    Disown {
        /// The key. There is no answer.
        key: OwnerKey,
    },
    /// Are you there?
    Ping {
        /// Comes back in the pong.
        nonce: u32,
    },
}

/// What the server says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ServerFrame<'a> {
    /// The version that is spoken from here on, at most the client's.
    Welcome {
        /// At least 1.
        version: u8,
        /// Random, for this connection alone: what an owner signs.
        challenge: [u8; CHALLENGE_LEN],
    },
    /// It is done: listening, delivered, published, or owned.
    Done {
        /// Which request.
        id: RequestId,
    },
    /// Nobody listens at the mailbox, or nothing is in the slot.
    Absent {
        /// Which request.
        id: RequestId,
    },
    /// It is not done.
    Refused {
        /// Which request.
        id: RequestId,
        /// Why.
        why: Refusal,
    },
    /// An envelope came to a mailbox that this connection listens to; answered by `Received`.
    Envelope {
        /// Which envelope of this connection.
        serial: u32,
        /// Which mailbox.
        mailbox: MailboxId,
        /// What.
        envelope: &'a [u8; ENVELOPE_LEN],
    },
    /// The record of a slot.
    Bundle {
        /// Which request.
        id: RequestId,
        /// At most [`MAX_BUNDLE_LEN`] bytes.
        bytes: &'a [u8],
    },
    /// Yes.
    Pong {
        /// That of the ping.
        nonce: u32,
    },
}

impl<'a> ClientFrame<'a> {
    /// Writes it to the front of `buf` and gives its length; [`MAX_CLIENT_FRAME`] bytes are always enough.
    ///
    /// # Errors
    /// [`Malformed`] when a field is beyond its limit or `buf` is too short.
    pub fn emit(&self, buf: &mut [u8]) -> Result<usize, Malformed> {
        let mut to = Writer::new(buf);
        match *self {
            Self::Hello { version } => to.bytes(&[1, version])?,
            Self::Listen { id, token } => {
                head(&mut to, 2, id)?;
                to.bytes(token.as_bytes())?;
            }
            Self::Forget { token } => {
                to.u8(3)?;
                to.bytes(token.as_bytes())?;
            }
            Self::Put { id, to: mailbox, envelope } => {
                head(&mut to, 4, id)?;
                to.bytes(mailbox.as_bytes())?;
                to.bytes(envelope)?;
            }
            Self::Publish { id, key, sequence, lifetime, bytes } => {
                head(&mut to, 5, id)?;
                to.bytes(key.as_bytes())?;
                to.u64(sequence)?;
                to.u32(lifetime_within(lifetime)?)?;
                to.bytes(bundle_within(bytes)?)?;
            }
            Self::Fetch { id, slot } => {
                head(&mut to, 6, id)?;
                to.bytes(slot.as_bytes())?;
            }
            Self::Ping { nonce } => {
                to.u8(7)?;
                to.u32(nonce)?;
            }
            Self::Received { serial } => {
                to.u8(8)?;
                to.u32(serial)?;
            }
            Self::Own { id, key, signature } => {
                head(&mut to, 9, id)?;
                to.bytes(key.as_bytes())?;
                to.bytes(signature)?;
            }
            Self::Disown { key } => {
                to.u8(10)?;
                to.bytes(key.as_bytes())?;
            }
        }
        Ok(to.len())
    }

    /// Reads one frame, all of `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] when it is not a frame that this version knows.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes);
        let frame = match from.u8()? {
            1 => Self::Hello { version: version(&mut from)? },
            2 => Self::Listen { id: request(&mut from)?, token: Token::new(from.array()?) },
            3 => Self::Forget { token: Token::new(from.array()?) },
            4 => Self::Put {
                id: request(&mut from)?,
                to: MailboxId::new(from.array()?),
                envelope: borrowed(&mut from)?,
            },
            5 => Self::Publish {
                id: request(&mut from)?,
                key: OwnerKey::new(from.array()?),
                sequence: from.u64()?,
                lifetime: lifetime_within(from.u32()?)?,
                bytes: bundle_within(from.rest())?,
            },
            6 => Self::Fetch { id: request(&mut from)?, slot: Slot::new(from.array()?) },
            7 => Self::Ping { nonce: from.u32()? },
            8 => Self::Received { serial: from.u32()? },
            9 => Self::Own {
                id: request(&mut from)?,
                key: OwnerKey::new(from.array()?),
                signature: borrowed(&mut from)?,
            },
            10 => Self::Disown { key: OwnerKey::new(from.array()?) },
            _ => return Err(Malformed::Invalid("client frame kind")),
        };
        from.finish()?;
        Ok(frame)
    }
}

impl<'a> ServerFrame<'a> {
    /// Writes it to the front of `buf` and gives its length; [`MAX_SERVER_FRAME`] bytes are always enough.
    ///
    /// # Errors
    /// [`Malformed`] when a field is beyond its limit or `buf` is too short.
    pub fn emit(&self, buf: &mut [u8]) -> Result<usize, Malformed> {
        let mut to = Writer::new(buf);
        match *self {
            Self::Welcome { version, challenge } => {
                to.bytes(&[1, version])?;
                to.bytes(&challenge)?;
            }
            Self::Done { id } => head(&mut to, 2, id)?,
            Self::Absent { id } => head(&mut to, 3, id)?,
            Self::Refused { id, why } => {
                head(&mut to, 4, id)?;
                to.u8(why.code())?;
            }
            Self::Envelope { serial, mailbox, envelope } => {
                to.u8(5)?;
                to.u32(serial)?;
                to.bytes(mailbox.as_bytes())?;
                to.bytes(envelope)?;
            }
            Self::Bundle { id, bytes } => {
                head(&mut to, 6, id)?;
                to.bytes(bundle_within(bytes)?)?;
            }
            Self::Pong { nonce } => {
                to.u8(7)?;
                to.u32(nonce)?;
            }
        }
        Ok(to.len())
    }

    /// Reads one frame, all of `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] when it is not a frame that this version knows.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes);
        let frame = match from.u8()? {
            1 => Self::Welcome { version: version(&mut from)?, challenge: from.array()? },
            2 => Self::Done { id: request(&mut from)? },
            3 => Self::Absent { id: request(&mut from)? },
            4 => Self::Refused { id: request(&mut from)?, why: Refusal::from_code(from.u8()?) },
            5 => Self::Envelope {
                serial: from.u32()?,
                mailbox: MailboxId::new(from.array()?),
                envelope: borrowed(&mut from)?,
            },
            6 => Self::Bundle { id: request(&mut from)?, bytes: bundle_within(from.rest())? },
            7 => Self::Pong { nonce: from.u32()? },
            _ => return Err(Malformed::Invalid("server frame kind")),
        };
        from.finish()?;
        Ok(frame)
    }
}

impl core::fmt::Debug for ClientFrame<'_> {
    /// The kind alone: the rest names mailboxes.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Hello { .. } => "Hello",
            Self::Listen { .. } => "Listen",
            Self::Forget { .. } => "Forget",
            Self::Put { .. } => "Put",
            Self::Publish { .. } => "Publish",
            Self::Fetch { .. } => "Fetch",
            Self::Received { .. } => "Received",
            Self::Own { .. } => "Own",
            Self::Disown { .. } => "Disown",
            Self::Ping { .. } => "Ping",
        })
    }
}

impl core::fmt::Debug for ServerFrame<'_> {
    /// The kind alone: the rest names mailboxes.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Welcome { .. } => "Welcome",
            Self::Done { .. } => "Done",
            Self::Absent { .. } => "Absent",
            Self::Refused { .. } => "Refused",
            Self::Envelope { .. } => "Envelope",
            Self::Bundle { .. } => "Bundle",
            Self::Pong { .. } => "Pong",
        })
    }
}

fn head(to: &mut Writer<'_>, kind: u8, id: RequestId) -> Result<(), Malformed> {
    to.u8(kind)?;
    to.u64(id.0)
}

fn request(from: &mut Reader<'_>) -> Result<RequestId, Malformed> {
    from.u64().map(RequestId)
}

fn version(from: &mut Reader<'_>) -> Result<u8, Malformed> {
    match from.u8()? {
        0 => Err(Malformed::Invalid("protocol version")),
        version => Ok(version),
    }
}

fn borrowed<'a, const N: usize>(from: &mut Reader<'a>) -> Result<&'a [u8; N], Malformed> {
    from.bytes(N)?.try_into().map_err(|_| Malformed::Truncated)
}

const fn bundle_within(bytes: &[u8]) -> Result<&[u8], Malformed> {
    if bytes.len() <= MAX_BUNDLE_LEN { Ok(bytes) } else { Err(Malformed::Invalid("record length")) }
}

const fn lifetime_within(seconds: u32) -> Result<u32, Malformed> {
    if seconds as u64 <= MAX_LIFETIME.as_secs() { Ok(seconds) } else { Err(Malformed::Invalid("lifetime")) }
}
