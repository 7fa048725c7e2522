//! The rendezvous servers that an endpoint speaks with: its own, and those of the contacts that it calls.

use p2pvoip_core::{Instant, Machine, Output, Seed, Wake};
use p2pvoip_signal::Token;
use p2pvoip_signal::rendezvous::{Client, Input, Refused as ClientRefused};

use super::{Endpoint, Event, Polled, Refused, Transmit};
use crate::server_url::ServerUrl;

/// Servers at once, the own one included.
pub(super) const MAX_SERVERS: usize = 16;

/// A server that the endpoint speaks with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServerId(u32);

impl ServerId {
    /// Of a connection that belongs to no endpoint.
    #[cfg(feature = "tokio")]
    pub(crate) const NONE: Self = Self(u32::MAX);
}

pub(super) struct Server {
    pub(super) id: ServerId,
    pub(super) url: ServerUrl,
    pub(super) client: Client,
    home: bool,
    /// Whether it ever welcomed us: if not, a failed connection ends the calls that wait for it.
    pub(super) was_online: bool,
}

pub(super) struct Servers {
    entries: Vec<Server>,
    seed: Seed,
    next: u32,
}

impl Servers {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { entries: Vec::new(), seed, next: 0 }
    }

    /// The own server.
    pub(super) fn home(&mut self, url: &ServerUrl, now: Instant) -> ServerId {
        self.add(url, true, now)
    }

    /// The server at that address; `None` when there are too many.
    pub(super) fn reach(&mut self, url: &ServerUrl, now: Instant) -> Option<ServerId> {
        if let Some(server) = self.entries.iter().find(|server| server.url == *url) {
            return Some(server.id);
        }
        (self.entries.len() < MAX_SERVERS).then(|| self.add(url, false, now))
    }

    fn add(&mut self, url: &ServerUrl, home: bool, now: Instant) -> ServerId {
        let id = ServerId(self.next);
        self.next += 1;
        let client = Client::new(&self.seed.derive_index("client", u64::from(id.0)), now);
        self.entries.push(Server { id, url: url.clone(), client, home, was_online: false });
        id
    }

    pub(super) fn get_mut(&mut self, id: ServerId) -> Option<&mut Server> {
        self.entries.iter_mut().find(|server| server.id == id)
    }

    pub(super) fn handle_input(
        &mut self,
        id: ServerId,
        input: Input<'_>,
        now: Instant,
    ) -> Result<(), Refused> {
        let server = self.get_mut(id).ok_or(Refused::Gone)?;
        server.client.handle_input(input, now).map_err(|refused| match refused {
            ClientRefused::Full(_) => Refused::Full,
            ClientRefused::Malformed(_) | ClientRefused::Unexpected => Refused::Invalid,
        })
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for server in &mut self.entries {
            server.client.handle_timeout(now);
        }
    }

    /// A call's mailbox is needed no longer.
    pub(super) fn forget(&mut self, id: ServerId, token: &Token, now: Instant) {
        if let Some(server) = self.get_mut(id) {
            // Without room the server goes on passing on what nobody reads, until the connection ends.
            let _full = server.client.forget(token, now);
        }
    }

    /// Whether something is still to be told, on a connection that works.
    pub(super) fn is_busy(&self) -> bool {
        self.entries.iter().any(|server| server.client.is_online() && server.client.unanswered() > 0)
    }

    /// Takes out a server that is not our own, that no call uses and that has nothing more to be told.
    pub(super) fn remove_unused(&mut self, in_use: impl Fn(ServerId) -> bool) -> Option<ServerId> {
        let unused = |server: &Server| !server.home && server.client.unanswered() == 0 && !in_use(server.id);
        let index = self.entries.iter().position(unused)?;
        Some(self.entries.remove(index).id)
    }
}

impl Endpoint {
    pub(super) fn poll_servers(&mut self, buf: &mut [u8]) -> Polled {
        let mut wake: Option<Wake> = None;
        for index in 0..self.servers.entries.len() {
            let Some(server) = self.servers.entries.get_mut(index) else { break };
            let id = server.id;
            match server.client.poll_output(buf) {
                Output::Transmit { to, len } => {
                    // What was made for an earlier connection comes again by itself.
                    if to.connection != server.client.stats().connections {
                        return Polled::Again;
                    }
                    return Polled::Output(Output::Transmit { to: Transmit::Server { server: id }, len });
                }
                Output::Event(event) => {
                    self.on_client(id, event);
                    return Polled::Again;
                }
                Output::Wait(next) => wake = Wake::earliest(wake, next),
            }
        }
        Polled::Wait(wake)
    }

    /// Tells the owner to connect.
    pub(super) fn connect(&mut self, id: ServerId) {
        if let Some(server) = self.servers.get_mut(id) {
            let url = server.url.clone();
            self.events.push_back(Event::Connect { server: id, url });
        }
    }
}
