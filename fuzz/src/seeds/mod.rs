//! The seeds of the corpora, made by the code itself, so that a corpus follows the format that it is of.
//!
//! A seed named `valid-..` is something that its body reads; from each of them, one that is cut short is made. The rest is
//! hostile by design.

mod cc;
mod contacts;
mod group;
mod handshake;
mod identity;
mod machines;
mod parsers;
mod signalling;
mod store;
mod trust;

/// A file of a corpus: its name, and what is in it.
pub type Seed = (String, Vec<u8>);

/// The seeds of the target of that name; none for a name that is no target's.
pub fn of(target: &str) -> Vec<Seed> {
    let named = parsers::of(target).or_else(|| machines::of(target)).or_else(|| signalling::of(target));
    let named = named.or_else(|| group::of(target)).or_else(|| handshake::of(target));
    let named =
        named.or_else(|| identity::of(target)).or_else(|| trust::of(target)).or_else(|| store::of(target));
    let named = named.or_else(|| contacts::of(target)).or_else(|| cc::of(target));
    let mut seeds: Vec<Seed> = vec![("hostile-empty".to_owned(), Vec::new())];
    for (name, bytes) in named.unwrap_or_default() {
        if let Some(rest) = name.strip_prefix("valid-") {
            let cut = bytes.get(..bytes.len() - 1).unwrap_or_default();
            seeds.push((format!("hostile-cut-{rest}"), cut.to_vec()));
        }
        seeds.push((name.to_owned(), bytes));
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TARGETS;

    /// Whether the bytes are what the target reads; `None` for scripts, which all bytes are.
    fn is_read(target: &str, bytes: &[u8]) -> Option<bool> {
        let text = core::str::from_utf8(bytes).unwrap_or_default();
        Some(match target {
            "cc-feedback" => p2pvoip_cc::Report::parse(bytes, (1 << 48) - 1).is_ok(),
            "cc-rfc8888" => p2pvoip_cc::rfc8888::Packet::parse(bytes).is_ok(),
            "cc-twcc" => p2pvoip_cc::twcc::Packet::parse(bytes).is_ok(),
            "crypto-card" => text.parse::<p2pvoip_crypto::ContactCard>().is_ok(),
            "crypto-identity-file" => p2pvoip_crypto::Secret::decode(bytes).is_ok(),
            "crypto-identity-fields" => {
                let file = crate::identity::framed(bytes);
                p2pvoip_crypto::Secret::decode(&file).is_ok()
                    || p2pvoip_crypto::PendingDevice::decode(&file).is_ok()
            }
            "crypto-device-request" => text.parse::<p2pvoip_crypto::DeviceRequest>().is_ok(),
            "crypto-device-grant" => text.parse::<p2pvoip_crypto::DeviceGrant>().is_ok(),
            "crypto-sealed-file" => p2pvoip_crypto::keystore::SealedFile::parse(bytes).is_ok(),
            "crypto-key-file" => p2pvoip_crypto::keystore::StoreKey::decode(bytes).is_ok(),
            "crypto-attestation" => {
                use p2pvoip_crypto::attestation::Attestation;
                Attestation::parse(bytes).is_ok() || text.parse::<Attestation>().is_ok()
            }
            "engine-contacts" => p2pvoip::contacts::Book::parse(bytes).is_ok(),
            "crypto-succession" => {
                let read = p2pvoip_crypto::Succession::parse(bytes, crate::fixture::UNIX);
                read.is_ok() || p2pvoip_crypto::Succession::parse_text(text, crate::fixture::UNIX).is_ok()
            }
            "crypto-first-handshake" => crate::fixture::second_message(bytes, b"").is_some(),
            "crypto-presence" => {
                let day = crate::fixture::UNIX.day();
                crate::fixture::CALLEE.mailbox().open_presence(day, bytes).is_some()
            }
            "crypto-pin" => p2pvoip_crypto::Pin::decode(bytes).is_ok(),
            "crypto-introduction" => {
                let read = p2pvoip_crypto::Introduction::decode(bytes);
                read.is_ok() || text.parse::<p2pvoip_crypto::Introduction>().is_ok()
            }
            "crypto-verify-code" => text.parse::<p2pvoip_crypto::VerifyCode>().is_ok(),
            "dht-shelf" => {
                let slot = p2pvoip_dht::RecordKey::from_secret(&[7; 32]).map(|key| key.slot());
                slot.is_ok_and(|slot| {
                    p2pvoip_dht::admit(slot.as_bytes(), bytes, None, crate::fixture::UNIX).is_ok()
                })
            }
            "engine-whereabouts" => p2pvoip::engine::whereabouts::Whereabouts::parse(bytes).is_ok(),
            "dht-record" => p2pvoip_dht::Record::parse(bytes).is_ok(),
            "engine-server-url" => text.parse::<p2pvoip::ServerUrl>().is_ok(),
            "engine-turn-url" => text.parse::<p2pvoip::TurnUrl>().is_ok(),
            "group-message" => p2pvoip_crypto::group::Message::parse(bytes).is_ok(),
            "group-roster" => p2pvoip_crypto::group::Roster::parse(bytes).is_ok(),
            "group-proof" => p2pvoip_crypto::group::Proof::parse(bytes).is_ok(),
            "media-chunk" => p2pvoip_media::payload::Chunk::parse(bytes).is_ok(),
            "media-chunks" => p2pvoip_media::payload::Chunks::new(bytes).all(|chunk| chunk.is_ok()),
            "nat-candidate" => p2pvoip_nat::Candidate::parse(bytes).is_ok(),
            "nat-credentials" => p2pvoip_nat::Credentials::parse(bytes).is_ok(),
            "signal-envelope" => p2pvoip_signal::Envelope::from_bytes(bytes).is_ok(),
            "signal-offer" | "engine-offer-payload" => p2pvoip_signal::OfferBody::parse(bytes).is_ok(),
            "signal-answer" => p2pvoip_signal::AnswerBody::parse(bytes).is_ok(),
            "signal-message" => p2pvoip_signal::Message::parse(bytes).is_ok(),
            "signal-padding" => p2pvoip_signal::unpad(bytes).is_ok(),
            "signal-client-frame" => p2pvoip_signal::rendezvous::ClientFrame::parse(bytes).is_ok(),
            "signal-server-frame" => p2pvoip_signal::rendezvous::ServerFrame::parse(bytes).is_ok(),
            _ => return None,
        })
    }

    #[test]
    fn what_is_named_valid_is_read() {
        for (target, _) in TARGETS {
            for (name, bytes) in of(target).iter().filter(|(name, _)| name.starts_with("valid-")) {
                assert_ne!(is_read(target, bytes), Some(false), "{target}/{name}");
            }
        }
    }

    #[test]
    fn every_target_has_seeds_that_are_valid_and_some_that_are_hostile() {
        for (target, _) in TARGETS {
            for prefix in ["valid-", "hostile-"] {
                assert!(of(target).iter().any(|(name, _)| name.starts_with(prefix)), "{target}");
            }
        }
    }
}
