//! What an eavesdropper who sees every byte, on the network and at the server, can read of a call.
#![expect(clippy::unwrap_used, reason = "a story that goes wrong fails its test")]

mod story;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use p2pvoip::signal::ENVELOPE_LEN;
use p2pvoip::{Codec, Frame};
use p2pvoip_core::Seed;
use p2pvoip_sim::{Tap, topology};
use story::{Counting, Deed, Outcome, Story};

/// Everything that was sent in a call: datagrams other than ICE's own, and what the server passed on.
struct Overheard {
    datagrams: Vec<Vec<u8>>,
    frames: Vec<Vec<u8>>,
    addresses: BTreeSet<std::net::SocketAddr>,
    story: Story,
}

fn overhear() -> Overheard {
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    let seed = Seed::from_u64(41);
    let mut story = Story::new(topology::both_public(&seed), &codec, &seed);
    let speaks = Frame(std::array::from_fn(|i| if (i / 50) % 2 == 0 { 7_000 } else { -7_000 }));
    story.person_mut(story.a, |person, _| person.speaks = speaks);
    let heard = Rc::new(RefCell::new((Vec::new(), BTreeSet::new())));
    let seen = Rc::clone(&heard);
    story.world.tap(move |datagram| {
        let (datagrams, addresses) = &mut *seen.borrow_mut();
        addresses.extend([datagram.from, datagram.to]);
        if !p2pvoip::nat::is_stun(datagram.bytes) {
            datagrams.push(datagram.bytes.clone());
        }
        Tap::Pass
    });
    assert_eq!(story.call(Duration::from_secs(2)).0, Outcome::Talked);
    let mut frames = Vec::new();
    for host in [story.a, story.b] {
        let tape = story.person_mut(host, |person, _| person.tape.take()).unwrap();
        for (_, deed) in tape {
            if let Deed::Frame(_, bytes) = deed {
                frames.push(bytes);
            }
        }
    }
    let (datagrams, addresses) = heard.take();
    Overheard { datagrams, frames, addresses, story }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn no_identity_candidate_or_name_is_readable() {
    let overheard = overhear();
    let card = &overheard.story.card;
    let today = 1_800_000_000 / 86_400;
    let mut secrets: Vec<(String, Vec<u8>)> = vec![
        ("the callee's fingerprint".into(), card.fingerprint().as_bytes()[..8].to_vec()),
        ("the card".into(), b"p2pvoip:".to_vec()),
        ("the key of the record in a directory".into(), card.blinded_public(today).unwrap()[..8].to_vec()),
    ];
    for address in &overheard.addresses {
        let std::net::IpAddr::V4(ip) = address.ip() else { continue };
        let (ip, port) = (ip.octets(), address.port().to_be_bytes());
        secrets.push((format!("candidate {address}"), [&port[..], &ip[..]].concat()));
        secrets.push((format!("candidate {address}, the other way"), [&ip[..], &port[..]].concat()));
    }
    assert!(secrets.len() > 6 && overheard.datagrams.len() > 150 && overheard.frames.len() > 8);
    for bytes in overheard.datagrams.iter().chain(&overheard.frames) {
        for (what, secret) in &secrets {
            assert!(!contains(bytes, secret), "{what} was sent in clear");
        }
    }
    // The search finds what is there: the server names the mailbox that an envelope came to.
    assert!(overheard.frames.iter().any(|frame| contains(frame, &card.address(today, 0))));
}

#[test]
fn no_byte_of_speech_is_readable() {
    // The codec's payloads are its frame numbers in sixty zeros: not one such run is in what was sent.
    let overheard = overhear();
    for bytes in &overheard.datagrams {
        assert!(!contains(bytes, &[0; 6]), "a row of zeros shows through");
    }
    // Sealed bytes are as even as chance: the whole of them, counted by value.
    let all: Vec<u8> = overheard.datagrams.concat();
    let mut counts = [0u32; 256];
    for byte in &all {
        counts[usize::from(*byte)] += 1;
    }
    let expected = u32::try_from(all.len() / 256).unwrap();
    assert!(counts.iter().all(|count| count.abs_diff(expected) < expected), "{counts:?}");
}

#[test]
fn envelopes_have_no_structure_by_which_one_could_be_told_from_another() {
    let overheard = overhear();
    let mut envelopes = Vec::new();
    for frame in overheard.frames.iter().filter(|frame| frame.len() > ENVELOPE_LEN) {
        // An envelope ends the frame.
        envelopes.push(&frame[frame.len() - ENVELOPE_LEN..]);
    }
    envelopes.sort_unstable();
    envelopes.dedup();
    assert!(envelopes.len() >= 5, "offer, answer, acceptance, candidates: {}", envelopes.len());
    // Nothing of one comes again in another one, and within each all values are about as frequent.
    let windows: Vec<&[u8]> = envelopes.iter().flat_map(|envelope| envelope.windows(6)).collect();
    assert_eq!(windows.iter().collect::<BTreeSet<_>>().len(), windows.len());
    for envelope in &envelopes {
        let mut counts = [0u32; 256];
        for byte in *envelope {
            counts[usize::from(*byte)] += 1;
        }
        // 13 are expected; that one of 256 values is there more than 40 times has a chance of about 10^-8.
        assert!(counts.iter().all(|count| *count < 40), "{counts:?}");
        // The front, where a header would be, is of no one kind either.
        assert!(envelope[..4] != [0; 4]);
    }
    let fronts: BTreeSet<&[u8]> = envelopes.iter().map(|envelope| &envelope[..2]).collect();
    assert!(fronts.len() > envelopes.len() - 2, "the front of envelopes does not repeat");
}

/// Sizes and moments of all sealed packets of a call whose caller speaks, and from its second second on says that frame.
#[cfg(feature = "opus")]
fn seen_on_the_wire(later: &Frame) -> (Vec<(p2pvoip_core::Instant, usize, std::net::SocketAddr)>, Vec<u8>) {
    let later = *later;
    let codec: Arc<dyn Codec> = Arc::new(p2pvoip::Opus);
    let seed = Seed::from_u64(43);
    let mut story = Story::new(topology::both_public(&seed), &codec, &seed);
    story.person_mut(story.a, |person, _| person.speaks = loud());
    let seen = Rc::new(RefCell::new((Vec::new(), Vec::new())));
    let tapped = Rc::clone(&seen);
    story.world.tap(move |datagram| {
        if !p2pvoip::nat::is_stun(datagram.bytes) {
            let (packets, all) = &mut *tapped.borrow_mut();
            all.extend(datagram.bytes.iter());
            packets.push((datagram.now, datagram.bytes.len(), datagram.from));
        }
        Tap::Pass
    });
    assert_eq!(story.call(Duration::from_secs(1)).0, Outcome::Talked);
    story.person_mut(story.a, |person, _| person.speaks = later);
    story.world.run_for(Duration::from_secs(2));
    seen.take()
}

#[cfg(feature = "opus")]
fn loud() -> Frame {
    Frame(std::array::from_fn(|i| if (i / 50) % 2 == 0 { 7_000 } else { -7_000 }))
}

/// Muting gives the engine silence (`runtime/audio.rs`); this is what an eavesdropper makes of that.
#[cfg(feature = "opus")]
#[test]
fn a_caller_who_is_muted_sends_the_same_sizes_at_the_same_moments() {
    let ((spoken, voice), (muted, silence)) = (seen_on_the_wire(&loud()), seen_on_the_wire(&Frame::SILENCE));
    assert!(
        spoken.len() > 250 && voice != silence,
        "{} packets, which differ in what is sealed",
        spoken.len()
    );
    assert_eq!(spoken, muted);
}
