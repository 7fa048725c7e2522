//! What a peer can say to the congestion controller.

use core::time::Duration;

use p2pvoip_cc::{
    AudioConfig, AudioController, Controller, Feedback, FeedbackCollector, MAX_LEN, Pacer, Sent,
};
use p2pvoip_core::{DataSize, Ecn, Instant};

use crate::script::{number, steps};

/// A feedback body: what parses is emitted as the same bytes, and reports at most 33 packets, each below the one before.
pub fn feedback(data: &[u8]) {
    let Ok(feedback) = Feedback::parse(data) else { return };
    let mut buf = [0; MAX_LEN];
    let len = feedback.emit(&mut buf).expect("MAX_LEN bytes hold every feedback");
    assert_eq!(&buf[..len], data, "emit undoes parse");
    assert_eq!(len, feedback.len());
    for largest_sent in [0, 20, 70_000, (1 << 48) - 1] {
        let Some(reports) = feedback.reports(largest_sent) else { continue };
        let numbers: Vec<u64> = reports.map(|report| report.number).collect();
        assert!(numbers.len() <= 33 && numbers.iter().all(|&number| number <= largest_sent));
        assert!(numbers.windows(2).all(|pair| pair[1] + 1 == pair[0]), "one after another, downwards");
    }
}

/// A script for a sender and a receiver: any feedback, any arrivals, any times. The target stays within its limits.
pub fn controller(script: &[u8]) {
    let config = AudioConfig::default();
    let mut controller = AudioController::new(config).expect("the default is valid");
    let mut collector = FeedbackCollector::new();
    let mut now = Instant::from_millis(1_000);
    let mut pacer = Pacer::new(&controller.target(), now);
    let mut next = 0;
    for (step, bytes) in steps(script) {
        match step % 5 {
            0 => {
                if let Ok(feedback) = Feedback::parse(bytes) {
                    controller.on_feedback(&feedback, now);
                }
            }
            1 => {
                for &size in bytes {
                    let size = DataSize::from_bytes(u64::from(size) * 8);
                    let class = p2pvoip_cc::Class::Audio;
                    if let Err(wake) = pacer.permit(size, class, now) {
                        assert!(wake.at > now, "a refusal names a later moment");
                    }
                    controller.on_sent(Sent { number: next, size, path: step >> 5 }, now);
                    next += 1;
                    now += Duration::from_millis(20);
                }
            }
            2 => collector.on_received(number(bytes) >> 16, step >> 5, Ecn::from_bits(step >> 3), now),
            3 => now += Duration::from_micros(number(bytes) >> 40),
            _ => controller.on_path(step >> 5, DataSize::from_bytes(number(bytes) >> 52), now),
        }
        reported(&mut collector, usize::from(step), now);
        let target = controller.target();
        pacer.set_target(&target, now);
        assert!((0.0..=1.0).contains(&target.loss) && target.burst >= 1.0, "{target:?}");
        assert!(target.wire.as_bps() > 0 && target.wire.as_bps() < 1_000_000, "{target:?}");
        assert!(target.pacing >= target.wire, "{target:?}");
    }
}

/// What a collector writes can be read.
fn reported(collector: &mut FeedbackCollector, room: usize, now: Instant) {
    let mut slot = [0; 256];
    if let Some(len) = collector.emit(&mut slot[..room], now) {
        let feedback = Feedback::parse(&slot[..len]).expect("a collector writes what can be read");
        assert_eq!(feedback.len(), len);
    }
}
