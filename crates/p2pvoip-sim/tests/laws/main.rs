//! The harness accepts a lawful machine and catches one that breaks each law.

#[expect(clippy::wildcard_enum_match_arm, reason = "each flaw changes one place and leaves the others")]
mod toy;

use std::time::Duration;

use p2pvoip_sim::laws::{Laws, Seen, Verdict};
use toy::{Error, Event, Flaw, Ping};

/// The script that every toy plays: two pings, one answered, one given up; a refusal and a hostile input between.
fn story(flaw: Flaw) -> Laws<Ping> {
    let ping =
        |id: u8| move |ping: &mut Ping, now| Verdict::of(&ping.ping(id, now), |error| *error == Error::Full);
    Laws::new(move |now| Ping::new(flaw, now))
        .full_when(|error| *error == Error::Full)
        .command("ping 1", ping(1))
        .command("ping 2", ping(2))
        .command("ping 3", ping(3))
        .wait(Duration::from_millis(700))
        .refused_command("ping 1 again", ping(1))
        .reply(
            "the pong of the last one sent",
            |seen| {
                seen.iter().rev().find_map(|seen| match seen {
                    Seen::Transmit { bytes, .. } => Some(vec![bytes[0]]),
                    Seen::Event(_) => None,
                })
            },
            |bytes| bytes.as_slice(),
        )
        .refused_input("a pong that nobody waits for", vec![77], |bytes| bytes.as_slice())
        .until_wake()
        .input("the pong of 2", vec![2], |bytes| bytes.as_slice())
        .wait(Duration::from_secs(20))
        .hostile_input("noise", b"noise".to_vec(), |bytes| bytes.as_slice())
}

#[test]
fn a_lawful_machine_passes_and_its_outputs_are_told() {
    let outputs = story(Flaw::None).check();
    let events: Vec<_> = outputs.iter().filter(|(_, seen)| matches!(seen, Seen::Event(_))).collect();
    assert_eq!(events.len(), 3, "{outputs:?}");
    assert!(matches!(events[0].1, Seen::Event(Event::Pong(3))));
    assert!(matches!(events[2].1, Seen::Event(Event::Lost(1))));
}

#[test]
#[should_panic(expected = "Law 1 (poll until Wait)")]
fn an_output_after_wait_is_caught() {
    story(Flaw::SpeaksAfterWait).check();
}

#[test]
#[should_panic(expected = "Law 1 (poll until Wait): the outputs after")]
fn outputs_without_end_are_caught() {
    story(Flaw::NeverWaits).check();
}

#[test]
#[should_panic(expected = "Law 1 (nothing comes before its moment)")]
fn a_timer_that_fires_early_is_caught() {
    story(Flaw::FiresEarly).check();
}

#[test]
#[should_panic(expected = "Law 2 (no spinning)")]
fn a_timer_that_is_left_due_is_caught() {
    story(Flaw::Spins).check();
}

#[test]
#[should_panic(expected = "Law 2 (no spinning)")]
fn a_timer_that_spins_only_after_oversleeping_is_caught() {
    story(Flaw::SpinsWhenOverslept).check();
}

#[test]
#[should_panic(expected = "Law 3 (a refused input leaves the machine as it was), step 5 (ping 1 again)")]
fn a_refused_command_that_moves_a_timer_is_caught() {
    story(Flaw::RefusalMovesTimer).check();
}

#[test]
#[should_panic(expected = "hostile input `noise`")]
fn a_hostile_input_that_shows_only_later_is_caught() {
    story(Flaw::NoiseShortensPatience).check();
}

#[test]
#[should_panic(expected = "Law 4 (the same seed and calls give the same outputs)")]
fn chance_from_outside_is_caught() {
    story(Flaw::HiddenDice).check();
}

#[test]
#[should_panic(expected = "Law 4 (the same seed and calls give the same outputs)")]
fn bytes_that_are_claimed_but_not_written_are_caught() {
    story(Flaw::ClaimsTooMuch).check();
}

#[test]
#[should_panic(expected = "Law 5 (late draining loses nothing and keeps the order)")]
fn an_output_that_the_next_call_overwrites_is_caught() {
    story(Flaw::KeepsOnlyLatest).check();
}

#[test]
#[should_panic(expected = "Law 5 (late draining loses nothing and keeps the order)")]
fn an_output_that_overtakes_is_caught() {
    story(Flaw::LastInFirstOut).check();
}

#[test]
#[should_panic(expected = "Law 5 (late draining loses nothing and keeps the order)")]
fn a_full_outbox_that_half_accepts_is_caught() {
    story(Flaw::ChangesBeforeFull).check();
}

#[test]
#[should_panic(expected = "step 1 (ping 1) was told Full right after draining")]
fn an_outbox_too_small_for_one_call_is_caught() {
    story(Flaw::NoRoom).check();
}

#[test]
fn events_may_overtake_transmits_in_lanes_of_their_own() {
    let lanes = |seen: &Seen<(), Event>| usize::from(matches!(seen, Seen::Event(_)));
    let flaw = Flaw::EventsFirst;
    story(flaw).lanes(lanes).check();
    let strict = std::panic::catch_unwind(|| story(flaw).check());
    assert!(strict.is_err(), "without lanes the order of all outputs counts");
}

#[test]
fn timers_that_wait_for_room_pass_when_told() {
    story(Flaw::TightOutbox).timers_follow_draining().check();
    let strict = std::panic::catch_unwind(|| story(Flaw::TightOutbox).check());
    assert!(strict.is_err(), "a deferred timer moves the next one");
}
