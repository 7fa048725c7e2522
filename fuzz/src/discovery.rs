//! What servers and strangers can say to behaviour discovery: it ends in time, and nobody aims it at those it must not ask.

use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use p2pvoip_core::{Instant, Machine, Output, Seed, Wake};
use p2pvoip_nat::discovery::{Config, Discovery, Event, Filtering, Findings, Mapping, can_ask};
use p2pvoip_nat::{Datagram, Refused, Transmit, is_stun};

use crate::drive::{pass, rest};
use crate::script::{millis, steps};
use crate::stun::{ERROR, SUCCESS, attribute, fingerprinted, id_of, plain};

/// A TURN server's refusal (RFC 8656 section 17).
const ALLOCATE_ERROR: u16 = 0x0113;
/// CHANGE-REQUEST with its length, and where its flags are in a question (RFC 5780 section 7.2).
const CHANGE_REQUEST: [u8; 4] = [0, 3, 0, 4];
const FLAGS_AT: usize = 27;
/// XOR-MAPPED-ADDRESS (RFC 8489 section 14.2) and OTHER-ADDRESS (RFC 5780 section 7.4).
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const OTHER_ADDRESS: u16 = 0x802c;
/// The magic cookie, with which addresses are masked.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// A question that nobody answers ends after four sends, half a second apart.
const SENDS: usize = 4;
/// Three rounds of questions, each of which begins when one of the round before is answered: servers, tests, hairpins.
const LONGEST: Duration = Duration::from_secs(3 * 2);
/// The questions of the second and third round.
const TESTS: usize = 7;
/// Those that go to an address that a server told: two to its other one, two to our own as it saw them.
const TOLD: usize = 4;
/// The bytes of a question without attributes but its fingerprint.
const PLAIN_QUESTION: usize = 28;

/// A script for a discovery between two sockets, two STUN servers and a TURN server; the first byte's high bits choose where
/// these are: in public space behind a translator, at home, on this host, or in public IPv6 space.
///
/// 0: any datagram; the high bits choose who sends it and which socket hears it. 1: any attributes as the answer to a
/// question, which the high bits choose, counted from the last one; bit 3 says that a stranger gives it. 2: the same as an
/// error. 3: the same as a TURN server's refusal. 4: the same as an answer that tells our address and another one of the
/// server, each as port and address. 5: the question itself comes to the other socket. 6: time passes. 7: a timer too early.
pub fn discovery_script(script: &[u8]) {
    let _findings = play(script).end();
}

fn play(script: &[u8]) -> Asking {
    let mut asking = Asking::new(usize::from(script.first().copied().unwrap_or_default() >> 6));
    asking.settle();
    for (step, bytes) in steps(script) {
        match step % 8 {
            0 => {
                let local = asking.place.sockets[usize::from(step >> 6) % 2];
                let remote = asking.place.all()[usize::from(step >> 3) % 5];
                asking.deliver(local, remote, bytes);
            }
            1 => asking.answer(step, |id, _| fingerprinted(plain(SUCCESS, id, bytes))),
            2 => asking.answer(step, |id, _| fingerprinted(plain(ERROR, id, bytes))),
            3 => asking.answer(step, |id, _| plain(ALLOCATE_ERROR, id, bytes)),
            4 => {
                let (mapped, other) = asking.place.told(bytes);
                asking.other = other;
                asking.answer(step, |id, _| {
                    let attributes = [
                        attribute(XOR_MAPPED_ADDRESS, &value(mapped, &[&COOKIE[..], &id].concat())),
                        attribute(OTHER_ADDRESS, &value(other, &[0; 16])),
                    ];
                    plain(SUCCESS, id, &attributes.concat())
                });
            }
            5 => asking.echo(step),
            6 => asking.wait(millis(bytes)),
            _ => asking.discovery.handle_timeout(asking.now),
        }
        asking.settle();
    }
    asking
}

/// Where a discovery takes place.
struct Place {
    sockets: [SocketAddr; 2],
    stun: [SocketAddr; 2],
    turn: SocketAddr,
    stranger: SocketAddr,
}

impl Place {
    fn new(number: usize) -> Self {
        let v4 = |network: [u8; 3]| {
            move |host, port| {
                SocketAddr::new(Ipv4Addr::new(network[0], network[1], network[2], host).into(), port)
            }
        };
        let v6 = |host, port| SocketAddr::new(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host).into(), port);
        let home = v4([192, 168, 1]);
        let (own, theirs) = match number {
            0 => (v4([10, 0, 0]), v4([203, 0, 113])),
            1 => (home, home),
            2 => (v4([127, 0, 0]), v4([127, 0, 0])),
            _ => {
                return Self {
                    sockets: [v6(2, 5_000), v6(2, 5_001)],
                    stun: [v6(10, 3_478), v6(20, 3_478)],
                    turn: v6(30, 3_478),
                    stranger: v6(66, 6_666),
                };
            }
        };
        Self {
            sockets: [own(2, 5_000), own(2, 5_001)],
            stun: [theirs(10, 3_478), theirs(20, 3_478)],
            turn: theirs(30, 3_478),
            stranger: theirs(66, 6_666),
        }
    }

    /// Who may say something.
    fn all(&self) -> [SocketAddr; 5] {
        [self.stun[0], self.stun[1], self.turn, self.stranger, self.sockets[0]]
    }

    /// Two addresses of the family of this place, each as port and address; missing bytes are zero.
    fn told(&self, bytes: &[u8]) -> (SocketAddr, SocketAddr) {
        let mut bytes = bytes.iter().copied();
        let mut next = || bytes.next().unwrap_or_default();
        let mut address = || {
            let port = u16::from_be_bytes([next(), next()]);
            let ip = if self.turn.is_ipv4() {
                IpAddr::from(core::array::from_fn::<u8, 4, _>(|_| next()))
            } else {
                IpAddr::from(core::array::from_fn::<u8, 16, _>(|_| next()))
            };
            SocketAddr::new(ip, port)
        };
        (address(), address())
    }

    /// Checks that a server of this place may have us send there.
    fn check(&self, remote: SocketAddr) {
        assert!(can_ask(remote), "it is one host, and has a port");
        assert_eq!(remote.is_ipv4(), self.turn.is_ipv4(), "families do not mix");
        assert_eq!(remote.ip().is_loopback(), self.turn.ip().is_loopback(), "nobody else's loopback");
        assert!(remote.port() >= 1_024, "no port of a system's service");
        let is_private = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => {
                let shared = ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]);
                shared || ip.is_private() || ip.is_link_local()
            }
            IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
        };
        assert!(
            is_private(self.turn.ip()) || !is_private(remote.ip()),
            "a public server knows no private host"
        );
    }
}

/// The value of an address attribute, masked.
fn value(address: SocketAddr, mask: &[u8]) -> Vec<u8> {
    let (family, ip) = match address.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let masked = |bytes: &[u8]| bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect::<Vec<_>>();
    [vec![0, family], masked(&address.port().to_be_bytes()), masked(&ip)].concat()
}

/// A question as it was sent, and how often.
struct Question {
    to: Transmit,
    bytes: Vec<u8>,
    sends: usize,
}

struct Asking {
    discovery: Discovery,
    place: Place,
    now: Instant,
    started: Instant,
    /// What a server last said is its other address.
    other: SocketAddr,
    questions: Vec<Question>,
    events: Vec<Event>,
    wake: Option<Wake>,
}

impl Asking {
    fn new(number: usize) -> Self {
        let (place, now) = (Place::new(number), Instant::from_millis(5));
        let mut config = Config::new(place.sockets[0], place.sockets[1]);
        config.stun_servers = place.stun.to_vec();
        config.turn_servers = vec![place.turn];
        let discovery = Discovery::new(config, Seed::from_u64(1), now).expect("they can be asked");
        let other = place.stranger;
        Self {
            discovery,
            place,
            now,
            started: now,
            other,
            questions: Vec::new(),
            events: Vec::new(),
            wake: None,
        }
    }

    /// The question that a step chooses.
    fn chosen(&self, step: u8) -> Option<&Question> {
        let back = usize::from(step >> 4) % self.questions.len().max(1);
        self.questions.iter().rev().nth(back)
    }

    /// A question is answered from where it asks to be, or by a stranger.
    fn answer(&mut self, step: u8, of: impl Fn([u8; 12], &[u8]) -> Vec<u8>) {
        let Some(Question { to, bytes, .. }) = self.chosen(step) else { return };
        let flags = bytes.get(FLAGS_AT).filter(|_| bytes.get(20..24) == Some(&CHANGE_REQUEST[..]));
        let from = match flags {
            _ if step & 8 != 0 => self.place.stranger,
            Some(6) => self.other,
            Some(_) => SocketAddr::new(to.remote.ip(), self.other.port()),
            None => to.remote,
        };
        let (local, answer) = (to.local, of(id_of(bytes).expect("a question has an id"), bytes));
        self.deliver(local, from, &answer);
    }

    /// A question comes back to the socket that did not send it, as a translator that hairpins sends it.
    fn echo(&mut self, step: u8) {
        let Some(Question { to, bytes, .. }) = self.chosen(step) else { return };
        let others = self.place.sockets.iter().find(|socket| **socket != to.local);
        let (to, bytes) = (*others.expect("there are two"), bytes.clone());
        self.deliver(to, self.place.stranger, &bytes);
    }

    fn deliver(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        let (was_done, before) = (self.discovery.is_done(), self.discovery.findings());
        let taken = self.discovery.handle_input(Datagram { local, remote, bytes }, self.now);
        assert_eq!(was_done, taken == Err(Refused::Ended), "what is over hears nothing");
        match taken {
            Ok(()) => {
                assert!(is_stun(bytes), "only STUN is taken");
                let asked = |question: &Question| id_of(&question.bytes) == id_of(bytes);
                assert!(self.questions.iter().any(asked), "only an answer to a question is taken");
            }
            Err(_) => assert_eq!(before, self.discovery.findings(), "what is refused teaches nothing"),
        }
    }

    fn wait(&mut self, by: Duration) {
        let mut said = Vec::new();
        let mut buf = [0; Discovery::MAX_TRANSMIT];
        pass(&mut self.discovery, &mut buf, &mut self.now, by, |output, bytes| {
            said.push((output, bytes.to_vec()));
        });
        self.note(said);
    }

    fn settle(&mut self) {
        let mut said = Vec::new();
        let mut buf = [0; Discovery::MAX_TRANSMIT];
        let each = |output, bytes: &[u8]| said.push((output, bytes.to_vec()));
        self.wake = rest(&mut self.discovery, &mut buf, each);
        self.note(said);
    }

    /// Looks at what the discovery says.
    fn note(&mut self, said: Vec<(Output<Transmit, Event>, Vec<u8>)>) {
        for (output, bytes) in said {
            assert!(!self.events.contains(&Event::Done), "{output:?} after the end");
            match output {
                Output::Transmit { to, .. } => self.sent(to, bytes),
                Output::Event(event) => self.events.push(event),
                Output::Wait(_) => {}
            }
        }
    }

    fn sent(&mut self, to: Transmit, bytes: Vec<u8>) {
        assert!(self.place.sockets.contains(&to.local), "it leaves from one of its sockets");
        assert!(is_stun(&bytes), "a discovery says nothing but STUN");
        if !self.is_server(to.remote) {
            self.place.check(to.remote);
            assert!(bytes.len() <= PLAIN_QUESTION, "what goes where servers say is small");
        }
        let known = self.questions.iter_mut().find(|question| id_of(&question.bytes) == id_of(&bytes));
        if let Some(question) = known {
            assert!(question.to == to && question.bytes == bytes, "a question stays what it is");
            question.sends += 1;
            assert!(question.sends <= SENDS, "nobody is asked forever");
        } else {
            self.questions.push(Question { to, bytes, sends: 1 });
        }
        let told = self.questions.iter().filter(|question| !self.is_server(question.to.remote)).count();
        assert!(told <= TOLD && self.questions.len() <= 3 + TESTS, "{} questions", self.questions.len());
    }

    fn is_server(&self, remote: SocketAddr) -> bool {
        self.place.stun.contains(&remote) || remote == self.place.turn
    }

    /// Whatever was said, it ends in time; and what it told is what it found.
    fn end(mut self) -> Findings {
        let left = LONGEST.saturating_sub(self.now.saturating_since(self.started));
        self.wait(left);
        self.settle();
        assert!(self.discovery.is_done() && self.wake.is_none(), "it ends by itself");
        let findings = self.discovery.findings();
        assert_eq!(self.events.last(), Some(&Event::Done));
        for (index, event) in self.events.iter().enumerate() {
            let again = |other: &&Event| core::mem::discriminant(*other) == core::mem::discriminant(event);
            let is_server = matches!(event, Event::Stun(_) | Event::Turn(_));
            assert!(is_server || self.events.iter().skip(index + 1).find(again).is_none(), "{event:?} once");
        }
        assert_eq!(Told::by(&self.events), Told::of(&findings));
        findings
    }
}

/// What there is to tell of a discovery.
#[derive(PartialEq, Debug)]
struct Told {
    mapping: Option<Mapping>,
    filtering: Option<Filtering>,
    hairpin: Option<bool>,
    /// Servers that were there, and of how many it was told whether they were.
    answered: usize,
    servers: usize,
}

impl Told {
    fn by(events: &[Event]) -> Self {
        let mut told = Self { mapping: None, filtering: None, hairpin: None, answered: 0, servers: 0 };
        for event in events {
            match event {
                Event::Mapping(mapping) => told.mapping = Some(*mapping),
                Event::Filtering(filtering) => told.filtering = Some(*filtering),
                Event::Hairpin(hairpin) => told.hairpin = Some(*hairpin),
                Event::Stun(server) => told.count(server.answered),
                Event::Turn(server) => told.count(server.refusal.is_some()),
                Event::Done | _ => {}
            }
        }
        told
    }

    fn of(findings: &Findings) -> Self {
        let (mapping, filtering) = (Some(findings.mapping), Some(findings.filtering));
        let mut told = Self { mapping, filtering, hairpin: findings.hairpin, answered: 0, servers: 0 };
        findings.stun.iter().for_each(|server| told.count(server.answered));
        findings.turn.iter().for_each(|server| told.count(server.refusal.is_some()));
        told
    }

    fn count(&mut self, answered: bool) {
        self.answered += usize::from(answered);
        self.servers += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    /// What is found out after the script of that name.
    fn after(script: &str) -> Findings {
        let seeds = seeds::of("nat-discovery");
        let (_, script) = seeds.iter().find(|(name, _)| name == script).unwrap();
        play(script).end()
    }

    #[test]
    fn the_script_in_which_all_answer_finds_everything_out() {
        let findings = after("valid-all");
        assert!(findings.stun.iter().all(|server| server.answered), "{findings:?}");
        assert_eq!((findings.turn[0].refusal, findings.hairpin), (Some(401), Some(true)));
        assert_eq!(findings.mapping, Mapping::EndpointIndependent);
        assert_eq!(findings.filtering, Filtering::EndpointIndependent);
    }

    #[test]
    fn a_server_on_this_side_of_the_translator_shows_nothing_of_it() {
        let findings = after("hostile-servers-disagree");
        assert_eq!((findings.translated, findings.mapping), (Some(true), Mapping::Unknown));
    }

    #[test]
    fn the_other_scripts_say_what_their_names_say() {
        assert_eq!(after("valid-strict").mapping, Mapping::Dependent);
        assert_eq!(after("valid-home").translated, Some(false));
        assert!(after("valid-six").stun.iter().any(|server| server.discovers));
        assert!(after("valid-silence").stun.iter().all(|server| !server.answered));
    }
}
