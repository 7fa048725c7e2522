//! What feedback may cost: how often it goes, and how many bytes it takes.
//!
//! Both are kept as moments that each feedback moves on (the virtual scheduling of GCRA, ITU-T I.371), so that nothing has
//! to be filled as time passes.

use core::time::Duration;
use p2pvoip_core::{Bitrate, Instant};

/// The mean distance of feedbacks: 20 a second show a queue while it is small (the feedback of a round trip of 50 ms), and
/// a voice flow of 50 packets a second pays no more than one feedback for two or three packets.
pub const FEEDBACK_INTERVAL: Duration = Duration::from_millis(50);
/// What all feedback of a flow may take: what goog_cc, the most frugal of those that we measured, spends on voice.
pub const FEEDBACK_RATE: Bitrate = Bitrate::from_kbps(3);
/// Bytes that may be spent at once after a quiet time: the longest feedback, and the next.
pub const BUDGET_DEPTH: usize = 96;
/// Feedback that comes late is followed sooner by so much, so that the mean is kept on packets of any ptime.
const SLACK: Duration = FEEDBACK_INTERVAL;
/// Microseconds in which the rate gives one byte, rounded up so that it is never exceeded.
const BYTE_MICROS: u64 = (8 * 1_000_000_u64).div_ceil(FEEDBACK_RATE.as_bps());
/// Microseconds in which an empty budget fills.
const DEPTH_MICROS: u64 = BUDGET_DEPTH as u64 * BYTE_MICROS;

/// When the next feedback may go, and of what length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// When the next feedback is due.
    due: Instant,
    /// When the budget is full again.
    full: Instant,
}

impl Budget {
    /// Nothing was spent lately.
    pub(super) const FULL: Self = Self { due: Instant::from_micros(0), full: Instant::from_micros(0) };

    /// The first moment at which a feedback of `len` bytes may go; an urgent one waits for its bytes only.
    pub(super) fn ready_at(&self, len: usize, urgent: bool) -> Instant {
        let paid = self.full - Duration::from_micros(DEPTH_MICROS.saturating_sub(len as u64 * BYTE_MICROS));
        if urgent { paid } else { paid.max(self.due) }
    }

    /// Bytes that may be spent.
    pub(super) fn funds(&self, now: Instant) -> usize {
        let empty = self.full.as_micros().saturating_sub(now.as_micros());
        usize::try_from(DEPTH_MICROS.saturating_sub(empty) / BYTE_MICROS).unwrap_or_default()
    }

    /// A feedback of `len` bytes goes.
    pub(super) fn spend(&mut self, len: usize, now: Instant) {
        self.full = self.full.max(now) + Duration::from_micros(len as u64 * BYTE_MICROS);
        let due = self.due.max(now - SLACK) + FEEDBACK_INTERVAL;
        self.due = due.min(now + FEEDBACK_INTERVAL);
    }
}
