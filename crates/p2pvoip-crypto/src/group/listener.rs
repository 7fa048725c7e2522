//! The listener: opens the packets of one sender, plays at once, and checks afterwards what the sender has signed.
//!
//! A packet that decrypts was made by some member. It is accepted once, near to what its sender has proven; within
//! [`PROOF_DEADLINE`] the sender's proof must have come. The chain of keys and the numbers move by signed proofs alone, so
//! that no member can lead another one's listeners astray.
//!
//! # Timers
//! - [`PROOF_DEADLINE`] after the earliest unproven packet the sender is held.
//! - A key that was followed by another, or that a removed member knows, is erased after [`OLD_KEY_LIFE`].

use core::fmt;

use p2pvoip_core::Instant;

use super::header::{self, Clear, Digest, EPOCH_BITS, PROOF, VOICE};
use super::keys::{Keys, SenderScope, SenderSecret};
use super::ledger::{Ledger, Verdict};
use super::proof::Proof;
use super::{HEADER_LEN, OLD_KEY_LIFE, PROOF_DEADLINE, Refused};
use crate::identity::PUBLIC_LEN;
use crate::packet::recover;
use crate::suite::TAG_LEN;

/// How many steps of the chain a listener follows that has heard nothing.
const MOST_STEPS: usize = 3;
/// How many removals may follow each other within [`OLD_KEY_LIFE`] before the later ones count from the first.
const MOST_REQUIREMENTS: usize = 4;

/// Whether what a sender says is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// It is.
    Open,
    /// Not until it proves what it sent.
    Held,
    /// Not until the owner restores it: a member has spoken in its name.
    Cut,
}

/// What a person should know of a sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A packet was played which the sender has not sent; it is cut off now.
    Impersonated {
        /// The number of the packet.
        number: u64,
    },
    /// No proof came in time; it is held now.
    Unproven,
    /// It has proven what it sent, and is played again.
    Proven,
}

/// An authentic packet that was not received before.
#[derive(PartialEq, Eq)]
pub struct Opened<'b> {
    /// The number of the member that sent it.
    pub sender: u8,
    /// Its packet number.
    pub number: u64,
    /// What was sealed.
    pub payload: &'b [u8],
}

impl fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Opened");
        debug.field("sender", &self.sender).field("number", &self.number).finish_non_exhaustive()
    }
}

/// What a packet was.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'b> {
    /// Voice, and what shares its slots.
    Voice(Opened<'b>),
    /// A proof of voice that came before.
    Proof,
}

/// What came of the packets that were given to a listener.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// Voice packets that were opened.
    pub accepted: u64,
    /// Proofs that the sender has signed.
    pub proofs: u64,
    /// Packets that did not decrypt.
    pub forged: u64,
    /// Packets that a member made in the sender's name: unsigned proofs and contradicted packets.
    pub impersonated: u64,
    /// Packets refused for any other reason.
    pub refused: u64,
}

/// Keys and the secret that the next ones follow from.
struct Held {
    secret: SenderSecret,
    keys: Keys,
    /// The sequence of the latest roster that its sender knew when it gave out the key.
    roster: u32,
}

impl Held {
    fn new(secret: SenderSecret, scope: &SenderScope, roster: u32) -> Self {
        Self { keys: secret.keys(scope), secret, roster }
    }
}

/// Which of its keys a packet is tried with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Current,
    Given,
    Ahead(usize),
    Previous,
}

/// Stage: opens the packets of one member. It does not allocate after its start.
pub struct Listener {
    scope: SenderScope,
    verifying: [u8; PUBLIC_LEN],
    current: Option<Held>,
    /// A key that its sender has given, and not used yet in anything signed.
    given: Option<Held>,
    /// The keys of the epochs after the present one, made when a packet first names them.
    ahead: [Option<Held>; MOST_STEPS],
    previous: Option<(Keys, u32, Instant)>,
    /// Keys of rosters before these sequences are erased at these moments.
    least: [Option<(u32, Instant)>; MOST_REQUIREMENTS],
    ledger: Ledger,
    flow: Flow,
    counters: Counters,
    notice: Option<Notice>,
}

impl Listener {
    /// A listener to the sender whose proofs that key verifies, from that packet number on.
    pub fn new(scope: SenderScope, verifying: [u8; PUBLIC_LEN], secret: SenderSecret, next: u64) -> Self {
        Self::with_roster(scope, verifying, secret, next, scope.since)
    }

    pub(super) fn with_roster(
        scope: SenderScope,
        verifying: [u8; PUBLIC_LEN],
        secret: SenderSecret,
        next: u64,
        roster: u32,
    ) -> Self {
        Self {
            current: Some(Held::new(secret, &scope, roster)),
            scope,
            verifying,
            given: None,
            ahead: [const { None }; MOST_STEPS],
            previous: None,
            least: [None; MOST_REQUIREMENTS],
            ledger: Ledger::new(next),
            flow: Flow::Open,
            counters: Counters::default(),
            notice: None,
        }
    }

    /// Opens a packet in place; a packet that does not decrypt is destroyed. What is due happens first, as by
    /// [`on_time`](Self::on_time): what a late timer has not erased opens nothing.
    ///
    /// # Errors
    /// [`Refused`]; nothing but a counter has changed then, and what time has done.
    pub fn open<'b>(&mut self, packet: &'b mut [u8], now: Instant) -> Result<Received<'b>, Refused> {
        self.on_time(now);
        if self.counters.forged >= self.scope.aead.forgery_limit() {
            return Err(Refused::Worn);
        }
        let Some(clear) = Clear::parse(packet).filter(|clear| clear.sender == self.scope.member) else {
            return self.refuse(Refused::Malformed);
        };
        let Some(which) = self.choose(clear.epoch) else { return self.refuse(Refused::NoKey) };
        let Some((stream, number, digest)) = self.decrypt(which, packet) else {
            self.counters.forged = self.counters.forged.saturating_add(1);
            return Err(Refused::Forged);
        };
        let end = packet.len() - TAG_LEN;
        let payload = packet.get(HEADER_LEN..end).unwrap_or_default();
        match stream {
            PROOF => self.take_proof(which, number, digest, payload, now).map(|()| Received::Proof),
            VOICE => {
                self.take_voice(number, digest, now)?;
                Ok(Received::Voice(Opened { sender: self.scope.member, number, payload }))
            }
            _ => self.refuse(Refused::Malformed),
        }
    }

    /// When [`on_time`](Self::on_time) has something to do.
    pub fn next_at(&self) -> Option<Instant> {
        let proof = self.ledger.oldest().filter(|_| self.flow == Flow::Open).map(|at| at + PROOF_DEADLINE);
        let previous = self.previous.as_ref().map(|(_, _, until)| *until);
        let least = self.least.iter().flatten().map(|(_, at)| *at).min();
        [proof, previous, least].into_iter().flatten().min()
    }

    /// Time has passed: old keys are erased, and a sender that proves nothing is held.
    pub fn on_time(&mut self, now: Instant) {
        if self.previous.as_ref().is_some_and(|(_, _, until)| *until <= now) {
            self.previous = None;
        }
        for place in 0..MOST_REQUIREMENTS {
            let due = self.least.get_mut(place).and_then(|least| least.take_if(|(_, at)| *at <= now));
            if let Some((least, _)) = due {
                self.erase_before(least);
            }
        }
        let is_late = self.ledger.oldest().is_some_and(|oldest| oldest + PROOF_DEADLINE <= now);
        if is_late && self.flow == Flow::Open {
            self.flow = Flow::Held;
            self.ledger.forget_pending();
            self.notice = Some(Notice::Unproven);
        }
    }

    /// What a person should know since the last time.
    pub fn take_notice(&mut self) -> Option<Notice> {
        self.notice.take()
    }

    /// Plays what the sender says again, after it was cut off or held.
    pub fn restore(&mut self) {
        self.flow = Flow::Open;
        self.ledger.forget_pending();
    }

    /// Whether what the sender says is played.
    pub const fn flow(&self) -> Flow {
        self.flow
    }

    /// What came of all packets so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The key that the sender's proofs are verified with.
    pub const fn verifying_key(&self) -> &[u8; PUBLIC_LEN] {
        &self.verifying
    }

    /// The present epoch, when there is a key.
    pub fn epoch(&self) -> Option<u32> {
        self.current.as_ref().map(|held| held.keys.epoch)
    }

    /// The sender has given this secret by another way; it is used as soon as a packet names its epoch.
    ///
    /// False, and nothing is changed, when it contradicts the secret of that epoch which is known already.
    pub fn install(&mut self, secret: SenderSecret) -> bool {
        self.give(secret, self.scope.since, 0)
    }

    /// As [`install`](Self::install), from a sender that knows the roster of that sequence, and whose next number is `next`.
    pub(super) fn give(&mut self, secret: SenderSecret, roster: u32, next: u64) -> bool {
        if self.contradicts(&secret) {
            return false;
        }
        let epoch = secret.epoch();
        let held = [&mut self.current, &mut self.given].into_iter().flatten();
        if let Some(held) = held.into_iter().find(|held| held.keys.epoch == epoch) {
            held.roster = held.roster.max(roster);
            self.ledger.advance(next);
            return true;
        }
        let is_older = self.current.as_ref().is_some_and(|held| epoch < held.keys.epoch);
        let is_older = is_older || self.given.as_ref().is_some_and(|held| epoch < held.keys.epoch);
        if !is_older {
            self.given = Some(Held::new(secret, &self.scope, roster));
            self.ledger.advance(next);
        }
        true
    }

    /// Whether another secret of the same epoch is known.
    pub(super) fn contradicts(&self, secret: &SenderSecret) -> bool {
        let held = [&self.current, &self.given].into_iter().flatten();
        held.into_iter()
            .filter(|held| held.keys.epoch == secret.epoch())
            .any(|held| !crate::kdf::equal(held.secret.expose(), secret.expose()))
    }

    /// Whoever knew rosters before that sequence is not to be heard by its old keys from that moment on.
    pub(super) fn require(&mut self, roster: u32, at: Instant) {
        let [.., last] = &mut self.least;
        // Where there is no place left, the moment of the last one stands: it was promised.
        let spare = *last;
        match self.least.iter_mut().find(|least| least.is_none()) {
            Some(place) => *place = Some((roster, at)),
            None => self.least[MOST_REQUIREMENTS - 1] = spare.map(|(_, earlier)| (roster, earlier)),
        }
    }

    fn refuse<T>(&mut self, refused: Refused) -> Result<T, Refused> {
        self.counters.refused = self.counters.refused.saturating_add(1);
        Err(refused)
    }

    /// The key of an epoch of which the header tells three bits; those ahead are made at most once.
    fn choose(&mut self, bits: u8) -> Option<Which> {
        let is = |epoch: u32| low(epoch) == bits;
        let Some(current) = &self.current else {
            return self.given.as_ref().filter(|held| is(held.keys.epoch)).map(|_| Which::Given);
        };
        if is(current.keys.epoch) {
            return Some(Which::Current);
        }
        if self.given.as_ref().is_some_and(|held| is(held.keys.epoch)) {
            return Some(Which::Given);
        }
        let steps = usize::from(bits.wrapping_sub(low(current.keys.epoch)) & EPOCH_BITS);
        if let Some(place) = (1..=MOST_STEPS).contains(&steps).then(|| steps - 1) {
            return self.reach(place).then_some(Which::Ahead(place));
        }
        self.previous.as_ref().filter(|(keys, ..)| is(keys.epoch)).map(|_| Which::Previous)
    }

    /// Makes the keys that many steps ahead, unless they are there.
    fn reach(&mut self, place: usize) -> bool {
        for step in 0..=place {
            if self.ahead.get(step).is_some_and(Option::is_some) {
                continue;
            }
            let before = match step.checked_sub(1) {
                None => self.current.as_ref(),
                Some(before) => self.ahead.get(before).and_then(Option::as_ref),
            };
            let next = before.and_then(|held| Some((held.secret.next()?, held.roster)));
            let Some((secret, roster)) = next else { return false };
            if let Some(ahead) = self.ahead.get_mut(step) {
                *ahead = Some(Held::new(secret, &self.scope, roster));
            }
        }
        true
    }

    fn keys(&self, which: Which) -> Option<&Keys> {
        match which {
            Which::Current => self.current.as_ref().map(|held| &held.keys),
            Which::Given => self.given.as_ref().map(|held| &held.keys),
            Which::Ahead(place) => self.ahead.get(place)?.as_ref().map(|held| &held.keys),
            Which::Previous => self.previous.as_ref().map(|(keys, ..)| keys),
        }
    }

    /// The stream, number and digest of a packet that decrypts.
    fn decrypt(&self, which: Which, packet: &mut [u8]) -> Option<(u8, u64, Digest)> {
        let keys = self.keys(which)?;
        let (stream, low) = header::unmask(packet, keys.mask(packet)?)?;
        let number = recover(self.ledger.anchor().checked_sub(1), low);
        let aad = header::associated(self.scope.member, keys.epoch, stream, number);
        let plaintext = keys.open(number, aad, packet)?;
        Some((stream, number, header::digest(&aad, plaintext)))
    }

    fn take_voice(&mut self, number: u64, digest: Digest, now: Instant) -> Result<(), Refused> {
        match self.flow {
            Flow::Open => {}
            Flow::Held => return self.refuse(Refused::Held),
            Flow::Cut => return self.refuse(Refused::Cut),
        }
        match self.ledger.verdict(number) {
            Verdict::Fresh => {}
            Verdict::Seen => return self.refuse(Refused::Replayed),
            Verdict::OutOfRange => return self.refuse(Refused::OutOfRange),
        }
        self.ledger.note(number, digest, now);
        self.counters.accepted = self.counters.accepted.saturating_add(1);
        Ok(())
    }

    fn take_proof(
        &mut self,
        which: Which,
        number: u64,
        digest: Digest,
        body: &[u8],
        now: Instant,
    ) -> Result<(), Refused> {
        let signed = Proof::parse(body).ok().filter(|proof| proof.end() == number);
        let Some(proof) = signed.filter(|proof| proof.is_signed(&self.scope, &self.verifying)) else {
            self.counters.impersonated = self.counters.impersonated.saturating_add(1);
            return Err(Refused::BadProof);
        };
        let settled = self.ledger.settle(&proof, digest);
        self.counters.proofs = self.counters.proofs.saturating_add(1);
        self.follow(which, now);
        if let Some(number) = settled.contradiction {
            self.cut(number);
        } else if settled.is_news && self.flow == Flow::Held {
            self.flow = Flow::Open;
            self.notice = Some(Notice::Proven);
        }
        Ok(())
    }

    fn cut(&mut self, number: u64) {
        self.counters.impersonated = self.counters.impersonated.saturating_add(1);
        self.flow = Flow::Cut;
        self.notice = Some(Notice::Impersonated { number });
    }

    /// The sender has signed under that key, so that it is the present one.
    fn follow(&mut self, which: Which, now: Instant) {
        let next = match which {
            Which::Current | Which::Previous => return,
            Which::Given => self.given.take(),
            Which::Ahead(place) => self.ahead.get_mut(place).and_then(Option::take),
        };
        let Some(next) = next else { return };
        if self.given.as_ref().is_some_and(|given| given.keys.epoch <= next.keys.epoch) {
            self.given = None;
        }
        self.ahead = [const { None }; MOST_STEPS];
        let until = now + OLD_KEY_LIFE;
        self.previous = self.current.replace(next).map(|held| (held.keys, held.roster, until));
    }

    /// Erases all keys that were given out under a roster before that sequence.
    fn erase_before(&mut self, least: u32) {
        self.previous = self.previous.take().filter(|(_, roster, _)| *roster >= least);
        if self.current.as_ref().is_some_and(|held| held.roster < least) {
            self.ahead = [const { None }; MOST_STEPS];
            self.current = None;
        }
        if self.given.as_ref().is_some_and(|held| held.roster < least) {
            self.given = None;
        }
        if self.current.is_none() {
            self.current = self.given.take();
        }
    }
}

fn low(epoch: u32) -> u8 {
    epoch.to_le_bytes()[0] & EPOCH_BITS
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Listener");
        debug.field("member", &self.scope.member).field("epoch", &self.epoch());
        debug.field("flow", &self.flow).field("counters", &self.counters).finish_non_exhaustive()
    }
}
