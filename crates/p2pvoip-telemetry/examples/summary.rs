//! What an owner of a call tells once a second becomes a summary that a person reads at its end.

use std::time::Duration;

use p2pvoip_core::Instant;
use p2pvoip_telemetry::{CallStats, Observer, Recorder};

fn main() {
    let mut recorder = Recorder::new();
    for second in 0_u64..600 {
        // Counters only grow; here a packet each 20 ms, of which every fortieth does not come.
        let mut stats = CallStats::default();
        stats.duration = Duration::from_secs(second);
        stats.inbound.packets_received = 50 * second - 50 * second / 40;
        stats.inbound.packets_lost = 50 * second / 40;
        recorder.on_stats(&stats, Instant::from_millis(1_000 * second));
    }
    let summary = recorder.summary();
    println!("{summary}");
    assert_eq!(summary.duration().as_secs(), 599);
    assert!(recorder.samples().len() <= 240, "ten minutes take no more room than one");
    println!("{} samples are kept, one every {:?}", recorder.samples().len(), recorder.interval());
}
