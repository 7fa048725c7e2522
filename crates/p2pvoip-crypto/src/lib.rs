//! Identity, handshake and packet protection: who it is, and that nobody else hears.
//!
//! An [`Identity`] publishes a prekey bundle and hands out a [`ContactCard`]. Who has the card opens the bundle and
//! writes an offer ([`Initiator`]); the other side lets it pass its gate ([`Gatekeeper`]), reads it, decides, and answers
//! ([`Responder`]). Both hold a [`Session`] then: a [`Sealer`] and an [`Opener`] for packets, a [`SignalCipher`] for
//! signalling, and a string of words that people compare.
//!
//! Nothing here has a clock, dice or IO: dates come as [`UnixTime`](p2pvoip_core::UnixTime), chance as a
//! [`Seed`](p2pvoip_core::Seed) that the caller draws from the system.
//!
//! ```
//! use p2pvoip_core::{Instant, Seed, UnixTime};
//! use p2pvoip_crypto::{
//!     Callee, ContactCard, Gatekeeper, HEADER_LEN, Hello, Identity, Initiator, Responder,
//! };
//!
//! let now = UnixTime::from_secs(1_800_000_000);
//! let (alice, bob) = (Identity::generate(&Seed::from_u64(1)), Identity::generate(&Seed::from_u64(2)));
//! let card: ContactCard = bob.card("rendezvous.example:443")?.to_string().parse()?;
//! let bundle = bob.prekey_bundle(now.day(), now);
//!
//! let prekeys = card.mailbox().open_bundle(&bundle, 0, now.day(), card.fingerprint(), now)?;
//! let callee = Callee { mailbox: card.mailbox(), prekeys: &prekeys, known: false };
//! let hello = Hello::for_this_machine();
//! let (initiator, offer) = Initiator::start(&alice, &callee, &hello, b"offer", Seed::from_u64(3), now)?;
//!
//! let mut gatekeeper = Gatekeeper::new(&bob);
//! let admitted = gatekeeper.admit(&offer, Instant::from_millis(0), now)?;
//! let responder = Responder::read(&bob, admitted, now)?;
//! assert_eq!(responder.peer().fingerprint, alice.fingerprint());
//! assert_eq!(responder.payload(), b"offer");
//! let (mut callee, answer) = responder.answer(b"answer", &hello, Seed::from_u64(4))?;
//! let (mut caller, body) = initiator.finish(&answer).map_err(|(_, error)| error)?;
//! assert_eq!(body, b"answer");
//!
//! let mut packet = [0; 100];
//! packet[HEADER_LEN..][..5].copy_from_slice(b"hello");
//! let sealed = caller.sealer.seal(0, &mut packet, 5)?;
//! assert_eq!(callee.opener.open(&mut packet[..sealed.len])?.payload, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(clippy::indexing_slicing)]

pub mod attestation;
mod blinding;
mod bundle;
mod card;
mod chain;
mod credential;
mod dates;
mod device;
mod envelope;
mod gate;
pub mod group;
mod handshake;
mod identity;
#[cfg(any(test, feature = "forge"))]
#[doc(hidden)]
pub mod interiors;
mod introduction;
mod kdf;
mod kem;
pub mod keystore;
mod linking;
mod mailbox;
#[cfg(test)]
mod outside;
mod packet;
mod policy;
mod presence;
mod ready;
mod rekey;
mod roster;
mod sas;
mod schedule;
mod secret;
mod signal_cipher;
mod succession;
mod suite;
mod text;
mod trust;
mod verify_code;
mod x25519;

pub use blinding::BlindedKey;
pub use bundle::{BUNDLE_LEN, BundleError, Prekeys};
pub use card::{CardError, ContactCard, MAX_CARD_LEN, MAX_SERVER_LEN};
pub use credential::CredentialError;
pub use dates::{CLOCK_SKEW, OFFER_LIFE, PREKEY_GRACE, PREKEY_PERIOD};
pub use envelope::MAX_HANDSHAKE_LEN;
pub use gate::{
    Admitted, CONTACT_AT_ONCE, CONTACT_EVERY, GateRefused, Gatekeeper, MAX_CONTACTS, MAX_REMEMBERED,
    MEMORY_LIFE, STRANGER_EVERY, STRANGERS_AT_ONCE,
};
#[cfg(any(test, feature = "forge"))]
#[doc(hidden)]
pub use handshake::forge;
pub use handshake::{
    Callee, ExportError, FIRST_OVERHEAD, HandshakeError, Hello, Initiator, MAX_AEADS, Responder,
    SECOND_OVERHEAD, SasError, SasPart, Session, UPGRADE_LENS, UpgradeInitiator, UpgradeResponder,
};
pub use identity::{Fingerprint, Identity, PeerIdentity, RootKey};
pub use introduction::{INTRODUCTION_LIFE, Introduction, IntroductionError, MAX_INTRODUCTION_LEN, Vouched};
pub use kdf::stir;
pub use linking::{DeviceCode, DeviceGrant, DeviceRequest, GRANT_LEN, LinkError, PendingDevice};
pub use mailbox::{MAILBOX_KEY_LEN, MailboxKey, owned_address, token_id};
pub use packet::{
    Counters, EPOCH_LIFE, HEADER_LEN, LAST_NUMBER, MAX_PACKET_LEN, MAX_STREAM, MIN_PLAINTEXT_LEN,
    OLD_EPOCH_LIFE, OVERHEAD, Opened, Opener, Refused, SealError, Sealed, Sealer,
};
pub use policy::{Decision, Known, Offer, Policy, PolicyRefused};
pub use presence::PRESENCE_OVERHEAD;
pub use rekey::{
    MixSecret, REKEY_ANSWER_LEN, REKEY_EVERY, REKEY_OFFER_LEN, REKEY_SPACING, RekeyError, RekeyInitiator,
    RekeyResponder, RekeySecret,
};
pub use roster::{MAX_DEVICES, ROSTER_LIFE, RosterPin};
pub use sas::{Emoji, SAS_BITS, Sas};
pub use schedule::{DirectionSecret, EpochSecret, MAX_EXPORT_LEN};
pub use secret::{Secret, SecretError};
pub use signal_cipher::{MAX_SIGNAL_LEN, SIGNAL_OVERHEAD, SignalCipher};
pub use succession::{SUCCESSION_LEN, Succession, SuccessionError};
pub use suite::{Aead, Suite, VERSION_1_0, VERSION_1_1, VersionRange};
pub use trust::{How, MAX_PIN_LEN, Pin, PinError, PinRefused, Trust, judge};
pub use verify_code::{Mismatch, Scanned, VerifyCode, VerifyCodeError};
