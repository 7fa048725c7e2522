//! A controller in a loop of str0m's shape (`handle_input`, `poll_output`), with the feedback that browsers send:
//! transport-wide congestion control. Prints the rate that Google's law finds on a link of 600 kbit/s.
//!
//! The session below stands for str0m's `Rtc`: it is given datagrams and time, and asked what to send, when to wake and
//! what happened. The feedback is real: RTCP bytes, written and read by this crate.

use core::time::Duration;
use std::collections::VecDeque;

use p2pvoip_cc::twcc::{self, Head, Packet};
use p2pvoip_cc::{Controller, Gcc, GccConfig, Sent};
use p2pvoip_core::{Bitrate, DataSize, Instant};

/// What the loop brings.
#[derive(Clone, Copy)]
enum Input<'a> {
    Timeout,
    Rtcp(&'a [u8]),
}

/// What the session wants.
enum Output {
    Timeout(Instant),
    /// A packet with this transport-wide number.
    Transmit(u64, DataSize),
    EgressBitrateEstimate(Bitrate),
}

struct Session {
    controller: Gcc,
    next_packet: Instant,
    number: u64,
    told: Bitrate,
    now: Instant,
}

impl Session {
    fn handle_input(&mut self, input: Input<'_>, now: Instant) -> Result<(), Box<dyn core::error::Error>> {
        self.now = now;
        match input {
            Input::Timeout => self.controller.on_time(now),
            Input::Rtcp(bytes) => {
                for report in Packet::parse(bytes)?.reports(self.number)? {
                    self.controller.on_feedback(&report, now);
                }
            }
        }
        Ok(())
    }

    fn poll_output(&mut self) -> Output {
        let rate = self.controller.target().wire;
        if rate != self.told {
            self.told = rate;
            return Output::EgressBitrateEstimate(rate);
        }
        if self.now < self.next_packet {
            let wake =
                self.controller.next_at().map_or(self.next_packet, |wake| wake.at.min(self.next_packet));
            return Output::Timeout(wake);
        }
        let (number, size) = (self.number + 1, DataSize::from_bytes(1_200));
        self.controller.on_sent(Sent { number, size, path: 0 }, self.now);
        (self.number, self.next_packet) = (number, self.next_packet.max(self.now) + size / rate);
        Output::Transmit(number, size)
    }
}

/// What has come by now.
fn due<T>(under_way: &mut VecDeque<(Instant, T)>, now: Instant) -> impl Iterator<Item = (Instant, T)> {
    core::iter::from_fn(move || if under_way.front()?.0 <= now { under_way.pop_front() } else { None })
}

const LINK: Bitrate = Bitrate::from_kbps(600);
const ONE_WAY: Duration = Duration::from_millis(40);
const FEEDBACK: Duration = Duration::from_millis(50);

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut now = Instant::from_millis(1_000);
    let controller = GccConfig::default().build()?;
    let told = controller.target().wire;
    let mut session = Session { controller, next_packet: now, number: 0, told, now };
    let (mut link_free, mut next_feedback, mut head) = (now, now + FEEDBACK, Head::default());
    let (mut arrivals, mut returning) = (VecDeque::new(), VecDeque::new());
    let (mut estimates, mut estimate) = (0, told);
    while now < Instant::from_millis(41_000) {
        let wake = loop {
            match session.poll_output() {
                Output::Timeout(at) => break at,
                Output::Transmit(number, size) => {
                    link_free = link_free.max(now) + size / LINK;
                    arrivals.push_back((link_free + ONE_WAY, number));
                }
                Output::EgressBitrateEstimate(rate) => (estimates, estimate) = (estimates + 1, rate),
            }
        };
        now = wake.max(now + Duration::from_millis(1)).min(next_feedback);
        session.handle_input(Input::Timeout, now)?;
        if now == next_feedback {
            next_feedback += FEEDBACK;
            let came: Vec<(Instant, u64)> = due(&mut arrivals, now).collect();
            if let Some((_, first)) = came.first() {
                (head.base, head.feedback) = (u16::try_from(first & 0xffff)?, head.feedback.wrapping_add(1));
                let times: Vec<Option<Instant>> = came.iter().map(|(at, _)| Some(*at)).collect();
                let mut rtcp = vec![0; 1_500];
                let len = twcc::emit(&mut rtcp, head, &times)?;
                rtcp.truncate(len);
                returning.push_back((now + ONE_WAY, rtcp));
            }
        }
        for (_, rtcp) in due(&mut returning, now) {
            session.handle_input(Input::Rtcp(&rtcp), now)?;
        }
    }
    println!("after 40 s: {} kbit/s by {estimates} estimates", estimate.as_bps() / 1_000);
    assert!(estimate > Bitrate::from_kbps(400) && estimate < Bitrate::from_kbps(700), "it fits the link");
    Ok(())
}
