//! Voice over a path that is never full, whose delay varies by chance and independently for each packet, so that packets
//! overtake one another: the rate stays at the most.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

use core::time::Duration;
use p2pvoip_cc::{AudioConfig, AudioController, Controller, FeedbackCollector, Path, Report, Sent};
use p2pvoip_core::{DataSize, Ecn, Instant, Rng, Seed};
use std::collections::BTreeMap;

/// How the delay of a packet varies, in ms.
#[derive(Clone, Copy, Debug)]
enum Jitter {
    /// From none to so much.
    Even(f64),
    /// Normal, with this deviation (Box and Muller 1958), about 20 ms and never below none.
    Normal(f64),
}

impl Jitter {
    fn draw(self, rng: &mut Rng) -> Duration {
        let millis = match self {
            Self::Even(most) => most * rng.unit(),
            Self::Normal(deviation) => {
                let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
                (20.0 + deviation * radius * (core::f64::consts::TAU * rng.unit()).cos()).max(0.0)
            }
        };
        Duration::from_secs_f64(millis / 1_000.0)
    }
}

/// The greatest wire rate of the default configuration, in bits a second.
const MOST: u64 = 92_800;

/// What moves.
enum Moving {
    There(u64),
    Back([u8; 64], usize),
}

/// The mean of the target from the second second of 60 on, in parts in a hundred of the most, with 5 % of packets lost.
fn used(jitter: Jitter, seed: u64) -> u64 {
    let mut rng = Seed::from_u64(seed).rng();
    let mut controller = AudioController::new(AudioConfig::default()).unwrap();
    controller.on_path(Path::ipv4(0), Instant::from_millis(1_000));
    let mut receiver = FeedbackCollector::new();
    let mut moving: BTreeMap<(Instant, u64), Moving> = BTreeMap::new();
    let (mut order, mut sum, mut count) = (0, 0, 0);
    let (mut number, mut at) = (0, Instant::from_millis(1_000));
    let end = Instant::from_millis(61_000);
    while at < end {
        let target = controller.target();
        let due = moving.first_key_value().map(|(key, _)| *key).filter(|(due, _)| *due <= at);
        if let Some(key) = due {
            let now = key.0;
            match moving.remove(&key).unwrap() {
                Moving::There(number) => {
                    receiver.on_received(number, 0, Ecn::NotEct, now);
                    let mut slot = [0; 64];
                    if let Some(len) = receiver.emit(&mut slot, now) {
                        order += 1;
                        moving.insert((now + jitter.draw(&mut rng), order), Moving::Back(slot, len));
                    }
                }
                Moving::Back(slot, len) => {
                    let report = Report::parse(&slot[..len], number).unwrap();
                    controller.on_feedback(&report, now);
                }
            }
            continue;
        }
        controller.on_time(at);
        let micros = u64::try_from(target.ptime.as_micros()).unwrap();
        let size = DataSize::from_bytes(target.wire.as_bps() * micros / 8_000_000);
        for _ in 0..=u64::from(target.probe) {
            number += 1;
            controller.on_sent(Sent { number, size, path: 0 }, at);
            if !rng.chance(0.05) {
                order += 1;
                moving.insert((at + jitter.draw(&mut rng), order), Moving::There(number));
            }
        }
        if at > Instant::from_millis(2_000) {
            (sum, count) = (sum + target.wire.as_bps(), count + 1);
        }
        at += target.ptime;
    }
    sum * 100 / count / MOST
}

#[test]
fn jitter_that_is_no_queue_costs_no_rate() {
    let normal = [4.0, 8.0, 12.0, 16.0].map(Jitter::Normal);
    let even = [8.0, 16.0, 24.0, 40.0, 60.0].map(Jitter::Even);
    for jitter in normal.into_iter().chain(even) {
        let used: Vec<_> = (0..10).map(|seed| used(jitter, seed)).collect();
        assert!(used.iter().all(|used| *used >= 93), "{jitter:?}: {used:?} % of the most");
    }
}
