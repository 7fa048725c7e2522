//! The own identity while the program listens for long: it forgets the prekeys of the past, sees what another program changed in
//! its file, and as a linked device takes the list of devices that the first one publishes.
//!
//! # Timers
//! - the file is read anew each [`EVERY`]; the first device's list comes when the endpoint has it, about daily.

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::crypto::{LinkError, Prekeys};
use p2pvoip::store::{Opened, StoreError, StoreFault};
use p2pvoip::{Endpoint, Identity};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::clock;
use crate::events::{self, Printer};
use crate::people::People;
use crate::view::Held;

/// How often the file is read: prekeys change weekly, but devices are linked and revoked at any time.
const EVERY: Duration = Duration::from_secs(3_600);

/// Keeps the identity of a program that listens up to date.
pub(crate) struct Upkeep {
    people: People,
    printer: Printer,
    /// What the first device publishes.
    home: watch::Receiver<Option<Arc<Prekeys>>>,
    at: Instant,
}

impl Upkeep {
    /// For this endpoint, whose identity is in the store of these people.
    pub(crate) fn new(endpoint: &Endpoint, people: People, printer: Printer) -> Self {
        Self { people, printer, home: endpoint.watch_home(), at: clock::now() + EVERY }
    }

    /// Waits until the identity is not as it was before: then the endpoint is to be given it. May be dropped at any time.
    pub(crate) async fn changed(&mut self) -> Arc<Identity> {
        loop {
            let done = tokio::select! {
                Ok(()) = self.home.changed() => self.take_list(),
                () = sleep_until(self.at) => {
                    self.at = clock::now() + EVERY;
                    self.people.with_store(|store| store.reload(clock::unix()))
                }
            };
            match done {
                Some(Ok(true)) => {
                    if let Some(identity) = self.people.with_store(|store| store.identity()) {
                        return Arc::new(identity);
                    }
                }
                Some(Err(error)) => self.tell(&error),
                Some(Ok(false)) | None => {}
            }
        }
    }

    fn take_list(&mut self) -> Option<Result<bool, StoreError>> {
        let home = self.home.borrow_and_update().clone()?;
        self.people.with_store(|store| store.update_secret(|secret| secret.refresh_roster(&home)))
    }

    /// Tells what stops nothing; whoever uses a device that was struck off must know, in either form.
    fn tell(&self, error: &StoreError) {
        let is_revoked = matches!(error.fault(), StoreFault::Device(LinkError::Revoked));
        let message =
            if is_revoked { REVOKED.to_owned() } else { format!("the identity is as before: {error}") };
        if is_revoked && self.printer.is_json() {
            self.printer.tell("device-revoked", json!({ "message": message }), String::new);
        } else {
            self.printer.view().note(|model| model.on_notice(&message));
            self.printer.view().print(Held::Warning(message));
        }
    }
}

/// What the owner of a device that was struck off can do.
const REVOKED: &str = "the first device of this identity has revoked this one: contacts refuse it; link it anew by `p2pvoip id join --identity FILE`, with a new FILE, and `p2pvoip id link` on the first device";

/// Warns when the list of devices that a linked device shows has expired, so that contacts refuse it.
pub(crate) fn warn_of_expiry(store: Option<&Opened>) {
    let roster = store.and_then(|store| store.secret().roster());
    if roster.is_some_and(|roster| roster.expires <= clock::unix()) {
        events::warning(
            "this device was away for two weeks, and contacts refuse it until it hears of the first device of the identity: \
             run `p2pvoip listen` on both, at the same server",
        );
    }
}
