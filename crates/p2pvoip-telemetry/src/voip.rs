//! The metrics of a VoIP call as RFC 3611 section 4.7 defines them, computed from a snapshot.
//!
//! # Left out
//! - The report block's bytes: nothing is sent.
//! - Signal level, noise level and residual echo (section 4.7.4): nobody measures them here. External R factor: there is no
//!   other segment.

use core::time::Duration;

use crate::bursts::Bursts;
use crate::stats::CallStats;

/// The metrics of RFC 3611 section 4.7, in natural units instead of the block's fixed-point bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct VoipMetrics {
    /// Frames lost after repair over frames expected, 0 to 1 (4.7.1 loss rate); those that came late are not among them.
    pub loss_rate: f32,
    /// Packets that came too late over frames expected, 0 to 1 (4.7.1 discard rate).
    pub discard_rate: f32,
    /// Densities and durations of bursts and gaps with `Gmin` 16, after repair (4.7.2). Its own rates do not tell late from lost.
    pub bursts: Bursts,
    /// The last round-trip time (4.7.3).
    pub round_trip: Option<Duration>,
    /// Collecting a packet's sound and encoding it on this side, and waiting and decoding on this side (4.7.3).
    pub end_system: Duration,
    /// The rating of the conversation, 0 to 100 (4.7.5 R factor).
    pub r_factor: Option<f32>,
    /// Listening quality (4.7.5 MOS-LQ), 1 to 4.5.
    pub mos_lq: Option<f32>,
    /// Conversational quality (4.7.5 MOS-CQ), 1 to 4.5.
    pub mos_cq: Option<f32>,
    /// What the jitter buffer aims at (4.7.7 JB nominal).
    pub jitter_buffer_nominal: Duration,
    /// The most that it would ever aim at (4.7.7 JB abs max).
    pub jitter_buffer_max: Duration,
}

impl VoipMetrics {
    /// The metrics of the inbound direction.
    pub fn of(stats: &CallStats) -> Self {
        let (inbound, quality) = (&stats.inbound, stats.quality);
        let late = inbound.packets_discarded.min(inbound.frames_missed);
        let expected = inbound.frames_played.saturating_add(inbound.frames_missed);
        Self {
            loss_rate: share(inbound.frames_missed - late, expected),
            discard_rate: share(inbound.packets_discarded, expected),
            bursts: inbound.bursts,
            round_trip: stats.path.round_trip_time,
            end_system: stats
                .outbound
                .ptime
                .saturating_add(stats.outbound.codec_delay)
                .saturating_add(inbound.playout_delay),
            r_factor: quality.map(|quality| quality.r),
            mos_lq: quality.map(|quality| quality.mos_listening),
            mos_cq: quality.map(|quality| quality.mos),
            jitter_buffer_nominal: inbound.target_playout_delay,
            jitter_buffer_max: inbound.max_playout_delay,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown to people with three digits")]
fn share(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { (part as f32 / whole as f32).min(1.0) }
}
