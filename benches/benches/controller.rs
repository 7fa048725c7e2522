//! The congestion controller alone: a packet noted, feedback of ten packets believed, the target asked for.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has to stop")]

use core::time::Duration;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use p2pvoip_cc::{AudioConfig, AudioController, Controller, FeedbackCollector, Report, Sent};
use p2pvoip_core::{DataSize, Ecn, Instant};

const SIZE: DataSize = DataSize::from_bytes(150);
const PTIME: Duration = Duration::from_millis(20);
const ONE_WAY: Duration = Duration::from_millis(30);
/// Packets that one feedback is the first to tell of.
const TOLD: u64 = 10;

/// A controller that has sent `packets`, the moment after, and what the receiver tells of them.
fn sent(packets: u64) -> (AudioController, Instant, Report) {
    let mut controller = AudioController::new(AudioConfig::default()).expect("the default is valid");
    let mut collector = FeedbackCollector::new();
    let mut now = Instant::from_millis(1_000);
    for number in 0..packets {
        controller.on_sent(Sent { number, size: SIZE, path: 0 }, now);
        collector.on_received(number, 0, Ecn::NotEct, now + ONE_WAY);
        now += PTIME;
    }
    let mut slot = [0; 64];
    let len = collector.emit(&mut slot, now + ONE_WAY).expect("there is room");
    let report = Report::parse(&slot[..len], packets).expect("it was just written");
    (controller, now + 2 * ONE_WAY, report)
}

fn note(criterion: &mut Criterion) {
    let (mut controller, mut now, _) = sent(1);
    let mut number = 1;
    criterion.bench_function("controller/on_sent", |bencher| {
        bencher.iter(|| {
            controller.on_sent(Sent { number: black_box(number), size: SIZE, path: 0 }, now);
            number += 1;
            now += PTIME;
        });
    });
    criterion.bench_function("controller/target", |bencher| bencher.iter(|| black_box(&controller).target()));
}

fn believe(criterion: &mut Criterion) {
    let (controller, now, report) = sent(TOLD);
    criterion.bench_function("controller/on_feedback-of-ten", |bencher| {
        bencher.iter_batched_ref(
            || controller.clone(),
            |controller| controller.on_feedback(black_box(&report), now),
            BatchSize::SmallInput,
        );
    });
    let mut believed = controller;
    believed.on_feedback(&report, now);
    assert_eq!(believed.stats().acked, TOLD, "the controller believed it");
}

criterion_group!(benches, note, believe);
criterion_main!(benches);
