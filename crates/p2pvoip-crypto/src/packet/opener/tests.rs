//! What an opener follows, what it keeps, and what it forgets.

use super::*;
use crate::packet::{EPOCH_LIFE, Sealer};
use core::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

struct Pair {
    sealer: Sealer,
    opener: Opener,
    now: Instant,
}

fn pair(aead: Aead) -> Pair {
    let secret = DirectionSecret::new([1; 32]);
    let mut pair = Pair {
        sealer: Sealer::new(aead, &secret),
        opener: Opener::new(aead, &secret),
        now: Instant::from_millis(7),
    };
    pair.pass(Duration::ZERO);
    pair
}

impl Pair {
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.sealer.on_time(self.now);
        self.opener.on_time(self.now);
    }

    /// Passes time until the sender has stepped, and no longer.
    fn step(&mut self, mix: Option<u8>) {
        if let Some(byte) = mix {
            self.sealer.mix(MixSecret::new([byte; 32]));
        }
        let before = self.sealer.epoch();
        while self.sealer.epoch() == before {
            self.pass(SECOND);
        }
    }

    fn packet(&mut self) -> Vec<u8> {
        let mut packet = vec![0; 40];
        let _ = self.sealer.seal(0, &mut packet, 21).unwrap();
        packet
    }

    fn open(&mut self, packet: &[u8]) -> Result<u64, Refused> {
        self.opener.open(&mut packet.to_vec()).map(|opened| {
            assert_eq!(opened.payload, [0; 21]);
            opened.number
        })
    }

    /// A packet goes through, and both are in the same epoch.
    fn talks(&mut self) {
        let packet = self.packet();
        assert!(self.open(&packet).is_ok());
        assert_eq!(self.opener.epoch(), self.sealer.epoch());
    }
}

#[test]
fn a_worn_key_opens_nothing_more_and_leaves_the_packet() {
    for aead in Aead::ALL {
        let mut pair = pair(aead);
        pair.opener.failures = aead.forgery_limit() - 1;
        let good = pair.packet();
        let mut packet = good.clone();
        packet[39] ^= 1;
        assert_eq!(pair.opener.open(&mut packet), Err(Refused::Forged));
        packet.clone_from(&good);
        assert_eq!(pair.opener.open(&mut packet), Err(Refused::Worn));
        assert_eq!((packet, pair.opener.counters.accepted), (good, 0));
    }
}

#[test]
fn failures_count_over_all_keys_and_epochs() {
    let mut pair = pair(Aead::Aes256Gcm);
    pair.opener.mix(MixSecret::new([9; 32]));
    for failures in [1, 3, 6, 10] {
        // The present key; one step ahead two; two steps three; three steps four.
        let mut packet = pair.packet();
        *packet.last_mut().unwrap() ^= 1;
        assert_eq!(pair.open(&packet), Err(Refused::Forged));
        assert_eq!(pair.opener.failures, failures);
        pair.step(None);
    }
    assert_eq!(pair.opener.counters().forged, 4);
}

#[test]
fn up_to_three_steps_are_followed_and_four_are_not() {
    for missed in 1..=4 {
        let mut pair = pair(Aead::ChaCha20Poly1305);
        (0..missed).for_each(|_| pair.step(None));
        let packet = pair.packet();
        assert_eq!(pair.open(&packet).is_ok(), missed <= 3, "{missed} steps");
    }
}

#[test]
fn whichever_of_the_missed_steps_was_the_mixed_one_is_found() {
    for steps in 1..=3 {
        for mixed in 0..=steps {
            let mut pair = pair(Aead::Aes256Gcm);
            pair.opener.mix(MixSecret::new([5; 32]));
            for step in 1..=steps {
                pair.step((step == mixed).then_some(5));
            }
            let late = pair.packet();
            pair.talks();
            assert_eq!(pair.opener.awaits_mix(), mixed == 0, "{mixed} of {steps}");
            assert!(pair.open(&late).is_ok());
            if mixed == 0 {
                pair.step(Some(5));
                pair.talks();
                assert!(!pair.opener.awaits_mix());
            }
            pair.step(None);
            pair.talks();
        }
    }
}

#[test]
fn a_step_with_a_secret_that_the_receiver_lacks_is_not_followed() {
    let mut pair = pair(Aead::Aes256Gcm);
    pair.opener.mix(MixSecret::new([4; 32]));
    pair.step(Some(5));
    let packet = pair.packet();
    assert_eq!(pair.open(&packet), Err(Refused::Forged));
    assert_eq!((pair.opener.epoch(), pair.opener.awaits_mix()), (0, true));
    // The right one takes the place of one that never was.
    pair.opener.mix(MixSecret::new([5; 32]));
    assert!(pair.open(&packet).is_ok());
}

#[test]
fn late_packets_of_the_epoch_before_are_opened_for_three_seconds() {
    let mut pair = pair(Aead::Aes256Gcm);
    let late: Vec<_> = (0..3).map(|_| pair.packet()).collect();
    pair.step(None);
    assert!(pair.open(&late[0]).is_ok(), "the sender has stepped, the receiver does not know");
    pair.talks();
    let end = pair.opener.next_at().unwrap().at;
    assert_eq!(end, pair.now + OLD_EPOCH_LIFE);
    pair.pass(OLD_EPOCH_LIFE.saturating_sub(Duration::from_micros(1)));
    assert!(pair.open(&late[1]).is_ok());
    pair.pass(Duration::from_micros(1));
    assert_eq!(pair.open(&late[2]), Err(Refused::Forged));
    assert_eq!(pair.opener.next_at(), None);
    pair.talks();
}

#[test]
fn a_packet_of_the_epoch_that_was_missed_between_is_opened_too() {
    let mut pair = pair(Aead::Aes256Gcm);
    pair.opener.mix(MixSecret::new([5; 32]));
    pair.step(Some(5));
    let between = pair.packet();
    pair.step(None);
    pair.talks();
    assert!(pair.open(&between).is_ok());
}

#[test]
fn a_forged_packet_of_the_next_epoch_moves_nothing() {
    let mut pair = pair(Aead::ChaCha20Poly1305);
    pair.opener.mix(MixSecret::new([5; 32]));
    let old = pair.packet();
    pair.step(Some(5));
    let good = pair.packet();
    for byte in 0..good.len() {
        let mut bad = good.clone();
        bad[byte] ^= 0x20;
        assert!(pair.open(&bad).is_err());
    }
    assert_eq!((pair.opener.epoch(), pair.opener.awaits_mix()), (0, true));
    assert!(pair.open(&old).is_ok() && pair.open(&good).is_ok());
    assert_eq!((pair.opener.epoch(), pair.opener.awaits_mix()), (1, false));
}

#[test]
fn an_hour_of_steps_is_followed() {
    let mut pair = pair(Aead::Aes256Gcm);
    for _ in 0..3_600 {
        pair.pass(SECOND);
        pair.talks();
    }
    assert_eq!(u64::from(pair.opener.epoch()), 3_600 / EPOCH_LIFE.as_secs());
}

#[test]
fn what_is_opened_ahead_of_the_last_copy_is_whole() {
    // The packet is opened by a trial on a copy: what the caller gets is the plaintext nevertheless.
    let mut pair = pair(Aead::Aes256Gcm);
    pair.opener.mix(MixSecret::new([5; 32]));
    pair.step(Some(5));
    let mut packet = vec![0xee; 100];
    let sealed = pair.sealer.seal(3, &mut packet, 81).unwrap();
    let opened = pair.opener.open(&mut packet[..sealed.len]).unwrap();
    assert_eq!(opened, Opened { stream: 3, number: sealed.number, payload: &[0xee; 81] });
}
