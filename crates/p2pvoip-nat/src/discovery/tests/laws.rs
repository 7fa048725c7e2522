//! The five laws, in a discovery that finds everything out and in one that finds nothing.

use p2pvoip_sim::laws::{Laws, Seen, SeenOf};

use super::*;

/// A datagram: to which socket, from where, and what it says.
type Owned = (SocketAddr, SocketAddr, Vec<u8>);

fn lend(owned: &Owned) -> Datagram<'_> {
    Datagram { local: owned.0, remote: owned.1, bytes: &owned.2 }
}

fn start() -> Laws<Discovery> {
    let mut settings = config(&[SERVER, SECOND]);
    settings.turn_servers = vec![at(TURN)];
    let noise = (at(MAPPING), at(SERVER), b"\x01\x01\0\0\x21\x12\xa4\x42 noise".to_vec());
    let query = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let stray = (at(MAPPING), at(SERVER), answer(&query, "192.0.2.7:9000", Some(OTHER)));
    let refused = (at(MAPPING), at(TURN), refusal(&query, 1));
    Laws::new(move |now| Discovery::new(settings.clone(), Seed::from_u64(7), now).unwrap())
        .full_when(|refused| *refused == Refused::Full)
        .hostile_input("noise", noise, lend)
        .hostile_input("an answer to nothing", stray, lend)
        .hostile_input("a refusal of nothing", refused, lend)
        .hostile_input("a request of a stranger", (at(MAPPING), at(SERVER), query), lend)
}

/// What went last from `local` to `remote`, where `nth` tells several apart.
fn sent(seen: &[SeenOf<Discovery>], local: &str, remote: &str, nth: usize) -> Option<Vec<u8>> {
    let mut found = seen.iter().filter_map(|seen| match seen {
        Seen::Transmit { to, bytes } if (to.local, to.remote) == (at(local), at(remote)) => {
            Some(bytes.clone())
        }
        Seen::Transmit { .. } | Seen::Event(_) => None,
    });
    found.nth(nth)
}

/// Test I answered, and the control: both say another address.
fn begun() -> Laws<Discovery> {
    start()
        .wait(Duration::from_millis(30))
        .reply(
            "test I",
            |seen| {
                Some((
                    at(MAPPING),
                    at(SERVER),
                    answer(&sent(seen, MAPPING, SERVER, 0)?, "192.0.2.7:9000", Some(OTHER)),
                ))
            },
            lend,
        )
        .wait(Duration::from_millis(20))
        .reply(
            "the control",
            |seen| {
                Some((
                    at(FILTERING),
                    at(SERVER),
                    answer(&sent(seen, FILTERING, SERVER, 0)?, "192.0.2.7:9001", None),
                ))
            },
            lend,
        )
}

#[test]
fn the_laws_hold_when_everything_is_found_out() {
    let seen = begun()
        .reply(
            "filtering test II",
            |seen| {
                Some((
                    at(FILTERING),
                    at(OTHER),
                    answer(&sent(seen, FILTERING, SERVER, 1)?, "192.0.2.7:9001", None),
                ))
            },
            lend,
        )
        .wait(Duration::from_millis(600))
        .reply(
            "mapping test II",
            |seen| {
                let other = "203.0.113.11:3478";
                Some((
                    at(MAPPING),
                    at(other),
                    answer(&sent(seen, MAPPING, other, 0)?, "192.0.2.7:9000", None),
                ))
            },
            lend,
        )
        .reply(
            "the relay",
            |seen| Some((at(MAPPING), at(TURN), refusal(&sent(seen, MAPPING, TURN, 0)?, 1))),
            lend,
        )
        .reply(
            "a hairpin",
            |seen| Some((at(MAPPING), at("192.0.2.7:9001"), sent(seen, FILTERING, "192.0.2.7:9000", 0)?)),
            lend,
        )
        .wait(Duration::from_secs(3))
        .check();
    let told = |event| seen.iter().any(|(_, seen)| *seen == Seen::Event(event));
    assert!(told(Event::Mapping(Mapping::EndpointIndependent)), "{seen:?}");
    assert!(told(Event::Filtering(Filtering::EndpointIndependent)) && told(Event::Hairpin(true)));
    assert!(matches!(seen.last(), Some((_, Seen::Event(Event::Done)))));
}

#[test]
fn the_laws_hold_in_silence() {
    let seen = start().wait(Duration::from_secs(3)).check();
    assert!(matches!(seen.last(), Some((_, Seen::Event(Event::Done)))));
}

#[test]
fn the_laws_hold_when_only_test_i_is_answered() {
    let seen = begun().wait(Duration::from_secs(5)).check();
    let told = Seen::Event(Event::Filtering(Filtering::AddressAndPortDependent));
    assert!(seen.iter().any(|(_, seen)| *seen == told), "{seen:?}");
}
