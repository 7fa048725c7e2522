//! The opener: accepts each authentic packet once, in any order, and changes nothing for any other.
//!
//! All of a packet is undone before anything is decided (RFC 9001 section 9.5), so that the time of a refusal does not tell
//! whether a number was received. The replay window and the largest number change after authentication alone.

use core::fmt;

use thiserror::Error;

use super::header::Header;
use super::number;
use super::protection::Protection;
use super::{HEADER_LEN, MAX_PACKET_LEN, MIN_PLAINTEXT_LEN, OVERHEAD, Verdict, Window};
use crate::schedule::DirectionSecret;
use crate::suite::Aead;

/// Stage: opens the packets of one direction. It does not allocate.
pub struct Opener {
    protection: Protection,
    window: Window,
    counters: Counters,
}

/// An authentic packet that was not received before.
#[derive(PartialEq, Eq)]
pub struct Opened<'b> {
    /// Its stream, 0 to 15.
    pub stream: u8,
    /// Its number.
    pub number: u64,
    /// What was sealed.
    pub payload: &'b [u8],
}

impl fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("stream", &self.stream)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Why a packet or message was dropped. It is counted, and ends nothing by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum Refused {
    /// Its length or first byte is not that of a packet.
    #[error("these bytes are not a packet of this protocol; drop them")]
    Malformed,
    /// It is not of this session, or was changed on its way.
    #[error("the packet is not authentic; drop it")]
    Forged,
    /// It was received before.
    #[error("the packet was received before; drop it")]
    Replayed,
    /// It is 1,024 or more below the largest received.
    #[error("the packet is too old to tell whether it was received before; drop it")]
    TooOld,
    /// So many were forged that the key may not be tried any further.
    #[error("too many packets were forged; end this session")]
    Worn,
}

/// What came of the packets that were given to an opener.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// Opened.
    pub accepted: u64,
    /// Refused as [`Refused::Replayed`].
    pub replayed: u64,
    /// Refused as [`Refused::Forged`].
    pub forged: u64,
    /// Refused as [`Refused::Malformed`].
    pub malformed: u64,
    /// Refused as [`Refused::TooOld`].
    pub too_old: u64,
}

impl Counters {
    pub(crate) const fn refuse(&mut self, refused: Refused) -> Refused {
        let counter = match refused {
            Refused::Malformed => &mut self.malformed,
            Refused::Forged => &mut self.forged,
            Refused::Replayed => &mut self.replayed,
            Refused::TooOld => &mut self.too_old,
            // The forged ones that led here are counted already.
            Refused::Worn => return refused,
        };
        *counter = counter.saturating_add(1);
        refused
    }
}

impl Opener {
    /// An opener for what the other side sends.
    pub fn new(aead: Aead, secret: &DirectionSecret) -> Self {
        let protection = Protection::new(aead, secret);
        Self { protection, window: Window::new(), counters: Counters::default() }
    }

    /// Opens a packet in place.
    ///
    /// A packet that is refused as [`Refused::Forged`], [`Refused::Replayed`] or [`Refused::TooOld`] is destroyed: copy it
    /// before, if another session is to try it. After [`Refused::Malformed`] and [`Refused::Worn`] it is as it was.
    ///
    /// # Errors
    /// [`Refused`]; nothing but a counter has changed then.
    pub fn open<'b>(&mut self, packet: &'b mut [u8]) -> Result<Opened<'b>, Refused> {
        if self.counters.forged >= self.protection.aead.forgery_limit() {
            return Err(Refused::Worn);
        }
        let Some(header) = self.header(packet) else {
            return Err(self.counters.refuse(Refused::Malformed));
        };
        let number = number::recover(self.window.largest(), header.low);
        // Another epoch has other keys, so that a packet which claims one fails with these.
        let ahead = u32::from(header.epoch.wrapping_sub((self.protection.epoch & 3) as u8) & 3);
        let epoch = self.protection.epoch.wrapping_add(ahead);
        let Some(payload) = self.protection.open(epoch, header.stream, number, packet) else {
            return Err(self.counters.refuse(Refused::Forged));
        };
        match self.window.verdict(number) {
            Verdict::Fresh => {}
            Verdict::Seen => return Err(self.counters.refuse(Refused::Replayed)),
            Verdict::TooOld => return Err(self.counters.refuse(Refused::TooOld)),
        }
        self.window.commit(number);
        self.counters.accepted = self.counters.accepted.saturating_add(1);
        Ok(Opened { stream: header.stream, number, payload })
    }

    /// What came of all packets so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The largest number of an authentic packet.
    pub const fn largest(&self) -> Option<u64> {
        self.window.largest()
    }

    fn header(&self, packet: &[u8]) -> Option<Header> {
        if !(OVERHEAD + MIN_PLAINTEXT_LEN..=MAX_PACKET_LEN).contains(&packet.len()) {
            return None;
        }
        Header::parse(*packet.first_chunk::<HEADER_LEN>()?, self.protection.mask(packet)?)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Opener");
        debug
            .field("largest", &self.window.largest())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Sealer;

    #[test]
    fn a_worn_key_opens_nothing_more_and_leaves_the_packet() {
        for aead in Aead::ALL {
            let secret = DirectionSecret::new([1; 32]);
            let (mut sealer, mut opener) = (Sealer::new(aead, &secret), Opener::new(aead, &secret));
            opener.counters.forged = aead.forgery_limit() - 1;
            let mut packet = [0; 40];
            let _ = sealer.seal(0, &mut packet, 21).unwrap();
            let good = packet;
            packet[39] ^= 1;
            assert_eq!(opener.open(&mut packet), Err(Refused::Forged));
            packet = good;
            assert_eq!(opener.open(&mut packet), Err(Refused::Worn));
            assert_eq!((packet, opener.counters.accepted), (good, 0));
        }
    }

    #[test]
    fn every_epoch_but_the_present_is_forged() {
        let secret = DirectionSecret::new([1; 32]);
        let aead = Aead::Aes256Gcm;
        for epoch in 0..5 {
            let (mut sealer, mut opener) = (Sealer::new(aead, &secret), Opener::new(aead, &secret));
            let mut packet = [0; 40];
            let _ = sealer.seal(0, &mut packet, 21).unwrap();
            opener.protection.epoch = epoch;
            assert_eq!(opener.open(&mut packet).is_ok(), epoch == 0, "epoch {epoch}");
        }
    }
}
