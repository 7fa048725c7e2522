//! What clients can say to the rendezvous server.

use std::sync::LazyLock;

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_rendezvous::hub::{Event, Input, owned_mailbox_of};
use p2pvoip_rendezvous::{ConnectionId, Hub, Limits};
use p2pvoip_signal::rendezvous::{ClientFrame, MAX_CLIENT_FRAME, RequestId, ServerFrame, own_statement};
use p2pvoip_signal::{MailboxId, OwnerKey};
use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::drive::{pass, rest};
use crate::script::{millis, number, steps};

/// How many connections a script speaks of, and how many owners.
const MOST: usize = 4;

/// An owner: its private key, its public one, and the mailbox of that.
type Owner = (Ed25519KeyPair, OwnerKey, MailboxId);

static OWNERS: LazyLock<[Owner; MOST]> = LazyLock::new(|| {
    [0, 1, 2, 3].map(|number: u8| {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[number; 32]).expect("32 bytes are a seed");
        let public: [u8; 32] = pair.public_key().as_ref().try_into().expect("a public key has 32 bytes");
        let key = OwnerKey::new(public);
        (pair, key, owned_mailbox_of(&key))
    })
});

/// The key of an owner, and its address.
pub(crate) fn owned(owner: usize) -> (OwnerKey, [u8; 16]) {
    let (_, key, mailbox) = &OWNERS[owner % MOST];
    (*key, *mailbox.as_bytes())
}

/// The step in which a connection proves to be the owner that the step's first byte names; or shows such a proof that was
/// made for another connection.
pub(crate) fn own_step(who: u8, replayed: bool) -> u8 {
    0x0a | who << 4 | if replayed { 0x40 } else { 0 }
}

/// A hub, its connections, and what each was challenged with and has ever proven.
struct Room {
    hub: Hub,
    now: Instant,
    open: [bool; MOST],
    challenges: [Option<[u8; 32]>; MOST],
    proven: [[bool; MOST]; MOST],
}

/// A script for the hub: up to four connections, each opened, greeted, heard and closed as the script says. The server says
/// nothing but frames, hears nobody but who is connected, keeps to its limits, and gives what comes to an owned mailbox, and
/// leave to publish there, to none but who has signed its own challenge. A step with bit 2 has a frame of the greatest
/// length, of which the script holds the beginning; one with bit 3 is a proof (`own_step`).
pub fn hub(script: &[u8]) {
    let mut limits = Limits::default();
    (limits.connections, limits.mailboxes, limits.records, limits.waiting) = (3, 4, 3, 4);
    (limits.listeners_per_mailbox, limits.keys_per_connection) = (2, 2);
    let (most_mailboxes, most_records) = (limits.mailboxes, limits.records);
    let now = Instant::from_millis(1);
    let mut room = Room {
        hub: Hub::new(limits, &Seed::from_u64(1), now),
        now,
        open: [false; MOST],
        challenges: [None; MOST],
        proven: [[false; MOST]; MOST],
    };
    for (step, bytes) in steps(script) {
        room.step(step, bytes);
        let stats = room.hub.stats();
        assert_eq!(stats.connections, room.open.iter().filter(|open| **open).count());
        assert!(stats.mailboxes <= most_mailboxes && stats.records <= most_records, "{stats:?}");
    }
}

impl Room {
    fn step(&mut self, step: u8, bytes: &[u8]) {
        let who = usize::from(step >> 4 & 3);
        let id = ConnectionId(who as u64);
        match step & 3 {
            0 => {
                if self.hub.handle_input(Input::Opened(id), self.now).is_ok() {
                    (self.open[who], self.challenges[who]) = (true, None);
                }
            }
            1 => {
                let closed = self.hub.handle_input(Input::Closed(id), self.now);
                assert!(closed.is_ok(), "whoever leaves has left");
                self.open[who] = false;
            }
            2 if step & 8 != 0 => self.prove(who, step & 0x40 != 0, bytes),
            2 => {
                let mut frame = bytes.to_vec();
                if step & 4 != 0 {
                    frame.resize(MAX_CLIENT_FRAME, 0);
                }
                self.say(who, &frame);
            }
            _ => self.drain(Some(millis(bytes))),
        }
        // What was said to one that has closed since may still come.
        if step & 0x80 == 0 {
            self.drain(None);
        }
    }

    fn say(&mut self, who: usize, frame: &[u8]) {
        let records = self.hub.stats().records;
        if self.hub.handle_input(Input::Frame(ConnectionId(who as u64), frame), self.now).is_ok() {
            assert!(self.open[who], "only who is connected is heard");
        }
        if let Ok(ClientFrame::Publish { key, .. }) = ClientFrame::parse(frame)
            && !self.has_proven(who, |owner| owner.1 == key)
        {
            assert!(self.hub.stats().records <= records, "only an owner publishes");
        }
    }

    /// Shows a good signature of this connection's challenge, or of another's.
    fn prove(&mut self, who: usize, replayed: bool, bytes: &[u8]) {
        let owner = usize::from(bytes.first().copied().unwrap_or_default()) % MOST;
        let from = if replayed { (who + 1) % MOST } else { who };
        let Some(challenge) = self.challenges[from] else { return };
        let (pair, key, _) = &OWNERS[owner];
        let signature = pair.sign(&own_statement(&challenge));
        let signature = signature.as_ref().try_into().expect("a signature has 64 bytes");
        let id = RequestId(number(bytes.get(1..).unwrap_or_default()));
        let mut buf = [0; MAX_CLIENT_FRAME];
        let len = ClientFrame::Own { id, key: *key, signature }.emit(&mut buf).expect("it fits");
        // A challenge that was not heard yet, of a connection that was opened anew, makes a good proof a bad one.
        self.proven[who][owner] |= !replayed;
        self.say(who, &buf[..len]);
    }

    /// Takes what the server says, while that time passes if one is told.
    fn drain(&mut self, by: Option<core::time::Duration>) {
        let mut said: Vec<Said> = Vec::new();
        let mut buf = [0; Hub::MAX_TRANSMIT];
        let mut each = |output, bytes: &[u8]| said.extend(read(&output, bytes));
        match by {
            Some(by) => pass(&mut self.hub, &mut buf, &mut self.now, by, &mut each),
            None => drop(rest(&mut self.hub, &mut buf, &mut each)),
        }
        for said in said {
            match said {
                Said::Welcome(who, challenge) => self.challenges[who] = Some(challenge),
                Said::Envelope(who, mailbox) => {
                    let owned = OWNERS.iter().any(|owner| owner.2 == mailbox);
                    let entitled = self.has_proven(who, |owner| owner.2 == mailbox);
                    assert!(entitled || !owned, "only an owner gets what comes to its mailbox");
                }
                Said::Close(who) => self.open[who] = false,
            }
        }
    }

    fn has_proven(&self, who: usize, is: impl Fn(&Owner) -> bool) -> bool {
        OWNERS.iter().zip(self.proven[who]).any(|(owner, proven)| proven && is(owner))
    }
}

/// What matters of what the server says, and to whom.
enum Said {
    Welcome(usize, [u8; 32]),
    Envelope(usize, MailboxId),
    Close(usize),
}

fn read(output: &Output<ConnectionId, Event>, bytes: &[u8]) -> Option<Said> {
    let who = |id: &ConnectionId| usize::try_from(id.0).unwrap_or_default();
    match output {
        Output::Transmit { to, .. } => {
            match ServerFrame::parse(bytes).expect("a server says nothing but frames") {
                ServerFrame::Welcome { challenge, .. } => Some(Said::Welcome(who(to), challenge)),
                ServerFrame::Envelope { mailbox, .. } => Some(Said::Envelope(who(to), mailbox)),
                ServerFrame::Done { .. }
                | ServerFrame::Absent { .. }
                | ServerFrame::Refused { .. }
                | ServerFrame::Bundle { .. }
                | ServerFrame::Pong { .. } => None,
            }
        }
        Output::Event(Event::Close(id)) => Some(Said::Close(who(id))),
        Output::Wait(_) => None,
    }
}
