//! Every limit of the hub, with its default; an operator of a large server raises the global ones.

use super::budget::Rate;
use p2pvoip_signal::rendezvous::{MAX_KEYS, MAX_LISTENS};
use std::time::Duration;

/// How much the hub holds, and how often it is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Mailboxes that are listened to, or were lately; one that nobody listens to makes room for a new one.
    pub mailboxes: usize,
    /// Mailboxes of one connection that tokens open.
    pub listens_per_connection: usize,
    /// Keys that one connection owns: it listens, and may publish, at the address of each.
    pub keys_per_connection: usize,
    /// Signatures of one connection that are checked, which takes some 50 us each.
    pub ownership_checks: Rate,
    /// Signatures of one connection that may turn out to be none; who goes on is closed.
    pub failed_proofs: u32,
    /// Connections that listen to one mailbox. Never above [`super::MAX_FAN_OUT`]. At an owned mailbox all are the same
    /// owner's, and the one that was heard of longest ago makes way; at another the newest is refused.
    pub listeners_per_mailbox: usize,
    /// Envelopes that wait for one mailbox. Never above [`super::MAX_FAN_OUT`].
    pub waiting_per_mailbox: usize,
    /// Envelopes that wait in all.
    pub waiting: usize,
    /// How long an envelope waits for a listener that is expected back.
    pub keep: Duration,
    /// Envelopes of one connection that it has not acknowledged; the oldest is given up for a new one.
    pub unread: usize,
    /// How long an envelope may be sent again to who listens next: as long as a caller waits for an answer.
    pub unread_age: Duration,
    /// How long after its last listener left a mailbox expects it back.
    pub expected_back: Duration,
    /// Published records; one makes room for a new one.
    pub records: usize,
    /// Puts that are remembered, so that one which is sent again is not delivered again.
    pub recent_puts: usize,
    /// How long they are remembered.
    pub recent_put_age: Duration,
    /// Frames of one connection: at least what a client sends at once after it reconnects.
    pub frames: Rate,
    /// Frames above that rate which are answered with a refusal; after them the connection is closed.
    pub excess_frames: u32,
    /// Envelopes to one mailbox, whoever sends them.
    pub puts_per_mailbox: Rate,
    /// How many of a mailbox's burst are for those who sent it less than others: a prefix leaves as many of them as it sent
    /// envelopes lately. Never above half of the burst.
    pub kept_puts: u32,
    /// For how long after the first of them the envelopes of a prefix count.
    pub lately: Duration,
    /// Pairs of a mailbox and a prefix that sent to it lately; one makes room for a new one.
    pub senders: usize,
    /// How long a connection may take for its first frame.
    pub greeting: Duration,
    /// How long a connection may be silent; clients ping every 25 s.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            mailboxes: 65_536,
            listens_per_connection: MAX_LISTENS,
            keys_per_connection: MAX_KEYS,
            ownership_checks: Rate { burst: 16, per_second: 1 },
            failed_proofs: 4,
            listeners_per_mailbox: 8,
            waiting_per_mailbox: 8,
            waiting: 1_024,
            keep: Duration::from_secs(10),
            unread: 32,
            unread_age: Duration::from_secs(20),
            expected_back: Duration::from_secs(60),
            records: 65_536,
            recent_puts: 4_096,
            recent_put_age: Duration::from_secs(60),
            frames: Rate { burst: 128, per_second: 8 },
            excess_frames: 64,
            puts_per_mailbox: Rate { burst: 32, per_second: 4 },
            kept_puts: 8,
            lately: Duration::from_secs(60),
            senders: 65_536,
            greeting: Duration::from_secs(10),
            silence: Duration::from_secs(90),
        }
    }
}

impl Limits {
    /// What a prefix that sent so many envelopes to a mailbox lately leaves of its burst to those who sent fewer.
    pub(super) fn puts_left_by(&self, sent: u32) -> u32 {
        sent.min(self.kept_puts).min(self.puts_per_mailbox.burst / 2)
    }

    /// Connections that listen to one mailbox, as it is kept to.
    pub(super) fn most_listeners(&self) -> usize {
        self.listeners_per_mailbox.min(super::MAX_FAN_OUT)
    }
}
