//! The endpoint, with all that is composed in it, keeps the five laws of a machine through a whole call.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a story that goes wrong fails its test")]

mod story;

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::CallEvent;
use p2pvoip::Codec;
use p2pvoip::dht::{Record, RecordKey};
use p2pvoip::engine::{Endpoint, Event, Input, Refused, Transmit};
use p2pvoip::nat::CommandError;
use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_sim::laws::{Laws, Seen, SeenOf, Verdict};
use p2pvoip_sim::{HostId, START, topology};
use story::{Counting, Deed, Moved, Outcome, Story};

/// An endpoint without what is meant to differ when it is polled later: a sealed packet is filled when it leaves, with
/// the newest feedback, and figures are those of the moment. That sealed bytes repeat is shown by a test of its own.
struct Masked(Endpoint);

impl Machine for Masked {
    const MAX_TRANSMIT: usize = Endpoint::MAX_TRANSMIT;
    type Input<'a> = Input<'a>;
    type Transmit = Transmit;
    type Event = Event;
    type Error = Refused;

    fn handle_input(&mut self, input: Input<'_>, now: Instant) -> Result<(), Refused> {
        self.0.handle_input(input, now)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    fn poll_output(&mut self, buf: &mut [u8]) -> Output<Transmit, Event> {
        let output = self.0.poll_output(buf);
        match output {
            Output::Transmit { to: Transmit::Datagram { .. }, len } if buf[0] >= 192 => {
                buf[..len].fill(192);
                output
            }
            Output::Event(Event::Call { call, event: CallEvent::Stats(_) }) => {
                Output::Event(Event::Call { call, event: CallEvent::Stats(Box::default()) })
            }
            Output::Event(Event::Publish { query, .. }) => {
                // A record is dated when it is made.
                let key = RecordKey::from_secret(&[7; 32]).unwrap();
                let record = Record::sign(&key, 1, story::DATE, b"").unwrap();
                Output::Event(Event::Publish { query, record })
            }
            Output::Transmit { .. } | Output::Event(_) | Output::Wait(_) => output,
        }
    }
}

/// A script of all that happened to one end of a call.
fn script(story: &mut Story, host: HostId, seed: &Seed) -> Laws<Masked> {
    let tape = story.person_mut(host, |person, _| person.tape.take()).unwrap();
    replay(tape, story.remake(seed))
}

/// What is on a tape, done to an endpoint that is made anew.
fn replay(tape: Vec<(Instant, Deed)>, remake: impl Fn(Instant) -> Endpoint + 'static) -> Laws<Masked> {
    let mut laws = Laws::new(move |now| Masked(remake(now)))
        .full_when(|error| *error == Refused::Full)
        .timers_follow_draining()
        .lanes(lane);
    let mut at = START;
    for (when, deed) in tape {
        laws = laws.wait(when.saturating_since(at));
        at = when;
        let name = format!("{deed:?}").chars().take(40).collect::<String>();
        laws = if deed.input().is_some() {
            laws.input(&name, deed, lend)
        } else {
            laws.command(&name, move |endpoint: &mut Masked, now| command(&deed, &mut endpoint.0, now))
        };
    }
    laws
}

/// Does it; sockets for a call that the owner has not heard of are opened when it has.
fn command(deed: &Deed, endpoint: &mut Endpoint, now: Instant) -> Verdict {
    if let Deed::Gather(call, base) = deed {
        Verdict::of(&endpoint.gather(*call, &[*base], now), |error| *error == CommandError::Ended)
    } else {
        deed.command(endpoint, now);
        Verdict::Accepted
    }
}

fn lend(deed: &Deed) -> Input<'_> {
    match deed.input() {
        Some(input) => input,
        None => panic!("only inputs are lent"),
    }
}

/// What keeps an order of its own: letters to servers, datagrams, events of the call, and all other events.
fn lane(seen: &SeenOf<Masked>) -> usize {
    match seen {
        Seen::Transmit { to: Transmit::Server { .. }, .. } => 0,
        Seen::Transmit { to: Transmit::Datagram { .. }, .. } => 1,
        Seen::Event(Event::Call { .. }) => 2,
        Seen::Event(Event::Publish { .. } | Event::Lookup { .. }) => 3,
        Seen::Event(_) => 4,
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
fn the_same_seed_seals_the_same_bytes() {
    let packets = || {
        let seed = Seed::from_u64(4);
        let codec: Arc<dyn Codec> = Arc::new(Counting);
        let mut story = Story::new(topology::both_public(&seed), &codec, &seed);
        let heard = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let tapped = std::rc::Rc::clone(&heard);
        story.world.tap(move |datagram| {
            tapped.borrow_mut().push((datagram.now, datagram.bytes.clone()));
            p2pvoip_sim::Tap::Pass
        });
        assert_eq!(story.call(Duration::from_millis(300)).0, Outcome::Talked);
        heard.take()
    };
    let first = packets();
    assert!(first.iter().filter(|(_, bytes)| bytes[0] >= 192).count() > 20);
    assert_eq!(first, packets());
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

#[test]
fn who_finds_and_who_is_found_through_a_directory_keep_the_laws() {
    let seed = Seed::from_u64(5);
    let codec: Arc<dyn Codec> = Arc::new(Counting);
    let mut story = Moved::taped(&codec, &seed);
    story.end_old_server();
    story.call().unwrap();
    // Hung up at the moment of connection, it would depend on the order of the two.
    story.world.run_for(Duration::from_millis(400));
    story.person_mut(story.a, story::Person::hang_up);
    story.world.run_for(Duration::from_secs(3));
    for host in [story.a, story.b] {
        let tape = story.person_mut(host, |person, _| person.tape.take()).unwrap();
        replay(tape, story.remake(host, &codec, &seed)).check();
    }
}
