//! The connection to a rendezvous server: WebSocket, inside TLS for `wss://`. One task each; it pumps frames and reports.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::engine::ServerId;
use crate::server_url::ServerUrl;

/// How long connecting may take, name look-up, TLS and WebSocket included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Frames that wait to be sent; a server that takes none for so long is given up.
const SEND_QUEUE: usize = 64;
/// The largest frame that a server may send: an envelope or a record with its header.
const MAX_FRAME: usize = 8 * 1024;

/// One connection to one server: reports of an earlier one are told apart and dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LinkId {
    pub(crate) server: ServerId,
    pub(crate) generation: u64,
}

/// What a connection reports to the driver.
pub(crate) enum Report {
    /// It is open.
    Connected,
    /// A frame came.
    Frame(bytes::Bytes),
    /// It is closed, or could not be opened.
    Disconnected,
}

/// The driver's end of one connection; dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Connection {
    frames: mpsc::Sender<Vec<u8>>,
    task: tokio::task::JoinHandle<()>,
}

impl Connection {
    /// Starts connecting.
    pub(crate) fn open(
        id: LinkId,
        url: ServerUrl,
        tls: Arc<rustls::ClientConfig>,
        reports: mpsc::Sender<(LinkId, Report)>,
    ) -> Self {
        let (frames, queue) = mpsc::channel(SEND_QUEUE);
        let task = tokio::spawn(async move {
            if let Err(error) = converse(id, &url, tls, queue, &reports).await {
                tracing::debug!(error = kind_of(&*error), "the connection to the rendezvous server ended");
            }
            // When the driver is gone nobody wants the report.
            let _gone = reports.send((id, Report::Disconnected)).await;
        });
        Self { frames, task }
    }

    /// Queues a frame; a queue that is full means that the server takes nothing, so the frame is lost and the client asks again.
    pub(crate) fn send(&self, frame: &[u8]) {
        let _lost = self.frames.try_send(frame.to_vec());
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The kind of a failure, without what it says: that may name the server.
fn kind_of(failure: &(dyn std::error::Error + 'static)) -> &'static str {
    if failure.is::<tokio::time::error::Elapsed>() {
        "it took too long"
    } else if failure.is::<std::io::Error>() {
        "TCP or TLS failed: is the server there, and its certificate trusted and an end entity's?"
    } else if failure.is::<tokio_tungstenite::tungstenite::Error>() {
        "WebSocket failed: is this a rendezvous server?"
    } else {
        "the address is not usable"
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn converse(
    id: LinkId,
    url: &ServerUrl,
    tls: Arc<rustls::ClientConfig>,
    queue: mpsc::Receiver<Vec<u8>>,
    reports: &mpsc::Sender<(LinkId, Report)>,
) -> Result<(), Failure> {
    let tcp = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((url.host(), url.port()))).await??;
    tcp.set_nodelay(true)?;
    if url.is_tls() {
        let name = ServerName::try_from(url.host().to_owned())?;
        let stream = tokio_rustls::TlsConnector::from(tls).connect(name, tcp);
        pump(id, url, tokio::time::timeout(CONNECT_TIMEOUT, stream).await??, queue, reports).await
    } else {
        pump(id, url, tcp, queue, reports).await
    }
}

async fn pump<S: AsyncRead + AsyncWrite + Unpin>(
    id: LinkId,
    url: &ServerUrl,
    stream: S,
    mut queue: mpsc::Receiver<Vec<u8>>,
    reports: &mpsc::Sender<(LinkId, Report)>,
) -> Result<(), Failure> {
    let limits = WebSocketConfig::default().max_message_size(Some(MAX_FRAME)).max_frame_size(Some(MAX_FRAME));
    let handshake = tokio_tungstenite::client_async_with_config(url.as_str(), stream, Some(limits));
    let (socket, _response) = tokio::time::timeout(CONNECT_TIMEOUT, handshake).await??;
    let (mut sink, mut source) = socket.split();
    reports.send((id, Report::Connected)).await?;
    loop {
        tokio::select! {
            frame = queue.recv() => match frame {
                Some(frame) => sink.send(Message::binary(frame)).await?,
                None => return Ok(sink.close().await?),
            },
            message = source.next() => match message {
                Some(Ok(Message::Binary(bytes))) => reports.send((id, Report::Frame(bytes))).await?,
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            },
        }
    }
}
