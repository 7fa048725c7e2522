//! Seeds of the forms in which feedback travels.

use core::time::Duration;

use p2pvoip_cc::{FeedbackCollector, rfc8888, twcc};
use p2pvoip_core::{Ecn, Instant};

/// What one target is given.
type Named = Vec<(&'static str, Vec<u8>)>;

pub(super) fn of(target: &str) -> Option<Named> {
    Some(match target {
        "cc-feedback" => feedback(),
        "cc-rfc8888" => rfc8888(),
        "cc-twcc" => twcc(),
        _ => return None,
    })
}

/// A receiver that has got 40 packets from `first` on, every seventh lost, some marked.
fn receiver(first: u64, marked: bool) -> (FeedbackCollector, Instant) {
    let mut collector = FeedbackCollector::new();
    let mut now = Instant::from_millis(1_000);
    for number in (first..first + 40).filter(|number| number % 7 != 0) {
        let ecn = if marked && number % 5 == 0 { Ecn::Ce } else { Ecn::NotEct };
        collector.on_received(number, 1, ecn, now);
        now += Duration::from_millis(20);
    }
    (collector, now)
}

/// Its feedback in the compact form.
pub(super) fn feedback_of(first: u64, room: usize, marked: bool) -> Vec<u8> {
    let (mut collector, now) = receiver(first, marked);
    let mut buf = vec![0; room];
    let len = collector.emit(&mut buf, now).expect("there is something to tell");
    buf.truncate(len);
    buf
}

fn feedback() -> Named {
    // A number that came late is more than 32 below the largest.
    let (mut collector, now) = receiver(100, true);
    collector.on_received(90, 1, Ecn::Ect1, now);
    let mut wide = vec![0; 81];
    let len = collector.emit(&mut wide, now).expect("there is something to tell");
    wide.truncate(len);
    vec![
        ("valid-short", feedback_of(0, 12, false)),
        ("valid-slot", feedback_of(100, 18, false)),
        ("valid-long-marked", feedback_of(65_520, 64, true)),
        ("valid-wide", wide),
        ("hostile-number-below-zero", [&[0, 0, 3][..], &[0, 0, 0, 9], &[0; 5]].concat()),
        ("hostile-more-times-than-packets", vec![0; 40]),
        ("hostile-long-form-of-a-short-gap", [&[0, 0, 3, 0, 0, 0, 1][..], &[0; 5], &[0xc0, 7]].concat()),
        ("hostile-wide-without-need", [&[8, 0, 3][..], &[0; 7], &[1], &[0; 5]].concat()),
        ("hostile-extremes", [&[0xff; 12][..], &[0x80; 28], &[0xff; 3]].concat()),
    ]
}

fn rfc8888() -> Named {
    let (collector, now) = receiver(65_520, true);
    let (other, _) = receiver(7, false);
    let mut buf = vec![0; 400];
    let mut builder = rfc8888::Builder::new(&mut buf, 1).expect("there is room");
    for (ssrc, collector, reach) in [(2, &collector, 64), (3, &other, 7)] {
        builder.collector(ssrc, collector, reach, now).expect("there is room");
    }
    let metrics = [rfc8888::Offset::Units(8_189), rfc8888::Offset::OverRange, rfc8888::Offset::Unknown];
    let metrics = metrics.map(|offset| Some(rfc8888::Metric { ecn: Ecn::Ect1, offset }));
    builder.block(4, 65_534, metrics.into_iter()).expect("there is room");
    let len = builder.finish(0x000a_8000).expect("room was kept");
    buf.truncate(len);
    let mut crowded = buf.clone();
    crowded[14..16].copy_from_slice(&[0x40, 1]);
    let mut padded = buf.clone();
    padded[0] |= 0x20;
    vec![
        ("valid-three-streams", buf),
        ("valid-no-stream", vec![0x8b, 0xcd, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1]),
        ("valid-silent-stream", vec![0x8b, 0xcd, 0, 4, 0, 0, 0, 1, 0, 0, 0, 9, 0, 7, 0, 0, 0, 0, 0, 1]),
        ("hostile-too-many-packets", crowded),
        ("hostile-padding", padded),
        ("hostile-no-timestamp", vec![0x8b, 0xcd, 0, 1, 0, 0, 0, 1]),
    ]
}

fn twcc() -> Named {
    let head = twcc::Head { sender: 1, media: 2, base: 0, feedback: 9 };
    let (collector, now) = receiver(65_520, false);
    let mut buf = vec![0; 400];
    let len =
        twcc::emit_collected(&mut buf, head, &collector, 64).expect("something came").expect("there is room");
    buf.truncate(len);
    let far = [Some(now), None, Some(now + Duration::from_secs(8)), Some(now), Some(now)];
    let mut large = vec![0; 64];
    let len = twcc::emit(&mut large, head, &far).expect("8 s can be told");
    large.truncate(len);
    // Eight runs of 8,191 states are to come.
    let runs = [&[0x8f, 0xcd, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xf8][..], &[0; 4]].concat();
    vec![
        ("valid-voice", buf),
        ("valid-large-distances", large),
        ("valid-longest", [&runs[..], &[0x1f, 0xff].repeat(8)].concat()),
        ("hostile-runs-of-nothing", [&runs[..], &[0; 16]].concat()),
        ("hostile-all-received", [&runs[..], &[0x3f, 0xff].repeat(8)].concat()),
    ]
}
