//! Counters and gauges of one agent, for telemetry.

use core::time::Duration;

/// What an agent has done so far; a plain snapshot without addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Requests to STUN and TURN servers, retransmissions included.
    pub server_requests: u64,
    /// Connectivity checks sent, retransmissions included, consent left out.
    pub checks_sent: u64,
    /// Authenticated checks of the peer that were answered.
    pub checks_answered: u64,
    /// Own checks that the peer answered, consent included.
    pub answers_received: u64,
    /// Consent checks sent.
    pub consent_sent: u64,
    /// Inputs refused.
    pub refused: u64,
    /// Remote candidates that were ignored because nothing is ever sent to such addresses.
    pub candidates_ignored: u64,
    /// Pairs that found no place in the full check list, or lost theirs to a better one.
    pub pairs_dropped: u64,
    /// Role conflicts met.
    pub role_conflicts: u64,
    /// Candidates told to the peer.
    pub local_candidates: usize,
    /// Relayed addresses held.
    pub relays: usize,
    /// Channels bound at relays.
    pub channels: usize,
    /// Remote candidates known, peer-reflexive ones included.
    pub remote_candidates: usize,
    /// Pairs in the check list.
    pub pairs: usize,
    /// Pairs that work.
    pub valid_pairs: usize,
    /// From the start of the checks to the first route.
    pub first_route_after: Option<Duration>,
    /// From the start of the checks to the first nominated route.
    pub nominated_after: Option<Duration>,
}
