//! The command `call`: calls the owner of a contact card.

use std::time::Duration;

use p2pvoip::{CallState, DialError, EndReason};

use crate::args;
use crate::contacts;
use crate::conversation::{self, Voices};
use crate::dht;
use crate::endpoint;
use crate::events::Printer;
use crate::exit::Failure;
use crate::identity_file;
use crate::interrupt::Interrupt;
use crate::people::People;
use crate::upkeep;
use crate::view::{Model, View};

/// Calls, and follows the call to its end.
pub(crate) async fn run(common: &args::Common, call: &args::Call) -> Result<(), Failure> {
    let own = identity_file::own(&call.who)?;
    let contact = contacts::resolve(&call.contact, own.store.as_ref())?;
    upkeep::warn_of_expiry(own.store.as_ref());
    let people = People::of(own.store)?;
    let tail = call.sound.input.is_some().then(|| Duration::from_secs_f64(call.tail));
    let voices = Voices::open(&call.sound, common.json, 1, tail)?;
    voices.warn();
    let mut interrupt = Interrupt::watch(common.with_parent)?;
    let mut view = View::new(common, &interrupt);
    let printer = Printer::new(common.json, call.network.show_addresses).with_view(view.handle());
    let mut printer = printer.with_people(people.clone());
    let endpoint = endpoint::start(own.identity, people.book(), None, &call.network).await?;
    let dialed = endpoint.dial(&contact).await.map_err(|error| {
        let fault_of_card = matches!(error, DialError::Server(_) | DialError::TooOld);
        let make = if fault_of_card { Failure::Card } else { Failure::Internal };
        make(error.to_string())
    });
    let held = match dialed {
        Ok(dialed) => {
            let name = printer.name(contact.fingerprint());
            view.open(Model::new(*contact.fingerprint(), true, CallState::Dialing).named(name));
            conversation::hold(dialed, voices, &mut printer, &mut interrupt, &mut view, None).await
        }
        Err(failure) => Err(failure),
    };
    endpoint::close(endpoint).await;
    let reason = held?;
    if reason == EndReason::Offline {
        return Err(if dht::is_wanted(&call.network.dht_peers) {
            endpoint::unreachable_contact(contact.server())
        } else {
            endpoint::unreachable_server(contact.server())
        });
    }
    Failure::of_end(reason)
}
