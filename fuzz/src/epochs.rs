//! Two sides that seal, open, step and re-key by a script, over a path that loses, holds back, repeats and forges.

use core::time::Duration;

use p2pvoip_core::{Instant, Seed};
use p2pvoip_crypto::{
    Aead, DirectionSecret, HEADER_LEN, MAX_PACKET_LEN, MIN_PLAINTEXT_LEN, MixSecret, OVERHEAD, Opener,
    REKEY_ANSWER_LEN, REKEY_EVERY, REKEY_OFFER_LEN, RekeyInitiator, RekeyResponder, RekeySecret, Sealer,
};

use crate::script::{millis, steps};

/// Packets that are held back at once.
const MOST_HELD: usize = 8;
/// A sender whose packets of more epochs than this were all lost is not followed any more.
const MOST_AHEAD: u32 = 3;
/// So long after it was sealed a packet of an earlier epoch may come too late.
const LATE: Duration = Duration::from_secs(3);

/// A script: the two high bits of a step name a side.
///
/// 0: time passes. 1: a packet comes through, and again. 2: one is lost. 3: one is held back. 4: the last held one comes. 5: one is
/// forged on its way, and comes. 6: the sides agree upon fresh keys. 7: any bytes come, as a packet, an offer and an answer.
pub fn epochs(script: &[u8]) {
    let mut path = Path::new(Aead::ALL[usize::from(script.first().is_some_and(|byte| byte & 8 == 8))]);
    for (step, bytes) in steps(script) {
        let side = usize::from(step >> 7);
        match step & 7 {
            0 => path.pass(millis(bytes)),
            4 => path.release(),
            6 => path.rekey(),
            7 => path.foreign(side, bytes),
            fate => {
                let Some(packet) = path.seal(side, step >> 4 & 7, bytes) else { continue };
                match fate {
                    2 => {}
                    3 if path.held.len() < MOST_HELD => path.held.push(packet),
                    5 => path.forge(&packet, bytes),
                    _ => path.deliver(&packet),
                }
            }
        }
        if path.is_broken() {
            return;
        }
    }
}

struct Side {
    sealer: Sealer,
    opener: Opener,
    /// What the sealer is given when the opener has seen it used.
    answered: Option<MixSecret>,
}

struct Packet {
    from: usize,
    bytes: Vec<u8>,
    plain: Vec<u8>,
    stream: u8,
    number: u64,
    sealed: Instant,
}

struct Path {
    /// Who offers fresh keys, and who answers.
    sides: [Side; 2],
    initiator: RekeyInitiator,
    responder: RekeyResponder,
    held: Vec<Packet>,
    now: Instant,
}

impl Path {
    fn new(aead: Aead) -> Self {
        let now = Instant::from_millis(9);
        let side = |ours: u8, theirs: u8| Side {
            sealer: Sealer::new(aead, &DirectionSecret::new([ours; 32])),
            opener: Opener::new(aead, &DirectionSecret::new([theirs; 32])),
            answered: None,
        };
        let secret = || RekeySecret::new([7; 32]);
        Self {
            sides: [side(5, 6), side(6, 5)],
            initiator: RekeyInitiator::new(secret(), Seed::from_u64(1), now),
            responder: RekeyResponder::new(secret(), Seed::from_u64(2)),
            held: Vec::new(),
            now,
        }
    }

    fn pass(&mut self, by: Duration) {
        self.now += by;
        for side in &mut self.sides {
            side.sealer.on_time(self.now);
            side.opener.on_time(self.now);
        }
    }

    fn seal(&mut self, from: usize, stream: u8, plain: &[u8]) -> Option<Packet> {
        let sealer = &mut self.sides[from].sealer;
        let mut bytes = vec![0; plain.len() + OVERHEAD];
        bytes[HEADER_LEN..][..plain.len()].copy_from_slice(plain);
        let sealed = sealer.seal(stream, &mut bytes, plain.len());
        let fits = (MIN_PLAINTEXT_LEN..=MAX_PACKET_LEN - OVERHEAD).contains(&plain.len());
        assert_eq!(sealed.is_ok(), fits, "what fits is sealed");
        let number = sealed.ok()?.number;
        Some(Packet { from, bytes, plain: plain.to_vec(), stream, number, sealed: self.now })
    }

    /// Gives a packet to the other side: it is opened once.
    fn deliver(&mut self, packet: &Packet) {
        if self.is_broken() {
            return;
        }
        let Side { sealer, opener, answered } = &mut self.sides[1 - packet.from];
        let opened = opener.open(&mut packet.bytes.clone()).map(|opened| {
            assert_eq!(opened.payload, packet.plain, "it says what was sealed");
            (opened.stream, opened.number)
        });
        // A packet that was held back may be of an epoch, or a number, that is over.
        let is_late = self.now.saturating_since(packet.sealed) >= LATE;
        assert!(opened.is_ok() || is_late, "what is in time is opened");
        assert!(opened.is_err() || opened == Ok((packet.stream, packet.number)));
        assert!(opener.open(&mut packet.bytes.clone()).is_err(), "once");
        if !opener.awaits_mix()
            && let Some(secret) = answered.take()
        {
            sealer.mix(secret);
        }
    }

    fn release(&mut self) {
        if let Some(packet) = self.held.pop() {
            self.deliver(&packet);
        }
    }

    fn forge(&mut self, packet: &Packet, by: &[u8]) {
        let mut bytes = packet.bytes.clone();
        let at = usize::from(by[0]) % bytes.len();
        bytes[at] ^= 1 << (by[1] & 7);
        let opener = &mut self.sides[1 - packet.from].opener;
        let before = (opener.epoch(), opener.largest(), opener.awaits_mix(), opener.next_at());
        assert!(opener.open(&mut bytes).is_err(), "every bit counts");
        assert_eq!((opener.epoch(), opener.largest(), opener.awaits_mix(), opener.next_at()), before);
        self.deliver(packet);
    }

    /// The exchange goes through in no time, when the last one is done at both ends.
    fn rekey(&mut self) {
        self.pass(REKEY_EVERY);
        let [ours, theirs] = &mut self.sides;
        if ours.opener.awaits_mix() || theirs.opener.awaits_mix() || theirs.answered.is_some() {
            return;
        }
        let offer = self.initiator.offer(self.now).expect("it is due");
        let (answer, secret) = self.responder.answer(&offer, self.now).expect("the offer is honest");
        theirs.opener.mix(secret.clone());
        theirs.answered = Some(secret.clone());
        let finished = self.initiator.finish(&answer, self.now).expect("the answer is honest");
        assert!(finished == secret, "both have the same secret");
        ours.opener.mix(secret.clone());
        ours.sealer.mix(secret);
        self.pass(Duration::ZERO);
    }

    fn foreign(&mut self, to: usize, bytes: &[u8]) {
        assert!(self.sides[to].opener.open(&mut bytes.to_vec()).is_err(), "it was not sealed");
        let (mut offer, mut answer) = ([0; REKEY_OFFER_LEN], [0; REKEY_ANSWER_LEN]);
        offer.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        answer.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let secret = || RekeySecret::new([8; 32]);
        let _any = RekeyResponder::new(secret(), Seed::from_u64(3)).answer(&offer, self.now);
        let mut initiator = RekeyInitiator::new(secret(), Seed::from_u64(4), self.now);
        assert!(initiator.finish(&answer, self.now).is_err(), "nothing was offered");
        let _offer = initiator.offer(self.now + REKEY_EVERY);
        let _any = initiator.finish(&answer, self.now);
        assert!(initiator.finish(&answer, self.now).is_err(), "an offer has one answer");
    }

    /// Whether more epochs were lost than a receiver follows: a call has ended long before.
    fn is_broken(&self) -> bool {
        let [ours, theirs] = &self.sides;
        let ahead = |from: &Side, to: &Side| from.sealer.epoch().saturating_sub(to.opener.epoch());
        ahead(ours, theirs) > MOST_AHEAD || ahead(theirs, ours) > MOST_AHEAD
    }
}
