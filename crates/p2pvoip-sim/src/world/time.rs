//! How time passes: the next planned happening is made to happen, and nodes are asked for their actions.

use std::time::Duration;

use p2pvoip_core::Instant;

use super::{Action, Happening, HostId, MOST_TIMEOUTS, Node, World};

impl<N: Node> World<N> {
    /// Makes the next planned thing happen, if it is not later than `until`; false when there is none.
    pub fn step(&mut self, until: Instant) -> bool {
        if self.agenda.next_at().is_none_or(|at| at > until) {
            return false;
        }
        let Some((at, happening)) = self.agenda.pop() else { return false };
        self.now = self.now.max(at);
        match happening {
            Happening::Packet { packet, place } => self.go_on(packet, place),
            Happening::Stream { stream } => self.arrive(stream),
            Happening::Wake { host } => self.wake(host),
        }
        true
    }

    /// Lets time pass until `until`.
    pub fn run_until(&mut self, until: Instant) {
        while self.step(until) {}
        self.now = self.now.max(until);
    }

    /// Lets that much time pass.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    /// Lets time pass until `is_done`, which is asked after each happening, or for `at_most`; tells whether it is done.
    pub fn run_while(&mut self, at_most: Duration, mut is_done: impl FnMut(&mut Self) -> bool) -> bool {
        let until = self.now + at_most;
        loop {
            if is_done(self) {
                return true;
            }
            if !self.step(until) {
                self.now = self.now.max(until);
                return is_done(self);
            }
        }
    }

    /// Lets time pass until nothing is planned, or for `at_most`; tells whether nothing is planned.
    pub fn run_until_idle(&mut self, at_most: Duration) -> bool {
        let until = self.now + at_most;
        while self.step(until) {}
        self.agenda.len() == 0
    }

    fn wake(&mut self, id: HostId) {
        let now = self.now;
        let Some(host) = self.hosts.get_mut(id.0) else { return };
        host.planned = host.planned.filter(|planned| *planned > now);
        let Some(wake) = host.wake else { return };
        if wake > now {
            // The node moved its wake after this one was planned.
            self.plan_wake(id);
            return;
        }
        let (at, times) = host.woken;
        host.woken = if at == now { (now, times + 1) } else { (now, 1) };
        assert!(times < MOST_TIMEOUTS || at != now, "the node of {id:?} spins at {now:?}");
        host.wake = None;
        if let Some(node) = host.node.as_mut() {
            node.handle_timeout(now);
            self.drain(id);
        }
    }

    /// Asks a node for its actions until it waits.
    pub(super) fn drain(&mut self, id: HostId) {
        let mut buf = self.buffers.take_scratch();
        let now = self.now;
        while let Some(node) = self.hosts.get_mut(id.0).and_then(|host| host.node.as_mut()) {
            match node.poll(&mut buf, now) {
                Action::Datagram { from, to, len, ecn } => {
                    self.send(id, (from, to), ecn, buf.get(..len).unwrap_or_default());
                }
                Action::Message { stream, len } => {
                    self.send_message(id, stream, buf.get(..len).unwrap_or_default());
                }
                Action::Open { to } => self.open_stream(id, to),
                Action::Close { stream } => self.close_stream(id, stream),
                Action::Wait(wake) => {
                    if let Some(host) = self.hosts.get_mut(id.0) {
                        host.wake = wake;
                    }
                    break;
                }
            }
        }
        self.buffers.return_scratch(buf);
        self.plan_wake(id);
    }

    fn plan_wake(&mut self, host: HostId) {
        let Some(place) = self.hosts.get_mut(host.0) else { return };
        let Some(wake) = place.wake else { return };
        if place.planned.is_none_or(|planned| wake < planned) {
            place.planned = Some(wake);
            self.agenda.plan(wake.max(self.now), Happening::Wake { host });
        }
    }
}
