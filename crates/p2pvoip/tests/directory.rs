//! Stories of a callee who is not where its card says, and is found through a directory.

mod story;

use std::sync::Arc;
use std::time::Duration;

use p2pvoip::dht::MemoryDirectory;
use p2pvoip::{CallState, Codec, EndReason, Lookup};
use p2pvoip_core::{Seed, UnixTime};
use p2pvoip_sim::sweep;
use story::{Counting, Moved};

fn codec() -> Arc<dyn Codec> {
    Arc::new(Counting)
}

fn moved(seed: u64) -> Moved {
    Moved::new(&codec(), &Seed::from_u64(seed), [true, true])
}

#[test]
fn a_callee_whose_old_server_is_gone_is_found() {
    let mut story = moved(1);
    story.end_old_server();
    let after = story.call().unwrap();
    assert!(after < Duration::from_secs(3), "{after:?}");
    assert_eq!(story.person(story.a).lookups, [Lookup::Started, Lookup::Found]);
    assert!(story.person(story.b).is_findable);
}

#[test]
fn a_callee_whom_the_old_server_does_not_know_is_found() {
    let mut story = moved(2);
    story.call().unwrap();
    assert_eq!(story.person(story.a).lookups, [Lookup::Started, Lookup::Found]);
}

#[test]
fn a_callee_who_left_its_record_at_the_old_server_is_found_with_the_offer_that_was_made() {
    let (codec, seed) = (codec(), Seed::from_u64(3));
    let mut story = Moved::new(&codec, &seed, [true, true]);
    story.leaves_a_record_behind(&codec, &seed);
    story.call().unwrap();
    assert_eq!(story.person(story.a).lookups, [Lookup::Started, Lookup::Found]);
}

#[test]
fn a_server_that_stands_still_is_waited_for_three_seconds() {
    let mut story = moved(4);
    story.dial();
    // The stream opens, and then nothing comes any more.
    story.world.run_for(Duration::from_millis(1));
    for stream in story.world.streams_of(story.a) {
        story.world.stall(stream, true);
    }
    story.world.run_for(Duration::from_millis(2_900));
    assert_eq!(story.person(story.a).lookups, []);
    story.settle().unwrap();
    assert_eq!(story.person(story.a).lookups, [Lookup::Started, Lookup::Found]);
}

#[test]
fn without_a_directory_all_is_as_before() {
    for uses in [[false, true], [false, false]] {
        let mut story = Moved::new(&codec(), &Seed::from_u64(5), uses);
        story.end_old_server();
        assert_eq!(story.call(), Err(EndReason::Offline));
        assert_eq!(story.person(story.a).lookups, []);
    }
}

#[test]
fn who_published_nothing_is_not_found_and_the_end_says_what_failed() {
    let mut gone = Moved::new(&codec(), &Seed::from_u64(6), [true, false]);
    gone.end_old_server();
    assert_eq!(gone.call(), Err(EndReason::Offline));
    assert_eq!(gone.person(gone.a).lookups, [Lookup::Started, Lookup::NotFound]);
    let mut unknown = Moved::new(&codec(), &Seed::from_u64(7), [true, false]);
    assert_eq!(unknown.call(), Err(EndReason::Unreachable));
}

#[test]
fn a_directory_that_does_not_answer_is_given_up() {
    let mut story = moved(8);
    story.end_old_server();
    story.person_mut(story.a, |person, _| person.directory = None);
    assert_eq!(story.call(), Err(EndReason::Offline));
    assert_eq!(story.person(story.a).lookups, [Lookup::Started, Lookup::NoAnswer]);
}

#[test]
fn a_call_that_is_given_up_during_the_search_rings_nowhere() {
    let mut story = moved(9);
    story.end_old_server();
    story.dial();
    story.world.run_for(Duration::from_millis(200));
    assert_eq!(story.person(story.a).lookups, [Lookup::Started]);
    story.person_mut(story.a, story::Person::hang_up);
    story.world.run_for(Duration::from_secs(30));
    assert_eq!(story.person(story.a).all_ends, [EndReason::Cancelled]);
    assert_eq!(story.person(story.b).state, None);
}

#[test]
fn a_record_is_published_anew_within_the_hour_and_one_a_day() {
    let mut story = moved(10);
    assert_eq!(story.directory.borrow().len(), 1);
    // The date of the stories is eight in the morning: it is the same day's record.
    story.world.run_for(Duration::from_secs(3_700));
    assert_eq!(story.directory.borrow().len(), 1);
    story.end_old_server();
    story.call().unwrap();
}

#[test]
fn a_search_survives_the_loss_of_any_packet_and_of_any_connection() {
    let table = sweep::kth_packet(40, |cut| {
        let mut story = moved(11);
        story.end_old_server();
        story.world.tap(cut.tap());
        let outcome = story.call().err();
        sweep::Told { sent: story.world.counters().sent, outcome }
    });
    for (cut, told) in table {
        assert_eq!(told.outcome, None, "{cut:?}");
    }
    for k in 0..40 {
        let mut story = moved(12);
        story.end_old_server();
        story.dial();
        story.world.run_for(Duration::from_millis(k * 30));
        // The caller's first connection to a server has no second try.
        for stream in story.world.streams_of(story.b) {
            story.world.cut(stream);
        }
        assert_eq!(story.settle(), Ok(()), "cut after {} ms", k * 30);
    }
}

#[test]
fn the_same_seed_is_the_same_search() {
    let told = || {
        let mut story = moved(13);
        story.end_old_server();
        (story.call(), story.world.counters().messages_sent, story.world.counters().sent)
    };
    assert_eq!(told(), told());
}

/// A time of the day on which the stories begin.
fn at(hour: u64, minute: u64) -> UnixTime {
    UnixTime::from_secs(story::DATE.day() * 86_400 + hour * 3_600 + minute * 60)
}

#[test]
fn before_midnight_the_next_days_record_is_there_already() {
    let mut story = moved(14);
    story.person_mut(story.b, |person, now| person.set_date(at(22, 30), now));
    story.world.run_for(Duration::from_secs(3_600));
    assert_eq!(story.directory.borrow().len(), 2);
    // The caller's clock is past midnight, the callee's not yet.
    story.end_old_server();
    story.person_mut(story.b, |person, now| person.set_date(at(23, 58), now));
    story.person_mut(story.a, |person, now| person.set_date(at(24, 2), now));
    story.call().unwrap();
}

#[test]
fn a_caller_whose_clock_is_late_tries_the_day_beyond_midnight() {
    let mut story = moved(15);
    *story.directory.borrow_mut() = MemoryDirectory::new();
    story.person_mut(story.b, |person, now| person.set_date(at(23, 30), now));
    story.world.run_for(Duration::from_secs(3_600));
    assert_eq!(story.directory.borrow().len(), 1, "it was published after midnight");
    story.end_old_server();
    story.person_mut(story.b, |person, now| person.set_date(at(24, 2), now));
    story.person_mut(story.a, |person, now| person.set_date(at(23, 58), now));
    story.call().unwrap();
    assert_eq!(story.person(story.a).lookups, [Lookup::Started, Lookup::Found]);
}

#[test]
fn a_slow_server_of_the_card_is_tried_again_when_what_the_record_told_is_stale() {
    let (codec, seed) = (codec(), Seed::from_u64(16));
    let mut story = Moved::new(&codec, &seed, [true, true]);
    let device = story.is_at_the_old_server(&codec, &seed);
    story.world.uninstall(story.new);
    story.dial();
    story.world.run_for(Duration::from_millis(1));
    for stream in story.world.streams_of(story.a) {
        story.world.stall(stream, true);
    }
    story.world.run_for(Duration::from_secs(20));
    assert_eq!(story.person(story.a).lookups, [Lookup::Started, Lookup::Found]);
    assert_eq!(story.person(story.a).all_ends, []);
    for person in [story.a, device] {
        assert_eq!(story.person(person).state, Some(CallState::Connected));
    }
}

#[test]
fn who_is_hidden_by_a_record_of_a_later_clock_is_not_findable_until_its_own_is_newer() {
    let mut story = moved(17);
    assert!(story.person(story.b).is_findable);
    let earlier = UnixTime::from_secs(story::DATE.as_secs() - 2 * 3_600);
    story.person_mut(story.b, |person, now| person.set_date(earlier, now));
    story.world.run_for(Duration::from_secs(3_700));
    assert!(!story.person(story.b).is_findable);
    story.world.run_for(Duration::from_secs(3_700));
    assert!(story.person(story.b).is_findable);
}

#[test]
fn who_is_offline_is_findable_until_its_record_is_not_asked_for_any_more() {
    let mut story = moved(18);
    story.world.uninstall(story.new);
    story.person_mut(story.b, |person, now| person.set_date(at(23, 55), now));
    story.world.run_for(Duration::from_secs(14 * 60));
    assert!(story.person(story.b).is_findable);
    story.world.run_for(Duration::from_secs(2 * 60));
    assert!(!story.person(story.b).is_findable);
}
