//! Both sides of one call, state by state; each transition consumes a state, and gives the next and what to send.

use std::time::Duration;

use p2pvoip_core::Instant;
use p2pvoip_signal::call::{Call, Offered, Rung, Step};
use p2pvoip_signal::{CallId, EndReason, Message};

/// A message in the form in which it is sealed and sent.
fn over_the_wire(message: &Message) -> Result<Message, Box<dyn std::error::Error>> {
    let bytes = message.emit()?;
    println!("  a message of {} bytes: {message:?}", bytes.len());
    Ok(Message::parse(&bytes)?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = Instant::from_millis(1_000);
    let id = CallId::new([7; 16]);
    let caller = Call::Offered(Offered::new(id, now));
    let callee = Call::Rung(Rung::new(id, now));
    println!("{} and {}", caller.state(), callee.state());

    // The callee's program answers at once, while it rings there; then its owner takes the call.
    let caller = caller.on_answer(now).call;
    let Step { call: callee, send, .. } = callee.accept(now + Duration::from_secs(4));
    println!("{} and {}", caller.state(), callee.state());
    let accept = over_the_wire(&send.ok_or("who accepts says so")?)?;
    let caller = caller.on_message(&accept, now + Duration::from_secs(4)).call;

    // Path finding tells both that there is a path: they talk.
    let connected = now + Duration::from_secs(5);
    let (caller, callee) = (caller.on_path(connected).call, callee.on_path(connected).call);
    println!("{} and {}", caller.state(), callee.state());
    assert_eq!(caller.wake(), None, "a call may last as long as it likes");

    let Step { call: caller, send, .. } = caller.hang_up();
    let goodbye = over_the_wire(&send.ok_or("who hangs up says so")?)?;
    let callee = callee.on_message(&goodbye, connected + Duration::from_secs(60)).call;
    assert_eq!(caller.end_reason(), Some(EndReason::HungUp));
    assert_eq!(callee.end_reason(), Some(EndReason::PeerHungUp));
    Ok(())
}
