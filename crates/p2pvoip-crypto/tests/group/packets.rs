//! Packets of one sender through a network that reorders, repeats, loses and forges.

use std::time::Duration;

use p2pvoip_core::Instant;
use p2pvoip_crypto::Aead;
use p2pvoip_crypto::group::{
    Counters, Flow, GroupId, HEADER_LEN, Listener, MAX_PROOF_LEN, Notice, OVERHEAD, PROOF_DEADLINE, Received,
    Refused, SealError, Sender, SenderScope, SenderSecret, sender_of,
};
use proptest::prelude::*;

fn scope(aead: Aead) -> SenderScope {
    SenderScope { aead, group: GroupId::new([3; 16]), member: 4, since: 5 }
}

fn pair(aead: Aead) -> (Sender, Listener) {
    let secret = SenderSecret::new(6, [7; 32]);
    let sender = Sender::new(scope(aead), secret.clone(), &[8; 32], 0);
    let listener = Listener::new(scope(aead), sender.verifying_key(), secret, 0);
    (sender, listener)
}

fn seal(sender: &mut Sender, plaintext: &[u8], now: Instant) -> Vec<u8> {
    let mut buf = vec![0; plaintext.len() + OVERHEAD];
    buf[HEADER_LEN..][..plaintext.len()].copy_from_slice(plaintext);
    let sealed = sender.seal(&mut buf, plaintext.len(), now).unwrap();
    assert_eq!(sealed.len, buf.len());
    buf
}

/// Gives a copy of a packet to a listener; the words, or nothing for a proof.
fn open(listener: &mut Listener, packet: &[u8], now: Instant) -> Result<Option<Vec<u8>>, Refused> {
    match listener.open(&mut packet.to_vec(), now)? {
        Received::Voice(voice) => Ok(Some(voice.payload.to_vec())),
        Received::Proof => Ok(None),
    }
}

/// The packets of some seconds, one every 20 ms, with the proofs that come due, each with the moment of its sending.
fn stream(sender: &mut Sender, packets: u64) -> Vec<(Instant, Vec<u8>)> {
    let mut stream = Vec::new();
    for i in 0..packets {
        let now = Instant::from_millis(20 * i);
        let mut proof = vec![0; MAX_PROOF_LEN];
        if let Some(sealed) = sender.pull(&mut proof, now) {
            proof.truncate(sealed.len);
            stream.push((now, proof));
        }
        stream.push((now, seal(sender, format!("words {i}").as_bytes(), now)));
    }
    stream
}

#[test]
fn a_packet_has_20_bytes_more_and_a_proof_less_than_300() {
    let (mut sender, _) = pair(Aead::Aes256Gcm);
    assert_eq!(seal(&mut sender, &[1; 160], Instant::from_millis(0)).len(), 180);
    let longest = stream(&mut sender, 200).iter().map(|(_, packet)| packet.len()).max().unwrap();
    assert!((200..300).contains(&longest), "{longest}");
}

#[test]
fn what_cannot_be_sealed_spends_no_number_and_leaves_the_buffer() {
    let (mut sender, _) = pair(Aead::Aes256Gcm);
    let (mut buf, now) = ([9; 3_000], Instant::from_millis(0));
    assert_eq!(sender.seal(&mut buf, 1, now), Err(SealError::TooShort(1)));
    assert_eq!(sender.seal(&mut buf, 2_029, now), Err(SealError::TooLong { len: 2_029, most: 2_028 }));
    assert_eq!(sender.seal(&mut buf[..21], 2, now), Err(SealError::Buffer(22)));
    assert_eq!((sender.next_number(), buf, sender.next_at()), (0, [9; 3_000], None));
}

#[test]
fn no_more_is_sealed_than_a_proof_can_hold() {
    let (mut sender, mut listener) = pair(Aead::Aes256Gcm);
    let now = Instant::from_millis(0);
    let mut packets = Vec::new();
    for _ in 0..5 {
        let mut buf = [0; 40];
        while sender.seal(&mut buf, 10, now).is_ok() {
            packets.push(buf[..30].to_vec());
        }
        assert_eq!(sender.seal(&mut buf, 10, now), Err(SealError::ProofDue));
        assert!(sender.next_at().unwrap() <= now);
        let mut proof = vec![0; MAX_PROOF_LEN];
        let sealed = sender.pull(&mut proof, now).unwrap();
        proof.truncate(sealed.len);
        packets.push(proof);
    }
    for packet in &packets {
        assert!(open(&mut listener, packet, now).is_ok());
    }
    assert_eq!(listener.counters().proofs, 5);
    assert_eq!(listener.next_at(), None, "all is proven");
}

#[test]
fn every_packet_is_in_three_proofs_and_silence_is_not_proven_for_ever() {
    let (mut sender, mut listener) = pair(Aead::ChaCha20Poly1305);
    let packet = seal(&mut sender, b"one word", Instant::from_millis(0));
    let mut proofs = Vec::new();
    for millis in (0..5_000).step_by(100) {
        let mut proof = vec![0; MAX_PROOF_LEN];
        if let Some(sealed) = sender.pull(&mut proof, Instant::from_millis(millis)) {
            proof.truncate(sealed.len);
            proofs.push((millis, proof));
        }
    }
    assert_eq!(proofs.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [300, 600, 900]);
    // The first two are lost.
    assert!(open(&mut listener, &packet, Instant::from_millis(10)).is_ok());
    assert_eq!(open(&mut listener, &proofs[2].1, Instant::from_millis(910)), Ok(None));
    listener.on_time(Instant::from_millis(3_000));
    assert_eq!((listener.take_notice(), listener.flow()), (None, Flow::Open));
}

#[test]
fn the_epoch_follows_what_is_signed_and_the_old_key_is_kept_for_three_seconds() {
    let (mut sender, mut listener) = pair(Aead::Aes256Gcm);
    let at = Instant::from_millis;
    let old = [
        seal(&mut sender, b"one", at(0)),
        seal(&mut sender, b"two", at(0)),
        seal(&mut sender, b"six", at(0)),
    ];
    sender.install(sender.secret().next().unwrap());
    let new = seal(&mut sender, b"three", at(0));
    assert!(open(&mut listener, &new, at(0)).is_ok());
    assert_eq!(listener.epoch(), Some(6), "nothing is signed yet");
    let mut proof = vec![0; MAX_PROOF_LEN];
    let sealed = sender.pull(&mut proof, at(400)).unwrap();
    assert_eq!(open(&mut listener, &proof[..sealed.len], at(400)), Ok(None));
    assert_eq!(listener.epoch(), Some(7));
    assert!(open(&mut listener, &old[0], at(500)).is_ok());
    listener.on_time(at(3_399));
    // It still decrypts, though its sender has proven nothing since.
    assert_eq!(open(&mut listener, &old[1], at(3_399)), Err(Refused::Held));
    listener.on_time(at(3_400));
    assert_eq!(open(&mut listener, &old[2], at(3_400)), Err(Refused::NoKey));
}

#[test]
fn three_missed_steps_are_followed_and_a_fourth_is_not() {
    for (steps, is_followed) in [(3, true), (4, false)] {
        let (mut sender, mut listener) = pair(Aead::Aes256Gcm);
        for _ in 0..steps {
            sender.install(sender.secret().next().unwrap());
        }
        let packet = seal(&mut sender, b"far", Instant::from_millis(0));
        let opened = open(&mut listener, &packet, Instant::from_millis(0));
        assert_eq!(opened.is_ok(), is_followed, "{steps} steps");
        // A key that is handed over leads back.
        assert!(listener.install(sender.secret().clone()));
        let packet = seal(&mut sender, b"near", Instant::from_millis(0));
        assert!(open(&mut listener, &packet, Instant::from_millis(0)).is_ok());
    }
}

#[test]
fn another_secret_of_the_same_epoch_is_refused() {
    let mut listener = pair(Aead::Aes256Gcm).1;
    assert!(listener.install(SenderSecret::new(6, [7; 32])));
    assert!(!listener.install(SenderSecret::new(6, [8; 32])));
    assert!(listener.install(SenderSecret::new(9, [8; 32])));
    assert!(!listener.install(SenderSecret::new(9, [7; 32])));
}

#[test]
fn any_flipped_bit_and_any_other_scope_is_refused() {
    for aead in Aead::ALL {
        let (mut sender, mut listener) = pair(aead);
        let now = Instant::from_millis(0);
        let packet = seal(&mut sender, &[3; 30], now);
        for bit in 0..packet.len() * 8 {
            let mut wrong = packet.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&mut listener, &wrong, now).is_err(), "bit {bit}");
        }
        let other = SenderScope { since: 6, ..scope(aead) };
        let mut other = Listener::new(other, sender.verifying_key(), SenderSecret::new(6, [7; 32]), 0);
        assert_eq!(open(&mut other, &packet, now), Err(Refused::Forged));
        assert_eq!(open(&mut listener, &packet, now), Ok(Some(vec![3; 30])));
        assert_eq!(open(&mut listener, &packet, now), Err(Refused::Replayed));
        assert_eq!(sender_of(&packet), Some(4));
    }
}

/// What the network does with a packet: when it comes, how often, and whether changed.
#[derive(Clone, Debug)]
struct Fate {
    delay: u64,
    is_lost: bool,
    is_repeated: bool,
    flip: Option<usize>,
}

fn fate() -> impl Strategy<Value = Fate> {
    let flip = proptest::option::weighted(0.1, any::<usize>());
    let fate = (0u64..200, prop::bool::weighted(0.1), prop::bool::weighted(0.1), flip);
    fate.prop_map(|(delay, is_lost, is_repeated, flip)| Fate { delay, is_lost, is_repeated, flip })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_packet_is_opened_once_and_nobody_is_accused_whatever_the_network_does(
        aes: bool,
        fates in proptest::collection::vec(fate(), 120),
    ) {
        let (mut sender, mut listener) = pair(Aead::ALL[usize::from(aes)]);
        let mut arrivals: Vec<(Instant, Vec<u8>, bool)> = Vec::new();
        for ((at, packet), fate) in stream(&mut sender, 100).into_iter().zip(&fates) {
            if let Some(bit) = fate.flip {
                let mut wrong = packet.clone();
                let bit = bit % (wrong.len() * 8);
                wrong[bit / 8] ^= 1 << (bit % 8);
                arrivals.push((at + Duration::from_millis(fate.delay / 2), wrong, false));
            }
            if !fate.is_lost {
                let at = at + Duration::from_millis(fate.delay);
                arrivals.push((at, packet.clone(), true));
                if fate.is_repeated {
                    arrivals.push((at + Duration::from_millis(7), packet, true));
                }
            }
        }
        arrivals.sort_by_key(|(at, ..)| *at);
        let mut heard = std::collections::BTreeSet::new();
        for (at, packet, is_true) in arrivals {
            listener.on_time(at);
            match open(&mut listener, &packet, at) {
                Ok(Some(words)) => {
                    prop_assert!(is_true);
                    prop_assert!(heard.insert(words), "once");
                }
                Ok(None) => prop_assert!(is_true),
                Err(_) => {}
            }
            let notice = listener.take_notice();
            let is_accused = matches!(notice, Some(Notice::Impersonated { .. }));
            prop_assert!(!is_accused);
        }
    }

    #[test]
    fn forgeries_change_nothing_but_counters(garbage in proptest::collection::vec(any::<u8>(), 0..60), epoch in 0u8..8) {
        let (mut sender, mut listener) = pair(Aead::Aes256Gcm);
        let mut twin = pair(Aead::Aes256Gcm).1;
        let mut packet = [&[0x60 | (epoch << 2), 4], garbage.as_slice()].concat();
        let now = Instant::from_millis(0);
        prop_assert!(listener.open(&mut packet, now).is_err());
        for (at, packet) in stream(&mut sender, 50) {
            prop_assert_eq!(open(&mut listener, &packet, at), open(&mut twin, &packet, at));
        }
        let Counters { accepted, proofs, .. } = *listener.counters();
        prop_assert_eq!((accepted, proofs), (twin.counters().accepted, twin.counters().proofs));
    }
}

#[test]
fn words_without_a_proof_end_after_a_second_though_nobody_tells_the_time() {
    let (mut sender, mut listener) = pair(Aead::Aes256Gcm);
    let now = Instant::from_millis(1_000);
    let words = [0, 1, 2].map(|i| seal(&mut sender, &[i; 20], now));
    assert!(open(&mut listener, &words[0], now).is_ok());
    assert!(open(&mut listener, &words[1], now + PROOF_DEADLINE - Duration::from_millis(1)).is_ok());
    assert_eq!(open(&mut listener, &words[2], now + PROOF_DEADLINE), Err(Refused::Held));
    assert_eq!((listener.flow(), listener.take_notice()), (Flow::Held, Some(Notice::Unproven)));
}
