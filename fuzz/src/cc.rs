//! What a peer can say to the congestion controller.

use core::time::Duration;

use p2pvoip_cc::{
    AudioConfig, AudioController, Controller, FeedbackCollector, Fixed, MAX_LEN, Pacer, Path, Report, Sent,
    VideoConfig, VideoController, rfc8888, twcc,
};
use p2pvoip_core::{DataSize, Ecn, Instant};

use crate::script::{number, steps};

/// The highest numbers that were sent, as the bodies have it.
const SENT: [u64; 4] = [0, 90, 70_000, (1 << 48) - 1];

/// The compact form: what parses is emitted as the same bytes, and tells of numbers that were sent.
pub fn feedback(data: &[u8]) {
    for largest_sent in SENT {
        let Ok(report) = Report::parse(data, largest_sent) else { continue };
        let mut buf = [0; MAX_LEN];
        let len = report.emit(&mut buf).expect("MAX_LEN bytes hold every report");
        assert_eq!(&buf[..len], data, "emit undoes parse");
        sound(&report, largest_sent);
    }
}

/// A packet of RFC 8888: what is read is written as the same blocks, and its reports rise.
pub fn rfc8888(data: &[u8]) {
    let Ok(packet) = rfc8888::Packet::parse(data) else { return };
    let mut buf = vec![0; data.len()];
    let mut builder = rfc8888::Builder::new(&mut buf, packet.sender()).expect("it is no shorter");
    for block in packet.blocks() {
        builder.block(block.ssrc(), block.begin(), block.metrics()).expect("it is no longer");
    }
    let len = builder.finish(packet.timestamp()).expect("room was kept");
    let again = rfc8888::Packet::parse(&buf[..len]).expect("what was written is read");
    let same = again.blocks().zip(packet.blocks()).all(|(one, other)| {
        (one.ssrc(), one.begin()) == (other.ssrc(), other.begin()) && one.metrics().eq(other.metrics())
    });
    assert!(same && again.blocks().count() == packet.blocks().count(), "the same blocks");

    let mut flow = rfc8888::Flow::new();
    for largest_sent in SENT {
        for block in packet.blocks() {
            let Ok(reports) = flow.reports(block, packet.timestamp(), largest_sent) else { continue };
            let came = block.metrics().flatten().count();
            rising(reports, came, largest_sent);
        }
    }
}

/// A packet of transport-wide feedback: as many states as it says, and its reports rise.
pub fn twcc(data: &[u8]) {
    let Ok(packet) = twcc::Packet::parse(data) else { return };
    assert_eq!(packet.statuses().count(), packet.len(), "a state for each number");
    let came = packet.statuses().filter(|status| *status != twcc::Status::Missing).count();
    for largest_sent in SENT {
        let Ok(reports) = packet.reports(largest_sent) else { continue };
        rising(reports, came, largest_sent);
    }
    let arrivals: Option<Vec<_>> = packet
        .statuses()
        .map(|status| match status {
            twcc::Status::Missing => Some(None),
            twcc::Status::Untimed => None,
            twcc::Status::At(units) => Some(Some(Instant::from_micros(u64::from(units) * 250))),
        })
        .collect();
    // What has a time for each packet can be written, unless its clock wraps.
    let mut buf = vec![0; 20 + 5 * packet.len()];
    let Some(len) = arrivals.and_then(|arrivals| twcc::emit(&mut buf, packet.head(), &arrivals).ok()) else {
        return;
    };
    let again = twcc::Packet::parse(&buf[..len]).expect("what was written is read");
    assert_eq!(again.head(), packet.head());
    assert!(again.statuses().eq(packet.statuses()), "the same states");
}

/// Reports that tell of `came` packets, each number once, from the lowest up.
fn rising(reports: impl Iterator<Item = Report>, came: usize, largest_sent: u64) {
    let (mut told, mut above) = (0, 0);
    for report in reports {
        sound(&report, largest_sent);
        let lowest = report.arrivals().last().map_or(0, |(number, _)| number);
        assert!(lowest >= above, "each number once, the lowest first");
        above = report.largest() + 1;
        told += report.arrivals().count();
    }
    assert_eq!(told, came, "no packet is lost");
}

/// What holds for every report.
fn sound(report: &Report, largest_sent: u64) {
    assert!(report.largest() <= largest_sent && report.lowest() <= report.largest());
    let numbers: Vec<u64> = report.arrivals().map(|(number, _)| number).collect();
    assert_eq!(numbers.first(), Some(&report.largest()));
    assert!(numbers.is_sorted_by(|higher, lower| higher > lower), "downwards");
    assert!(report.times().len() <= numbers.len(), "a time is that of a packet");
}

/// A script for a sender and a receiver: any feedback, any arrivals, any times. The targets stay within their limits.
pub fn controller(script: &[u8]) {
    let mut voice = AudioController::new(AudioConfig::default()).expect("the default is valid");
    let mut video = VideoController::new(VideoConfig::default()).expect("the default is valid");
    let mut collector = FeedbackCollector::new();
    let mut now = Instant::from_millis(1_000);
    let mut pacer = Pacer::new(&voice.target(), now);
    let mut next = 0;
    for (step, bytes) in steps(script) {
        match step % 6 {
            0 => {
                if let Ok(report) = Report::parse(bytes, next) {
                    voice.on_feedback(&report, now);
                    video.on_feedback(&report, now);
                }
            }
            1 => {
                for &size in bytes {
                    let size = DataSize::from_bytes(u64::from(size) * 8);
                    if let Err(wake) = pacer.permit(size, p2pvoip_cc::Class::Audio, now) {
                        assert!(wake.at > now, "a refusal names a later moment");
                    }
                    voice.on_sent(Sent { number: next, size, path: step >> 5 }, now);
                    video.on_sent(Sent { number: next, size, path: step >> 5 }, now);
                    next += 1;
                    now += Duration::from_millis(20);
                }
            }
            2 => collector.on_received(number(bytes) >> 16, step >> 5, Ecn::from_bits(step >> 3), now),
            3 => now += Duration::from_micros(number(bytes) >> 40),
            4 => {
                let overhead = DataSize::from_bytes(number(bytes) >> 52);
                let path = Path { overhead, ..Path::ipv4(step >> 5) };
                voice.on_path(path, now);
                video.on_path(path, now);
            }
            _ => {
                voice.on_time(now);
                video.on_time(now);
            }
        }
        reported(&mut collector, usize::from(step), now);
        for target in [voice.target(), video.target()] {
            pacer.set_target(&target, now);
            assert!(target.loss <= Fixed::ONE && target.burst >= Fixed::ONE, "{target:?}");
            assert!(target.wire.as_bps() > 0 && target.wire.as_bps() < 10_000_000, "{target:?}");
            assert!(target.pacing >= target.wire, "{target:?}");
        }
    }
}

/// What a collector writes can be read, in every form.
fn reported(collector: &mut FeedbackCollector, room: usize, now: Instant) {
    let largest = collector.largest().unwrap_or_default();
    let mut slot = [0; 256];
    if let Some(len) = collector.emit(&mut slot[..room], now) {
        let report = Report::parse(&slot[..len], largest).expect("a collector writes what can be read");
        assert_eq!(report.largest(), largest);
    }
    let mut builder = rfc8888::Builder::new(&mut slot, 1).expect("there is room");
    builder.collector(2, collector, 64, now).expect("there is room");
    let len = builder.finish(0).expect("room was kept");
    assert!(rfc8888::Packet::parse(&slot[..len]).is_ok());
    if let Some(Ok(len)) = twcc::emit_collected(&mut slot, twcc::Head::default(), collector, room) {
        assert!(twcc::Packet::parse(&slot[..len]).is_ok());
    }
}
