//! What a member's message does: everything is checked before anything changes.
//!
//! A key comes with the roster that its sender knows, signed by the founder: whoever learns of a change passes it on, and two
//! members that were told different things find out.

use p2pvoip_core::Instant;

use super::listener::Listener;
use super::machine::{Event, Group, Out, Timer};
use super::member::Member;
use super::message::Message;
use super::roster::{HASH_LEN, Roster};
use super::{MessageError, SenderScope, SenderSecret};
use crate::identity::{Fingerprint, PUBLIC_LEN};

/// A key as it came.
struct Handed {
    from: Member,
    secret: SenderSecret,
    next: u64,
    verifying: [u8; PUBLIC_LEN],
    /// The sequence of the roster that came with it.
    roster: u32,
}

/// How a roster that came stands to the present one.
enum Standing {
    Known,
    Later,
    Contradicting,
}

impl Group {
    /// A member said this.
    pub(super) fn receive(
        &mut self,
        from: Fingerprint,
        message: Message,
        now: Instant,
    ) -> Result<(), MessageError> {
        if message.group() != self.roster.group() {
            return Err(MessageError::OtherGroup);
        }
        match message {
            Message::Key { roster, sender, secret, next, verifying } => {
                self.receive_key(from, roster, sender, (secret, next, verifying), now)
            }
            Message::Receipt { sequence, hash, epoch, .. } => {
                self.receive_receipt(from, sequence, &hash, epoch, now)
            }
            Message::Leaving { .. } => self.receive_leaving(from, now),
        }
    }

    fn receive_key(
        &mut self,
        from: Fingerprint,
        roster: Roster,
        sender: (u8, u32),
        (secret, next, verifying): (SenderSecret, u64, [u8; PUBLIC_LEN]),
        now: Instant,
    ) -> Result<(), MessageError> {
        let standing = self.standing(&roster)?;
        let view = if matches!(standing, Standing::Later) { &roster } else { &self.roster };
        let row = view.find(&from).filter(|row| row.number != self.me.number).copied();
        let row = row.filter(|row| (row.number, row.since) == sender).ok_or(MessageError::Stranger)?;
        if matches!(standing, Standing::Contradicting) {
            self.disagree(row.number);
            return Ok(());
        }
        let is_removed = !view.has(&self.me);
        let handed = Handed { from: row, secret, next, verifying, roster: roster.sequence() };
        self.check_key(&handed, now)?;
        if is_removed {
            self.end();
            self.push(Out::Event(Event::Removed));
            return Ok(());
        }
        if matches!(standing, Standing::Later) {
            self.adopt(roster, now);
        }
        self.take_key(handed);
        Ok(())
    }

    /// How the roster stands to the present one; an older one is not looked at.
    fn standing(&self, roster: &Roster) -> Result<Standing, MessageError> {
        if roster.sequence() < self.roster.sequence() || *roster == self.roster {
            return Ok(Standing::Known);
        }
        if !roster.is_signed(&self.founder) {
            return Err(MessageError::BadRoster);
        }
        if self.roster.may_be_followed_by(roster) {
            return Ok(Standing::Later);
        }
        let is_other = roster.sequence() == self.roster.sequence() && roster.hash() != self.roster.hash();
        if is_other { Ok(Standing::Contradicting) } else { Err(MessageError::BadRoster) }
    }

    fn check_key(&self, handed: &Handed, now: Instant) -> Result<(), MessageError> {
        if handed.from.number == 0 && handed.verifying != self.founder {
            return Err(MessageError::Inconsistent);
        }
        if self.removal.is_some_and(|(sequence, until)| handed.roster < sequence && until <= now) {
            return Err(MessageError::OldRoster);
        }
        let Some(listener) = self.known(&handed.from).and_then(|peer| peer.listener.as_ref()) else {
            return Ok(());
        };
        let is_same = *listener.verifying_key() == handed.verifying && !listener.contradicts(&handed.secret);
        if is_same { Ok(()) } else { Err(MessageError::Inconsistent) }
    }

    fn known(&self, member: &Member) -> Option<&super::machine::Peer> {
        let peer = self.peers.get(usize::from(member.number))?.as_ref()?;
        (peer.member == *member).then_some(peer)
    }

    fn take_key(&mut self, handed: Handed) {
        let Handed { from, secret, next, verifying, roster } = handed;
        let epoch = secret.epoch();
        let (aead, group, removal) = (self.roster.aead(), self.roster.group(), self.removal);
        let Some(Some(peer)) = self.peers.get_mut(usize::from(from.number)) else { return };
        if let Some(listener) = &mut peer.listener {
            listener.give(secret, roster, next);
        } else {
            let scope = SenderScope { aead, group, member: from.number, since: from.since };
            let mut listener = Listener::with_roster(scope, verifying, secret, next, roster);
            if let Some((sequence, until)) = removal {
                listener.require(sequence, until);
            }
            peer.listener = Some(Box::new(listener));
            self.push(Out::Event(Event::Keyed { number: from.number }));
        }
        let (sequence, hash) = (self.roster.sequence(), self.roster.hash());
        let receipt = Message::Receipt { group, sequence, hash, epoch };
        self.push(Out::Message { to: from.id, bytes: receipt.emit() });
    }

    fn receive_receipt(
        &mut self,
        from: Fingerprint,
        sequence: u32,
        hash: &[u8; HASH_LEN],
        epoch: u32,
        now: Instant,
    ) -> Result<(), MessageError> {
        let number = self.number_of(&from)?;
        if sequence == self.roster.sequence() && *hash != self.roster.hash() {
            self.disagree(number);
            return Ok(());
        }
        let is_enough = sequence >= self.roster.sequence() && epoch >= self.handed;
        if let Some(Some(peer)) = self.peers.get_mut(usize::from(number))
            && is_enough
        {
            peer.is_waiting = false;
            self.timers.cancel(Timer::Resend(number));
            self.switch_if_all_have_it(now);
        }
        Ok(())
    }

    fn receive_leaving(&mut self, from: Fingerprint, now: Instant) -> Result<(), MessageError> {
        let number = self.number_of(&from)?;
        self.push(Out::Event(Event::Leaving { number }));
        let sequence = self.roster.sequence().checked_add(1).filter(|_| self.me.number == 0);
        if let Some(sequence) = sequence {
            let others = self.roster.members().iter().filter(|member| member.number != number);
            self.proclaim(others.copied().collect(), sequence, now);
        }
        Ok(())
    }

    fn number_of(&self, from: &Fingerprint) -> Result<u8, MessageError> {
        let row = self.roster.find(from).filter(|row| row.number != self.me.number);
        row.map(|row| row.number).ok_or(MessageError::Stranger)
    }

    /// Two members were told different things: the owner is told once of each.
    fn disagree(&mut self, number: u8) {
        if let Some(Some(peer)) = self.peers.get_mut(usize::from(number))
            && !peer.has_disagreed
        {
            peer.has_disagreed = true;
            self.push(Out::Event(Event::Disagreement { number }));
        }
    }
}
