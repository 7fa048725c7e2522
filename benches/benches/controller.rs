//! The congestion controllers alone, for voice and for video: a packet noted, a report of several packets believed, the
//! target asked for, and a flow's share of it.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has to stop")]

use core::time::Duration;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use p2pvoip_cc::{
    AudioConfig, AudioController, Controller, Coupled, Demand, RemoteTime, Report, Sent, Stats, VideoConfig,
    VideoController,
};
use p2pvoip_core::{Bitrate, DataSize, Instant};

const ONE_WAY: Duration = Duration::from_millis(30);

/// A flow of one kind.
struct Kind {
    name: &'static str,
    size: DataSize,
    /// Between two packets.
    every: Duration,
    /// Packets that one report is the first to tell of: 60 ms of voice, 50 ms of video at 1 Mbit/s.
    told: u64,
}

const VOICE: Kind =
    Kind { name: "voice", size: DataSize::from_bytes(150), every: Duration::from_millis(20), told: 3 };
const VIDEO: Kind =
    Kind { name: "video", size: DataSize::from_bytes(1_200), every: Duration::from_millis(10), told: 5 };

fn voice() -> AudioController {
    AudioController::new(AudioConfig::default()).expect("the default is valid")
}

fn video() -> VideoController {
    VideoController::new(VideoConfig::default()).expect("the default is valid")
}

/// A controller that has sent and believed for a while, and the report of the last `told` packets, which it has not seen.
struct Warm<C> {
    controller: C,
    next: u64,
    now: Instant,
    report: Report,
}

fn warm<C: Controller>(mut controller: C, kind: &Kind) -> Warm<C> {
    let mut now = Instant::from_millis(1_000);
    let mut number = 0;
    loop {
        for _ in 0..kind.told {
            controller.on_sent(Sent { number, size: kind.size, path: 0 }, now);
            number += 1;
            now += kind.every;
        }
        let report = report(number - 1, now, kind);
        if number >= 100 * kind.told {
            return Warm { controller, next: number, now: now + ONE_WAY, report };
        }
        controller.on_feedback(&report, now + ONE_WAY);
    }
}

/// All have come, each after the way; the receiver tells of the last 33 numbers and of the times of the new ones.
fn report(largest: u64, now: Instant, kind: &Kind) -> Report {
    let came = |back: u32| RemoteTime::from_micros((now - kind.every * back + ONE_WAY).as_micros());
    let mut report = Report::new(largest, Some(came(1)), Some(0));
    for back in 1..=u32::try_from(largest.min(32)).expect("it is small") {
        report.push((u64::from(back) < kind.told).then(|| came(back + 1)));
    }
    report
}

fn controller<C: Controller + Clone>(
    criterion: &mut Criterion,
    kind: &Kind,
    fresh: fn() -> C,
    stats: fn(&C) -> Stats,
) {
    let mut group = criterion.benchmark_group(format!("controller/{}", kind.name));
    let Warm { mut controller, next, mut now, report } = warm(fresh(), kind);
    let unbelieved = controller.clone();
    let at = now;
    group.bench_function("target", |bencher| bencher.iter(|| black_box(&controller).target()));
    let mut number = next;
    group.bench_function("on_sent", |bencher| {
        bencher.iter(|| {
            controller.on_sent(Sent { number: black_box(number), size: kind.size, path: 0 }, now);
            number += 1;
            now += kind.every;
        });
    });
    // The time shown is that of all packets that a report tells of; the throughput is of packets.
    group.throughput(Throughput::Elements(kind.told));
    group.bench_function("on_feedback", |bencher| {
        bencher.iter_batched_ref(
            || unbelieved.clone(),
            |controller| controller.on_feedback(black_box(&report), at),
            BatchSize::NumIterations(16),
        );
    });
    group.finish();
    let mut believed = unbelieved.clone();
    believed.on_feedback(&report, at);
    assert_eq!(stats(&believed).acked - stats(&unbelieved).acked, kind.told, "the controller believed it");
}

fn voice_and_video(criterion: &mut Criterion) {
    controller(criterion, &VOICE, voice, AudioController::stats);
    controller(criterion, &VIDEO, video, VideoController::stats);
}

fn share(criterion: &mut Criterion) {
    let mut coupled: Coupled<VideoController, 4> = Coupled::new(video());
    for (flow, most) in [64, 300, 2_000, 2_000].into_iter().enumerate() {
        let demand = Demand { most: Bitrate::from_kbps(most), ..Demand::greedy(1) };
        coupled.set(flow, demand).expect("there is room");
    }
    criterion
        .bench_function("controller/share-of-four", |bencher| bencher.iter(|| black_box(&coupled).share(2)));
}

criterion_group!(benches, voice_and_video, share);
criterion_main!(benches);
