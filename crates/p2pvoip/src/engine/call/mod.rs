//! One call: its signalling state, its ICE agent and its sealed path, composed into one machine.
//!
//! What belongs to setting up is in `setup`, what is told to the peer by envelope in `letters`, the way of the voice in
//! `voice`. This file holds them together: it passes inputs down, and lets events of one become commands for another.
//!
//! # Timers
//! - `state`: the waits of the signalling state (signal's `call` module).
//! - `silence`: [`SILENCE`] without an authenticated packet while connected.
//! - `stats`: [`STATS_EVERY`] while connected.
//! - `linger`: how long a hang-up is repeated in the media path ([`asides`]).

mod asides;
mod letters;
mod pace;
mod rekey;
mod setup;
mod stats;
#[cfg(test)]
mod tests;
mod verification;
pub(crate) mod voice;

use core::time::Duration;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use p2pvoip_cc::Memory;
use p2pvoip_core::{Ecn, Instant, Machine, Output, Wake};
use p2pvoip_crypto::Fingerprint;
use p2pvoip_media::{Frame, Played};
use p2pvoip_nat as nat;
use p2pvoip_signal::call::{Call as State, Step};
use p2pvoip_signal::{CallId, EndReason, Envelope, MailboxId, Message, RejectReason, Token};

use self::letters::Letters;
use self::setup::Pending;
use self::stats::Monitor;
use self::verification::Verification;
use self::voice::{Received, Sending, Voice};
use crate::engine::Arrival;
use crate::engine::demux::{Protocol, classify, is_stun_response};
use crate::event::{CallEvent, CallState, Path};
pub(crate) use setup::{Contact, Parts};

/// Silence after which a connected peer counts as vanished: as long as consent lasts without an answer (RFC 7675 section 5.1).
/// A path that is dead for less is taken again (cc's circuit breaker).
pub(crate) const SILENCE: Duration = Duration::from_secs(30);
/// How long the end of a call is told in the path when nobody acknowledges it.
pub(crate) const LINGER: Duration = Duration::from_millis(1_500);
/// Events that wait to be polled, beyond which figures and paths are left out; states always find room.
const MAX_EVENTS: usize = 32;
/// How often the call tells how it fares.
pub(crate) const STATS_EVERY: Duration = Duration::from_millis(200);

/// Machine: one call.
pub(crate) struct Call {
    state: State,
    told: Option<CallState>,
    outgoing: bool,
    agent: nat::Agent,
    letters: Letters,
    pending: Pending,
    voice: Option<Box<Voice>>,
    peer: Option<Fingerprint>,
    /// The first of our addresses that it was given.
    base: Option<IpAddr>,
    /// What it had learnt of its path when it ended.
    learnt: Option<Memory>,
    verification: Verification,
    events: VecDeque<CallEvent>,
    monitor: Monitor,
    ended_at: Option<Instant>,
    /// Whether the agent was closed.
    left: bool,
    now: Instant,
}

/// What comes from outside into a call.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// A datagram came to one of the call's sockets.
    Datagram { local: SocketAddr, remote: SocketAddr, arrival: Arrival, bytes: &'a [u8] },
    /// An envelope came to the call's own mailbox.
    Envelope(&'a Envelope),
    /// Nobody listens at the mailbox that the offer went to.
    Absent,
}

/// Where the bytes of an output go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transmit {
    /// To the network.
    Datagram { local: SocketAddr, remote: SocketAddr, ecn: Ecn },
    /// To a mailbox: the bytes are a whole envelope.
    Envelope { to: MailboxId },
}

/// Why a call refused an input: it was dropped and counted, and changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the outbox is full; poll its outputs and offer the input again")]
    Full,
    #[error("the datagram is of no protocol that this call speaks")]
    Unknown,
    #[error("the call is not accepted yet, so that nobody is answered")]
    Early,
    #[error("the ICE agent refused the datagram: {0}")]
    Nat(nat::Refused),
    #[error("the packet did not authenticate")]
    Sealed,
    #[error("the envelope is not what this call waits for, or did not authenticate")]
    Envelope,
}

impl From<nat::Refused> for Refused {
    fn from(refused: nat::Refused) -> Self {
        if refused == nat::Refused::Full { Self::Full } else { Self::Nat(refused) }
    }
}

impl Machine for Call {
    const MAX_TRANSMIT: usize = p2pvoip_signal::ENVELOPE_LEN;
    type Input<'a> = Input<'a>;
    type Transmit = Transmit;
    type Event = CallEvent;
    type Error = Refused;

    fn handle_input(&mut self, input: Input<'_>, now: Instant) -> Result<(), Refused> {
        let handled = match input {
            Input::Datagram { local, remote, arrival, bytes } => {
                self.datagram(nat::Datagram { local, remote, bytes }, arrival, now)
            }
            Input::Envelope(envelope) => self.open_letter(envelope, now),
            Input::Absent => {
                self.step(now, State::on_absent);
                Ok(())
            }
        };
        self.now = now;
        self.fire(now);
        handled
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.agent.handle_timeout(now);
        self.fire(now);
    }

    fn poll_output(&mut self, buf: &mut [u8]) -> Output<Transmit, CallEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Output::Event(event);
            }
            if let Some((to, len)) = self.letters.pop(buf) {
                return Output::Transmit { to: Transmit::Envelope { to }, len };
            }
            self.letters.feed(&mut self.agent, self.now);
            // Relays are given back; what the agent says last is polled before the call counts as finished.
            let leaves = !self.left && self.is_over() && self.agent.close(self.now).is_ok();
            self.left |= leaves;
            let wake = match self.agent.poll_output(buf) {
                Output::Transmit { to, len } => {
                    // What sets up the path takes no part: nobody counts its marks.
                    let to = Transmit::Datagram { local: to.local, remote: to.remote, ecn: Ecn::NotEct };
                    return Output::Transmit { to, len };
                }
                Output::Event(event) => {
                    self.on_agent(event);
                    continue;
                }
                Output::Wait(wake) => wake,
            };
            if self.letters.tell_candidates() {
                continue;
            }
            return match self.send_voice(buf) {
                Ok(output) => output,
                Err(voice) => Output::Wait(Wake::earliest(Wake::earliest(wake, voice), self.next_at())),
            };
        }
    }
}

impl Call {
    /// Whether this side made it.
    pub(crate) const fn is_outgoing(&self) -> bool {
        self.outgoing
    }

    /// Its name in signalling.
    pub(crate) const fn id(&self) -> CallId {
        self.letters.id()
    }

    /// The token of the mailbox that was made for this call.
    pub(crate) const fn mailbox(&self) -> &Token {
        self.letters.mailbox()
    }

    /// Where it stands.
    pub(crate) const fn state(&self) -> CallState {
        match &self.state {
            State::Offered(_) => CallState::Dialing,
            State::Ringing(_) | State::Rung(_) => CallState::Ringing,
            State::Connecting(_) => CallState::Connecting,
            State::Connected(_) => CallState::Connected,
            State::Leaving(_) => CallState::Ended(EndReason::Cancelled),
            State::Ended(reason) => CallState::Ended(*reason),
        }
    }

    /// Whether nothing more will come of it.
    pub(crate) fn is_finished(&self) -> bool {
        self.is_over() && self.left && self.events.is_empty() && self.letters.is_empty()
    }

    /// Whether it has ended, and the end is told in the path as well as it can be.
    fn is_over(&self) -> bool {
        let patient = self.ended_at.is_some_and(|at| self.now < at + LINGER);
        // Who was hung up upon stays to acknowledge it in the path, which may be slower than the letter.
        let was_told = matches!(self.state, State::Ended(EndReason::PeerHungUp)) && self.voice.is_some();
        let lingers = patient && (was_told || self.voice.as_ref().is_some_and(|voice| voice.is_hanging_up()));
        matches!(self.state, State::Ended(_)) && !lingers
    }

    /// The sockets are open: candidates are gathered from them.
    pub(crate) fn gather(&mut self, bases: &[SocketAddr], now: Instant) -> Result<(), nat::CommandError> {
        self.now = now;
        self.base = bases.first().map(SocketAddr::ip);
        self.agent.gather(bases, now)
    }

    /// The owner takes the call that rings.
    pub(crate) fn accept(&mut self, now: Instant) {
        self.step(now, |state| state.accept(now));
    }

    /// The owner does not take the call that rings.
    pub(crate) fn reject(&mut self, reason: RejectReason, now: Instant) {
        self.step(now, |state| state.reject(reason));
    }

    /// The owner ends the call, whatever state it is in.
    pub(crate) fn hang_up(&mut self, now: Instant) {
        self.step(now, State::hang_up);
    }

    /// The call cannot go on, for a reason of this side.
    pub(crate) fn fail(&mut self, reason: EndReason, now: Instant) {
        self.step(now, |state| state.fail(reason));
    }

    /// The contact is looked for in a directory.
    pub(crate) fn on_search(&mut self, how: crate::event::Lookup) {
        self.tell_if_read(CallEvent::Lookup(how));
    }

    /// A captured frame enters.
    pub(crate) fn capture(&mut self, frame: &Frame, now: Instant) {
        self.now = now;
        if let (State::Connected(_), Some(voice)) = (&self.state, &mut self.voice) {
            voice.capture(frame, now);
        }
    }

    /// The speaker asks for its next frame; silence while there is none.
    pub(crate) fn playout(&mut self, frame: &mut Frame, now: Instant) -> Option<Played> {
        let voice = self.voice.as_mut()?;
        let played = voice.playout(frame, now);
        self.monitor.on_playout(voice.receiver().stats());
        Some(played)
    }

    fn datagram(
        &mut self,
        datagram: nat::Datagram<'_>,
        arrival: Arrival,
        now: Instant,
    ) -> Result<(), Refused> {
        let nat::Datagram { remote, bytes, .. } = datagram;
        match classify(bytes) {
            Protocol::Stun | Protocol::TurnChannel => {
                // What a relay of ours passes on is judged by what is inside.
                let inside = self.agent.unwrap(datagram).map_or(bytes, |inner| inner.bytes);
                if classify(inside) == Protocol::Sealed {
                    return self.sealed(inside, remote, arrival, now);
                }
                // While it rings nobody may learn where we are, not even by asking us: only our own questions are answered.
                if matches!(self.state, State::Rung(_)) && !is_stun_response(inside) {
                    return Err(Refused::Early);
                }
                self.agent.handle_input(datagram, now).map_err(Refused::from)
            }
            Protocol::Sealed => self.sealed(bytes, remote, arrival, now),
            Protocol::Rtp | Protocol::Unknown => {
                self.monitor.unknown_datagrams += 1;
                Err(Refused::Unknown)
            }
        }
    }

    /// A packet of the peer, however it came; `from` is who sent us the datagram, a relay of ours perhaps.
    fn sealed(
        &mut self,
        bytes: &[u8],
        from: SocketAddr,
        arrival: Arrival,
        now: Instant,
    ) -> Result<(), Refused> {
        let voice = self.voice.as_mut().ok_or(Refused::Sealed)?;
        let route = self.agent.route();
        let (forged, rekeys) = (voice.opener().forged, voice.counters().rekeys);
        let received = voice.receive(bytes, route.map_or(0, |route| route.path), arrival, now);
        if voice.opener().forged > forged && route.is_none_or(|route| route.remote != from) {
            self.monitor.forged_by_strangers += 1;
        }
        if voice.counters().rekeys > rekeys {
            self.tell_if_read(CallEvent::Rekeyed);
        }
        match received {
            Received::Media => Ok(()),
            Received::HangUp(reason) => {
                self.step(now, |state| state.on_message(&Message::HangUp { reason }, now));
                Ok(())
            }
            Received::Refused => Err(Refused::Sealed),
            Received::Worn => {
                if !self.state().is_ended() {
                    tracing::error!("so many packets were forged that the call's keys are worn out; it ends");
                    self.step(now, |state| state.fail(EndReason::Failed));
                }
                Err(Refused::Sealed)
            }
        }
    }

    fn on_agent(&mut self, event: nat::Event) {
        let now = self.now;
        match event {
            nat::Event::Candidate(candidate) => self.letters.add_local(&candidate),
            nat::Event::GatheringDone => self.letters.end_local(),
            nat::Event::Route(route) => {
                if matches!(self.state, State::Connecting(_)) {
                    self.step(now, |state| state.on_path(now));
                }
                let path =
                    Path { kind: route.kind, local: route.local, remote: route.remote, rtt: route.rtt };
                // The same path is told again when it is nominated.
                if self.monitor.path.replace((path.local, path.remote)) != Some((path.local, path.remote)) {
                    self.monitor.on_path();
                    self.tell_if_read(CallEvent::Path(path));
                }
            }
            nat::Event::RelayFailed(failure) => self.tell_if_read(CallEvent::RelayFailed(failure)),
            nat::Event::ConsentLost => self.step(now, |state| state.fail(EndReason::PeerVanished)),
            nat::Event::Failed(_) => self.step(now, |state| state.fail(EndReason::NoPath)),
            other => tracing::debug!(?other, "the ICE agent told something new"),
        }
    }

    /// Makes one transition of the signalling state and does what follows from it.
    fn step(&mut self, now: Instant, transition: impl FnOnce(State) -> Step) {
        self.try_step(now, transition);
    }

    /// The same, and whether there was a place for it.
    fn try_step(&mut self, now: Instant, transition: impl FnOnce(State) -> Step) -> bool {
        self.now = now;
        let before = core::mem::replace(&mut self.state, State::Ended(EndReason::Failed));
        let was_running = matches!(before, State::Connecting(_) | State::Connected(_));
        let Step { call, send, fitted } = transition(before);
        self.state = call;
        if let Some(message) = send {
            self.on_message_out(&message, was_running, now);
        }
        if matches!(self.state, State::Connecting(_)) && self.voice.is_none() {
            self.open_voice(now);
        }
        self.announce(now);
        fitted
    }

    /// Tells the owner where the call stands, if it does not know.
    fn announce(&mut self, now: Instant) {
        let state = self.state();
        if self.told != Some(state) {
            self.told = Some(state);
            self.on_state(state, now);
            self.events.push_back(CallEvent::State(state));
        }
    }

    fn on_message_out(&mut self, message: &Message, was_running: bool, now: Instant) {
        self.letters.tell(message);
        if let (Message::HangUp { reason }, true, Some(voice)) = (message, was_running, &mut self.voice) {
            voice.hang_up(*reason, now);
        }
    }

    fn on_state(&mut self, state: CallState, now: Instant) {
        match state {
            CallState::Connected => {
                self.monitor.connected_at = Some(now);
                self.monitor.next_at = Some(now + STATS_EVERY);
            }
            CallState::Ended(_) => {
                self.ended_at.get_or_insert(now);
                // The last figures come before the end, so that a report is complete.
                if self.monitor.next_at.take().is_some() {
                    let stats = self.stats(now);
                    self.events.push_back(CallEvent::Stats(Box::new(stats)));
                    self.events.push_back(CallEvent::Summary(Box::new(self.monitor.summary())));
                }
                if let Some(voice) = &mut self.voice {
                    self.learnt = self.learnt.or_else(|| voice.pace().learnt());
                    voice.stop();
                }
            }
            CallState::Dialing | CallState::Ringing | CallState::Connecting => {}
        }
    }

    fn send_voice(&mut self, buf: &mut [u8]) -> Result<Output<Transmit, CallEvent>, Option<Wake>> {
        let Some(voice) = &mut self.voice else { return Err(None) };
        let route = self.agent.route();
        match (voice.send_next(route, buf, self.now), route) {
            (Sending::Packet { len, ecn }, Some(route)) => {
                let to = Transmit::Datagram { local: route.local, remote: route.remote, ecn };
                Ok(Output::Transmit { to, len })
            }
            (Sending::Wait(wake), _) => Err(wake),
            (Sending::Packet { .. }, None) => Err(None),
        }
    }

    /// Fires what is due.
    fn fire(&mut self, now: Instant) {
        if self.state.wake().is_some_and(|wake| wake.at <= now) {
            self.step(now, |state| state.on_timeout(now));
        }
        if self.silence_at().is_some_and(|wake| wake.at <= now) {
            self.step(now, |state| state.fail(EndReason::PeerVanished));
        }
        if self.monitor.next_at.is_some_and(|at| at <= now) {
            self.monitor.next_at = Some(now + STATS_EVERY);
            let stats = self.stats(now);
            self.tell_if_read(CallEvent::Stats(Box::new(stats)));
        }
    }

    /// Tells what an owner that does not read its events need not be told.
    fn tell_if_read(&mut self, event: CallEvent) {
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
        }
    }

    fn next_at(&self) -> Option<Wake> {
        let stats = self.monitor.next_at.map(|at| Wake { at, why: "stats" });
        let linger =
            self.ended_at.map(|at| Wake { at: at + LINGER, why: "linger" }).filter(|wake| wake.at > self.now);
        let own = Wake::earliest(self.state.wake(), self.silence_at());
        Wake::earliest(own, Wake::earliest(stats, linger))
    }

    fn silence_at(&self) -> Option<Wake> {
        let (State::Connected(_), Some(since), Some(voice)) =
            (&self.state, self.monitor.connected_at, &self.voice)
        else {
            return None;
        };
        let last = voice.last_received().map_or(since, |last| last.max(since));
        Some(Wake { at: last + SILENCE, why: "silence" })
    }
}

impl core::fmt::Debug for Call {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Call")
            .field("state", &self.state.state())
            .field("voice", &self.voice)
            .finish_non_exhaustive()
    }
}
