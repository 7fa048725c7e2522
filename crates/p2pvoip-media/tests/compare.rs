//! Alignment of sounds made for the purpose; real speech through Opus is compared in the codec's tests.
#![allow(clippy::unwrap_used, clippy::allow_attributes, clippy::cast_possible_truncation, reason = "a test")]

use p2pvoip_core::Seed;
use p2pvoip_media::compare::align;

/// Syllables of 80 to 250 ms: each a noise of its own colour and loudness, as unlike one another as speech is.
fn babble(seed: u64, samples: usize) -> Vec<i16> {
    let mut rng = Seed::from_u64(seed).rng();
    let mut sound = Vec::with_capacity(samples);
    while sound.len() < samples {
        let loud = 100.0 + rng.unit() * 1_000.0;
        let pitches = [0.02 + rng.unit() * 0.08, 0.1 + rng.unit() * 0.15, 0.25 + rng.unit() * 0.2];
        let mut poles = [(0.0, 0.0); 3];
        for _ in 0..(4_000 + rng.below(8_000)) {
            let breath = (rng.unit() - 0.5) * loud;
            // Three resonators of two poles each, as a mouth has.
            for ((a, b), pitch) in poles.iter_mut().zip(pitches) {
                let next = 1.94 * f64::cos(pitch) * *a - 0.9409 * *b + breath;
                (*b, *a) = (*a, next);
            }
            let sum: f64 = poles.iter().map(|pole| pole.0).sum();
            sound.push(sum.clamp(-30_000.0, 30_000.0) as i16);
        }
    }
    sound.truncate(samples);
    sound
}

#[test]
fn the_offset_is_found_to_the_sample_before_and_after() {
    let said = babble(1, 144_000);
    let mut heard = vec![0; 12_345];
    heard.extend_from_slice(&said);
    let alignment = align(&said, &heard);
    assert_eq!(alignment.offset, 12_345);
    assert!(
        alignment.correlation > 0.99 && alignment.share() > 0.99,
        "{} {}",
        alignment.correlation,
        alignment.share()
    );
    let alignment = align(&said, &said[20_001..]);
    assert_eq!(alignment.offset, -20_001);
    assert!((0.80..0.92).contains(&alignment.share()), "{}", alignment.share());
}

#[test]
fn a_hole_is_seen_where_it_is() {
    let said = babble(2, 192_000);
    let mut heard = said.clone();
    heard[96_000..144_000].fill(0);
    let alignment = align(&said, &heard);
    let missing = |range: core::ops::Range<usize>| {
        range.filter(|at| alignment.frames[*at].active && !alignment.frames[*at].is_present()).count()
    };
    assert!(missing(215..285) > 60 && missing(0..185) == 0 && missing(320..390) == 0);
    assert!((60..130).contains(&alignment.longest_gap()), "{}", alignment.longest_gap());
}

#[test]
fn a_sound_that_was_stretched_is_followed() {
    let said = babble(3, 192_000);
    // A period is put in every 100 ms: 5 % longer.
    let mut heard = Vec::new();
    for part in said.chunks(4_800) {
        heard.extend_from_slice(part);
        heard.extend_from_slice(&part[part.len() - 240..]);
    }
    let alignment = align(&said, &heard);
    assert!(alignment.share() > 0.9, "{}", alignment.share());
    assert!(alignment.frames.last().unwrap().lag - alignment.frames[0].lag >= 15);
}

#[test]
fn another_sound_silence_and_nothing_are_not_present() {
    let said = babble(4, 192_000);
    let other = align(&said, &babble(5, 192_000));
    assert!(other.share() < 0.15, "{}", other.share());
    assert_eq!(align(&said, &vec![0; 96_000]).present(), 0);
    assert_eq!(align(&said, &[]).present(), 0);
    assert_eq!(align(&[], &said).active(), 0);
    assert_eq!(align(&[1; 300], &[1; 300]).frames.len(), 0);
}
