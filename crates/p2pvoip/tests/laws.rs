//! The endpoint, with all that is composed in it, keeps the five laws of a machine through a whole call.

mod story;

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::Codec;
use p2pvoip::engine::{Endpoint, Event, Input, Refused, Transmit};
use p2pvoip_core::Seed;
use p2pvoip_sim::laws::{Laws, Seen, SeenOf};
use p2pvoip_sim::{HostId, START, topology};
use story::{Counting, Deed, Outcome, Story};

/// A script of all that happened to one end of a call.
fn script(story: &mut Story, host: HostId, seed: &Seed) -> Laws<Endpoint> {
    let tape = story.person_mut(host, |person, _| person.tape.take()).unwrap();
    let mut laws = Laws::new(story.remake(seed))
        .full_when(|error| *error == Refused::Full)
        .timers_follow_draining()
        .lanes(lane);
    let mut at = START;
    for (when, deed) in tape {
        laws = laws.wait(when.saturating_since(at));
        at = when;
        let name = format!("{deed:?}").chars().take(40).collect::<String>();
        laws = if deed.input().is_some() {
            laws.input(&name, deed, |deed| lend(deed))
        } else {
            laws.command(&name, move |endpoint: &mut Endpoint, now| deed.command(endpoint, now))
        };
    }
    laws
}

fn lend(deed: &Deed) -> Input<'_> {
    match deed.input() {
        Some(input) => input,
        None => panic!("only inputs are lent"),
    }
}

/// What keeps an order of its own: letters to servers, datagrams, events of the call, and all other events.
fn lane(seen: &SeenOf<Endpoint>) -> usize {
    match seen {
        Seen::Transmit { to: Transmit::Server { .. }, .. } => 0,
        Seen::Transmit { to: Transmit::Datagram { .. }, .. } => 1,
        Seen::Event(Event::Call { .. }) => 2,
        Seen::Event(_) => 3,
    }
}

fn told() -> (Story, Seed) {
    let seed = Seed::from_u64(3);
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    let mut story = Story::new(topology::both_public(&seed), &codec, &seed);
    assert_eq!(story.call(Duration::from_millis(400)).0, Outcome::Talked);
    story.person_mut(story.a, story::Person::hang_up);
    story.world.run_for(Duration::from_secs(3));
    (story, seed)
}

#[test]
fn the_caller_keeps_the_laws() {
    let (mut story, seed) = told();
    let host = story.a;
    script(&mut story, host, &seed.derive("a")).check();
}

#[test]
fn the_callee_keeps_the_laws() {
    let (mut story, seed) = told();
    let host = story.b;
    script(&mut story, host, &seed.derive("b")).check();
}
