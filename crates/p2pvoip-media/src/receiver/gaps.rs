//! The spans of media time that were passed without their frames: who comes for one of them is late, not a duplicate.

use std::collections::VecDeque;

/// Gaps that are remembered at most; the oldest is forgotten first.
pub(super) const REMEMBERED: usize = 32;

/// Passed spans of media time, oldest first.
#[derive(Debug)]
pub(super) struct Gaps(VecDeque<(u64, u64)>);

impl Gaps {
    pub(super) fn new() -> Self {
        Self(VecDeque::with_capacity(REMEMBERED))
    }

    /// Media time from `from` to `to` was passed without frames; follows on those noted before.
    pub(super) fn note(&mut self, from: u64, to: u64) {
        if let Some(last) = self.0.back_mut().filter(|last| last.1 == from) {
            last.1 = to;
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((from, to));
    }

    /// Whether the frame at `time` was passed without it; it is no longer afterwards, so its duplicate is one.
    pub(super) fn fill(&mut self, time: u64, ticks: u64) -> bool {
        let Some(gap) = self.0.iter_mut().find(|gap| gap.0 <= time && time < gap.1) else { return false };
        // The rest of the gap on the longer side stays; spans of a gap come back in order nearly always.
        let (before, after) = ((gap.0, time), (time.saturating_add(ticks).min(gap.1), gap.1));
        *gap = if after.1 - after.0 >= before.1 - before.0 { after } else { before };
        true
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fills_its_gap_once() {
        let mut gaps = Gaps::new();
        gaps.note(8, 12);
        gaps.note(12, 24);
        assert!(!gaps.fill(0, 8) && !gaps.fill(24, 8));
        assert!(gaps.fill(8, 8) && !gaps.fill(8, 8));
        assert!(gaps.fill(16, 8) && !gaps.fill(16, 8));
    }

    #[test]
    fn the_oldest_gap_is_forgotten_at_the_limit() {
        let mut gaps = Gaps::new();
        for n in 0..=REMEMBERED as u64 {
            gaps.note(n * 100, n * 100 + 8);
        }
        assert!(!gaps.fill(0, 8) && gaps.fill(100, 8));
        assert_eq!(gaps.0.len(), REMEMBERED);
    }
}
