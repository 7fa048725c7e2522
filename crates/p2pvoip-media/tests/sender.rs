//! The sender: one size per rung, copies, a bounded queue, pauses.
#![allow(clippy::unwrap_used, clippy::unnecessary_wraps, clippy::allow_attributes, reason = "a test")]

mod bench;

use bench::{Plain, budget};
use core::time::Duration;
use p2pvoip_core::{Bitrate, Instant, Seed};
use p2pvoip_media::payload::{Chunk, Chunks, Kind};
use p2pvoip_media::{Budget, FRAME, Frame, PAUSE, QUEUE_LIMIT, Redundancy, Sender, SenderConfig};

fn sender() -> Sender<Plain> {
    let mut config = SenderConfig::default();
    config.first_media_time = 65_528;
    Sender::new(Plain::default(), &config)
}

fn at(frame: u64) -> Instant {
    Instant::from_millis(1_000 + 10 * frame)
}

#[test]
fn media_time_runs_on_over_the_wrap_and_the_first_packet_is_marked() {
    let mut sender = sender();
    let mut seen = Vec::new();
    for n in 0..6 {
        sender.push(&Frame([900; FRAME]), at(n));
        let mut out = [0; 300];
        while let Some(packed) = sender.pull(&mut out) {
            let (kind, inside) = Chunks::new(&out[..packed.len]).next().unwrap().unwrap();
            assert_eq!((kind, packed.made), (Kind::AUDIO, at(n)));
            let chunk = Chunk::parse(inside).unwrap();
            seen.push((packed.media_time, chunk.media_time, chunk.marker));
        }
    }
    assert_eq!(seen, [(65_528, 65_528, true), (65_536, 0, false), (65_544, 8, false)]);
}

#[test]
fn a_copy_shares_the_body_and_filler_stands_in_where_there_is_none_yet() {
    let mut sender = sender();
    sender.set_budget(Budget { loss: 0.1, burst: 2.0, ..budget() });
    assert_eq!(sender.stats().redundancy, Redundancy::Copy { distance: 2 });
    let mut bodies = Vec::new();
    for n in 0..12 {
        sender.push(&Frame([900; FRAME]), at(n));
        let mut out = [0; 300];
        if let Some(packed) = sender.pull(&mut out) {
            assert_eq!(packed.len, sender.rung().body_len());
            let chunks: Vec<_> = Chunks::new(&out[..packed.len]).map(|chunk| chunk.unwrap().0).collect();
            let copy = Chunks::new(&out[..packed.len]).nth(1).unwrap().unwrap().1;
            bodies.push((chunks[1], Chunk::parse(copy).map(|copy| (copy.distance, copy.media_time)).ok()));
            assert_eq!((chunks.len(), chunks[0]), (2, Kind::AUDIO));
        }
    }
    assert_eq!((bodies[0].0, bodies[1].0), (Kind::FILLER, Kind::FILLER));
    assert_eq!(bodies[2], (Kind::AUDIO, Some((2, 65_528))));
    assert_eq!(bodies[3], (Kind::AUDIO, Some((2, 0))));
}

#[test]
fn the_queue_drops_its_oldest_at_the_limit() {
    let mut sender = sender();
    for n in 0..2 * (QUEUE_LIMIT as u64 + 3) {
        sender.push(&Frame([900; FRAME]), at(n));
    }
    assert_eq!((sender.stats().packets, sender.stats().dropped), (QUEUE_LIMIT as u64 + 3, 3));
    let mut out = [0; 300];
    let times: Vec<_> =
        core::iter::from_fn(|| sender.pull(&mut out)).map(|packed| packed.media_time).collect();
    assert_eq!(times.len(), QUEUE_LIMIT);
    assert_eq!(times[0], 65_528 + 3 * 8);
    for n in 100..102 {
        sender.push(&Frame([900; FRAME]), at(n));
    }
    assert_eq!(sender.pull(&mut [0; 10]), None, "too little room");
    assert_eq!(sender.stats().dropped, 4);
}

#[test]
fn a_pause_of_the_microphone_moves_media_time_and_marks_the_next_packet() {
    let mut sender = sender();
    let mut out = [0; 300];
    for n in [0, 1, 2, 100, 101] {
        sender.push(&Frame([900; FRAME]), at(n));
    }
    assert!(PAUSE < Duration::from_millis(970));
    let first = sender.pull(&mut out).unwrap();
    let second = sender.pull(&mut out).unwrap();
    assert_eq!(second.media_time - first.media_time, 100 * 4, "as much as the clock");
    let inside = Chunks::new(&out[..second.len]).next().unwrap().unwrap().1;
    assert!(Chunk::parse(inside).unwrap().marker);
    assert_eq!(sender.stats().pauses, 1);
}

#[test]
fn every_body_has_its_rungs_size_through_any_budgets() {
    let mut rng = Seed::from_u64(3).rng();
    let mut sender = sender();
    let mut out = [0; 300];
    let mut media_time = 65_528;
    for n in 0..6_000 {
        if rng.chance(0.1) {
            let loss = [0.0, 0.05, 0.2][usize::try_from(rng.below(3)).unwrap()];
            let wire = Bitrate::from_kbps(rng.below(130));
            let burst = [1.0, 2.0, 8.0][usize::try_from(rng.below(3)).unwrap()];
            sender.set_budget(Budget { wire, loss, burst, ..budget() });
        }
        sender.push(&Frame([900; FRAME]), at(n));
        while let Some(packed) = sender.pull(&mut out) {
            assert_eq!(packed.len, packed.rung.body_len());
            assert_eq!(packed.media_time, media_time, "no hole");
            media_time += u64::try_from(packed.rung.ptime.as_micros()).unwrap() / 2_500;
            let mut bytes = 0;
            for chunk in Chunks::new(&out[..packed.len]) {
                bytes += 2 + chunk.unwrap().1.len();
            }
            assert_eq!(bytes, packed.len, "chunks fill the body");
        }
    }
    assert_eq!(sender.stats().failed, 0);
}
