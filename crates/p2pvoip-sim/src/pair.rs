//! Two machines joined by two links: the smallest network, without addresses.
//!
//! # Timers
//! Those for which the machines wait.

use std::fmt;
use std::time::Duration;

use p2pvoip_core::{DataSize, Instant, Machine, Output, Seed, Wake};

use crate::link::{Link, LinkConfig, Pushed};
use crate::sweep::Cut;
use crate::world::Agenda;

/// More outputs than this without a `Wait` are taken for an endless stream.
const MOST_OUTPUTS: usize = 100_000;
/// More timeouts than this at one moment are taken for spinning.
const MOST_TIMEOUTS: u32 = 1_000;

/// Gives a machine what the other one transmitted.
type Receive<M, T> = Box<dyn FnMut(&mut M, &T, &[u8], Instant) -> Result<(), <M as Machine>::Error>>;

/// A machine of a pair, and what it told its owner.
pub struct End<M: Machine> {
    /// The machine.
    pub machine: M,
    /// What it told, and when.
    pub events: Vec<(Instant, M::Event)>,
    /// What it said to inputs that it refused.
    pub refused: Vec<(Instant, M::Error)>,
    wake: Option<Wake>,
    woken: (Instant, u32),
    buf: Vec<u8>,
}

impl<M: Machine> fmt::Debug for End<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (events, refused) = (self.events.len(), self.refused.len());
        let mut shown = f.debug_struct("End");
        shown
            .field("events", &events)
            .field("refused", &refused)
            .field("wake", &self.wake)
            .finish_non_exhaustive()
    }
}

impl<M: Machine> End<M> {
    fn new(machine: M) -> Self {
        let (events, refused, buf) = (Vec::new(), Vec::new(), vec![0; M::MAX_TRANSMIT]);
        Self { machine, events, refused, wake: None, woken: (Instant::default(), 0), buf }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.wake.is_some_and(|wake| wake.at <= now)
    }

    fn timeout(&mut self, now: Instant) {
        let (at, times) = self.woken;
        self.woken = if at == now { (now, times + 1) } else { (now, 1) };
        assert!(
            times < MOST_TIMEOUTS || at != now,
            "a machine spins at {now:?}, waiting for {:?}",
            self.wake
        );
        self.machine.handle_timeout(now);
    }

    fn drain(&mut self, now: Instant) -> Vec<(M::Transmit, Vec<u8>)> {
        let mut transmits = Vec::new();
        for _ in 0..MOST_OUTPUTS {
            match self.machine.poll_output(&mut self.buf) {
                Output::Transmit { to, len } => {
                    transmits.push((to, self.buf.get(..len).unwrap_or_default().to_vec()));
                }
                Output::Event(event) => self.events.push((now, event)),
                Output::Wait(wake) => {
                    self.wake = wake;
                    return transmits;
                }
            }
        }
        assert!(transmits.len() < MOST_OUTPUTS, "the outputs of a machine do not end");
        transmits
    }
}

/// What is under way from one machine to the other.
enum UnderWay<A: Machine, B: Machine> {
    ToA(B::Transmit, Vec<u8>),
    ToB(A::Transmit, Vec<u8>),
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ran {
    /// Nothing is under way, and neither machine waits for a moment.
    Idle,
    /// The time was up.
    TimeUp,
}

/// Two machines joined by two links.
pub struct Pair<A: Machine, B: Machine> {
    /// One machine.
    pub a: End<A>,
    /// The other.
    pub b: End<B>,
    now: Instant,
    to_a: Link,
    to_b: Link,
    a_receives: Receive<A, B::Transmit>,
    b_receives: Receive<B, A::Transmit>,
    agenda: Agenda<UnderWay<A, B>>,
    overhead: DataSize,
    cut: Cut,
    sent: u64,
}

impl<A: Machine, B: Machine> fmt::Debug for Pair<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Pair");
        shown.field("now", &self.now).field("a", &self.a).field("b", &self.b).field("sent", &self.sent);
        shown.finish_non_exhaustive()
    }
}

impl<A: Machine, B: Machine<Transmit: Clone>> Pair<A, B>
where
    A::Transmit: Clone,
{
    /// Joins two machines that were made at [`START`](crate::START) by links of one kind.
    ///
    /// `a_receives` and `b_receives` turn what the other machine transmitted into an input. Packets are as large as
    /// their bytes; see [`Pair::with_overhead`].
    pub fn new(
        (a, b): (A, B),
        link: &LinkConfig,
        seed: &Seed,
        a_receives: impl FnMut(&mut A, &B::Transmit, &[u8], Instant) -> Result<(), A::Error> + 'static,
        b_receives: impl FnMut(&mut B, &A::Transmit, &[u8], Instant) -> Result<(), B::Error> + 'static,
    ) -> Self {
        let now = crate::START;
        let mut pair = Self {
            a: End::new(a),
            b: End::new(b),
            now,
            to_a: Link::new(link.clone(), &seed.derive("to a"), now),
            to_b: Link::new(link.clone(), &seed.derive("to b"), now),
            a_receives: Box::new(a_receives),
            b_receives: Box::new(b_receives),
            agenda: Agenda::new(),
            overhead: DataSize::default(),
            cut: Cut::Nothing,
            sent: 0,
        };
        pair.drain();
        pair
    }

    /// What each packet is larger than its bytes, for links with a rate or an MTU.
    #[must_use]
    pub fn with_overhead(mut self, overhead: DataSize) -> Self {
        self.overhead = overhead;
        self
    }

    /// Loses these packets from now on; numbers count both directions together, from the first on.
    pub fn cut(&mut self, cut: Cut) {
        self.cut = cut;
    }

    /// How many packets were sent, lost ones included.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The present moment.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The link towards `a`, to change.
    pub fn link_to_a(&mut self) -> &mut Link {
        &mut self.to_a
    }

    /// The link towards `b`, to change.
    pub fn link_to_b(&mut self) -> &mut Link {
        &mut self.to_b
    }

    /// The owner of `a` commands something.
    pub fn command_a<R>(&mut self, command: impl FnOnce(&mut A, Instant) -> R) -> R {
        let result = command(&mut self.a.machine, self.now);
        self.drain();
        result
    }

    /// The owner of `b` commands something.
    pub fn command_b<R>(&mut self, command: impl FnOnce(&mut B, Instant) -> R) -> R {
        let result = command(&mut self.b.machine, self.now);
        self.drain();
        result
    }

    /// Lets time pass until nothing more will happen by itself, or for `at_most`.
    pub fn run(&mut self, at_most: Duration) -> Ran {
        let until = self.now + at_most;
        loop {
            match self.next_at() {
                None => return Ran::Idle,
                Some(at) if at > until => {
                    self.now = until;
                    return Ran::TimeUp;
                }
                Some(at) => {
                    self.now = self.now.max(at);
                    self.step();
                }
            }
        }
    }

    fn next_at(&self) -> Option<Instant> {
        let wakes = [self.a.wake, self.b.wake].into_iter().flatten().map(|wake| wake.at);
        wakes.chain(self.agenda.next_at()).min()
    }

    fn step(&mut self) {
        let now = self.now;
        if self.agenda.next_at().is_some_and(|at| at <= now) {
            match self.agenda.pop() {
                Some((_, UnderWay::ToA(to, bytes))) => {
                    if let Err(error) = (self.a_receives)(&mut self.a.machine, &to, &bytes, now) {
                        self.a.refused.push((now, error));
                    }
                }
                Some((_, UnderWay::ToB(to, bytes))) => {
                    if let Err(error) = (self.b_receives)(&mut self.b.machine, &to, &bytes, now) {
                        self.b.refused.push((now, error));
                    }
                }
                None => {}
            }
        } else if self.a.is_due(now) {
            self.a.timeout(now);
        } else if self.b.is_due(now) {
            self.b.timeout(now);
        }
        self.drain();
    }

    fn drain(&mut self) {
        for (to, bytes) in self.a.drain(self.now) {
            let size = self.overhead + DataSize::from_bytes(bytes.len() as u64);
            for at in self.pass(size, true) {
                self.agenda.plan(at, UnderWay::ToB(to.clone(), bytes.clone()));
            }
        }
        for (to, bytes) in self.b.drain(self.now) {
            let size = self.overhead + DataSize::from_bytes(bytes.len() as u64);
            for at in self.pass(size, false) {
                self.agenda.plan(at, UnderWay::ToA(to.clone(), bytes.clone()));
            }
        }
    }

    /// When a packet comes out at the other end, for it and its duplicate.
    fn pass(&mut self, size: DataSize, to_b: bool) -> impl Iterator<Item = Instant> + use<A, B> {
        self.sent += 1;
        let link = if to_b { &mut self.to_b } else { &mut self.to_a };
        let out = if self.cut.drops(self.sent) {
            (None, None)
        } else {
            match link.push(size, self.now) {
                Pushed::Delivered { at, again, .. } => (Some(at), again),
                Pushed::Dropped(_) => (None, None),
            }
        };
        out.0.into_iter().chain(out.1)
    }
}
