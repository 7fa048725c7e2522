//! Epochs and re-keys through a network that reorders, repeats, loses and forges: no replay is accepted, no forgery changes
//! anything, no packet is lost by a step.
//!
//! Each case is one of these at random, from its number alone. `P2PVOIP_CASES=1000000 cargo test --release -p p2pvoip-crypto --test
//! epochs` runs a million.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]

use std::time::Duration;

use p2pvoip_core::{Instant, Rng, Seed, Wake};
use p2pvoip_crypto::{
    Aead, Counters, DirectionSecret, EPOCH_LIFE, HEADER_LEN, MixSecret, OVERHEAD, Opener, Refused, Sealer,
};

/// Cases of one quick run.
const CASES: u64 = 5_000;
const PLAIN: usize = 20;
const LEN: usize = PLAIN + OVERHEAD;
/// The delay of the network: without jitter, and by jitter at most.
const DELAY: Duration = Duration::from_millis(20);
const JITTER_MILLIS: u64 = 200;

#[derive(Clone, Copy)]
struct Packet {
    bytes: [u8; LEN],
    number: u64,
    epoch: u32,
}

impl Packet {
    fn plain(number: u64) -> [u8; PLAIN] {
        let mut plain = [0xa5; PLAIN];
        plain[..8].copy_from_slice(&number.to_be_bytes());
        plain
    }
}

/// All that can be seen of an opener but what it counted as refused.
type Seen = (Option<u64>, u32, bool, Option<Wake>, u64);

fn seen(opener: &Opener) -> Seen {
    (opener.largest(), opener.epoch(), opener.awaits_mix(), opener.next_at(), opener.counters().accepted)
}

struct Case {
    rng: Rng,
    sealer: Sealer,
    opener: Opener,
    /// Is given each packet once, and nothing else.
    twin: Opener,
    now: Instant,
    loss: f64,
    /// What the receiver has and the sender not yet.
    held: Option<MixSecret>,
    /// The sender's epoch when it was given the last secret.
    mixing: Option<u32>,
    /// When each packet comes out of the network.
    under_way: Vec<(Instant, Packet)>,
    delivered: Vec<Packet>,
    mixed: u32,
}

impl Case {
    fn new(number: u64) -> Self {
        let mut rng = Seed::from_u64(number).rng();
        let aead = Aead::ALL[usize::from(rng.chance(0.2))];
        let secret = DirectionSecret::new(rng.array());
        let loss = [0.0, 0.1, 0.4][usize::try_from(rng.below(3)).unwrap()];
        Self {
            sealer: Sealer::new(aead, &secret),
            opener: Opener::new(aead, &secret),
            twin: Opener::new(aead, &secret),
            now: Instant::from_millis(rng.below(1 << 40)),
            loss,
            held: None,
            mixing: None,
            under_way: Vec::with_capacity(16),
            delivered: Vec::with_capacity(48),
            mixed: 0,
            rng,
        }
    }

    /// Gives the number of steps and of mixed ones.
    fn run(mut self) -> (u32, u32) {
        // A case is about few packets of a long call or many of a short piece of one.
        let gap_millis = [20, 120, 1_000, 8_000, 30_000][usize::try_from(self.rng.below(5)).unwrap()];
        for _ in 0..10 + self.rng.below(30) {
            let next = self.now + Duration::from_millis(1 + self.rng.below(gap_millis));
            self.deliver_until(next);
            self.now = next;
            self.rekey();
            self.send();
        }
        self.deliver_until(self.now + DELAY + Duration::from_millis(JITTER_MILLIS));
        for packet in core::mem::take(&mut self.delivered) {
            for opener in [&mut self.opener, &mut self.twin] {
                assert!(opener.open(&mut { packet.bytes }).is_err(), "each packet once");
            }
        }
        assert_eq!(seen(&self.opener), seen(&self.twin));
        (self.sealer.epoch(), self.mixed)
    }

    /// The receiver always has a secret before the sender, which may step by time in between.
    fn rekey(&mut self) {
        if self.mixing.is_some_and(|before| self.sealer.epoch() > before) && !self.opener.awaits_mix() {
            self.mixing = None;
        }
        if self.mixing.is_none() && self.held.is_none() && self.rng.chance(0.3) {
            let secret = MixSecret::new(self.rng.array());
            self.opener.mix(secret.clone());
            self.twin.mix(secret.clone());
            self.held = Some(secret);
        }
        if self.rng.chance(0.3)
            && let Some(secret) = self.held.take()
        {
            self.sealer.mix(secret);
            self.mixing = Some(self.sealer.epoch());
            self.mixed += 1;
        }
    }

    fn send(&mut self) {
        self.sealer.on_time(self.now);
        let number = self.sealer.next_number();
        let mut bytes = [0; LEN];
        bytes[HEADER_LEN..][..PLAIN].copy_from_slice(&Packet::plain(number));
        let sealed = self.sealer.seal(3, &mut bytes, PLAIN).unwrap();
        assert_eq!((sealed.number, sealed.len), (number, LEN));
        if !self.rng.chance(self.loss) {
            let at = self.now + DELAY + Duration::from_millis(self.rng.below(JITTER_MILLIS + 1));
            self.under_way.push((at, Packet { bytes, number, epoch: self.sealer.epoch() }));
            self.under_way.sort_by_key(|(at, _)| *at);
        }
    }

    fn deliver_until(&mut self, until: Instant) {
        while self.under_way.first().is_some_and(|(at, _)| *at <= until) {
            let (at, packet) = self.under_way.remove(0);
            for opener in [&mut self.opener, &mut self.twin] {
                opener.on_time(at);
            }
            self.attack(&packet);
            self.deliver(packet);
        }
    }

    fn deliver(&mut self, packet: Packet) {
        // Packets of more than three epochs were lost without one between: no call lives that long.
        let ahead = packet.epoch.saturating_sub(self.twin.epoch());
        let expected = if ahead > 3 { Err(Refused::Forged) } else { Ok((packet.number, 3)) };
        for opener in [&mut self.opener, &mut self.twin] {
            let mut bytes = packet.bytes;
            let opened = opener.open(&mut bytes).map(|opened| {
                assert_eq!(opened.payload, Packet::plain(opened.number));
                (opened.number, opened.stream)
            });
            assert_eq!(opened, expected, "epoch {} seen in {}", packet.epoch, opener.epoch());
        }
        assert_eq!(seen(&self.opener), seen(&self.twin), "what was forged before has changed nothing");
        if expected.is_ok() {
            self.delivered.push(packet);
        }
    }

    /// Somebody on the path does what he can, just before a packet comes.
    fn attack(&mut self, packet: &Packet) {
        let before = seen(&self.opener);
        match self.rng.below(8) {
            0 | 1 => {
                let mut bytes = packet.bytes;
                let bit = usize::try_from(self.rng.below(8 * LEN as u64)).unwrap();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(self.opener.open(&mut bytes).is_err());
            }
            2 => {
                let mut bytes: [u8; LEN] = self.rng.array();
                bytes[0] |= 0xc0;
                assert_eq!(self.opener.open(&mut bytes), Err(Refused::Forged));
            }
            3 => {
                // Every epoch and stream that a header can claim.
                let mut bytes = packet.bytes;
                bytes[0] ^= 1 + u8::try_from(self.rng.below(63)).unwrap();
                assert_eq!(self.opener.open(&mut bytes), Err(Refused::Forged));
            }
            4 | 5 if !self.delivered.is_empty() => {
                let which = usize::try_from(self.rng.below(self.delivered.len() as u64)).unwrap();
                let old = self.delivered[which];
                let refused = self.opener.open(&mut { old.bytes }).map(|_| ()).unwrap_err();
                assert!(matches!(refused, Refused::Replayed | Refused::Forged), "{refused:?}");
            }
            _ => {}
        }
        assert_eq!(seen(&self.opener), before);
    }
}

fn cases() -> u64 {
    std::env::var("P2PVOIP_CASES").ok().map_or(CASES, |cases| cases.parse().unwrap())
}

#[test]
fn whatever_the_network_does_each_packet_is_opened_once_and_nothing_else_is() {
    let cases = cases();
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let run = |first: u64| {
        let told =
            (first..cases).step_by(usize::try_from(threads).unwrap()).map(|case| Case::new(case).run());
        told.fold((0, 0), |(steps, mixed), (s, m)| (steps + u64::from(s), mixed + u64::from(m)))
    };
    let (steps, mixed) = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|first| scope.spawn(move || run(first))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    });
    println!("{cases} cases, {steps} steps, {mixed} re-keys");
    assert!(steps > 2 * cases && mixed > cases / 2, "{steps} steps, {mixed} re-keys");
}

#[test]
fn nothing_is_lost_in_ten_minutes_of_voice_with_a_rekey_in_each_two() {
    let secret = DirectionSecret::new([1; 32]);
    let (mut sealer, mut opener) =
        (Sealer::new(Aead::Aes256Gcm, &secret), Opener::new(Aead::Aes256Gcm, &secret));
    let (mut rng, start) = (Seed::from_u64(8).rng(), Instant::from_millis(5));
    let mut under_way = std::collections::BTreeMap::new();
    let mut received = 0;
    for slot in 0..10 * 60 * 50_u64 {
        let now = start + Duration::from_millis(20 * slot);
        if slot % (120 * 50) == 119 * 50 {
            let mix = MixSecret::new(rng.array());
            opener.mix(mix.clone());
            sealer.mix(mix);
        }
        sealer.on_time(now);
        let mut bytes = [0; LEN];
        let _ = sealer.seal(0, &mut bytes, PLAIN).unwrap();
        if !rng.chance(0.1) {
            let at = now + DELAY + Duration::from_millis(rng.below(JITTER_MILLIS + 1));
            under_way.insert((at, slot), bytes);
            received += 1;
        }
        while let Some(entry) = under_way.first_entry().filter(|entry| entry.key().0 <= now) {
            opener.on_time(entry.key().0);
            assert!(opener.open(&mut entry.remove()).is_ok());
        }
    }
    for (_, mut bytes) in under_way {
        assert!(opener.open(&mut bytes).is_ok());
    }
    assert_eq!(*opener.counters(), Counters { accepted: received, ..Counters::default() });
    assert!(u64::from(opener.epoch()) >= 600 / EPOCH_LIFE.as_secs() - 1);
}
