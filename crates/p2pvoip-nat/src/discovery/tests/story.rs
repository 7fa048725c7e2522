//! What each pattern of answers means.

use super::*;

/// A translator with one external address, in the words of RFC 4787; 0 is endpoint-independent, 2 the strictest.
struct World {
    mapping: u8,
    filtering: u8,
    hairpins: bool,
    offers: bool,
    /// Which socket has sent where.
    sent: Vec<(SocketAddr, SocketAddr)>,
}

impl World {
    fn new(mapping: u8, filtering: u8) -> Self {
        Self { mapping, filtering, hairpins: false, offers: true, sent: Vec::new() }
    }

    /// The external address of what goes from `local` to `remote`.
    fn external(&self, local: SocketAddr, remote: SocketAddr) -> SocketAddr {
        let [.., last] = match remote.ip() {
            core::net::IpAddr::V4(ip) => ip.octets(),
            core::net::IpAddr::V6(_) => panic!("an IPv4 world"),
        };
        let by_address = u16::from(last) * u16::from(self.mapping > 0);
        let by_port = (remote.port() % 100) * u16::from(self.mapping > 1);
        SocketAddr::new(at("192.0.2.7:1").ip(), 20_000 + local.port() + by_address * 100 + by_port)
    }

    fn lets_in(&self, local: SocketAddr, from: SocketAddr) -> bool {
        self.sent.iter().filter(|(socket, _)| *socket == local).any(|(_, to)| match self.filtering {
            0 => true,
            1 => to.ip() == from.ip(),
            _ => *to == from,
        })
    }

    fn take(&mut self, to: &Transmit, bytes: &[u8]) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        self.sent.push((to.local, to.remote));
        let outside = self.external(to.local, to.remote);
        if to.remote.ip() == outside.ip() {
            let inside = if to.local == at(MAPPING) { at(FILTERING) } else { at(MAPPING) };
            return self.hairpins.then(|| (inside, outside, bytes.to_vec()));
        }
        let (ip, port) = (bytes.get(27) == Some(&6), matches!(bytes.get(27), Some(2 | 6)));
        let asks_change = bytes.get(21) == Some(&3);
        let [server, other] = [at(SERVER), at(OTHER)];
        let from = match (asks_change && ip, asks_change && port) {
            (true, _) => other,
            (false, true) => SocketAddr::new(server.ip(), other.port()),
            (false, false) => to.remote,
        };
        let named = (self.offers && to.remote == server).then_some(OTHER);
        let bytes = answer(bytes, &outside.to_string(), named);
        self.lets_in(to.local, from).then_some((to.local, from, bytes))
    }
}

fn found(mut world: World, servers: &[&str]) -> (Findings, Vec<Event>, Instant) {
    let mut discovery = discovery(servers);
    let (events, end) = play(&mut discovery, |to, bytes| world.take(to, bytes));
    assert_eq!(events.last(), Some(&Event::Done));
    (discovery.findings(), events, end)
}

#[test]
fn each_of_the_nine_behaviours_is_named() {
    let mappings =
        [Mapping::EndpointIndependent, Mapping::AddressDependent, Mapping::AddressAndPortDependent];
    let filterings =
        [Filtering::EndpointIndependent, Filtering::AddressDependent, Filtering::AddressAndPortDependent];
    for (m, mapping) in (0..).zip(mappings) {
        for (f, filtering) in (0..).zip(filterings) {
            let (findings, events, end) = found(World::new(m, f), &[SERVER]);
            assert_eq!((findings.mapping, findings.filtering), (mapping, filtering), "{m} {f}");
            assert_eq!(findings.translated, Some(true));
            assert!(
                events.contains(&Event::Mapping(mapping)) && events.contains(&Event::Filtering(filtering))
            );
            assert!(end <= millis(4_100), "{end:?}");
        }
    }
}

#[test]
fn two_servers_without_another_address_show_the_mapping_and_not_the_filtering() {
    for (m, mapping) in [(0, Mapping::EndpointIndependent), (1, Mapping::Dependent), (2, Mapping::Dependent)]
    {
        let (findings, ..) = found(World { offers: false, ..World::new(m, 2) }, &[SERVER, SECOND]);
        assert_eq!((findings.mapping, findings.filtering), (mapping, Filtering::Unknown));
        assert!(findings.stun.iter().all(|server| server.answered && !server.discovers));
    }
    let (findings, ..) = found(World { offers: false, ..World::new(0, 2) }, &[SERVER]);
    assert_eq!(findings.mapping, Mapping::Unknown, "one server shows nothing");
}

#[test]
fn hairpinning_is_seen_where_it_is() {
    for hairpins in [true, false] {
        let (findings, events, _) = found(World { hairpins, ..World::new(0, 2) }, &[SERVER]);
        assert_eq!(findings.hairpin, Some(hairpins));
        assert!(events.contains(&Event::Hairpin(hairpins)));
    }
}

#[test]
fn without_a_translator_only_the_firewall_is_asked_about() {
    let mut discovery = discovery(&[SERVER]);
    let (events, _) = play(&mut discovery, |to, bytes| {
        let bytes = answer(bytes, &to.local.to_string(), Some(OTHER));
        Some((to.local, to.remote, bytes))
    });
    let findings = discovery.findings();
    assert_eq!((findings.translated, findings.keeps_port, findings.hairpin), (Some(false), None, None));
    assert_eq!(findings.mapping, Mapping::EndpointIndependent);
    // This server answers from where it was asked, whatever it was asked for.
    assert_eq!(findings.filtering, Filtering::Unknown);
    assert!(!events.iter().any(|event| matches!(event, Event::Hairpin(_))));
}

#[test]
fn silence_ends_after_two_seconds_and_says_so() {
    let mut discovery = discovery(&[SERVER, SECOND]);
    let (events, end) = play(&mut discovery, |_, _| None);
    assert_eq!(end, millis(2_000));
    let findings = discovery.findings();
    assert!(findings.stun.iter().all(|server| !server.answered));
    assert_eq!((findings.translated, findings.mapping), (None, Mapping::Unknown));
    assert_eq!(events.len(), 2 + 2 + 1, "two servers, two verdicts, the end: {events:?}");
}

#[test]
fn silence_where_filtering_is_tested_says_nothing_when_the_socket_itself_is_cut_off() {
    let mut world = World::new(0, 0);
    let mut discovery = discovery(&[SERVER]);
    let _ =
        play(&mut discovery, |to, bytes| (to.local == at(MAPPING)).then(|| world.take(to, bytes)).flatten());
    let findings = discovery.findings();
    assert_eq!((findings.mapping, findings.filtering), (Mapping::EndpointIndependent, Filtering::Unknown));
}

#[test]
fn a_turn_server_is_there_when_it_refuses() {
    let mut config = config(&[]);
    config.turn_servers = vec![at(TURN), at("203.0.113.31:3478")];
    let mut discovery = Discovery::new(config, Seed::from_u64(7), millis(0)).unwrap();
    let _ = play(&mut discovery, |to, bytes| {
        (to.remote == at(TURN)).then(|| (to.local, to.remote, refusal(bytes, 1)))
    });
    let turn = discovery.findings().turn;
    assert_eq!((turn[0].refusal, turn[0].rtt), (Some(401), Some(Duration::from_millis(20))));
    assert_eq!((turn[1].refusal, turn[1].rtt), (None, None));
}

#[test]
fn one_lost_packet_changes_no_verdict() {
    for lost in 0..16 {
        let mut world = World { hairpins: true, ..World::new(2, 1) };
        let mut discovery = discovery(&[SERVER]);
        let mut count = 0;
        let _ = play(&mut discovery, |to, bytes| {
            let answer = world.take(to, bytes);
            count += 1;
            answer.filter(|_| count - 1 != lost)
        });
        let findings = discovery.findings();
        let verdict = (findings.mapping, findings.filtering, findings.hairpin);
        let expected = (Mapping::AddressAndPortDependent, Filtering::AddressDependent, Some(true));
        assert_eq!(verdict, expected, "without answer {lost}");
    }
}

#[test]
fn at_most_four_stun_and_two_turn_servers_are_asked() {
    let new = |config: &Config| Discovery::new(config.clone(), Seed::from_u64(1), millis(0)).err();
    let mut config = config(&[SERVER; MAX_STUN_SERVERS]);
    config.turn_servers = vec![at(TURN); MAX_TURN_SERVERS];
    assert_eq!(new(&config), None);
    config.turn_servers.push(at(TURN));
    assert_eq!(new(&config), Some(ConfigError::TooManyServers));
    config.turn_servers.clear();
    config.stun_servers.push(at(SERVER));
    assert_eq!(new(&config), Some(ConfigError::TooManyServers));
    config.stun_servers = vec![at("[2001:db8::1]:3478")];
    assert_eq!(new(&config), Some(ConfigError::UnusableServer));
    config.filtering = config.mapping;
    assert_eq!(new(&config), Some(ConfigError::Sockets));
}
