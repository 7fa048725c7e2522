//! Two machines on two links, and the sweep over a story of theirs.

#[path = "laws/toy.rs"]
#[expect(clippy::wildcard_enum_match_arm, reason = "each flaw changes one place and leaves the others")]
#[expect(dead_code, reason = "the toy is broken in more ways than are used here")]
mod toy;

use std::convert::Infallible;
use std::time::Duration;

use p2pvoip_core::{Bitrate, DataSize, Instant, Machine, Output, Seed};
use p2pvoip_sim::sweep::{Told, kth_and_all_later, kth_and_next, kth_packet};
use p2pvoip_sim::{Cut, LinkConfig, Pair, Ran, START};
use toy::{Event, Flaw, Ping};

/// Machine: sends everything back.
#[derive(Default)]
struct Echo(Vec<u8>);

impl Machine for Echo {
    const MAX_TRANSMIT: usize = 1;
    type Input<'a> = &'a [u8];
    type Transmit = ();
    type Event = Infallible;
    type Error = Infallible;

    fn handle_input(&mut self, input: &[u8], _now: Instant) -> Result<(), Infallible> {
        self.0.extend_from_slice(input);
        Ok(())
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_output(&mut self, buf: &mut [u8]) -> Output<(), Infallible> {
        match self.0.pop() {
            Some(byte) => {
                buf[0] = byte;
                Output::Transmit { to: (), len: 1 }
            }
            None => Output::Wait(None),
        }
    }
}

fn pair(link: &LinkConfig) -> Pair<Ping, Echo> {
    let machines = (Ping::new(Flaw::None, START), Echo::default());
    Pair::new(
        machines,
        link,
        &Seed::from_u64(1),
        |ping, (), bytes, now| ping.handle_input(bytes, now),
        |echo, (), bytes, now| echo.handle_input(bytes, now),
    )
}

/// One ping, with some packets lost; what the owner was told, and after how long.
fn story(cut: Cut) -> Told<(Event, Duration)> {
    let mut pair = pair(&LinkConfig::delay(Duration::from_millis(40)));
    pair.cut(cut);
    assert_eq!(pair.command_a(|ping, now| ping.ping(5, now)), Ok(()));
    assert_eq!(pair.run(Duration::from_secs(60)), Ran::Idle);
    let (at, event) = pair.a.events[0];
    Told { sent: pair.sent(), outcome: (event, at.saturating_since(START)) }
}

#[test]
fn a_pair_runs_until_nothing_more_will_happen() {
    assert_eq!(story(Cut::Nothing), Told { sent: 2, outcome: (Event::Pong(5), Duration::from_millis(80)) });
}

#[test]
fn a_pair_stops_when_the_time_is_up() {
    let mut pair = pair(&LinkConfig::delay(Duration::from_secs(1)));
    pair.command_a(|ping, now| ping.ping(5, now)).unwrap();
    assert_eq!(pair.run(Duration::from_millis(1_999)), Ran::TimeUp);
    assert!(pair.a.events.is_empty());
    assert_eq!(pair.run(Duration::from_millis(1)), Ran::TimeUp);
    assert_eq!(pair.a.events.len(), 1);
    assert_eq!(pair.run(Duration::from_secs(60)), Ran::Idle);
    assert_eq!(pair.a.refused.len(), 2, "the pongs of two retransmissions are nobody's");
}

#[test]
fn overhead_counts_on_links_with_a_rate() {
    let link = LinkConfig { rate: Some(Bitrate::from_kbps(8)), ..LinkConfig::default() };
    let mut pair = pair(&link).with_overhead(DataSize::from_bytes(99));
    pair.command_a(|ping, now| ping.ping(5, now)).unwrap();
    assert_eq!(pair.run(Duration::from_secs(60)), Ran::Idle);
    assert_eq!(pair.a.events[0].0, START + Duration::from_millis(200), "100 bytes take 100 ms each way");
}

#[test]
fn a_sweep_loses_each_packet_once_and_ends_when_there_are_no_more() {
    let table = kth_packet(100, story);
    let cuts: Vec<_> = table.iter().map(|(cut, _)| *cut).collect();
    assert_eq!(cuts, [Cut::Nothing, Cut::One(1), Cut::One(2)]);
    let late = |told: &Told<(Event, Duration)>| told.outcome.1;
    assert_eq!(late(&table[1].1), Duration::from_millis(580));
    assert_eq!(late(&table[2].1), Duration::from_millis(580));
    assert!(table.iter().all(|(_, told)| told.outcome.0 == Event::Pong(5)));
}

#[test]
fn the_sweep_never_loses_more_than_it_may() {
    let mut runs = 0;
    let table = kth_packet(10, |_| {
        runs += 1;
        Told { sent: 1_000, outcome: () }
    });
    assert_eq!((runs, table.len()), (11, 11));
}

#[test]
fn silence_from_the_kth_packet_on_is_told_in_the_end() {
    let table = kth_and_all_later(100, story);
    assert_eq!(table[1].1.outcome.0, Event::Lost(5));
    assert_eq!(table[2].1.outcome.0, Event::Lost(5));
    let three = kth_and_next(100, 3, story);
    assert_eq!(three[1].1.outcome.0, Event::Pong(5), "the fourth ping comes through");
}

#[test]
fn cuts_lose_just_what_they_say() {
    let lost = |cut: Cut| (1..=6).filter(|number| cut.drops(*number)).collect::<Vec<_>>();
    assert!(lost(Cut::Nothing).is_empty());
    assert_eq!(lost(Cut::One(4)), [4]);
    assert_eq!(lost(Cut::From { first: 2, count: 3 }), [2, 3, 4]);
    assert_eq!(lost(Cut::From { first: 5, count: u64::MAX }), [5, 6]);
}
