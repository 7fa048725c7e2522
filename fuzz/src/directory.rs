//! What a directory, hostile servers and the contact can tell an endpoint that looks for the contact.

use core::time::Duration;
use std::sync::{Arc, LazyLock};

use p2pvoip::dht::{MAX_SHELF_LEN, Outcome, Record, RecordKey, Signer, Slot, admit};
use p2pvoip::engine::whereabouts::{TEXT_LEN, Whereabouts};
use p2pvoip::engine::{CallKey, Endpoint, Event, Input, QueryKey, Refused, ServerId, Settings, Transmit};
use p2pvoip::{ContactCard, Identity, ServerUrl};
use p2pvoip_core::{Instant, Machine, Output, Seed, UnixTime};
use p2pvoip_crypto::BlindedKey;
use p2pvoip_signal::rendezvous::{
    self, ClientFrame, MAX_SERVER_FRAME, PROTOCOL_VERSION, Refusal, RequestId, ServerFrame,
};

use crate::codec::Plain;
use crate::drive::{pass, rest};
use crate::fixture::{CALLEE, CALLER, UNIX};
use crate::script::{millis, steps};

/// The caller's own server, and the one on the contact's card.
const HOME: &str = "ws://198.51.100.9:7777";
const CARD: &str = "ws://198.51.100.10:7777";
/// A search that is left alone is over after this: the contact's servers one after another, and the longest ringing.
const LONGEST_SEARCH: Duration = Duration::from_secs(300);
/// Questions of one search: the day's, and that of the day before or after near midnight.
const MOST_QUESTIONS: usize = 2;
/// Seconds of a day.
const DAY: u64 = 86_400;
/// How far from midnight the scripts near it begin.
const NEAR: u64 = 300;

/// The keys of the contact's days around the date of the scripts, which are slow to make.
static KEYS: LazyLock<Vec<(u64, DayKey)>> = LazyLock::new(|| {
    let today = UNIX.day();
    (today - 1..=today + 2).map(|day| (day, DayKey::new(day))).collect()
});
/// The contact's prekeys of today and tomorrow, as a server keeps them.
static BUNDLES: LazyLock<[Vec<u8>; 2]> =
    LazyLock::new(|| [0, 1].map(|later| CALLEE.prekey_bundle(UNIX.day() + later, UNIX)));

/// The blinded key of a day signs records.
struct DayKey {
    key: BlindedKey,
    public: [u8; 32],
}

impl DayKey {
    fn new(day: u64) -> Self {
        let key = CALLEE.blinded_key(day);
        Self { public: key.public(), key }
    }
}

impl Signer for DayKey {
    fn public(&self) -> &[u8; 32] {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message)
    }
}

/// A script for an endpoint that calls a contact whose server may be gone; the first byte's high bits choose the time: in the
/// morning, before midnight or after it.
///
/// 0: a question to the directory comes to nothing, in the way that the high bits choose. 1: it is answered by what the
/// contact has sealed and signed, any text, among records of others; bit 3 fills the text up to its length, bit 4 makes it
/// older than what was signed before, bit 5 gives it to another day, bit 6 leaves it out. 2: it is answered by any record.
/// 3: any frame of a server. 4: a connection to a server is made or breaks. 5: a server answers all that it was asked, in
/// the way that the high bits choose; a fetch by any record or by the right one. 6: time passes. 7: one more call, or one
/// that is hung up.
pub fn directory(script: &[u8]) {
    let _caller = play(script).end();
}

fn play(script: &[u8]) -> Caller {
    let midnight = UnixTime::from_secs((UNIX.day() + 1) * DAY);
    let unix = match script.first().copied().unwrap_or_default() >> 6 {
        2 => midnight - Duration::from_secs(NEAR),
        3 => midnight + Duration::from_secs(NEAR),
        _ => UNIX,
    };
    let mut caller = Caller::new(unix);
    caller.dial();
    for (step, bytes) in steps(script) {
        let server = usize::from(step >> 3 & 3);
        match step & 7 {
            0 => {
                let empty = Outcome::Found(Vec::new());
                let nothing = [Outcome::Failed, empty, Outcome::Published, Outcome::Older];
                caller.tell(&nothing[usize::from(step >> 4) % nothing.len()]);
            }
            1 => caller.sign(step, bytes),
            2 => caller.tell(&Outcome::Found(Record::parse(bytes).into_iter().collect())),
            3 => caller.say(server, rendezvous::Input::Frame(bytes)),
            4 if step & 0x20 == 0 => caller.say(server, rendezvous::Input::Connected),
            4 => caller.say(server, rendezvous::Input::Disconnected),
            5 => caller.answer_all(server, step >> 5, bytes),
            6 => caller.pass(millis(bytes)),
            _ if step & 8 == 0 => caller.dial(),
            _ => caller.hang_up(usize::from(step >> 4)),
        }
        caller.settle();
    }
    caller
}

/// What a server was asked.
#[derive(Clone, Copy)]
enum Asked {
    Hello,
    ToDo(RequestId),
    ToPut(RequestId),
    ToGive(RequestId),
}

/// An endpoint that calls, and what it said.
struct Caller {
    endpoint: Endpoint,
    card: ContactCard,
    date: UnixTime,
    started: Instant,
    now: Instant,
    buf: Vec<u8>,
    calls: Vec<CallKey>,
    finished: usize,
    /// Connections that are wanted.
    servers: Vec<ServerId>,
    /// Questions to the servers that were not answered.
    asked: Vec<(ServerId, Asked)>,
    /// Servers that the endpoint may speak with: its own, that on the card, and those that the contact told.
    known: Vec<ServerUrl>,
    /// Questions to the directory: where a lookup looks, and nothing for what is published.
    queries: Vec<(QueryKey, Option<Slot>)>,
    lookups: usize,
    /// How often a server was connected to that the contact told.
    found: usize,
    /// How many letters were put.
    put: usize,
}

impl Caller {
    fn new(date: UnixTime) -> Self {
        let now = Instant::from_millis(1);
        let mut settings =
            Settings::new(Arc::new(Identity::from_secret(&CALLER.to_secret())), Arc::new(Plain));
        settings.server = HOME.parse().ok();
        settings.directory = true;
        let endpoint = Endpoint::new(settings, Seed::from_u64(5), date, now).expect("the settings are valid");
        Self {
            endpoint,
            card: CALLEE.card(CARD).expect("the address is short"),
            date,
            started: now,
            now,
            buf: vec![0; Endpoint::MAX_TRANSMIT],
            calls: Vec::new(),
            finished: 0,
            servers: Vec::new(),
            asked: Vec::new(),
            known: [HOME, CARD].iter().map(|url| url.parse().expect("it is an address")).collect(),
            queries: Vec::new(),
            lookups: 0,
            found: 0,
            put: 0,
        }
    }

    fn unix(&self) -> UnixTime {
        self.date + self.now.saturating_since(self.started)
    }

    fn dial(&mut self) {
        self.calls.extend(self.endpoint.dial(&self.card, self.now).ok());
        self.settle();
    }

    fn hang_up(&mut self, number: usize) {
        if let Some(call) = self.calls.get(number) {
            self.endpoint.hang_up(*call, self.now);
        }
    }

    /// The directory tells what came of the last question; once.
    fn tell(&mut self, outcome: &Outcome) {
        let Some((query, slot)) = self.queries.pop() else { return };
        if let Outcome::Found(records) = outcome {
            for record in records.iter().filter(|record| Some(record.slot()) == slot) {
                let of_slot = |(_, key): &&(u64, DayKey)| Slot::of(key.public()) == record.slot();
                let Some((day, _)) = KEYS.iter().find(of_slot) else { continue };
                let text = CALLEE.mailbox().open_presence(*day, record.sealed());
                let there = text.and_then(|text| Whereabouts::parse(&text).ok());
                self.known.extend(there.iter().flat_map(|there| there.servers().iter().cloned()));
            }
        }
        // A search that has ended waits for nothing.
        let _gone = self.endpoint.handle_input(Input::Directory { query, outcome }, self.now);
        let again = self.endpoint.handle_input(Input::Directory { query, outcome }, self.now);
        assert_eq!(again, Err(Refused::Gone), "a question is answered once");
        self.settle();
    }

    /// The contact's own word for the last question, among records that say the same and are not for it.
    fn sign(&mut self, step: u8, text: &[u8]) {
        let mut text = text.to_vec();
        if step & 8 != 0 {
            text.resize(TEXT_LEN, 0);
        }
        let day = match self.queries.last() {
            Some((_, Some(slot))) => KEYS.iter().position(|(_, key)| Slot::of(key.public()) == *slot),
            _ => None,
        };
        let Some(day) = day else { return };
        let end = UnixTime::from_secs((UNIX.day() + 3) * DAY);
        let sealed = |day: u64| CALLEE.seal_presence(day, &text);
        let record = |key: &DayKey, sequence, sealed: &[u8]| Record::sign(key, sequence, end, sealed).ok();
        let stranger = RecordKey::from_secret(&[9; 32]).expect("any 32 bytes are a seed");
        let (today, key) = &KEYS[day];
        let (other_day, other) = &KEYS[(day + 1) % KEYS.len()];
        let sealed_for = if step & 0x20 == 0 { today } else { other_day };
        let mut records = vec![
            Record::sign(&stranger, u64::MAX, end, &sealed(*today)).ok(),
            record(other, u64::MAX, &sealed(*other_day)),
            record(key, 7, &[0; 4]),
        ];
        if step & 0x40 == 0 {
            records.push(record(key, if step & 0x10 == 0 { 8 } else { 6 }, &sealed(*sealed_for)));
        }
        self.tell(&Outcome::Found(records.into_iter().flatten().collect()));
    }

    /// Something happens to the connection to one of the servers, counted from the last one.
    fn say(&mut self, number: usize, input: rendezvous::Input<'_>) {
        if let Some(server) = self.servers.iter().rev().nth(number).copied() {
            let _refused = self.endpoint.handle_input(Input::Server { server, input }, self.now);
        }
        self.settle();
    }

    /// A server answers: yes with any record (0), yes with the right record (1 and 2, but nobody is there), no (3), not (4 and more).
    fn answer_all(&mut self, number: usize, how: u8, bytes: &[u8]) {
        let Some(server) = self.servers.iter().rev().nth(number).copied() else { return };
        let asked: Vec<Asked> =
            self.asked.iter().filter(|(of, _)| *of == server).map(|(_, asked)| *asked).collect();
        self.asked.retain(|(of, _)| *of != server);
        for asked in asked {
            let frame = match (asked, how) {
                (Asked::Hello, _) => ServerFrame::Welcome { version: PROTOCOL_VERSION, challenge: [8; 32] },
                (Asked::ToDo(id) | Asked::ToPut(id) | Asked::ToGive(id), 4..) => {
                    ServerFrame::Refused { id, why: Refusal::Limit }
                }
                (Asked::ToPut(id), 2) | (Asked::ToPut(id) | Asked::ToGive(id), 3) => {
                    ServerFrame::Absent { id }
                }
                (Asked::ToDo(id) | Asked::ToPut(id), _) => ServerFrame::Done { id },
                (Asked::ToGive(id), 0) => ServerFrame::Bundle { id, bytes },
                (Asked::ToGive(id), _) => ServerFrame::Bundle { id, bytes: self.prekeys() },
            };
            let mut buf = [0; MAX_SERVER_FRAME];
            let Ok(len) = frame.emit(&mut buf) else { continue };
            let input = rendezvous::Input::Frame(&buf[..len]);
            let _refused = self.endpoint.handle_input(Input::Server { server, input }, self.now);
            self.settle();
        }
    }

    /// What the contact's first device has published for the day.
    fn prekeys(&self) -> &'static [u8] {
        let later = usize::from(self.unix().day() != UNIX.day());
        &BUNDLES[later]
    }

    fn pass(&mut self, by: Duration) {
        let mut said = Vec::new();
        let Self { endpoint, buf, now, .. } = self;
        pass(endpoint, buf, now, by, |output, bytes| said.push((output, bytes.to_vec())));
        self.note(said);
    }

    fn settle(&mut self) {
        let mut said = Vec::new();
        rest(&mut self.endpoint, &mut self.buf, |output, bytes| said.push((output, bytes.to_vec())));
        self.note(said);
    }

    /// Looks at what the endpoint says.
    fn note(&mut self, said: Vec<(Output<Transmit, Event>, Vec<u8>)>) {
        for (output, bytes) in said {
            match output {
                Output::Transmit { to: Transmit::Server { server }, .. } => self.read(server, &bytes),
                Output::Event(Event::Connect { server, url }) => {
                    assert!(self.known.contains(&url), "only servers that the contact told are spoken with");
                    self.found += usize::from(![HOME, CARD].contains(&url.as_str()));
                    self.servers.retain(|other| *other != server);
                    self.servers.push(server);
                }
                Output::Event(Event::Close { server }) => {
                    self.servers.retain(|other| *other != server);
                    self.asked.retain(|(of, _)| *of != server);
                }
                Output::Event(Event::Lookup { query, slot }) => {
                    let is_day = |(_, key): &(u64, DayKey)| Slot::of(key.public()) == slot;
                    assert!(KEYS.iter().any(is_day), "a lookup is for the contact, on a day that is near");
                    self.queries.push((query, Some(slot)));
                    self.lookups += 1;
                    let most = self.calls.len().max(1) * MOST_QUESTIONS;
                    assert!(self.lookups <= most, "{} questions", self.lookups);
                }
                Output::Event(Event::Publish { query, record }) => {
                    self.published(&record);
                    self.queries.push((query, None));
                }
                Output::Event(Event::Finished { call }) => {
                    assert!(self.calls.contains(&call));
                    self.finished += 1;
                }
                Output::Transmit { .. } | Output::Event(_) | Output::Wait(_) => {}
            }
        }
    }

    /// What the endpoint publishes is what nodes store.
    fn published(&self, record: &Record) {
        let bytes = record.emit().expect("a signed record has a form");
        let taken = admit(record.slot().as_bytes(), &bytes, None, self.unix());
        assert!(bytes.len() <= MAX_SHELF_LEN && taken.is_ok(), "{taken:?}");
    }

    fn read(&mut self, server: ServerId, bytes: &[u8]) {
        let asked = match ClientFrame::parse(bytes).expect("an endpoint says nothing but frames to a server")
        {
            ClientFrame::Hello { .. } => Asked::Hello,
            ClientFrame::Listen { id, .. }
            | ClientFrame::Own { id, .. }
            | ClientFrame::Publish { id, .. } => Asked::ToDo(id),
            ClientFrame::Put { id, .. } => {
                self.put += 1;
                Asked::ToPut(id)
            }
            ClientFrame::Fetch { id, .. } => Asked::ToGive(id),
            ClientFrame::Forget { .. }
            | ClientFrame::Disown { .. }
            | ClientFrame::Received { .. }
            | ClientFrame::Ping { .. } => return,
        };
        self.asked.push((server, asked));
    }

    /// Whatever was told: a call that nobody answers comes to its end by itself.
    fn end(mut self) -> Self {
        self.settle();
        self.pass(LONGEST_SEARCH);
        assert_eq!(self.endpoint.open_calls(), 0, "a search that is left alone ends");
        assert_eq!(self.finished, self.calls.len(), "and its owner is told so");
        self
    }
}

/// The text of whereabouts at these servers, without the zeros at its end.
pub(crate) fn text_of(urls: &[&str]) -> Vec<u8> {
    let servers = urls.iter().map(|url| url.parse().expect("an address")).collect();
    let there = Whereabouts::new(servers).expect("few and short ones");
    let text = there.emit().expect("they have a form");
    let len = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    text[..len].to_vec()
}

/// What the contact publishes for today.
pub(crate) fn prekeys() -> Vec<u8> {
    let [today, _] = &*BUNDLES;
    today.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    /// The caller after the script of that name.
    fn after(script: &str) -> Caller {
        let seeds = seeds::of("engine-directory");
        let (_, script) = seeds.iter().find(|(name, _)| name == script).unwrap();
        play(script).end()
    }

    #[test]
    fn a_contact_who_moved_is_found_and_gets_an_offer() {
        for script in ["valid-moved", "valid-before-midnight"] {
            let caller = after(script);
            assert!(caller.found > 0 && caller.put > 0, "{script}: {} {}", caller.found, caller.put);
        }
    }

    #[test]
    fn the_next_of_four_servers_is_tried() {
        assert!(after("valid-second-of-four").found > 1);
    }

    #[test]
    fn nobody_but_the_contact_names_a_server() {
        let caller = after("hostile-records");
        assert_eq!((caller.found, caller.lookups > 2), (0, true));
    }
}
