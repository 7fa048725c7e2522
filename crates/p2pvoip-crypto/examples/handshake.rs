//! Two people who share nothing but a contact card agree on keys; packets are opened once, and only as they were sealed.

use p2pvoip_core::{Instant, Seed, UnixTime};
use p2pvoip_crypto::{
    Callee, ContactCard, Gatekeeper, HEADER_LEN, Hello, Identity, Initiator, OVERHEAD, Responder,
};

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
    let callee = Callee { mailbox: card.mailbox(), prekeys: &prekeys, known: false };
    let hello = Hello::for_this_machine();
    let (initiator, first) = Initiator::start(&alice, &callee, &hello, b"offer", Seed::from_u64(3), now)?;

    // Bob's gatekeeper lets it pass, once: a replay costs him no work.
    let mut gatekeeper = Gatekeeper::new(&bob);
    let admitted = gatekeeper.admit(&first, Instant::from_millis(0), now)?;
    let why =
        gatekeeper.admit(&first, Instant::from_millis(1), now).err().ok_or("an offer is admitted once")?;
    println!("the same offer again: {why}");

    // Bob sees who calls before he answers.
    let responder = Responder::read(&bob, admitted, now)?;
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

    // Alice shows the nonce that she committed herself to, and both can compare six words.
    let nonce = caller.sas.to_reveal().ok_or("the caller has a nonce")?;
    let code = callee.sas.reveal(&nonce)?;
    assert_eq!(caller.sas.sas(), Some(code));
    println!("compare: {code}");

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
