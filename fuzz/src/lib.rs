//! Fuzz bodies as plain functions: one for each parser of bytes that come from the network or the disk.
//!
//! A body reads any bytes and panics when a law is broken: a parser that panics, a form that does not come back as it was,
//! a machine that does not come to rest. [`TARGETS`] names them all; `corpus/<target>/` holds what each is replayed on.
//!
//! # Left out
//! - Programs for a fuzzer with coverage: they call these functions.
#![expect(clippy::expect_used, reason = "a broken law has to stop the run, and the text says which")]
#![expect(clippy::missing_panics_doc, reason = "to panic where its law is broken is what each body is for")]

pub mod answering;
pub mod cc;
mod codec;
pub mod contacts;
pub mod crypto;
pub mod dht;
pub mod directory;
pub mod discovery;
mod drive;
pub mod engine;
pub mod epochs;
mod fixture;
pub mod gatekeeper;
pub mod group;
pub mod handshake;
pub mod identity;
pub mod keystore;
pub mod media;
pub mod mutate;
pub mod nat;
pub mod relay;
pub mod rendezvous;
mod script;
pub mod seeds;
pub mod signal;
pub mod store;
mod stun;
pub mod trust;

/// A fuzz body.
pub type Body = fn(&[u8]);

/// Every body by its name, which is that of its folder in `corpus/`.
pub const TARGETS: &[(&str, Body)] = &[
    ("cc-feedback", cc::feedback),
    ("cc-rfc8888", cc::rfc8888),
    ("cc-twcc", cc::twcc),
    ("cc-controller", cc::controller),
    ("crypto-card", crypto::card),
    ("crypto-identity-file", crypto::identity_file),
    ("crypto-identity-fields", identity::identity_fields),
    ("crypto-device-request", identity::device_request),
    ("crypto-device-grant", identity::device_grant),
    ("crypto-bundle-interior", identity::bundle_interior),
    ("crypto-succession", identity::succession),
    ("crypto-sealed-file", store::sealed_file),
    ("crypto-key-file", store::key_file),
    ("crypto-attestation", store::attestation),
    ("crypto-bundle", crypto::bundle),
    ("crypto-first-handshake", crypto::first_handshake),
    ("crypto-second-handshake", crypto::second_handshake),
    ("crypto-epochs", epochs::epochs),
    ("crypto-forged-answer", handshake::forged_answer),
    ("crypto-forged-offer", handshake::forged_offer),
    ("crypto-gate", handshake::gate),
    ("crypto-gate-memory", handshake::gate_memory),
    ("crypto-introduction", trust::introduction),
    ("crypto-gatekeeper", gatekeeper::gatekeeper),
    ("crypto-packet", crypto::packet),
    ("crypto-pin-script", contacts::pin_script),
    ("crypto-store-fields", keystore::fields),
    ("crypto-pin", trust::pin),
    ("crypto-presence", crypto::presence),
    ("crypto-signal-cipher", crypto::signal_cipher),
    ("crypto-upgrade", handshake::upgrade),
    ("crypto-verify-code", trust::verify_code),
    ("dht-record", dht::record),
    ("dht-signed-record", dht::signed_record),
    ("dht-shelf", dht::shelf),
    ("engine-contacts-script", contacts::book_script),
    ("engine-contacts", store::contacts),
    ("engine-server-url", engine::server_url),
    ("engine-turn-url", relay::turn_url),
    ("engine-whereabouts", engine::whereabouts),
    ("engine-offer-payload", engine::offer_payload),
    ("engine-answer-payload", answering::answer_payload),
    ("engine-call", engine::call),
    ("engine-directory", directory::directory),
    ("group-message", group::message),
    ("group-roster", group::roster),
    ("group-proof", group::proof),
    ("group-packet", group::packet),
    ("group-mesh", group::mesh),
    ("media-chunk", media::chunk),
    ("media-chunks", media::chunks),
    ("media-receiver", media::receiver),
    ("media-opus", media::opus),
    ("media-wav-file", media::wav_file),
    ("media-raw-sound", media::raw_sound),
    ("nat-candidate", nat::candidate),
    ("nat-credentials", nat::credentials),
    ("nat-stun-server", nat::stun_server),
    ("nat-stun-stranger", nat::stun_stranger),
    ("nat-agent", nat::agent_script),
    ("nat-relay", relay::relay_script),
    ("nat-discovery", discovery::discovery_script),
    ("rendezvous-hub", rendezvous::hub),
    ("signal-envelope", signal::envelope),
    ("signal-offer", signal::offer),
    ("signal-answer", signal::answer),
    ("signal-message", signal::message),
    ("signal-padding", signal::padding),
    ("signal-client-frame", signal::client_frame),
    ("signal-server-frame", signal::server_frame),
    ("signal-client", signal::client),
];
