//! What plays no part: where numbers and clocks begin, what is told twice, and what cannot be true.

use crate::flow::{Flow, Scene, Seen};
use crate::subject::{Subject, laws};
use p2pvoip_cc::{Controller, RemoteTime, Report, Stats};
use p2pvoip_core::Seed;

laws! {
    numbers_may_begin_anywhere;
    clocks_may_begin_anywhere;
    a_report_told_twice_changes_nothing;
    what_cannot_be_true_changes_nothing_but_its_count;
    a_number_told_before_is_not_sent_again;
}

/// A path with everything on it, so that every part of a controller is asked.
fn busy<S: Subject>() -> Scene {
    let mut scene = Scene::new(12, S::NARROW);
    scene.capacity = vec![(0, S::NARROW), (4_000, S::NARROW / 2), (8_000, S::WIDE)];
    (scene.loss, scene.twice, scene.feedback_loss) = (3, 3, 5);
    scene.paths = vec![10_000];
    scene
}

fn run<S: Subject>(scene: Scene) -> (Vec<Seen>, Stats) {
    let mut flow = Flow::new(S::fresh(), scene);
    let seen = flow.run();
    let stats = flow.controller.stats();
    (seen, stats)
}

fn numbers_may_begin_anywhere<S: Subject>() {
    let from_zero = run::<S>(busy::<S>());
    for first in [1, 77, (1 << 16) - 40, (1 << 32) - 40, (1 << 48) - 40] {
        assert_eq!(run::<S>(Scene { first, ..busy::<S>() }), from_zero, "from {first:x}");
    }
}

fn clocks_may_begin_anywhere<S: Subject>() {
    /// Ticks are compared, so that both clocks are moved by whole ones.
    const TICK: u64 = 64;
    let plain = run::<S>(busy::<S>());
    let scene = busy::<S>();
    // The receiver's 24 bits wrap three seconds in, and the sender's 24 and 32 bits.
    let receiver = ((TICK << 24) - 3_000_000).next_multiple_of(TICK) + scene.receiver_epoch % TICK;
    let sender =
        [24, 32].map(|bits| ((TICK << bits) - 3_000_000).next_multiple_of(TICK) + scene.sender_epoch % TICK);
    assert_eq!(run::<S>(Scene { receiver_epoch: receiver, ..busy::<S>() }), plain);
    for sender_epoch in sender {
        assert_eq!(run::<S>(Scene { sender_epoch, ..busy::<S>() }), plain, "from {sender_epoch}");
    }
}

fn a_report_told_twice_changes_nothing<S: Subject>() {
    let mut once = Flow::new(S::fresh(), busy::<S>());
    let mut twice = Flow::new(S::fresh(), busy::<S>());
    twice.repeats = true;
    for _ in 0..once.scene.ms {
        assert_eq!(once.step(), twice.step());
    }
    let news = |stats: Stats| (stats.acked, stats.lost, stats.unreported, stats.refused, stats.in_flight);
    assert_eq!(news(once.controller.stats()), news(twice.controller.stats()));
}

/// Reports of numbers never sent, before the first, or held for longer than they have been on their way.
fn lies(random: u64, flow: &Flow<impl Controller>) -> Report {
    let (sent, first) = (flow.largest().unwrap_or(flow.scene.first), flow.scene.first);
    let at = Some(RemoteTime::from_micros(random >> 8));
    let day = Some(u32::MAX);
    match random % 4 {
        0 => Report::new(sent + 1 + random % 1_000, at, Some(0)),
        1 => Report::new(u64::MAX - random % 1_000, at, None),
        2 => Report::new(first - 1 - random % 1_000, at, Some(10)),
        _ => Report::new(sent, at, day),
    }
}

fn what_cannot_be_true_changes_nothing_but_its_count<S: Subject>() {
    let scene = Scene { first: 5_000, ..busy::<S>() };
    let (mut told, mut lied_to) = (Flow::new(S::fresh(), scene.clone()), Flow::new(S::fresh(), scene));
    let mut random = Seed::from_u64(7).rng();
    for _ in 0..told.scene.ms {
        let lie = lies(random.next_u64(), &lied_to);
        lied_to.controller.on_feedback(&lie, lied_to.now());
        assert_eq!(told.step(), lied_to.step());
    }
    let (truth, lies) = (told.controller.stats(), lied_to.controller.stats());
    assert_eq!(lies.refused, told.scene.ms);
    assert_eq!(with_refused(truth, lies.refused), lies);
}

fn with_refused(mut stats: Stats, refused: u64) -> Stats {
    stats.refused = refused;
    stats
}

fn a_number_told_before_is_not_sent_again<S: Subject>() {
    let mut flow = Flow::new(S::fresh(), Scene { first: 100, ..Scene::new(3, S::NARROW) });
    flow.run();
    let (before, target) = (flow.controller.stats(), flow.controller.target());
    for number in [0, 99, 100, flow.largest().unwrap()] {
        let size = p2pvoip_core::DataSize::from_bytes(1_000);
        flow.controller.on_sent(p2pvoip_cc::Sent { number, size, path: 0 }, flow.now());
    }
    let after = flow.controller.stats();
    assert_eq!((after.misnumbered, after.in_flight), (before.misnumbered + 4, before.in_flight));
    assert_eq!(flow.controller.target(), target);
}
