//! Queues, timers and moments keep their limits and their order.

use core::time::Duration;
use p2pvoip_core::{Full, Instant, Outbox, Timers, UnixTime};

#[test]
fn refuses_beyond_its_limit_and_keeps_order_around_the_end() {
    let mut outbox = Outbox::<u8, 3>::new();
    for round in 0..10 {
        for i in 0..3 {
            outbox.push(round * 3 + i).unwrap();
        }
        assert_eq!(outbox.push(255), Err(Full));
        assert_eq!(outbox.require(1), Err(Full));
        assert_eq!(outbox.peek(), Some(&(round * 3)));
        for i in 0..3 {
            assert_eq!(outbox.pop(), Some(round * 3 + i));
        }
        assert_eq!(outbox.pop(), None);
        outbox.push(0).unwrap();
        outbox.pop();
    }
}

const fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

#[test]
fn fires_in_order_of_time_and_only_when_due() {
    let mut timers = Timers::<char, 3>::new();
    timers.set('b', at(20));
    timers.set('a', at(10));
    timers.set('c', at(30));
    timers.set('a', at(25));
    timers.cancel('c');
    assert_eq!(timers.next(), Some(('b', at(20))));
    assert_eq!(timers.pop_due(at(19)), None);
    assert_eq!(timers.pop_due(at(25)), Some('b'));
    assert_eq!(timers.pop_due(at(25)), Some('a'));
    assert_eq!(timers.wake(|_| "none"), None);
}

#[test]
#[should_panic(expected = "more kinds of timer")]
fn a_table_too_small_is_a_bug() {
    let mut timers = Timers::<u8, 2>::new();
    for key in 0..3 {
        timers.set(key, at(1));
    }
}

#[test]
fn arithmetic_saturates_instead_of_wrapping() {
    let start = Instant::from_micros(5);
    assert_eq!(start - Duration::from_secs(1), Instant::from_micros(0));
    assert_eq!(start + Duration::MAX, Instant::from_micros(u64::MAX));
    assert_eq!(start.saturating_since(Instant::from_micros(9)), Duration::ZERO);
    assert_eq!(start.checked_since(Instant::from_micros(9)), None);
    assert_eq!(UnixTime::from_secs(5) - Duration::from_secs(9), UnixTime::from_secs(0));
}

#[test]
fn a_day_changes_at_midnight_utc() {
    assert_eq!(UnixTime::from_secs(86_399).day(), 0);
    assert_eq!(UnixTime::from_secs(86_400).day(), 1);
}
