//! Media time from 16 bits to 64, and what to make of jumps (RFC 3550 appendix A.1 does it for sequence numbers).
//!
//! Arrivals near the newest frame, or near where the sender's clock should be by now, are on the timeline. Anything
//! else is on probation: only two packets in a row that agree with each other begin a new timeline, so that one stray
//! packet moves nothing.

use p2pvoip_core::Instant;

use crate::frame::TICK_MICROS;

/// How far from what is expected a media time may be, in ticks: 2 s.
const NEAR: u64 = 800;
/// How far apart two packets of a new timeline may be, in ticks: 200 ms.
const AGREE: u64 = 80;
/// Where the first media time is put, so that earlier ones still fit below.
const FIRST: u64 = 1 << 32;

/// Where an arrival belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Placed {
    /// On the timeline, at this media time.
    At(u64),
    /// It begins a new timeline at this media time: all before is void.
    Anew(u64),
    /// Far off; only a second one like it would be believed.
    Stray,
}

/// The sender's clock as seen here.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    newest: Option<(u64, Instant)>,
    probation: Option<u64>,
}

impl Timeline {
    /// Expands the media time of a frame itself.
    pub(super) fn place(&mut self, low: u16, now: Instant) -> Placed {
        let Some((newest, at)) = self.newest else {
            return self.begin(FIRST | u64::from(low), now);
        };
        let elapsed = u64::try_from(now.saturating_since(at).as_micros()).unwrap_or(u64::MAX) / TICK_MICROS;
        let expected = newest.saturating_add(elapsed);
        let by_newest = nearest(low, newest);
        let by_clock = nearest(low, expected);
        if let Some(time) = [(by_newest, newest), (by_clock, expected)]
            .into_iter()
            .find_map(|(time, near)| (time.abs_diff(near) <= NEAR).then_some(time))
        {
            self.probation = None;
            if time >= newest {
                self.newest = Some((time, now));
            }
            return Placed::At(time);
        }
        match self.probation.replace(by_clock) {
            Some(other) if by_clock.abs_diff(other) <= AGREE => self.begin(by_clock, now),
            _ => Placed::Stray,
        }
    }

    /// Expands the media time of a copy; it cannot move the timeline.
    pub(super) fn place_copy(&self, low: u16) -> Option<u64> {
        let (newest, _) = self.newest?;
        let time = nearest(low, newest);
        (time.abs_diff(newest) <= NEAR).then_some(time)
    }

    fn begin(&mut self, time: u64, now: Instant) -> Placed {
        self.newest = Some((time, now));
        self.probation = None;
        Placed::Anew(time)
    }
}

/// The media time with these low bits that is nearest to `near`.
fn nearest(low: u16, near: u64) -> u64 {
    let ahead = low.wrapping_sub(low_bits(near));
    if ahead < 0x8000 {
        near.saturating_add(u64::from(ahead))
    } else {
        near.saturating_sub(u64::from(ahead.wrapping_neg()))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
const fn low_bits(time: u64) -> u16 {
    time as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn media_time_is_followed_over_its_wrap() {
        let mut timeline = Timeline::default();
        let start = FIRST | 0xfff0;
        assert_eq!(timeline.place(0xfff0, at(0)), Placed::Anew(start));
        assert_eq!(timeline.place(0xfff8, at(20)), Placed::At(start + 8));
        assert_eq!(timeline.place(0x0000, at(40)), Placed::At(start + 16));
        assert_eq!(timeline.place(0xfff0, at(41)), Placed::At(start), "an old one is still told");
        assert_eq!(timeline.place_copy(0xfff8), Some(start + 8));
    }

    #[test]
    fn a_silence_longer_than_the_wrap_of_16_bits_is_followed_by_the_clock() {
        let mut timeline = Timeline::default();
        timeline.place(0, at(0));
        // 400 s are 160,000 ticks.
        let low = u16::try_from(160_000u64 % 65_536).unwrap();
        assert_eq!(timeline.place(low, at(400_000)), Placed::At(FIRST + 160_000));
    }

    #[test]
    fn one_stray_packet_moves_nothing_and_two_that_agree_do() {
        let mut timeline = Timeline::default();
        timeline.place(0, at(0));
        assert_eq!(timeline.place(20_000, at(20)), Placed::Stray);
        assert_eq!(timeline.place(8, at(21)), Placed::At(FIRST + 8));
        assert_eq!(timeline.place(20_000, at(40)), Placed::Stray);
        assert_eq!(timeline.place(20_008, at(60)), Placed::Anew(FIRST + 20_008));
        assert_eq!(timeline.place_copy(0), None);
    }
}
