//! Seeds of the bodies that are scripts: what happens to a machine, step by step.

use p2pvoip_signal::{HangUpReason, Message};

use super::cc::feedback_of;
use super::parsers::{inside, whole_chunk};
use crate::script::write;
use crate::stun::attribute;

type Named = Vec<(&'static str, Vec<u8>)>;

/// Half a second, as a step tells time.
const HALF_A_SECOND: &[u8] = &500_u16.to_be_bytes();
/// A minute.
const A_MINUTE: &[u8] = &60_000_u16.to_be_bytes();

pub(super) fn of(target: &str) -> Option<Named> {
    Some(match target {
        "cc-controller" => controller(),
        "crypto-epochs" => epochs(),
        "crypto-packet" => packet(),
        "crypto-signal-cipher" => signal_cipher(),
        "engine-call" => call(),
        "engine-directory" => directory(),
        "media-receiver" => receiver(),
        "media-opus" => opus(),
        "nat-agent" => agent(),
        "nat-relay" => relay(),
        "nat-discovery" => discovery(),
        _ => return None,
    })
}

fn controller() -> Named {
    let sent = [20; 40];
    let (early, late) = (feedback_of(0, 18, false), feedback_of(30, 48, true));
    let second = &[0x0f, 0x42, 0x40][..];
    let call = write(&[(1, &sent), (0, &early), (1, &sent), (0, &late), (3, second), (0, &late)]);
    let arrivals = write(&[(2, &[0, 0, 0, 0, 0, 1]), (44, &[0, 0, 0, 0, 0, 2]), (2, &[0xff; 6]), (63, &[])]);
    let lies = write(&[
        (0, &late),
        (1, &sent),
        (0, &[0xff; 12]),
        (4, &[0xff; 8]),
        (3, &[0xff; 3]),
        (5, &[]),
        (1, &[255]),
    ]);
    vec![("valid-call", call), ("valid-arrivals", arrivals), ("hostile-lies", lies)]
}

fn packet() -> Named {
    let some = [7; 60];
    let way = write(&[(1, &some), (3, &some), (0x51, &[9, 9]), (2, &some), (0xf1, &some)]);
    let foreign = write(&[(0, &[0xc0; 40]), (1, &some), (0, &[0xff; 21]), (0, &[])]);
    vec![("valid-way", way), ("hostile-foreign", foreign)]
}

/// Steps, losses and fresh keys: see `crate::epochs::epochs`.
fn epochs() -> Named {
    let (some, minute, second) = ([7; 60], &0xea60_u16.to_be_bytes()[..], &1_000_u16.to_be_bytes()[..]);
    let there: &[(u8, &[u8])] = &[(1, &some), (0x81, &some), (3, &some), (0, minute), (0x85, &[9, 3, 1])];
    let rekey: &[(u8, &[u8])] = &[(6, b""), (1, &some), (0, second), (0, second), (0, second), (0x81, &some)];
    let lost: &[(u8, &[u8])] = &[(6, b""), (2, &some), (0, minute), (2, &some), (0, minute), (1, &some)];
    let late: &[(u8, &[u8])] = &[(4, b""), (0x13, &some), (0, minute), (0x21, &some), (4, b"")];
    let foreign: &[(u8, &[u8])] = &[(7, &[0xc0; 60]), (0x8f, &[0xff; 1_300]), (7, b""), (0x0d, &some)];
    vec![
        ("valid-two-rekeys", write(&[there, rekey, late, rekey].concat())),
        ("valid-losses", write(&[(there), lost, lost, late].concat())),
        ("valid-chacha", write(&[&[(8, second)], there, rekey].concat())),
        ("hostile-foreign", write(&[foreign, lost, lost, lost, foreign].concat())),
    ]
}

fn signal_cipher() -> Named {
    let steps: &[(u8, &[u8])] =
        &[(1, b"one"), (1, b""), (1, b"three"), (3, b""), (2, b"12"), (3, b""), (3, b"")];
    vec![("valid-any-order", write(steps)), ("hostile-foreign", write(&[(0, &[0; 20]), (0, &[0xff; 90])]))]
}

/// Bytes as a chunk of this kind in a slot.
fn chunk(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind << 5, u8::try_from(bytes.len()).unwrap_or(u8::MAX)], bytes].concat()
}

fn call() -> Named {
    let candidates = crate::engine::peers_candidates();
    let bye_letter = Message::HangUp { reason: HangUpReason::Normal }.emit().unwrap_or_default();
    let voice = [&whole_chunk(0, 0, 30)[..], &chunk(2, &feedback_of(0, 18, false)), &[0; 20]].concat();
    let later = [&whole_chunk(8, 0, 30)[..], &whole_chunk(0, 1, 30), &[0; 9]].concat();
    let bye = [chunk(3, &[1, 7, 1]), vec![0; 30]].concat();
    let ack = [chunk(3, &[0, 0]), vec![0; 30]].concat();
    let arrived = [chunk(3, &[2, 1, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff]), vec![0; 30]].concat();
    let fragments: Vec<_> = (112..184)
        .map(|part| [chunk(3, &[part; 18][..if part == 183 { 10 } else { 18 }]), vec![0; 2]].concat())
        .collect();
    let offer: Vec<_> = fragments.iter().map(|slot| (0, slot.as_slice())).collect();
    let reveal = crate::engine::peers_reveal();
    let mut lie = reveal.clone();
    lie.last_mut().into_iter().for_each(|byte| *byte ^= 1);
    let ten = [0; 10];
    let connected: &[(u8, &[u8])] = &[(1, &candidates), (5, HALF_A_SECOND), (5, HALF_A_SECOND)];
    let talk = [connected, &[(6, &ten), (0, &voice), (6, &ten), (0, &later), (6, &ten), (7, b""), (0, &ack)]];
    let left = [connected, &[(0, &voice), (0, &bye), (5, HALF_A_SECOND)]];
    let rekey = [connected, &[(6, &ten), (0, &arrived)], &offer, &[(6, &ten), (5, HALF_A_SECOND)]];
    let hostile: &[(u8, &[u8])] = &[
        (0, &[0x3f, 0xff, 1, 1]),
        (0x10, &voice),
        (0, &[0x40, 1, 0, 0x60, 1, 9, 0x20, 0]),
        (3, &[0xc0; 60]),
        (3, &[0x80, 0, 0, 1]),
        (4, &[5; 40]),
        (1, &[3, 1, 0]),
        (2, b"an offer"),
        (0x12, b"an answer"),
        (5, A_MINUTE),
    ];
    vec![
        ("valid-talk", write(&talk.concat())),
        ("valid-peer-leaves", write(&left.concat())),
        ("valid-offer-of-keys", write(&rekey.concat())),
        ("valid-code", write(&[(1, &reveal), (5, HALF_A_SECOND), (1, &reveal)])),
        ("hostile-code", write(&[(1, &lie), (1, &reveal)])),
        // Offers to the callee's own mailbox: any bytes, and any inside.
        ("hostile-offers", write(&[(0x0a, &[7; 300]), (0x1a, &[9; 1_600]), (0x1a, b""), (2, &[1; 3])])),
        ("valid-letter-ends", write(&[(1, &candidates), (1, &bye_letter)])),
        ("hostile-all", write(hostile)),
    ]
}

/// What a search hears: see `crate::directory::directory`.
fn directory() -> Named {
    let there = crate::directory::text_of(&["ws://198.51.100.11:7777"]);
    let four = crate::directory::text_of(&["ws://a:1", "ws://b:2", "wss://c", "ws://[::1]:8765"]);
    let prekeys = crate::directory::prekeys();
    // The card's server breaks off, the contact's word comes, and the server that it names has the prekeys.
    let found: &[(u8, &[u8])] = &[(0x09, &there), (0x04, b""), (0x25, b""), (0x25, b""), (0x45, b"")];
    let moved = [&[(0x24, &b""[..])][..], found, &[(6, HALF_A_SECOND)]].concat();
    let late = [&[(6, A_MINUTE)][..], found].concat();
    let before = [&[(0x80, &b""[..]), (0x24, b""), (0x00, b"")][..], found].concat();
    let after = [&[(0xc6, HALF_A_SECOND), (0x24, b""), (0x10, b"")][..], found].concat();
    let in_turn: &[(u8, &[u8])] = &[(0x24, b""), (0x09, &four), (0x24, b""), (0x24, b""), (0x04, b"")];
    // The own server takes everything, so that whereabouts are published.
    let online: &[(u8, &[u8])] = &[(0x0c, b""), (0x2d, b""), (0x2d, b""), (0x20, b""), (6, A_MINUTE)];
    let gives: &[(u8, &[u8])] = &[(0x04, b""), (0x05, b""), (0x05, &prekeys), (0x65, b""), (0x85, b"")];
    let records: &[(u8, &[u8])] = &[
        (0x24, b""),
        (0x49, &there),
        (7, b""),
        (0x24, b""),
        (0x29, &there),
        (7, b""),
        (0x19, &there),
        (7, b""),
        (0x24, b""),
        (0x01, &there),
        (7, b""),
        (0x02, &prekeys),
        (0x0f, b""),
    ];
    let many: Vec<(u8, &[u8])> = core::iter::repeat_n((7, &b""[..]), 12).chain([(0x24, &b""[..])]).collect();
    vec![
        ("valid-moved", write(&moved)),
        ("valid-late", write(&late)),
        ("valid-before-midnight", write(&before)),
        ("valid-after-midnight", write(&after)),
        ("valid-second-of-four", write(in_turn)),
        ("valid-online", write(online)),
        ("valid-prekeys", write(gives)),
        ("hostile-records", write(records)),
        ("hostile-many-calls", write(&many)),
    ]
}

fn receiver() -> Named {
    let frames: Vec<Vec<u8>> = (0..20).map(|n| whole_chunk(n * 8, 0, 20).split_off(2)).collect();
    let copy = whole_chunk(16, 2, 20).split_off(2);
    let mut stream: Vec<(u8, &[u8])> = Vec::new();
    for (n, frame) in frames.iter().enumerate().filter(|(n, _)| n % 6 != 2) {
        stream.push((0, frame));
        stream.push((2, if n % 2 == 0 { &[0x20] } else { &[0x08] }));
    }
    stream.push((0, &copy));
    stream.push((2, &[0xff]));
    let strays: &[(u8, &[u8])] = &[
        (0, &frames[1]),
        (0, &[0x6f, 0xff, 0xff, 255]),
        (0, &[0x60, 0x7f, 0xff, 254, 3]),
        (2, &[0xff]),
        (1, A_MINUTE),
        (0, &frames[3]),
        (2, &[0xff]),
    ];
    vec![("valid-stream", write(&stream)), ("hostile-strays", write(strays))]
}

fn opus() -> Named {
    // The first byte: 20 ms of wideband SILK, hybrid and CELT, mono (RFC 6716 section 3.1), one frame each.
    let payload = |first: u8, len: usize| [vec![first], inside(len)].concat();
    let (silk, hybrid, celt) = (payload(0x48, 40), payload(0x78, 60), payload(0xf8, 60));
    let steps: &[(u8, &[u8])] =
        &[(4, &silk), (6, &silk), (7, b""), (4, &hybrid), (4, &celt), (7, b""), (4, &[0xf8])];
    // Code 3 packets: counts, paddings and lengths that lie (RFC 6716 section 3.2.5).
    let lies: &[(u8, &[u8])] = &[
        (12, &[0x4b, 0xff, 0xff, 0xff, 1]),
        (12, &[0xfb, 0x3f]),
        (12, &[0x4a, 0xff, 1]),
        (0, &[]),
        (14, &[0x4b, 0x40, 0xfe]),
    ];
    vec![("valid-modes", write(steps)), ("hostile-lies", write(lies))]
}

fn agent() -> Named {
    let check = [
        attribute(0x0006, b"receiver:sender"),
        attribute(0x0024, &0x6eff_ffff_u32.to_be_bytes()),
        attribute(0x8029, &[9; 8]),
        attribute(0x0025, &[]),
    ]
    .concat();
    let mapped = attribute(0x0020, &[0, 1, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc]);
    let conflict = attribute(0x0009, &[0, 0, 4, 87]);
    let noise = [HALF_A_SECOND, &[0; 30], &[1]].concat();
    let meet = write(&[(6, HALF_A_SECOND), (6, HALF_A_SECOND), (6, A_MINUTE)]);
    let answers = write(&[
        (5, &mapped),
        (6, &[0, 1]),
        (2, &mapped),
        (3, &conflict),
        (1, &check),
        (4, &[]),
        (6, HALF_A_SECOND),
    ]);
    let liars =
        write(&[(6, &noise), (0, &[0; 20]), (8, &check), (2, &[0, 0x20, 0xff, 0xff]), (1, &[0xff; 60])]);
    let candidate = [&[0][..], &1_u32.to_be_bytes(), &[0; 4], &[0, 9, 198, 51, 100, 20]].concat();
    let many: Vec<(u8, &[u8])> = core::iter::repeat_n((7, candidate.as_slice()), 30).collect();
    vec![
        ("valid-meeting", meet),
        ("valid-answers", answers),
        ("hostile-liars", liars),
        ("hostile-candidates", write(&many)),
    ]
}

/// What a TURN server says: see `crate::relay::relay_script`.
fn relay() -> Named {
    let code = |class: u8, number: u8| attribute(0x0009, &[0, 0, class, number]);
    let challenge = |class, number, nonce: &[u8]| {
        [code(class, number), attribute(0x0014, b"example.org"), attribute(0x0015, nonce)].concat()
    };
    // 198.51.100.9 port 50001 and 198.51.100.7 port 4000, masked by the magic cookie.
    let relayed = attribute(0x0016, &[0, 1, 0xe2, 0x43, 0xe7, 0x21, 0xc0, 0x4b]);
    let mapped = attribute(0x0020, &[0, 1, 0x2e, 0xb2, 0xe7, 0x21, 0xc0, 0x45]);
    let allocated = [&relayed[..], &mapped, &attribute(0x000d, &600_u32.to_be_bytes())].concat();
    let (first, stale) = (challenge(4, 1, b"one"), challenge(4, 38, b"two"));
    let peer = attribute(0x0012, &[0, 1, 0x32, 0x9a, 0xe7, 0x21, 0xc0, 0x4a]);
    let passed_on = [&peer[..], &attribute(0x0013, &[0xc0, 1, 2])].concat();
    let check = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[5; 12]].concat();
    let relays: &[(u8, &[u8])] = &[(3, &first), (3, &stale), (1, &allocated), (1, b""), (4, &check)];
    let talks: &[(u8, &[u8])] = &[(6, HALF_A_SECOND), (4, &[0xc0, 7, 7]), (5, &passed_on), (6, A_MINUTE)];
    let refuses: &[(u8, &[u8])] = &[(3, &first), (2, &code(4, 86)), (6, A_MINUTE)];
    let lies: &[(u8, &[u8])] = &[
        (1, &allocated),
        (3, &first),
        (1, &relayed),
        (2, &code(3, 0)),
        (1, &[&attribute(0x0016, &[0, 2, 1, 1]), &allocated[..]].concat()),
        (0xff, &[0x44; 15]),
        (12, &check),
        (5, &[0xff; 9]),
        (3, &code(4, 38)),
        (6, A_MINUTE),
    ];
    vec![
        ("valid-allocation", write(&[relays, talks].concat())),
        ("valid-refusal", write(refuses)),
        ("hostile-lies", write(lies)),
    ]
}

/// What servers say to behaviour discovery: see `crate::discovery::discovery_script`.
fn discovery() -> Named {
    // Port and address of what a server saw, then of its other address.
    let told = |seen: [u8; 6], other: [u8; 6]| [seen, other].concat();
    let (other, own) = ([0x0d, 0x97, 203, 0, 113, 11], [198, 51, 100, 7]);
    let seen = |port: u8| [0x4e, port, own[0], own[1], own[2], own[3]];
    let refused = attribute(0x0009, &[0, 0, 4, 1]);
    let (first, second) = (told(seen(32), other), told(seen(33), other));
    let all: &[(u8, &[u8])] = &[
        (0x24, &first),
        (6, &[0, 20]),
        // The control, filtering test II, mapping test II, a hairpin, the TURN server, the second STUN server.
        (0x44, &second),
        (0x54, &second),
        (0x34, &first),
        (0x15, b""),
        (0x73, &refused),
        (0x84, &first),
    ];
    let strict: &[(u8, &[u8])] = &[(0x24, &first), (0x44, &second), (0x34, &second), (6, A_MINUTE)];
    let at_home = told([0x13, 0x88, 192, 168, 1, 2], [0x0d, 0x97, 192, 168, 1, 11]);
    let six = |host: u8| [&[0x0d, 0x97, 0x20, 1, 0x0d, 0xb8][..], &[0; 11], &[host]].concat();
    let in_six = [six(9), six(11)].concat();
    let untranslated = told([0x13, 0x88, 10, 0, 0, 2], other);
    // Those at home, this host, a group, everybody, a system's service, nobody.
    let aims = [
        [0x0d, 0x97, 192, 168, 1, 1],
        [0x0d, 0x97, 127, 0, 0, 1],
        [0x0d, 0x97, 224, 0, 0, 1],
        [0x0d, 0x97, 255, 255, 255, 255],
        [0, 53, 203, 0, 113, 11],
        [0; 6],
    ];
    let mut named = vec![
        ("valid-all", write(all)),
        ("valid-strict", write(strict)),
        ("valid-home", write(&[(0x54, &at_home), (6, A_MINUTE)])),
        ("valid-six", write(&[(0xe4, &in_six), (0x34, &in_six), (6, HALF_A_SECOND)])),
        ("valid-silence", write(&[(6, HALF_A_SECOND), (7, b""), (6, A_MINUTE)])),
        ("hostile-servers-disagree", write(&[(0x14, &untranslated), (0x54, &first), (6, A_MINUTE)])),
        ("hostile-stranger", write(&[(0x2c, &first), (0, &[0; 20]), (0x58, &[0xff; 40]), (0x2d, b"")])),
    ];
    let others: Vec<_> = aims.iter().map(|aim| told(seen(32), *aim)).collect();
    let others: Vec<(u8, &[u8])> = others.iter().map(|told| (0x24, told.as_slice())).collect();
    named.push(("hostile-other-addresses", write(&others)));
    let owns: Vec<_> = aims.iter().map(|aim| told(*aim, other)).collect();
    let owns = owns
        .iter()
        .flat_map(|told| [(0x24, told.as_slice()), (0x44, told.as_slice()), (0x34, told.as_slice())]);
    named.push(("hostile-own-addresses", write(&owns.collect::<Vec<_>>())));
    named
}
