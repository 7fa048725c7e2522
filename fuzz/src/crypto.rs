//! Cards, identity files, prekey bundles, handshake messages, packets and sealed signalling.

use p2pvoip_core::Seed;
use p2pvoip_crypto::{
    Aead, BUNDLE_LEN, ContactCard, DirectionSecret, HEADER_LEN, Hello, MAX_CARD_LEN, MAX_PACKET_LEN,
    MAX_SIGNAL_LEN, Opener, Sealer, Secret, SignalCipher,
};

use crate::fixture::{CALLEE, UNIX, first_message, read, second_message};
use crate::script::steps;

/// A contact card: what parses is written as a card that says the same.
pub fn card(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(card) = text.parse::<ContactCard>() else { return };
    let written = card.to_string();
    assert!(written.len() <= MAX_CARD_LEN);
    // The scheme may come in any case, with blanks around the card; the rest has one form.
    assert!(written.eq_ignore_ascii_case(text.trim()), "{written}");
    assert_eq!(written.parse::<ContactCard>().map(|again| again.to_string()), Ok(written));
}

/// An identity file: what decodes is encoded as the same bytes.
pub fn identity_file(data: &[u8]) {
    if let Ok(secret) = Secret::decode(data) {
        assert_eq!(secret.encode().as_slice(), data, "encode undoes decode");
    }
}

/// A prekey bundle: only the one that its owner sealed can be opened.
pub fn bundle(data: &[u8]) {
    let opened = CALLEE.mailbox().open_bundle(data, 0, UNIX.day(), &CALLEE.fingerprint(), UNIX);
    if let Ok(prekeys) = opened {
        assert_eq!(data.len(), BUNDLE_LEN);
        assert_eq!(prekeys.fingerprint(), CALLEE.fingerprint());
        assert!(prekeys.expires() > UNIX);
    }
}

/// A first handshake message, as it is: read or refused.
pub fn first_handshake(data: &[u8]) {
    if let Some(responder) = read(data) {
        let answer = responder.answer(b"answer", &Hello::default(), Seed::from_u64(4));
        assert!(answer.is_ok(), "what was read can be answered");
    }
}

/// A second handshake message: a bad one leaves the caller able to take the good one.
pub fn second_handshake(data: &[u8]) {
    let (initiator, first) = first_message(b"offer").expect("five bytes fit");
    let initiator = match initiator.finish(data) {
        Ok((session, _)) => {
            assert_eq!(session.peer.fingerprint, CALLEE.fingerprint(), "nobody else can answer");
            return;
        }
        Err((initiator, _)) => initiator,
    };
    let (mut callee, second) = second_message(&first, data)
        .unwrap_or_else(|| second_message(&first, b"").expect("an empty payload fits"));
    let finished = initiator.finish(&second).map_err(|(_, error)| error);
    let (mut caller, _) = finished.expect("it is as it was before the bad message");
    let mut packet = [7; 64];
    let sealed = caller.sealer.seal(3, &mut packet, 32).expect("it fits");
    let opened = callee.opener.open(&mut packet[..sealed.len]).expect("both have the same keys");
    assert_eq!((opened.stream, opened.payload), (3, &[7; 32][..]));
}

/// A script of packets: those that the peer sealed are opened once, and nothing else is.
pub fn packet(script: &[u8]) {
    let aead = Aead::ALL[usize::from(script.first().is_some_and(|byte| byte & 1 == 1))];
    let secret = DirectionSecret::new([5; 32]);
    let (mut sealer, mut opener) = (Sealer::new(aead, &secret), Opener::new(aead, &secret));
    for (step, bytes) in steps(script) {
        let mut buf = [0; MAX_PACKET_LEN];
        let stream = step >> 4;
        if step % 4 == 0 {
            let mut foreign = bytes.to_vec();
            assert!(opener.open(&mut foreign).is_err(), "it was not sealed");
            continue;
        }
        let Some(room) = buf.get_mut(HEADER_LEN..HEADER_LEN + bytes.len()) else { continue };
        room.copy_from_slice(bytes);
        let Ok(sealed) = sealer.seal(stream, &mut buf, bytes.len()) else { continue };
        let mut copy = buf[..sealed.len].to_vec();
        match step % 4 {
            1 => {
                let opened = opener.open(&mut copy).expect("it was sealed");
                assert_eq!((opened.stream, opened.number, opened.payload), (stream, sealed.number, bytes));
                assert!(opener.open(&mut buf[..sealed.len]).is_err(), "once");
            }
            2 => {
                let at = usize::from(bytes[0]) % copy.len();
                copy[at] ^= 1 << (bytes[1] & 7);
                assert!(opener.open(&mut copy).is_err(), "every byte counts");
            }
            // Lost.
            _ => {}
        }
    }
}

/// A script of sealed signalling: what the peer sealed is opened once, in any order, and nothing else is.
pub fn signal_cipher(script: &[u8]) {
    let (there, back) = (DirectionSecret::new([5; 32]), DirectionSecret::new([6; 32]));
    let mut ours = SignalCipher::new(Aead::ChaCha20Poly1305, &there, &back);
    let mut theirs = SignalCipher::new(Aead::ChaCha20Poly1305, &back, &there);
    let mut held: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (step, bytes) in steps(script) {
        match step & 3 {
            0 => assert!(theirs.open(bytes).is_err(), "it was not sealed"),
            1 => {
                let Ok(sealed) = ours.seal(bytes) else {
                    assert!(bytes.len() > MAX_SIGNAL_LEN);
                    continue;
                };
                held.push((sealed, bytes.to_vec()));
            }
            2 => {
                if let Some((mut sealed, _)) = held.pop() {
                    let at = bytes.len() % sealed.len();
                    sealed[at] ^= 0x10;
                    assert!(theirs.open(&sealed).is_err(), "every byte counts");
                }
            }
            _ => {
                if let Some((sealed, plain)) = held.pop() {
                    assert_eq!(theirs.open(&sealed), Ok(plain));
                    assert!(theirs.open(&sealed).is_err(), "once");
                }
            }
        }
    }
}

/// A sealed presence: only what its owner sealed for that day is opened.
pub fn presence(data: &[u8]) {
    let day = UNIX.day();
    let opened = CALLEE.mailbox().open_presence(day, data);
    if let Some(text) = opened {
        assert_eq!(CALLEE.seal_presence(day, &text), data, "the same text is sealed the same way");
    }
    assert!(CALLEE.mailbox().open_presence(day + 1, data).is_none(), "a day's key opens that day's alone");
}
