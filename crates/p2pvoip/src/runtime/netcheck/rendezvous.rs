//! Whether a rendezvous server is there: a connection, a welcome, and one round trip.

use std::sync::Arc;
use std::time::Duration;

use p2pvoip_signal::rendezvous::{ClientFrame, PROTOCOL_VERSION, ServerFrame};
use tokio::sync::mpsc;

use super::super::clock::Clock;
use super::super::server::{Connection, LinkId, Report};
use super::report::RendezvousFinding;
use crate::engine::ServerId;
use crate::server_url::ServerUrl;

/// The longest frame that is sent here: a ping.
const FRAME: usize = 16;
/// Comes back in the pong.
const NONCE: u32 = 1;

/// Asks the server who it is; not longer than `limit`.
pub(super) async fn check(
    url: ServerUrl,
    tls: Arc<rustls::ClientConfig>,
    clock: Clock,
    limit: Duration,
) -> RendezvousFinding {
    let mut finding = RendezvousFinding { answered: false, welcome: None, rtt: None };
    // What was found out before the limit counts.
    let _late = tokio::time::timeout(limit, converse(url, tls, clock, &mut finding)).await;
    finding
}

async fn converse(
    url: ServerUrl,
    tls: Arc<rustls::ClientConfig>,
    clock: Clock,
    finding: &mut RendezvousFinding,
) {
    let (reports, mut reported) = mpsc::channel(4);
    let (start, mut asked) = (clock.now(), clock.now());
    let connection = Connection::open(LinkId { server: ServerId::NONE, generation: 0 }, url, tls, reports);
    let say = |frame: ClientFrame<'_>| {
        let mut buf = [0; FRAME];
        let len = frame.emit(&mut buf).unwrap_or_default();
        connection.send(buf.get(..len).unwrap_or_default());
    };
    while let Some((_, report)) = reported.recv().await {
        match report {
            Report::Connected => say(ClientFrame::Hello { version: PROTOCOL_VERSION }),
            Report::Frame(bytes) => match ServerFrame::parse(&bytes) {
                Ok(ServerFrame::Welcome { .. }) if !finding.answered => {
                    finding.answered = true;
                    finding.welcome = Some(clock.now().saturating_since(start));
                    asked = clock.now();
                    say(ClientFrame::Ping { nonce: NONCE });
                }
                Ok(ServerFrame::Pong { nonce: NONCE }) if finding.answered => {
                    finding.rtt = Some(clock.now().saturating_since(asked));
                    return;
                }
                // Something else speaks there, or the server has more to say.
                Ok(_) | Err(_) => {}
            },
            Report::Disconnected => return,
        }
    }
}
