//! The controller in somebody else's loop: a link of 40 kbit/s is found out and filled, and no queue stands in it.
//! Prints the rate after a minute and how long half of the packets were on the link.
//!
//! The loop below is all that a stack has to do; the link is four lines of arithmetic. Any `Controller` fits.

use core::time::Duration;
use std::collections::VecDeque;

use p2pvoip_cc::{
    AudioConfig, AudioController, Class, Controller, FeedbackCollector, MAX_LEN, Pacer, Report, Sent,
};
use p2pvoip_core::{Bitrate, Ecn, Instant};

const LINK: Bitrate = Bitrate::from_kbps(40);
const ONE_WAY: Duration = Duration::from_millis(40);
const TICK: Duration = Duration::from_millis(5);

/// What has come by now.
fn due<T>(under_way: &mut VecDeque<(Instant, T)>, now: Instant) -> Option<(Instant, T)> {
    if under_way.front()?.0 <= now { under_way.pop_front() } else { None }
}

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut now = Instant::from_millis(1_000);
    let mut controller = AudioController::new(AudioConfig::default())?;
    let mut pacer = Pacer::new(&controller.target(), now);
    let mut collector = FeedbackCollector::new();
    let (mut number, mut next_packet, mut link_free) = (0, now, now);
    let (mut arrivals, mut reports) = (VecDeque::new(), VecDeque::new());
    let mut late = Vec::new();

    while now < Instant::from_millis(61_000) {
        // A packet is made as often and as large as the target says, and sent when the pacer permits.
        let target = controller.target();
        let size = target.wire * target.ptime;
        if now >= next_packet && pacer.permit(size, Class::Audio, now).is_ok() {
            controller.on_sent(Sent { number, size, path: 0 }, now);
            link_free = link_free.max(now) + size / LINK;
            late.push(link_free.saturating_since(now));
            arrivals.push_back((link_free + ONE_WAY, number));
            (number, next_packet) = (number + 1, next_packet + target.ptime);
        }
        // The other side takes note, and its next packet carries what it has seen.
        while let Some((at, number)) = due(&mut arrivals, now) {
            collector.on_received(number, 0, Ecn::NotEct, at);
            let mut room = [0; MAX_LEN];
            if let Some(len) = collector.emit(&mut room, at) {
                reports.push_back((at + ONE_WAY, (room, len)));
            }
        }
        // What it has seen is believed, and the pacer follows.
        while let Some((_, (room, len))) = due(&mut reports, now) {
            let report = Report::parse(room.get(..len).unwrap_or_default(), number)?;
            controller.on_feedback(&report, now);
        }
        if controller.next_at().is_some_and(|wake| wake.at <= now) {
            controller.on_time(now);
        }
        pacer.set_target(&controller.target(), now);
        now += TICK;
    }

    let wire = controller.target().wire;
    late.drain(..late.len() / 2);
    late.sort();
    let median = late.get(late.len() / 2).copied().unwrap_or_default();
    println!(
        "after a minute: {} kbit/s, half of the packets were on the link for {median:?} or less",
        wire.as_bps() / 1_000
    );
    assert!(wire <= Bitrate::from_kbps(48) && wire >= Bitrate::from_kbps(20), "{wire:?} fits the link");
    assert!(median < Duration::from_millis(100), "no queue stands: {median:?}");
    Ok(())
}
