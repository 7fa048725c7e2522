//! Feedback: written by the collector, read, and believed by the controller, as in every packet of a call.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has to stop")]

use core::time::Duration;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use p2pvoip_cc::{AudioConfig, AudioController, Controller, FeedbackCollector, Report, Sent};
use p2pvoip_core::{DataSize, Ecn, Instant};

/// What a slot reserves for feedback.
const ROOM: usize = 18;
const PTIME: Duration = Duration::from_millis(20);
const ONE_WAY: Duration = Duration::from_millis(30);

/// A receiver that has got a few packets.
fn receiver(packets: u64) -> (FeedbackCollector, Instant) {
    let mut collector = FeedbackCollector::new();
    let mut now = Instant::from_millis(1_000);
    for number in 0..packets {
        collector.on_received(number, 0, Ecn::NotEct, now);
        now += PTIME;
    }
    (collector, now)
}

/// Feedback is wanted by now, however short of room a collector keeps it.
const LATER: Duration = Duration::from_secs(1);

fn write(criterion: &mut Criterion) {
    let (mut collector, mut now) = receiver(100);
    let mut slot = [0; ROOM];
    let mut number = 100;
    criterion.bench_function("feedback/on_received", |bencher| {
        bencher.iter(|| {
            collector.on_received(black_box(number), 0, Ecn::NotEct, now);
            number += 1;
            now += PTIME;
        });
    });
    criterion.bench_function("feedback/on_received-and-emit", |bencher| {
        bencher.iter(|| {
            collector.on_received(black_box(number), 0, Ecn::NotEct, now);
            number += 1;
            now += LATER;
            collector.emit(black_box(&mut slot), now).expect("there is room")
        });
    });
}

fn read(criterion: &mut Criterion) {
    let (mut collector, now) = receiver(100);
    let mut slot = [0; ROOM];
    let len = collector.emit(&mut slot, now).expect("there is room");
    criterion.bench_function("feedback/parse", |bencher| {
        bencher.iter(|| Report::parse(black_box(&slot[..len]), 99).expect("it was just written"));
    });
}

/// One packet of a call: sent, received, and, when it is time, reported and taken into account.
fn believe(criterion: &mut Criterion) {
    let mut controller = AudioController::new(AudioConfig::default()).expect("the default is valid");
    let mut collector = FeedbackCollector::new();
    let mut now = Instant::from_millis(1_000);
    let mut number = 0;
    criterion.bench_function("feedback/round", |bencher| {
        bencher.iter(|| {
            let size = DataSize::from_bytes(150);
            controller.on_sent(Sent { number, size, path: 0 }, now);
            collector.on_received(number, 0, Ecn::NotEct, now + ONE_WAY);
            let mut slot = [0; ROOM];
            if let Some(len) = collector.emit(&mut slot, now + ONE_WAY) {
                let report = Report::parse(&slot[..len], number).expect("it was just written");
                controller.on_feedback(black_box(&report), now + 2 * ONE_WAY);
            }
            number += 1;
            now += PTIME;
            controller.target()
        });
    });
    let stats = controller.stats();
    // Nothing was run when another name was asked for.
    assert!(number == 0 || (stats.acked > 0 && stats.refused == 0), "the controller believed it");
}

criterion_group!(benches, write, read, believe);
criterion_main!(benches);
