//! One connection: shakes hands, reads messages for the hub, and writes what the hub says from a bounded queue.
//!
//! # Timers
//! - [`HANDSHAKE_WAIT`], [`WRITE_WAIT`]; how long a client may be silent is the hub's.

use super::{CLOSE_WAIT, HANDSHAKE_WAIT, Place, QUEUE_LEN, WRITE_WAIT};
use crate::hub::Input;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use p2pvoip_signal::rendezvous::MAX_CLIENT_FRAME;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

/// The most bytes of pings, pongs and messages that wait in the WebSocket's own buffer.
const WRITE_BUFFER: usize = 64 * 1_024;
/// How much is read from a socket at once: one frame of a client and its header.
const READ_BUFFER: usize = 4 * 1_024;

/// A connection as the hub's side sees it; dropping it ends the connection.
pub(super) struct Peer(mpsc::Sender<Bytes>);

impl Peer {
    /// Queues a message; false when the queue is full.
    pub(super) fn offer(&self, bytes: Bytes) -> bool {
        self.0.try_send(bytes).is_ok()
    }
}

/// Serves one client until either side ends it.
pub(super) async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    place: &Place,
    stopped: watch::Receiver<bool>,
) {
    // Envelopes are small and wanted at once; a socket that cannot do this still works.
    let _ = stream.set_nodelay(true);
    let deadline = place.shared.clock.deadline(place.shared.now() + HANDSHAKE_WAIT);
    let Some(tls) = tls else { return talk(stream, deadline, place, stopped).await };
    if let Ok(Ok(stream)) = tokio::time::timeout_at(deadline, tls.accept(stream)).await {
        talk(stream, deadline, place, stopped).await;
    } else {
        tracing::debug!(connection = place.id.0, "the TLS handshake failed");
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    deadline: tokio::time::Instant,
    place: &Place,
    mut stopped: watch::Receiver<bool>,
) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_CLIENT_FRAME))
        .max_frame_size(Some(MAX_CLIENT_FRAME))
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER);
    let upgrade = accept_async_with_config(stream, Some(config));
    let Ok(Ok(socket)) = tokio::time::timeout_at(deadline, upgrade).await else {
        tracing::debug!(connection = place.id.0, "the WebSocket upgrade failed");
        return;
    };
    let Some(queue) = open(place) else { return };
    let (mut sink, stream) = socket.split();
    let polite = tokio::select! {
        polite = read(stream, place) => polite,
        polite = write(&mut sink, queue) => polite,
        _ = stopped.wait_for(|stop| *stop) => true,
    };
    close(place);
    if polite {
        let _ = timeout(CLOSE_WAIT, sink.close()).await;
    }
    tracing::debug!(connection = place.id.0, "a connection is closed");
}

/// Enters the hub; gives the queue of what it says.
fn open(place: &Place) -> Option<mpsc::Receiver<Bytes>> {
    let (sender, queue) = mpsc::channel(QUEUE_LEN);
    place.shared.lock().peers.insert(place.id, Peer(sender));
    match place.shared.tell(Input::OpenedFrom(place.id, place.from)) {
        Ok(()) => Some(queue),
        Err(error) => {
            tracing::warn!(%error, "a connection was refused");
            place.shared.lock().peers.remove(&place.id);
            None
        }
    }
}

fn close(place: &Place) {
    place.shared.lock().peers.remove(&place.id);
    // A closed connection is never refused.
    let _ = place.shared.tell(Input::Closed(place.id));
}

/// Reads until the client ends or misbehaves; whether a goodbye is in place.
async fn read(mut stream: impl Stream<Item = Result<Message, Error>> + Unpin, place: &Place) -> bool {
    while let Some(message) = stream.next().await {
        match message {
            Ok(Message::Binary(bytes)) => {
                if let Err(error) = place.shared.tell(Input::Frame(place.id, &bytes)) {
                    tracing::debug!(connection = place.id.0, %error, "a client is closed");
                    return true;
                }
            }
            // The WebSocket answers pings itself.
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Text(_) | Message::Close(_) | Message::Frame(_)) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// Writes until the hub drops the queue, or the client takes nothing; whether a goodbye is in place.
async fn write(mut sink: impl Sink<Message> + Unpin, mut queue: mpsc::Receiver<Bytes>) -> bool {
    while let Some(bytes) = queue.recv().await {
        match timeout(WRITE_WAIT, sink.send(Message::Binary(bytes))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return false,
        }
    }
    true
}
