//! Seeds of the bodies that read one thing.

use core::time::Duration;

use p2pvoip::engine::whereabouts::Whereabouts;
use p2pvoip_dht::{Record, RecordKey};
use p2pvoip_media::payload::{Chunk, Span, emit_filler};
use p2pvoip_nat::{Candidate, Kind};

use crate::fixture::{CALLEE, UNIX, first_message, second_message};
use crate::stun::{REQUEST, attribute, fingerprinted, plain, sealed};

/// What one target is given.
type Named = Vec<(&'static str, Vec<u8>)>;

pub(super) fn of(target: &str) -> Option<Named> {
    Some(match target {
        "crypto-card" => card(),
        "crypto-identity-file" => identity_file(),
        "crypto-bundle" => bundle(),
        "crypto-first-handshake" => vec![("valid-message", first()), ("hostile-zeros", vec![0; 300])],
        "crypto-second-handshake" => {
            let (_, second) = second_message(&first(), b"answer").expect("it is authentic");
            vec![("valid-message", second), ("hostile-first", first())]
        }
        "crypto-presence" => presence(),
        "dht-shelf" => shelf(),
        "engine-whereabouts" => whereabouts(),
        "dht-record" => record(),
        "dht-signed-record" => {
            vec![("valid-sealed", b"sealed bytes".to_vec()), ("hostile-long", vec![7; 1_025])]
        }
        "engine-server-url" => server_url(),
        "engine-turn-url" => turn_url(),
        "engine-offer-payload" => {
            let mut stale = crate::engine::peers_offer();
            stale[36] ^= 0x40;
            vec![("valid-offer", crate::engine::peers_offer()), ("hostile-stale", stale)]
        }
        "media-chunk" => vec![("valid-frame", inside(60)), ("hostile-span", vec![0x70, 0, 0, 1])],
        "media-chunks" => chunks(),
        "media-wav-file" => wav(),
        "media-raw-sound" => vec![("valid-sound", (0..=255).cycle().take(2_000).collect())],
        "nat-candidate" => candidate(),
        "nat-credentials" => text(&[
            ("valid-credentials", "abcdefgh0123456789ABCDEFGHIJ+/zz"),
            ("hostile-sign", "abcdefgh0123456789ABCDEFGHIJ+/z:"),
        ]),
        "nat-stun-server" | "nat-stun-stranger" => stun(),
        "signal-offer" => {
            vec![("valid-offer", crate::engine::peers_offer()), ("hostile-version", vec![2; 60])]
        }
        _ => return None,
    })
}

fn server_url() -> Named {
    text(&[
        ("valid-name", "wss://call.example.org"),
        ("valid-six", "wss://[2001:db8::1]:8443/"),
        ("valid-four", "ws://127.0.0.1:7777"),
        ("hostile-port", "ws://a:65536"),
        ("hostile-bracket", "ws://]:1"),
        ("hostile-line", "ws://a\r\nb"),
    ])
}

fn turn_url() -> Named {
    text(&[
        ("valid-name", "turn:relay.example.org"),
        ("valid-six", "turn:[2001:db8::1]:3478?transport=udp"),
        ("hostile-port", "turn:a:65536"),
        ("hostile-transport", "turns:a?transport=tcp"),
    ])
}

fn text(seeds: &[(&'static str, &str)]) -> Named {
    seeds.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect()
}

/// A first handshake message.
fn first() -> Vec<u8> {
    first_message(b"offer").expect("five bytes fit").1
}

fn card() -> Named {
    let card = CALLEE.card("call.example.org:443").expect("the name is short").to_string();
    let newer = card.replacen("p2pvoip:A", "p2pvoip:B", 1);
    let long = format!("{card}{}", "x".repeat(80));
    text(&[
        ("valid-card", &card),
        ("valid-blanks", &format!(" \t{card}\n")),
        ("hostile-newer", &newer),
        ("hostile-long", &long),
        ("hostile-scheme", "p2pvoi\u{f6}:"),
    ])
}

fn record() -> Named {
    let key = RecordKey::from_secret(&[7; 32]).expect("any 32 bytes are a seed");
    let sign = |sealed: &[u8], end| {
        let record = Record::sign(&key, 5, end, sealed).expect("it is short");
        record.emit().expect("a signed record has a form")
    };
    let day = Duration::from_secs(86_400);
    let mut forged = sign(b"sealed bytes", UNIX + day);
    forged[33] ^= 1;
    vec![
        ("valid-record", sign(b"sealed bytes", UNIX + day)),
        ("valid-longest", sign(&[3; 1_024], UNIX + day)),
        ("valid-expired", sign(b"", UNIX - day)),
        ("hostile-forged", forged),
    ]
}

fn identity_file() -> Named {
    let file = CALLEE.to_secret().encode().to_vec();
    let mut newer = file.clone();
    newer[7] = 2;
    vec![("valid-file", file), ("hostile-newer", newer)]
}

fn bundle() -> Named {
    let day = UNIX.day();
    vec![
        ("valid-bundle", CALLEE.prekey_bundle(day, UNIX)),
        ("hostile-of-tomorrow", CALLEE.prekey_bundle(day + 1, UNIX)),
        ("hostile-old", CALLEE.prekey_bundle(day, UNIX - Duration::from_secs(90 * 86_400))),
    ]
}

fn presence() -> Named {
    let day = UNIX.day();
    vec![
        ("valid-presence", CALLEE.seal_presence(day, b"somewhere")),
        ("hostile-yesterday", CALLEE.seal_presence(day - 1, b"somewhere")),
    ]
}

fn shelf() -> Named {
    let sign = |secret, sequence, sealed: &[u8]| {
        let key = RecordKey::from_secret(&[secret; 32]).expect("any 32 bytes are a seed");
        let end = UNIX + Duration::from_secs(86_400);
        let record = Record::sign(&key, sequence, end, sealed).expect("it is short");
        record.emit().expect("a signed record has a form")
    };
    vec![
        ("valid-older", sign(7, 4, b"sealed")),
        ("valid-newer", sign(7, 6, b"sealed")),
        ("hostile-of-another-slot", sign(8, 6, b"sealed")),
        ("hostile-too-long", sign(7, 6, &[1; 400])),
    ]
}

fn whereabouts() -> Named {
    let emit = |urls: &[&str]| {
        let servers = urls.iter().map(|url| url.parse().expect("an address")).collect();
        let there = Whereabouts::new(servers).expect("few and short ones");
        there.emit().expect("they have a form").to_vec()
    };
    let mut many = emit(&["ws://a"]);
    many[1] = 5;
    vec![
        ("valid-one", emit(&["wss://call.example.org"])),
        ("valid-four", emit(&["ws://a:1", "ws://b:2", "wss://c", "ws://[::1]:8765"])),
        ("hostile-five", many),
    ]
}

/// The inside of a chunk with a frame of so many bytes.
pub(super) fn inside(payload: usize) -> Vec<u8> {
    whole_chunk(0, 0, payload).split_off(2)
}

/// A chunk of 20 ms at that media time.
pub(super) fn whole_chunk(media_time: u16, distance: u8, payload: usize) -> Vec<u8> {
    let payload = vec![0x11; payload];
    let span = Span::of(Duration::from_millis(20)).expect("there are frames of 20 ms");
    let chunk = Chunk { marker: media_time == 0, span, distance, media_time, payload: &payload };
    let mut out = vec![0; payload.len() + 5];
    chunk.emit(&mut out).expect("it fits");
    out
}

fn chunks() -> Named {
    let mut filler = [1; 9];
    emit_filler(&mut filler).expect("it fits");
    let row = [&whole_chunk(8, 0, 40)[..], &whole_chunk(0, 1, 20), &filler, &[0; 12]].concat();
    vec![
        ("valid-row", row),
        ("hostile-beyond", vec![0x3f, 0xff, 1, 2]),
        ("hostile-empty-chunks", [0x20, 0].repeat(50)),
    ]
}

/// A WAV file of this format (RIFF), with that many bytes of sound and a header that speaks of `told`.
fn riff(format: u16, channels: u16, rate: u32, bits: u16, sound: usize, told: u32) -> Vec<u8> {
    let frame = channels * bits / 8;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + told).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend(format.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(frame)).to_le_bytes());
    file.extend(frame.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend(told.to_le_bytes());
    file.extend((0..=255).cycle().take(sound));
    file
}

fn wav() -> Named {
    vec![
        ("valid-16-bit-48k", riff(1, 1, 48_000, 16, 1_200, 1_200)),
        ("valid-8-bit-stereo-44k", riff(1, 2, 44_100, 8, 900, 900)),
        ("valid-float-8k", riff(3, 1, 8_000, 32, 800, 800)),
        ("valid-24-bit-96k", riff(1, 1, 96_000, 24, 900, 900)),
        ("hostile-endless", riff(1, 1, 8_000, 16, 100, 0x7fff_fff0)),
        ("hostile-no-rate", riff(1, 1, 0, 16, 100, 100)),
        ("hostile-no-channels", riff(1, 0, 48_000, 16, 100, 100)),
        ("hostile-alaw", riff(6, 1, 8_000, 8, 100, 100)),
    ]
}

fn candidate() -> Named {
    let emit = |kind, address: &str| {
        let address = address.parse().expect("it is an address");
        let mut buf = vec![0; Candidate::MAX_LEN];
        let len = Candidate::new(kind, address, 0x64ff_ffff, 2).emit(&mut buf).expect("it fits");
        buf.truncate(len);
        buf
    };
    let mut no_priority = emit(Kind::Relayed, "192.0.2.1:9");
    no_priority[1..5].fill(0);
    vec![
        ("valid-four", emit(Kind::Host, "192.0.2.1:32853")),
        ("valid-six", emit(Kind::ServerReflexive, "[2001:db8::1]:5000")),
        ("hostile-priority", no_priority),
    ]
}

fn stun() -> Named {
    let id = [7; 12];
    let attributes = [
        attribute(0x0006, b"receiver:sender"),
        attribute(0x0024, &0x6eff_ffff_u32.to_be_bytes()),
        attribute(0x802a, &[9; 8]),
        attribute(0x0025, &[]),
    ]
    .concat();
    let mut long = plain(REQUEST, id, &[]);
    long[2..4].fill(0xff);
    vec![
        ("valid-query", fingerprinted(plain(REQUEST, id, &[]))),
        ("valid-plain-query", plain(REQUEST, id, &[])),
        ("valid-check", sealed(REQUEST, id, &attributes, "not the password at all!")),
        ("hostile-length", long),
        ("hostile-attribute-length", plain(REQUEST, id, &[0, 6, 0xff, 0xff])),
        ("hostile-unknown", fingerprinted(plain(REQUEST, id, &attribute(0x0999, b"must know")))),
        ("hostile-trailing", [fingerprinted(plain(REQUEST, id, &[])), vec![0; 4]].concat()),
    ]
}
