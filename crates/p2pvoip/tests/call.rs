//! Stories of whole calls over simulated networks.

mod story;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use p2pvoip::telemetry::Grade;
use p2pvoip::{CallState, Codec, EndReason, Frame, RejectReason};
use p2pvoip_core::Seed;
use p2pvoip_sim::{Filtering, LinkConfig, Loss, Mapping, NatConfig, PortAllocation, Tap, sweep, topology};
use story::{Counting, Outcome, Story};

fn codec() -> Arc<dyn Codec> {
    Arc::new(Counting)
}

fn public(seed: u64) -> Story {
    let seed = Seed::from_u64(seed);
    Story::new(topology::both_public(&seed), &codec(), &seed).untaped()
}

fn home() -> NatConfig {
    NatConfig::new(
        Mapping::EndpointIndependent,
        Filtering::AddressAndPortDependent,
        PortAllocation::Preserving,
    )
}

#[test]
fn two_people_on_the_public_network_hear_each_other() {
    let mut story = public(1);
    let (outcome, after) = story.call(Duration::from_secs(5));
    assert_eq!(outcome, Outcome::Talked);
    assert!(after.unwrap() < Duration::from_secs(2), "{after:?}");
    for host in [story.a, story.b] {
        let person = story.person(host);
        assert!(person.encrypted);
        assert!(person.heard.spoken > 470, "{:?}", person.heard);
        assert!(person.heard.concealed < 5, "{:?}", person.heard);
        let stats = person.stats.as_ref().unwrap();
        let quality = stats.quality.unwrap();
        assert!(quality.mos > 4.0 && quality.grade() == Grade::Good, "{quality:?}");
        assert!(stats.inbound.frames_played > 200 && stats.inbound.bursts.bursts == 0, "{:?}", stats.inbound);
    }
}

#[test]
fn loss_and_delay_show_in_the_quality() {
    let quality = |delay, loss| {
        let seed = Seed::from_u64(7);
        let link =
            LinkConfig { loss: Loss::Independent(loss), ..LinkConfig::delay(Duration::from_millis(delay)) };
        let side = || topology::Side::public().with_links(link.clone(), LinkConfig::delay(Duration::ZERO));
        let mut story = Story::new(topology::two_sides(&seed, side(), side()), &codec(), &seed);
        assert_eq!(story.call(Duration::from_secs(15)).0, Outcome::Talked);
        story.person(story.a).stats.as_ref().unwrap().quality.unwrap()
    };
    let (clean, lossy, far) = (quality(20, 0.0), quality(20, 0.2), quality(250, 0.0));
    assert!(lossy.mos_listening + 0.2 < clean.mos_listening && lossy.loss > 0.005, "{clean:?} {lossy:?}");
    assert!(far.mos + 0.3 < far.mos_listening && far.mouth_to_ear > Duration::from_millis(250), "{far:?}");
}

#[test]
fn two_homes_behind_nats_that_filter_hear_each_other() {
    let seed = Seed::from_u64(5);
    let mut story = Story::new(topology::nat_to_nat(&seed, home(), home()), &codec(), &seed);
    assert_eq!(story.call(Duration::from_secs(2)).0, Outcome::Talked);
}

#[test]
fn ten_percent_of_loss_is_mostly_repaired() {
    let seed = Seed::from_u64(6);
    let lossy =
        || LinkConfig { loss: Loss::Independent(0.10), ..LinkConfig::delay(Duration::from_millis(20)) };
    let side = || topology::Side::public().with_links(lossy(), LinkConfig::delay(Duration::from_millis(20)));
    let mut story = Story::new(topology::two_sides(&seed, side(), side()), &codec(), &seed);
    assert_eq!(story.call(Duration::from_secs(30)).0, Outcome::Talked);
    for host in [story.a, story.b] {
        let person = story.person(host);
        let stats = person.stats.as_ref().unwrap();
        let lost = story::sample::percent(stats.inbound.packets_lost, stats.inbound.packets_received);
        assert!((7.0..16.0).contains(&lost), "{lost} % lost");
        let heard = person.heard;
        let concealed = story::sample::percent(heard.concealed, heard.concealed + heard.spoken);
        assert!(concealed < 4.0, "{concealed} % concealed of {lost} % lost");
    }
}

#[test]
fn hanging_up_is_heard_at_the_other_end_at_once() {
    let mut story = public(2);
    assert_eq!(story.call(Duration::from_secs(1)).0, Outcome::Talked);
    story.person_mut(story.a, story::Person::hang_up);
    story.world.run_for(Duration::from_millis(100));
    assert_eq!(story.ends(), (Some(EndReason::HungUp), Some(EndReason::PeerHungUp)));
    story.world.run_for(Duration::from_secs(3));
    assert!(story.person(story.a).finished && story.person(story.b).finished);
}

#[test]
fn a_server_that_dies_in_mid_call_is_not_missed() {
    let mut story = public(3);
    assert_eq!(story.call(Duration::from_secs(1)).0, Outcome::Talked);
    story.world.uninstall(story.server);
    for stream in story.world.streams_of(story.a).into_iter().chain(story.world.streams_of(story.b)) {
        story.world.cut(stream);
    }
    let before = story.person(story.b).heard;
    story.world.run_for(Duration::from_secs(60));
    let after = story.person(story.b).heard;
    assert_eq!(story.ends(), (None, None));
    assert!(after.spoken - before.spoken > 5_900, "{before:?} {after:?}");
    story.person_mut(story.b, story::Person::hang_up);
    story.world.run_for(Duration::from_millis(200));
    assert_eq!(story.ends(), (Some(EndReason::PeerHungUp), Some(EndReason::HungUp)));
}

#[test]
fn a_peer_that_dies_ends_the_call_with_a_reason() {
    let mut story = public(4);
    assert_eq!(story.call(Duration::from_secs(1)).0, Outcome::Talked);
    let talking = story.person(story.a).stats.as_ref().unwrap().outbound.bitrate;
    story.world.uninstall(story.b);
    story.world.run_for(Duration::from_secs(10));
    let alone = story.person(story.a).stats.as_ref().unwrap().outbound.bitrate;
    assert!(alone.as_bps() < talking.as_bps() / 2, "{talking:?} while heard, {alone:?} without feedback");
    assert_eq!(story.person(story.a).end(), None, "it may come back");
    story.world.run_for(Duration::from_secs(21));
    assert_eq!(story.person(story.a).end(), Some(EndReason::PeerVanished));
}

#[test]
fn a_callee_that_declines_is_told_from_one_that_is_busy_or_away() {
    let mut declines = public(7);
    declines.person_mut(declines.b, |person, _| person.answers = false);
    declines.dial();
    declines.world.run_for(Duration::from_secs(1));
    assert_eq!(declines.person(declines.a).state, Some(CallState::Ringing));
    declines.person_mut(declines.b, |person, now| person.reject(RejectReason::Declined, now));
    declines.world.run_for(Duration::from_secs(1));
    assert_eq!(declines.ends(), (Some(EndReason::Rejected), Some(EndReason::Declined)));

    let mut away = public(8);
    away.world.uninstall(away.b);
    for stream in away.world.streams_of(away.b) {
        away.world.cut(stream);
    }
    away.world.run_for(Duration::from_secs(120));
    away.dial();
    away.world.run_for(Duration::from_secs(2));
    assert_eq!(away.person(away.a).end(), Some(EndReason::Unreachable));
}

#[test]
fn a_callee_that_never_answers_ends_the_ringing() {
    let mut story = public(9);
    story.person_mut(story.b, |person, _| person.answers = false);
    assert_eq!(story.call(Duration::ZERO).0, Outcome::Failed("no-answer"));
    story.world.run_for(Duration::from_secs(1));
    assert_eq!(story.person(story.b).end(), Some(EndReason::Missed));
}

#[test]
fn a_server_that_is_down_ends_the_call_at_once() {
    let mut story = public(10);
    story.world.accept_streams(story.server, false);
    for stream in story.world.streams_of(story.a) {
        story.world.cut(stream);
    }
    story.world.run_for(Duration::from_secs(1));
    assert_eq!(story.call(Duration::ZERO).0, Outcome::Failed("offline"));
}

#[test]
fn a_server_that_restarts_is_told_everything_again() {
    let mut story = public(16);
    story.restart_server();
    story.world.run_for(Duration::from_secs(60));
    assert_eq!(story.call(Duration::from_secs(1)).0, Outcome::Talked);
}

#[test]
fn an_owner_that_reads_no_events_is_not_drowned_in_them() {
    let mut story = public(17);
    assert_eq!(story.call(Duration::from_secs(1)).0, Outcome::Talked);
    let mut link = story.take_apart();
    assert_eq!(link.events_of(Duration::from_secs(10)), 32);
}

#[test]
fn who_has_left_is_known_to_be_away_at_once() {
    let mut story = public(24);
    story.person_mut(story.b, story::Person::close);
    story.world.run_for(Duration::from_millis(200));
    assert_eq!(story.call_person_who_left(), Some(EndReason::Unreachable));
}

#[test]
fn nobody_learns_an_address_before_the_call_is_accepted() {
    let mut story = public(11);
    story.person_mut(story.b, |person, _| person.answers = false);
    let (a, b) = (story.a, story.b);
    let direct = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&direct);
    story.world.tap(move |datagram| {
        // Both ask the STUN server; neither sends to the other.
        *counted.borrow_mut() +=
            u64::from(datagram.to.port() != 3478 && (datagram.host == a || datagram.host == b));
        Tap::Pass
    });
    story.dial();
    story.world.run_for(Duration::from_secs(30));
    assert_eq!(story.person(a).state, Some(CallState::Ringing));
    assert_eq!(*direct.borrow(), 0);
}

#[test]
fn what_is_said_does_not_show_in_the_size_of_packets() {
    let sizes = |speaks: Frame| {
        let seed = Seed::from_u64(12);
        let opus: Arc<dyn Codec> = Arc::new(p2pvoip::Opus);
        let mut story = Story::new(topology::both_public(&seed), &opus, &seed).untaped();
        story.person_mut(story.a, |person, _| person.speaks = speaks);
        let (a, sizes) = (story.a, Rc::new(RefCell::new(Vec::new())));
        let seen = Rc::clone(&sizes);
        story.world.tap(move |datagram| {
            if datagram.host == a && datagram.bytes[0] >= 192 {
                seen.borrow_mut().push(datagram.bytes.len());
            }
            Tap::Pass
        });
        assert_eq!(story.call(Duration::from_secs(3)).0, Outcome::Talked);
        sizes.take()
    };
    let loud = Frame(std::array::from_fn(|i| if (i / 37) % 2 == 0 { 9_000 } else { -9_000 }));
    let (silence, speech) = (sizes(Frame::SILENCE), sizes(loud));
    assert_eq!(silence, speech);
    let rungs: BTreeSet<usize> =
        p2pvoip::media::LADDER.iter().map(|rung| rung.body_len() + 20 + 19).collect();
    assert!(silence.iter().all(|size| rungs.contains(size)), "every size is that of a rung");
}

#[test]
fn a_call_set_up_survives_the_loss_of_any_packet() {
    let table = sweep::kth_packet(60, |cut| {
        let mut story = public(13);
        story.world.tap(cut.tap());
        let (outcome, _) = story.call(Duration::from_millis(300));
        sweep::Told { sent: story.world.counters().sent, outcome }
    });
    assert!(table.len() > 20, "{} packets were swept", table.len());
    for (cut, told) in table {
        assert_eq!(told.outcome, Outcome::Talked, "{cut:?}");
    }
}

#[test]
fn a_call_set_up_cut_off_at_any_packet_ends_with_a_reason() {
    let table = sweep::kth_and_all_later(40, |cut| {
        let mut story = public(14);
        story.world.tap(cut.tap());
        let (outcome, _) = story.call(Duration::from_secs(35));
        sweep::Told { sent: story.world.counters().sent, outcome }
    });
    for (cut, told) in table {
        let whole = cut == sweep::Cut::Nothing;
        let fine = match told.outcome {
            Outcome::Talked => whole,
            Outcome::Failed(reason) | Outcome::Broke(reason) => {
                ["no-path", "peer-vanished"].contains(&reason)
            }
            Outcome::Stuck => false,
        };
        assert!(fine, "{cut:?} ended as {:?}", told.outcome);
    }
}

#[test]
fn a_call_set_up_survives_when_the_connections_to_the_server_break_at_any_moment() {
    for k in 0..40 {
        let mut story = public(15);
        story.dial();
        story.world.run_for(Duration::from_millis(k * 25));
        for stream in story.world.streams_of(story.a).into_iter().chain(story.world.streams_of(story.b)) {
            story.world.cut(stream);
        }
        let settled = story.settle();
        let state = story.person(story.a).state;
        // Whoever is told to reconnect does, and says again what was not heard.
        let fine = state == Some(CallState::Connected);
        assert!(settled.is_some() && fine, "cut after {} ms: {state:?}", k * 25);
    }
}

#[test]
fn when_both_call_at_once_one_of_the_two_calls_goes_on() {
    let mut story = public(18);
    story.dial_both();
    story.world.run_for(Duration::from_secs(5));
    let superseded = [story.a, story.b]
        .into_iter()
        .filter(|host| story.person(*host).all_ends.contains(&EndReason::Superseded))
        .count();
    assert_eq!(superseded, 1);
    for host in [story.a, story.b] {
        assert_eq!(story.person(host).state, Some(CallState::Connected));
    }
}

#[test]
fn a_call_that_is_given_up_during_the_lookup_rings_nowhere() {
    let mut story = public(19);
    story.dial();
    story.person_mut(story.a, story::Person::hang_up);
    story.world.run_for(Duration::from_secs(30));
    assert_eq!(story.person(story.a).all_ends, [EndReason::Cancelled]);
    assert_eq!(story.person(story.b).state, None);
}

#[test]
fn a_machine_that_slept_for_an_hour_can_be_called() {
    let mut story = public(20);
    let later = story::DATE + Duration::from_secs(3_600);
    for host in [story.a, story.b] {
        story.person_mut(host, |person, now| person.set_date(later, now));
    }
    assert_eq!(story.call(Duration::from_secs(1)).0, Outcome::Talked);
    let mut only_one = public(21);
    only_one.person_mut(only_one.a, |person, now| person.set_date(later, now));
    assert_eq!(only_one.call(Duration::ZERO).0, Outcome::Failed("no-answer"), "clocks an hour apart");
}

#[test]
fn a_caller_that_asks_all_addresses_learns_nothing_while_it_rings() {
    let mut story = public(22);
    story.person_mut(story.b, |person, _| person.answers = false);
    story.dial();
    story.world.run_for(Duration::from_secs(1));
    let request = {
        let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        bytes.extend([7; 12]);
        bytes
    };
    let own = story.person(story.b).base().unwrap();
    let stranger = "203.0.113.9:9".parse().unwrap();
    let result = story.person_mut(story.b, |person, now| person.offer(own, stranger, &request, now));
    assert!(result.is_err());
    assert_eq!(story.person(story.b).state, Some(CallState::Ringing));
}

#[test]
fn a_further_caller_hears_that_all_lines_are_busy() {
    // The endpoints of these stories allow two calls.
    let mut story = public(23);
    assert_eq!(story.call(Duration::from_secs(1)).0, Outcome::Talked);
    let card = story.card.clone();
    assert!(story.person_mut(story.a, |person, now| person.try_dial(&card, now)).is_ok());
    let refused = story.person_mut(story.a, |person, now| person.try_dial(&card, now));
    assert_eq!(refused, Err(p2pvoip::DialError::TooManyCalls));
}
