//! Who is in, and who has been handed what: the founder's commands, and what every member does when the roster changes.
//!
//! # Timers
//! - `switch` and `resend`: set here, fired by the machine.

use p2pvoip_core::Instant;

use super::machine::{Event, Group, Out, Peer, Timer, WORST};
use super::member::Member;
use super::message::Message;
use super::roster::Roster;
use super::{
    FAST_RESENDS, MAX_MEMBERS, MembershipError, OLD_KEY_LIFE, RESEND_INTERVAL, SLOW_RESEND_INTERVAL,
    STEP_INTERVAL, SWITCH_DEADLINE, SenderSecret,
};
use crate::identity::Fingerprint;

impl Group {
    /// Lets somebody in; the founder alone may. Gives the number of the new member.
    ///
    /// # Errors
    /// [`MembershipError`]; nothing is changed then.
    pub fn admit(&mut self, id: Fingerprint, now: Instant) -> Result<u8, MembershipError> {
        self.check_founder()?;
        if self.roster.find(&id).is_some() {
            return Err(MembershipError::Already);
        }
        let free = (1..).take(MAX_MEMBERS - 1).find(|number| self.roster.member(*number).is_none());
        let number = free.ok_or(MembershipError::TooMany)?;
        let since = self.roster.sequence().checked_add(1).ok_or(MembershipError::Exhausted)?;
        let mut members = self.roster.members().to_vec();
        members.push(Member { number, since, id });
        members.sort_by_key(|member| member.number);
        self.proclaim(members, since, now);
        Ok(number)
    }

    /// Puts a member out; the founder alone may. After 3 s it opens nothing that is said, if messages arrive until then.
    ///
    /// # Errors
    /// [`MembershipError`]; nothing is changed then.
    pub fn remove(&mut self, number: u8, now: Instant) -> Result<(), MembershipError> {
        self.check_founder()?;
        if number == self.me.number {
            return Err(MembershipError::Founder);
        }
        if self.roster.member(number).is_none() {
            return Err(MembershipError::Unknown);
        }
        let sequence = self.roster.sequence().checked_add(1).ok_or(MembershipError::Exhausted)?;
        let members = self.roster.members().iter().filter(|member| member.number != number);
        self.proclaim(members.copied().collect(), sequence, now);
        Ok(())
    }

    /// Goes, and says so to all others once.
    ///
    /// # Errors
    /// [`MembershipError`] when there is no room to say it, or the group is over.
    pub fn leave(&mut self, now: Instant) -> Result<(), MembershipError> {
        self.check_open()?;
        let bytes = Message::Leaving { group: self.roster.group() }.emit();
        let others: Vec<Fingerprint> = self.peers.iter().flatten().map(|peer| peer.member.id).collect();
        for to in others {
            self.push(Out::Message { to, bytes: bytes.clone() });
        }
        self.end();
        self.passed(now);
        Ok(())
    }

    /// Hands the present key and roster to that member once more: its path was away for long. False when there is no such member.
    pub fn refresh(&mut self, number: u8, now: Instant) -> bool {
        if self.outbox.require(1).is_err() {
            return false;
        }
        let is_member = self.peers.get(usize::from(number)).is_some_and(Option::is_some);
        if is_member {
            self.hand(number, now);
        }
        is_member
    }

    fn check_open(&self) -> Result<(), MembershipError> {
        if self.is_over {
            return Err(MembershipError::Over);
        }
        Ok(self.outbox.require(WORST)?)
    }

    fn check_founder(&self) -> Result<(), MembershipError> {
        self.check_open()?;
        if self.me.number == 0 { Ok(()) } else { Err(MembershipError::NotFounder) }
    }

    /// The founder says who is in.
    pub(super) fn proclaim(&mut self, members: Vec<Member>, sequence: u32, now: Instant) {
        let (aead, group) = (self.roster.aead(), self.roster.group());
        self.adopt(Roster::sign(aead, group, sequence, members, &self.sender), now);
        self.passed(now);
    }

    /// Takes a roster as the present one: the removed are forgotten, keys change, and all are handed the new ones.
    pub(super) fn adopt(&mut self, roster: Roster, now: Instant) {
        let mut has_lost = false;
        for place in 0..MAX_MEMBERS {
            let peer =
                self.peers.get_mut(place).and_then(|peer| peer.take_if(|peer| !roster.has(&peer.member)));
            if let Some(peer) = peer {
                has_lost = true;
                self.timers.cancel(Timer::Resend(peer.member.number));
                self.push(Out::Event(Event::Left(peer.member)));
            }
        }
        let known = self.roster.clone();
        let newcomers = roster.members().iter().filter(|member| !known.has(member)).copied();
        let newcomers: Vec<Member> = newcomers.collect();
        self.roster = roster;
        if has_lost {
            self.renew(now);
        } else if !newcomers.is_empty() && self.next.is_none() {
            self.step(now);
        }
        for member in newcomers {
            self.meet(member);
        }
        self.distribute(now);
    }

    /// Somebody came in.
    pub(super) fn meet(&mut self, member: Member) {
        if let Some(place) = self.peers.get_mut(usize::from(member.number)) {
            *place = Some(Peer { member, listener: None, is_waiting: false, tries: 0, has_disagreed: false });
        }
        self.push(Out::Event(Event::Joined(member)));
    }

    /// Somebody who knows the keys is out: makes a new one, and forgets the old ones of all.
    fn renew(&mut self, now: Instant) {
        let present = self.next.as_ref().map_or(self.epoch(), SenderSecret::epoch);
        let secret = self.draw("group sender");
        self.next = Some(SenderSecret::new(present.saturating_add(1), *secret));
        let deadline = now + SWITCH_DEADLINE;
        let deadline = self.timers.get(Timer::Switch).map_or(deadline, |earlier| earlier.min(deadline));
        self.timers.set(Timer::Switch, deadline);
        let removal = (self.roster.sequence(), now + OLD_KEY_LIFE);
        self.removal = Some(removal);
        for listener in self.peers.iter_mut().flatten().filter_map(|peer| peer.listener.as_mut()) {
            listener.require(removal.0, removal.1);
        }
    }

    /// Ratchets the own key.
    pub(super) fn step(&mut self, now: Instant) {
        if let Some(next) = self.sender.secret().next() {
            self.sender.install(next);
        }
        self.timers.set(Timer::Step, now + STEP_INTERVAL);
    }

    /// Seals with the new key from now on.
    pub(super) fn switch(&mut self, now: Instant) {
        self.timers.cancel(Timer::Switch);
        if let Some(next) = self.next.take() {
            self.sender.install(next);
            self.timers.set(Timer::Step, now + STEP_INTERVAL);
        }
    }

    /// Switches when all others have the new key.
    pub(super) fn switch_if_all_have_it(&mut self, now: Instant) {
        if self.next.is_some() && !self.peers.iter().flatten().any(|peer| peer.is_waiting) {
            self.switch(now);
        }
    }

    /// Hands the own key to all others, until each has sent a receipt.
    pub(super) fn distribute(&mut self, now: Instant) {
        self.handed = self.given().epoch();
        let numbers: Vec<u8> = self.peers.iter().flatten().map(|peer| peer.member.number).collect();
        for number in numbers {
            self.hand(number, now);
        }
        self.switch_if_all_have_it(now);
    }

    fn hand(&mut self, number: u8, now: Instant) {
        if let Some(Some(peer)) = self.peers.get_mut(usize::from(number)) {
            peer.is_waiting = true;
            peer.tries = 0;
        }
        self.resend(number, now);
    }

    pub(super) fn resend(&mut self, number: u8, now: Instant) {
        let message = Message::Key {
            roster: self.roster.clone(),
            sender: (self.me.number, self.me.since),
            secret: self.given().clone(),
            next: self.sender.next_number(),
            verifying: self.sender.verifying_key(),
        };
        let Some(Some(peer)) = self.peers.get_mut(usize::from(number)) else { return };
        if !peer.is_waiting {
            return;
        }
        peer.tries = peer.tries.saturating_add(1);
        let pause = if peer.tries <= FAST_RESENDS { RESEND_INTERVAL } else { SLOW_RESEND_INTERVAL };
        let to = peer.member.id;
        self.timers.set(Timer::Resend(number), now + pause);
        self.push(Out::Message { to, bytes: message.emit() });
    }

    /// The key that others are given: the new one, before it is used.
    fn given(&self) -> &SenderSecret {
        self.next.as_ref().unwrap_or(self.sender.secret())
    }
}
