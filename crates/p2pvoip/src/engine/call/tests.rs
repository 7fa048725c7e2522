//! What a call does that no story in the simulated network can bring about.

use std::sync::Arc;

use p2pvoip_core::{Ecn, Instant, Machine, Output, Seed, UnixTime};
use p2pvoip_crypto::{Callee, Gatekeeper, Identity, Responder};
use p2pvoip_media::codec::{CodecError, Decoder, Encoder, Setup};
use p2pvoip_signal::{EndReason, OfferBody, unpad};

use super::{Call, Contact, Input, Parts, Refused, Transmit};
use crate::codec::{BoxedDecoder, BoxedEncoder, Codec};
use crate::event::CallState;

const NOW: Instant = Instant::from_millis(1_000);
const DATE: UnixTime = UnixTime::from_secs(1_800_000_000);

/// A codec for calls in which nothing is said.
struct Silent;

impl Codec for Silent {
    fn encoder(&self) -> Result<BoxedEncoder, CodecError> {
        Ok(Box::new(Self))
    }

    fn decoder(&self) -> Result<BoxedDecoder, CodecError> {
        Ok(Box::new(Self))
    }
}

impl Encoder for Silent {
    fn configure(&mut self, _setup: Setup) -> Result<(), CodecError> {
        Ok(())
    }

    fn encode(&mut self, _pcm: &[i16], _out: &mut [u8]) -> Result<usize, CodecError> {
        Ok(0)
    }

    fn lookahead(&self) -> usize {
        0
    }
}

impl Decoder for Silent {
    fn decode(&mut self, _payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        self.conceal(out)
    }

    fn can_recover(&self, _next: &[u8]) -> bool {
        false
    }

    fn recover(&mut self, _next: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        self.conceal(out)
    }

    fn conceal(&mut self, out: &mut [i16]) -> Result<usize, CodecError> {
        out.fill(0);
        Ok(out.len())
    }
}

/// A call that was accepted here, and has keys.
fn accepted() -> Call {
    let (alice, bob) = (Identity::generate(&Seed::from_u64(1)), Identity::generate(&Seed::from_u64(2)));
    let (codec, nat): (Arc<dyn Codec>, _) = (Arc::new(Silent), p2pvoip_nat::Config::default());
    let parts = |seed| Parts { codec: &codec, nat: &nat, seed: Seed::from_u64(seed), known: None };
    let bundle = bob.prekey_bundle(DATE.day(), DATE);
    let prekeys = bob.mailbox().open_bundle(&bundle, 0, DATE.day(), &bob.fingerprint(), DATE).unwrap();
    let callee = Callee { mailbox: bob.mailbox(), prekeys: &prekeys, known: false };
    let contact = Contact { mailbox: p2pvoip_signal::MailboxId::new([7; 16]), callee, least_version: 0 };
    let mut caller = Call::dial(&parts(3), NOW).unwrap();
    caller.offer(&alice, &contact, DATE, NOW).unwrap();
    let mut buf = [0; Call::MAX_TRANSMIT];
    let len = loop {
        match caller.poll_output(&mut buf) {
            Output::Transmit { to: Transmit::Envelope { .. }, len } => break len,
            Output::Transmit { .. } | Output::Event(_) => {}
            Output::Wait(_) => panic!("the offer is sent"),
        }
    };
    let mut gatekeeper = Gatekeeper::new(&bob);
    let admitted = gatekeeper.admit(&buf[..len], NOW, DATE).unwrap();
    let responder = Responder::read(&bob, admitted, DATE).unwrap();
    let body = responder.payload().to_vec();
    let offer = OfferBody::parse(unpad(&body).unwrap()).unwrap();
    let mut call = Call::ring(&parts(5), responder, &offer, NOW).unwrap();
    call.accept(NOW);
    assert_eq!(call.state(), CallState::Connecting);
    call
}

#[test]
fn a_call_whose_keys_are_worn_out_by_forgeries_ends_at_once() {
    let mut call = accepted();
    let address = "192.0.2.1:4000".parse().unwrap();
    // A packet of this protocol by its first byte, and of nobody.
    let forged =
        Input::Datagram { local: address, remote: address, arrival: Ecn::NotEct.into(), bytes: &[0xc0; 80] };
    assert_eq!(call.handle_input(forged, NOW), Err(Refused::Sealed));
    assert_eq!(call.state(), CallState::Connecting, "one forgery ends nothing");
    call.voice.as_mut().unwrap().wear();
    assert_eq!(call.handle_input(forged, NOW), Err(Refused::Sealed));
    assert_eq!(call.state(), CallState::Ended(EndReason::Failed));
    assert!(call.voice.as_ref().unwrap().is_hanging_up(), "the peer is told in the path");
    assert_eq!(call.handle_input(forged, NOW), Err(Refused::Sealed), "more of them change nothing");
    assert_eq!(call.state(), CallState::Ended(EndReason::Failed));
}
