//! What home tells: a linked device fetches the bundle of the identity's first device, whose roster lists the devices anew.
//!
//! A linked device shows the last roster that it was given, and contacts refuse one that has expired. The owner puts what comes
//! into the secret (`Secret::refresh_roster`), keeps that, and gives the identity anew ([`Endpoint::set_identity`]).
//!
//! # Timers
//! - `home`: fetched when our server welcomes us, then after [`REFRESH`], and [`RETRY`] after a failure; never without a connection.
//!
//! # Left out
//! - A home that listens at another server than ours: its bundle is not found here.

use core::time::Duration;
use std::sync::Arc;

use p2pvoip_core::{Instant, Wake};
use p2pvoip_crypto::Identity;
use p2pvoip_signal::Slot;
use p2pvoip_signal::rendezvous::RequestId;

use super::{Endpoint, Event};

/// How often home is asked: its roster changes daily, and lives for two weeks.
const REFRESH: Duration = Duration::from_secs(86_400);
/// How soon it is asked again when it was not there, or was not believed.
const RETRY: Duration = Duration::from_secs(3_600);
/// The index of home among the devices.
const INDEX: u8 = 0;

/// Why an endpoint does not take an identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// It is somebody else's, or another device's.
    #[error("this is not the identity of this endpoint and device; start another endpoint for it")]
    Other,
    /// The endpoint was closed.
    #[error("the endpoint is closed; start a new one")]
    Closed,
}

/// How far it is with home's bundle.
pub(super) struct Home {
    /// The request for it, and the day whose bundle it is.
    request: Option<(RequestId, u64)>,
    next: Instant,
}

impl Home {
    /// That of a linked device; the first device is home itself.
    pub(super) fn of(identity: &Identity) -> Option<Self> {
        (identity.index() != INDEX).then_some(Self { request: None, next: Instant::from_micros(0) })
    }
}

impl Endpoint {
    /// The identity as its secret stands by now: with another roster, or without the prekeys of the past, which leave memory as
    /// the one that was used until now is dropped. The prekeys are published anew.
    ///
    /// # Errors
    /// [`IdentityError::Other`] when it is not of the same fingerprint, index and device.
    pub fn set_identity(&mut self, identity: Arc<Identity>, now: Instant) -> Result<(), IdentityError> {
        let known = &self.settings.identity;
        let names = |one: &Identity| (one.fingerprint(), one.index(), one.device_code());
        if names(known) != names(&identity) {
            return Err(IdentityError::Other);
        }
        self.now = now;
        self.settings.identity = identity;
        self.refresh_presence(now);
        Ok(())
    }

    /// Asks for home's bundle when it is time and our server is there.
    pub(super) fn refresh_home(&mut self, now: Instant) {
        let day = self.unix(now).day();
        if self.home_wake().is_none_or(|wake| now < wake.at) {
            return;
        }
        let (Some(home), Some(presence)) = (&mut self.home, &self.presence) else { return };
        let Some(server) = self.servers.get_mut(presence.server) else { return };
        let address = self.settings.identity.mailbox().address(day, INDEX, server.url.as_str());
        match server.client.fetch(Slot::new(address), now) {
            Ok(request) => home.request = Some((request, day)),
            Err(error) => {
                tracing::debug!(%error, "the first device of the identity is asked later");
                home.next = now + RETRY;
            }
        }
    }

    pub(super) fn home_wake(&self) -> Option<Wake> {
        let home = self.home.as_ref().filter(|home| home.request.is_none())?;
        let is_welcome = self.presence.as_ref().is_some_and(super::Presence::is_welcome);
        is_welcome.then_some(Wake { at: home.next, why: "home" })
    }

    /// The server gave what is kept at home's address; whether that was asked for here.
    pub(super) fn on_home_fetched(&mut self, id: RequestId, bytes: Option<&[u8]>) -> bool {
        let Some(day) = self.take_home_request(id) else { return false };
        let (now, unix) = (self.now, self.unix(self.now));
        let identity = &self.settings.identity;
        let Some(bytes) = bytes else {
            tracing::debug!("the first device of the identity has published nothing today");
            return true;
        };
        let opened = identity.mailbox().open_bundle(bytes, INDEX, day, &identity.fingerprint(), unix);
        match (opened, &mut self.home) {
            (Ok(prekeys), Some(home)) => {
                home.next = now + REFRESH;
                self.events.push_back(Event::Home(Box::new(prekeys)));
            }
            (Err(error), _) => {
                tracing::warn!(%error, "what the server keeps for the first device of the identity is not believed");
            }
            (Ok(_), None) => {}
        }
        true
    }

    /// The server did not say what it keeps for home; whether that was asked for here.
    pub(super) fn on_home_failed(&mut self, id: RequestId) -> bool {
        self.take_home_request(id).is_some()
    }

    /// The day of the request of that name, which is over; until more is known it has failed.
    fn take_home_request(&mut self, id: RequestId) -> Option<u64> {
        let now = self.now;
        let home = self.home.as_mut()?;
        let (_, day) = home.request.take_if(|(request, _)| *request == id)?;
        home.next = now + RETRY;
        Some(day)
    }
}
