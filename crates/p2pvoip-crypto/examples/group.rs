//! Three people in a group: each seals its words once, and both others hear them; nobody else does.

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_crypto::group::{Group, HEADER_LEN, Input, MAX_PROOF_LEN, OVERHEAD, Received, To};
use p2pvoip_crypto::{Aead, Fingerprint};

const NOW: Instant = Instant::from_millis(0);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Fingerprints are what the pairwise sessions have proven; seeds are drawn from the system in a program.
    let [alice, bob, carol] = [1, 2, 3].map(|person| Fingerprint::new([person; Fingerprint::LEN]));
    let mut people = vec![(alice, Group::found(alice, Aead::ChaCha20Poly1305, &Seed::from_u64(1), NOW))];
    for newcomer in [bob, carol] {
        people.iter_mut().take(1).try_for_each(|(_, group)| group.admit(newcomer, NOW).map(drop))?;
        exchange(&mut people)?;
    }

    // Alice seals once.
    let (_, group) = people.first_mut().ok_or("Alice is there")?;
    let mut packet = [0; 5 + OVERHEAD];
    packet.iter_mut().skip(HEADER_LEN).zip(b"hello").for_each(|(to, from)| *to = *from);
    let sealed = group.seal(&mut packet, 5, NOW)?;
    println!("{} bytes for 5, sealed once", sealed.len);

    // Both others open the same bytes, which came by Alice's path.
    for (_, group) in people.iter_mut().skip(1) {
        let mut copy = packet;
        let Received::Voice(words) = group.open(alice, &mut copy, NOW)? else {
            return Err("it is voice".into());
        };
        println!("member {} hears {:?} of member {}", group.me().number, words.payload, words.sender);
    }

    // Carol is put out: the keys change, and what Alice seals from then on she does not open.
    let (_, mut gone) = people.pop().ok_or("Carol is there")?;
    people.iter_mut().take(1).try_for_each(|(_, group)| group.remove(2, NOW))?;
    exchange(&mut people)?;
    let (_, group) = people.first_mut().ok_or("Alice is there")?;
    let _ = group.seal(&mut packet, 5, NOW)?;
    println!("Carol: {}", gone.open(alice, &mut packet, NOW).err().ok_or("she has no key")?);
    Ok(())
}

/// Carries what members say to one another until all is said; who has no group joins.
fn exchange(people: &mut Vec<(Fingerprint, Group)>) -> Result<(), Box<dyn std::error::Error>> {
    let mut buf = [0; MAX_PROOF_LEN];
    loop {
        let mut letters = Vec::new();
        for (from, group) in people.iter_mut() {
            loop {
                match group.poll_output(&mut buf) {
                    // Here it would be sealed by the session of the two.
                    Output::Transmit { to: To::Member(to), len } => {
                        letters.push((*from, to, buf.iter().take(len).copied().collect::<Vec<u8>>()));
                    }
                    Output::Transmit { to: To::All, .. } => {}
                    Output::Event(event) => println!("{event:?}"),
                    Output::Wait(_) => break,
                }
            }
        }
        if letters.is_empty() {
            return Ok(());
        }
        for (from, to, message) in letters {
            let input = Input { from, message: &message };
            match people.iter_mut().find(|(person, _)| *person == to) {
                Some((_, group)) => group.handle_input(input, NOW)?,
                None => people.push((to, Group::join(to, input, &Seed::from_u64(7), NOW)?)),
            }
        }
    }
}
