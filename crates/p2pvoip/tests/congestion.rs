//! Calls over links that are full, that mark, that lose without being full: what the rate does, and what is told of it.

mod story;

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::{CallStats, Codec};
use p2pvoip_core::{Bitrate, Seed};
use p2pvoip_sim::{LinkConfig, Loss, Queue, topology};
use story::{Counting, Outcome, Relays, Story};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A call whose caller has this link up.
fn over(up: LinkConfig, relays: Relays) -> Story {
    let seed = Seed::from_u64(91);
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    let side = topology::Side::public().with_links(up, LinkConfig::delay(ms(20)));
    let topology = topology::two_sides(&seed, side, topology::Side::public());
    Story::with_relays(topology, &codec, &seed, relays).untaped()
}

fn narrow(kbps: u64, mark_above: Option<Duration>) -> LinkConfig {
    LinkConfig {
        rate: Some(Bitrate::from_kbps(kbps)),
        queue: Queue::Delay(ms(500)),
        mark_above,
        ..LinkConfig::delay(ms(20))
    }
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

fn show(stats: &[CallStats]) {
    for s in stats.iter().step_by(5) {
        eprintln!("{:5.1} target {:?} sent {:?} ptime {:?} queue {:?} {:?} marked {}/{} loss {:.3} dup {}", s.duration.as_secs_f32(), s.outbound.target_bitrate, s.outbound.bitrate, s.outbound.ptime, s.path.queueing_delay, s.outbound.congestion, s.outbound.packets_marked, s.outbound.packets_sent_with_ect, s.outbound.fraction_lost, s.inbound.packets_duplicated);
    }
}

#[test]
fn explore() {
    for (name, link) in [
        ("marks", narrow(60, Some(ms(5)))), ("plain", narrow(60, None)),
        ("demo", LinkConfig { loss: Loss::Independent(0.05), jitter: ms(16), reorders: true, ..LinkConfig::delay(ms(20)) }),
        ("clean", LinkConfig::delay(ms(20)))] {
        eprintln!("== {name}");
        let mut story = over(link, Relays::None);
        assert_eq!(story.call(Duration::ZERO).0, Outcome::Talked);
        show(&watch(&mut story, Duration::from_secs(30)));
    }
    eprintln!("== falls");
    let mut up = narrow(200, None);
    up.rates = vec![(Duration::from_secs(15), Some(Bitrate::from_kbps(32))), (Duration::from_secs(30), Some(Bitrate::from_kbps(200)))];
    let mut story = over(up, Relays::None);
    assert_eq!(story.call(Duration::ZERO).0, Outcome::Talked);
    show(&watch(&mut story, Duration::from_secs(45)));
}
