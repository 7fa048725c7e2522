//! Our controllers in the shape of quinn's congestion `Controller`: acknowledgements become reports, the target a window.
//! Prints the rate and the window at which a flow over a link of 1 Mbit/s settles.
//!
//! The trait below has the shape of `quinn_proto::congestion::Controller` (0.11), so that the adapter needs no change but
//! the import. QUIC tells no arrival times: the moment of the acknowledgement stands for them, which measures the round
//! trip in place of the one-way delay (RFC 8698 section 6.1 discusses the difference).

use core::time::Duration;
use std::collections::VecDeque;

use p2pvoip_cc::{Controller, RemoteTime, Report, Sent, VideoConfig, VideoController};
use p2pvoip_core::{Bitrate, DataSize, Instant};

/// The part of quinn's trait that decides.
trait QuinnController {
    /// The last of some packets left; `bytes` is its size.
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64);
    /// A packet that left at `sent` was acknowledged.
    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool);
    /// The acknowledgements of one frame have been told.
    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>);
    /// Packets were lost, or marked.
    fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent: bool, lost_bytes: u64);
    /// Bytes that may be in flight.
    fn window(&self) -> u64;
}

/// A packet that was sent: its number, when, and whether an acknowledgement told of it.
type Flown = (u64, Instant, bool);

struct Adapter<C> {
    controller: C,
    /// The last packets: a report tells of at most 64.
    flown: VecDeque<Flown>,
    rtt: Duration,
}

impl<C: Controller> QuinnController for Adapter<C> {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        let sent = Sent { number: last_packet_number, size: DataSize::from_bytes(bytes), path: 0 };
        self.controller.on_sent(sent, now);
        self.flown.push_front((last_packet_number, now, false));
        self.flown.truncate(p2pvoip_cc::REACH * 4);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, _bytes: u64, _app_limited: bool) {
        self.rtt = now.saturating_since(sent);
        // Packets are told apart by when they left; of those that left together the oldest is taken first.
        if let Some(packet) = self.flown.iter_mut().rev().find(|(_, at, told)| *at == sent && !told) {
            packet.2 = true;
        }
    }

    fn on_end_acks(&mut self, now: Instant, _in_flight: u64, _app_limited: bool, largest: Option<u64>) {
        let Some(largest) = largest else { return };
        let mut report = Report::new(largest, Some(RemoteTime::from_micros(now.as_micros())), Some(0));
        for (_, _, told) in self.flown.iter().filter(|(number, ..)| *number < largest) {
            if *told { report.push(None) } else { report.push_missing() }
        }
        self.controller.on_feedback(&report, now);
    }

    fn on_congestion_event(&mut self, now: Instant, _sent: Instant, _is_persistent: bool, _lost_bytes: u64) {
        // Losses are seen in the reports; time alone may have passed.
        self.controller.on_time(now);
    }

    fn window(&self) -> u64 {
        let target = self.controller.target();
        let two_rounds = (target.pacing * (self.rtt * 2)).as_bytes();
        two_rounds.max(2 * 1_200).min(target.window.as_bytes())
    }
}

const LINK: Bitrate = Bitrate::from_kbps(1_000);
const PACKET: DataSize = DataSize::from_bytes(1_200);

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut quinn = Adapter {
        controller: VideoController::new(VideoConfig::default())?,
        flown: VecDeque::new(),
        rtt: Duration::ZERO,
    };
    let mut now = Instant::from_millis(1_000);
    let (mut number, mut link_free, mut next) = (0, now, now);
    let mut under_way: VecDeque<(Instant, Instant, u64)> = VecDeque::new();
    while now < Instant::from_millis(31_000) {
        let in_flight = under_way.len() as u64 * PACKET.as_bytes();
        if now >= next && in_flight < quinn.window() {
            quinn.on_sent(now, PACKET.as_bytes(), number);
            link_free = link_free.max(now) + PACKET / LINK;
            under_way.push_back((link_free + Duration::from_millis(80), now, number));
            (number, next) = (number + 1, now + PACKET / quinn.controller.target().wire);
        }
        while let Some(&(at, sent, number)) = under_way.front().filter(|(at, ..)| *at <= now) {
            under_way.pop_front();
            quinn.on_ack(at, sent, PACKET.as_bytes(), false);
            quinn.on_end_acks(at, in_flight, false, Some(number));
        }
        now += Duration::from_millis(1);
    }
    let wire = quinn.controller.target().wire;
    println!("after 30 s: {} kbit/s, a window of {} bytes", wire.as_bps() / 1_000, quinn.window());
    assert!(wire > Bitrate::from_kbps(800) && wire < Bitrate::from_kbps(1_100), "{wire:?} fits the link");
    quinn.on_congestion_event(now, now, false, 0);
    Ok(())
}
