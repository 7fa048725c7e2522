//! Both lines with their callbacks in virtual time: sound cards whose clocks are wrong, for an hour.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of samples within an hour, and tones within 16 bits"
)]

use std::sync::Arc;

use proptest::prelude::*;

use super::callback::{Capture, Playout};
use super::drift::Steering;
use super::line::{CaptureLine, PlayoutLine};
use super::ring::ring;
use crate::frame::{FRAME, Frame};

#[global_allocator]
static ALLOCATOR: p2pvoip_sim::alloc::CountingAllocator = p2pvoip_sim::alloc::CountingAllocator;

/// A ring whose samples are only counted, so that an hour takes no time.
struct Counted {
    steering: Steering,
    rate: f64,
    /// How fast the card's clock runs.
    card: f64,
    block: f64,
    waiting: f64,
    /// Seconds of true time, and those at which the card comes next.
    time: f64,
    next_card: f64,
}

impl Counted {
    fn new(rate: u32, ppm: f64, block: u32) -> Self {
        let (rate, block) = (f64::from(rate), f64::from(block));
        let steering = Steering::new(rate as u32);
        let waiting = steering.target_samples() as f64 + block;
        Self { steering, rate, card: 1.0 + ppm * 1e-6, block, waiting, time: 0.0, next_card: 0.0 }
    }

    /// One frame as a microphone: the card brings blocks, we take 10 ms. Gives the level after it.
    fn microphone(&mut self) -> f64 {
        let mut largest = 0;
        while self.next_card <= self.time {
            self.waiting += self.block;
            self.next_card += self.block / (self.rate * self.card);
            largest = self.block as usize;
        }
        let speed = self.steering.observe(self.waiting as usize, largest);
        self.waiting -= self.rate * 0.01 * speed;
        self.time += 0.01;
        self.waiting
    }

    /// One frame as a speaker: we bring 10 ms, the card takes blocks. Gives the level after it.
    fn speaker(&mut self) -> f64 {
        let speed = self.steering.observe(self.waiting as usize, self.block as usize);
        self.waiting += self.rate * 0.01 / speed;
        while self.next_card <= self.time {
            self.waiting -= self.block;
            self.next_card += self.block / (self.rate * self.card);
        }
        self.time += 0.01;
        self.waiting
    }
}

const SECOND: usize = 100;
const HOUR: usize = 3_600 * SECOND;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_clock_that_is_off_never_starves_or_floods_a_ring_in_an_hour(
        ppm in -300.0..300.0_f64,
        rate in prop::sample::select(vec![8_000_u32, 16_000, 44_100, 48_000, 96_000]),
        block_millis in 2_u32..50,
        speaker in any::<bool>(),
    ) {
        let block = rate * block_millis / 1_000;
        let mut ring = Counted::new(rate, ppm, block);
        let (mut least, mut most) = (f64::MAX, f64::MIN);
        for frame in 0..HOUR {
            let waiting = if speaker { ring.speaker() } else { ring.microphone() };
            if frame > 60 * SECOND {
                least = least.min(waiting);
                most = most.max(waiting);
            }
        }
        let (least, most) = (least / f64::from(rate), most / f64::from(rate));
        prop_assert!(least >= 0.0, "{least} s waited at least");
        // The target is half a block and 20 ms; a block is how much the level may swing around it.
        let block = f64::from(block_millis) / 1_000.0;
        prop_assert!(most <= 1.5 * block + 0.035, "{most} s waited at most");
    }
}

/// What a microphone gives of a tone of 1 kHz when the card's clock is off, and how often it ran dry.
fn captured(ppm: f64, seconds: usize) -> (Vec<i16>, u64) {
    let rate = 44_100;
    let (producer, consumer, shared) = ring(rate);
    let mut capture = Capture::new(producer, 1, Arc::clone(&shared));
    let mut line = CaptureLine::new(rate, consumer, shared).unwrap();
    let (mut sample, mut due) = (0_u32, 0.0);
    let mut sound = Vec::new();
    for _ in 0..seconds * SECOND {
        due += 441.0 * (1.0 + ppm * 1e-6);
        while f64::from(sample) + 441.0 <= due {
            let block: Vec<f32> = (sample..sample + 441)
                .map(|n| (f64::from(n) * 1_000.0 * std::f64::consts::TAU / 44_100.0).sin() as f32 / 2.0)
                .collect();
            capture.take(&block);
            sample += 441;
        }
        let mut frame = Frame::SILENCE;
        line.read(&mut frame);
        sound.extend_from_slice(&frame.0);
    }
    (sound, line.counted().underruns)
}

#[test]
fn a_tone_from_a_card_that_is_too_fast_or_too_slow_stays_a_tone_without_clicks() {
    for ppm in [-300.0, 0.0, 300.0] {
        let (sound, underruns) = captured(ppm, 20);
        let settled = &sound[48_000..];
        // A tone x obeys x[n+1] + x[n-1] = 2 cos(w) x[n]; a click does not. Half a percent of speed is below 0.1 % of 2 cos(w).
        let twice_cosine = 2.0 * (std::f64::consts::TAU / 48.0).cos();
        let worst = settled
            .windows(3)
            .map(|three| {
                let [a, b, c] = [three[0], three[1], three[2]].map(f64::from);
                (a + c - twice_cosine * b).abs()
            })
            .fold(0.0, f64::max);
        assert!(worst < 60.0, "{ppm} ppm: a jump of {worst} in a tone of 16384");
        let peak = settled.iter().copied().max().unwrap();
        assert!((16_000..16_800).contains(&peak), "{ppm} ppm: {peak}");
        assert_eq!(underruns, 0, "{ppm} ppm");
    }
}

#[test]
fn what_is_written_is_played_and_waits_no_longer_than_it_must() {
    let (producer, consumer, shared) = ring(48_000);
    let mut playout = Playout::new(consumer, 1, Arc::clone(&shared));
    let mut line = PlayoutLine::new(48_000, producer, shared).unwrap();
    let mut played = Vec::new();
    for _ in 0..1_000 {
        line.write(&Frame([8_192; FRAME]));
        let mut block = [0_i16; 480];
        playout.give(&mut block);
        played.extend(block);
    }
    let first = played.iter().position(|sample| *sample > 8_000).unwrap();
    assert!(first < 48 * 40, "{first} samples passed before anything was heard");
    assert!(played[first + 480..].iter().all(|sample| (8_150..8_250).contains(sample)));
    let stats = line.counted();
    assert_eq!((stats.underruns, stats.overruns), (0, 0));
    assert!((10..35).contains(&stats.waiting.as_millis()), "{stats:?}");
}

#[test]
fn old_sound_is_skipped_when_somebody_begins_to_listen_and_a_dry_ring_fills_again_before_it_plays() {
    let (producer, consumer, shared) = ring(48_000);
    let mut capture = Capture::new(producer, 1, Arc::clone(&shared));
    let mut line = CaptureLine::new(48_000, consumer, shared).unwrap();
    let mut frame = Frame::SILENCE;
    for block in 0_u16..49 {
        capture.take(&[f32::from(block) / 100.0; 480]);
    }
    assert!(line.read(&mut frame));
    // 0.46 of full scale is what came in three blocks before the last.
    assert!(frame.0[400] > 14_500, "{}", frame.0[400]);
    assert_eq!(line.counted().overruns, 0);
    let mut silent = 0;
    for _ in 0..10 {
        silent += u32::from(!line.read(&mut frame));
    }
    assert!(silent >= 7);
    assert_eq!(line.counted().underruns, 1, "a dry ring is one gap, however long");
    capture.take(&[0.1; 480]);
    assert!(!line.read(&mut frame), "it waits until enough is there");
    for _ in 0..4 {
        capture.take(&[0.1; 480]);
    }
    assert!(line.read(&mut frame));
}

#[test]
fn a_speaker_that_nobody_empties_drops_what_is_too_much() {
    let (producer, consumer, shared) = ring(48_000);
    let mut line = PlayoutLine::new(48_000, producer, shared).unwrap();
    for _ in 0..1_000 {
        line.write(&Frame::SILENCE);
    }
    assert!(consumer.slots() < 48 * 100, "{}", consumer.slots());
    assert!(line.counted().overruns > 900);
}

#[test]
fn rates_that_no_device_has_are_refused() {
    for rate in [0, 3_999, 768_001, u32::MAX] {
        let (producer, consumer, shared) = ring(rate.min(48_000));
        assert!(CaptureLine::new(rate, consumer, Arc::clone(&shared)).is_none(), "{rate}");
        assert!(PlayoutLine::new(rate, producer, shared).is_none(), "{rate}");
    }
}
