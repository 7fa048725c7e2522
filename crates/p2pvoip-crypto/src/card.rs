//! The contact card: a URI of at most 150 bytes by which somebody can be called.
//!
//! `p2pvoip:` | base64url (RFC 4648 section 5, no padding) of 62 bytes | `@` | server. The 62 bytes are form 3 (1), least
//! version (1), fingerprint (24), mailbox key (32), checksum (4) over all of it and the server's name; so a typo is told from a
//! card of somebody else. The key itself is there, since contacts derive the addresses of each day from it.
//!
//! # Left out
//! - A name: the reader gives one.
//! - The root public key: bundles carry it, and the fingerprint decides which one is right.

use core::fmt;
use core::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use p2pvoip_core::wire::Reader;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::identity::Fingerprint;
use crate::kdf;
use crate::mailbox::{MAILBOX_KEY_LEN, MailboxKey};

/// The longest card in bytes.
pub const MAX_CARD_LEN: usize = 150;
/// The longest name of a server in bytes.
pub const MAX_SERVER_LEN: usize = MAX_CARD_LEN - SCHEME.len() - CODED_LEN - 1;

const SCHEME: &str = "p2pvoip:";
const FORM: u8 = 3;
const CHECKSUM_LEN: usize = 4;
const BODY_LEN: usize = 2 + Fingerprint::LEN + MAILBOX_KEY_LEN;
const CODED_LEN: usize = ((BODY_LEN + CHECKSUM_LEN) * 4).div_ceil(3);

/// Who to call, on which server, in which mailbox. It is a secret between its holders: who has it can ring.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactCard {
    fingerprint: Fingerprint,
    server: String,
    mailbox: MailboxKey,
    least_version: u8,
}

/// Why text is not a contact card, or a card cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum CardError {
    /// It does not start with the scheme.
    #[error("this is not a contact card; a card starts with `p2pvoip:`")]
    NotACard,
    /// A character is missing, added or wrong.
    #[error("the contact card is damaged; copy the whole card again, from `p2pvoip:` to its end")]
    Mistyped,
    /// Another version made it.
    #[error(
        "the contact card has form {0}, which this version does not know; update the program, or ask for a new card"
    )]
    UnknownForm(u8),
    /// It would be longer than a card may be.
    #[error("the server's name has {0} bytes; use one of at most {MAX_SERVER_LEN}")]
    ServerTooLong(usize),
    /// The server's name is empty or has characters that do not belong into a URI.
    #[error(
        "the server's name is empty or has characters other than letters, digits and `-._~:/[]%`; correct it"
    )]
    ServerName,
    /// The version is not one.
    #[error("version 0 does not exist; name the least version that may be spoken")]
    Version,
    /// The mailbox key is none, or of a small order, under which anybody could sign.
    #[error("the contact card names no usable key; do not call, and ask for a new card")]
    Key,
}

impl ContactCard {
    /// A card of these fields.
    ///
    /// # Errors
    /// [`CardError`] when the server's name is too long, empty, or not of URI characters, or the version is 0.
    pub fn new(
        fingerprint: Fingerprint,
        server: &str,
        mailbox: MailboxKey,
        least_version: u8,
    ) -> Result<Self, CardError> {
        if server.len() > MAX_SERVER_LEN {
            return Err(CardError::ServerTooLong(server.len()));
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&byte);
        if server.is_empty() || !server.bytes().all(fits) {
            return Err(CardError::ServerName);
        }
        if least_version == 0 {
            return Err(CardError::Version);
        }
        Ok(Self { fingerprint, server: server.to_owned(), mailbox, least_version })
    }

    /// Who is called.
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The key under which the owner signs records of that day; `None` in no practical case.
    pub fn blinded_public(&self, day: u64) -> Option<[u8; 32]> {
        self.mailbox.blinded_public(day)
    }

    /// Where the device of that index is found on a day: its mailbox, and the slot of its bundle.
    pub fn address(&self, day: u64, index: u8) -> [u8; 16] {
        self.mailbox.address(day, index, &self.server)
    }

    /// Where the mailbox is.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// What finds the mailbox and opens the bundle.
    pub const fn mailbox(&self) -> &MailboxKey {
        &self.mailbox
    }

    /// The least version that may be spoken with them.
    pub const fn least_version(&self) -> u8 {
        self.least_version
    }

    fn body(&self) -> Zeroizing<Vec<u8>> {
        let head = [FORM, self.least_version];
        Zeroizing::new([&head, &self.fingerprint.as_bytes()[..], self.mailbox.expose()].concat())
    }
}

fn checksum(body: &[u8], server: &str) -> [u8; CHECKSUM_LEN] {
    kdf::array(&kdf::sha256(&[b"p2pvoip card", body, server.as_bytes()]))
}

impl fmt::Display for ContactCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut body = self.body();
        let checksum = checksum(&body, &self.server);
        body.extend(checksum);
        let coded = Zeroizing::new(BASE64URL_NOPAD.encode(&body));
        write!(f, "{SCHEME}{}@{}", *coded, self.server)
    }
}

impl FromStr for ContactCard {
    type Err = CardError;

    /// Reads a card; blanks around it are ignored.
    fn from_str(text: &str) -> Result<Self, CardError> {
        let text = text.trim();
        let (scheme, rest) = text.split_at_checked(SCHEME.len()).ok_or(CardError::NotACard)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(CardError::NotACard);
        }
        if text.len() > MAX_CARD_LEN {
            return Err(CardError::Mistyped);
        }
        let (coded, server) = rest.split_once('@').ok_or(CardError::Mistyped)?;
        let bytes = BASE64URL_NOPAD.decode(coded.as_bytes()).map_err(|_| CardError::Mistyped)?;
        let bytes = Zeroizing::new(bytes);
        match bytes.first() {
            Some(&FORM) => {}
            Some(&other) => return Err(CardError::UnknownForm(other)),
            None => return Err(CardError::Mistyped),
        }
        let (body, written) = bytes.split_at_checked(BODY_LEN).ok_or(CardError::Mistyped)?;
        if written != checksum(body, server) {
            return Err(CardError::Mistyped);
        }
        parse_body(body, server)
    }
}

fn parse_body(body: &[u8], server: &str) -> Result<ContactCard, CardError> {
    let mut reader = Reader::new(body);
    let mut fields = || Ok((reader.u16()?.to_be_bytes(), reader.array()?, reader.array()?));
    let ([_, version], fingerprint, mailbox) =
        fields().map_err(|_: p2pvoip_core::wire::Malformed| CardError::Mistyped)?;
    let mailbox = MailboxKey::new(mailbox).ok_or(CardError::Key)?;
    ContactCard::new(Fingerprint::new(fingerprint), server, mailbox, version)
}

impl fmt::Debug for ContactCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContactCard([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mailbox(seed: u64) -> MailboxKey {
        crate::Identity::generate(&p2pvoip_core::Seed::from_u64(seed)).mailbox().clone()
    }

    fn card(server: &str) -> Result<ContactCard, CardError> {
        ContactCard::new(Fingerprint::new([7; 24]), server, mailbox(1), 0x11)
    }

    #[test]
    fn the_longest_server_gives_a_card_of_exactly_150_bytes() {
        let longest = "a".repeat(MAX_SERVER_LEN);
        let text = card(&longest).unwrap().to_string();
        assert_eq!(text.len(), MAX_CARD_LEN);
        assert_eq!(text.parse(), card(&longest));
        let longer = "a".repeat(MAX_SERVER_LEN + 1);
        assert_eq!(card(&longer), Err(CardError::ServerTooLong(MAX_SERVER_LEN + 1)));
    }

    #[test]
    fn every_wrong_character_is_told_from_a_wrong_card() {
        let text = card("rendezvous.example:443").unwrap().to_string();
        for place in SCHEME.len()..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).unwrap().parse::<ContactCard>();
            assert!(matches!(wrong, Err(CardError::Mistyped | CardError::UnknownForm(_))), "{place}");
        }
        for len in 0..text.len() {
            assert!(text[..len].parse::<ContactCard>().is_err());
        }
    }

    #[test]
    fn names_that_do_not_fit_a_uri_are_refused() {
        for name in ["", "a b", "a@b", "ä", "a\n"] {
            assert_eq!(card(name), Err(CardError::ServerName));
        }
        assert!(card("wss://[2001:db8::1]:443/p2pvoip").is_ok());
    }

    #[test]
    fn blanks_around_and_the_case_of_the_scheme_do_not_matter() {
        let text = card("example").unwrap().to_string().replace(SCHEME, "P2PVOIP:");
        assert_eq!(format!(" {text}\n").parse(), card("example"));
    }

    #[test]
    fn an_email_address_is_no_card() {
        assert_eq!("alice@example.org".parse::<ContactCard>(), Err(CardError::NotACard));
        assert_eq!("ü".repeat(20).parse::<ContactCard>(), Err(CardError::NotACard));
    }

    #[test]
    fn a_card_with_a_key_of_small_order_is_refused() {
        let weak = [1; 1].into_iter().chain([0; 31]).collect::<Vec<u8>>();
        let body = [&[FORM, 0x11][..], &[7; 24], &weak].concat();
        let coded = BASE64URL_NOPAD.encode(&[&body[..], &checksum(&body, "example")].concat());
        assert_eq!(format!("{SCHEME}{coded}@example").parse::<ContactCard>(), Err(CardError::Key));
    }

    #[test]
    fn a_card_leads_to_the_addresses_that_its_owner_owns() {
        let owner = crate::Identity::generate(&p2pvoip_core::Seed::from_u64(1));
        let card = owner.card("example").unwrap();
        let own = owner.owner_key(20_833, "example").public();
        assert_eq!(card.address(20_833, 0), crate::owned_address(&own));
        assert_eq!(*card.fingerprint(), owner.fingerprint());
    }

    #[test]
    fn cards_of_older_forms_ask_for_an_update() {
        let old = "p2pvoip:AhGKbo1Oon6GvsT0k0Gd1WQEI11fAEeSOJy6FDN2md4fWnqA67ItvKgLiWr8wLngFe4Ae_sp@rendezvous.example:443";
        assert_eq!(old.parse::<ContactCard>(), Err(CardError::UnknownForm(2)));
    }

    #[test]
    fn a_card_is_not_shown_in_a_log() {
        assert_eq!(format!("{:?}", card("example").unwrap()), "ContactCard([redacted])");
    }

    proptest! {
        #[test]
        fn a_card_reads_as_it_was_written(
            seed: u64, fingerprint: [u8; 24], version in 1u8.., server in "[a-z0-9./:-]{1,58}",
        ) {
            let card =
                ContactCard::new(Fingerprint::new(fingerprint), &server, mailbox(seed), version).unwrap();
            let text = card.to_string();
            prop_assert!(text.len() <= MAX_CARD_LEN);
            prop_assert_eq!(text.parse::<ContactCard>().unwrap(), card);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "(p2pvoip:)?.{0,160}") {
            let _ = text.parse::<ContactCard>();
        }
    }
}
