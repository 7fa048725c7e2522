//! Coded frames that wait for their moment, in order of media time; bounded, without allocation after construction.

use crate::payload::Span;

/// Frames that wait at most: 1.28 s of 20 ms frames.
pub(super) const CAPACITY: usize = 64;
/// The longest payload in bytes that is kept (RFC 6716 section 3.4: the largest Opus frame).
pub(super) const LONGEST_PAYLOAD: usize = 1_275;

/// One coded frame.
pub(super) struct Entry {
    pub(super) time: u64,
    pub(super) span: Span,
    /// Whether the frame itself came, not only a copy.
    pub(super) primary: bool,
    pub(super) payload: Vec<u8>,
}

/// What became of a frame that was offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Inserted {
    /// It was not there before.
    New,
    /// Its copy had come before; now the frame itself is here.
    AfterCopy,
    /// It was there already.
    Known,
    /// It is older than everything in a full buffer.
    NoRoom,
}

/// Frames by media time.
pub(super) struct FrameBuffer {
    /// Ascending; few and nearly always appended at the end.
    entries: Vec<Entry>,
    spare: Vec<Vec<u8>>,
    /// Frames dropped for want of room.
    pub(super) overflowed: u64,
}

impl FrameBuffer {
    pub(super) fn new() -> Self {
        let spare = (0..=CAPACITY).map(|_| Vec::with_capacity(LONGEST_PAYLOAD)).collect();
        Self { entries: Vec::with_capacity(CAPACITY + 1), spare, overflowed: 0 }
    }

    pub(super) fn insert(&mut self, time: u64, span: Span, primary: bool, payload: &[u8]) -> Inserted {
        let place = self.entries.partition_point(|entry| entry.time < time);
        if let Some(entry) = self.entries.get_mut(place).filter(|entry| entry.time == time) {
            let first = primary && !entry.primary;
            entry.primary |= primary;
            return if first { Inserted::AfterCopy } else { Inserted::Known };
        }
        if self.entries.len() == CAPACITY {
            self.overflowed += 1;
            if place == 0 {
                return Inserted::NoRoom;
            }
            self.drop_first();
            return self.insert(time, span, primary, payload);
        }
        let mut kept = self.spare.pop().unwrap_or_default();
        kept.clear();
        kept.extend_from_slice(payload);
        self.entries.insert(place, Entry { time, span, primary, payload: kept });
        Inserted::New
    }

    pub(super) fn first(&self) -> Option<&Entry> {
        self.entries.first()
    }

    pub(super) fn contains(&self, time: u64) -> bool {
        self.entries.binary_search_by_key(&time, |entry| entry.time).is_ok()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes the first frame; give its payload back by [`reuse`](FrameBuffer::reuse).
    pub(super) fn take_first(&mut self) -> Option<Entry> {
        if self.entries.is_empty() { None } else { Some(self.entries.remove(0)) }
    }

    pub(super) fn reuse(&mut self, payload: Vec<u8>) {
        self.spare.push(payload);
    }

    pub(super) fn drop_first(&mut self) {
        if let Some(entry) = self.take_first() {
            self.reuse(entry.payload);
        }
    }

    /// Drops what begins before `time`; returns how many of them were frames themselves.
    pub(super) fn drop_before(&mut self, time: u64) -> u64 {
        let mut dropped = 0;
        while let Some(entry) = self.first().filter(|entry| entry.time < time) {
            dropped += u64::from(entry.primary);
            self.drop_first();
        }
        dropped
    }

    pub(super) fn clear(&mut self) {
        while !self.entries.is_empty() {
            self.drop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span() -> Span {
        Span::from_bits(1).unwrap()
    }

    #[test]
    fn frames_come_out_in_order_and_once() {
        let mut buffer = FrameBuffer::new();
        for time in [16, 0, 8, 8] {
            buffer.insert(time, span(), true, &[1]);
        }
        let times: Vec<_> = core::iter::from_fn(|| buffer.take_first()).map(|entry| entry.time).collect();
        assert_eq!(times, [0, 8, 16]);
    }

    #[test]
    fn a_copy_is_replaced_by_its_frame_and_never_the_other_way() {
        let mut buffer = FrameBuffer::new();
        assert_eq!(buffer.insert(8, span(), false, &[1]), Inserted::New);
        assert_eq!(buffer.insert(8, span(), true, &[1]), Inserted::AfterCopy);
        assert_eq!(buffer.insert(8, span(), false, &[1]), Inserted::Known);
        assert!(buffer.first().unwrap().primary);
    }

    #[test]
    fn a_full_buffer_drops_its_oldest_and_refuses_what_is_older_still() {
        let mut buffer = FrameBuffer::new();
        for n in 0..CAPACITY as u64 {
            assert_eq!(buffer.insert(100 + n, span(), true, &[0; LONGEST_PAYLOAD]), Inserted::New);
        }
        assert_eq!(buffer.insert(5, span(), true, &[1]), Inserted::NoRoom);
        assert_eq!(buffer.insert(1_000, span(), true, &[1]), Inserted::New);
        assert_eq!((buffer.len(), buffer.first().unwrap().time, buffer.overflowed), (CAPACITY, 101, 2));
        assert_eq!(buffer.drop_before(200), 63);
        buffer.clear();
        assert_eq!((buffer.len(), buffer.spare.len()), (0, CAPACITY + 1), "every buffer came back");
    }
}
