//! Voice and pictures over one transport: one controller for both, one pacer in which voice never waits, and the rate
//! divided so that voice has what it needs.
//!
//! `cargo run -p p2pvoip-cc --example coupled`

use core::time::Duration;
use p2pvoip_cc::{
    Class, Controller, Coupled, Demand, Pacer, Path, RemoteTime, Report, Sent, VideoConfig, VideoController,
};
use p2pvoip_core::{Bitrate, DataSize, Instant};

/// The owner's numbers of the flows.
const VOICE: usize = 0;
const PICTURES: usize = 1;

/// A sender of both flows on one transport.
struct Sender {
    transport: Coupled<VideoController, 2>,
    pacer: Pacer,
    /// The next number, and what the pictures have sent.
    number: u64,
    shown: DataSize,
}

impl Sender {
    fn wire(&self, flow: usize) -> Bitrate {
        self.transport.share(flow).map_or(Bitrate::default(), |target| target.wire)
    }

    /// Whether a packet left.
    fn send(&mut self, size: DataSize, class: Class, now: Instant) -> bool {
        let in_flight = self.transport.controller().stats().in_flight;
        let leaves =
            self.pacer.has_room(size, class, in_flight) && self.pacer.permit(size, class, now).is_ok();
        if leaves {
            self.transport.on_sent(Sent { number: self.number, size, path: 0 }, now);
            self.number += 1;
        }
        leaves
    }

    /// A millisecond: voice asks first, each 20 ms; then pictures fill their share.
    fn step(&mut self, ms: u64, now: Instant) {
        let voice = self.wire(VOICE) * Duration::from_millis(20);
        let waits = ms.is_multiple_of(20) && !self.send(voice, Class::Audio, now);
        assert!(!waits, "voice never waits");
        let picture = DataSize::from_bytes(1_200);
        if self.shown < self.wire(PICTURES) * Duration::from_millis(ms)
            && self.send(picture, Class::Video, now)
        {
            self.shown += picture;
        }
    }
}

/// What the other end of an empty path tells: all has come. (A real one has a `FeedbackCollector`.)
fn report(largest: u64, now: Instant) -> Report {
    let mut report = Report::new(largest, Some(RemoteTime::from_micros(now.as_micros())), Some(0));
    (0..largest.min(60)).for_each(|_| report.push(None));
    report
}

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut now = Instant::from_millis(1_000);
    let mut transport = Coupled::new(VideoController::new(VideoConfig::default())?);
    transport.on_path(Path::ipv4(0), now);
    let kbps = Bitrate::from_kbps;
    // Voice weighs four times as much as pictures, up to what its codec can use.
    transport.set(VOICE, Demand { weight: 4, least: kbps(24), most: kbps(80) })?;
    transport.set(PICTURES, Demand { weight: 1, least: kbps(50), most: kbps(2_000) })?;
    let pacer = Pacer::new(&transport.target(), now);
    let mut sender = Sender { transport, pacer, number: 0, shown: DataSize::default() };
    for ms in 0..3_000 {
        sender.step(ms, now);
        if ms % 50 == 0 {
            sender.transport.on_feedback(&report(sender.number - 1, now), now);
            sender.pacer.set_target(&sender.transport.target(), now);
        }
        now += Duration::from_millis(1);
    }
    let (voice, pictures) = (sender.wire(VOICE), sender.wire(PICTURES));
    println!("voice has {voice:?}, pictures {pictures:?} of {:?}", sender.transport.target().wire);
    assert_eq!((voice, voice + pictures), (kbps(80), sender.transport.target().wire));

    // What one flow does not want the other gets.
    sender.transport.pause(VOICE);
    assert_eq!(sender.wire(PICTURES), sender.transport.target().wire);
    Ok(())
}
