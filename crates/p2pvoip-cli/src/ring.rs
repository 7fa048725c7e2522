//! A call that rings until a key answers it (`listen --ask`).

use p2pvoip::signal::RejectReason;
use p2pvoip::{EndReason, Endpoint, IncomingCall};
use tokio::time::{Instant, sleep_until};

use crate::events;
use crate::interrupt::Interrupt;
use crate::view::{Action, View};

/// What became of the ringing.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Take it.
    Take,
    /// Do not, and go on.
    Decline,
    /// Do not, and end.
    Interrupted,
    /// It rings no more.
    Gone(EndReason),
}

/// Rings until a key is pressed, the caller gives up, or the time is over; who calls meanwhile hears that we are busy.
pub(crate) async fn wait(
    incoming: &mut IncomingCall,
    endpoint: &mut Endpoint,
    view: &mut View,
    interrupt: &mut Interrupt,
    until: Instant,
) -> Answer {
    events::bell();
    loop {
        tokio::select! {
            action = view.next() => match action {
                Action::Answer => return Answer::Take,
                Action::Decline | Action::HangUp => return Answer::Decline,
                Action::Mute | Action::Compared(_) => {}
            },
            reason = incoming.gone() => return Answer::Gone(reason),
            () = interrupt.asked() => return Answer::Interrupted,
            () = sleep_until(until) => return Answer::Decline,
            Some(other) = endpoint.incoming() => other.reject(RejectReason::Busy).await,
        }
    }
}
