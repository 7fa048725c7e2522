//! What the endpoint's seed still tells to who reads it later.

use std::sync::Arc;

use super::*;
use crate::codec::{BoxedDecoder, BoxedEncoder, Codec, CodecError};
use p2pvoip_crypto::Identity;

const NOW: Instant = Instant::from_millis(1_000);

/// A codec that no test here asks for anything.
struct Silent;

impl Codec for Silent {
    fn encoder(&self) -> Result<BoxedEncoder, CodecError> {
        Err(CodecError::Undecodable)
    }

    fn decoder(&self) -> Result<BoxedDecoder, CodecError> {
        Err(CodecError::Undecodable)
    }
}

fn endpoint() -> Endpoint {
    let identity = Arc::new(Identity::generate(&Seed::from_u64(1)));
    let settings = Settings::new(identity, Arc::new(Silent));
    Endpoint::new(settings, Seed::from_u64(2), UnixTime::from_secs(1_800_000_000), NOW).unwrap()
}

#[test]
fn who_reads_the_seed_later_cannot_make_the_chance_of_an_earlier_call() {
    let mut endpoint = endpoint();
    for _ in 0..3 {
        let (key, taken) = endpoint.new_key();
        assert_ne!(endpoint.seed.derive_index("call", key.number()).expose(), taken.expose());
    }
}

#[test]
fn who_read_the_seed_before_fresh_chance_came_cannot_make_that_of_the_next_call() {
    let (mut stirred, mut stolen) = (endpoint(), endpoint());
    stirred.stir(&[9; 32]);
    assert_ne!(stirred.new_key().1.expose(), stolen.new_key().1.expose());
    let mut same = endpoint();
    same.stir(&[9; 32]);
    same.new_key();
    assert_eq!(same.new_key().1.expose(), stirred.new_key().1.expose(), "the same inputs, the same keys");
}
