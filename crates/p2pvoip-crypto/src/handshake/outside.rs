//! Noise handshakes through this crate's own resolver, held against the vectors of cacophony and of snow.

use data_encoding::HEXLOWER;
use p2pvoip_core::Seed;
use snow::{Builder, HandshakeState};

use super::noise::IK;
use super::resolver::{Chance, Resolver};
use crate::kdf::Key;
use crate::x25519;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// A block of the file: lines of a name and a value.
#[derive(Clone, Copy)]
struct Block<'a>(&'a str);

impl<'a> Block<'a> {
    fn values<'b>(self, name: &'b str) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
        self.0.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(' '))
    }

    fn find(self, name: &str) -> Option<Vec<u8>> {
        self.values(name).next().map(hex)
    }

    fn get(self, name: &str) -> Vec<u8> {
        self.find(name).unwrap_or_else(|| panic!("the block has no `{name}`"))
    }

    /// A side of the handshake.
    fn state(self, side: &str, is_initiator: bool) -> HandshakeState {
        let name = self.values("name").next().unwrap();
        let (prologue, private) = (self.get("prologue"), self.get(&format!("{side}_static")));
        let chance = Chance::default();
        chance.set(Seed::new(self.get(&format!("{side}_ephemeral")).try_into().unwrap()));
        let public = x25519::public_key(&Key::new(private.clone().try_into().unwrap()));
        let psks: Vec<[u8; 32]> = self.values("psk").map(|psk| hex(psk).try_into().unwrap()).collect();
        let remote = self.find("init_remote_static").filter(|_| is_initiator);
        let resolver = Box::new(Resolver { chance, public });
        let mut builder = Builder::with_resolver(name.parse().unwrap(), resolver);
        builder = builder.prologue(&prologue).unwrap().local_private_key(&private).unwrap();
        // `psk0+psk2` in the name: where each one stands.
        let places = name.split('_').nth(1).unwrap().split("psk").skip(1);
        for (place, psk) in places.zip(&psks) {
            let place = place.trim_end_matches('+').parse().unwrap();
            builder = builder.psk(place, psk).unwrap();
        }
        if let Some(remote) = &remote {
            builder = builder.remote_public_key(remote).unwrap();
        }
        if is_initiator { builder.build_initiator().unwrap() } else { builder.build_responder().unwrap() }
    }

    /// Runs both sides, compares each message, and gives the number of them.
    fn check(self) -> usize {
        let mut sides = [self.state("init", true), self.state("resp", false)];
        let is_ik = self.values("name").any(|name| name.starts_with("Noise_IK"));
        let count = if is_ik { 2 } else { 3 };
        for i in 0..count {
            let named = |what: &str| self.get(&format!("{what}_{i}"));
            let (payload, expected) = (named("payload"), named("message"));
            let mut message = vec![0; expected.len() + 100];
            let len = sides[i % 2].write_message(&payload, &mut message).unwrap();
            assert_eq!(message[..len], expected, "message {i}");
            let mut read = vec![0; len];
            let len = sides[1 - i % 2].read_message(&expected, &mut read).unwrap();
            assert_eq!(read[..len], payload, "payload {i}");
        }
        let [initiator, responder] = &mut sides;
        assert!(initiator.is_handshake_finished() && responder.is_handshake_finished());
        assert_eq!(initiator.get_handshake_hash(), responder.get_handshake_hash());
        if let Some(hash) = self.find("handshake_hash") {
            assert_eq!(initiator.get_handshake_hash(), hash);
        }
        assert_eq!(initiator.dangerously_get_raw_split(), responder.dangerously_get_raw_split());
        count
    }
}

#[test]
fn noise_is_that_of_the_cacophony_and_snow_vectors() {
    let file = include_str!("../../tests/vectors/noise.txt");
    let blocks = file.split("\n\n").filter(|block| block.starts_with("source ")).map(Block);
    let names: Vec<&str> = blocks.clone().flat_map(|block| block.values("name")).collect();
    assert!(names.contains(&IK), "the pattern of a call is among them");
    assert!(
        names.iter().any(|name| name.contains("_XXpsk0+psk2_")),
        "and the place of the psk in an upgrade"
    );
    assert_eq!(blocks.map(Block::check).sum::<usize>(), 3 * names.len() - 2);
}
