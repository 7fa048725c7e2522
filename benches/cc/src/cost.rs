//! What the workspace's controllers cost: the time of a packet noted and of a packet told of, and their size.
//!
//! Times are medians of many short batches in a release build; they are measured when they are asked for, and no test
//! depends on them. Sizes are held by the controllers' own tests as well.

use std::hint::black_box;
use std::time::Duration;

use p2pvoip_cc::{
    AudioConfig, AudioController, Controller, RemoteTime, Report, Sent, VideoConfig, VideoController,
};
use p2pvoip_core::{DataSize, Instant};

use crate::clock;

/// A packet noted takes this many nanoseconds at most.
const ON_SENT: f64 = 15.0;
/// A packet that feedback tells of for the first time.
const FEEDBACK: f64 = 25.0;
/// Bytes of a controller of voice at most.
const VOICE_SIZE: usize = 1_536;
/// Of video.
const VIDEO_SIZE: usize = 4_096;

/// Batches of which the median is taken.
const BATCHES: usize = 4_000;
/// Packets noted in a batch.
const SENDS: u32 = 256;
/// Reports believed in a batch, each by a controller of its own.
const REPORTS: usize = 16;
const ONE_WAY: Duration = Duration::from_millis(30);

/// What something costs, and what it may.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cost {
    /// Whose cost.
    pub flow: &'static str,
    /// What it is, with its unit.
    pub what: &'static str,
    /// The most it may.
    pub most: f64,
    /// What it is.
    pub is: f64,
}

impl Cost {
    /// Whether it is within its limit.
    pub fn is_met(&self) -> bool {
        self.is <= self.most
    }
}

/// A flow of one kind.
struct Kind {
    flow: &'static str,
    size: DataSize,
    /// Between two packets.
    every: Duration,
    /// Packets that one report is the first to tell of: 60 ms of voice, 50 ms of video at 1 Mbit/s.
    told: u64,
}

const VOICE: Kind =
    Kind { flow: "voice", size: DataSize::from_bytes(150), every: Duration::from_millis(20), told: 3 };
const VIDEO: Kind =
    Kind { flow: "video", size: DataSize::from_bytes(1_200), every: Duration::from_millis(10), told: 5 };

/// Measures all of them; none when the configuration of a controller is refused.
pub fn measure() -> Option<Vec<Cost>> {
    let voice = AudioController::new(AudioConfig::default()).ok()?;
    let video = VideoController::new(VideoConfig::default()).ok()?;
    let mut costs = times(voice, &VOICE);
    costs.push(size("voice", VOICE_SIZE, size_of::<AudioController>()));
    costs.extend(times(video, &VIDEO));
    costs.push(size("video", VIDEO_SIZE, size_of::<VideoController>()));
    Some(costs)
}

const fn size(flow: &'static str, most: usize, is: usize) -> Cost {
    Cost { flow, what: "size in bytes", most: most as f64, is: is as f64 }
}

fn times<C: Controller + Clone>(fresh: C, kind: &Kind) -> Vec<Cost> {
    let Warm { controller, mut number, mut now, report } = warm(fresh, kind);
    let mut sender = controller.clone();
    let sent = median(|| {
        let begin = clock::now();
        for _ in 0..SENDS {
            sender.on_sent(Sent { number: black_box(number), size: kind.size, path: 0 }, now);
            number += 1;
            now += kind.every;
        }
        begin.elapsed()
    });
    let at = now_of(&report, kind);
    let told = median(|| {
        let mut these: Vec<C> = vec![controller.clone(); REPORTS];
        let begin = clock::now();
        for one in &mut these {
            one.on_feedback(black_box(&report), at);
        }
        let passed = begin.elapsed();
        black_box(&these);
        passed
    });
    vec![
        Cost { flow: kind.flow, what: "on_sent ns", most: ON_SENT, is: sent / f64::from(SENDS) },
        Cost {
            flow: kind.flow,
            what: "feedback ns a packet",
            most: FEEDBACK,
            is: told / (REPORTS as u64 * kind.told) as f64,
        },
    ]
}

/// The median of many batches, in nanoseconds.
fn median(mut batch: impl FnMut() -> Duration) -> f64 {
    let mut times: Vec<Duration> = (0..BATCHES).map(|_| batch()).collect();
    times.sort_unstable();
    times.get(BATCHES / 2).map_or(0.0, Duration::as_secs_f64) * 1e9
}

/// A controller that has sent and believed for a while, and the report that it has not seen.
struct Warm<C> {
    controller: C,
    number: u64,
    now: Instant,
    report: Report,
}

fn warm<C: Controller>(mut controller: C, kind: &Kind) -> Warm<C> {
    let (mut number, mut now) = (0, Instant::from_millis(1_000));
    loop {
        for _ in 0..kind.told {
            controller.on_sent(Sent { number, size: kind.size, path: 0 }, now);
            number += 1;
            now += kind.every;
        }
        let report = report(number - 1, now, kind);
        if number >= 100 * kind.told {
            return Warm { controller, number, now, report };
        }
        controller.on_feedback(&report, now + ONE_WAY);
    }
}

/// All have come, each after the way; the receiver tells of the last 33 numbers and of the times of the new ones.
fn report(largest: u64, now: Instant, kind: &Kind) -> Report {
    let came = |back: u64| RemoteTime::from_micros((now - kind.every * back as u32 + ONE_WAY).as_micros());
    let mut report = Report::new(largest, Some(came(1)), Some(0));
    for back in 1..=largest.min(32) {
        report.push((back < kind.told).then(|| came(back + 1)));
    }
    report
}

/// When a report comes: a way after it was written, which is a way after its newest packet left.
fn now_of(report: &Report, kind: &Kind) -> Instant {
    Instant::from_millis(1_000) + kind.every * (report.largest() + 1) as u32 + ONE_WAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warm_controller_believes_the_report_it_is_measured_with() {
        let Warm { mut controller, report, .. } =
            warm(AudioController::new(AudioConfig::default()).expect("the default is valid"), &VOICE);
        let before = controller.stats().acked;
        controller.on_feedback(&report, now_of(&report, &VOICE));
        assert_eq!(controller.stats().acked - before, VOICE.told);
    }

    #[test]
    fn a_cost_is_met_up_to_its_limit() {
        let cost = |is| Cost { flow: "voice", what: "on_sent ns", most: 15.0, is };
        assert!(cost(15.0).is_met() && !cost(15.1).is_met());
    }
}
