//! What servers and strangers say that is not so.

use proptest::prelude::*;

use super::*;

/// A discovery that has asked its server, and the request.
fn asked() -> (Discovery, Vec<u8>) {
    let mut discovery = discovery(&[SERVER]);
    let request = drain(&mut discovery).sent.remove(0).1;
    (discovery, request)
}

#[test]
fn a_server_cannot_aim_us_at_those_at_home() {
    for bad in ["192.168.1.1:3479", "127.0.0.1:3479", "10.0.0.1:3479", "203.0.113.11:53", "203.0.113.10:3479"]
    {
        let (mut discovery, request) = asked();
        hear(&mut discovery, MAPPING, SERVER, &answer(&request, "192.0.2.7:9000", Some(bad)), millis(20))
            .unwrap();
        let drained = drain(&mut discovery);
        assert_eq!(drained.sent, [], "{bad}");
        assert!(discovery.is_done() && !discovery.findings().stun[0].discovers);
    }
}

#[test]
fn a_server_cannot_aim_us_by_what_it_says_it_saw() {
    let (mut discovery, request) = asked();
    let lie = "10.0.0.1:9000";
    hear(&mut discovery, MAPPING, SERVER, &answer(&request, lie, Some(OTHER)), millis(20)).unwrap();
    for (to, bytes) in drain(&mut discovery).sent {
        let _ = hear(&mut discovery, &to.local.to_string(), SERVER, &answer(&bytes, lie, None), millis(40));
    }
    let sent = drain(&mut discovery).sent;
    assert!(sent.iter().all(|(to, _)| to.remote != at(lie)), "{sent:?}");
}

#[test]
fn what_comes_from_elsewhere_or_twice_is_refused() {
    let (mut discovery, request) = asked();
    let good = answer(&request, "192.0.2.7:9000", None);
    let mut say = |local, remote, bytes: &[u8]| hear(&mut discovery, local, remote, bytes, millis(20));
    assert_eq!(say(MAPPING, OTHER, &good), Err(Refused::Asymmetric));
    assert_eq!(say(FILTERING, SERVER, &good), Err(Refused::Asymmetric));
    assert_eq!(say("10.0.0.2:9", SERVER, &good), Err(Refused::UnknownBase));
    assert_eq!(say(MAPPING, SERVER, &good[..24]), Err(Refused::Malformed));
    assert_eq!(say(MAPPING, SERVER, &refusal(&request, 1)), Err(Refused::NoRequest));
    assert_eq!(say(MAPPING, SERVER, &request), Err(Refused::Unexpected));
    assert_eq!(say(MAPPING, SERVER, &good), Ok(()));
    assert_eq!(say(MAPPING, SERVER, &good), Err(Refused::Ended));
}

#[test]
fn a_server_that_sends_on_forever_costs_a_bounded_number_of_packets() {
    let mut discovery = discovery(&[SERVER; MAX_STUN_SERVERS]);
    let mut sent = 0;
    let _ = play(&mut discovery, |to, bytes| {
        sent += 1;
        // It names another address, and its answers come from there only.
        let plain = matches!(bytes.get(21), Some(&0x28)) && to.remote == at(SERVER);
        plain.then(|| (to.local, to.remote, answer(bytes, "192.0.2.7:9000", Some(OTHER))))
    });
    assert!(sent <= (MAX_STUN_SERVERS + 7) * 4, "{sent}");
}

proptest! {
    #[test]
    fn no_answer_keeps_it_from_ending_or_makes_it_send_into_its_own_network(
        noise in prop::collection::vec((0usize..60, any::<u8>()), 0..40),
        seen: std::net::SocketAddrV4,
        other: std::net::SocketAddrV4,
        aside in prop::collection::vec(any::<bool>(), 1..20),
    ) {
        let mut discovery = discovery(&[SERVER, SECOND]);
        let (mut count, mut sent) = (0, Vec::new());
        let (_, end) = play(&mut discovery, |to, bytes| {
            sent.push(to.remote);
            let mut bytes = answer(bytes, &seen.to_string(), Some(&other.to_string()));
            count += 1;
            // Every third answer is whole.
            if count % 3 != 0 {
                for (place, change) in noise.iter().skip(count % 7) {
                    let len = bytes.len();
                    bytes[place % len] ^= change;
                }
            }
            let from = if aside[count % aside.len()] { to.remote } else { other.into() };
            Some((to.local, from, bytes))
        });
        prop_assert!(end <= millis(8_000), "{:?}", end);
        prop_assert!(sent.len() <= (2 + 7) * 4, "{}", sent.len());
        prop_assert!(sent.iter().all(|to| !crate::address::is_private(to.ip()) && !crate::address::is_dubious(*to)));
    }
}
