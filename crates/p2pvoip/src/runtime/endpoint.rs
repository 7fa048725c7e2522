//! The application's handle of an endpoint.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use p2pvoip_core::Seed;
use p2pvoip_crypto::{CardError, ContactCard, Identity, Policy, Prekeys};
use p2pvoip_nat::CandidatePolicy;
use tokio::sync::{mpsc, oneshot, watch};

use super::call::{Call, IncomingCall};
use super::clock::Clock;
use super::dht;
use super::driver::{Command, Driver, Parts, Ring};
use super::tls::{self, TlsError};
use super::turn;
use crate::codec::Codec;
use crate::contacts::Book;
use crate::engine::{self, DialError, IdentityError, Settings, SettingsError};
use crate::server_url::{BadServerUrl, ServerUrl};
use crate::turn_url::{TurnServer, TurnUrl};

/// Commands that wait for the driver.
const COMMANDS: usize = 64;
/// Calls that ring and were not looked at yet; beyond, callers hear that we are busy.
const RINGS: usize = 8;

/// How an endpoint is set up; [`Config::new`] has a safe default for everything.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// Who this is.
    pub identity: Arc<Identity>,
    /// The rendezvous server at which this endpoint can be called, `wss://host` or `ws://host:port`; without one it can only call.
    pub server: Option<String>,
    /// How contacts are found when the server on their card is gone, and how they find us: a DHT. Not used by default.
    #[cfg(feature = "dht")]
    pub dht: Option<p2pvoip_dht::kad::Config>,
    /// The local addresses that calls use; when empty, every usable one of the machine.
    pub bind: Vec<IpAddr>,
    /// STUN servers that tell our address as others see it.
    pub stun_servers: Vec<SocketAddr>,
    /// TURN servers, at most 2: calls that find no direct path go through one. Their names are looked up at the start; one that
    /// is not found is logged and done without.
    pub turn_servers: Vec<TurnServer>,
    /// Which of our addresses a peer may learn.
    pub candidates: CandidatePolicy,
    /// A PEM file of a certificate that is trusted besides the system's roots.
    pub trusted_certificate: Option<PathBuf>,
    /// The codec of every call.
    pub codec: Arc<dyn Codec>,
    /// Whom we know, so that calls can tell how far a peer is trusted.
    pub contacts: Book,
    /// Whether calls may be in clear with contacts of version 1.0: never, by default.
    pub policy: Policy,
    /// What [`Endpoint::remembered_offers`] gave when an endpoint of this identity ran last, so that an offer which came then
    /// does not ring again; empty where nothing was kept.
    pub remembered_offers: Vec<u8>,
    /// Calls at once; further callers hear that we are busy.
    pub max_calls: usize,
}

impl Config {
    /// A configuration for this identity: it speaks Opus, uses every usable address, and can call but not be called.
    #[cfg(feature = "opus")]
    pub fn new(identity: Identity) -> Self {
        Self::with_codec(identity, Arc::new(crate::codec::Opus))
    }

    /// The same with another codec.
    pub fn with_codec(identity: Identity, codec: Arc<dyn Codec>) -> Self {
        Self {
            identity: Arc::new(identity),
            server: None,
            #[cfg(feature = "dht")]
            dht: None,
            bind: Vec::new(),
            stun_servers: Vec::new(),
            turn_servers: Vec::new(),
            candidates: CandidatePolicy::default(),
            trusted_certificate: None,
            codec,
            contacts: Book::default(),
            policy: Policy::default(),
            remembered_offers: Vec::new(),
            max_calls: 8,
        }
    }

    /// The same, callable at this rendezvous server.
    #[must_use]
    pub fn at(mut self, server: &str) -> Self {
        self.server = Some(server.to_owned());
        self
    }
}

impl core::fmt::Debug for Config {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Config").field("candidates", &self.candidates).finish_non_exhaustive()
    }
}

/// Why an endpoint did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The server's address is none.
    #[error(transparent)]
    Server(#[from] BadServerUrl),
    /// The contact card cannot hold the server's address.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A setting is not within its limits.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The DHT cannot be used.
    #[cfg(feature = "dht")]
    #[error(transparent)]
    Dht(#[from] p2pvoip_dht::kad::StartError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A TURN server's name has no address, and only relays may be used.
    #[error("the TURN server {server} is not found ({why}); check its name and your connection")]
    Turn {
        /// Which.
        server: TurnUrl,
        /// What the system said.
        why: std::io::Error,
    },
    /// A local address cannot be used.
    #[error("the local address {address} cannot be used: {why}; give one of this machine's addresses")]
    Bind {
        /// Which.
        address: IpAddr,
        /// What the system said.
        why: std::io::Error,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness, without which nothing is secret: {0}")]
    Randomness(getrandom::Error),
    /// Nobody can call an endpoint without a server.
    #[error("this endpoint has no rendezvous server; set `server` in its configuration to be called")]
    NoServer,
    /// The endpoint was closed.
    #[error("the endpoint is closed; start a new one")]
    Closed,
}

/// One person's end of all calls. When it is dropped nobody can call any more; calls that are still held go on.
#[derive(Debug)]
pub struct Endpoint {
    commands: mpsc::Sender<Command>,
    rings: mpsc::Receiver<Ring>,
    online: watch::Receiver<bool>,
    findable: watch::Receiver<bool>,
    home: watch::Receiver<Option<Arc<Prekeys>>>,
    card: Option<ContactCard>,
}

impl Endpoint {
    /// Starts an endpoint on the current tokio runtime; with a `server` it begins to listen there.
    ///
    /// # Errors
    /// [`StartError`] when the configuration cannot be used. A server that cannot be reached is none: it is tried again and again.
    ///
    /// # Panics
    /// Outside a tokio runtime with its timer and IO.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        for address in &config.bind {
            let tried = if address.is_unspecified() || address.is_multicast() {
                Err(std::io::Error::other("it is not the address of one interface"))
            } else {
                std::net::UdpSocket::bind((*address, 0))
            };
            tried.map_err(|why| StartError::Bind { address: *address, why })?;
        }
        let tls = tls::client(config.trusted_certificate.as_deref())?;
        let mut settings = Settings::new(Arc::clone(&config.identity), Arc::clone(&config.codec));
        settings.server = config.server.as_deref().map(str::parse::<ServerUrl>).transpose()?;
        settings.nat.stun_servers = config.stun_servers;
        settings.nat.turn_servers = turn::resolve(&config.turn_servers, config.candidates).await?;
        settings.nat.policy = config.candidates;
        settings.contacts = config.contacts;
        settings.policy = config.policy;
        settings.remembered_offers = config.remembered_offers;
        settings.max_calls = config.max_calls;
        #[cfg(feature = "dht")]
        let directory = {
            settings.directory = config.dht.is_some();
            dht::Port::new(config.dht.map(p2pvoip_dht::kad::KadDirectory::start).transpose()?)
        };
        #[cfg(not(feature = "dht"))]
        let directory = dht::Port::default();
        let clock = Clock::start();
        let engine = engine::Endpoint::new(settings, system_seed()?, Clock::unix(), clock.now())?;
        let card = engine.card()?;
        let (commands, for_driver) = mpsc::channel(COMMANDS);
        let (to_owner, rings) = mpsc::channel(RINGS);
        let (tell_online, online) = watch::channel(false);
        let (tell_findable, findable) = watch::channel(false);
        let (tell_home, home) = watch::channel(None);
        let parts = Parts {
            engine,
            clock,
            bind: config.bind,
            tls,
            commands: for_driver,
            rings: to_owner,
            online: tell_online,
            directory,
            findable: tell_findable,
            home: tell_home,
        };
        tokio::spawn(Driver::new(parts).run());
        Ok(Self { commands, rings, online, findable, home, card })
    }

    /// The card by which others call this endpoint; none without a `server`.
    pub const fn card(&self) -> Option<&ContactCard> {
        self.card.as_ref()
    }

    /// Waits until this endpoint can be called.
    ///
    /// # Errors
    /// [`StartError::NoServer`] when it never can, [`StartError::Closed`] when it is closed.
    pub async fn online(&self) -> Result<(), StartError> {
        if self.card.is_none() {
            return Err(StartError::NoServer);
        }
        let mut online = self.online.clone();
        online.wait_for(|online| *online).await.map(|_| ()).map_err(|_| StartError::Closed)
    }

    /// Whether this endpoint can be called now, to be watched.
    pub fn watch_online(&self) -> watch::Receiver<bool> {
        self.online.clone()
    }

    /// Whether the DHT tells contacts where this endpoint is, to be watched; always `false` when none is used.
    pub fn watch_findable(&self) -> watch::Receiver<bool> {
        self.findable.clone()
    }

    /// On a linked device at its server: what the identity's first device published last, to be watched; it is fetched daily. Take
    /// its list of devices by [`Secret::refresh_roster`](p2pvoip_crypto::Secret::refresh_roster), or contacts refuse this device
    /// after two weeks; then [`set_identity`](Self::set_identity). Always `None` on the first device.
    pub fn watch_home(&self) -> watch::Receiver<Option<Arc<Prekeys>>> {
        self.home.clone()
    }

    /// The same identity as its secret stands by now. An endpoint that runs for long is given it weekly at least, advanced
    /// ([`Secret::advance`](p2pvoip_crypto::Secret::advance)), so that the prekeys of the past leave memory.
    ///
    /// # Errors
    /// [`IdentityError`] when it is another one, or the endpoint is closed.
    pub async fn set_identity(&self, identity: Arc<Identity>) -> Result<(), IdentityError> {
        let (reply, taken) = oneshot::channel();
        let command = Command::Identity { identity, reply };
        self.commands.send(command).await.map_err(|_| IdentityError::Closed)?;
        taken.await.map_err(|_| IdentityError::Closed)?
    }

    /// Whom we know from now on. Of who was known before, what calls have taught is kept where it is
    /// [stricter](Book::keep_stricter); who is not in the new book is forgotten. Calls that are open go on with what was known when they began.
    pub async fn set_contacts(&self, contacts: Book) {
        // A driver that has gone takes no calls.
        let _gone = self.commands.send(Command::Contacts(Box::new(contacts))).await;
    }

    /// Which offers came, so that none of them rings twice: kept by the owner, and given to the next endpoint of this identity
    /// as [`Config::remembered_offers`]. It changes with each call that rings.
    ///
    /// # Errors
    /// [`StartError::Closed`] when the endpoint is closed.
    pub async fn remembered_offers(&self) -> Result<Vec<u8>, StartError> {
        let (reply, remembered) = oneshot::channel();
        self.commands.send(Command::RememberedOffers { reply }).await.map_err(|_| StartError::Closed)?;
        remembered.await.map_err(|_| StartError::Closed)
    }

    /// Calls a contact. Returns at once: the call's state tells how it goes.
    ///
    /// # Errors
    /// [`DialError`] when the call cannot even be started.
    pub async fn dial(&self, contact: &ContactCard) -> Result<Call, DialError> {
        self.dial_known(contact, None).await
    }

    /// Calls by a card which is said to be a new one of the contact of that name: when it is of another key than the contact
    /// had, the call says that the key has [changed](p2pvoip_crypto::Trust::Changed).
    ///
    /// # Errors
    /// [`DialError`] when the call cannot even be started.
    pub async fn dial_as(&self, name: &str, card: &ContactCard) -> Result<Call, DialError> {
        self.dial_known(card, Some(name.to_owned())).await
    }

    async fn dial_known(&self, card: &ContactCard, name: Option<String>) -> Result<Call, DialError> {
        let (reply, dialled) = oneshot::channel();
        let card = Box::new(card.clone());
        self.commands.send(Command::Dial { card, name, reply }).await.map_err(|_| DialError::Closed)?;
        let port = dialled.await.map_err(|_| DialError::Closed)??;
        Ok(Call::new(port, self.commands.clone()))
    }

    /// The next call that rings; none after the endpoint's end.
    pub async fn incoming(&mut self) -> Option<IncomingCall> {
        let ring = self.rings.recv().await?;
        Some(IncomingCall::new(ring, self.commands.clone()))
    }

    /// Hangs up all calls, tells the others, and ends. Waits for at most three seconds.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(Command::Close { done }).await.is_ok() {
            // The driver may end first.
            let _ended = closed.await;
        }
    }
}

/// 32 bytes of the system's randomness.
pub(super) fn system_seed() -> Result<Seed, StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(StartError::Randomness)?;
    Ok(Seed::new(bytes))
}

/// A new identity from the system's randomness. Keep its [`to_secret`](Identity::to_secret): it is who you are.
///
/// # Errors
/// [`StartError::Randomness`] when the system gives none.
pub fn new_identity() -> Result<Identity, StartError> {
    Ok(Identity::generate(&system_seed()?))
}
