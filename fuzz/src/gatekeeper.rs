//! A gatekeeper over days: known callers and strangers ring, offers come again, it is saved and started anew.

use core::time::Duration;
use std::sync::LazyLock;

use p2pvoip_core::{Instant, Seed, UnixTime};
use p2pvoip_crypto::{
    CONTACT_AT_ONCE, Callee, GateRefused, Gatekeeper, Identity, MAX_REMEMBERED, PREKEY_PERIOD, Prekeys,
    STRANGER_EVERY, STRANGERS_AT_ONCE, forge,
};

use crate::fixture::{CALLEE, CALLER, PREKEYS, UNIX};
use crate::script::{number, steps};

/// How many offers each of the two callers has.
const OFFERS: usize = 12;
/// Bytes of a remembered offer: tag, date and whose share it takes.
const ENTRY: usize = 40;

/// The X25519 device key of the known caller.
static KNOWN: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let bundle = CALLER.prekey_bundle(UNIX.day(), UNIX);
    let opened = CALLER.mailbox().open_bundle(&bundle, 0, UNIX.day(), &CALLER.fingerprint(), UNIX);
    let opened: Prekeys = opened.expect("a bundle of today can be opened");
    opened.peer().device
});
/// Offers of the known caller, then of a stranger.
static POOL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let stranger = Identity::generate(&Seed::from_u64(16));
    let offers = |by: &Identity, known| -> Vec<Vec<u8>> {
        let callee = Callee { mailbox: CALLEE.mailbox(), prekeys: &PREKEYS, known };
        let offer = |n: usize| forge::offer(by, &callee, b"any", &Seed::from_u64(n as u64), UNIX);
        (0..OFFERS).map(|n| offer(n).expect("three bytes fit")).collect()
    };
    [offers(&CALLER, true), offers(&stranger, false)].concat()
});

/// A script for a gatekeeper.
///
/// 0: an offer comes. 1: one that was changed comes. 2: seconds pass. 3: hours pass. 4: it is saved and started anew.
/// 5: the known caller is known, or (bit 3) not any more. 6: any bytes come. 7: any bytes are what it remembered.
pub fn gatekeeper(script: &[u8]) {
    play(script);
}

fn play(script: &[u8]) -> Door {
    let mut door = Door::new();
    for (step, bytes) in steps(script) {
        let pick = usize::from(step >> 3) % POOL.len();
        match step & 7 {
            0 => door.ring(pick),
            1 => door.ring_changed(pick, bytes),
            2 => door.pass(Duration::from_secs(number(bytes) >> 58)),
            3 => door.pass(Duration::from_secs((number(bytes) >> 58) * 3_600)),
            4 => door.restart(),
            5 => {
                door.keeper.set_contacts(&CALLEE, (step & 8 == 0).then_some(*KNOWN));
                door.knows = step & 8 == 0;
            }
            6 => assert!(door.keeper.admit(bytes, door.now, door.date()).is_err(), "nobody has sealed it"),
            _ => {
                let before = door.keeper.remembered();
                if door.keeper.recall(bytes).is_ok() {
                    assert!(door.keeper.remembered().len() <= bytes.len());
                    assert!(door.keeper.recall(&before).is_ok());
                }
                assert_eq!(door.keeper.remembered(), before);
            }
        }
        let kept = door.keeper.remembered().len();
        assert!(kept.is_multiple_of(ENTRY) && kept / ENTRY <= MAX_REMEMBERED.min(POOL.len()));
    }
    door
}

struct Door {
    keeper: Gatekeeper,
    knows: bool,
    now: Instant,
    started: Instant,
    /// When it was made, or made anew: a new one has all its tokens.
    since: Instant,
    strangers: u64,
    at: Vec<(usize, Instant)>,
}

impl Door {
    fn new() -> Self {
        let now = Instant::from_millis(1);
        let keeper = Gatekeeper::new(&CALLEE);
        Self { keeper, knows: false, now, started: now, since: now, strangers: 0, at: Vec::new() }
    }

    fn date(&self) -> UnixTime {
        UNIX + self.now.saturating_since(self.started)
    }

    fn pass(&mut self, by: Duration) {
        self.now += by;
    }

    fn ring(&mut self, pick: usize) {
        let offer = &POOL[pick];
        let date = self.date();
        let came = self.at.iter().rev().find(|(other, _)| *other == pick).map(|(_, at)| *at);
        // It is remembered for longer than any prekey is accepted.
        let fresh = came.is_none_or(|at| self.now.saturating_since(at) > PREKEY_PERIOD);
        match self.keeper.admit(offer, self.now, date) {
            Ok(admitted) => {
                assert!(fresh, "an offer is admitted once");
                let is_near = date.day().abs_diff(UNIX.day()) <= 1;
                assert_eq!(admitted.known(), self.knows && pick < OFFERS && is_near);
                self.strangers += u64::from(!admitted.known());
                self.at.push((pick, self.now));
                let most = u64::from(STRANGERS_AT_ONCE)
                    + self.now.saturating_since(self.since).as_secs() / STRANGER_EVERY.as_secs();
                assert!(self.strangers <= most, "{} strangers, and {most} may", self.strangers);
            }
            Err(why) => {
                assert!(
                    matches!(why, GateRefused::Replayed | GateRefused::Crowded | GateRefused::TooOften),
                    "{why}"
                );
                assert!(
                    why != GateRefused::TooOften || self.knows && self.at.len() >= CONTACT_AT_ONCE as usize
                );
            }
        }
    }

    fn ring_changed(&mut self, pick: usize, how: &[u8]) {
        let mut offer = POOL[pick].clone();
        let at = usize::try_from(number(how) >> 48).unwrap_or_default() % offer.len();
        offer[at] ^= 1 << (how.last().copied().unwrap_or_default() & 7);
        let before = self.keeper.remembered();
        let refused = self.keeper.admit(&offer, self.now, self.date()).err();
        assert_eq!(refused, Some(GateRefused::Forged), "every bit is under the gate's seal");
        assert_eq!(self.keeper.remembered(), before);
    }

    fn restart(&mut self) {
        let kept = self.keeper.remembered();
        self.keeper = Gatekeeper::new(&CALLEE);
        assert!(self.keeper.recall(&kept).is_ok(), "what it remembered is taken back");
        assert_eq!(self.keeper.remembered(), kept);
        (self.knows, self.since, self.strangers) = (false, self.now, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    #[test]
    fn a_crowd_of_strangers_does_not_keep_the_friend_out() {
        let seeds = seeds::of("crypto-gatekeeper");
        let (_, script) = seeds.iter().find(|(name, _)| name == "valid-friend-in-a-crowd").unwrap();
        let door = play(script);
        let friends = door.at.iter().filter(|(pick, _)| *pick < OFFERS).count();
        // The ninth stranger comes when time has passed.
        assert_eq!((friends, door.at.len() - friends), (8, 9));
    }
}
