//! Whereabouts: at which rendezvous servers somebody listens now, as a record that contacts alone find and read.
//!
//! The text has one size, whatever it says: form (1), how many servers (1 to 4), each a length (1) and an address, then zeros.
//! It is sealed under a key of the day and signed under the blinded key of the day; its slot derives from that key. No
//! address of a person is in it, and nothing that is the same on two days.

use core::time::Duration;

use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader, Writer};
use p2pvoip_crypto::{BlindedKey, ContactCard, Identity, PRESENCE_OVERHEAD};
use p2pvoip_dht::{Newest, Record, RecordError, Signer, Slot};

use crate::server_url::ServerUrl;

/// Servers that are told at most.
pub const MAX_SERVERS: usize = 4;
/// The longest address of a server in bytes, which is the longest that a contact card holds.
pub const MAX_URL_LEN: usize = p2pvoip_crypto::MAX_SERVER_LEN;
/// Bytes of the text before it is sealed.
pub const TEXT_LEN: usize = 288;
const _: () = assert!(2 + MAX_SERVERS * (1 + MAX_URL_LEN) <= TEXT_LEN, "the longest list fits");

const FORM: u8 = 1;
/// Seconds of a day.
const DAY: u64 = 86_400;
/// How long a record outlives its day: for callers whose clocks are late.
const GRACE: Duration = Duration::from_secs(2 * 3_600);

/// How far from midnight a caller tries the other day too: two clocks, each off by as much as an offer may be.
pub(crate) const DAY_SKEW: Duration = Duration::from_secs(600);

/// A list of servers is empty, too long, names one twice, or has an address that is too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("tell 1 to {MAX_SERVERS} different servers, each by an address of at most {MAX_URL_LEN} bytes")]
pub struct BadWhereabouts;

/// The rendezvous servers where somebody listens, the preferred one first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Whereabouts {
    servers: Vec<ServerUrl>,
}

impl Whereabouts {
    /// Of these servers.
    ///
    /// # Errors
    /// [`BadWhereabouts`] when there is none, more than [`MAX_SERVERS`], one twice, or an address longer than [`MAX_URL_LEN`].
    pub fn new(servers: Vec<ServerUrl>) -> Result<Self, BadWhereabouts> {
        let fits = servers.iter().all(|server| server.as_str().len() <= MAX_URL_LEN);
        let twice = servers
            .iter()
            .enumerate()
            .any(|(at, server)| servers.iter().skip(at + 1).any(|other| other == server));
        let good = fits && !twice && (1..=MAX_SERVERS).contains(&servers.len());
        if good { Ok(Self { servers }) } else { Err(BadWhereabouts) }
    }

    /// The servers.
    pub fn servers(&self) -> &[ServerUrl] {
        &self.servers
    }

    /// The text, [`TEXT_LEN`] bytes.
    ///
    /// # Errors
    /// [`Malformed`] never happens to one that was made or parsed.
    pub fn emit(&self) -> Result<[u8; TEXT_LEN], Malformed> {
        let mut text = [0; TEXT_LEN];
        let mut writer = Writer::new(&mut text);
        writer.u8(FORM)?;
        writer.u8(u8::try_from(self.servers.len()).map_err(|_| Malformed::Invalid("servers"))?)?;
        for server in &self.servers {
            writer.block8(server.as_str().as_bytes())?;
        }
        Ok(text)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`Malformed`] when it is none, or not in its one form.
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(text);
        if text.len() != TEXT_LEN || reader.u8()? != FORM {
            return Err(Malformed::Invalid("whereabouts"));
        }
        let count = reader.u8()?;
        let mut servers = Vec::new();
        for _ in 0..count {
            let bytes = reader.block8()?;
            let url = core::str::from_utf8(bytes).ok().and_then(|text| text.parse::<ServerUrl>().ok());
            servers.extend(url.filter(|url| url.as_str().as_bytes() == bytes));
        }
        if servers.len() != usize::from(count) || reader.rest().iter().any(|byte| *byte != 0) {
            return Err(Malformed::Invalid("server"));
        }
        Self::new(servers).map_err(|_| Malformed::Invalid("servers"))
    }

    /// The record in which contacts find them on that day; `unix` is now.
    pub(crate) fn publish(&self, identity: &Identity, day: u64, unix: UnixTime) -> Option<Record> {
        let sealed = identity.seal_presence(day, &self.emit().ok()?);
        if sealed.len() != SEALED_LEN {
            return None;
        }
        let sequence = unix.as_secs().saturating_add(identity.mailbox().sequence_offset(day));
        Record::sign(&Key::of(identity, day), sequence, end_of(day), &sealed).ok()
    }

    /// What the newest record among these tells that the owner of the card signed for that day.
    pub(crate) fn find(card: &ContactCard, day: u64, records: &[Record], unix: UnixTime) -> Option<Self> {
        let open = |record: &Record| {
            let text = card.mailbox().open_presence(day, record.sealed())?;
            Self::parse(&text).ok()
        };
        let verifier = |record: &Record, _: UnixTime| open(record).is_some();
        let mut newest = Newest::new(slot_of(card, day)?);
        for record in records {
            let judged: Result<(), RecordError> = newest.offer(record.clone(), &verifier, unix);
            if let Err(error) = judged {
                tracing::debug!(%error, "a record of the directory was not believed");
            }
        }
        newest.best().and_then(open)
    }
}

/// Where the whereabouts of the card's owner lie on that day.
pub(crate) fn slot_of(card: &ContactCard, day: u64) -> Option<Slot> {
    card.blinded_public(day).map(|public| Slot::of(&public))
}

/// All records of a day end at the same moment, so that it tells nothing.
fn end_of(day: u64) -> UnixTime {
    UnixTime::from_secs(day.saturating_add(1).saturating_mul(DAY)) + GRACE
}

/// How long callers ask for that day's record, by our clock.
pub(crate) fn asked_until(day: u64) -> UnixTime {
    UnixTime::from_secs(day.saturating_add(1).saturating_mul(DAY)) + DAY_SKEW
}

/// The blinded key of a day signs records.
struct Key {
    key: BlindedKey,
    public: [u8; 32],
}

impl Key {
    fn of(identity: &Identity, day: u64) -> Self {
        let key = identity.blinded_key(day);
        Self { public: key.public(), key }
    }
}

impl Signer for Key {
    fn public(&self) -> &[u8; 32] {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message)
    }
}

/// Bytes of what is sealed in each record.
pub const SEALED_LEN: usize = TEXT_LEN + PRESENCE_OVERHEAD;

#[cfg(test)]
mod tests {
    use super::*;
    use p2pvoip_core::Seed;
    use proptest::prelude::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn at(urls: &[&str]) -> Whereabouts {
        Whereabouts::new(urls.iter().map(|url| url.parse().unwrap()).collect()).unwrap()
    }

    fn owner() -> (Identity, ContactCard) {
        let identity = Identity::generate(&Seed::from_u64(1));
        let card = identity.card("ws://old.example").unwrap();
        (identity, card)
    }

    #[test]
    fn a_contact_finds_what_the_owner_published() {
        let (identity, card) = owner();
        let there = at(&["ws://b.example", "wss://c.example"]);
        let record = there.publish(&identity, NOW.day(), NOW).unwrap();
        assert_eq!(record.sealed().len(), SEALED_LEN);
        assert_eq!(slot_of(&card, NOW.day()), Some(record.slot()));
        assert_eq!(Whereabouts::find(&card, NOW.day(), &[record], NOW), Some(there));
    }

    #[test]
    fn the_newest_is_taken_and_what_others_made_is_not() {
        let (identity, card) = owner();
        let day = NOW.day();
        let publish = |url, at_: UnixTime| at(&[url]).publish(&identity, day, at_).unwrap();
        let (old, new) =
            (publish("ws://old.example", NOW - Duration::from_secs(60)), publish("ws://new.example", NOW));
        let mallory = Identity::generate(&Seed::from_u64(2));
        let forged = at(&["ws://evil.example"]).publish(&mallory, day, NOW + Duration::from_secs(9)).unwrap();
        let yesterday = at(&["ws://x.example"]).publish(&identity, day - 1, NOW).unwrap();
        let garbage = Record::sign(&Key::of(&identity, day), u64::MAX, end_of(day), b"?").unwrap();
        let records = [old.clone(), forged.clone(), new, yesterday, garbage, old];
        assert_eq!(Whereabouts::find(&card, day, &records, NOW), Some(at(&["ws://new.example"])));
        assert_eq!(Whereabouts::find(&card, day, &[forged], NOW), None);
    }

    #[test]
    fn records_of_two_days_and_of_two_lists_share_nothing_but_their_size() {
        let (identity, _) = owner();
        let short = at(&["ws://a"]).publish(&identity, NOW.day(), NOW).unwrap().emit().unwrap();
        let longest = ["a", "b", "c", "d"].map(|name| format!("wss://{}", name.repeat(MAX_URL_LEN - 6)));
        let long =
            at(&longest.each_ref().map(String::as_str)).publish(&identity, NOW.day() + 1, NOW).unwrap();
        let long = long.emit().unwrap();
        assert_eq!(short.len(), long.len());
        let mut windows = short[1..].windows(4).filter(|window| **window != [0; 4]);
        let lengths = u16::try_from(SEALED_LEN).unwrap().to_be_bytes();
        let shared = windows.find(|part| {
            // The length itself and the high bytes of the two numbers are of every record.
            !part.windows(2).any(|pair| pair == lengths || pair == [0, 0])
                && long[1..].windows(4).any(|other| other == *part)
        });
        assert_eq!(shared, None);
    }

    #[test]
    fn more_servers_than_four_none_and_one_twice_are_refused() {
        let urls: Vec<ServerUrl> = (0..=MAX_SERVERS).map(|n| format!("ws://a{n}").parse().unwrap()).collect();
        assert_eq!(Whereabouts::new(vec![]), Err(BadWhereabouts));
        assert!(Whereabouts::new(urls[1..].to_vec()).is_ok());
        assert_eq!(Whereabouts::new(urls.clone()), Err(BadWhereabouts));
        assert_eq!(Whereabouts::new(vec![urls[0].clone(); 2]), Err(BadWhereabouts));
        let long: ServerUrl = format!("ws://{}", "a".repeat(MAX_URL_LEN)).parse().unwrap();
        assert_eq!(Whereabouts::new(vec![long]), Err(BadWhereabouts));
    }

    #[test]
    fn a_text_has_one_form() {
        let text = at(&["ws://a", "ws://b"]).emit().unwrap();
        for (at, value) in [(0, 2), (1, 0), (1, 3), (1, 5), (2, 0), (3, b'W'), (TEXT_LEN - 1, 1)] {
            let mut wrong = text;
            wrong[at] = value;
            assert!(Whereabouts::parse(&wrong).is_err(), "byte {at} = {value}");
        }
        assert!(Whereabouts::parse(&text[1..]).is_err());
    }

    proptest! {
        #[test]
        fn parse_of_emit_gives_the_same(names in proptest::collection::btree_set("[a-z0-9]{1,40}", 1..5)) {
            let urls: Vec<String> = names.iter().map(|name| format!("wss://{name}:8443")).collect();
            let there = at(&urls.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(Whereabouts::parse(&there.emit().unwrap()), Ok(there));
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), TEXT_LEN), count in 0u8..6, len in 0u8..80,
        ) {
            (bytes[0], bytes[1], bytes[2]) = (FORM, count, len);
            let parsed = Whereabouts::parse(&bytes);
            prop_assert!(parsed.is_err());
        }
    }
}
