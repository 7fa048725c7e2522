//! Two people who share nothing but a contact card agree on keys; packets are opened once, and only as they were sealed.

use p2pvoip_core::{Seed, UnixTime};
use p2pvoip_crypto::{ContactCard, HEADER_LEN, Hello, Identity, Initiator, OVERHEAD, Responder};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In a program, seeds are drawn from the system and dates come from its clock.
    let now = UnixTime::from_secs(1_800_000_000);
    let (alice, bob) = (Identity::generate(&Seed::from_u64(1)), Identity::generate(&Seed::from_u64(2)));

    // Bob hands out his card; what else is needed he publishes at his server, sealed for those who have the card.
    let card = bob.card("rendezvous.example:443")?.to_string();
    let bundle = bob.prekey_bundle(now.day(), now);
    println!("{card}\n{} characters, and {} bytes at the server", card.len(), bundle.len());

    // Alice has the card. Her first message carries an offer, of which nobody but Bob reads a word.
    let card: ContactCard = card.parse()?;
    let prekeys = card.mailbox().open_bundle(&bundle, 0, now.day(), card.fingerprint(), now)?;
    let hello = Hello::default();
    let (initiator, first) = Initiator::start(&alice, &prekeys, &hello, b"offer", Seed::from_u64(3), now)?;

    // Bob sees who calls before he answers.
    let responder = Responder::read(&bob, &first, now)?;
    assert_eq!(responder.peer().fingerprint, alice.fingerprint());
    let (mut callee, second) = responder.answer(b"answer", &hello, Seed::from_u64(4))?;

    // A changed answer is refused, and the true one is still taken.
    let mut changed = second.clone();
    changed.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1);
    let Err((initiator, why)) = initiator.finish(&changed) else { return Err("it was changed".into()) };
    println!("a changed answer: {why}");
    let (mut caller, answer) = initiator.finish(&second).map_err(|(_, error)| error)?;
    assert_eq!(answer, b"answer");
    assert_eq!(caller.binding, callee.binding);

    // Packets are sealed in the buffer that they are sent from.
    let mut packet = [0; 5 + OVERHEAD];
    packet.iter_mut().skip(HEADER_LEN).zip(b"hello").for_each(|(to, from)| *to = *from);
    let sealed = caller.sealer.seal(0, &mut packet, 5)?;
    assert_eq!(sealed.len, 5 + OVERHEAD);
    let mut again = packet;
    assert_eq!(callee.opener.open(&mut packet)?.payload, b"hello");
    let why = callee.opener.open(&mut again).err().ok_or("a packet is opened once")?;
    println!("the same packet again: {why}");
    Ok(())
}
