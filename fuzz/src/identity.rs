//! Linked devices, successions, and what a holder of the card or of an identity file can put inside them.

use std::sync::LazyLock;

use p2pvoip_core::Seed;
use p2pvoip_core::wire::Reader;
use p2pvoip_crypto::{
    BUNDLE_LEN, DeviceGrant, DeviceRequest, Identity, PendingDevice, Secret, Succession, interiors,
};
use ring::digest;

use crate::fixture::{CALLEE, UNIX};

/// A device that waits to be linked to the callee's identity.
pub(crate) static PENDING: LazyLock<PendingDevice> =
    LazyLock::new(|| PendingDevice::generate(&Seed::from_u64(5)));
/// What the callee grants it.
pub(crate) static GRANT: LazyLock<DeviceGrant> = LazyLock::new(|| {
    let grant = CALLEE.to_secret().link(&PENDING.request(), Seed::from_u64(6), UNIX);
    grant.expect("there is a free place")
});
/// The identity to which the callee goes over, and how it says so.
pub(crate) static SUCCESSION: LazyLock<Succession> = LazyLock::new(|| {
    let made = Succession::make(&CALLEE, &Identity::generate(&Seed::from_u64(7)), UNIX);
    made.expect("both are home devices")
});
/// What is under the seal of the callee's bundle of today.
pub(crate) static INTERIOR: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let day = UNIX.day();
    let opened = interiors::open_bundle(CALLEE.mailbox(), &CALLEE.prekey_bundle(day, UNIX), 0, day);
    opened.expect("the callee sealed it")
});

/// The request of a new device: what parses is written as a request that says the same; home can link it.
pub fn device_request(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(request) = text.parse::<DeviceRequest>() else { return };
    let written = request.to_string();
    // The scheme may come in any case, with blanks around the request; the rest has one form.
    assert!(written.eq_ignore_ascii_case(text.trim()), "{written}");
    assert_eq!(written.parse(), Ok(request));
    let mut home = CALLEE.to_secret();
    if home.link(&request, Seed::from_u64(6), UNIX).is_ok() {
        assert_eq!(home.linked_devices().collect::<Vec<_>>(), [(1, request.code())]);
    }
}

/// A grant, as text and as what is under its seal: only the one that the root made links a device.
pub fn device_grant(data: &[u8]) {
    if let Some(grant) = interiors::seal_grant(&PENDING.request(), data, &Seed::from_u64(8)) {
        assert!(Secret::linked(&PENDING, &grant, UNIX).is_err(), "the root has not signed it");
    }
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(grant) = text.parse::<DeviceGrant>() else { return };
    assert!(grant.to_string().eq_ignore_ascii_case(text.trim()));
    let linked = Secret::linked(&PENDING, &grant, UNIX);
    assert_eq!(linked.is_ok(), grant == *GRANT, "one grant was made");
}

/// A bundle whose seal is right, as every holder of the card can make it: changes of a good one, each a place (2), a length
/// (1) and what is xored there. One that says anything else than the good one is refused.
pub fn bundle_interior(data: &[u8]) {
    let (mut plain, mut reader) = (INTERIOR.clone(), Reader::new(data));
    while let (Ok(place), Ok(change)) = (reader.u16(), reader.block8()) {
        let place = usize::from(place) % plain.len();
        for (byte, flip) in plain.iter_mut().skip(place).zip(change) {
            *byte ^= flip;
        }
    }
    let day = UNIX.day();
    let sealed = interiors::seal_bundle(CALLEE.mailbox(), &plain, 0, day);
    assert_eq!(sealed.len(), BUNDLE_LEN);
    let opened = CALLEE.mailbox().open_bundle(&sealed, 0, day, &CALLEE.fingerprint(), UNIX);
    assert_eq!(opened.is_ok(), plain == *INTERIOR, "every byte is signed");
    let raw = interiors::seal_bundle(CALLEE.mailbox(), data, 0, day);
    let opened = CALLEE.mailbox().open_bundle(&raw, 0, day, &CALLEE.fingerprint(), UNIX);
    assert!(opened.is_err() || data == *INTERIOR);
}

/// The fields of an identity file behind a right checksum, the form first: what is read is written as the same bytes, and what
/// it makes of itself is opened by its contacts or by nobody.
pub fn identity_fields(data: &[u8]) {
    let file = framed(data);
    if let Ok(pending) = PendingDevice::decode(&file) {
        assert_eq!(pending.encode().as_slice(), file, "encode undoes decode");
        assert!(Secret::decode(&file).is_err(), "it was not linked yet");
    }
    let Ok(mut secret) = Secret::decode(&file) else { return };
    assert_eq!(secret.encode().as_slice(), file, "encode undoes decode");
    let identity = Identity::from_secret(&secret);
    let day = UNIX.day();
    let bundle = identity.prekey_bundle(day, UNIX);
    assert!(bundle.is_empty() || bundle.len() == BUNDLE_LEN);
    let (mailbox, fingerprint) = (identity.mailbox(), identity.fingerprint());
    let opened = mailbox.open_bundle(&bundle, identity.index(), day, &fingerprint, UNIX);
    if secret.is_home() && !bundle.is_empty() {
        assert!(opened.is_ok(), "home signs its own list");
    }
    if secret.needs_renewal(UNIX) {
        assert!(opened.is_err());
        secret.renew(&Seed::from_u64(9));
    }
    secret.advance(UNIX);
    assert!(!secret.needs_renewal(UNIX), "new prekeys cover the present");
}

/// A succession, as bytes and as text: only one that both roots have signed is read, and it is written as it was.
pub fn succession(data: &[u8]) {
    if let Ok(read) = Succession::parse(data, UNIX) {
        assert_eq!(read.emit().as_slice(), data);
        assert!(read == *SUCCESSION || read.old() != SUCCESSION.old(), "the callee's root signed one");
    }
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(read) = Succession::parse_text(text, UNIX) {
        assert!(read.to_string().eq_ignore_ascii_case(text.trim()));
        assert_eq!(Succession::parse(&read.emit(), UNIX), Ok(read));
    }
}

/// A file of that form and those fields.
pub(crate) fn framed(fields: &[u8]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"p2pvoip identity file");
    context.update(fields);
    let checksum = context.finish();
    [b"p2pvoip", fields, &checksum.as_ref()[..4]].concat()
}
