//! What the view knows of a call: it is told events and figures, and holds what the picture shows.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use p2pvoip::media::Level;
use p2pvoip::nat::RouteKind;
use p2pvoip::{CallState, CallStats, Encryption, Fingerprint, Path, Sas, Trust};

use super::history::History;
use super::meter::Meters;
use super::trust::Who;

/// Notices that are shown: what happened last, and what it followed.
pub(super) const NOTICES: usize = 2;

/// A call as the view shows it.
#[derive(Debug)]
pub(crate) struct Model {
    /// The key of the other side: the one that the card names, or the one that the handshake proved.
    pub(super) peer: Fingerprint,
    pub(super) who: Who,
    /// What the owner calls the other side.
    pub(super) name: Option<String>,
    pub(super) state: CallState,
    pub(super) encryption: Option<Encryption>,
    pub(super) route: Option<Route>,
    pub(super) stats: Option<Box<CallStats>>,
    pub(super) history: History,
    pub(super) sound: Sound,
    /// Whether a call rings that a key shall answer.
    pub(super) asks: bool,
    pub(super) hanging_up: bool,
    pub(super) help: bool,
    /// What happened beside the call, newest last: a device that is gone, a server that is out of reach.
    pub(super) notices: VecDeque<String>,
    /// The last lines of the log.
    pub(super) log: Vec<String>,
}

/// The path that voice takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) kind: RouteKind,
    pub(super) rtt: Option<Duration>,
    /// Ours and theirs, where they may be shown.
    pub(super) addresses: Option<(SocketAddr, SocketAddr)>,
}

/// Both directions of the sound.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sound {
    pub(super) muted: bool,
    pub(super) microphone: Level,
    pub(super) speaker: Level,
}

impl Model {
    /// A call with this key that has just begun, by a card or from somebody.
    pub(crate) fn new(peer: Fingerprint, by_card: bool, state: CallState) -> Self {
        Self {
            peer,
            who: Who { by_card, ..Who::default() },
            name: None,
            state,
            encryption: None,
            route: None,
            stats: None,
            history: History::default(),
            sound: Sound::default(),
            asks: false,
            hanging_up: false,
            help: false,
            notices: VecDeque::new(),
            log: Vec::new(),
        }
    }

    /// The same, of somebody in the contact book.
    pub(crate) fn named(mut self, name: Option<String>) -> Self {
        self.name = name;
        self
    }

    /// The same, of a peer who is trusted this far.
    pub(crate) fn trusted(mut self, trust: Trust) -> Self {
        self.who.trust = Some(trust);
        self
    }

    /// The same, ringing until a key answers it.
    pub(crate) fn asking(mut self) -> Self {
        self.asks = true;
        self
    }

    /// It stands elsewhere.
    pub(crate) fn on_state(&mut self, state: CallState) {
        self.asks &= state == CallState::Ringing;
        self.state = state;
    }

    /// Keys are agreed.
    pub(crate) fn on_encrypted(&mut self, with: &Encryption) {
        self.peer = with.peer;
        self.encryption = Some(*with);
    }

    /// The other side is trusted this far.
    pub(crate) fn on_trust(&mut self, trust: Trust) {
        self.who.trust = Some(trust);
    }

    /// Both have the code that they can compare.
    pub(crate) fn on_sas(&mut self, sas: Sas) {
        self.who.sas = Some(sas);
    }

    /// Voice takes this path; its addresses are shown only where that was asked for.
    pub(crate) fn on_path(&mut self, path: &Path, shows_addresses: bool) {
        let addresses = shows_addresses.then_some((path.local, path.remote));
        self.route = Some(Route { kind: path.kind, rtt: path.rtt, addresses });
    }

    /// How it fares.
    pub(crate) fn on_stats(&mut self, stats: &CallStats) {
        self.history.push(stats);
        self.stats = Some(Box::new(*stats));
    }

    /// Something happened that no other row shows.
    pub(crate) fn on_notice(&mut self, sentence: &str) {
        if self.notices.len() == NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(sentence.to_owned());
    }

    /// Silence is sent, or no longer.
    pub(crate) fn on_muted(&mut self, muted: bool) {
        self.sound.muted = muted;
    }

    /// A key was pressed that answers what rings.
    pub(crate) fn on_answered(&mut self) {
        self.asks = false;
    }

    /// How loud it is now.
    pub(super) fn on_sound(&mut self, meters: &Meters) {
        self.sound.microphone = meters.microphone.read(self.sound.microphone);
        self.sound.speaker = meters.speaker.read(self.sound.speaker);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use p2pvoip::core::Bitrate;

    use super::*;

    /// The figures of a call after so many fifths of a second: 5 % of its packets lost, 1 % of its sound made up.
    pub(in crate::view) fn figures(number: u32) -> CallStats {
        let count = u64::from(number);
        let mut stats = CallStats::default();
        stats.duration = Duration::from_millis(200) * number;
        stats.inbound.packets_received = count * 95;
        stats.inbound.packets_lost = count * 5;
        stats.inbound.total_samples = count * 9_600;
        stats.inbound.concealed_samples = count * 96;
        stats.inbound.playout_delay = Duration::from_millis(64);
        stats.inbound.target_playout_delay = Duration::from_millis(60);
        stats.inbound.jitter = Duration::from_millis(8);
        stats.inbound.bitrate = Bitrate::from_bps(33_000);
        stats.outbound.bitrate = Bitrate::from_bps(34_000);
        stats.outbound.target_bitrate = Bitrate::from_bps(40_000);
        stats.outbound.fraction_lost = 0.04;
        stats.outbound.ptime = Duration::from_millis(20);
        stats.path.round_trip_time = Some(Duration::from_millis(42));
        stats.path.queueing_delay = Some(Duration::from_millis(3));
        stats
    }

    /// A call that has been connected for so many fifths of a second.
    pub(in crate::view) fn talking_for(number: u32) -> Model {
        let mut model = Model::new(Fingerprint::new([0xA5; 24]), true, CallState::Connected);
        model.route =
            Some(Route { kind: RouteKind::Direct, rtt: Some(Duration::from_millis(42)), addresses: None });
        model.sound.microphone = Level { rms: -20.0, peak: -9.0 };
        (1..=number).for_each(|number| model.on_stats(&figures(number)));
        model
    }

    pub(in crate::view) fn talking() -> Model {
        talking_for(400)
    }

    #[test]
    fn of_three_notices_the_oldest_gives_way() {
        let mut model = talking_for(1);
        for sentence in ["first", "second", "third"] {
            model.on_notice(sentence);
        }
        assert_eq!(model.notices, ["second", "third"]);
    }

    #[test]
    fn a_call_asks_until_it_no_longer_rings() {
        let mut model = Model::new(Fingerprint::new([1; 24]), false, CallState::Ringing).asking();
        model.on_state(CallState::Ringing);
        assert!(model.asks);
        model.on_state(CallState::Connecting);
        assert!(!model.asks);
    }
}
