//! Calls over links that are full, that mark, that fall silent: what the rate does, and what is told of it.

mod story;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use p2pvoip::telemetry::Congestion;
use p2pvoip::{CallStats, Codec};
use p2pvoip_core::{Bitrate, Seed};
use p2pvoip_sim::{LinkConfig, Loss, Queue, Tap, topology};
use story::{Counting, Outcome, Relays, Story};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn clean() -> LinkConfig {
    LinkConfig::delay(ms(20))
}

/// A link of that rate with a queue that holds half a second, and marks from that wait on.
fn narrow(kbps: u64, mark_above: Option<Duration>) -> LinkConfig {
    LinkConfig { rate: Some(Bitrate::from_kbps(kbps)), queue: Queue::Delay(ms(500)), mark_above, ..clean() }
}

/// A call whose caller has these links up and down, connected.
fn over(up: LinkConfig, down: LinkConfig, relays: Relays) -> Story {
    let seed = Seed::from_u64(91);
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    let side = topology::Side::public().with_links(up, down);
    let topology = topology::two_sides(&seed, side, topology::Side::public());
    let mut story = Story::with_relays(topology, &codec, &seed, relays).untaped();
    assert_eq!(story.call(Duration::ZERO).0, Outcome::Talked);
    story
}

/// The caller's statistics, one for each fifth of a second of that time.
fn watch(story: &mut Story, time: Duration) -> Vec<CallStats> {
    let mut all = Vec::new();
    let until = story.now() + time;
    while story.now() < until {
        story.world.run_for(ms(200));
        all.extend(story.person(story.a).stats.as_deref().copied());
    }
    all
}

/// Of these statistics, the queue that nineteen of twenty stay below.
fn high_queue(stats: &[CallStats]) -> Duration {
    let mut queues: Vec<Duration> = stats.iter().filter_map(|stats| stats.path.queueing_delay).collect();
    queues.sort_unstable();
    queues[queues.len() * 19 / 20]
}

#[test]
fn a_router_that_marks_is_heard_before_a_queue_stands() {
    let mut story = over(narrow(60, Some(ms(5))), clean(), Relays::None);
    let stats = watch(&mut story, Duration::from_secs(20));
    let (last, late) = (stats.last().unwrap().outbound, &stats[25..]);
    assert_eq!(last.packets_sent_with_ect, last.packets_sent, "all that goes direct is marked");
    assert!(last.packets_marked > 10, "{last:?}");
    assert_eq!(last.packets_lost, 0);
    assert!(high_queue(late) < ms(30), "{:?}", high_queue(late));
    let sent = late.iter().map(|stats| stats.outbound.bitrate.as_bps()).sum::<u64>() / late.len() as u64;
    assert!((20_000..66_000).contains(&sent), "{sent} bit/s over 60 kbit/s");
    let peer = story.person(story.b).stats.as_deref().unwrap().outbound;
    assert_eq!(peer.packets_marked, 0, "the way back is free");
    assert!(peer.packets_sent_with_ect > 0);
}

#[test]
fn nothing_enters_a_relay_with_a_mark() {
    let mut story = over(clean(), clean(), Relays::Only);
    let last = watch(&mut story, Duration::from_secs(3)).pop().unwrap().outbound;
    assert!(last.packets_sent > 100);
    assert_eq!((last.packets_sent_with_ect, last.packets_marked), (0, 0));
}

#[test]
fn what_probes_the_path_is_voice_once_more_right_behind_itself() {
    let mut story = over(clean(), clean(), Relays::None);
    let sent = Rc::new(RefCell::new(Vec::new()));
    let (seen, caller) = (Rc::clone(&sent), story.a);
    story.world.tap(move |tapped| {
        if tapped.host == caller && tapped.bytes[0] >= 192 {
            seen.borrow_mut().push((tapped.now, tapped.bytes.len()));
        }
        Tap::Pass
    });
    let before = story.person(story.b).stats.as_deref().map_or(0, |stats| stats.inbound.packets_duplicated);
    watch(&mut story, Duration::from_secs(5));
    let sent = sent.borrow();
    let together: Vec<_> = sent.windows(2).filter(|pair| pair[0].0 == pair[1].0).collect();
    assert!(!together.is_empty(), "at the start the rate could be higher");
    assert!(together.iter().all(|pair| pair[0].1 == pair[1].1), "of one size: {together:?}");
    let twice = story.person(story.b).stats.as_deref().unwrap().inbound.packets_duplicated - before;
    // The first statistics may have counted what was sent before anybody looked.
    assert!(twice.abs_diff(together.len() as u64) <= 1, "{twice} came twice, {} went", together.len());
    assert!(together.len() * 10 < sent.len(), "{} of {}", together.len(), sent.len());
}

#[test]
fn a_full_link_is_told_of_and_packets_grow_longer() {
    let mut story = over(narrow(40, None), clean(), Relays::None);
    let stats = watch(&mut story, Duration::from_secs(20));
    let (first, late) = (stats.first().unwrap(), &stats[50..]);
    assert!(stats.iter().any(|stats| stats.outbound.congestion != Congestion::Growing));
    assert!(late.iter().all(|stats| stats.outbound.ptime > first.outbound.ptime));
    assert!(stats.iter().any(|stats| stats.path.queueing_delay > Some(ms(10))));
}

#[test]
fn without_feedback_the_rate_falls_by_the_clock_and_comes_back() {
    let outages = vec![(Duration::from_secs(12), Duration::from_secs(16))];
    let mut story = over(clean(), LinkConfig { outages, ..clean() }, Relays::None);
    let silent = |stats: &CallStats| stats.outbound.congestion == Congestion::Silent;
    let stats = watch(&mut story, Duration::from_secs(20));
    let from = stats.iter().position(silent).expect("it fell silent");
    let until = stats.iter().rposition(silent).unwrap();
    let target = |at: usize| stats[at].outbound.target_bitrate;
    assert!(target(until) < target(from - 5).scaled(1, 2), "{:?} {:?}", target(from - 5), target(until));
    assert!(until + 5 < stats.len() && !silent(stats.last().unwrap()), "feedback ends it");
    assert!(stats.last().unwrap().outbound.target_bitrate > target(until));
}

#[test]
fn a_call_comes_back_on_a_path_that_was_dead_for_20_seconds() {
    let dies = LinkConfig { outages: vec![(Duration::from_secs(12), Duration::from_secs(32))], ..clean() };
    for down in [dies.clone(), clean()] {
        let mut story = over(dies.clone(), down, Relays::None);
        let before = *watch(&mut story, Duration::from_secs(5)).last().unwrap();
        story.world.run_for(Duration::from_secs(23));
        let open = watch(&mut story, Duration::from_secs(3));
        let rate = |stats: &CallStats| stats.outbound.target_bitrate;
        let (sent, early) = (open.last().unwrap().outbound.packets_sent, open[0].outbound.packets_sent);
        assert!(sent - early <= 10, "{} packets in 3 s into a dead path", sent - early);
        assert!(rate(&open[0]) < rate(&before).scaled(1, 5), "{open:?}");
        // The trial after the end of the outage leaves some seconds later; a few more, and all is as it was.
        watch(&mut story, Duration::from_secs(12));
        let after = *watch(&mut story, Duration::from_secs(1)).last().unwrap();
        assert!(rate(&after) >= rate(&before).scaled(9, 10), "{before:?} {after:?}");
        let heard = story.person(story.b).heard.spoken;
        story.world.run_for(Duration::from_secs(5));
        assert!(story.person(story.b).heard.spoken - heard >= 490, "{:?}", story.person(story.b).heard);
        assert_eq!(story.ends(), (None, None));
    }
}

#[test]
fn the_next_call_to_the_same_peer_starts_where_the_last_one_left_off() {
    let mut story = over(narrow(48, None), clean(), Relays::None);
    let first = watch(&mut story, Duration::from_secs(30));
    story.person_mut(story.a, story::Person::hang_up);
    story.world.run_for(Duration::from_secs(4));
    assert_eq!(story.call(Duration::ZERO).0, Outcome::Talked);
    let second = watch(&mut story, Duration::from_secs(2));
    let start =
        |stats: &[CallStats]| stats.iter().find(|stats| stats.outbound.packets_sent > 0).unwrap().outbound;
    let (was, is) = (start(&first).target_bitrate, start(&second).target_bitrate);
    let left = first.last().unwrap().outbound.target_bitrate;
    assert!(is < was && is.as_bps().abs_diff(left.as_bps()) < 15_000, "{was:?}, {left:?}, then {is:?}");
    // The peer, whose way is free, starts higher than the first time.
    let peer = story.person(story.b).stats.as_deref().unwrap().outbound.target_bitrate;
    assert!(peer > was, "{peer:?}");
}

/// A link that loses, and delays by chance, as a radio link does; nothing queues.
fn shaky(jitter: Duration, loss: f64) -> LinkConfig {
    LinkConfig { jitter, reorders: true, loss: Loss::Independent(loss), ..clean() }
}

#[test]
fn jitter_without_a_queue_costs_no_rate() {
    for jitter in [4, 8, 12, 16, 24, 40] {
        let mut story = over(shaky(ms(jitter), 0.05), clean(), Relays::None);
        let stats = &watch(&mut story, Duration::from_secs(30))[25..];
        let sum: u64 = stats.iter().map(|stats| stats.outbound.target_bitrate.as_bps()).sum();
        let (mean, queue) = (sum / stats.len() as u64, high_queue(stats));
        assert!(mean > 85_000, "{jitter} ms of jitter: {mean} bit/s, a queue of {queue:?} is seen");
    }
}

#[test]
fn a_call_that_begins_on_a_narrow_link_does_not_take_its_own_queue_for_the_distance() {
    for kbps in [24, 28, 32, 40] {
        let mut story = over(narrow(kbps, None), clean(), Relays::None);
        let stats = &watch(&mut story, Duration::from_secs(30))[75..];
        let mut trips: Vec<_> = stats.iter().filter_map(|stats| stats.path.round_trip_time).collect();
        trips.sort_unstable();
        let trip = trips[trips.len() / 2];
        assert!(trip < ms(200), "{kbps} kbit/s: a round trip of {trip:?}, of which 80 ms are the way");
        assert!(story.person(story.a).end().is_none());
    }
}
