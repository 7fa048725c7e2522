//! The sealer: gives a packet its number and its protection, in the caller's buffer, and steps its direction's epoch.
//!
//! # Timers
//! - the epoch steps [`EPOCH_LIFE`] after its last step; at once when a secret is to be mixed in, but not within
//!   [`OLD_EPOCH_LIFE`] of its last step. Both happen in [`Sealer::on_time`], and wait for it: who sends nothing steps nothing.

use core::fmt;

use p2pvoip_core::Instant;
use thiserror::Error;

use super::header::Header;
use super::protection::{Epoch, Mask};
use super::{
    EPOCH_LIFE, HEADER_LEN, LAST_NUMBER, MAX_PACKET_LEN, MAX_STREAM, MIN_PLAINTEXT_LEN, OLD_EPOCH_LIFE,
    OVERHEAD,
};
use crate::rekey::MixSecret;
use crate::schedule::DirectionSecret;
use crate::suite::Aead;

/// Stage: seals the packets of one direction. It does not allocate.
pub struct Sealer {
    aead: Aead,
    mask: Mask,
    epoch: Epoch,
    next: u64,
    /// The first number that the present key may not seal any more.
    end: u64,
    /// When the epoch began, once a moment is known.
    since: Option<Instant>,
    /// What is mixed into the next step.
    mix: Option<MixSecret>,
}

/// A packet that is ready to be sent.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// Its number: one more than that of the packet before.
    pub number: u64,
    /// How many bytes of the buffer it has.
    pub len: usize,
}

/// Why a packet was not sealed; no number was spent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SealError {
    /// There are 16 streams.
    #[error("stream {0} does not exist; use one of 0 to 15")]
    Stream(u8),
    /// Too short for a sample of its ciphertext.
    #[error("a plaintext of {0} bytes is too short; pad it to 2")]
    TooShort(usize),
    /// Longer than a packet may be.
    #[error("a plaintext of {len} bytes is too long; send at most {most}")]
    TooLong {
        /// How many bytes it has.
        len: usize,
        /// How many it may have.
        most: usize,
    },
    /// The plaintext, the header and the tag do not fit.
    #[error("the buffer is too short; give one of {0} bytes")]
    Buffer(usize),
    /// The epoch's key has sealed as many packets as it may, or there are no more numbers.
    #[error("the keys of this session are used up; end it and call again")]
    Exhausted,
}

impl Sealer {
    /// A sealer for what one side sends, from packet number 0 on.
    pub fn new(aead: Aead, secret: &DirectionSecret) -> Self {
        let end = aead.sealing_limit().min(LAST_NUMBER);
        let (mask, epoch) = (Mask::new(aead, secret), Epoch::first(aead, secret));
        Self { aead, mask, epoch, next: 0, end, since: None, mix: None }
    }

    /// Time has passed: steps the epoch when that is due. Call it before a packet is sealed; mostly it compares two moments.
    ///
    /// However long nobody called, it is one step: a receiver can follow only steps that it was sent packets of.
    pub fn on_time(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let age = now.saturating_since(since);
        if age >= EPOCH_LIFE || (self.mix.is_some() && age >= OLD_EPOCH_LIFE) {
            self.step(now);
        }
    }

    /// The outcome of a re-key is mixed into the next step, which is due at once.
    pub fn mix(&mut self, secret: MixSecret) {
        self.mix = Some(secret);
    }

    /// The present epoch, counted from 0.
    pub const fn epoch(&self) -> u32 {
        self.epoch.keys.epoch
    }

    #[cold]
    fn step(&mut self, now: Instant) {
        let mix = self.mix.take();
        if let Some(next) = self.epoch.ahead(self.aead, 1, mix.as_ref().map(|mix| (1, mix))) {
            self.epoch = next;
            self.end = self.next.saturating_add(self.aead.sealing_limit()).min(LAST_NUMBER);
        }
        self.since = Some(now);
    }

    /// Seals the plaintext at `buf[HEADER_LEN..HEADER_LEN + len]`; the packet is at the front of `buf` then.
    ///
    /// # Errors
    /// [`SealError`]; `buf` is as it was then, and no number was spent.
    pub fn seal(&mut self, stream: u8, buf: &mut [u8], len: usize) -> Result<Sealed, SealError> {
        let total = check(stream, buf.len(), len)?;
        if self.next >= self.end {
            return Err(SealError::Exhausted);
        }
        let number = self.next;
        self.write(stream, number, buf, len, total).ok_or(SealError::Buffer(total))?;
        self.next += 1;
        Ok(Sealed { number, len: total })
    }

    /// The number that the next packet gets, which is how many were sealed.
    pub const fn next_number(&self) -> u64 {
        self.next
    }

    /// Encrypts, then samples the ciphertext and masks the header.
    fn write(&self, stream: u8, number: u64, buf: &mut [u8], len: usize, total: usize) -> Option<()> {
        let packet = buf.get_mut(..total)?;
        let (plaintext, tag) = packet.get_mut(HEADER_LEN..)?.split_at_mut_checked(len)?;
        tag.copy_from_slice(&self.epoch.keys.seal(stream, number, plaintext)?);
        let mask = self.mask.of(packet)?;
        let [.., high, low] = number.to_be_bytes();
        let header = Header { epoch: self.epoch.keys.bits(), stream, low: u16::from_be_bytes([high, low]) };
        *packet.first_chunk_mut()? = header.emit(mask);
        Some(())
    }
}

/// The length of the packet, when it can be made.
fn check(stream: u8, room: usize, len: usize) -> Result<usize, SealError> {
    if stream > MAX_STREAM {
        return Err(SealError::Stream(stream));
    }
    if len < MIN_PLAINTEXT_LEN {
        return Err(SealError::TooShort(len));
    }
    if len > MAX_PACKET_LEN - OVERHEAD {
        return Err(SealError::TooLong { len, most: MAX_PACKET_LEN - OVERHEAD });
    }
    let total = len + OVERHEAD;
    if room < total { Err(SealError::Buffer(total)) } else { Ok(total) }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("next", &self.next)
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(aead: Aead) -> Sealer {
        Sealer::new(aead, &DirectionSecret::new([1; 32]))
    }

    #[test]
    fn what_cannot_be_sealed_spends_no_number_and_leaves_the_buffer() {
        let mut sealer = sealer(Aead::Aes256Gcm);
        let mut buf = [9; 3_000];
        assert_eq!(sealer.seal(16, &mut buf, 20), Err(SealError::Stream(16)));
        assert_eq!(sealer.seal(0, &mut buf, 1), Err(SealError::TooShort(1)));
        assert_eq!(sealer.seal(0, &mut buf, 2_030), Err(SealError::TooLong { len: 2_030, most: 2_029 }));
        assert!(matches!(sealer.seal(0, &mut buf, usize::MAX), Err(SealError::TooLong { .. })));
        assert_eq!(sealer.seal(0, &mut buf[..20], 2), Err(SealError::Buffer(21)));
        assert_eq!((sealer.next_number(), buf), (0, [9; 3_000]));
        assert_eq!(sealer.seal(15, &mut buf, 2_029), Ok(Sealed { number: 0, len: 2_048 }));
        assert_eq!(sealer.seal(0, &mut buf[..21], 2), Ok(Sealed { number: 1, len: 21 }));
    }

    #[test]
    fn the_counter_stops_before_the_last_number() {
        let mut sealer = sealer(Aead::ChaCha20Poly1305);
        sealer.next = LAST_NUMBER - 1;
        assert_eq!(sealer.seal(0, &mut [0; 30], 2).unwrap().number, LAST_NUMBER - 1);
        for _ in 0..3 {
            assert_eq!(sealer.seal(0, &mut [0; 30], 2), Err(SealError::Exhausted));
        }
    }

    #[test]
    fn aes_stops_after_2_to_28_packets_of_one_epoch() {
        let mut sealer = sealer(Aead::Aes256Gcm);
        sealer.on_time(Instant::default());
        sealer.next = (1 << 28) - 1;
        assert!(sealer.seal(0, &mut [0; 30], 2).is_ok());
        assert_eq!(sealer.seal(0, &mut [0; 30], 2), Err(SealError::Exhausted));
        sealer.on_time(Instant::default() + EPOCH_LIFE);
        assert_eq!(sealer.seal(0, &mut [0; 30], 2).unwrap().number, 1 << 28);
        sealer.next = (1 << 29) - 1;
        assert!(sealer.seal(0, &mut [0; 30], 2).is_ok());
        assert_eq!(sealer.seal(0, &mut [0; 30], 2), Err(SealError::Exhausted));
    }

    #[test]
    fn an_epoch_lasts_60_seconds_and_a_long_silence_is_one_step() {
        let mut sealer = sealer(Aead::Aes256Gcm);
        let at = |millis: u64| Instant::from_millis(5_000 + millis);
        for (millis, epoch) in [(0, 0), (59_999, 0), (60_000, 1), (119_999, 1), (500_000, 2), (559_999, 2)] {
            sealer.on_time(at(millis));
            assert_eq!(sealer.epoch(), epoch, "{millis} ms");
        }
    }

    #[test]
    fn a_secret_is_mixed_in_at_once_but_not_within_three_seconds_of_a_step() {
        let mut sealer = sealer(Aead::Aes256Gcm);
        let at = Instant::from_millis;
        sealer.on_time(at(0));
        sealer.mix(MixSecret::new([1; 32]));
        sealer.on_time(at(2_999));
        assert_eq!(sealer.epoch(), 0);
        sealer.on_time(at(3_000));
        assert_eq!(sealer.epoch(), 1);
        // The next step by time is a whole life later, and has nothing to mix in.
        sealer.on_time(at(62_999));
        assert_eq!(sealer.epoch(), 1);
        sealer.on_time(at(63_000));
        assert_eq!((sealer.epoch(), sealer.mix.is_none()), (2, true));
    }

    #[test]
    fn headers_of_equal_packets_do_not_show_that_numbers_count_up() {
        let mut sealer = sealer(Aead::Aes256Gcm);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let mut buf = [0; 40];
            let _ = sealer.seal(3, &mut buf, 20).unwrap();
            seen.insert([buf[0], buf[1], buf[2]]);
        }
        assert!(seen.len() > 95 && seen.iter().map(|header| header[0]).min() < Some(200));
    }
}
