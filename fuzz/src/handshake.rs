//! The gate, what it remembers, and handshakes of peers who hold all keys and lie behind the seals.
//!
//! Bytes that are merely changed stop at the first seal. The bodies `forged-..` put any bytes inside well-sealed messages.

use std::sync::LazyLock;

use p2pvoip_core::{Instant, Seed};
use p2pvoip_crypto::{
    Callee, GateRefused, Gatekeeper, HandshakeError, Hello, Initiator, Prekeys, Responder, Session,
    UpgradeInitiator, UpgradeResponder, forge,
};

use crate::fixture::{CALLEE, CALLER, UNIX};

const NOW: Instant = Instant::from_millis(0);
/// What both ends know the call by that is upgraded.
const CALL: &[u8] = b"call";

static PREKEYS: LazyLock<Prekeys> = LazyLock::new(|| {
    let bundle = CALLEE.prekey_bundle(UNIX.day(), UNIX);
    let opened = CALLEE.mailbox().open_bundle(&bundle, 0, UNIX.day(), &CALLEE.fingerprint(), UNIX);
    opened.expect("a bundle of today can be opened")
});

/// The device that the callee's gatekeeper knows.
static CALLERS_DEVICE: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let bundle = CALLER.prekey_bundle(UNIX.day(), UNIX);
    let opened = CALLER.mailbox().open_bundle(&bundle, 0, UNIX.day(), &CALLER.fingerprint(), UNIX);
    opened.expect("a bundle of today can be opened").peer().device
});

fn callee() -> Callee<'static> {
    Callee { mailbox: CALLEE.mailbox(), prekeys: &PREKEYS, known: true }
}

/// A caller's half of a handshake, and its offer.
pub(crate) fn offer() -> (Initiator, Vec<u8>) {
    let hello = Hello { features: 5, ..Hello::default() };
    let started = Initiator::start(&CALLER, &callee(), &hello, b"offer", Seed::from_u64(3), UNIX);
    started.expect("five bytes fit")
}

/// A gatekeeper who knows the caller.
fn keeper() -> Gatekeeper {
    let mut keeper = Gatekeeper::new(&CALLEE);
    keeper.set_contacts(&CALLEE, [*CALLERS_DEVICE]);
    keeper
}

fn read(offer: &[u8]) -> Result<Responder, HandshakeError> {
    let admitted = keeper().admit(offer, NOW, UNIX).map_err(|_| HandshakeError::Forged)?;
    Responder::read(&CALLEE, admitted, UNIX)
}

fn answer(responder: Responder) -> Result<(Session, Vec<u8>), HandshakeError> {
    let policy = Hello { features: 6, ..Hello::default() };
    responder.answer(b"answer", &policy, Seed::from_u64(4))
}

/// The gate: what passes it passes once, and what does not leaves it as it was.
pub fn gate(data: &[u8]) {
    let (mut keeper, mut twin) = (keeper(), keeper());
    if let Ok(admitted) = keeper.admit(data, NOW, UNIX) {
        assert_eq!(keeper.admit(data, NOW, UNIX).err(), Some(GateRefused::Replayed));
        assert_eq!(keeper.remembered().len(), 40);
        assert!(keeper.remembered().starts_with(&admitted.tag()));
        return;
    }
    assert_eq!(keeper.remembered(), twin.remembered());
    let (_, offer) = offer();
    let known = |keeper: &mut Gatekeeper| keeper.admit(&offer, NOW, UNIX).map(|admitted| admitted.known());
    assert_eq!(known(&mut keeper), known(&mut twin));
}

/// What a gatekeeper remembered: what is read is written as the same, but for what stands in it twice.
pub fn gate_memory(data: &[u8]) {
    let mut keeper = Gatekeeper::new(&CALLEE);
    if keeper.recall(data).is_err() {
        assert!(keeper.remembered().is_empty());
        return;
    }
    let written = keeper.remembered();
    assert!(written.len() <= data.len());
    assert!(keeper.recall(&written).is_ok());
    assert_eq!(keeper.remembered(), written);
}

/// A caller who says anything inside a well-sealed offer: refused, or read to the end and answered.
pub fn forged_offer(data: &[u8]) {
    let Ok(offer) = forge::offer(&CALLER, &callee(), data, &Seed::from_u64(5), UNIX) else { return };
    let Ok(responder) = read(&offer) else { return };
    assert_eq!(responder.peer().fingerprint, CALLER.fingerprint(), "nobody speaks for another root");
    assert_eq!(Some(responder.payload()), data.get(forge::OFFER_HEAD_LEN..));
    match answer(responder) {
        Ok((session, _)) => assert!(session.sas.sas().is_none(), "the nonce is not shown yet"),
        Err(why) => {
            assert!(matches!(why, HandshakeError::NoCommonVersion | HandshakeError::NoCommonAead), "{why}");
        }
    }
}

/// A callee who says anything inside a well-sealed answer: refused, and the true answer is still taken; or taken, and
/// then it is what both have signed and said.
pub fn forged_answer(data: &[u8]) {
    let (initiator, offer) = offer();
    let responder = read(&offer).expect("it is authentic");
    let Ok(forged) = forge::answer(responder, data, &Seed::from_u64(6)) else { return };
    let initiator = match initiator.finish(&forged) {
        Ok((session, body)) => {
            assert_eq!(Some(&body[..]), data.get(forge::ANSWER_HEAD_LEN..));
            assert!(session.suite.version >= PREKEYS.versions().least(), "no downgrade");
            return;
        }
        Err((initiator, _)) => initiator,
    };
    let (callee, answer) = answer(read(&offer).expect("it is authentic")).expect("they have much in common");
    let finished = initiator.finish(&answer).map_err(|(_, error)| error);
    let (caller, _) = finished.expect("it is as it was before the bad answer");
    assert_eq!(caller.binding, callee.binding);
}

/// Any bytes as each message of an upgrade: refused, and the true one is still taken.
pub fn upgrade(data: &[u8]) {
    let hello = Hello::default();
    let started = UpgradeInitiator::start(&CALLER, CALL, &hello, Seed::from_u64(3), UNIX);
    let (mut initiator, first) = started.expect("the list of algorithms is neither empty nor long");
    let read = |first| UpgradeResponder::read(&CALLEE, CALL, first, &hello, Seed::from_u64(4), UNIX);
    // Anybody can begin an upgrade; nobody else ends this one.
    let _ = read(data);
    let (mut responder, second) = read(&first).expect("it is authentic");
    if data != second {
        initiator = match initiator.finish(data, UNIX) {
            Ok(_) => return,
            Err((initiator, _)) => initiator,
        };
    }
    let finished = initiator.finish(&second, UNIX).map_err(|(_, error)| error);
    let (caller, third) = finished.expect("it is as it was before the bad message");
    if data != third {
        responder = match responder.finish(data, UNIX) {
            Ok(_) => return,
            Err((responder, _)) => responder,
        };
    }
    let finished = responder.finish(&third, UNIX).map_err(|(_, error)| error);
    assert_eq!(finished.expect("it is as it was").sas.sas(), caller.sas.sas());
}
