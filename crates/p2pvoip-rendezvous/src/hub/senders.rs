//! Who sent to which mailbox lately: those who sent less go first when a mailbox's rate is spent.
//!
//! # Timers
//! - `Limits::lately`: what a prefix sent to a mailbox counts for so long after the first of it.
//!
//! # Limits
//! - `Limits::senders` pairs of a mailbox and a prefix. In a full table the prefix that has most makes room ([`Shares`]), and so
//!   is a newcomer at its own oldest mailbox: who fills the table displaces itself.
//!
//! # Left out
//! - Telling people behind one prefix apart, and networks of many prefixes.

use super::Limits;
use super::shares::{Origin, Shares};
use p2pvoip_core::Instant;
use p2pvoip_signal::MailboxId;
use std::collections::BTreeMap;

type Pair = (MailboxId, Origin);

/// What one prefix sent to one mailbox.
struct Sent {
    since: Instant,
    puts: u32,
}

#[derive(Default)]
pub(super) struct Senders {
    sent: BTreeMap<Pair, Sent>,
    shares: Shares<Pair>,
}

impl Senders {
    /// How many envelopes of the prefix the mailbox took lately.
    pub(super) fn sent_lately(&self, to: MailboxId, from: Origin, limits: &Limits, now: Instant) -> u32 {
        let sent = self.sent.get(&(to, from)).filter(|sent| sent.since + limits.lately > now);
        sent.map_or(0, |sent| sent.puts)
    }

    /// The mailbox took an envelope of the prefix.
    pub(super) fn count(&mut self, to: MailboxId, from: Origin, limits: &Limits, now: Instant) {
        let pair = (to, from);
        if let Some(sent) = self.sent.get_mut(&pair).filter(|sent| sent.since + limits.lately > now) {
            sent.puts = sent.puts.saturating_add(1);
            return;
        }
        let is_known = self.sent.contains_key(&pair);
        if !is_known && self.sent.len() >= limits.senders && !self.make_room() {
            return;
        }
        self.sent.insert(pair, Sent { since: now, puts: 1 });
        self.shares.insert(pair, from);
    }

    /// Forgets what was not lately.
    pub(super) fn sweep(&mut self, limits: &Limits, now: Instant) {
        let shares = &mut self.shares;
        self.sent.retain(|pair, sent| {
            let lasts = sent.since + limits.lately > now;
            if !lasts {
                shares.remove(pair);
            }
            lasts
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    fn make_room(&mut self) -> bool {
        self.shares.make_room().is_some_and(|pair| self.sent.remove(&pair).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Prefix;
    use core::time::Duration;
    use std::net::{IpAddr, Ipv4Addr};

    const START: Instant = Instant::from_millis(1_000);

    /// The origin of that number; 0 is that of all whose owner did not tell.
    fn origin(host: u8) -> Origin {
        (host > 0).then(|| Prefix::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host))))
    }

    fn mailbox(number: u8) -> MailboxId {
        MailboxId::new([number; 16])
    }

    #[test]
    fn envelopes_count_until_the_first_of_them_was_long_ago() {
        let (limits, mut senders) = (Limits::default(), Senders::default());
        let count =
            |senders: &Senders, to, from, now| senders.sent_lately(mailbox(to), origin(from), &limits, now);
        for sent in 0..9 {
            assert_eq!(count(&senders, 1, 1, START), sent);
            senders.count(mailbox(1), origin(1), &limits, START);
        }
        let late = START + limits.lately;
        let before = late - Duration::from_millis(1);
        assert_eq!(count(&senders, 2, 1, START), 0, "each mailbox counts by itself");
        assert_eq!(count(&senders, 1, 2, START), 0, "and each prefix");
        senders.sweep(&limits, before);
        assert_eq!(count(&senders, 1, 1, before), 9);
        assert_eq!(count(&senders, 1, 1, late), 0);
        senders.sweep(&limits, late);
        assert!(senders.is_empty() && senders.shares.is_empty());
    }

    #[test]
    fn in_a_full_table_who_fills_it_displaces_itself() {
        let limits = Limits { senders: 8, ..Limits::default() };
        let mut senders = Senders::default();
        senders.count(mailbox(0), origin(1), &limits, START);
        (0..100).for_each(|number| senders.count(mailbox(number), origin(66), &limits, START));
        assert_eq!(senders.sent.len(), 8);
        let count = |to, from| senders.sent_lately(mailbox(to), origin(from), &limits, START);
        assert_eq!(count(0, 1), 1, "it is still known");
        assert_eq!((count(92, 66), count(99, 66)), (0, 1), "the flood's own was forgotten");
    }

    #[test]
    fn a_table_of_no_pairs_tells_nobody_apart() {
        let limits = Limits { senders: 0, ..Limits::default() };
        let mut senders = Senders::default();
        senders.count(mailbox(0), origin(1), &limits, START);
        assert!(senders.is_empty());
        assert_eq!(senders.sent_lately(mailbox(0), origin(1), &limits, START), 0);
    }
}
