//! Claims about the pacer, the laws first.

extern crate std;

use super::*;
use p2pvoip_core::Bitrate;
use proptest::prelude::*;
use std::vec::Vec;

fn target(bps: u64) -> Target {
    Target::plain(Bitrate::from_bps(bps), Bitrate::from_bps(bps))
}

fn bytes(size: u64) -> DataSize {
    DataSize::from_bytes(size)
}

fn class(index: u8) -> Class {
    [Class::Audio, Class::Control, Class::Repair, Class::Video, Class::Probe][usize::from(index % 5)]
}

/// Packets that ask, each so many microseconds after the one before: size and class.
fn asks() -> impl Strategy<Value = Vec<(u64, u64, u8)>> {
    proptest::collection::vec((0u64..60_000, 1u64..1_500, any::<u8>()), 1..200)
}

/// The most that may pass in `span`, beyond rounding: the rate times the span, and both bursts for packets up to `largest`.
fn bound(bps: u64, span: Duration, largest: u64, audio: bool, others: bool) -> u64 {
    let rate = Bitrate::from_bps(bps);
    let audio_burst = (rate * AUDIO_TIME).as_bytes().min(AUDIO_PACKETS * largest).max(largest);
    let other_burst = (rate * OTHER_TIME).as_bytes().max(OTHER_PACKETS * largest);
    (rate * span).as_bytes() + u64::from(audio) * audio_burst + u64::from(others) * other_burst + 2
}

proptest! {
    #[test]
    fn in_every_span_no_more_passes_than_the_rate_and_the_bursts(bps in 1_000u64..5_000_000, asks in asks()) {
        let mut now = Instant::from_micros(1_000_000);
        let mut pacer = Pacer::new(&target(bps), now);
        let mut passed: Vec<(Instant, u64, bool)> = Vec::new();
        for (wait, size, index) in asks {
            now += Duration::from_micros(wait);
            match pacer.permit(bytes(size), class(index), now) {
                Ok(()) => passed.push((now, size, class(index) == Class::Audio)),
                Err(wake) => prop_assert!(wake.at > now),
            }
        }
        let largest = passed.iter().map(|(_, size, _)| *size).max().unwrap_or(0);
        for (first, &(start, ..)) in passed.iter().enumerate() {
            let (mut all, mut audio, mut others) = (0, 0, 0);
            for &(at, size, is_audio) in &passed[first..] {
                *(if is_audio { &mut audio } else { &mut others }) += size;
                all += size;
                let span = at.saturating_since(start);
                prop_assert!(all <= bound(bps, span, largest, true, true));
                prop_assert!(audio <= bound(bps, span, largest, true, false));
                prop_assert!(others <= bound(bps, span, largest, false, true));
            }
        }
    }

    #[test]
    fn audio_is_served_as_if_it_were_alone(bps in 1_000u64..5_000_000, asks in asks()) {
        let mut now = Instant::from_micros(1_000_000);
        let (mut shared, mut alone) = (Pacer::new(&target(bps), now), Pacer::new(&target(bps), now));
        for (wait, size, index) in asks {
            now += Duration::from_micros(wait);
            let answer = shared.permit(bytes(size), class(index), now);
            if class(index) == Class::Audio {
                prop_assert_eq!(answer, alone.permit(bytes(size), Class::Audio, now));
            }
        }
    }

    #[test]
    fn what_waits_until_the_wake_is_permitted_and_no_sooner(
        bps in 1u64..5_000_000, size in 1u64..60_000, first in 1u64..60_000, of: u8, index: u8,
    ) {
        let now = Instant::from_micros(77);
        let mut pacer = Pacer::new(&target(bps), now);
        while pacer.permit(bytes(first), class(of), now).is_ok() {}
        if let Err(wake) = pacer.permit(bytes(size), class(index), now) {
            let sooner = Instant::from_micros(wake.at.as_micros() - 1);
            prop_assert!(pacer.clone().permit(bytes(size), class(index), sooner).is_err());
            prop_assert!(pacer.permit(bytes(size), class(index), wake.at).is_ok());
        }
    }

    #[test]
    fn a_refusal_owes_nothing(bps in 1_000u64..5_000_000, asks in asks()) {
        let mut now = Instant::from_micros(1_000_000);
        let mut pacer = Pacer::new(&target(bps), now);
        for (wait, size, index) in asks {
            now += Duration::from_micros(wait);
            let mut asked = pacer.clone();
            if asked.permit(bytes(size), class(index), now).is_err() {
                pacer.pay(now);
                prop_assert_eq!(&asked, &pacer);
            }
            pacer = asked;
        }
    }
}

#[test]
fn audio_at_the_wire_rate_never_waits_beside_greedy_video() {
    for (ptime, size) in [(20, 120), (40, 240), (60, 360)] {
        let mut now = Instant::from_millis(0);
        // All of the rate is the video's if it can take it; audio alone is 48 kbit/s.
        let mut pacer = Pacer::new(&target(500_000), now);
        let mut video = 0;
        for ms in 0..10_000 {
            while pacer.permit(bytes(1_200), Class::Video, now).is_ok() {
                video += 1_200;
            }
            if ms % ptime == 0 {
                assert_eq!(pacer.permit(bytes(size), Class::Audio, now), Ok(()), "{ptime} ms");
            }
            now += Duration::from_millis(1);
        }
        // Video has what audio leaves, and loses nothing by asking second.
        assert!((550_000..=570_000).contains(&video), "{video} bytes in 10 s of 452 kbit/s");
    }
}

#[test]
fn three_packets_of_a_late_device_leave_together_behind_video_and_a_fourth_waits() {
    let mut pacer = Pacer::new(&target(500_000), Instant::default());
    while pacer.permit(bytes(1_200), Class::Video, Instant::default()).is_ok() {}
    for _ in 0..3 {
        assert_eq!(pacer.permit(bytes(120), Class::Audio, Instant::default()), Ok(()));
    }
    let wake = pacer.permit(bytes(120), Class::Audio, Instant::default()).unwrap_err();
    assert_eq!(wake.at, Instant::from_micros(1_920), "120 bytes at 500 kbit/s");
}

#[test]
fn the_burst_of_audio_alone_is_sixty_milliseconds_but_always_a_packet() {
    let mut pacer = Pacer::new(&target(48_000), Instant::default());
    assert_eq!(pacer.permit(bytes(360), Class::Audio, Instant::default()), Ok(()));
    let wake = pacer.permit(bytes(360), Class::Audio, Instant::default()).unwrap_err();
    assert_eq!(wake.at, Instant::from_millis(60));
    let mut slow = Pacer::new(&target(8_000), Instant::default());
    assert_eq!(slow.permit(bytes(360), Class::Audio, Instant::default()), Ok(()));
}

#[test]
fn video_leaves_two_packets_or_five_milliseconds_at_once() {
    for (bps, count) in [(500_000, 2), (1_920_000, 2), (9_600_000, 5)] {
        let mut pacer = Pacer::new(&target(bps), Instant::default());
        let mut passed = 0;
        while pacer.permit(bytes(1_200), Class::Video, Instant::default()).is_ok() {
            passed += 1;
        }
        assert_eq!(passed, count, "{bps} bit/s");
    }
}

#[test]
fn a_copy_leaves_right_behind_its_packet() {
    for class in [Class::Repair, Class::Probe] {
        let mut pacer = Pacer::new(&target(72_000), Instant::default());
        assert_eq!(pacer.permit(bytes(120), Class::Audio, Instant::default()), Ok(()));
        assert_eq!(pacer.permit(bytes(120), class, Instant::default()), Ok(()));
        assert!(pacer.permit(bytes(120), class, Instant::default()).is_err());
    }
}

#[test]
fn time_that_goes_back_gives_nothing() {
    let mut pacer = Pacer::new(&target(8_000), Instant::from_millis(1_000));
    assert!(pacer.permit(bytes(60), Class::Audio, Instant::from_millis(1_000)).is_ok());
    for ms in [0, 1_000, 500] {
        let wake = pacer.permit(bytes(60), Class::Audio, Instant::from_millis(ms)).unwrap_err();
        assert_eq!(wake.at, Instant::from_millis(1_060));
    }
}

#[test]
fn a_new_rate_pays_off_what_was_owed_at_the_old_one() {
    let now = Instant::from_millis(1_000);
    let mut pacer = Pacer::new(&target(96_000), now);
    for _ in 0..2 {
        assert_eq!(pacer.permit(bytes(1_200), Class::Video, now), Ok(()));
    }
    pacer.set_target(&target(9_600), now);
    let wake = pacer.permit(bytes(1_200), Class::Video, now).unwrap_err();
    assert_eq!(wake.at, now + Duration::from_secs(1), "a packet at the new rate");
    pacer.set_target(&target(960_000), now);
    let wake = pacer.permit(bytes(1_200), Class::Video, now).unwrap_err();
    assert_eq!(wake.at, now + Duration::from_millis(10));
}

#[test]
fn a_rate_of_nothing_still_ends_every_wait() {
    let mut pacer = Pacer::new(&target(0), Instant::default());
    assert_eq!(pacer.permit(bytes(1_500), Class::Video, Instant::default()), Ok(()));
    assert_eq!(pacer.permit(bytes(1_500), Class::Video, Instant::default()), Ok(()));
    let wake = pacer.permit(bytes(1_500), Class::Video, Instant::default()).unwrap_err();
    assert_eq!(wake.at, Instant::from_millis(12_000));
}

#[test]
fn past_the_window_only_audio_has_room() {
    let mut small = target(500_000);
    small.window = bytes(10_000);
    let pacer = Pacer::new(&small, Instant::default());
    for class in [Class::Control, Class::Repair, Class::Video, Class::Probe] {
        assert!(pacer.has_room(bytes(1_200), class, bytes(8_800)));
        assert!(!pacer.has_room(bytes(1_200), class, bytes(8_801)));
        assert!(pacer.has_room(bytes(20_000), class, bytes(0)), "one packet always goes");
    }
    assert!(pacer.has_room(bytes(1_200), Class::Audio, bytes(1_000_000)));
}

#[test]
fn the_classes_stand_in_the_order_in_which_they_are_asked_for() {
    let mut order = [Class::Probe, Class::Video, Class::Repair, Class::Control, Class::Audio];
    order.sort_unstable();
    assert_eq!(order, [Class::Audio, Class::Control, Class::Repair, Class::Video, Class::Probe]);
}
