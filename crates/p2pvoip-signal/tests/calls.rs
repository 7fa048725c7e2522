//! Stories of one call, state by state.

use p2pvoip_core::Instant;
use p2pvoip_signal::call::{
    ANSWER_WAIT, CONNECT_TIME, Call, Glare, Offered, RING_GRACE, RING_TIME, Rung, Step, glare,
};
use p2pvoip_signal::{CallId, EndReason, HangUpReason, Message, RejectReason};
use proptest::prelude::*;

const ID: CallId = CallId::new([7; 16]);
const START: Instant = Instant::from_millis(1_000);

fn offered() -> Call {
    Call::Offered(Offered::new(ID, START))
}

fn rung() -> Call {
    Call::Rung(Rung::new(ID, START))
}

fn ringing() -> Call {
    offered().on_answer(START).call
}

fn connecting_caller() -> Call {
    ringing().on_message(&Message::Accept, START).call
}

fn connecting_callee() -> Call {
    rung().accept(START).call
}

fn connected() -> Call {
    connecting_caller().on_path(START).call
}

#[track_caller]
fn ends(step: Step, reason: EndReason, send: Option<Message>) {
    assert_eq!((step.call, step.send, step.fitted), (Call::Ended(reason), send, true));
}

const fn hang_up(reason: HangUpReason) -> Message {
    Message::HangUp { reason }
}

#[test]
fn a_call_goes_from_offer_to_talk_and_ends() {
    assert_eq!(offered().state(), "offered");
    assert_eq!(ringing().state(), "ringing");
    assert_eq!(connecting_caller().state(), "connecting");
    let step = rung().accept(START);
    assert_eq!((step.call.state(), step.send), ("connecting", Some(Message::Accept)));
    assert_eq!(connected().state(), "connected");
    assert_eq!(connected().wake(), None);
    ends(connected().hang_up(), EndReason::HungUp, Some(hang_up(HangUpReason::Normal)));
    let message = Message::HangUp { reason: HangUpReason::Normal };
    ends(connected().on_message(&message, START), EndReason::PeerHungUp, None);
}

#[test]
fn each_wait_ends_at_its_moment_and_not_before() {
    let cases = [
        (offered(), ANSWER_WAIT, EndReason::NoAnswer, None),
        (ringing(), RING_TIME + RING_GRACE, EndReason::NoAnswer, Some(Message::Cancel)),
        (rung(), RING_TIME, EndReason::Missed, Some(Message::Reject { reason: RejectReason::NoAnswer })),
        (connecting_caller(), CONNECT_TIME, EndReason::NoPath, Some(hang_up(HangUpReason::NoPath))),
        (offered().hang_up().call, ANSWER_WAIT, EndReason::Cancelled, None),
    ];
    for (call, wait, reason, send) in cases {
        let at = call.wake().unwrap().at;
        assert_eq!(at, START + wait, "{call:?}");
        let early = call.clone().on_timeout(Instant::from_micros(at.as_micros() - 1));
        assert_eq!((early.call, early.send), (call.clone(), None));
        ends(call.on_timeout(at), reason, send);
    }
}

#[test]
fn who_leaves_before_the_answer_cancels_when_it_comes() {
    let leaving = offered().hang_up();
    assert_eq!((leaving.send, leaving.call.end_reason()), (None, Some(EndReason::Cancelled)));
    ends(leaving.call.clone().on_answer(START), EndReason::Cancelled, Some(Message::Cancel));
    ends(leaving.call.on_absent(), EndReason::Cancelled, None);
}

#[test]
fn every_rejection_has_its_end() {
    for (reason, end) in [
        (RejectReason::Busy, EndReason::Busy),
        (RejectReason::Declined, EndReason::Rejected),
        (RejectReason::Unsupported, EndReason::Unsupported),
        (RejectReason::NoAnswer, EndReason::NoAnswer),
        (RejectReason::Other, EndReason::Rejected),
    ] {
        ends(ringing().on_message(&Message::Reject { reason }, START), end, None);
        assert_eq!(rung().reject(reason).send, Some(Message::Reject { reason }));
    }
    ends(offered().on_absent(), EndReason::Unreachable, None);
    ends(rung().hang_up(), EndReason::Declined, Some(Message::Reject { reason: RejectReason::Declined }));
}

#[test]
fn a_cancel_that_crosses_the_acceptance_ends_the_call() {
    ends(connecting_callee().on_message(&Message::Cancel, START), EndReason::PeerCancelled, None);
    ends(rung().on_message(&Message::Cancel, START), EndReason::PeerCancelled, None);
    assert!(!connecting_caller().on_message(&Message::Cancel, START).fitted);
}

#[test]
fn what_comes_twice_or_late_changes_nothing() {
    let candidates = Message::Candidates { list: vec![vec![1]], last: true };
    for call in [ringing(), rung(), connecting_caller(), connected()] {
        let step = call.clone().on_message(&candidates, START);
        assert_eq!((step.call, step.fitted), (call, true), "candidates have a place in each state");
    }
    for (call, message) in [
        (connecting_caller(), Message::Accept),
        (connected(), Message::Accept),
        (connected(), Message::Ringing),
        (rung(), Message::Accept),
        (offered(), Message::Accept),
        (Call::Ended(EndReason::HungUp), Message::Cancel),
    ] {
        let step = call.clone().on_message(&message, START);
        assert_eq!((step.call, step.send, step.fitted), (call, None, false));
    }
    let again = ringing().on_answer(START + RING_TIME);
    assert_eq!((again.call, again.fitted), (ringing(), false));
}

#[test]
fn what_is_said_of_identities_has_a_place_once_there_are_keys_and_changes_nothing() {
    let (introduction, attestation) =
        (Message::Introduction { bytes: vec![1] }, Message::Attestation { bytes: vec![2] });
    for message in [&introduction, &attestation] {
        for call in [ringing(), rung(), connecting_caller(), connecting_callee(), connected()] {
            let step = call.clone().on_message(message, START);
            assert_eq!((step.call, step.send, step.fitted), (call, None, true));
        }
        let step = offered().on_message(message, START);
        assert_eq!((step.call, step.fitted), (offered(), false));
    }
}

#[test]
fn the_caller_alone_reveals() {
    let reveal = Message::Reveal { nonce: [1; 16] };
    let talking_callee = connecting_callee().on_path(START).call;
    for (call, fits) in [
        (rung(), true),
        (connecting_callee(), true),
        (talking_callee, true),
        (offered(), false),
        (ringing(), false),
        (connecting_caller(), false),
        (connected(), false),
    ] {
        let step = call.clone().on_message(&reveal, START);
        assert_eq!((step.call, step.send, step.fitted), (call, None, fits));
    }
}

#[test]
fn both_sides_of_a_glare_keep_the_lower_call() {
    let (low, high) = (CallId::new([1; 16]), CallId::new([2; 16]));
    assert_eq!((glare(&low, &high), glare(&high, &low)), (Glare::KeepOurs, Glare::TakeTheirs));
    assert_eq!(glare(&low, &low), Glare::Reflected);
}

proptest! {
    /// Whatever happens in whatever order, a call ends once, stays ended, and never waits for a moment that is over.
    #[test]
    fn any_order_of_happenings_is_tolerated(caller in any::<bool>(), steps in prop::collection::vec(0..17u8, 0..40)) {
        let mut call = if caller { offered() } else { rung() };
        let mut now = START;
        for step in steps {
            let ended = matches!(call, Call::Ended(_)).then(|| call.clone());
            let taken = match step {
                0 => call.on_answer(now),
                1 => call.on_absent(),
                2 => call.accept(now),
                3 => call.reject(RejectReason::Declined),
                4 => call.on_path(now),
                5 => call.hang_up(),
                6 => call.fail(EndReason::Failed),
                7 => call.on_message(&Message::Ringing, now),
                8 => call.on_message(&Message::Accept, now),
                9 => call.on_message(&Message::Candidates { list: vec![], last: true }, now),
                10 => call.on_message(&Message::Reject { reason: RejectReason::Other }, now),
                11 => call.on_message(&Message::HangUp { reason: HangUpReason::Other }, now),
                12 => call.on_message(&Message::Cancel, now),
                13 => call.on_message(&Message::Reveal { nonce: [0; 16] }, now),
                14 => call.on_message(&Message::Introduction { bytes: vec![] }, now),
                15 => call.on_message(&Message::Attestation { bytes: vec![] }, now),
                _ => {
                    now += RING_TIME / 3;
                    call.on_timeout(now)
                }
            };
            if let Some(ended) = ended {
                prop_assert_eq!(&taken.call, &ended);
                prop_assert_eq!(&taken.send, &None);
            }
            call = taken.call.on_timeout(now).call;
            prop_assert!(call.wake().is_none_or(|wake| wake.at > now));
        }
    }
}
