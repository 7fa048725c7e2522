//! Re-keys between two sides over a link that loses, delays and reorders.

use super::*;
use crate::engine::call::asides::Asides;
use p2pvoip_core::Rng;

const START: Instant = Instant::from_millis(1_000);

fn sides() -> [Asides; 2] {
    [true, false].map(|is_initiator| {
        let secret = RekeySecret::new([7; 32]);
        Asides::new(Rekey::new(is_initiator, secret, Seed::from_u64(u64::from(is_initiator)), START))
    })
}

/// A link on which both sides send a slot in every packet time.
struct Link {
    sides: [Asides; 2],
    rng: Rng,
    ptime: Duration,
    loss: f64,
    jitter: u64,
    now: Instant,
    /// When, to whom, what.
    under_way: Vec<(Instant, usize, Control)>,
    asides: [u32; 2],
    slots: u32,
    outcomes: Vec<(usize, Outcome)>,
}

impl Link {
    fn new(seed: u64, ptime: u64) -> Self {
        let rng = Seed::from_u64(seed).rng();
        let (loss, jitter, ptime) = (0.1, 200, Duration::from_millis(ptime));
        let under_way = Vec::new();
        Self {
            sides: sides(),
            rng,
            ptime,
            loss,
            jitter,
            now: START,
            under_way,
            asides: [0; 2],
            slots: 0,
            outcomes: vec![],
        }
    }

    fn tick(&mut self) {
        self.now += self.ptime;
        self.slots += 1;
        for from in 0..2 {
            let Some(control) = self.sides[from].beside_voice(self.ptime, self.now) else { continue };
            self.asides[from] += 1;
            if !self.rng.chance(self.loss) {
                let delay = Duration::from_millis(20 + self.rng.below(self.jitter + 1));
                self.under_way.push((self.now + delay, 1 - from, control));
            }
        }
        self.under_way.sort_by_key(|(at, ..)| *at);
        while self.under_way.first().is_some_and(|(at, ..)| *at <= self.now) {
            let (at, to, control) = self.under_way.remove(0);
            self.deliver(at, to, control);
        }
    }

    fn deliver(&mut self, at: Instant, to: usize, control: Control) {
        let rekey = &mut self.sides[to].rekey;
        match control {
            Control::Arrived { odd, bits } => rekey.on_arrived(odd, bits),
            Control::Fragment(fragment) => match rekey.on_fragment(&fragment, at).unwrap() {
                Outcome::Nothing => {}
                outcome @ (Outcome::Both(_) | Outcome::Opener(_)) => self.outcomes.push((to, outcome)),
            },
            Control::Ack { .. } | Control::HangUp { .. } => unreachable!("nobody hangs up"),
        }
    }

    /// Runs until the initiator has a secret, at most until a moment; tells how long after the start that was.
    fn run(&mut self, until: Instant) -> Option<Duration> {
        while self.now < until {
            self.tick();
            if self.outcomes.last().is_some_and(|(to, _)| *to == 0) {
                return Some(self.now.saturating_since(START));
            }
        }
        None
    }

    /// The secrets of the initiator and the responder, once both have them.
    fn secrets(&mut self) -> (MixSecret, MixSecret) {
        let outcomes: Vec<_> = self.outcomes.drain(..).collect();
        let [(1, Outcome::Opener(theirs)), (0, Outcome::Both(ours))] = outcomes.as_slice() else {
            panic!("{outcomes:?}")
        };
        (ours.clone(), theirs.clone())
    }
}

#[test]
fn a_rekey_is_done_within_30_seconds_at_10_percent_of_loss_and_200_ms_of_jitter_at_every_packet_time() {
    for (ptime, most) in [(20, 8), (40, 15), (60, 20), (80, 24), (100, 28), (120, 31)] {
        let worst = (0..40).map(|seed| {
            let mut link = Link::new(seed, ptime);
            let took = link.run(START + 2 * REKEY_EVERY).unwrap().saturating_sub(REKEY_EVERY);
            let (ours, theirs) = link.secrets();
            assert!(ours == theirs, "both have the same secret");
            took
        });
        let worst = worst.max().unwrap();
        println!("{worst:?} at most with packets of {ptime} ms");
        assert!(worst < Duration::from_secs(most), "{worst:?} at {ptime} ms");
    }
}

#[test]
fn who_stole_both_states_before_fresh_chance_came_has_another_secret_and_the_two_the_same() {
    let secret = |stirred: [bool; 2]| {
        let mut link = Link::new(3, 20);
        for (side, _) in link.sides.iter_mut().zip(stirred).filter(|(_, stirred)| *stirred) {
            side.rekey.stir(&[9; 32]);
        }
        assert!(link.run(START + 2 * REKEY_EVERY).is_some());
        let (ours, theirs) = link.secrets();
        assert!(ours == theirs, "{stirred:?}");
        ours
    };
    let stolen = secret([false, false]);
    for stirred in [[true, false], [false, true], [true, true]] {
        assert!(secret(stirred) != stolen, "{stirred:?}");
    }
}

#[test]
fn feedback_keeps_every_second_slot() {
    let mut link = Link::new(1, 20);
    let _ = link.run(START + REKEY_EVERY);
    link.slots = 0;
    assert!(link.run(START + 2 * REKEY_EVERY).is_some());
    assert!(
        link.asides.iter().all(|asides| *asides <= link.slots.div_ceil(2)),
        "{:?} of {}",
        link.asides,
        link.slots
    );
}

#[test]
fn nothing_is_said_between_two_rekeys() {
    let mut link = Link::new(2, 20);
    assert_eq!(link.run(START + REKEY_EVERY - link.ptime), None);
    assert_eq!(link.asides, [0; 2]);
    assert!(link.run(START + 2 * REKEY_EVERY).is_some());
    let secret = link.secrets().1;
    assert!(link.sides[1].rekey.on_followed() == Some(secret));
    assert_eq!(link.sides[1].rekey.on_followed(), None);
    let said = link.asides;
    while link.now < START + 2 * REKEY_EVERY - link.ptime {
        link.tick();
    }
    assert_eq!(link.asides, said);
}

#[test]
fn what_is_not_done_by_the_next_offer_is_given_up_and_the_next_one_is_done() {
    let mut link = Link::new(3, 20);
    assert_eq!(link.run(START + REKEY_EVERY + Duration::from_secs(2)), None);
    // The offer is half told when nothing passes any more.
    link.loss = 1.0;
    assert_eq!(link.run(START + 2 * REKEY_EVERY - Duration::from_secs(1)), None);
    link.loss = 0.1;
    let took = link.run(START + 3 * REKEY_EVERY).unwrap();
    assert!(took < 2 * REKEY_EVERY + Duration::from_secs(10), "{took:?}");
    let (ours, theirs) = link.secrets();
    assert!(ours == theirs);
}

#[test]
fn an_exchange_of_which_nothing_came_does_not_hide_the_one_after_it() {
    let mut link = Link::new(4, 20);
    assert!(link.run(START + 2 * REKEY_EVERY).is_some());
    let (first, _) = link.secrets();
    link.loss = 1.0;
    assert_eq!(link.run(START + 3 * REKEY_EVERY), None);
    link.loss = 0.0;
    assert!(link.run(START + 4 * REKEY_EVERY).is_some());
    let (ours, theirs) = link.secrets();
    assert!(ours == theirs && ours != first);
}

#[test]
fn a_peer_that_offers_all_the_time_is_answered_once_in_60_seconds() {
    let [mut hostile, mut side] = sides().map(|side| side.rekey);
    let mut answers = 0;
    let mut now = START;
    let mut odd = false;
    while now < START + Duration::from_secs(600) {
        now += Duration::from_secs(1);
        odd = !odd;
        let mut bytes = [9; REKEY_OFFER_LEN];
        bytes[..8].copy_from_slice(&now.as_micros().to_be_bytes());
        bytes[32..].fill(0);
        let mut offer = Outgoing::new(&bytes, odd);
        while let Some(fragment) = offer.next(now) {
            answers += u32::from(side.on_fragment(&fragment, now).unwrap() != Outcome::Nothing);
        }
    }
    assert!((1..=10).contains(&answers), "{answers} answers");
    // And one that answers what was not offered is not heard.
    let answer = Fragment::new(true, 0, &[1; 17]).unwrap();
    assert_eq!(hostile.on_fragment(&answer, START), Ok(Outcome::Nothing));
}

#[test]
fn fragments_that_fit_nowhere_are_refused() {
    let [_, mut side] = sides().map(|side| side.rekey);
    let short = Fragment::new(true, 3, &[1; 5]).unwrap();
    assert!(side.on_fragment(&short, START).is_err());
}
