//! Sealing and opening a packet of 160 bytes, beside what ring needs for its AEAD and mask alone.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has to stop")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use p2pvoip_core::{Instant, Seed};
use p2pvoip_crypto::{
    Aead, DirectionSecret, EPOCH_LIFE, HEADER_LEN, OVERHEAD, Opener, REKEY_EVERY, RekeyInitiator,
    RekeyResponder, RekeySecret, Sealer,
};
use ring::aead::quic::HeaderProtectionKey;
use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey, quic};

/// Bytes of plaintext: a slot of 20 ms at 48 kbit/s with feedback.
const PLAIN: usize = 160;
/// Where the sample of the mask is: four bytes after the packet number (RFC 9001 section 5.4.2).
const SAMPLE: usize = 5;

/// Time does not pass: no epoch steps, as for almost every packet.
const NOW: Instant = Instant::from_millis(1);

/// ring's own keys for the same work.
struct Bare {
    key: LessSafeKey,
    mask: HeaderProtectionKey,
    number: u64,
}

impl Bare {
    fn new(aead: Aead) -> Self {
        let (algorithm, mask) = match aead {
            Aead::Aes256Gcm => (&ring::aead::AES_256_GCM, &quic::AES_256),
            Aead::ChaCha20Poly1305 => (&ring::aead::CHACHA20_POLY1305, &quic::CHACHA20),
        };
        Self {
            key: LessSafeKey::new(UnboundKey::new(algorithm, &[1; 32]).expect("32 bytes are a key")),
            mask: HeaderProtectionKey::new(mask, &[2; 32]).expect("32 bytes are a key"),
            number: 0,
        }
    }

    fn nonce(number: u64) -> Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&mut self, packet: &mut [u8; PLAIN + OVERHEAD]) {
        self.number += 1;
        let (_, body) = packet.split_at_mut(HEADER_LEN);
        let (plain, room) = body.split_at_mut(PLAIN);
        let aad = Aad::from([0; 11]);
        let tag = self.key.seal_in_place_separate_tag(Self::nonce(self.number), aad, plain);
        room.copy_from_slice(tag.expect("160 bytes are few").as_ref());
        self.apply_mask(packet);
    }

    fn open(&self, number: u64, packet: &mut [u8; PLAIN + OVERHEAD]) -> usize {
        self.apply_mask(packet);
        let (_, body) = packet.split_at_mut(HEADER_LEN);
        let opened = self.key.open_in_place(Self::nonce(number), Aad::from([0; 11]), body);
        opened.expect("it was sealed by the same key").len()
    }

    fn apply_mask(&self, packet: &mut [u8; PLAIN + OVERHEAD]) {
        let mask = self.mask.new_mask(&packet[SAMPLE..SAMPLE + 16]).expect("the sample has 16 bytes");
        packet.iter_mut().zip(mask).take(HEADER_LEN).for_each(|(byte, mask)| *byte ^= mask);
    }
}

const fn name(aead: Aead) -> &'static str {
    match aead {
        Aead::Aes256Gcm => "aes-256-gcm",
        Aead::ChaCha20Poly1305 => "chacha20-poly1305",
    }
}

fn seal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal");
    group.throughput(Throughput::Bytes(PLAIN as u64));
    for aead in Aead::ALL {
        let mut sealer = Sealer::new(aead, &DirectionSecret::new([1; 32]));
        let mut packet = [7; PLAIN + OVERHEAD];
        group.bench_function(name(aead), |bencher| {
            bencher.iter(|| {
                sealer.on_time(black_box(NOW));
                sealer.seal(0, black_box(&mut packet), PLAIN).expect("numbers are left")
            });
        });
        let mut bare = Bare::new(aead);
        group.bench_function(format!("{}-ring-alone", name(aead)), |bencher| {
            bencher.iter(|| bare.seal(black_box(&mut packet)));
        });
    }
    group.finish();
}

fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("open");
    group.throughput(Throughput::Bytes(PLAIN as u64));
    for aead in Aead::ALL {
        let secret = DirectionSecret::new([1; 32]);
        let (mut sealer, mut opener) = (Sealer::new(aead, &secret), Opener::new(aead, &secret));
        let mut next = || {
            let mut packet = [7; PLAIN + OVERHEAD];
            let _sealed = sealer.seal(0, &mut packet, PLAIN).expect("numbers are left");
            packet
        };
        group.bench_function(name(aead), |bencher| {
            bencher.iter_batched_ref(
                &mut next,
                |packet| {
                    opener.on_time(black_box(NOW));
                    opener.open(packet).expect("it is fresh").number
                },
                BatchSize::SmallInput,
            );
        });
        let mut bare = Bare::new(aead);
        let mut sealed = [7; PLAIN + OVERHEAD];
        bare.seal(&mut sealed);
        group.bench_function(format!("{}-ring-alone", name(aead)), |bencher| {
            bencher.iter_batched_ref(|| sealed, |packet| bare.open(1, packet), BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// A step of each kind: what is paid once a minute.
fn step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    for aead in Aead::ALL {
        let secret = DirectionSecret::new([1; 32]);
        let (mut sealer, mut opener) = (Sealer::new(aead, &secret), Opener::new(aead, &secret));
        let mut now = NOW;
        group.bench_function(format!("{}-both-sides", name(aead)), |bencher| {
            bencher.iter(|| {
                now += EPOCH_LIFE;
                sealer.on_time(now);
                opener.on_time(now);
                let mut packet = [7; PLAIN + OVERHEAD];
                let _sealed = sealer.seal(0, &mut packet, PLAIN).expect("numbers are left");
                opener.open(&mut packet).expect("it is fresh").number
            });
        });
    }
    let (ours, theirs) = (Seed::from_u64(1), Seed::from_u64(2));
    let mut initiator = RekeyInitiator::new(RekeySecret::new([1; 32]), ours, NOW);
    let mut responder = RekeyResponder::new(RekeySecret::new([1; 32]), theirs);
    let mut now = NOW;
    group.bench_function("re-key-both-sides", |bencher| {
        bencher.iter(|| {
            now += REKEY_EVERY;
            let offer = initiator.offer(now).expect("it is due");
            let (answer, _) = responder.answer(&offer, now).expect("the offer is honest");
            initiator.finish(&answer, now).expect("the answer is honest")
        });
    });
    group.finish();
}

criterion_group!(benches, seal, open, step);
criterion_main!(benches);
