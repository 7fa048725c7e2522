//! hot
use core::time::Duration;
use p2pvoip_cc::{
    AudioConfig, AudioController, Controller, RemoteTime, Report, Sent, VideoConfig, VideoController,
};
use p2pvoip_core::{DataSize, Instant};
use std::hint::black_box;
fn run<C: Controller + Clone>(fresh: C, told: u64, size: u64, every: u64) {
    let size = DataSize::from_bytes(size);
    let ow = Duration::from_millis(30);
    let every = Duration::from_millis(every);
    let mut c = fresh;
    let mut now = Instant::from_millis(1000);
    let mut n = 0u64;
    // warm
    for _ in 0..100 {
        for _ in 0..told {
            c.on_sent(Sent { number: n, size, path: 0 }, now);
            n += 1;
            now += every;
        }
        let came = |back: u32| RemoteTime::from_micros((now - every * back + ow).as_micros());
        let mut r = Report::new(n - 1, Some(came(1)), Some(0));
        for back in 1..=(n as u32 - 1).min(32) {
            r.push((u64::from(back) < told).then(|| came(back + 1)));
        }
        c.on_feedback(&r, now + ow);
    }
    for _ in 0..told {
        c.on_sent(Sent { number: n, size, path: 0 }, now);
        n += 1;
        now += every;
    }
    let came = |back: u32| RemoteTime::from_micros((now - every * back + ow).as_micros());
    let mut r = Report::new(n - 1, Some(came(1)), Some(0));
    for back in 1..=(n as u32 - 1).min(32) {
        r.push((u64::from(back) < told).then(|| came(back + 1)));
    }
    let m = 4_000_000u32;
    let mut best = (u128::MAX, u128::MAX);
    for _ in 0..5 {
        let t = std::time::Instant::now();
        for _ in 0..m / 5 {
            let mut d = black_box(&c).clone();
            d.on_feedback(black_box(&r), now + ow);
            black_box(&d);
        }
        let a = t.elapsed();
        let t = std::time::Instant::now();
        for _ in 0..m / 5 {
            let d = black_box(&c).clone();
            black_box(&d);
        }
        let b = t.elapsed();
        best = (best.0.min((a - b.min(a)).as_nanos()), best.1.min(b.as_nanos()));
    }
    println!(
        "feedback {:.1} ns ({:.1} a packet), clone {:.1}",
        best.0 as f64 / f64::from(m / 5),
        best.0 as f64 / f64::from(m / 5) / told as f64,
        best.1 as f64 / f64::from(m / 5)
    );
}
fn main() {
    println!("{} {}", size_of::<AudioController>(), size_of::<VideoController>());
    run(AudioController::new(AudioConfig::default()).unwrap(), 3, 150, 20);
    run(VideoController::new(VideoConfig::default()).unwrap(), 5, 1200, 10);
}
