//! The people and the date of every body: two identities, and the prekeys of the one that is called.

use std::sync::LazyLock;

use p2pvoip_core::{Instant, Seed, UnixTime};
use p2pvoip_crypto::{Callee, Gatekeeper, Hello, Identity, Initiator, Prekeys, Responder, Session};

/// The date of every run.
pub(crate) const UNIX: UnixTime = UnixTime::from_secs(1_800_000_000);

/// Who calls.
pub(crate) static CALLER: LazyLock<Identity> = LazyLock::new(|| Identity::generate(&Seed::from_u64(1)));
/// Who is called.
pub(crate) static CALLEE: LazyLock<Identity> = LazyLock::new(|| Identity::generate(&Seed::from_u64(2)));
/// What the caller knows of the callee.
pub(crate) static PREKEYS: LazyLock<Prekeys> = LazyLock::new(|| {
    let bundle = CALLEE.prekey_bundle(UNIX.day(), UNIX);
    let opened = CALLEE.mailbox().open_bundle(&bundle, 0, UNIX.day(), &CALLEE.fingerprint(), UNIX);
    opened.expect("a bundle of today can be opened")
});

/// Whom offers go to.
pub(crate) fn callee() -> Callee<'static> {
    Callee { mailbox: CALLEE.mailbox(), prekeys: &PREKEYS, known: false }
}

/// The caller's half of a handshake, and its first message; `None` when the payload is too long.
pub(crate) fn first_message(payload: &[u8]) -> Option<(Initiator, Vec<u8>)> {
    Initiator::start(&CALLER, &callee(), &Hello::default(), payload, Seed::from_u64(3), UNIX).ok()
}

/// The callee's half, when an offer passes a gate that has seen none before, and is read.
pub(crate) fn read(first: &[u8]) -> Option<Responder> {
    let mut keeper = Gatekeeper::new(&CALLEE);
    let admitted = keeper.admit(first, Instant::from_millis(1), UNIX).ok()?;
    Responder::read(&CALLEE, admitted, UNIX).ok()
}

/// The second message to a first one.
pub(crate) fn second_message(first: &[u8], payload: &[u8]) -> Option<(Session, Vec<u8>)> {
    read(first)?.answer(payload, &Hello::default(), Seed::from_u64(4)).ok()
}
