//! Packets that go twice, by the flow's own path and by another that the owner tries: what comes by its own is news, though the
//! newest is of the other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

use p2pvoip_cc::{AudioConfig, AudioController, Breaker, Controller, FeedbackCollector, Path, Report, Sent};
use p2pvoip_core::{DataSize, Ecn, Instant};

/// Twenty seconds of packets that leave on these paths in turn, right behind one another, and all arrive 20 ms later.
fn twenty_seconds(paths: [u8; 2]) -> AudioController {
    let mut controller = AudioController::new(AudioConfig::default()).unwrap();
    controller.on_path(Path::ipv4(0), Instant::from_millis(0));
    let mut receiver = FeedbackCollector::new();
    let mut number = 0;
    for frame in 0..1_000u64 {
        let (left, came) = (Instant::from_millis(20 * frame), Instant::from_millis(20 * frame + 20));
        controller.on_time(left);
        for path in paths {
            number += 1;
            controller.on_sent(Sent { number, size: DataSize::from_bytes(120), path }, left);
            receiver.on_received(number, path, Ecn::NotEct, came);
        }
        let mut slot = [0; 64];
        if let Some(len) = receiver.emit(&mut slot, came) {
            let report = Report::parse(slot.get(..len).unwrap(), number).unwrap();
            controller.on_feedback(&report, Instant::from_millis(20 * frame + 40));
        }
    }
    controller
}

#[test]
fn what_comes_by_the_own_path_keeps_it_open_whichever_packet_is_the_newest() {
    for paths in [[0, 1], [1, 0]] {
        let controller = twenty_seconds(paths);
        assert_eq!(controller.target().breaker, Breaker::Closed, "{paths:?}");
        assert!(controller.target().wire.as_bps() >= 50_000, "{paths:?}: {:?}", controller.target().wire);
    }
}
