//! The opener: accepts each authentic packet once, in any order, and changes nothing for any other.
//!
//! All of a packet is undone before anything is decided (RFC 9001 section 9.5), so that the time of a refusal does not tell
//! whether a number was received. The replay window, the largest number and the epoch change after authentication alone.
//!
//! # Timers
//! - the keys of the epoch before are erased [`OLD_EPOCH_LIFE`] after the first packet of the present one ([`Opener::on_time`]).

use core::fmt;

use p2pvoip_core::{Instant, Wake};
use thiserror::Error;

use super::ahead::{Ahead, MOST_AHEAD, Way};
use super::header::Header;
use super::number;
use super::protection::{Epoch, Mask, PacketKeys};
use super::{HEADER_LEN, MAX_PACKET_LEN, MIN_PLAINTEXT_LEN, OLD_EPOCH_LIFE, OVERHEAD, Verdict, Window};
use crate::rekey::MixSecret;
use crate::schedule::DirectionSecret;
use crate::suite::Aead;

/// Stage: opens the packets of one direction, and follows its epochs. It does not allocate.
pub struct Opener {
    aead: Aead,
    mask: Mask,
    epoch: Epoch,
    /// The keys of the epoch before, and until when they are kept; blank otherwise.
    before: PacketKeys,
    before_until: Option<Instant>,
    ahead: Ahead,
    /// Whether the epochs one step ahead are to be derived before they are needed.
    is_to_prepare: bool,
    /// What the sender will mix into one of its next steps.
    mix: Option<MixSecret>,
    window: Window,
    counters: Counters,
    /// Trials of a key which failed, of packets that were refused as forged.
    failures: u64,
    /// The last moment that is known.
    now: Instant,
}

/// Which keys opened a packet.
enum Under {
    /// Those of the present epoch or the one before.
    Known,
    /// Those at the end of this way.
    Ahead(Way),
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
        Self {
            aead,
            mask: Mask::new(aead, secret),
            epoch: Epoch::first(aead, secret),
            before: PacketKeys::blank(aead),
            before_until: None,
            ahead: Ahead::new(aead),
            is_to_prepare: true,
            mix: None,
            window: Window::new(),
            counters: Counters::default(),
            failures: 0,
            now: Instant::default(),
        }
    }

    /// Time has passed: erases the keys of the epoch before when that is due. Call it before a packet is opened; mostly it
    /// compares two moments.
    pub fn on_time(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.before_until.is_some() || self.is_to_prepare {
            self.erase_and_prepare();
        }
    }

    #[cold]
    fn erase_and_prepare(&mut self) {
        if self.before_until.is_some_and(|until| until <= self.now) {
            self.before_until = None;
            self.before = PacketKeys::blank(self.aead);
        }
        // Ahead of need, so that the first packet of an epoch takes no longer than the others.
        if core::mem::take(&mut self.is_to_prepare) {
            for way in Way::all(1, self.mix.is_some()) {
                self.ahead.get(way, self.aead, &self.epoch, self.mix.as_ref());
            }
        }
    }

    /// When [`on_time`](Self::on_time) has something to erase.
    pub fn next_at(&self) -> Option<Wake> {
        self.before_until.map(|at| Wake { at, why: "old epoch" })
    }

    /// The outcome of a re-key, which the sender will mix into one of its next steps. It takes the place of one that never was.
    pub fn mix(&mut self, secret: MixSecret) {
        self.mix = Some(secret);
        self.ahead.erase(self.aead);
        self.is_to_prepare = true;
    }

    /// Whether the sender has not been seen yet to mix the last secret in.
    pub const fn awaits_mix(&self) -> bool {
        self.mix.is_some()
    }

    /// The epoch of the newest packets, counted from 0.
    pub const fn epoch(&self) -> u32 {
        self.epoch.keys.epoch
    }

    /// Opens a packet in place.
    ///
    /// A packet that is refused as [`Refused::Forged`], [`Refused::Replayed`] or [`Refused::TooOld`] is destroyed: copy it
    /// before, if another session is to try it. After [`Refused::Malformed`] and [`Refused::Worn`] it is as it was.
    ///
    /// # Errors
    /// [`Refused`]; nothing but a counter has changed then.
    pub fn open<'b>(&mut self, packet: &'b mut [u8]) -> Result<Opened<'b>, Refused> {
        if self.failures >= self.aead.forgery_limit() {
            return Err(Refused::Worn);
        }
        let Some(header) = self.header(packet) else {
            return Err(self.counters.refuse(Refused::Malformed));
        };
        let number = number::recover(self.window.largest(), header.low);
        let Some((len, under)) = self.decrypt(header, number, packet) else {
            return Err(self.counters.refuse(Refused::Forged));
        };
        match self.window.verdict(number) {
            Verdict::Fresh => {}
            Verdict::Seen => return Err(self.counters.refuse(Refused::Replayed)),
            Verdict::TooOld => return Err(self.counters.refuse(Refused::TooOld)),
        }
        self.window.commit(number);
        if let Under::Ahead(way) = under {
            self.follow(way);
        }
        self.counters.accepted = self.counters.accepted.saturating_add(1);
        let payload = packet.get(HEADER_LEN..HEADER_LEN + len).unwrap_or_default();
        Ok(Opened { stream: header.stream, number, payload })
    }

    /// What came of all packets so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// As many packets were forged as may be: for tests alone, since nobody can wait for so many.
    #[cfg(any(test, feature = "forge"))]
    #[doc(hidden)]
    pub const fn wear(&mut self) {
        self.failures = self.aead.forgery_limit();
    }

    /// The largest number of an authentic packet.
    pub const fn largest(&self) -> Option<u64> {
        self.window.largest()
    }

    fn header(&self, packet: &[u8]) -> Option<Header> {
        if !(OVERHEAD + MIN_PLAINTEXT_LEN..=MAX_PACKET_LEN).contains(&packet.len()) {
            return None;
        }
        Header::parse(*packet.first_chunk::<HEADER_LEN>()?, self.mask.of(packet)?)
    }

    /// Decrypts with the keys of the epoch that the header claims, and gives the length of the plaintext.
    fn decrypt(&mut self, header: Header, number: u64, packet: &mut [u8]) -> Option<(usize, Under)> {
        let steps = header.epoch.wrapping_sub(self.epoch.keys.bits()) & 3;
        // Three steps ahead and one behind look the same. A sender waits so long between two steps that it cannot be three
        // ahead while there are keys of the epoch before.
        let known = match steps {
            0 => Some(&self.epoch.keys),
            MOST_AHEAD if self.before_until.is_some() => Some(&self.before),
            _ => None,
        };
        let Some(keys) = known else { return self.decrypt_ahead(steps, header.stream, number, packet) };
        let len = keys.open(header.stream, number, packet);
        self.failures = self.failures.saturating_add(u64::from(len.is_none()));
        Some((len?, Under::Known))
    }

    /// Tries the ways to be so many steps ahead: at most four, so that a forged packet costs little.
    #[cold]
    #[inline(never)]
    fn decrypt_ahead(
        &mut self,
        steps: u8,
        stream: u8,
        number: u64,
        packet: &mut [u8],
    ) -> Option<(usize, Under)> {
        let mut failures = 0;
        // A failed trial destroys what it was given, so that all but the last, which is the one without the
        // secret, are made on a copy.
        let mut copy = [0; MAX_PACKET_LEN];
        for way in Way::all(steps, self.mix.is_some()) {
            let Some(epoch) = self.ahead.get(way, self.aead, &self.epoch, self.mix.as_ref()) else {
                continue;
            };
            let opened = if way.mixed == 0 {
                epoch.keys.open(stream, number, packet)
            } else {
                let trial = copy.get_mut(..packet.len())?;
                trial.copy_from_slice(packet);
                let opened = epoch.keys.open(stream, number, trial);
                if opened.is_some() {
                    packet.copy_from_slice(trial);
                }
                opened
            };
            let Some(len) = opened else {
                failures += 1;
                continue;
            };
            return Some((len, Under::Ahead(way)));
        }
        self.failures = self.failures.saturating_add(failures);
        None
    }

    /// The sender has stepped: an authentic packet has shown which way.
    #[cold]
    fn follow(&mut self, way: Way) {
        let before = way.without_last();
        let skipped = match before.steps {
            0 => None,
            _ => self.ahead.take_keys(before, self.aead, &self.epoch, self.mix.as_ref()),
        };
        let Some(next) = self.ahead.take(way, self.aead, &self.epoch, self.mix.as_ref()) else { return };
        let present = core::mem::replace(&mut self.epoch, next);
        // Packets of the epochs between may still come; of more than one back they are too late.
        self.before = skipped.unwrap_or(present.keys);
        self.before_until = Some(self.now + OLD_EPOCH_LIFE);
        if way.mixed > 0 {
            self.mix = None;
        }
        self.is_to_prepare = true;
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Opener");
        debug
            .field("largest", &self.window.largest())
            .field("epoch", &self.epoch())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
