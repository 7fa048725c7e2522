//! The application's handles of a call: one that rings, and one that runs.

use p2pvoip_crypto::{Fingerprint, Sas, Trust};
use p2pvoip_signal::{EndReason, RejectReason};
use p2pvoip_telemetry::CallStats;
use tokio::sync::{mpsc, oneshot, watch};

use super::audio::{AudioReceiver, AudioSender, Mute};
use super::driver::{CallPort, Command, Facts, GONE, Ring};
use crate::engine::CallKey;
use crate::event::{CallEvent, CallState, Encryption};

/// A call that rings. Dropping it declines.
#[derive(Debug)]
#[must_use = "a call that rings is declined when it is dropped"]
pub struct IncomingCall {
    key: CallKey,
    peer: Fingerprint,
    trust: Trust,
    state: watch::Receiver<CallState>,
    commands: Option<mpsc::Sender<Command>>,
}

impl IncomingCall {
    pub(super) fn new(ring: Ring, commands: mpsc::Sender<Command>) -> Self {
        Self {
            key: ring.key,
            peer: ring.peer,
            trust: ring.trust,
            state: ring.state,
            commands: Some(commands),
        }
    }

    /// Who calls: the fingerprint of the identity that the handshake proved.
    pub const fn peer(&self) -> Fingerprint {
        self.peer
    }

    /// How far who calls is known to be who it should be. Show it while it rings.
    pub const fn trust(&self) -> Trust {
        self.trust
    }

    /// Takes the call.
    ///
    /// # Errors
    /// Why the call has ended in the meantime.
    pub async fn accept(mut self) -> Result<Call, EndReason> {
        let Some(commands) = self.commands.clone() else { return Err(GONE) };
        let (reply, accepted) = oneshot::channel();
        commands.send(Command::Accept { call: self.key, reply }).await.map_err(|_| GONE)?;
        self.commands = None;
        match accepted.await {
            Ok(Some(port)) => Ok(Call::new(port, commands)),
            Ok(None) | Err(_) => Err(end_of(*self.state.borrow()).unwrap_or(EndReason::PeerCancelled)),
        }
    }

    /// Does not take the call, and says why.
    pub async fn reject(mut self, reason: RejectReason) {
        if let Some(commands) = self.commands.take() {
            // A driver that has gone has rejected it already.
            let _gone = commands.send(Command::Reject { call: self.key, reason }).await;
        }
    }

    /// Waits until the call no longer rings: the caller gave up, or the time to answer is over.
    pub async fn gone(&mut self) -> EndReason {
        ended(&mut self.state).await
    }
}

impl Drop for IncomingCall {
    fn drop(&mut self) {
        if let Some(commands) = self.commands.take() {
            // A full queue of commands leaves the call to its ring time.
            let _full = commands.try_send(Command::Reject { call: self.key, reason: RejectReason::Declined });
        }
    }
}

/// A call that runs. Dropping it hangs up.
#[derive(Debug)]
pub struct Call {
    key: CallKey,
    events: mpsc::Receiver<CallEvent>,
    state: watch::Receiver<CallState>,
    facts: watch::Receiver<Facts>,
    audio: Option<(AudioSender, AudioReceiver)>,
    mute: Mute,
    commands: mpsc::Sender<Command>,
}

impl Call {
    pub(super) fn new(port: CallPort, commands: mpsc::Sender<Command>) -> Self {
        Self {
            key: port.key,
            events: port.events,
            state: port.state,
            facts: port.facts,
            audio: Some(port.audio),
            mute: port.mute,
            commands,
        }
    }

    /// Its number within the endpoint, counted from 1.
    pub const fn id(&self) -> u64 {
        self.key.number()
    }

    /// Where it stands.
    pub fn state(&self) -> CallState {
        *self.state.borrow()
    }

    /// Where it stands, to be watched.
    pub fn watch_state(&self) -> watch::Receiver<CallState> {
        self.state.clone()
    }

    /// How it is encrypted and who with, as soon as keys are agreed.
    pub fn encryption(&self) -> Option<Encryption> {
        self.facts.borrow().encryption
    }

    /// Who is at the other end, as soon as the handshake has proved it.
    pub fn peer(&self) -> Option<Fingerprint> {
        self.encryption().map(|encryption| encryption.peer)
    }

    /// How far the peer is known to be who it should be, as soon as keys are agreed.
    pub fn trust(&self) -> Option<Trust> {
        self.facts.borrow().trust
    }

    /// The code that both people compare, as soon as both ends have it.
    pub fn sas(&self) -> Option<Sas> {
        self.facts.borrow().sas
    }

    /// The two people have compared the code. If it is the same, the peer is verified ([`CallEvent::Trust`] tells it); if it
    /// is not, somebody sits in between, and the call is ended. Nothing happens while there is no code.
    pub async fn confirm_sas(&self, same: bool) {
        // A driver that has gone has ended the call.
        let _gone = self.commands.send(Command::Confirm { call: self.key, same }).await;
    }

    /// How it fares: the newest figures.
    pub fn stats(&self) -> CallStats {
        self.facts.borrow().stats
    }

    /// The next event; none after the call's end.
    pub async fn next_event(&mut self) -> Option<CallEvent> {
        self.events.recv().await
    }

    /// Waits until voice can travel.
    ///
    /// # Errors
    /// Why the call has ended before.
    pub async fn connected(&mut self) -> Result<(), EndReason> {
        let settled = |state: &CallState| *state == CallState::Connected || state.is_ended();
        let state = self.state.wait_for(settled).await.map_or(CallState::Ended(GONE), |state| *state);
        end_of(state).map_or(Ok(()), Err)
    }

    /// Waits for the call's end.
    pub async fn ended(&mut self) -> EndReason {
        ended(&mut self.state).await
    }

    /// Both ends of the call's sound, once.
    pub const fn take_audio(&mut self) -> Option<(AudioSender, AudioReceiver)> {
        self.audio.take()
    }

    /// Sends silence in place of what is captured, from the next frame on, or ends that. The other side is not told, and
    /// nothing on the wire shows it: silence is sealed into packets of the same size and pace. What
    /// [`AudioSender::send`] takes meanwhile is lost.
    pub fn set_muted(&self, muted: bool) {
        self.mute.set(muted);
    }

    /// Whether silence is sent in place of what is captured.
    pub fn is_muted(&self) -> bool {
        self.mute.is_set()
    }

    /// Ends the call, whatever state it is in, and tells the other side. Follow the state to see it end.
    pub async fn hang_up(&self) {
        // A driver that has gone has hung up.
        let _gone = self.commands.send(Command::HangUp { call: self.key }).await;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // A call that has ended takes no notice; a full queue of commands leaves it to the peer.
        let _full = self.commands.try_send(Command::HangUp { call: self.key });
    }
}

async fn ended(state: &mut watch::Receiver<CallState>) -> EndReason {
    let state = state.wait_for(|state| state.is_ended()).await.map_or(CallState::Ended(GONE), |state| *state);
    end_of(state).unwrap_or(GONE)
}

const fn end_of(state: CallState) -> Option<EndReason> {
    match state {
        CallState::Ended(reason) => Some(reason),
        CallState::Dialing | CallState::Ringing | CallState::Connecting | CallState::Connected => None,
    }
}
