//! What rides inside the two handshake messages: the offer and the answer.
//!
//! Each starts with a version byte and ends with extension fields (one byte of kind, two of length, the bytes); unknown
//! extensions are skipped, so that a newer peer can say more without being refused. Each is padded to one length
//! ([`crate::OFFER_BODY_LEN`], [`crate::ANSWER_BODY_LEN`]) within its handshake message.

use crate::{ANSWER_BODY_LEN, CallId, MailboxId, OFFER_BODY_LEN};
use p2pvoip_core::UnixTime;
use p2pvoip_core::wire::{Malformed, Reader, Writer};

/// The longest ICE credentials in bytes.
pub const MAX_ICE_LEN: usize = 128;
/// The longest media description in bytes.
pub const MAX_MEDIA_LEN: usize = 256;
/// The longest offer that is emitted or parsed, in bytes, extensions included: what its padding holds.
pub const MAX_OFFER_LEN: usize = OFFER_BODY_LEN - 2;
/// The longest answer that is emitted or parsed, in bytes, extensions included: what its padding holds.
pub const MAX_ANSWER_LEN: usize = ANSWER_BODY_LEN - 2;

/// The version of both formats.
const VERSION: u8 = 1;

/// What an offer has besides the two descriptions: version, call, mailbox, date, and the two lengths.
const OFFER_FIELDS: usize = 1 + 16 + 16 + 8 + 1 + 2;
/// What extensions may take in an offer whose descriptions are as long as they may be.
const LEFT_FOR_EXTENSIONS: usize = 64;
const _: () = assert!(OFFER_FIELDS + MAX_ICE_LEN + MAX_MEDIA_LEN + LEFT_FOR_EXTENSIONS <= MAX_OFFER_LEN);
const _: () = assert!(MAX_OFFER_LEN <= MAX_ANSWER_LEN);

/// What a caller says in its first message.
#[derive(Clone, PartialEq, Eq)]
pub struct OfferBody {
    /// The name of the call, random.
    pub call_id: CallId,
    /// Where the answer and all later messages go; made for this call alone.
    pub reply_to: MailboxId,
    /// When the caller made the offer, by its clock.
    pub at: UnixTime,
    /// The caller's ICE credentials, at most [`MAX_ICE_LEN`] bytes.
    pub ice: Vec<u8>,
    /// What media the caller can send and hear, at most [`MAX_MEDIA_LEN`] bytes.
    pub media: Vec<u8>,
}

/// What a callee says in its first message; that it came means that the call rings.
#[derive(Clone, PartialEq, Eq)]
pub struct AnswerBody {
    /// Where all later messages of the caller go; made for this call alone.
    pub reply_to: MailboxId,
    /// The callee's ICE credentials, at most [`MAX_ICE_LEN`] bytes.
    pub ice: Vec<u8>,
    /// What was chosen of the caller's media, at most [`MAX_MEDIA_LEN`] bytes.
    pub media: Vec<u8>,
}

impl OfferBody {
    /// Its bytes.
    ///
    /// # Errors
    /// [`Malformed::Invalid`] when a field is longer than its limit.
    pub fn emit(&self) -> Result<Vec<u8>, Malformed> {
        emit(MAX_OFFER_LEN, |writer| {
            writer.bytes(self.call_id.as_bytes())?;
            writer.bytes(self.reply_to.as_bytes())?;
            writer.u64(self.at.as_secs())?;
            emit_descriptions(writer, &self.ice, &self.media)
        })
    }

    /// Reads what [`emit`](Self::emit) wrote.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are not an offer of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = start(bytes, MAX_OFFER_LEN)?;
        let call_id = CallId::new(reader.array()?);
        let reply_to = MailboxId::new(reader.array()?);
        let at = UnixTime::from_secs(reader.u64()?);
        let (ice, media) = parse_descriptions(&mut reader)?;
        Ok(Self { call_id, reply_to, at, ice, media })
    }
}

impl AnswerBody {
    /// Its bytes.
    ///
    /// # Errors
    /// [`Malformed::Invalid`] when a field is longer than its limit.
    pub fn emit(&self) -> Result<Vec<u8>, Malformed> {
        emit(MAX_ANSWER_LEN, |writer| {
            writer.bytes(self.reply_to.as_bytes())?;
            emit_descriptions(writer, &self.ice, &self.media)
        })
    }

    /// Reads what [`emit`](Self::emit) wrote.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are not an answer of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = start(bytes, MAX_ANSWER_LEN)?;
        let reply_to = MailboxId::new(reader.array()?);
        let (ice, media) = parse_descriptions(&mut reader)?;
        Ok(Self { reply_to, ice, media })
    }
}

impl core::fmt::Debug for OfferBody {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OfferBody").field("at", &self.at).finish_non_exhaustive()
    }
}

impl core::fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AnswerBody").finish_non_exhaustive()
    }
}

fn emit(
    most: usize,
    fields: impl FnOnce(&mut Writer<'_>) -> Result<(), Malformed>,
) -> Result<Vec<u8>, Malformed> {
    let mut buf = vec![0; most];
    let mut writer = Writer::new(&mut buf);
    writer.u8(VERSION)?;
    fields(&mut writer)?;
    let len = writer.len();
    buf.truncate(len);
    Ok(buf)
}

fn emit_descriptions(writer: &mut Writer<'_>, ice: &[u8], media: &[u8]) -> Result<(), Malformed> {
    within(ice, MAX_ICE_LEN, "ice")?;
    within(media, MAX_MEDIA_LEN, "media")?;
    writer.block8(ice)?;
    writer.block16(media)
}

fn start(bytes: &[u8], most: usize) -> Result<Reader<'_>, Malformed> {
    within(bytes, most, "length")?;
    let mut reader = Reader::new(bytes);
    if reader.u8()? != VERSION {
        return Err(Malformed::Invalid("body version"));
    }
    Ok(reader)
}

/// The two opaque fields, and the extensions after them.
fn parse_descriptions(reader: &mut Reader<'_>) -> Result<(Vec<u8>, Vec<u8>), Malformed> {
    let ice = within(reader.block8()?, MAX_ICE_LEN, "ice")?.to_vec();
    let media = within(reader.block16()?, MAX_MEDIA_LEN, "media")?.to_vec();
    while reader.remaining() > 0 {
        let _kind = reader.u8()?;
        let _skipped = reader.block16()?;
    }
    Ok((ice, media))
}

fn within<'a>(bytes: &'a [u8], limit: usize, field: &'static str) -> Result<&'a [u8], Malformed> {
    if bytes.len() <= limit { Ok(bytes) } else { Err(Malformed::Invalid(field)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offer(ice: Vec<u8>, media: Vec<u8>) -> OfferBody {
        let at = UnixTime::from_secs(1_800_000_000);
        OfferBody { call_id: CallId::new([1; 16]), reply_to: MailboxId::new([2; 16]), at, ice, media }
    }

    #[test]
    fn the_limits_are_allowed_and_one_more_is_not() {
        assert!(offer(vec![0; MAX_ICE_LEN], vec![0; MAX_MEDIA_LEN]).emit().is_ok());
        assert_eq!(offer(vec![0; MAX_ICE_LEN + 1], vec![]).emit(), Err(Malformed::Invalid("ice")));
        assert_eq!(offer(vec![], vec![0; MAX_MEDIA_LEN + 1]).emit(), Err(Malformed::Invalid("media")));
    }

    /// A body with one extension that makes it as long as this.
    fn extended(mut body: Vec<u8>, len: usize) -> Vec<u8> {
        let rest = u16::try_from(len - body.len() - 3).unwrap();
        body.push(99);
        body.extend(rest.to_be_bytes());
        body.resize(len, 7);
        body
    }

    #[test]
    fn extensions_may_fill_the_padded_length_and_not_pass_it() {
        let largest = offer(vec![1; MAX_ICE_LEN], vec![2; MAX_MEDIA_LEN]);
        let bytes = largest.emit().unwrap();
        assert_eq!(OfferBody::parse(&extended(bytes.clone(), MAX_OFFER_LEN)), Ok(largest));
        let long = extended(bytes, MAX_OFFER_LEN + 1);
        assert_eq!(OfferBody::parse(&long), Err(Malformed::Invalid("length")));
        let answer = AnswerBody { reply_to: MailboxId::new([2; 16]), ice: vec![], media: vec![] };
        let bytes = answer.emit().unwrap();
        assert_eq!(AnswerBody::parse(&extended(bytes.clone(), MAX_ANSWER_LEN)), Ok(answer));
        let long = extended(bytes, MAX_ANSWER_LEN + 1);
        assert_eq!(AnswerBody::parse(&long), Err(Malformed::Invalid("length")));
    }

    #[test]
    fn unknown_extensions_are_skipped_and_broken_ones_refused() {
        let plain = offer(vec![1, 2], vec![3]);
        let mut bytes = plain.emit().unwrap();
        bytes.extend([99, 0, 2, 7, 7]);
        assert_eq!(OfferBody::parse(&bytes), Ok(plain));
        bytes.push(99);
        assert_eq!(OfferBody::parse(&bytes), Err(Malformed::Truncated));
    }

    #[test]
    fn the_bytes_are_those_of_the_specification() {
        let bytes = offer(vec![0xaa], vec![0xbb, 0xcc]).emit().unwrap();
        let expected = [
            &[1][..],
            &[1; 16],
            &[2; 16],
            &[0, 0, 0, 0, 0x6b, 0x49, 0xd2, 0],
            &[1, 0xaa],
            &[0, 2, 0xbb, 0xcc],
        ];
        assert_eq!(bytes, expected.concat());
    }

    proptest! {
        #[test]
        fn parse_of_emit_gives_the_same(
            id in any::<[u8; 16]>(), to in any::<[u8; 16]>(), at in any::<u64>(),
            ice in prop::collection::vec(any::<u8>(), 0..=MAX_ICE_LEN),
            media in prop::collection::vec(any::<u8>(), 0..=MAX_MEDIA_LEN),
        ) {
            let (call_id, reply_to) = (CallId::new(id), MailboxId::new(to));
            let at = UnixTime::from_secs(at);
            let answer = AnswerBody { reply_to, ice: ice.clone(), media: media.clone() };
            prop_assert_eq!(AnswerBody::parse(&answer.emit().unwrap()), Ok(answer));
            let offer = OfferBody { call_id, reply_to, at, ice, media };
            prop_assert_eq!(OfferBody::parse(&offer.emit().unwrap()), Ok(offer));
        }

        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            let _ = OfferBody::parse(&bytes);
            let _ = AnswerBody::parse(&bytes);
        }
    }
}
