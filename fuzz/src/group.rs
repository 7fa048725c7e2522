//! Groups: messages of members, rosters, proofs, packets of one sender, and three members among whom anything happens.

use core::time::Duration;
use std::collections::VecDeque;

use p2pvoip_core::{Instant, Machine, Output, Seed};
use p2pvoip_crypto::group::{
    Event, Group, GroupId, HEADER_LEN, Input, Listener, MAX_PROOF_LEN, Message, Notice, OVERHEAD, Proof,
    Received, Roster, Sender, SenderScope, SenderSecret, To, sender_of,
};
use p2pvoip_crypto::{Aead, Fingerprint};

use crate::drive;
use crate::script::{millis, steps};

/// What the keys of the one sender are bound to.
const SCOPE: SenderScope =
    SenderScope { aead: Aead::ChaCha20Poly1305, group: GroupId::new([3; 16]), member: 4, since: 5 };

fn sender() -> Sender {
    Sender::new(SCOPE, SenderSecret::new(6, [7; 32]), &[8; 32], 0)
}

/// A message between members: what is read is written as the same bytes.
pub fn message(data: &[u8]) {
    if let Ok(message) = Message::parse(data) {
        assert_eq!(message.emit().as_slice(), data, "emit undoes parse");
    }
}

/// A roster: what is read is written as the same bytes, its members rise, and the founder is the first.
pub fn roster(data: &[u8]) {
    let Ok(roster) = Roster::parse(data) else { return };
    assert_eq!(roster.emit(), data, "emit undoes parse");
    assert_eq!(roster.members().first().map(|founder| founder.number), Some(0));
    assert!(roster.members().is_sorted_by_key(|member| member.number));
}

/// The body of a proof: it covers what it says, and nobody but the sender has signed it.
pub fn proof(data: &[u8]) {
    let Ok(proof) = Proof::parse(data) else { return };
    assert!(proof.first() < proof.end() && proof.first() <= proof.next_first());
    assert!(proof.next_first() <= proof.end());
    assert!(!proof.is_signed(&SCOPE, &sender().verifying_key()), "no seed holds a true signature");
}

/// A script of packets: what the sender sealed is opened once, nothing else is, and nobody is accused.
pub fn packet(script: &[u8]) {
    let mut sender = sender();
    let mut listener = Listener::new(SCOPE, sender.verifying_key(), SenderSecret::new(6, [7; 32]), 0);
    let mut now = Instant::from_millis(0);
    for (step, bytes) in steps(script) {
        now += Duration::from_millis(20);
        listener.on_time(now);
        let mut buf = [0; MAX_PROOF_LEN];
        if let Some(proof) = sender.pull(&mut buf, now) {
            assert_eq!(listener.open(&mut buf[..proof.len], now), Ok(Received::Proof), "it was signed");
        }
        let mut buf = vec![0; bytes.len() + OVERHEAD];
        buf[HEADER_LEN..][..bytes.len()].copy_from_slice(bytes);
        match step % 5 {
            0 => assert!(listener.open(&mut bytes.to_vec(), now).is_err(), "it was not sealed"),
            1 => take(&mut sender, &mut listener, &mut buf, bytes, now),
            2 => {
                let Ok(sealed) = sender.seal(&mut buf, bytes.len(), now) else { continue };
                let at = usize::from(bytes[0]) % sealed.len;
                buf[at] ^= 1 << (bytes[1] & 7);
                assert!(listener.open(&mut buf[..sealed.len], now).is_err(), "every byte counts");
            }
            3 => {
                let next = sender.secret().next().expect("epochs are left");
                sender.install(next);
                // So that no more than three are missed.
                assert!(listener.install(sender.secret().clone()));
            }
            // Lost.
            _ => {
                let _ = sender.seal(&mut buf, bytes.len(), now);
            }
        }
        let notice = listener.take_notice();
        assert!(!matches!(notice, Some(Notice::Impersonated { .. })), "nobody lies here");
    }
}

fn take(sender: &mut Sender, listener: &mut Listener, buf: &mut [u8], bytes: &[u8], now: Instant) {
    let Ok(sealed) = sender.seal(buf, bytes.len(), now) else { return };
    let packet = &mut buf[..sealed.len];
    let mut again = packet.to_vec();
    let heard = match listener.open(packet, now) {
        Ok(Received::Voice(voice)) => Some((voice.number, voice.payload)),
        Ok(Received::Proof) | Err(_) => None,
    };
    assert_eq!(heard, Some((sealed.number, bytes)), "it was sealed");
    assert!(listener.open(&mut again, now).is_err(), "once");
}

/// More letters than follow from one thing that happens.
const MOST_LETTERS: usize = 1_000;

/// Members, and what they have said that has not arrived.
struct Mesh {
    people: Vec<(Fingerprint, Group)>,
    letters: VecDeque<(Fingerprint, Fingerprint, Vec<u8>)>,
    now: Instant,
}

const fn person(index: usize) -> Fingerprint {
    Fingerprint::new([index.to_le_bytes()[0]; Fingerprint::LEN])
}

impl Mesh {
    fn new() -> Self {
        let now = Instant::from_millis(1_000);
        let founder = Group::found(person(0), Aead::Aes256Gcm, &Seed::from_u64(1), now);
        let mut mesh = Self { people: vec![(person(0), founder)], letters: VecDeque::new(), now };
        for index in [1, 2] {
            let _ = mesh.people[0].1.admit(person(index), now);
            mesh.exchange();
        }
        mesh
    }

    /// Time passes for all.
    fn pass(&mut self, by: Duration) {
        let start = self.now;
        for index in 0..self.people.len() {
            let (from, group) = &mut self.people[index];
            let (from, mut buf, mut now) = (*from, [0; MAX_PROOF_LEN], start);
            let letters = &mut self.letters;
            drive::pass(group, &mut buf, &mut now, by, |output, bytes| note(letters, from, &output, bytes));
        }
        self.now = start + by;
    }

    /// All says what it has to say.
    fn collect(&mut self) {
        for (from, group) in &mut self.people {
            let (from, letters, mut buf) = (*from, &mut self.letters, [0; MAX_PROOF_LEN]);
            let _ = drive::rest(group, &mut buf, |output, bytes| note(letters, from, &output, bytes));
        }
    }

    fn deliver(&mut self) -> bool {
        let Some((from, to, message)) = self.letters.pop_front() else { return false };
        let input = Input { from, message: &message };
        match self.people.iter_mut().find(|(person, _)| *person == to) {
            Some((_, group)) => {
                let _ = group.handle_input(input, self.now);
            }
            None => {
                if let Ok(group) = Group::join(to, input, &Seed::from_u64(9), self.now) {
                    self.people.push((to, group));
                }
            }
        }
        true
    }

    /// All that is under way arrives, and what is answered.
    fn exchange(&mut self) {
        let mut letters = 0;
        self.collect();
        while self.deliver() {
            letters += 1;
            assert!(letters < MOST_LETTERS, "members talk without end");
            self.collect();
        }
    }
}

fn note(
    letters: &mut VecDeque<(Fingerprint, Fingerprint, Vec<u8>)>,
    from: Fingerprint,
    output: &Output<To, Event>,
    bytes: &[u8],
) {
    if let Output::Transmit { to: To::Member(to), .. } = output {
        assert!(Message::parse(bytes).is_ok(), "what a member says is well formed");
        letters.push_back((from, *to, bytes.to_vec()));
    }
}

/// A script for three members: letters are lost, repeated, changed and made up, people come and go; in the end all agree.
pub fn mesh(script: &[u8]) {
    let mut mesh = Mesh::new();
    for (step, bytes) in steps(script) {
        let (now, who) = (mesh.now, usize::from(step >> 4) % mesh.people.len());
        mesh.collect();
        match step % 8 {
            0 => {
                let from = person(usize::from(step >> 6));
                let _ = mesh.people[who].1.handle_input(Input { from, message: bytes }, now);
            }
            1 => {
                let _ = mesh.deliver();
            }
            2 => drop(mesh.letters.pop_front()),
            3 => mesh.letters.rotate_left(usize::from(!mesh.letters.is_empty())),
            4 => mesh.pass(millis(bytes)),
            5 => {
                let _ = mesh.people[0].1.admit(person(usize::from(step >> 4)), now);
            }
            6 => {
                let _ = mesh.people[0].1.remove(step >> 4, now);
            }
            _ => {
                let mut packet = bytes.to_vec();
                let group = &mut mesh.people[who].1;
                // By the path of the member that it names, so that it comes as far as it can.
                let row = sender_of(&packet).and_then(|number| group.roster().member(number));
                let from = row.map_or(person(who), |row| row.id);
                assert!(group.open(from, &mut packet, now).is_err(), "nobody has sealed it");
            }
        }
    }
    mesh.collect();
    mesh.letters.clear();
    for _ in 0..4 {
        mesh.pass(Duration::from_secs(2));
        mesh.exchange();
    }
    let roster = mesh.people[0].1.roster().clone();
    for (person, group) in &mesh.people {
        if roster.find(person).is_some_and(|row| row == group.me()) {
            assert_eq!(*group.roster(), roster, "all members agree");
        }
    }
}
