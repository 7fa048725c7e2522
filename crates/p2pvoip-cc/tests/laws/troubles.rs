//! What does not last: clocks that drift or jump, packets out of order or twice, feedback late or missing, new paths.

use crate::flow::{Flow, Scene, mean, queue_95};
use crate::subject::{Subject, laws};
use p2pvoip_cc::Breaker;

laws! {
    clocks_of_different_speed_are_no_queue;

    a_jump_of_the_receivers_clock_is_no_queue;

    a_small_jump_of_the_receivers_clock_is_overcome;
    a_long_way_with_gaps_is_remembered;
    a_sender_that_slept_goes_on;
    a_link_that_has_become_slower_is_no_queue_for_long;
    a_slower_link_is_no_queue_for_long_without_pairs_either;
    packets_out_of_order_or_twice_are_no_congestion;
    jitter_is_no_queue;
    loss_cuts_nothing;
    late_feedback_makes_no_queue;
    half_of_the_feedback_is_enough;
    feedback_that_stops_stops_the_flow_and_that_comes_back_restores_it;
    a_new_path_begins_at_the_start_rate_and_owes_nothing;
}

/// Runs a scene of 20 s; the rate of the last 10 s in parts in a hundred of the undisturbed one's, and the queue.
fn disturbed<S: Subject>(scene: Scene) -> (u64, u64) {
    let capacity = scene.capacity[0].1;
    let plain = mean(&Flow::new(S::fresh(), Scene::new(20, capacity)).run(), 10, 20);
    let mut flow = Flow::new(S::fresh(), scene);
    let seen = flow.run();
    assert_eq!(flow.controller.target().breaker, Breaker::Closed);
    (100 * mean(&seen, 10, 20) / plain, queue_95(&seen, 10, 20))
}

/// On a link that it fills and on one that it cannot, the flow keeps nine tenths of its rate, and no long queue.
fn is_undisturbed<S: Subject>(name: &str, disturb: impl Fn(&mut Scene)) {
    for kbps in [S::NARROW, S::WIDE] {
        let mut scene = Scene::new(20, kbps);
        disturb(&mut scene);
        let (percent, queue) = disturbed::<S>(scene);
        assert!((90..=115).contains(&percent), "{name} at {kbps} kbit/s: {percent} % of the rate");
        assert!(queue <= 100, "{name} at {kbps} kbit/s: {queue} ms of queue");
    }
}

fn clocks_of_different_speed_are_no_queue<S: Subject>() {
    for skew in [-200, 200] {
        is_undisturbed::<S>("skew", |scene| scene.skew = skew);
    }
}

fn a_jump_of_the_receivers_clock_is_no_queue<S: Subject>() {
    for jump in [-1_000_000, -5_000, -60, 300, 5_000, 1_000_000] {
        is_undisturbed::<S>(&format!("a jump of {jump} ms"), |scene| {
            scene.receiver_epoch = 2_000_000_000;
            scene.receiver_jumps = vec![(9_000, jump)];
        });
    }
}

fn a_small_jump_of_the_receivers_clock_is_overcome<S: Subject>() {
    is_undisturbed::<S>("a jump of 60 ms", |scene| scene.receiver_jumps = vec![(4_000, 60)]);
}

fn a_sender_that_slept_goes_on<S: Subject>() {
    for jump in [60, 5_000, 60_000] {
        is_undisturbed::<S>(&format!("a sleep of {jump} ms"), |scene| {
            scene.sender_jumps = vec![(7_010, jump)];
        });
    }
}

/// A round trip of 600 ms and every 4 s a gap of 500 ms, in which nothing passes.
fn a_long_way_with_gaps_is_remembered<S: Subject>() {
    let gaps = (0..5).flat_map(|i| [(4_000 * i, S::WIDE), (4_000 * i + 3_500, 0)]).collect();
    let mut flow = Flow::new(S::fresh(), Scene { delay: 300, capacity: gaps, ..Scene::new(20, 0) });
    let seen = flow.run();
    assert_eq!((flow.controller.stats().stale, flow.controller.target().breaker), (0, Breaker::Closed));
    assert!(mean(&seen, 10, 20) * 1_000 >= S::MOST / 2, "{} kbit/s", mean(&seen, 10, 20));
}

fn becomes_slower<S: Subject>(pairs: bool) {
    let narrow = S::NARROW / 2;
    let scene = Scene { capacity: vec![(0, S::WIDE), (6_000, narrow)], pairs, ..Scene::new(20, 0) };
    let seen = Flow::new(S::fresh(), scene).run();
    let (rate, queue) = (mean(&seen, 12, 20), queue_95(&seen, 10, 20));
    assert!((narrow * 8 / 10..=narrow * 11 / 10).contains(&rate), "{rate} kbit/s of {narrow}");
    assert!(queue <= 100, "{queue} ms of queue");
}

fn a_link_that_has_become_slower_is_no_queue_for_long<S: Subject>() {
    becomes_slower::<S>(true);
}

fn a_slower_link_is_no_queue_for_long_without_pairs_either<S: Subject>() {
    becomes_slower::<S>(false);
}

fn packets_out_of_order_or_twice_are_no_congestion<S: Subject>() {
    is_undisturbed::<S>("overtaken", |scene| scene.overtaken = 5);
    is_undisturbed::<S>("twice", |scene| scene.twice = 10);
}

fn jitter_is_no_queue<S: Subject>() {
    for jitter in [10, 20, 30] {
        is_undisturbed::<S>(&format!("jitter of {jitter} ms"), |scene| scene.jitter = jitter);
    }
}

fn loss_cuts_nothing<S: Subject>() {
    for loss in [5, 10] {
        is_undisturbed::<S>("loss", |scene| scene.loss = loss);
    }
}

fn late_feedback_makes_no_queue<S: Subject>() {
    is_undisturbed::<S>("late feedback", |scene| scene.feedback_delay = 300);
}

fn half_of_the_feedback_is_enough<S: Subject>() {
    is_undisturbed::<S>("lost feedback", |scene| scene.feedback_loss = 50);
}

fn feedback_that_stops_stops_the_flow_and_that_comes_back_restores_it<S: Subject>() {
    let mut flow = Flow::new(S::fresh(), Scene { silent: Some((6_000, 9_000)), ..Scene::new(20, S::WIDE) });
    let seen = flow.run();
    let (before, least) = (seen[6_000].target.wire, seen[9_000].target.wire);
    assert!(least <= before.scaled(4, 10), "{least:?} of {before:?} after 3 s");
    assert!(mean(&seen, 14, 20) * 1_000 >= before.scaled(9, 10).as_bps(), "5 s later it is back");
    let mut dead = Flow::new(S::fresh(), Scene { silent: Some((2_000, 20_000)), ..Scene::new(20, S::WIDE) });
    let seen = dead.run();
    let open = seen.iter().find(|seen| seen.target.breaker == Breaker::Open).map(|seen| seen.ms);
    assert!((17_000..17_300).contains(&open.unwrap()), "{open:?} ms");
    assert_eq!(seen[16_000].target.wire, seen[16_900].target.wire, "at its least since long");
}

fn a_new_path_begins_at_the_start_rate_and_owes_nothing<S: Subject>() {
    let start = S::fresh().target().wire;
    let mut flow = Flow::new(S::fresh(), Scene { paths: vec![8_000], ..Scene::new(20, S::WIDE) });
    let seen = flow.run();
    assert!(seen[7_900].target.wire > start && seen[8_000].target.wire <= start);
    let rtt = flow.controller.stats().rtt.unwrap().as_millis();
    assert!((80..130).contains(&rtt), "{rtt} ms");
    assert!(mean(&seen, 13, 20) * 10 >= mean(&seen, 5, 8) * 9);
    // All that went by the old path has been told by now: only what is on its way is in flight.
    assert!(flow.controller.stats().in_flight <= seen[19_999].target.wire * crate::flow::ms(300));
}
