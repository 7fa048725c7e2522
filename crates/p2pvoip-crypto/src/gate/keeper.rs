//! The gatekeeper: who may ring, how often, and never twice with the same offer.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use p2pvoip_core::wire::Malformed;
use p2pvoip_core::{Instant, UnixTime};

use super::hint::{Hint, Pairwise};
use super::memory::{Memory, Owner};
use super::tokens::Tokens;
use super::{Gate, GateRefused};
use crate::envelope;
use crate::identity::{Identity, PUBLIC_LEN};
use crate::kdf::{self, HASH_LEN};

/// The most devices of contacts that are told from strangers.
pub const MAX_CONTACTS: usize = 1_024;
/// How many strangers, all together, may ring at once.
pub const STRANGERS_AT_ONCE: u32 = 8;
/// How often a stranger may ring after that.
pub const STRANGER_EVERY: Duration = Duration::from_secs(10);
/// How often one known device may ring at once.
pub const CONTACT_AT_ONCE: u32 = 8;
/// How often it may ring after that.
pub const CONTACT_EVERY: Duration = Duration::from_secs(60);

/// Stage: decides, before any public key is touched, whether an offer is worth the work.
pub struct Gatekeeper {
    gate: Gate,
    own: [u8; PUBLIC_LEN],
    contacts: Vec<Contact>,
    /// The day around which the hints were made, and whose they are.
    hints: (Option<u64>, BTreeMap<Hint, usize>),
    strangers: Tokens,
    memory: Memory,
}

struct Contact {
    device: [u8; PUBLIC_LEN],
    pairwise: Pairwise,
    tokens: Tokens,
}

/// An offer that passed the gate; nothing else can be read ([`Responder::read`](crate::Responder::read)).
#[derive(Clone, Copy)]
pub struct Admitted<'a> {
    pub(crate) interior: &'a [u8],
    pub(crate) hash: [u8; HASH_LEN],
    /// The device that the hint names.
    pub(crate) contact: Option<[u8; PUBLIC_LEN]>,
}

impl Admitted<'_> {
    /// What tells this offer from every other one, whatever gate stands before it.
    pub fn tag(&self) -> [u8; 16] {
        envelope::message_tag(&self.hash)
    }

    /// Whether the hint is that of a known contact; the handshake has yet to prove it.
    pub const fn known(&self) -> bool {
        self.contact.is_some()
    }
}

impl fmt::Debug for Admitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admitted([redacted])")
    }
}

impl Gatekeeper {
    /// The gatekeeper of an identity's device; it knows no contacts yet.
    pub fn new(identity: &Identity) -> Self {
        Self {
            gate: Gate::new(&identity.mailbox().gate_key()),
            own: *identity.device_public(),
            contacts: Vec::new(),
            hints: (None, BTreeMap::new()),
            strangers: Tokens::new(STRANGERS_AT_ONCE, STRANGER_EVERY),
            memory: Memory::default(),
        }
    }

    /// Tells it the X25519 device keys of all known contacts, in place of those before; gives how many did not fit.
    ///
    /// The first [`MAX_CONTACTS`] count, the others ring as strangers do. A device that was known before keeps its
    /// tokens and costs nothing; a new one costs an agreement of keys.
    pub fn set_contacts(
        &mut self,
        identity: &Identity,
        devices: impl IntoIterator<Item = [u8; PUBLIC_LEN]>,
    ) -> usize {
        let mut before: BTreeMap<_, _> =
            self.contacts.drain(..).map(|contact| (contact.device, contact)).collect();
        let mut seen = std::collections::BTreeSet::new();
        let mut left_out = 0;
        for device in devices.into_iter().filter(|device| seen.insert(*device)) {
            if self.contacts.len() == MAX_CONTACTS {
                left_out += 1;
                continue;
            }
            let known = before.remove(&device);
            self.contacts.extend(known.or_else(|| Contact::new(identity, device)));
        }
        self.hints = (None, BTreeMap::new());
        left_out
    }

    /// Looks at an offer, and takes a token of who made it.
    ///
    /// # Errors
    /// [`GateRefused`]; nothing has changed then but what time alone changes.
    pub fn admit<'a>(
        &mut self,
        offer: &'a [u8],
        now: Instant,
        unix: UnixTime,
    ) -> Result<Admitted<'a>, GateRefused> {
        if offer.len() > envelope::MAX_HANDSHAKE_LEN {
            return Err(GateRefused::Length);
        }
        let (hint, interior) = self.gate.open(offer)?;
        // The hash of what is inside: a card holder could put another gate before it.
        let hash = kdf::sha256(&[interior]);
        let tag = envelope::message_tag(&hash);
        if self.memory.holds(&tag) {
            return Err(GateRefused::Replayed);
        }
        self.refresh_hints(unix.day());
        let contact = self.hints.1.get(&hint).and_then(|index| self.contacts.get_mut(*index));
        let device = contact.as_ref().map(|contact| contact.device);
        let (tokens, refused) = contact.map_or((&mut self.strangers, GateRefused::Crowded), |contact| {
            (&mut contact.tokens, GateRefused::TooOften)
        });
        if !tokens.has(now) {
            return Err(refused);
        }
        let owner = device.as_ref().map_or(Owner::STRANGERS, Owner::device);
        if !self.memory.make_room(owner, unix) {
            return Err(GateRefused::Full);
        }
        tokens.take(now);
        self.memory.remember(owner, tag, unix);
        Ok(Admitted { interior, hash, contact: device })
    }

    /// What it remembers of past offers, to be kept in a file: 40 bytes for each.
    pub fn remembered(&self) -> Vec<u8> {
        self.memory.encode()
    }

    /// Takes back what was kept, in place of what it remembers.
    ///
    /// # Errors
    /// [`Malformed`] when these are not the bytes that [`Gatekeeper::remembered`] gave; nothing has changed then.
    pub fn recall(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        self.memory = Memory::decode(bytes)?;
        Ok(())
    }

    /// Makes the hints of the days around `day`, once a day: clocks may be off by hours.
    fn refresh_hints(&mut self, day: u64) {
        if self.hints.0 == Some(day) {
            return;
        }
        let days = [day.checked_sub(1), Some(day), day.checked_add(1)];
        let mut table = BTreeMap::new();
        for day in days.into_iter().flatten() {
            for (index, contact) in self.contacts.iter().enumerate() {
                table.insert(contact.pairwise.hint(day, &self.own), index);
            }
        }
        self.hints = (Some(day), table);
    }
}

impl Contact {
    /// `None` for a device key that gives no secret.
    fn new(identity: &Identity, device: [u8; PUBLIC_LEN]) -> Option<Self> {
        let pairwise = Pairwise::new(identity.device(), &device)?;
        Some(Self { device, pairwise, tokens: Tokens::new(CONTACT_AT_ONCE, CONTACT_EVERY) })
    }
}

impl fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gatekeeper").field("contacts", &self.contacts.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::memory::{MAX_OF_DEVICE, MAX_OF_STRANGERS};
    use crate::gate::{GATE_LEN, HINT_LEN, NONCE_LEN};
    use crate::x25519;
    use p2pvoip_core::Seed;

    const UNIX: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn bob() -> Identity {
        Identity::generate(&Seed::from_u64(2))
    }

    fn at(secs: u64) -> Instant {
        Instant::from_millis(secs * 1_000)
    }

    /// The key of a contact's device; its low three bits are cleared by X25519.
    fn device(number: u64) -> crate::kdf::Key {
        crate::kdf::Key::new(*Seed::from_u64(number << 3).expose())
    }

    fn public(number: u64) -> [u8; PUBLIC_LEN] {
        x25519::public_key(&device(number))
    }

    /// An offer of a stranger, or of a contact, told apart by a number.
    fn offer(from: Option<u64>, number: u64) -> Vec<u8> {
        let bob = bob();
        let hint = from.map_or([0; HINT_LEN], |from| {
            Pairwise::new(&device(from), bob.device_public()).unwrap().hint(UNIX.day(), bob.device_public())
        });
        let interior = number.to_be_bytes();
        let nonce = crate::kdf::array::<NONCE_LEN>(&interior);
        let gate = Gate::new(&bob.mailbox().gate_key()).seal(nonce, hint, &interior);
        [&gate[..], &interior].concat()
    }

    #[test]
    fn strangers_take_tokens_and_contacts_have_their_own() {
        let mut keeper = Gatekeeper::new(&bob());
        keeper.set_contacts(&bob(), [public(7), public(8)]);
        let mut numbers = 0..;
        let mut ring = |keeper: &mut Gatekeeper, from, secs| {
            let offer = offer(from, numbers.next().unwrap());
            keeper.admit(&offer, at(secs), UNIX).map(|admitted| admitted.contact)
        };
        for _ in 0..STRANGERS_AT_ONCE {
            assert_eq!(ring(&mut keeper, None, 0), Ok(None));
        }
        assert_eq!(ring(&mut keeper, None, 9), Err(GateRefused::Crowded));
        assert_eq!(ring(&mut keeper, None, 10), Ok(None));
        for _ in 0..CONTACT_AT_ONCE {
            assert_eq!(ring(&mut keeper, Some(7), 10), Ok(Some(public(7))));
        }
        assert_eq!(ring(&mut keeper, Some(7), 10), Err(GateRefused::TooOften));
        assert_eq!(ring(&mut keeper, Some(8), 10), Ok(Some(public(8))));
        keeper.set_contacts(&bob(), [public(8), public(7)]);
        assert_eq!(ring(&mut keeper, Some(7), 10), Err(GateRefused::TooOften), "tokens outlast a new list");
        assert_eq!(ring(&mut keeper, Some(7), 70), Ok(Some(public(7))));
    }

    #[test]
    fn an_offer_is_admitted_once_whatever_gate_is_put_before_it() {
        let mut keeper = Gatekeeper::new(&bob());
        let first = offer(None, 1);
        assert!(keeper.admit(&first, at(0), UNIX).is_ok());
        assert_eq!(keeper.admit(&first, at(0), UNIX).err(), Some(GateRefused::Replayed));
        let interior = &first[GATE_LEN..];
        let gate = Gate::new(&bob().mailbox().gate_key()).seal([7; NONCE_LEN], [7; HINT_LEN], interior);
        let other = [&gate[..], interior].concat();
        assert_eq!(keeper.admit(&other, at(1_000_000), UNIX).err(), Some(GateRefused::Replayed));
        let mut after_a_restart = Gatekeeper::new(&bob());
        after_a_restart.recall(&keeper.remembered()).unwrap();
        assert_eq!(after_a_restart.admit(&first, at(0), UNIX).err(), Some(GateRefused::Replayed));
        assert!(after_a_restart.recall(&[0; 23]).is_err());
        assert_eq!(after_a_restart.admit(&first, at(0), UNIX).err(), Some(GateRefused::Replayed));
    }

    #[test]
    fn a_refused_offer_is_not_remembered_and_takes_no_token() {
        let mut keeper = Gatekeeper::new(&bob());
        let mut forged = offer(None, 1);
        forged[0] ^= 1;
        for _ in 0..100 {
            assert_eq!(keeper.admit(&forged, at(0), UNIX).err(), Some(GateRefused::Forged));
        }
        for number in 0..u64::from(STRANGERS_AT_ONCE) {
            assert!(keeper.admit(&offer(None, number), at(0), UNIX).is_ok());
        }
        let crowded = offer(None, 100);
        assert_eq!(keeper.admit(&crowded, at(0), UNIX).err(), Some(GateRefused::Crowded));
        assert!(keeper.admit(&crowded, at(10), UNIX).is_ok(), "and it may come again");
    }

    #[test]
    fn a_full_memory_refuses_rather_than_forgets() {
        let mut keeper = Gatekeeper::new(&bob());
        for number in 0..MAX_OF_STRANGERS as u64 {
            assert!(keeper.admit(&offer(None, number), at(number * 10), UNIX).is_ok());
        }
        let late = at(MAX_OF_STRANGERS as u64 * 10);
        assert_eq!(keeper.admit(&offer(None, 5_000), late, UNIX).err(), Some(GateRefused::Full));
        assert_eq!(keeper.admit(&offer(None, 0), late, UNIX).err(), Some(GateRefused::Replayed));
        let tomorrow = UNIX + Duration::from_secs(86_400);
        assert!(keeper.admit(&offer(None, 5_000), late, tomorrow).is_ok());
    }

    #[test]
    fn hostile_contacts_fill_their_own_memory_and_keep_nobody_else_out() {
        // Each calls as often as its tokens allow, and strangers do, until nobody of them is let in any more.
        let (hostile, friend) = (10..22_u64, 30);
        let mut keeper = Gatekeeper::new(&bob());
        keeper.set_contacts(&bob(), hostile.clone().chain([friend]).map(public));
        let mut numbers = 0..;
        let mut ring = |keeper: &mut Gatekeeper, from, secs: u64| {
            let offer = offer(from, numbers.next().unwrap());
            keeper.admit(&offer, at(secs), UNIX + Duration::from_secs(secs)).map(|admitted| admitted.known())
        };
        for minute in 0..240 {
            for device in hostile.clone() {
                let refused = ring(&mut keeper, Some(device), minute * 60).err();
                assert_eq!(refused, (minute >= MAX_OF_DEVICE as u64).then_some(GateRefused::Full));
            }
            for turn in 0..6 {
                assert_eq!(ring(&mut keeper, None, minute * 60 + turn * 10), Ok(false), "minute {minute}");
            }
        }
        assert_eq!(ring(&mut keeper, Some(friend), 240 * 60), Ok(true));
        let mut after_a_restart = Gatekeeper::new(&bob());
        after_a_restart.recall(&keeper.remembered()).unwrap();
        after_a_restart.set_contacts(&bob(), [public(10), public(friend)]);
        assert_eq!(ring(&mut after_a_restart, Some(10), 240 * 60), Err(GateRefused::Full), "shares last");
        assert_eq!(ring(&mut after_a_restart, Some(friend), 240 * 60), Ok(true));
    }

    #[test]
    fn so_many_contacts_are_told_from_strangers_and_no_more() {
        let bob = bob();
        let mut keeper = Gatekeeper::new(&bob);
        let devices = (0..MAX_CONTACTS as u64 + 5).map(|number| public(number + 10));
        let with_a_twin_and_a_bad_one = [public(10), [0; PUBLIC_LEN]].into_iter().chain(devices);
        assert_eq!(keeper.set_contacts(&bob, with_a_twin_and_a_bad_one), 5);
        let last = MAX_CONTACTS as u64 + 9;
        assert!(keeper.admit(&offer(Some(last), 1), at(0), UNIX).unwrap().known());
        assert!(!keeper.admit(&offer(Some(last + 1), 2), at(0), UNIX).unwrap().known());
        assert_eq!(keeper.set_contacts(&bob, []), 0);
        assert!(!keeper.admit(&offer(Some(last), 3), at(0), UNIX).unwrap().known());
    }
}
