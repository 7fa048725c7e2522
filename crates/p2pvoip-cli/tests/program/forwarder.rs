//! The demo's network with real sockets: two clients, a stranger, and the counters at the end.

use std::net::{SocketAddr, UdpSocket};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::common::program;

/// A Binding request (RFC 8489 section 5): type, length, magic cookie, transaction id.
const BINDING: [u8; 20] = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    socket
}

/// What the server says our address is: XOR-MAPPED-ADDRESS of an IPv4 address (RFC 8489 section 14.2).
fn face(socket: &UdpSocket, server: SocketAddr) -> Option<SocketAddr> {
    socket.send_to(&BINDING, server).unwrap();
    let mut answer = [0; 100];
    let (len, _) = socket.recv_from(&mut answer).ok()?;
    assert_eq!((answer[0], answer[1], &answer[4..20]), (1, 1, &BINDING[4..20]));
    let at = (20..len).find(|at| answer[*at..].starts_with(&[0, 0x20, 0, 8, 0, 1])).unwrap() + 6;
    let port = u16::from_be_bytes([answer[at] ^ 0x21, answer[at + 1] ^ 0x12]);
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn heard(socket: &UdpSocket) -> Option<(Vec<u8>, SocketAddr)> {
    let mut bytes = [0; 100];
    let (len, from) = socket.recv_from(&mut bytes).ok()?;
    Some((bytes[..len].to_vec(), from))
}

#[test]
fn two_clients_hear_each_other_from_their_faces_and_a_stranger_nobody() {
    let line = ["forwarder", "--loss", "0", "--jitter", "0", "--delay", "1"];
    let mut child = program(&line).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut read = || -> Value {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    };
    let server: SocketAddr = read()["stun"].as_str().unwrap().parse().unwrap();
    let (a, b, stranger) = (socket(), socket(), socket());
    let (face_a, face_b) = (face(&a, server).unwrap(), face(&b, server).unwrap());
    assert_eq!(face(&a, server), Some(face_a), "a client keeps its face");
    assert_eq!(face(&stranger, server), None);
    assert_ne!(face_a, face_b);

    a.send_to(b"\xc0to b", face_b).unwrap();
    assert_eq!(heard(&b), Some((b"\xc0to b".to_vec(), face_a)));
    b.send_to(b"\x00to a", face_a).unwrap();
    assert_eq!(heard(&a), Some((b"\x00to a".to_vec(), face_b)));
    stranger.send_to(b"\xc0to both", face_a).unwrap();
    stranger.send_to(b"\xc0to both", face_b).unwrap();
    assert_eq!(heard(&a), None);

    drop(child.stdin.take());
    let counters = read();
    assert!(child.wait().unwrap().success());
    assert_eq!(counters["strangers"], 3);
    let client = &counters["clients"][0];
    assert_eq!(client["owner"], a.local_addr().unwrap().to_string());
    assert_eq!(
        (&client["packets"]["delivered"], &client["checks"]["delivered"]),
        (&Value::from(1), &Value::from(0))
    );
    assert_eq!(client["at_stun"], 2);
}
