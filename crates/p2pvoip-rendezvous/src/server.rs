//! The sockets around a [`Hub`]: TCP, TLS when configured, WebSocket (RFC 6455), and the clock.
//!
//! Every connection has one task and a queue of [`QUEUE_LEN`] messages; whose queue is full is closed, so that a slow
//! reader delays nobody.
//!
//! # Timers
//! - [`HANDSHAKE_WAIT`] for TLS and the WebSocket upgrade together, [`WRITE_WAIT`] for one message to be taken.
//!
//! # Left out
//! - Paths and virtual hosts: any path is the same server.

mod clock;
mod connection;

use crate::hub::{ConnectionId, Event, Hub, Input, Limits, Prefix, Refused};
use crate::tls::{self, TlsError, TlsFiles};
use clock::Clock;
use connection::{Peer, serve};
use p2pvoip_core::{Instant, Machine, Output, Seed};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Bytes;

/// How long TLS and the WebSocket upgrade may take together.
pub const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// How long one message may wait for a client to take it.
pub const WRITE_WAIT: Duration = Duration::from_secs(10);
/// How many messages wait for one client: a burst of envelopes to all its mailboxes.
pub const QUEUE_LEN: usize = 64;
/// How long a goodbye to a client may take.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// The wait after the system refused a connection, which it does when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a server is told before it starts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where it listens; port 0 lets the system choose.
    pub addr: SocketAddr,
    /// Speaks TLS when given; without it a proxy in front of the server should.
    pub tls: Option<TlsFiles>,
    /// How many connections one IPv4 address or IPv6 /64 may have, those that still shake hands included. Behind a proxy all
    /// have its.
    pub connections_per_address: usize,
    /// The hub's limits.
    pub limits: Limits,
}

impl Config {
    /// Without TLS, with the default limits.
    #[must_use]
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, tls: None, connections_per_address: 256, limits: Limits::default() }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on port {port}; is it in use, or does it need more rights? {source}")]
    Bind {
        /// Which port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The system has no chance to give, from which challenges would be drawn.
    #[error("the system gives no random bytes; the server cannot tell owners from strangers without them")]
    NoChance,
    /// TLS cannot be spoken.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A rendezvous server that is bound and not yet running.
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
}

/// What all tasks of a server share.
struct Shared {
    hub: Mutex<Inside>,
    /// Tells the clock task that the next wake-up may have moved.
    moved: Notify,
    clock: Clock,
    next: AtomicU64,
    most: usize,
    per_prefix: usize,
}

struct Inside {
    hub: Hub,
    peers: BTreeMap<ConnectionId, Peer>,
    /// Connections by prefix, those that still shake hands included.
    prefixes: BTreeMap<Prefix, usize>,
    open: usize,
    buf: Vec<u8>,
    wake: Option<Instant>,
    /// Clients whose queue was full.
    slow: Vec<ConnectionId>,
}

impl Server {
    /// Listens; nothing is accepted until [`run`](Self::run).
    ///
    /// # Errors
    /// [`ServeError`] when a file or the address cannot be used, or the system has no chance to give.
    pub async fn bind(config: Config) -> Result<Self, ServeError> {
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| ServeError::NoChance)?;
        let failed = |source| ServeError::Bind { port: config.addr.port(), source };
        let listener = TcpListener::bind(config.addr).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let most = config.limits.connections;
        let inside = Inside {
            hub: Hub::new(config.limits, &Seed::new(seed), Instant::from_micros(0)),
            peers: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            open: 0,
            buf: vec![0; Hub::MAX_TRANSMIT],
            wake: None,
            slow: Vec::new(),
        };
        let shared = Shared {
            hub: Mutex::new(inside),
            moved: Notify::new(),
            clock: Clock::start(),
            next: AtomicU64::new(1),
            most,
            per_prefix: config.connections_per_address,
        };
        Ok(Self { listener, addr, tls, shared: Arc::new(shared) })
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whether it speaks TLS.
    pub const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until `shutdown` ends, then tells all clients that it goes and closes.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tokio::pin!(shutdown);
        tracing::info!(port = self.addr.port(), tls = self.is_tls(), "rendezvous server is listening");
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = self.shared.until_due() => self.shared.tick(),
                Some(_) = tasks.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, from)) => self.start(stream, from.ip(), &stopped, &mut tasks),
                    Err(error) => {
                        tracing::warn!(%error, "the system refused a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(self.listener);
        // Nobody listens any more when no connection is left.
        let _ = stop.send(true);
        let closed = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(CLOSE_WAIT, closed).await.is_err() {
            tasks.abort_all();
        }
        tracing::info!("rendezvous server has ended");
    }

    fn start(
        &self,
        stream: TcpStream,
        from: IpAddr,
        stopped: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) {
        let Some(place) = Place::take(&self.shared, from) else {
            tracing::warn!("a connection was refused: there are as many as may be");
            return;
        };
        let (tls, stopped) = (self.tls.clone(), stopped.clone());
        tasks.spawn(async move {
            serve(stream, tls, &place, stopped).await;
            drop(place);
        });
    }
}

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Server")
            .field("port", &self.addr.port())
            .field("tls", &self.is_tls())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    /// A panic elsewhere leaves the hub whole: it changes nothing before it knows that it may.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the hub an input and hands out what follows from it.
    fn tell(&self, input: Input<'_>) -> Result<(), Refused> {
        let mut inside = self.lock();
        let now = self.now();
        // The outbox is empty between two calls, so that it is never full here.
        let result = inside.hub.handle_input(input, now);
        inside.settle(now);
        drop(inside);
        self.moved.notify_one();
        result
    }

    fn tick(&self) {
        let mut inside = self.lock();
        let now = self.now();
        inside.hub.handle_timeout(now);
        inside.settle(now);
    }

    /// Ends when the hub wants to be called.
    async fn until_due(&self) {
        loop {
            let wake = self.lock().wake;
            match wake {
                Some(at) => {
                    let due = self.clock.deadline(at);
                    tokio::select! {
                        () = tokio::time::sleep_until(due) => return,
                        () = self.moved.notified() => {}
                    }
                }
                None => self.moved.notified().await,
            }
        }
    }
}

impl Inside {
    fn hand_out(&mut self) {
        loop {
            match self.hub.poll_output(&mut self.buf) {
                Output::Transmit { to, len } => {
                    let bytes = Bytes::copy_from_slice(self.buf.get(..len).unwrap_or_default());
                    if self.peers.get(&to).is_some_and(|peer| !peer.offer(bytes)) {
                        tracing::debug!(connection = to.0, "a client reads too slowly and is closed");
                        self.peers.remove(&to);
                        self.slow.push(to);
                    }
                }
                Output::Event(Event::Close(id)) => {
                    self.peers.remove(&id);
                }
                Output::Wait(wake) => {
                    self.wake = wake.map(|wake| wake.at);
                    return;
                }
            }
        }
    }

    /// Hands out what the hub says, and tells it of the clients that do not take it.
    fn settle(&mut self, now: Instant) {
        self.hand_out();
        while let Some(id) = self.slow.pop() {
            // A closed connection is never refused.
            let _ = self.hub.handle_input(Input::Closed(id), now);
            self.hand_out();
        }
    }
}

/// One connection's place among those that may be; given back when it is dropped.
struct Place {
    shared: Arc<Shared>,
    from: Prefix,
    id: ConnectionId,
}

impl Place {
    fn take(shared: &Arc<Shared>, from: IpAddr) -> Option<Self> {
        let from = Prefix::of(from);
        let mut inside = shared.lock();
        let here = inside.prefixes.get(&from).copied().unwrap_or(0);
        if inside.open >= shared.most || here >= shared.per_prefix {
            return None;
        }
        inside.open += 1;
        inside.prefixes.insert(from, here + 1);
        drop(inside);
        let id = ConnectionId(shared.next.fetch_add(1, Ordering::Relaxed));
        Some(Self { shared: Arc::clone(shared), from, id })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.shared.lock();
        inside.open -= 1;
        let left = inside.prefixes.get(&self.from).map_or(0, |here| here - 1);
        if left == 0 {
            inside.prefixes.remove(&self.from);
        } else {
            inside.prefixes.insert(self.from, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_addresses_of_one_slash_64_share_its_places() {
        let mut config = Config::new("127.0.0.1:0".parse().unwrap());
        config.connections_per_address = 2;
        let server = Server::bind(config).await.unwrap();
        let take = |from: &str| Place::take(&server.shared, from.parse().unwrap());
        let (first, second) = (take("2001:db8::1"), take("2001:db8::2:0:0:2"));
        assert!(first.is_some() && second.is_some());
        assert!(take("2001:db8::3").is_none());
        assert!(take("2001:db8:0:1::1").is_some());
        // Each IPv4 address has its own, also when a socket for both writes it as an IPv6 one.
        let mapped = [take("::ffff:192.0.2.1"), take("192.0.2.1")];
        assert!(mapped.iter().all(Option::is_some));
        assert!(take("192.0.2.1").is_none() && take("::ffff:192.0.2.2").is_some());
        drop(first);
        assert!(take("2001:db8::3").is_some());
    }
}
