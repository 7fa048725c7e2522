//! How sure it is who is at the other end, in words: what is seen before the handshake, and the level after it.

use p2pvoip::{How, Sas, Trust};

use super::palette::Tone;

/// What is known of who is at the other end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Who {
    /// Whether we called by a card, which names the key.
    pub(super) by_card: bool,
    /// How far it is trusted, once keys are agreed.
    pub(super) trust: Option<Trust>,
    /// The code that both compare, once both have it.
    pub(super) sas: Option<Sas>,
    /// Whether the code is shown, and keys say how it compares.
    pub(super) comparing: bool,
}

/// What a person reads.
pub(super) const fn words(who: &Who) -> (&'static str, Tone) {
    match (who.trust, who.by_card) {
        (None, true) => ("no key yet; it must match the card", Tone::Fair),
        (None, false) => ("no key yet", Tone::Fair),
        (Some(Trust::Verified(how)), _) => (verified(how), Tone::Good),
        (Some(Trust::KnownKey), _) => ("same key as before, not verified", Tone::Fair),
        (Some(Trust::FirstContact), true) => ("key matches the card, not verified", Tone::Fair),
        (Some(Trust::FirstContact), false) => ("first contact, not verified", Tone::Fair),
        (Some(Trust::Changed), _) => ("KEY CHANGED: compare words before you speak", Tone::Bad),
        (Some(Trust::Unencrypted), _) => ("NOT ENCRYPTED: others can listen", Tone::Bad),
    }
}

/// The level in a few words, for one who calls and has proven nothing yet.
pub(crate) const fn level(trust: Trust) -> &'static str {
    words(&Who { trust: Some(trust), by_card: false, sas: None, comparing: false }).0
}

/// How it was verified.
pub(crate) const fn verified(how: How) -> &'static str {
    match how {
        How::Sas => "verified by words",
        How::Qr => "verified face to face",
        How::Introduced(_) => "introduced by a verified contact",
        How::Attested => "vouched for by an identity system",
    }
}

/// The level in a sentence, for plain lines.
pub(crate) fn sentence(trust: Trust) -> String {
    match trust {
        Trust::Verified(how) => format!("Trust: {}.", verified(how)),
        Trust::KnownKey => "Trust: the same key as before; nobody has verified it.".to_owned(),
        Trust::FirstContact => "Trust: first contact; nobody has verified the key.".to_owned(),
        Trust::Changed => "The other side has another key than the contact had. Compare the words before you say anything that \
                           others must not hear."
            .to_owned(),
        Trust::Unencrypted => "This call is not encrypted: others can listen.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_verified_looks_good_and_what_needs_a_warning_looks_bad() {
        let levels = [
            Trust::Verified(How::Attested),
            Trust::KnownKey,
            Trust::FirstContact,
            Trust::Changed,
            Trust::Unencrypted,
        ];
        for trust in levels {
            let (words, tone) = words(&Who { trust: Some(trust), by_card: true, ..Who::default() });
            assert_eq!(tone == Tone::Good, trust.how().is_some(), "{words}");
            assert_eq!(tone == Tone::Bad, trust.needs_warning(), "{words}");
            assert!(!sentence(trust).is_empty());
        }
    }
}
