//! Stories of the server over loopback, with a real WebSocket client.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use futures_util::{SinkExt, StreamExt};
use p2pvoip_rendezvous::hub::{Rate, mailbox_of, owned_mailbox_of, owned_slot_of};
use p2pvoip_rendezvous::{Config, ServeError, Server, TlsError, TlsFiles};
use p2pvoip_signal::rendezvous::{
    ClientFrame, MAX_CLIENT_FRAME, Refusal, RequestId, ServerFrame, own_statement,
};
use p2pvoip_signal::{ENVELOPE_LEN, MailboxId, OwnerKey, Token};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Nothing on loopback takes longer.
const SOON: Duration = Duration::from_secs(5);
const BOX: Token = Token::new([7; 32]);
const ENVELOPE: [u8; ENVELOPE_LEN] = [9; ENVELOPE_LEN];

struct Running {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn config() -> Config {
    Config::new("127.0.0.1:0".parse().unwrap())
}

async fn start(config: Config) -> Running {
    let server = Server::bind(config).await.unwrap();
    let addr = server.local_addr();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    Running { addr, stop, task }
}

/// A connection, and its challenge.
struct Client<S>(WebSocketStream<S>, [u8; 32]);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn over(stream: S) -> Self {
        let (socket, _) = timeout(SOON, client_async("ws://localhost/", stream)).await.unwrap().unwrap();
        let mut client = Self(socket, [0; 32]);
        client.say(ClientFrame::Hello { version: 2 }).await;
        let bytes = client.next().await.unwrap();
        let Ok(ServerFrame::Welcome { version: 2, challenge }) = ServerFrame::parse(&bytes) else {
            panic!("{:?}", ServerFrame::parse(&bytes));
        };
        client.1 = challenge;
        client
    }

    async fn say(&mut self, frame: ClientFrame<'_>) {
        let mut buf = vec![0; MAX_CLIENT_FRAME];
        let len = frame.emit(&mut buf).unwrap();
        buf.truncate(len);
        self.0.send(Message::Binary(buf.into())).await.unwrap();
    }

    /// The next binary message, or nothing when the connection has ended.
    async fn next(&mut self) -> Option<Bytes> {
        match timeout(SOON, self.0.next()).await.unwrap() {
            Some(Ok(Message::Binary(bytes))) => Some(bytes),
            Some(Ok(_) | Err(_)) | None => None,
        }
    }

    async fn hears(&mut self, frame: ServerFrame<'_>) {
        let bytes = self.next().await.unwrap();
        assert!(ServerFrame::parse(&bytes) == Ok(frame), "{:?}", ServerFrame::parse(&bytes));
    }

    async fn listens(&mut self, token: Token) {
        self.say(ClientFrame::Listen { id: RequestId(1), token }).await;
        self.hears(ServerFrame::Done { id: RequestId(1) }).await;
    }

    async fn puts(&mut self, id: u64) {
        self.say(ClientFrame::Put { id: RequestId(id), to: mailbox(), envelope: &ENVELOPE }).await;
    }
}

fn mailbox() -> MailboxId {
    mailbox_of(&BOX)
}

async fn client(addr: SocketAddr) -> Client<TcpStream> {
    Client::over(TcpStream::connect(addr).await.unwrap()).await
}

async fn pass_an_envelope<S: AsyncRead + AsyncWrite + Unpin>(mut alice: Client<S>, mut bob: Client<S>) {
    alice.listens(BOX).await;
    bob.puts(2).await;
    bob.hears(ServerFrame::Done { id: RequestId(2) }).await;
    alice.hears(ServerFrame::Envelope { serial: 1, mailbox: mailbox(), envelope: &ENVELOPE }).await;
}

#[tokio::test]
async fn an_envelope_passes_from_one_client_to_another() {
    let server = start(config()).await;
    pass_an_envelope(client(server.addr).await, client(server.addr).await).await;
}

#[tokio::test]
async fn the_owner_of_a_key_listens_and_publishes_and_a_replayed_proof_does_not() {
    let server = start(config()).await;
    let (mut alice, mut mallory) = (client(server.addr).await, client(server.addr).await);
    assert_ne!(alice.1, mallory.1);
    let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
    let key = OwnerKey::new(pair.public_key().as_ref().try_into().unwrap());
    let signature: [u8; 64] = pair.sign(&own_statement(&alice.1)).as_ref().try_into().unwrap();
    let own = ClientFrame::Own { id: RequestId(1), key, signature: &signature };
    alice.say(own).await;
    alice.hears(ServerFrame::Done { id: RequestId(1) }).await;
    mallory.say(own).await;
    mallory.hears(ServerFrame::Refused { id: RequestId(1), why: Refusal::NotOwner }).await;
    let publish = ClientFrame::Publish { id: RequestId(2), key, sequence: 1, lifetime: 60, bytes: b"record" };
    mallory.say(publish).await;
    mallory.hears(ServerFrame::Refused { id: RequestId(2), why: Refusal::NotOwner }).await;
    alice.say(publish).await;
    alice.hears(ServerFrame::Done { id: RequestId(2) }).await;
    mallory.say(ClientFrame::Fetch { id: RequestId(3), slot: owned_slot_of(&key) }).await;
    mallory.hears(ServerFrame::Bundle { id: RequestId(3), bytes: b"record" }).await;
    let to = owned_mailbox_of(&key);
    mallory.say(ClientFrame::Put { id: RequestId(4), to, envelope: &ENVELOPE }).await;
    mallory.hears(ServerFrame::Done { id: RequestId(4) }).await;
    alice.hears(ServerFrame::Envelope { serial: 1, mailbox: to, envelope: &ENVELOPE }).await;
}

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// A self-signed certificate for `localhost` and its key, as files.
fn certificate(name: &str) -> (TlsFiles, rcgen::Certificate) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let directory = directory(name);
    let files = TlsFiles { certificate_chain: directory.join("chain.pem"), key: directory.join("key.pem") };
    std::fs::write(&files.certificate_chain, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert)
}

#[tokio::test]
async fn an_envelope_passes_over_tls() {
    let (files, certificate) = certificate("over-tls");
    let mut config = config();
    config.tls = Some(files);
    let server = start(config).await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = TlsConnector::from(Arc::new(tls.with_root_certificates(roots).with_no_client_auth()));
    let connect = async || {
        let stream = TcpStream::connect(server.addr).await.unwrap();
        Client::over(tls.connect("localhost".try_into().unwrap(), stream).await.unwrap()).await
    };
    pass_an_envelope(connect().await, connect().await).await;
    // Who does not speak TLS is closed, or told so by an alert.
    let mut plain = TcpStream::connect(server.addr).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = timeout(SOON, plain.read_to_end(&mut said)).await.unwrap();
    assert!(!said.starts_with(b"HTTP"));
}

#[tokio::test]
async fn each_fault_of_the_tls_files_has_its_own_error() {
    let (good, _) = certificate("good");
    let (other, _) = certificate("other");
    let refuse = async |files: TlsFiles| {
        let mut config = config();
        config.tls = Some(files);
        match Server::bind(config).await {
            Err(ServeError::Tls(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let missing = TlsFiles { key: directory("good").join("no-such-key.pem"), ..good.clone() };
    assert!(matches!(refuse(missing).await, TlsError::NotFound { .. }));
    let unreadable = TlsFiles { certificate_chain: directory("good"), ..good.clone() };
    assert!(matches!(refuse(unreadable).await, TlsError::Unreadable { .. }));
    let swapped = TlsFiles { certificate_chain: good.key.clone(), key: good.certificate_chain.clone() };
    assert!(matches!(refuse(swapped).await, TlsError::NotPem { wanted: "certificate", .. }));
    let no_key = TlsFiles { key: good.certificate_chain.clone(), ..good.clone() };
    assert!(matches!(refuse(no_key).await, TlsError::NotPem { wanted: "private key", .. }));
    let mismatch = TlsFiles { key: other.key, ..good };
    assert!(matches!(refuse(mismatch).await, TlsError::Mismatch));
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let server = start(config()).await;
    let again = Server::bind(Config::new(server.addr)).await;
    assert!(matches!(again, Err(ServeError::Bind { port, .. }) if port == server.addr.port()));
}

#[tokio::test]
async fn garbage_and_silence_harm_nobody_else() {
    let server = start(config()).await;
    let mut garbage = TcpStream::connect(server.addr).await.unwrap();
    let _silent = TcpStream::connect(server.addr).await.unwrap();
    let _ = garbage.write_all(&vec![0xff; 100_000]).await;
    let mut said = Vec::new();
    let _ = timeout(SOON, garbage.read_to_end(&mut said)).await.unwrap();
    for bad in [
        Message::Binary(vec![99].into()),
        Message::Binary(Bytes::new()),
        Message::Text("hello".into()),
        Message::Binary(vec![4; MAX_CLIENT_FRAME + 1].into()),
        Message::Binary(vec![4; 1_000_000].into()),
    ] {
        let mut bad_client = client(server.addr).await;
        let _ = bad_client.0.send(bad).await;
        assert_eq!(bad_client.next().await, None, "it is closed");
    }
    pass_an_envelope(client(server.addr).await, client(server.addr).await).await;
}

#[tokio::test]
async fn half_open_connections_of_one_address_are_limited_and_make_room_when_they_end() {
    let mut config = config();
    config.connections_per_address = 2;
    let server = start(config).await;
    let silent = TcpStream::connect(server.addr).await.unwrap();
    let first = client(server.addr).await;
    let mut refused = TcpStream::connect(server.addr).await.unwrap();
    let end = timeout(SOON, refused.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "closed at once");
    drop(silent);
    let room = async {
        loop {
            let stream = TcpStream::connect(server.addr).await.unwrap();
            if client_async("ws://localhost/", stream).await.is_ok() {
                return;
            }
        }
    };
    timeout(SOON, room).await.unwrap();
    drop(first);
}

#[tokio::test]
async fn a_slow_reader_is_closed_and_delays_nobody() {
    let mut config = config();
    config.limits.frames = Rate { burst: 100_000, per_second: 1 };
    config.limits.puts_per_mailbox = config.limits.frames;
    let server = start(config).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut slow = Client::over(socket.connect(server.addr).await.unwrap()).await;
    slow.listens(BOX).await;
    let mut bob = client(server.addr).await;
    // The system's buffers and the queue take some megabytes before it shows that nobody reads.
    for id in 0..10_000 {
        bob.puts(id).await;
        let bytes = bob.next().await.unwrap();
        if ServerFrame::parse(&bytes) == Ok(ServerFrame::Absent { id: RequestId(id) }) {
            return;
        }
    }
    panic!("the slow reader was never closed");
}

#[tokio::test]
async fn the_server_says_goodbye_when_it_ends() {
    let server = start(config()).await;
    let mut client = client(server.addr).await;
    server.stop.send(()).unwrap();
    let last = timeout(SOON, client.0.next()).await.unwrap();
    assert!(matches!(last, Some(Ok(Message::Close(_)))), "{last:?}");
    timeout(SOON, server.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.addr).await.is_err());
}
