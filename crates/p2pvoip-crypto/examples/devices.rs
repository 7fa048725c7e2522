//! Two devices of one person: the second is linked, called, and later revoked; then the identity is replaced.
//!
//! Run it with `cargo run -p p2pvoip-crypto --example devices`.

use p2pvoip_core::{Seed, UnixTime};
use p2pvoip_crypto::{DeviceGrant, DeviceRequest, Identity, PendingDevice, Secret, Succession};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = UnixTime::from_secs(1_800_000_000);
    // A program draws each seed from the system.
    let mut home = Secret::generate(&Seed::from_u64(1));

    // The new device shows a request; home reads it from a QR code, and both show the same code.
    let pending = PendingDevice::generate(&Seed::from_u64(2));
    let request: DeviceRequest = pending.request().to_string().parse()?;
    println!("both devices show {}", request.code());
    let grant: DeviceGrant = home.link(&request, Seed::from_u64(3), now)?.to_string().parse()?;
    let mut phone = Secret::linked(&pending, &grant, now)?;

    // Both files are written. A contact finds the phone at an address of its own.
    let card = Identity::from_secret(&home).card("rendezvous.example:443")?;
    let bundle = Identity::from_secret(&phone).prekey_bundle(now.day(), now);
    let prekeys = card.mailbox().open_bundle(&bundle, 1, now.day(), card.fingerprint(), now)?;
    println!("devices in use: {:?}", prekeys.device_indices().collect::<Vec<_>>());

    // Each week: past prekeys are forgotten, and the phone takes home's newest list.
    for secret in [&mut home, &mut phone] {
        if secret.advance(now) {
            println!("prekeys moved on: the file is written anew");
        }
    }
    home.revoke(1, now)?;
    let bundle = Identity::from_secret(&home).prekey_bundle(now.day(), now);
    let prekeys = card.mailbox().open_bundle(&bundle, 0, now.day(), card.fingerprint(), now)?;
    match phone.refresh_roster(&prekeys) {
        Err(error) => println!("the phone learns: {error}"),
        Ok(_) => return Err("a revoked device must not find itself in the list".into()),
    }

    // The phone knows the mailbox's owner key, so its owner makes a new identity and tells contacts.
    let (old, new) = (Identity::from_secret(&home), Identity::generate(&Seed::from_u64(4)));
    let succession = Succession::make(&old, &new, now)?;
    assert_eq!(Succession::parse_text(&succession.to_string(), now)?.new_root(), &new.root());
    println!("contacts take {} for the same person", new.fingerprint());
    Ok(())
}
