//! Paths that die and receivers that fall silent: what stops, what is tried, and what comes back.

use crate::flow::{Flow, Scene, Seen, mean};
use crate::subject::{Subject, laws};
use p2pvoip_cc::{Breaker, Path, RemoteTime, Report, Sent, Target};
use p2pvoip_core::{DataSize, Instant};

laws! {
    a_path_that_was_dead_for_20_s_is_taken_again;
    an_open_breaker_lets_a_packet_pass_ever_more_seldom;
    late_news_closes_the_breaker_at_the_least_rate;
    a_new_path_owes_nothing_to_an_open_breaker;
    a_pause_is_no_silence_even_where_much_is_lost;
    how_often_time_is_looked_at_plays_no_part;
    a_silence_ends_even_where_no_report_tells_a_time;
}

/// A link on which nothing passes from the tenth second until that one.
fn dead<S: Subject>(until: u64, kbps: u64, seconds: u64) -> Scene {
    let capacity = vec![(0, kbps), (10_000, 0), (1_000 * until, kbps)];
    Scene { capacity, ..Scene::new(seconds, 0) }
}

/// From when to when the breaker was open, in ms.
fn open(seen: &[Seen]) -> Option<(u64, u64)> {
    let mut open = seen.iter().filter(|seen| seen.target.breaker.is_open()).map(|seen| seen.ms);
    let from = open.next()?;
    Some((from, open.next_back().unwrap_or(from)))
}

fn a_path_that_was_dead_for_20_s_is_taken_again<S: Subject>() {
    for kbps in [S::NARROW, S::WIDE] {
        let seen = Flow::new(S::fresh(), dead::<S>(30, kbps, 60)).run();
        let (from, to) = open(&seen).unwrap();
        assert!((25_000..25_300).contains(&from), "15 s after the first packet without news: {from} ms");
        // Trials leave 1, 3 and 7 s after it opened.
        assert!((32_000..32_600).contains(&to), "the first trial that came closes it: {to} ms");
        let closed = seen.iter().find(|seen| seen.ms > to).unwrap();
        assert_eq!(closed.target.wire.as_bps(), S::LEAST);
        let (before, after) = (mean(&seen, 5, 10), mean(&seen, 40, 60));
        assert!(after * 10 >= before * 9, "{after} of {before} kbit/s at {kbps}");
    }
}

fn an_open_breaker_lets_a_packet_pass_ever_more_seldom<S: Subject>() {
    let seen = Flow::new(S::fresh(), dead::<S>(200, S::WIDE, 200)).run();
    let (from, _) = open(&seen).unwrap();
    let sent: Vec<u64> =
        seen.iter().filter(|seen| seen.ms > from && seen.sent > 0).map(|seen| seen.ms - from).collect();
    let seconds: Vec<u64> = sent.iter().map(|ms| (ms + 500) / 1_000).collect();
    assert_eq!(seconds, [1, 3, 7, 15, 31, 61, 91, 121, 151], "{sent:?} ms");
    for seen in seen.iter().filter(|seen| seen.target.breaker.is_open()) {
        let Target { wire, probe, .. } = seen.target;
        assert_eq!((wire.as_bps(), probe), (S::LEAST, false));
        assert!(seen.sent <= S::PACKET, "one packet");
    }
}

fn late_news_closes_the_breaker_at_the_least_rate<S: Subject>() {
    let mut flow = Flow::new(S::fresh(), Scene { silent: Some((10_000, 60_000)), ..Scene::new(26, S::WIDE) });
    let seen = flow.run();
    assert_eq!(seen.last().unwrap().target.breaker, Breaker::Open);
    // A report that was made long ago: it tells of packets from before the breaker opened.
    let (now, largest) = (flow.now(), flow.largest().unwrap());
    let report = Report::new(largest - 5, Some(RemoteTime::from_micros(87_000_000)), Some(10));
    flow.controller.on_feedback(&report, now);
    let target = flow.controller.target();
    assert_eq!((target.breaker, target.wire.as_bps()), (Breaker::Closed, S::LEAST));
}

fn a_new_path_owes_nothing_to_an_open_breaker<S: Subject>() {
    let start = S::fresh().target().wire;
    let scene = Scene { paths: vec![28_000], ..dead::<S>(28, S::WIDE, 40) };
    let seen = Flow::new(S::fresh(), scene).run();
    assert!(seen[27_999].target.breaker.is_open());
    assert_eq!((seen[28_000].target.breaker, seen[28_000].target.wire), (Breaker::Closed, start));
    assert_eq!(open(&seen[28_000..]), None);
    assert!(mean(&seen, 35, 40) * 10 >= mean(&seen, 5, 10) * 9);
}

fn a_pause_is_no_silence_even_where_much_is_lost<S: Subject>() {
    for (loss, seed) in [(2, 1), (10, 2), (30, 3), (30, 4), (30, 5), (30, 6)] {
        let pause = Some((15_000, 40_000));
        let scene = Scene { seed, loss, pause, ..Scene::new(60, S::WIDE) };
        let seen = Flow::new(S::fresh(), scene).run();
        assert_eq!(open(&seen), None, "{loss} %");
        let (before, after) = (mean(&seen, 10, 15), mean(&seen, 40, 42));
        assert!(after * 10 >= before * 8, "{loss} %: {after} of {before} kbit/s");
    }
}

/// The targets each 200 ms of a flow that hears nothing from the first second on, when time is looked at each `step` ms; by
/// its own clock where there is none.
fn unheard<S: Subject>(step: Option<u64>) -> Vec<Target> {
    let mut controller = S::fresh();
    controller.on_path(Path::ipv4(0), Instant::from_millis(0));
    let (mut number, mut targets) = (0, Vec::new());
    for at in 0..18_000 {
        let now = Instant::from_millis(at);
        let due = controller.next_at().is_some_and(|wake| wake.at <= now);
        if step.map_or(due, |step| at % step == 0) {
            controller.on_time(now);
        }
        if at % 20 == 0 {
            controller.on_sent(Sent { number, size: DataSize::from_bytes(150), path: 0 }, now);
            number += 1;
        }
        if at % 20 == 5 && at < 1_000 {
            let there = RemoteTime::from_micros(1_000 * at);
            controller.on_feedback(&Report::new(number - 1, Some(there), Some(0)), now);
        }
        if at % 200 == 0 && at >= 1_200 {
            targets.push(controller.target());
        }
    }
    targets
}

fn how_often_time_is_looked_at_plays_no_part<S: Subject>() {
    let [often, seldom, itself] = [Some(10), Some(100), None].map(unheard::<S>);
    assert!(often.last().unwrap().breaker.is_open());
    assert_eq!(often, seldom);
    assert_eq!(often, itself);
}

fn a_silence_ends_even_where_no_report_tells_a_time<S: Subject>() {
    let scene = Scene { untimed: true, silent: Some((5_000, 8_000)), ..Scene::new(40, S::WIDE) };
    let start = S::fresh().target().wire;
    let mut flow = Flow::new(S::fresh(), scene);
    let seen = flow.run();
    assert!(seen[7_900].target.wire < start || S::LEAST == start.as_bps());
    assert!(seen.iter().all(|seen| seen.target.wire <= start), "what no delay speaks for does not rise");
    assert_eq!(seen.last().unwrap().target.wire, start, "it returns to what it was");
    assert_eq!(flow.controller.stats().phase, p2pvoip_cc::Phase::Growing);
}
