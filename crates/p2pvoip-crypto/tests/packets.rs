//! Packets through a network that reorders, repeats, loses and forges: each is opened once, and nothing else changes anything.
#![expect(clippy::unwrap_used, reason = "a test panics when it fails")]
#![expect(clippy::cast_possible_truncation, reason = "there are fewer than 256 packets")]

use p2pvoip_crypto::{Aead, Counters, DirectionSecret, HEADER_LEN, OVERHEAD, Opener, Refused, Sealer};
use proptest::prelude::*;

fn pair(aead: Aead) -> (Sealer, Opener) {
    let secret = DirectionSecret::new([7; 32]);
    (Sealer::new(aead, &secret), Opener::new(aead, &secret))
}

fn seal(sealer: &mut Sealer, stream: u8, plaintext: &[u8]) -> Vec<u8> {
    let mut buf = vec![0; plaintext.len() + OVERHEAD];
    buf[HEADER_LEN..][..plaintext.len()].copy_from_slice(plaintext);
    let sealed = sealer.seal(stream, &mut buf, plaintext.len()).unwrap();
    assert_eq!(sealed.len, buf.len());
    buf
}

/// Seals packets that never arrive.
fn lose(sealer: &mut Sealer, count: u64) {
    let mut buf = [0; OVERHEAD + 2];
    for _ in 0..count {
        let _ = sealer.seal(0, &mut buf, 2).unwrap();
    }
}

/// Gives a copy of a packet to an opener: its stream, number and payload.
fn open(opener: &mut Opener, packet: &[u8]) -> Result<(u8, u64, Vec<u8>), Refused> {
    let mut copy = packet.to_vec();
    opener.open(&mut copy).map(|opened| (opened.stream, opened.number, opened.payload.to_vec()))
}

fn aead() -> impl Strategy<Value = Aead> {
    prop_oneof![Just(Aead::Aes256Gcm), Just(Aead::ChaCha20Poly1305)]
}

/// What the network does with one of the packets.
#[derive(Clone, Debug)]
enum Fate {
    Arrives,
    IsLost,
    Twice,
    /// A bit is flipped on the way, and the packet itself comes later.
    Flipped(usize),
    /// Somebody sends any bytes.
    Noise(Vec<u8>),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Arrives),
        1 => Just(Fate::IsLost),
        1 => Just(Fate::Twice),
        2 => any::<usize>().prop_map(Fate::Flipped),
        1 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Fate::Noise),
    ]
}

proptest! {
    #[test]
    fn what_is_sealed_is_opened(aead in aead(), stream in 0u8..16, plaintext in proptest::collection::vec(any::<u8>(), 2..1_400)) {
        let (mut sealer, mut opener) = pair(aead);
        let packet = seal(&mut sealer, stream, &plaintext);
        prop_assert_eq!(packet.len(), plaintext.len() + 19);
        prop_assert!(packet[0] >= 192);
        prop_assert_eq!(open(&mut opener, &packet), Ok((stream, 0, plaintext)));
    }

    #[test]
    fn each_packet_is_opened_once_whatever_the_network_does(
        aead in aead(),
        fates in proptest::collection::vec((fate(), any::<u32>()), 1..120),
    ) {
        let (mut sealer, mut opener) = pair(aead);
        let mut twin = pair(aead).1;
        let packets: Vec<_> =
            fates.iter().enumerate().map(|(i, _)| seal(&mut sealer, (i % 16) as u8, &[i as u8; 20])).collect();
        let mut order: Vec<usize> = (0..fates.len()).collect();
        order.sort_by_key(|i| fates[*i].1);
        let mut honest = 0;
        for i in order {
            let (packet, expected) = (&packets[i], Ok(((i % 16) as u8, i as u64, vec![i as u8; 20])));
            match &fates[i].0 {
                Fate::IsLost => continue,
                Fate::Arrives | Fate::Twice => {}
                Fate::Flipped(bit) => {
                    let mut wrong = packet.clone();
                    let bit = bit % (wrong.len() * 8);
                    wrong[bit / 8] ^= 1 << (bit % 8);
                    prop_assert!(matches!(open(&mut opener, &wrong), Err(Refused::Forged | Refused::Malformed)));
                }
                Fate::Noise(bytes) => prop_assert!(open(&mut opener, bytes).is_err()),
            }
            prop_assert_eq!(open(&mut opener, packet), expected.clone());
            prop_assert_eq!(open(&mut twin, packet), expected, "the twin which saw no forgery agrees");
            if matches!(fates[i].0, Fate::Twice) {
                prop_assert_eq!(open(&mut opener, packet), Err(Refused::Replayed));
            }
            prop_assert_eq!(opener.largest(), twin.largest());
            honest += 1;
        }
        let Counters { accepted, too_old, .. } = *opener.counters();
        prop_assert_eq!((accepted, too_old), (honest, 0));
        prop_assert_eq!(*twin.counters(), Counters { accepted: honest, ..Counters::default() });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn numbers_are_recovered_over_32768_lost_packets(gaps in proptest::collection::vec(0u64..=32_768, 1..6)) {
        let (mut sealer, mut opener) = pair(Aead::Aes256Gcm);
        for lost in gaps {
            lose(&mut sealer, lost);
            let number = sealer.next_number();
            let packet = seal(&mut sealer, 1, b"arrives");
            prop_assert_eq!(open(&mut opener, &packet), Ok((1, number, b"arrives".to_vec())));
        }
    }
}

#[test]
fn one_lost_packet_more_than_that_makes_all_others_forged_and_changes_nothing() {
    let (mut sealer, mut opener) = pair(Aead::Aes256Gcm);
    // From here on there are numbers below that a wrong guess can name.
    lose(&mut sealer, 32_768);
    let largest = sealer.next_number();
    assert!(open(&mut opener, &seal(&mut sealer, 0, b"first")).is_ok());
    let second = seal(&mut sealer, 0, b"second");
    lose(&mut sealer, 32_768);
    assert_eq!(open(&mut opener, &seal(&mut sealer, 0, b"too far")), Err(Refused::Forged));
    assert_eq!(opener.largest(), Some(largest));
    assert_eq!(open(&mut opener, &second), Ok((0, largest + 1, b"second".to_vec())));
}

#[test]
fn a_packet_is_too_old_1024_behind_and_not_before() {
    let (mut sealer, mut opener) = pair(Aead::ChaCha20Poly1305);
    let packets: Vec<_> = (0..=1_024).map(|_| seal(&mut sealer, 0, b"voice")).collect();
    assert!(open(&mut opener, &packets[1_024]).is_ok());
    assert_eq!(open(&mut opener, &packets[0]), Err(Refused::TooOld));
    assert!(open(&mut opener, &packets[1]).is_ok());
    assert_eq!(open(&mut opener, &packets[1]), Err(Refused::Replayed));
    let expected = Counters { accepted: 2, replayed: 1, too_old: 1, ..Counters::default() };
    assert_eq!(*opener.counters(), expected);
}

#[test]
fn every_flipped_bit_is_refused() {
    for aead in Aead::ALL {
        let (mut sealer, mut opener) = pair(aead);
        let packet = seal(&mut sealer, 5, &[3; 40]);
        for bit in 0..packet.len() * 8 {
            let mut wrong = packet.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&mut opener, &wrong).is_err(), "bit {bit}");
        }
        assert!(open(&mut opener, &packet).is_ok());
    }
}

#[test]
fn other_protocols_on_the_port_are_left_as_they_are() {
    let mut opener = pair(Aead::Aes256Gcm).1;
    for first in 0..192 {
        let mut packet = [first; 100];
        assert_eq!(opener.open(&mut packet), Err(Refused::Malformed));
        assert_eq!(packet, [first; 100]);
    }
    for len in (0..21).chain([2_049]) {
        assert_eq!(opener.open(&mut vec![0xff; len]), Err(Refused::Malformed), "{len} bytes");
    }
    assert_eq!(opener.counters().malformed, 192 + 22);
}

#[test]
fn a_packet_of_another_session_or_algorithm_is_forged() {
    let packet = seal(&mut pair(Aead::Aes256Gcm).0, 0, b"voice");
    let other = DirectionSecret::new([8; 32]);
    assert_eq!(open(&mut Opener::new(Aead::Aes256Gcm, &other), &packet), Err(Refused::Forged));
    assert_eq!(open(&mut pair(Aead::ChaCha20Poly1305).1, &packet), Err(Refused::Forged));
}
