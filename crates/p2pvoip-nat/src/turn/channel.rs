//! The channels of one allocation: one for each address of the peer, and with it the permission for that address
//! (RFC 8656 section 12: a ChannelBind request installs or refreshes both).
//!
//! # Timers
//! - Each open request: its next repetition or its failure.
//! - Each channel: bound again [`RENEW_AFTER`] its last answer, a minute before its permission ends.

use core::net::SocketAddr;
use core::time::Duration;

use p2pvoip_core::Instant;

use super::Open;
use super::channel_data::FIRST;
use crate::remotes::MAX_REMOTES;
use crate::stun::TransactionId;
use crate::stun::turn::Asked;

/// Renewal a minute before a permission ends (RFC 8656 section 9: five minutes; the channel itself lasts ten).
const RENEW_AFTER: Duration = Duration::from_secs(240);
/// How many ChannelBind requests of one allocation are open at once: what bounds its burst instead of Ta.
const WINDOW: usize = 4;

/// How far a channel is.
#[derive(Clone)]
enum Stage {
    /// To be asked for.
    Wanted,
    /// Asked for the first time.
    Asked(Open),
    /// Bound; asked for again when a request is open.
    Bound { renew_at: Instant, open: Option<Open> },
    /// Refused or not answered: never asked for again.
    Refused,
}

/// One channel. Its number follows from its place, which never changes.
#[derive(Clone)]
struct Channel {
    peer: SocketAddr,
    stage: Stage,
}

impl Channel {
    fn open(&self) -> Option<&Open> {
        match &self.stage {
            Stage::Asked(open) => Some(open),
            Stage::Bound { open, .. } => open.as_ref(),
            Stage::Wanted | Stage::Refused => None,
        }
    }

    fn open_mut(&mut self) -> Option<&mut Open> {
        match &mut self.stage {
            Stage::Asked(open) => Some(open),
            Stage::Bound { open, .. } => open.as_mut(),
            Stage::Wanted | Stage::Refused => None,
        }
    }
}

/// What is due at a channel.
pub(super) enum Due {
    /// Start a request for this.
    Ask(Asked),
    /// Repeat or give up the open request of this peer.
    Repeat(SocketAddr),
}

/// Stage: the channels of one allocation, at most as many as there are remote candidates.
pub(super) struct Channels {
    all: Vec<Channel>,
}

impl Channels {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self { all: Vec::new() }
    }

    /// A channel for this peer is of use; what finds no place has none.
    pub(super) fn want(&mut self, peer: SocketAddr) {
        let known = self.all.iter().any(|channel| channel.peer == peer);
        if !known && self.all.len() < MAX_REMOTES {
            self.all.push(Channel { peer, stage: Stage::Wanted });
        }
    }

    /// The number of the channel that is bound to this peer.
    pub(super) fn bound(&self, peer: SocketAddr) -> Option<u16> {
        let place = self.all.iter().position(|channel| channel.peer == peer)?;
        let is_bound = matches!(self.all.get(place)?.stage, Stage::Bound { .. });
        is_bound.then_some(number(place))
    }

    /// The peer at this channel. That it is asked for is enough: the server may pass something on before its answer comes.
    pub(super) fn peer(&self, channel: u16) -> Option<SocketAddr> {
        let place = usize::from(channel.checked_sub(FIRST)?);
        let channel = self.all.get(place)?;
        matches!(channel.stage, Stage::Asked(_) | Stage::Bound { .. }).then_some(channel.peer)
    }

    /// Whether there is a permission for what comes from there: it holds for an address with all its ports.
    pub(super) fn permits(&self, peer: SocketAddr) -> bool {
        let asked = |channel: &&Channel| matches!(channel.stage, Stage::Asked(_) | Stage::Bound { .. });
        self.all.iter().filter(asked).any(|channel| channel.peer.ip() == peer.ip())
    }

    /// How many are bound.
    pub(super) fn len_bound(&self) -> usize {
        self.all.iter().filter(|channel| matches!(channel.stage, Stage::Bound { .. })).count()
    }

    /// When [`Channels::due`] has something to say; a wanted channel is due at once or waits for another's answer.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let at = |channel: &Channel| match (&channel.stage, channel.open()) {
            (_, Some(open)) => Some(open.schedule.next_at()),
            (Stage::Bound { renew_at, .. }, None) => Some(*renew_at),
            (Stage::Wanted | Stage::Asked(_) | Stage::Refused, None) => None,
        };
        self.all.iter().filter_map(at).min()
    }

    /// The first thing that is due.
    pub(super) fn due(&self, now: Instant) -> Option<Due> {
        let open = |channel: &&Channel| channel.open().is_some_and(|open| open.schedule.next_at() <= now);
        if let Some(channel) = self.all.iter().find(open) {
            return Some(Due::Repeat(channel.peer));
        }
        let has_room = self.all.iter().filter(|channel| channel.open().is_some()).count() < WINDOW;
        let due = |channel: &Channel| match channel.stage {
            Stage::Wanted => has_room,
            Stage::Bound { renew_at, ref open } => open.is_none() && renew_at <= now,
            Stage::Asked(_) | Stage::Refused => false,
        };
        let place = self.all.iter().position(due)?;
        let peer = self.all.get(place)?.peer;
        Some(Due::Ask(Asked::Bind { channel: number(place), peer }))
    }

    /// A request for this peer goes out.
    pub(super) fn on_asked(&mut self, peer: SocketAddr, opened: Open) {
        if let Some(channel) = self.all.iter_mut().find(|channel| channel.peer == peer) {
            match &mut channel.stage {
                Stage::Bound { open, .. } => *open = Some(opened),
                Stage::Wanted | Stage::Asked(_) | Stage::Refused => channel.stage = Stage::Asked(opened),
            }
        }
    }

    /// The open request of this peer.
    pub(super) fn open_of(&mut self, peer: SocketAddr) -> Option<&mut Open> {
        self.all.iter_mut().find(|channel| channel.peer == peer)?.open_mut()
    }

    /// The open request of which one form has this id.
    pub(super) fn open(&self, id: TransactionId) -> Option<&Open> {
        self.all.iter().filter_map(Channel::open).find(|open| open.form(id).is_some())
    }

    /// The server has bound the channel of this peer.
    pub(super) fn on_bound(&mut self, peer: SocketAddr, now: Instant) {
        if let Some(channel) = self.all.iter_mut().find(|channel| channel.peer == peer) {
            channel.stage = Stage::Bound { renew_at: now + RENEW_AFTER, open: None };
        }
    }

    /// The server refuses this peer, or does not answer.
    pub(super) fn on_refused(&mut self, peer: SocketAddr) {
        if let Some(channel) = self.all.iter_mut().find(|channel| channel.peer == peer) {
            channel.stage = Stage::Refused;
        }
    }
}

/// The number of the channel in this place; there are far fewer places than numbers.
fn number(place: usize) -> u16 {
    FIRST + u16::try_from(place).unwrap_or_default()
}
