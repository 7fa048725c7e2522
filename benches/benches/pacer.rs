//! The pacer: a permit that is given, and one that is not, to voice and to what makes room for it.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has to stop")]

use core::time::Duration;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use p2pvoip_cc::{AudioConfig, AudioController, Class, Controller, Pacer};
use p2pvoip_core::{DataSize, Instant};

const SIZE: DataSize = DataSize::from_bytes(150);

fn permit(criterion: &mut Criterion) {
    let target = AudioController::new(AudioConfig::default()).expect("the default is valid").target();
    let mut now = Instant::from_millis(1_000);
    let mut pacer = Pacer::new(&target, now);
    criterion.bench_function("pacer/permit", |bencher| {
        bencher.iter(|| {
            now += Duration::from_millis(20);
            pacer.permit(black_box(SIZE), Class::Audio, now).is_ok()
        });
    });
    criterion.bench_function("pacer/permit-video", |bencher| {
        bencher.iter(|| {
            now += Duration::from_millis(20);
            pacer.has_room(black_box(SIZE), Class::Video, SIZE)
                && pacer.permit(black_box(SIZE), Class::Video, now).is_ok()
        });
    });
    let mut pacer = Pacer::new(&target, now);
    while pacer.permit(SIZE, Class::Repair, now).is_ok() {}
    criterion.bench_function("pacer/refuse", |bencher| {
        bencher
            .iter(|| pacer.permit(black_box(SIZE), Class::Repair, now).expect_err("the burst is spent").at);
    });
    criterion.bench_function("pacer/set_target", |bencher| {
        bencher.iter(|| pacer.set_target(black_box(&target), now));
    });
}

criterion_group!(benches, permit);
criterion_main!(benches);
