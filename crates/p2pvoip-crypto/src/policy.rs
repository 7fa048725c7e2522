//! When a call may be in clear: a table over what the owner allows, what is known of the contact, and what the peer offers.
//!
//! Version 1.0 has no keys, so a 1.0 call is in clear. A contact that is known to speak 1.1 is never called as 1.0, whatever the
//! policy: the answer "I only speak 1.0" is what somebody on the way would say. Where both ends can, the call is secure.
//!
//! # Left out
//! - Upgrading a call that began in clear: the handshake does, in the call's own path, and the call is labelled until then.

use core::fmt;

use thiserror::Error;

use crate::suite::VERSION_1_1;
use crate::trust::{Pin, Trust};

/// What the owner allows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Policy {
    /// Encrypted calls alone.
    #[default]
    Require,
    /// Encrypted calls where possible; in clear only with a contact that the owner has marked as one of version 1.0.
    Prefer,
    /// Encrypted calls where possible; in clear with everybody else that is not known to speak 1.1.
    Legacy,
}

impl Policy {
    /// All of them, the strictest first.
    pub const ALL: [Self; 3] = [Self::Require, Self::Prefer, Self::Legacy];

    /// Its stable word, for options and files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Require => "require",
            Self::Prefer => "prefer",
            Self::Legacy => "legacy",
        }
    }

    /// The policy of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.word() == word)
    }

    /// Whether a call is secure, in clear, or not to be. A pure function, with one row for each case in the specification.
    ///
    /// # Errors
    /// [`PolicyRefused`] says why there is no call.
    pub const fn decide(self, known: Known, offer: Offer) -> Result<Decision, PolicyRefused> {
        match (offer, known, self) {
            (Offer::Secure | Offer::Either, _, _) => Ok(Decision::Secure),
            (Offer::Clear, Known::Secure, _) => Err(PolicyRefused::Downgrade),
            (Offer::Clear, _, Self::Require) => Err(PolicyRefused::Required),
            (Offer::Clear, Known::Nothing, Self::Prefer) => Err(PolicyRefused::NotMarked),
            (Offer::Clear, Known::Clear, Self::Prefer)
            | (Offer::Clear, Known::Clear | Known::Nothing, Self::Legacy) => Ok(Decision::Clear),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is known of the versions of a contact, from its card, its pin, or the owner.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Known {
    /// Nothing: a stranger.
    Nothing,
    /// The owner has marked it, or its card says, that it may be called by version 1.0.
    Clear,
    /// Its card demands 1.1 or later, or it has spoken that before.
    Secure,
}

impl Known {
    /// What a card (its least version) and a pin say together: the stricter one.
    pub fn of(card: Option<u8>, pin: Option<&Pin>) -> Self {
        let least = card.into_iter().chain(pin.map(Pin::least_version)).max();
        match least {
            None => Self::Nothing,
            Some(version) if version < VERSION_1_1 => Self::Clear,
            Some(_) => Self::Secure,
        }
    }
}

/// Which calls the peer takes part in, as far as it says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Offer {
    /// Version 1.1 or later alone.
    Secure,
    /// Version 1.1 or later, and 1.0.
    Either,
    /// Version 1.0 alone.
    Clear,
}

/// What a call is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Decision {
    /// Encrypted: version 1.1 or later.
    Secure,
    /// In clear: version 1.0. Label it [`Trust::Unencrypted`] wherever it is seen, from the first moment.
    Clear,
}

impl Decision {
    /// The label that a call in clear has to carry.
    pub const fn label(self) -> Option<Trust> {
        match self {
            Self::Secure => None,
            Self::Clear => Some(Trust::Unencrypted),
        }
    }
}

/// Why there is no call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum PolicyRefused {
    /// The contact is known to speak 1.1.
    #[error(
        "this contact speaks encrypted calls, and now offers one in clear; somebody on the way may be removing the encryption: call again over another network"
    )]
    Downgrade,
    /// Calls in clear are not allowed.
    #[error(
        "the other side offers a call in clear alone; ask it to update, or allow such calls with the policy `prefer` or `legacy`"
    )]
    Required,
    /// Calls in clear are allowed with marked contacts alone.
    #[error(
        "the other side offers a call in clear alone, and is not marked as a contact of version 1.0; mark it, or use the policy `legacy`"
    )]
    NotMarked,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Identity, RootKey};
    use p2pvoip_core::{Seed, UnixTime};

    const KNOWN: [Known; 3] = [Known::Nothing, Known::Clear, Known::Secure];
    const OFFERS: [Offer; 3] = [Offer::Secure, Offer::Either, Offer::Clear];

    #[test]
    fn the_whole_table_is_as_specified() {
        use PolicyRefused::{Downgrade, NotMarked, Required};
        let clear = Ok(Decision::Clear);
        // The offer of a call in clear alone, by what is known: nothing, clear, secure.
        let table = [
            (Policy::Require, [Err(Required), Err(Required), Err(Downgrade)]),
            (Policy::Prefer, [Err(NotMarked), clear, Err(Downgrade)]),
            (Policy::Legacy, [clear, clear, Err(Downgrade)]),
        ];
        let mut cases = 0;
        for (policy, row) in table {
            for (known, in_clear) in KNOWN.into_iter().zip(row) {
                for offer in OFFERS {
                    let expected = if offer == Offer::Clear { in_clear } else { Ok(Decision::Secure) };
                    assert_eq!(policy.decide(known, offer), expected, "{policy} {known:?} {offer:?}");
                    cases += 1;
                }
            }
        }
        assert_eq!(cases, 27);
    }

    #[test]
    fn a_contact_known_as_1_1_is_in_clear_under_no_policy_and_the_default_never_is() {
        assert_eq!(Policy::default(), Policy::Require);
        for offer in OFFERS {
            for policy in Policy::ALL {
                assert_ne!(policy.decide(Known::Secure, offer), Ok(Decision::Clear));
            }
            for known in KNOWN {
                assert_ne!(Policy::Require.decide(known, offer), Ok(Decision::Clear));
            }
        }
    }

    #[test]
    fn a_looser_policy_refuses_nothing_that_a_stricter_one_takes() {
        for (strict, loose) in [(Policy::Require, Policy::Prefer), (Policy::Prefer, Policy::Legacy)] {
            for (known, offer) in KNOWN.into_iter().flat_map(|k| OFFERS.map(|o| (k, o))) {
                assert!(strict.decide(known, offer).is_err() || loose.decide(known, offer).is_ok());
            }
        }
    }

    #[test]
    fn the_stricter_of_card_and_pin_is_known() {
        let root: RootKey = Identity::generate(&Seed::from_u64(1)).root();
        let pin = Pin::of(root, None, UnixTime::from_secs(1));
        assert_eq!(Known::of(None, None), Known::Nothing);
        assert_eq!(Known::of(Some(0x10), None), Known::Clear);
        assert_eq!(Known::of(Some(0x10), Some(&pin)), Known::Secure);
        assert_eq!(Known::of(None, Some(&pin)), Known::Secure);
        assert_eq!(Known::of(Some(0x12), None), Known::Secure);
    }

    #[test]
    fn a_call_in_clear_carries_its_label() {
        assert_eq!(Decision::Clear.label(), Some(Trust::Unencrypted));
        assert_eq!(Decision::Secure.label(), None);
    }

    #[test]
    fn words_name_their_policy() {
        for policy in Policy::ALL {
            assert_eq!(Policy::from_word(policy.word()), Some(policy));
        }
        assert_eq!(Policy::from_word("none"), None);
    }
}
