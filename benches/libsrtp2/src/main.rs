//! A voice packet of 160 bytes sealed and opened by p2pvoip-crypto, by ring's AEAD and mask alone, and by libsrtp2's AES-GCM, by turns
//! in one run.

mod bare;
mod srtp;

use std::hint::black_box;
use std::time::Instant;

use bare::Bare;
use p2pvoip_crypto::{Aead, DirectionSecret, HEADER_LEN, OVERHEAD, Opener, Sealer};
use srtp::{Cipher, RTP_HEADER, Srtp, TRAILER};

/// Bytes of voice.
const PLAIN: usize = 160;
/// Packets of one turn, and turns: the median of the turns is told.
const PACKETS: usize = 512;
const TURNS: usize = 2_001;

/// Nanoseconds a packet of one turn: sealed, opened.
type Turn = (f64, f64);

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e9 / PACKETS as f64
}

struct Ours {
    sealer: Sealer,
    opener: Opener,
    packets: Vec<[u8; PLAIN + OVERHEAD]>,
    now: p2pvoip_core::Instant,
}

impl Ours {
    fn new(aead: Aead) -> Self {
        let secret = DirectionSecret::new([7; 32]);
        let (sealer, opener) = (Sealer::new(aead, &secret), Opener::new(aead, &secret));
        let now = p2pvoip_core::Instant::from_millis(1);
        Self { sealer, opener, packets: vec![[7; PLAIN + OVERHEAD]; PACKETS], now }
    }

    fn turn(&mut self) -> Turn {
        let Self { sealer, opener, packets, now } = self;
        let sealed = timed(|| {
            for packet in packets.iter_mut() {
                sealer.on_time(black_box(*now));
                assert!(sealer.seal(0, black_box(packet), PLAIN).is_ok());
            }
        });
        let opened = timed(|| {
            for packet in packets.iter_mut() {
                opener.on_time(black_box(*now));
                assert!(opener.open(black_box(packet)).is_ok());
            }
        });
        assert_eq!(packets[0][HEADER_LEN], packets[1][HEADER_LEN], "all say the same");
        (sealed, opened)
    }
}

struct Alone {
    keys: Bare,
    packets: Vec<[u8; PLAIN + OVERHEAD]>,
    number: u64,
}

impl Alone {
    fn new(chacha: bool) -> Self {
        Self { keys: Bare::new(chacha), packets: vec![[7; PLAIN + OVERHEAD]; PACKETS], number: 0 }
    }

    fn turn(&mut self) -> Turn {
        let Self { keys, packets, number } = self;
        let sealed = timed(|| {
            for (number, packet) in (*number..).zip(packets.iter_mut()) {
                keys.seal(number, black_box(packet));
            }
        });
        let opened = timed(|| {
            for (number, packet) in (*number..).zip(packets.iter_mut()) {
                keys.open(number, black_box(packet));
            }
        });
        *number += PACKETS as u64;
        (sealed, opened)
    }
}

struct Theirs {
    sender: Srtp,
    receiver: Srtp,
    packets: Vec<([u8; RTP_HEADER + PLAIN + TRAILER], usize)>,
    sequence: u16,
}

impl Theirs {
    fn new(cipher: Cipher) -> Self {
        let mut packet = [7; RTP_HEADER + PLAIN + TRAILER];
        packet[..RTP_HEADER].copy_from_slice(&[0x80, 111, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
        let (sender, receiver) = (Srtp::new(cipher, false), Srtp::new(cipher, true));
        Self { sender, receiver, packets: vec![(packet, RTP_HEADER + PLAIN); PACKETS], sequence: 0 }
    }

    fn turn(&mut self) -> Turn {
        let Self { sender, receiver, packets, sequence } = self;
        let sealed = timed(|| {
            for (packet, len) in packets.iter_mut() {
                packet[2..4].copy_from_slice(&sequence.to_be_bytes());
                *sequence = sequence.wrapping_add(1);
                *len = sender.protect(black_box(packet), *len);
            }
        });
        let opened = timed(|| {
            for (packet, len) in packets.iter_mut() {
                *len = receiver.unprotect(black_box(&mut packet[..*len]));
            }
        });
        assert_eq!(packets[0].1, RTP_HEADER + PLAIN);
        (sealed, opened)
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    srtp::init();
    let mut ours = [Ours::new(Aead::Aes256Gcm), Ours::new(Aead::ChaCha20Poly1305)];
    let mut alone = [Alone::new(false), Alone::new(true)];
    let mut theirs = [Theirs::new(Cipher::Aes128Gcm), Theirs::new(Cipher::Aes256Gcm)];
    let mut turns: [Vec<Turn>; 6] = Default::default();
    for _ in 0..TURNS {
        let [a, b, c, d, e, f] = &mut turns;
        a.push(ours[0].turn());
        c.push(alone[0].turn());
        e.push(theirs[0].turn());
        b.push(ours[1].turn());
        d.push(alone[1].turn());
        f.push(theirs[1].turn());
    }
    let figures = turns.map(|turns| {
        let (sealed, opened): (Vec<f64>, Vec<f64>) = turns.into_iter().unzip();
        (median(sealed), median(opened))
    });
    let [aes, chacha, aes_alone, chacha_alone, srtp_128, srtp_256] = figures;
    println!("{:<28} {:>10} {:>10}", "160 bytes", "seal (ns)", "open (ns)");
    for (name, (sealed, opened)) in [
        ("p2pvoip AES-256-GCM", aes),
        ("ring alone", aes_alone),
        ("p2pvoip ChaCha20-Poly1305", chacha),
        ("ring alone", chacha_alone),
        ("libsrtp2 AES-128-GCM", srtp_128),
        ("libsrtp2 AES-256-GCM", srtp_256),
    ] {
        println!("{name:<28} {sealed:>10.0} {opened:>10.0}");
    }
    let ratio = |what: &str, of: (f64, f64), to: (f64, f64)| {
        println!("{what}: {:.2} for seal, {:.2} for open", of.0 / to.0, of.1 / to.1);
    };
    ratio("AES-256-GCM as a multiple of ring alone", aes, aes_alone);
    ratio("ChaCha20-Poly1305 as a multiple of ring alone", chacha, chacha_alone);
    ratio("times as fast as libsrtp2, both with AES-256-GCM", srtp_256, aes);
}
