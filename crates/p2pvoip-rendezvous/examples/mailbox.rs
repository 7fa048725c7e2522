//! An envelope through the server's hub, in memory: one client listens at a mailbox, another one puts something in.

use std::collections::VecDeque;

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_rendezvous::hub::{self, ConnectionId, Hub, Limits, mailbox_of};
use p2pvoip_signal::rendezvous::{Client, Event, Input};
use p2pvoip_signal::{ENVELOPE_LEN, Envelope, Token};

type Error = Box<dyn std::error::Error>;

/// The hub, two clients, and the frames on their way to the hub.
struct Room {
    hub: Hub,
    clients: [Client; 2],
    events: Vec<Event>,
    now: Instant,
}

impl Room {
    /// Carries frames until nobody has anything more to say.
    fn settle(&mut self) -> Result<(), Error> {
        let mut buf = vec![0; Client::MAX_TRANSMIT.max(Hub::MAX_TRANSMIT)];
        let mut to_hub = VecDeque::new();
        loop {
            for (number, client) in (0..).zip(&mut self.clients) {
                let id = ConnectionId(number);
                loop {
                    match client.poll_output(&mut buf) {
                        Output::Transmit { len, .. } => {
                            to_hub.push_back((id, buf.get(..len).unwrap_or_default().to_vec()));
                        }
                        Output::Event(Event::Connect) => {
                            self.hub.handle_input(hub::Input::Opened(id), self.now)?;
                            client.handle_input(Input::Connected, self.now)?;
                        }
                        Output::Event(event) => self.events.push(event),
                        Output::Wait(_) => break,
                    }
                }
            }
            let Some((id, frame)) = to_hub.pop_front() else { return Ok(()) };
            self.hub.handle_input(hub::Input::Frame(id, &frame), self.now)?;
            while let Output::Transmit { to, len } = self.hub.poll_output(&mut buf) {
                let index = usize::try_from(to.0)?;
                let client = self.clients.get_mut(index).ok_or("there are two")?;
                client.handle_input(Input::Frame(buf.get(..len).unwrap_or_default()), self.now)?;
            }
        }
    }
}

fn main() -> Result<(), Error> {
    let now = Instant::from_millis(1_000);
    let clients = [1, 2].map(|seed| Client::new(&Seed::from_u64(seed), now));
    let mut room =
        Room { hub: Hub::new(Limits::default(), &Seed::from_u64(4), now), clients, events: Vec::new(), now };
    let [alice, bob] = &mut room.clients;

    // Who has the token may listen; who knows the mailbox, which is a hash of it, may only put something in.
    let token = Token::new([7; 32]);
    alice.listen(token, now)?;
    let offer = Envelope::new([9; ENVELOPE_LEN]); // sealed for Alice alone
    bob.put(mailbox_of(&token), offer.clone(), now)?;
    room.settle()?;

    let came = room
        .events
        .iter()
        .any(|event| matches!(event, Event::Envelope { envelope, .. } if *envelope == offer));
    let told = room.events.iter().any(|event| matches!(event, Event::Delivered { .. }));
    assert!(came && told, "it came, and who put it was told so: {:?}", room.events);
    println!("{:?}", room.hub.stats());
    assert_eq!(room.hub.stats().envelopes, 1);
    Ok(())
}
