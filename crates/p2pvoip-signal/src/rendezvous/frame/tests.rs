//! Every frame comes back as it was, and nothing panics.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn client_frames_come_back(
        id in any::<u64>(), token in any::<[u8; 32]>(), name in any::<[u8; 16]>(), number in any::<u32>(),
        fill in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 0..=MAX_BUNDLE_LEN),
    ) {
        let (key, signature) = (OwnerKey::new(token), [fill; PROOF_LEN]);
        let (id, token, envelope) = (RequestId(id), Token::new(token), [fill; ENVELOPE_LEN]);
        for frame in [
            ClientFrame::Hello { version: fill.max(1) },
            ClientFrame::Listen { id, token },
            ClientFrame::Forget { token },
            ClientFrame::Put { id, to: MailboxId::new(name), envelope: &envelope },
            ClientFrame::Publish { id, key, sequence: id.0, lifetime: number % 604_801, bytes: &bytes },
            ClientFrame::Fetch { id, slot: Slot::new(name) },
            ClientFrame::Ping { nonce: number },
            ClientFrame::Received { serial: number },
            ClientFrame::Own { id, key, signature: &signature },
            ClientFrame::Disown { key },
        ] {
            let mut buf = [0; MAX_CLIENT_FRAME];
            let len = frame.emit(&mut buf).unwrap();
            prop_assert!(ClientFrame::parse(&buf[..len]) == Ok(frame), "{:?}", frame);
            prop_assert!(ClientFrame::parse(&buf[..len - 1]).is_err() || !bytes.is_empty());
        }
    }

    #[test]
    fn server_frames_come_back(
        id in any::<u64>(), name in any::<[u8; 16]>(), number in any::<u32>(), fill in any::<u8>(),
        bytes in prop::collection::vec(any::<u8>(), 0..=MAX_BUNDLE_LEN),
    ) {
        let (id, envelope) = (RequestId(id), [fill; ENVELOPE_LEN]);
        for frame in [
            ServerFrame::Welcome { version: fill.max(1), challenge: [fill; CHALLENGE_LEN] },
            ServerFrame::Done { id },
            ServerFrame::Absent { id },
            ServerFrame::Refused { id, why: Refusal::from_code(fill) },
            ServerFrame::Envelope { serial: number, mailbox: MailboxId::new(name), envelope: &envelope },
            ServerFrame::Bundle { id, bytes: &bytes },
            ServerFrame::Pong { nonce: number },
        ] {
            let mut buf = [0; MAX_SERVER_FRAME];
            let len = frame.emit(&mut buf).unwrap();
            prop_assert!(ServerFrame::parse(&buf[..len]) == Ok(frame), "{:?}", frame);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(kind in 0..12u8, len in 0..3_400usize, fill in any::<u8>()) {
        let mut bytes = vec![fill; len];
        bytes.insert(0, kind);
        let _ = ClientFrame::parse(&bytes);
        let _ = ServerFrame::parse(&bytes);
    }
}

#[test]
fn the_limits_are_allowed_and_one_more_is_not() {
    let publish = |bytes, lifetime| {
        let (id, key) = (RequestId(1), OwnerKey::new([0; 32]));
        let frame = ClientFrame::Publish { id, key, sequence: 0, lifetime, bytes };
        frame.emit(&mut [0; MAX_CLIENT_FRAME])
    };
    assert!(publish(&[0; MAX_BUNDLE_LEN], 604_800).is_ok());
    assert_eq!(publish(&[0; MAX_BUNDLE_LEN + 1], 1), Err(Malformed::Invalid("record length")));
    assert_eq!(publish(&[], 604_801), Err(Malformed::Invalid("lifetime")));
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let mut buf = [0; MAX_CLIENT_FRAME];
    let (id, key) = (RequestId(0x0102_0304_0506_0708), OwnerKey::new([0xaa; 32]));
    let len = ClientFrame::Own { id, key, signature: &[0xbb; PROOF_LEN] }.emit(&mut buf).unwrap();
    assert_eq!(buf[..len], [&[9, 1, 2, 3, 4, 5, 6, 7, 8][..], &[0xaa; 32], &[0xbb; 64]].concat());
    let len = ClientFrame::Disown { key }.emit(&mut buf).unwrap();
    assert_eq!(buf[..len], [&[10][..], &[0xaa; 32]].concat());
    let len = ServerFrame::Welcome { version: 2, challenge: [0xcc; 32] }.emit(&mut buf).unwrap();
    assert_eq!(buf[..len], [&[1, 2][..], &[0xcc; 32]].concat());
    assert_eq!(own_statement(&[0xcc; 32]), *[&b"p2pvoip own\0"[..], &[0xcc; 32]].concat());
}
