//! Seeds of what passes through a rendezvous server, and of the server and its client.

use p2pvoip_signal::rendezvous::{ClientFrame, MAX_CLIENT_FRAME, MAX_SERVER_FRAME, RequestId, ServerFrame};
use p2pvoip_signal::{
    AnswerBody, ENVELOPE_LEN, HangUpReason, MailboxId, Message, OwnerKey, RejectReason, Slot, Token,
};

use crate::rendezvous::{own_step, owned};
use crate::script::write;

type Named = Vec<(&'static str, Vec<u8>)>;

/// A minute, as a step tells time.
const A_MINUTE: &[u8] = &60_000_u16.to_be_bytes();

pub(super) fn of(target: &str) -> Option<Named> {
    Some(match target {
        "rendezvous-hub" => hub(),
        "signal-answer" => answer(),
        "signal-client" => client(),
        "signal-client-frame" => client_frames(),
        "signal-envelope" => envelope(),
        "signal-message" => message(),
        "signal-padding" => padding(),
        "signal-server-frame" => server_frames(),
        _ => return None,
    })
}

fn envelope() -> Named {
    vec![("valid-envelope", vec![0xa5; ENVELOPE_LEN]), ("hostile-long", vec![0xa5; ENVELOPE_LEN + 1])]
}

fn answer() -> Named {
    let body = AnswerBody { reply_to: MailboxId::new([3; 16]), ice: vec![b'a'; 32], media: vec![1, 1, 1] };
    let plain = body.emit().expect("every field is within its limit");
    let extended = [&plain[..], &[9, 0, 2, 1, 1]].concat();
    vec![("valid-answer", plain), ("hostile-extended", extended), ("hostile-lengths", vec![1; 40])]
}

fn padding() -> Named {
    let padded = p2pvoip_signal::pad(b"a body", 40).expect("it fits");
    let mut spoken = padded.clone();
    spoken.extend([0, 1]);
    vec![("valid-padded", padded), ("hostile-padding", spoken), ("hostile-length", vec![0xff; 40])]
}

fn message() -> Named {
    let emit = |message: Message| message.emit().expect("it is within the limits");
    let list = vec![vec![1; 15], vec![2; 27]];
    vec![
        ("valid-accept", emit(Message::Accept)),
        ("valid-candidates", emit(Message::Candidates { list, last: true })),
        ("valid-reject", emit(Message::Reject { reason: RejectReason::Busy })),
        ("valid-hang-up", emit(Message::HangUp { reason: HangUpReason::NoPath })),
        ("valid-reveal", emit(Message::Reveal { nonce: [7; 16] })),
        ("valid-introduction", emit(Message::Introduction { bytes: vec![8; 300] })),
        ("valid-attestation", emit(Message::Attestation { bytes: vec![9; 900] })),
        ("hostile-many", [&[3, 1, 255][..], &[1; 600]].concat()),
        ("hostile-long-attestation", [&[9, 8, 1][..], &[1; 2_049]].concat()),
    ]
}

/// A client's frame as bytes.
fn client_frame(frame: ClientFrame<'_>) -> Vec<u8> {
    let mut buf = vec![0; MAX_CLIENT_FRAME];
    let len = frame.emit(&mut buf).expect("it is within the limits");
    buf.truncate(len);
    buf
}

/// A server's frame as bytes.
fn server_frame(frame: ServerFrame<'_>) -> Vec<u8> {
    let mut buf = vec![0; MAX_SERVER_FRAME];
    let len = frame.emit(&mut buf).expect("it is within the limits");
    buf.truncate(len);
    buf
}

fn client_frames() -> Named {
    let (id, token, key) = (RequestId(5), Token::new([5; 32]), OwnerKey::new([4; 32]));
    let to = MailboxId::new([6; 16]);
    let publish = ClientFrame::Publish { id, key, sequence: 1, lifetime: 3_600, bytes: b"a record" };
    let mut for_ever = client_frame(publish);
    for_ever[49..53].fill(0xff);
    vec![
        ("valid-hello", client_frame(ClientFrame::Hello { version: 2 })),
        ("valid-listen", client_frame(ClientFrame::Listen { id, token })),
        ("valid-put", client_frame(ClientFrame::Put { id, to, envelope: &[9; ENVELOPE_LEN] })),
        ("valid-publish", client_frame(publish)),
        ("valid-fetch", client_frame(ClientFrame::Fetch { id, slot: Slot::new([7; 16]) })),
        ("valid-received", client_frame(ClientFrame::Received { serial: 9 })),
        ("valid-ping", client_frame(ClientFrame::Ping { nonce: 9 })),
        ("valid-own", client_frame(ClientFrame::Own { id, key, signature: &[8; 64] })),
        ("valid-disown", client_frame(ClientFrame::Disown { key })),
        ("hostile-for-ever", for_ever),
        ("hostile-version", vec![1, 0]),
    ]
}

fn welcome() -> Vec<u8> {
    server_frame(ServerFrame::Welcome { version: 2, challenge: [0x5a; 32] })
}

fn server_frames() -> Named {
    let (id, mailbox) = (RequestId(5), MailboxId::new([6; 16]));
    let envelope = &[9; ENVELOPE_LEN];
    vec![
        ("valid-welcome", welcome()),
        ("valid-done", server_frame(ServerFrame::Done { id })),
        ("valid-envelope", server_frame(ServerFrame::Envelope { serial: 9, mailbox, envelope })),
        ("valid-bundle", server_frame(ServerFrame::Bundle { id, bytes: b"a record" })),
        ("valid-pong", server_frame(ServerFrame::Pong { nonce: 9 })),
        ("hostile-reason", [&[4][..], &[0; 8], &[200]].concat()),
        ("hostile-record", [&[6][..], &[1; 2_057]].concat()),
        ("hostile-first-version", vec![1, 1]),
    ]
}

/// Alice listens and owns, Bob fetches and puts; then Bob claims what he does not own.
fn hub() -> Named {
    let (id, token) = (RequestId(5), Token::new([5; 32]));
    let hello = client_frame(ClientFrame::Hello { version: 2 });
    let listen = client_frame(ClientFrame::Listen { id, token });
    let (key, address) = owned(1);
    let publish =
        client_frame(ClientFrame::Publish { id, key, sequence: 1, lifetime: 60, bytes: b"a record" });
    let fetch = client_frame(ClientFrame::Fetch { id, slot: Slot::new(address) });
    let forget = client_frame(ClientFrame::Forget { token });
    let disown = client_frame(ClientFrame::Disown { key });
    let ping = client_frame(ClientFrame::Ping { nonce: 1 });
    let received = client_frame(ClientFrame::Received { serial: 1 });
    let (put, claim) = (put_of(MailboxId::new(address)), [1, 9]);
    let own = client_frame(ClientFrame::Own { id, key, signature: &[1; 64] });
    let day = write(&[
        (0x00, b""),
        (0x02, &hello),
        (0x02, &listen),
        (own_step(0, false), &claim),
        (0x02, &publish),
        (0x10, b""),
        (0x12, &hello),
        (0x12, &fetch),
        (0x16, &put),
        (0x16, &put),
        (0x02, &received),
        (0x02, &forget),
        (0x02, &disown),
        (0x01, b""),
        (0x03, A_MINUTE),
        (0x12, &ping),
        (0x03, A_MINUTE),
    ]);
    let stranger = write(&[
        (0x00, b""),
        (0x02, &hello),
        (own_step(0, false), &claim),
        (0x10, b""),
        (0x12, &hello),
        (own_step(1, true), &claim),
        (0x12, &own),
        (0x12, &publish),
        (0x12, &disown),
        (0x16, &put),
        (0x12, &fetch),
        (0x01, b""),
        (0x00, b""),
        (0x02, &hello),
        (own_step(0, true), &claim),
    ]);
    let mut flood: Vec<(u8, &[u8])> = vec![(0x80, b""), (0x82, &hello), (0x82, &hello), (0x12, &ping)];
    flood.extend(core::iter::repeat_n((0x82, ping.as_slice()), 80));
    vec![("valid-day", day), ("hostile-stranger", stranger), ("hostile-flood", write(&flood))]
}

/// A put into this mailbox, without its envelope, which the server does not read.
fn put_of(to: MailboxId) -> Vec<u8> {
    let put = ClientFrame::Put { id: RequestId(6), to, envelope: &[0; ENVELOPE_LEN] };
    let mut frame = client_frame(put);
    frame.truncate(frame.len() - ENVELOPE_LEN);
    frame
}

fn client() -> Named {
    let answer = |n| server_frame(ServerFrame::Done { id: RequestId(n) });
    let welcome = welcome();
    let absent = server_frame(ServerFrame::Absent { id: RequestId(3) });
    let record = server_frame(ServerFrame::Bundle { id: RequestId(2), bytes: b"a record" });
    let [first, second, third, fourth] = [0, 1, 3, 4].map(answer);
    // Kind, serial and mailbox.
    let letter = [&[5, 0, 0, 0, 9][..], &[3; 16]].concat();
    let day = write(&[
        (1, b""),
        (0, &welcome),
        (3, b""),
        (4, b"an offer"),
        (6, b""),
        (5, b"\0\0\x10 a record"),
        (0x0b, b""),
        (0, &first),
        (0, &second),
        (0, &record),
        (0, &fourth),
        (0, &third),
        (8, &letter),
        (8, &letter),
        (0, &absent),
        (0x0c, b""),
        (7, A_MINUTE),
        (2, b""),
        (7, A_MINUTE),
        (1, b""),
        (0, &welcome),
    ]);
    let mut hostile: Vec<(u8, &[u8])> =
        vec![(0, &welcome), (1, b""), (0, &first), (0, &welcome), (0, &welcome)];
    hostile.extend(core::iter::repeat_n((0x86, &b""[..]), 60));
    hostile.extend([(2, &b""[..]), (2, b""), (7, A_MINUTE)]);
    vec![("valid-day", day), ("hostile-server", write(&hostile))]
}
