//! Whether the peer still wants our packets (RFC 7675): a check now and then, and the end when none is answered.
//!
//! # Timers
//! - The next check: every 5 s, each time up to 20 % sooner or later, never repeated.
//! - The end: 30 s after the last answer.

use core::time::Duration;

use p2pvoip_core::{Instant, Rng};

use crate::pair::PairId;
use crate::stun::TransactionId;

/// How many checks can be open: as many as fit into the life of consent, the shortest interval being 4 s.
const OPEN: usize = 8;

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// Send a check with a new id.
    Check,
    /// Consent is lost.
    Lost,
}

/// Stage: the consent of the peer to one pair.
#[derive(Clone)]
pub(crate) struct Consent {
    pair: PairId,
    every: Duration,
    lasts: Duration,
    next: Instant,
    ends: Instant,
    open: [Option<(TransactionId, Instant)>; OPEN],
    sent: usize,
}

impl Consent {
    /// Consent to `pair`, given at `proven`.
    pub(crate) fn start(
        pair: PairId,
        every: Duration,
        lasts: Duration,
        proven: Instant,
        rng: &mut Rng,
        now: Instant,
    ) -> Self {
        let next = now + jittered(every, rng);
        Self { pair, every, lasts, next, ends: proven + lasts, open: [None; OPEN], sent: 0 }
    }

    /// The pair it is about.
    pub(crate) const fn pair(&self) -> PairId {
        self.pair
    }

    /// When [`Consent::due`] has something to say.
    pub(crate) fn next_at(&self) -> Instant {
        self.next.min(self.ends)
    }

    /// What is due now.
    pub(crate) fn due(&self, now: Instant) -> Option<Due> {
        if self.ends <= now {
            Some(Due::Lost)
        } else if self.next <= now {
            Some(Due::Check)
        } else {
            None
        }
    }

    /// A check with this id was sent; the oldest open one makes room.
    pub(crate) fn on_check(&mut self, id: TransactionId, rng: &mut Rng, now: Instant) {
        if let Some(place) = self.open.get_mut(self.sent % OPEN) {
            *place = Some((id, now));
        }
        self.sent += 1;
        self.next = now + jittered(self.every, rng);
    }

    /// When the open check with this id was sent.
    pub(crate) fn asked(&self, id: TransactionId) -> Option<Instant> {
        self.open.iter().flatten().find(|(open, _)| *open == id).map(|(_, sent)| *sent)
    }

    /// The check with this id was refused: it is over, and consent is not renewed.
    pub(crate) fn close(&mut self, id: TransactionId) {
        for place in &mut self.open {
            *place = place.filter(|(open, _)| *open != id);
        }
    }

    /// The peer answered a check on this pair: earlier ones need no answer any more.
    pub(crate) fn renew(&mut self, now: Instant) {
        self.ends = now + self.lasts;
        self.open = [None; OPEN];
    }
}

/// The interval, up to 20 % sooner or later (RFC 7675 section 5.1).
fn jittered(every: Duration, rng: &mut Rng) -> Duration {
    every.mul_f64(0.8 + 0.4 * rng.unit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_core::Seed;

    fn started() -> (Consent, Rng) {
        let mut rng = Seed::from_u64(3).rng();
        let now = Instant::from_millis(0);
        let (every, lasts) = (Duration::from_secs(5), Duration::from_secs(30));
        (Consent::start(PairId(0), every, lasts, now, &mut rng, now), rng)
    }

    #[test]
    fn asks_every_four_to_six_seconds_and_is_lost_after_thirty() {
        let (mut consent, mut rng) = started();
        let mut last = Instant::from_millis(0);
        let mut checks = 0;
        loop {
            let now = consent.next_at();
            match consent.due(now) {
                Some(Due::Check) => {
                    let gap = now.saturating_since(last);
                    assert!(gap >= Duration::from_secs(4) && gap <= Duration::from_secs(6), "{gap:?}");
                    last = now;
                    checks += 1;
                    consent.on_check([checks; 12], &mut rng, now);
                }
                Some(Due::Lost) => break assert_eq!(now, Instant::from_millis(30_000)),
                None => panic!("nothing was due at its moment"),
            }
        }
        assert!((5..=7).contains(&checks));
        assert_eq!(consent.asked([1; 12]), Some(consent.asked([1; 12]).unwrap()));
    }

    #[test]
    fn an_answer_gives_thirty_seconds_more_and_closes_all_checks() {
        let (mut consent, mut rng) = started();
        let now = Instant::from_millis(20_000);
        consent.on_check([1; 12], &mut rng, now);
        assert_eq!(consent.asked([1; 12]), Some(now));
        consent.renew(now);
        assert_eq!(consent.asked([1; 12]), None);
        assert_eq!(consent.due(Instant::from_millis(50_000)), Some(Due::Lost));
        assert_ne!(consent.due(Instant::from_millis(49_999)), Some(Due::Lost));
    }

    #[test]
    fn remembers_no_more_than_eight_checks() {
        let (mut consent, mut rng) = started();
        for id in 0..9 {
            consent.on_check([id; 12], &mut rng, Instant::from_millis(0));
        }
        assert_eq!(consent.asked([0; 12]), None);
        assert!(consent.asked([1; 12]).is_some() && consent.asked([8; 12]).is_some());
    }
}
