//! Drives a machine to rest, and checks the laws of machines that one run can show.

use core::time::Duration;

use p2pvoip_core::{Instant, Machine, Output, Wake};

/// More outputs than any machine here has after one input.
const MOST_OUTPUTS: usize = 2_000;
/// More timers than fire within the longest time that a step lets pass.
const MOST_TIMERS: usize = 20_000;

/// Polls until the machine waits; law 1: it comes to rest.
pub(crate) fn rest<M: Machine>(
    machine: &mut M,
    buf: &mut [u8],
    mut each: impl FnMut(Output<M::Transmit, M::Event>, &[u8]),
) -> Option<Wake> {
    let mut outputs = 0;
    loop {
        assert!(outputs < MOST_OUTPUTS, "the machine does not come to rest");
        outputs += 1;
        match machine.poll_output(buf) {
            Output::Wait(wake) => return wake,
            Output::Transmit { to, len } => each(Output::Transmit { to, len }, &buf[..len]),
            Output::Event(event) => each(Output::Event(event), &[]),
        }
    }
}

/// Lets time pass, waking the machine whenever it wishes; law 2: it never wishes to be woken at a moment that is over.
pub(crate) fn pass<M: Machine>(
    machine: &mut M,
    buf: &mut [u8],
    now: &mut Instant,
    by: Duration,
    mut each: impl FnMut(Output<M::Transmit, M::Event>, &[u8]),
) {
    let until = *now + by;
    let mut timers = 0;
    while let Some(wake) = rest(machine, buf, &mut each).filter(|wake| wake.at <= until) {
        assert!(timers < MOST_TIMERS, "the timer `{}` spins", wake.why);
        timers += 1;
        *now = (*now).max(wake.at);
        machine.handle_timeout(*now);
        if let Some(next) = rest(machine, buf, &mut each) {
            assert!(next.at > *now, "the timer `{}` is due again at once", next.why);
        }
    }
    *now = until;
}
