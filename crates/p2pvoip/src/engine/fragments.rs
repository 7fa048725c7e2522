//! A message that is longer than a chunk, in fragments that may be lost, repeated and reordered.
//!
//! The sender says again what was not said to have arrived; the receiver says now and then which parts it has.
//!
//! # Timers
//! - a fragment is sent again [`SAY_AGAIN`] after it was sent last.
//! - what arrived is told after [`TELL_AFTER`] fragments, or [`TELL_WITHIN`] after the first of them.

use core::time::Duration;

use p2pvoip_core::Instant;
use p2pvoip_core::wire::Malformed;
use p2pvoip_crypto::{REKEY_ANSWER_LEN, REKEY_OFFER_LEN};

use super::control::{Control, FRAGMENT_LEN, Fragment, MAX_FRAGMENTS};

/// How long a fragment is given to be told of before it is sent again, when all were sent: a round trip on a good path. On a longer one
/// some are sent in vain, in room that would be empty.
const SAY_AGAIN: Duration = Duration::from_millis(250);
/// After how many fragments it is told what arrived.
const TELL_AFTER: u8 = 4;
/// How long after a fragment it is told at the latest that it arrived.
const TELL_WITHIN: Duration = Duration::from_millis(200);
/// The longest message in bytes.
const LONGEST: usize = REKEY_OFFER_LEN;
const _: () = assert!(REKEY_ANSWER_LEN <= LONGEST);

/// A message on its way out.
pub(crate) struct Outgoing {
    bytes: [u8; LONGEST],
    len: usize,
    odd: bool,
    /// Bit k is set when the other side has fragment k.
    arrived: u128,
    sent: [Option<Instant>; MAX_FRAGMENTS as usize],
}

impl Outgoing {
    /// A message of at most [`LONGEST`] bytes: what is beyond would be left out.
    pub(crate) fn new(message: &[u8], odd: bool) -> Self {
        debug_assert!(message.len() <= LONGEST, "an offer is the longest");
        let mut bytes = [0; LONGEST];
        bytes.iter_mut().zip(message).for_each(|(to, from)| *to = *from);
        Self { bytes, len: message.len().min(LONGEST), odd, arrived: 0, sent: [None; MAX_FRAGMENTS as usize] }
    }

    /// The fragment that is to be sent now: the first that never was, else the one that waits longest to be said again.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Fragment> {
        let parts = self.bytes.get(..self.len)?.chunks(FRAGMENT_LEN);
        let waiting = (0u8..).zip(parts).zip(&mut self.sent);
        let missing = waiting.filter(|((index, _), _)| self.arrived & (1 << index) == 0);
        let due = missing.filter(|(_, sent)| sent.is_none_or(|sent| sent + SAY_AGAIN <= now));
        let ((index, part), sent) = due.min_by_key(|(_, sent)| **sent)?;
        *sent = Some(now);
        Fragment::new(self.odd, index, part)
    }

    /// The other side has these.
    pub(crate) const fn on_arrived(&mut self, odd: bool, bits: u128) {
        if odd == self.odd {
            self.arrived |= bits;
        }
    }
}

/// A message on its way in.
pub(crate) struct Incoming {
    bytes: [u8; LONGEST],
    len: usize,
    odd: bool,
    arrived: u128,
    /// Fragments that came since it was told last what arrived, and when the first of them came.
    untold: u8,
    untold_since: Option<Instant>,
}

impl Incoming {
    /// A message of `len` bytes, of which nothing has come yet.
    pub(crate) const fn new(len: usize, odd: bool) -> Self {
        Self { bytes: [0; LONGEST], len, odd, arrived: 0, untold: 0, untold_since: None }
    }

    pub(crate) const fn is_odd(&self) -> bool {
        self.odd
    }

    /// Takes a fragment of this message; one that comes again says the same.
    ///
    /// # Errors
    /// It is not where its length says.
    pub(crate) fn push(&mut self, fragment: &Fragment, now: Instant) -> Result<(), Malformed> {
        let room = self.bytes.get_mut(..self.len).ok_or(Malformed::Truncated)?;
        let mut rooms = room.chunks_mut(FRAGMENT_LEN);
        let place = rooms.nth(usize::from(fragment.index)).ok_or(Malformed::Invalid("fragment"))?;
        if place.len() != fragment.bytes().len() {
            return Err(Malformed::Invalid("fragment"));
        }
        if self.arrived & (1 << fragment.index) == 0 {
            place.copy_from_slice(fragment.bytes());
            self.arrived |= 1 << fragment.index;
        }
        self.untold = self.untold.saturating_add(1);
        self.untold_since.get_or_insert(now);
        Ok(())
    }

    /// All of it, once it is whole.
    pub(crate) fn message<const N: usize>(&self) -> Option<&[u8; N]> {
        let is_whole = self.arrived.count_ones() as usize == self.len.div_ceil(FRAGMENT_LEN);
        self.bytes.get(..self.len)?.try_into().ok().filter(|_| is_whole)
    }

    /// What is to be told to the sender now, if anything.
    pub(crate) fn tell(&mut self, now: Instant) -> Option<Control> {
        let waited = self.untold_since.is_some_and(|since| since + TELL_WITHIN <= now);
        if self.untold < TELL_AFTER && !waited {
            return None;
        }
        self.untold = 0;
        self.untold_since = None;
        Some(Control::Arrived { odd: self.odd, bits: self.arrived })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> [u8; REKEY_OFFER_LEN] {
        core::array::from_fn(|i| u8::try_from(i % 251).unwrap())
    }

    #[test]
    fn a_message_is_whole_whatever_the_order_and_however_often() {
        let mut outgoing = Outgoing::new(&message(), true);
        let mut fragments: Vec<_> = core::iter::from_fn(|| outgoing.next(Instant::default())).collect();
        assert_eq!(fragments.len(), usize::from(MAX_FRAGMENTS));
        fragments.reverse();
        fragments.extend_from_within(..9);
        let mut incoming = Incoming::new(REKEY_OFFER_LEN, true);
        for (count, fragment) in fragments.iter().enumerate() {
            assert_eq!(incoming.message::<REKEY_OFFER_LEN>().is_some(), count >= usize::from(MAX_FRAGMENTS));
            incoming.push(fragment, Instant::default()).unwrap();
        }
        assert_eq!(incoming.message(), Some(&message()));
    }

    #[test]
    fn what_did_not_arrive_is_said_again_after_a_quarter_of_a_second() {
        let mut outgoing = Outgoing::new(&message()[..50], false);
        let at = Instant::from_millis;
        let next = |outgoing: &mut Outgoing, millis| outgoing.next(at(millis)).map(|part| part.index);
        assert_eq!(
            [0, 10, 20, 30].map(|millis| next(&mut outgoing, millis)),
            [Some(0), Some(1), Some(2), None]
        );
        outgoing.on_arrived(false, 0b010);
        outgoing.on_arrived(true, 0b111);
        assert_eq!(
            [249, 250, 260, 270].map(|millis| next(&mut outgoing, millis)),
            [None, Some(0), None, Some(2)]
        );
    }

    #[test]
    fn a_fragment_of_another_length_is_refused() {
        let mut incoming = Incoming::new(REKEY_ANSWER_LEN, false);
        let last = u8::try_from(REKEY_ANSWER_LEN / FRAGMENT_LEN).unwrap();
        let full = [1; FRAGMENT_LEN];
        for (index, part) in [(0, &full[1..]), (last, &full[..]), (last + 1, &full[..1])] {
            let fragment = Fragment::new(false, index, part).unwrap();
            assert!(incoming.push(&fragment, Instant::default()).is_err());
        }
        assert_eq!(incoming.arrived, 0);
    }
}
