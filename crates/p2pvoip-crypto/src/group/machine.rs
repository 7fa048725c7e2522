//! A mesh of at most eight: who is in, whose keys are here, and what is still to be handed out.
//!
//! Every change of the roster makes every member hand its sender key to all others, until each has sent a receipt. A newcomer is
//! given a key that was ratcheted forward, so that it opens nothing from before; after a removal all make new keys, which
//! the removed one never gets.
//!
//! # Timers
//! - `step`: the own key is ratcheted after [`STEP_INTERVAL`].
//! - `switch`: the own new key is used at the latest [`SWITCH_DEADLINE`] after a removal.
//! - `resend`: a message without a receipt is sent again after [`RESEND_INTERVAL`], later [`SLOW_RESEND_INTERVAL`].
//! - `proof`: the own packets are proven ([`PROOF_INTERVAL`](super::PROOF_INTERVAL)).
//! - `listen`: a key is erased, or a sender is held.

use core::fmt;

use p2pvoip_core::{Instant, Machine, Outbox, Output, Seed, Timers, Wake};
use zeroize::Zeroizing;

use super::listener::{Flow, Listener, Notice, Received};
use super::member::{GroupId, Member};
use super::message::Message;
use super::roster::Roster;
use super::{
    MAX_MEMBERS, MAX_PROOF_LEN, MessageError, Refused, STEP_INTERVAL, SealError, Sealed, Sender, SenderScope,
    SenderSecret, sender_of,
};
use crate::identity::{Fingerprint, PUBLIC_LEN};
use crate::kdf::{self, Key};
use crate::suite::Aead;

/// The most outputs of one call: each other member goes, another comes, and gets a key; a receipt, and a first key.
pub(super) const WORST: usize = 3 * (MAX_MEMBERS - 1) + 2;
const OUTBOX: usize = 2 * WORST;
const _: () = assert!(OUTBOX >= WORST, "the outbox holds what one call makes");

/// What a member has said inside the session that the two share.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// Who said it: the session has proven that.
    pub from: Fingerprint,
    /// The bytes that the session has opened.
    pub message: &'a [u8],
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Input([redacted])")
    }
}

/// Where bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To {
    /// To this member, inside the session that the two share.
    Member(Fingerprint),
    /// To all members, as a packet of the group.
    All,
}

/// What the owner is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Somebody came in.
    Joined(Member),
    /// Somebody is out, and hears nothing any more.
    Left(Member),
    /// The first key of that member is here: it can be heard.
    Keyed {
        /// Its number.
        number: u8,
    },
    /// A person should know this of that member.
    Notice {
        /// Its number.
        number: u8,
        /// What.
        notice: Notice,
    },
    /// That member has another roster of the same sequence: the founder says different things to different members, or one
    /// of the two lies. Warn the person.
    Disagreement {
        /// Its number.
        number: u8,
    },
    /// That member said that it goes. A founder has removed it by then.
    Leaving {
        /// Its number.
        number: u8,
    },
    /// The founder has removed the owner of this group; it is over.
    Removed,
}

/// What fires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Timer {
    Step,
    Switch,
    Resend(u8),
}

/// What waits to be polled.
pub(super) enum Out {
    Message { to: Fingerprint, bytes: Zeroizing<Vec<u8>> },
    Packet(Vec<u8>),
    Event(Event),
}

/// Another member.
pub(super) struct Peer {
    pub(super) member: Member,
    pub(super) listener: Option<Box<Listener>>,
    /// Whether it has not sent a receipt for the present key and roster.
    pub(super) is_waiting: bool,
    pub(super) tries: u32,
    pub(super) has_disagreed: bool,
}

/// Machine: one member of a mesh, which seals voice once for all others and opens theirs.
pub struct Group {
    pub(super) me: Member,
    pub(super) roster: Roster,
    pub(super) founder: [u8; PUBLIC_LEN],
    pub(super) sender: Sender,
    /// The key that takes the place of the present one, after a removal.
    pub(super) next: Option<SenderSecret>,
    /// The least epoch for which a receipt counts.
    pub(super) handed: u32,
    /// The latest roster that removed somebody, and until when keys from before it are used.
    pub(super) removal: Option<(u32, Instant)>,
    chance: Seed,
    pub(super) peers: [Option<Peer>; MAX_MEMBERS],
    pub(super) timers: Timers<Timer, { 2 + MAX_MEMBERS }>,
    pub(super) outbox: Outbox<Out, OUTBOX>,
    now: Instant,
    pub(super) is_over: bool,
}

impl Group {
    /// Founds a group, in which its founder is alone. The seed comes from the system and is used for nothing else.
    pub fn found(me: Fingerprint, aead: Aead, seed: &Seed, now: Instant) -> Self {
        let group = GroupId::new(*kdf::derive(seed.expose(), "group name", b""));
        let me = Member { number: 0, since: 1, id: me };
        let (sender, chance) = begin(aead, group, me, seed);
        let roster = Roster::sign(aead, group, 1, vec![me], &sender);
        let founder = sender.verifying_key();
        Self::with(me, roster, founder, sender, chance, now)
    }

    /// Joins the group to which its founder has sent this message, the first that came inside the session of the two.
    ///
    /// # Errors
    /// [`MessageError`] when it is no invitation.
    pub fn join(
        me: Fingerprint,
        invitation: Input<'_>,
        seed: &Seed,
        now: Instant,
    ) -> Result<Self, MessageError> {
        let message = Message::parse(invitation.message).map_err(|_| MessageError::Malformed)?;
        let Message::Key { roster, verifying, .. } = &message else { return Err(MessageError::NotInvited) };
        let (Some(row), Some(founder)) = (roster.find(&me).copied(), roster.member(0)) else {
            return Err(MessageError::NotInvited);
        };
        if row.number == 0 || founder.id != invitation.from {
            return Err(MessageError::NotInvited);
        }
        if !roster.is_signed(verifying) {
            return Err(MessageError::BadRoster);
        }
        let (sender, chance) = begin(roster.aead(), roster.group(), row, seed);
        let mut group = Self::with(row, roster.clone(), *verifying, sender, chance, now);
        for member in roster.members().iter().filter(|member| member.number != row.number) {
            group.meet(*member);
        }
        group.receive(invitation.from, message, now)?;
        group.distribute(now);
        Ok(group)
    }

    fn with(
        me: Member,
        roster: Roster,
        founder: [u8; PUBLIC_LEN],
        sender: Sender,
        chance: Seed,
        now: Instant,
    ) -> Self {
        let mut timers = Timers::new();
        timers.set(Timer::Step, now + STEP_INTERVAL);
        Self {
            me,
            roster,
            founder,
            sender,
            next: None,
            handed: 0,
            removal: None,
            chance,
            peers: [const { None }; MAX_MEMBERS],
            timers,
            outbox: Outbox::new(),
            now,
            is_over: false,
        }
    }

    /// Seals voice for all members: the plaintext at `buf[HEADER_LEN..HEADER_LEN + len]`; the packet is at the front of `buf` then.
    /// A new key that is due is used, though the timer is late.
    ///
    /// # Errors
    /// [`SealError`]; `buf` is as it was then, and no number was spent.
    pub fn seal(&mut self, buf: &mut [u8], len: usize, now: Instant) -> Result<Sealed, SealError> {
        if self.is_over {
            return Err(SealError::Over);
        }
        if self.timers.get(Timer::Switch).is_some_and(|due| due <= now) {
            self.switch(now);
        }
        self.sender.seal(buf, len, now)
    }

    /// Opens a packet that came by the path of that member, in place; one that does not decrypt is destroyed.
    ///
    /// All members can seal in one another's name: that the packet names the member whose path it came by is what keeps
    /// them from it while nobody forges addresses.
    ///
    /// # Errors
    /// [`Refused`]; nothing but a counter has changed then, and what time has done.
    pub fn open<'b>(
        &mut self,
        from: Fingerprint,
        packet: &'b mut [u8],
        now: Instant,
    ) -> Result<Received<'b>, Refused> {
        self.outbox.require(1).map_err(|_| Refused::Busy)?;
        let number = sender_of(packet).ok_or(Refused::Malformed)?;
        let peer = self.peers.get_mut(usize::from(number)).and_then(Option::as_mut);
        let peer = peer.ok_or(Refused::Stranger)?;
        if peer.member.id != from {
            return Err(Refused::OtherPath);
        }
        let listener = peer.listener.as_mut().ok_or(Refused::NoKey)?;
        let received = listener.open(packet, now);
        if let Some(notice) = listener.take_notice() {
            self.push(Out::Event(Event::Notice { number, notice }));
        }
        received
    }

    /// Mixes fresh chance of the system into what later keys are drawn from, so that who has read this memory before cannot
    /// foretell them. Do it before a member is removed, and after the machine has slept or was in other hands.
    pub fn stir(&mut self, fresh: &[u8; 32]) {
        self.chance = stirred(&self.chance, fresh);
    }

    /// Plays what that member says again, after it was cut off. False when there is no such member.
    pub fn restore(&mut self, number: u8) -> bool {
        let listener = self.peers.get_mut(usize::from(number)).and_then(Option::as_mut);
        let listener = listener.and_then(|peer| peer.listener.as_mut());
        listener.map(|listener| listener.restore()).is_some()
    }

    /// The owner's own row.
    pub const fn me(&self) -> &Member {
        &self.me
    }

    /// Who is in, as far as is known here.
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The listener to that member, once its first key has come.
    pub fn listener(&self, number: u8) -> Option<&Listener> {
        self.peers.get(usize::from(number))?.as_ref()?.listener.as_deref()
    }

    /// Whether what that member says is played.
    pub fn flow(&self, number: u8) -> Option<Flow> {
        self.listener(number).map(Listener::flow)
    }

    /// The epoch of the own key.
    pub const fn epoch(&self) -> u32 {
        self.sender.secret().epoch()
    }

    /// Whether the group was left, or its owner removed.
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// The group is over: all keys are erased.
    pub(super) fn end(&mut self) {
        self.is_over = true;
        self.next = None;
        let nothing = self.draw("group over");
        self.sender.install(SenderSecret::new(u32::MAX, *nothing));
        self.peers = [const { None }; MAX_MEMBERS];
        self.timers = Timers::new();
    }

    /// A secret that nobody can know, this machine in the future included.
    pub(super) fn draw(&mut self, name: &str) -> Key {
        let drawn = kdf::derive(self.chance.expose(), name, b"");
        self.chance = self.chance.derive("spent");
        drawn
    }

    pub(super) fn push(&mut self, out: Out) {
        let pushed = self.outbox.push(out);
        debug_assert!(pushed.is_ok(), "every call requires room for the worst case first");
    }

    /// Ends every call: what is due fires, as far as there is room.
    pub(super) fn passed(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let now = self.now;
        while self.outbox.require(1).is_ok() {
            match self.timers.pop_due(now) {
                Some(Timer::Step) if self.next.is_none() => self.step(now),
                // The new key is young.
                Some(Timer::Step) => self.timers.set(Timer::Step, now + STEP_INTERVAL),
                Some(Timer::Switch) => self.switch(now),
                Some(Timer::Resend(number)) => self.resend(number, now),
                None => break,
            }
        }
        self.prove(now);
        self.listen(now);
    }

    fn prove(&mut self, now: Instant) {
        if self.is_over || self.outbox.require(1).is_err() {
            return;
        }
        if self.sender.next_at().is_some_and(|at| at <= now) {
            let mut packet = vec![0; MAX_PROOF_LEN];
            if let Some(sealed) = self.sender.pull(&mut packet, now) {
                packet.truncate(sealed.len);
                self.push(Out::Packet(packet));
            }
        }
    }

    fn listen(&mut self, now: Instant) {
        for place in 0..MAX_MEMBERS {
            if self.outbox.require(1).is_err() {
                return;
            }
            let Some(Some(peer)) = self.peers.get_mut(place) else { continue };
            let number = peer.member.number;
            let notice = peer.listener.as_mut().and_then(|listener| {
                listener.on_time(now);
                listener.take_notice()
            });
            if let Some(notice) = notice {
                self.push(Out::Event(Event::Notice { number, notice }));
            }
        }
    }

    fn wake(&self) -> Option<Wake> {
        let timers = self.timers.wake(|timer| match timer {
            Timer::Step => "step",
            Timer::Switch => "switch",
            Timer::Resend(_) => "resend",
        });
        let proof = self.sender.next_at().filter(|_| !self.is_over).map(|at| Wake { at, why: "proof" });
        let listeners = self.peers.iter().flatten().filter_map(|peer| peer.listener.as_deref());
        let listen = listeners.filter_map(Listener::next_at).min().map(|at| Wake { at, why: "listen" });
        Wake::earliest(Wake::earliest(timers, proof), listen)
    }
}

/// Chance that neither who knew it before nor who knows `fresh` alone can foretell.
pub(super) fn stirred(chance: &Seed, fresh: &[u8; 32]) -> Seed {
    let stirred: Key = kdf::derive(chance.expose(), "stirred", fresh);
    Seed::new(*stirred)
}

/// A sender with keys of chance, and what is left of the chance.
fn begin(aead: Aead, group: GroupId, me: Member, seed: &Seed) -> (Sender, Seed) {
    let scope = SenderScope { aead, group, member: me.number, since: me.since };
    let signing: Key = kdf::derive(seed.expose(), "group signing", b"");
    let secret: Key = kdf::derive(seed.expose(), "group sender", b"");
    (Sender::new(scope, SenderSecret::new(0, *secret), &signing, 0), seed.derive("spent"))
}

impl Machine for Group {
    const MAX_TRANSMIT: usize = MAX_PROOF_LEN;
    type Input<'a> = Input<'a>;
    type Transmit = To;
    type Event = Event;
    type Error = MessageError;

    fn handle_input(&mut self, input: Input<'_>, now: Instant) -> Result<(), MessageError> {
        if self.is_over {
            return Err(MessageError::Over);
        }
        let message = Message::parse(input.message).map_err(|_| MessageError::Malformed)?;
        self.outbox.require(WORST)?;
        self.receive(input.from, message, now)?;
        self.passed(now);
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.passed(now);
    }

    fn poll_output(&mut self, buf: &mut [u8]) -> Output<To, Event> {
        if self.outbox.is_empty() {
            self.passed(self.now);
        }
        match self.outbox.pop() {
            Some(Out::Event(event)) => Output::Event(event),
            Some(Out::Message { to, bytes }) => {
                Output::Transmit { to: To::Member(to), len: copy(&bytes, buf) }
            }
            Some(Out::Packet(bytes)) => Output::Transmit { to: To::All, len: copy(&bytes, buf) },
            None => Output::Wait(self.wake()),
        }
    }
}

fn copy(bytes: &[u8], buf: &mut [u8]) -> usize {
    for (to, from) in buf.iter_mut().zip(bytes) {
        *to = *from;
    }
    bytes.len().min(buf.len())
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Group");
        debug.field("me", &self.me.number).field("roster", &self.roster.sequence());
        debug.field("epoch", &self.epoch()).field("is_over", &self.is_over).finish_non_exhaustive()
    }
}
