//! Writes a feedback packet block by block (RFC 8888 section 3.1).

use super::{FIRST, MAX_METRICS, MAX_OFFSET, Metric, Offset, RTPFB};
use crate::FeedbackCollector;
use p2pvoip_core::Instant;
use p2pvoip_core::wire::{Malformed, Writer};

/// Bytes before the first block.
const HEAD: usize = 8;
/// Bytes of the Report Timestamp.
const TAIL: usize = 4;
/// Bytes that the 16-bit length of RTCP can name.
const LONGEST: usize = 4 * (0xffff + 1);

/// Stage: writes a packet to the front of a buffer; what does not fit is refused whole, so that it can go into the next.
#[derive(Debug)]
pub struct Builder<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Builder<'a> {
    /// Begins a packet from the SSRC `sender`.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when `buf` is shorter than a packet without blocks (12 bytes).
    pub fn new(buf: &'a mut [u8], sender: u32) -> Result<Self, Malformed> {
        if buf.len() < HEAD + TAIL {
            return Err(Malformed::Truncated);
        }
        let mut writer = Writer::new(buf);
        writer.bytes(&[FIRST, RTPFB, 0, 0])?;
        writer.u32(sender)?;
        Ok(Self { buf, len: HEAD })
    }

    /// Adds what is known of the packets from `begin` on.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when it does not fit (into the buffer, or the 262,144 bytes of an RTCP packet),
    /// [`Malformed::Invalid`] for more than [`MAX_METRICS`] packets.
    pub fn block(
        &mut self,
        ssrc: u32,
        begin: u16,
        metrics: impl ExactSizeIterator<Item = Option<Metric>>,
    ) -> Result<(), Malformed> {
        let count = metrics.len();
        if count > MAX_METRICS {
            return Err(Malformed::Invalid("number of packet metric blocks"));
        }
        let end = self.len + 8 + 2 * count.next_multiple_of(2);
        if end + TAIL > self.buf.len().min(LONGEST) {
            return Err(Malformed::Truncated);
        }
        let mut writer = Writer::new(self.buf.get_mut(self.len..end).unwrap_or_default());
        writer.u32(ssrc)?;
        writer.u16(begin)?;
        writer.u16(u16::try_from(count).unwrap_or_default())?;
        for metric in metrics.take(count) {
            writer.u16(Metric::bits(metric))?;
        }
        writer.pad();
        self.len = end;
        Ok(())
    }

    /// Adds what a collector knows of its last `reach` numbers, at most 64, at the time of the Report Timestamp. The low 16
    /// bits of its numbers are the RTP sequence numbers. Nothing is added when nothing came yet.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when it does not fit.
    pub fn collector(
        &mut self,
        ssrc: u32,
        collector: &FeedbackCollector,
        reach: usize,
        now: Instant,
    ) -> Result<(), Malformed> {
        let reach = reach.min(collector.window().count());
        let Some(begin) = collector.window().rev().take(reach).last() else { return Ok(()) };
        let low = u16::try_from(begin & 0xffff).unwrap_or_default();
        let metrics = (0..reach).map(|index| {
            let arrived = collector.arrived(begin + index as u64)?;
            let offset = arrived.at.and_then(|at| now.checked_since(at)).map_or(Offset::Unknown, |offset| {
                let units = offset.as_micros() * 1_024 / 1_000_000;
                u16::try_from(units)
                    .ok()
                    .filter(|units| *units <= MAX_OFFSET)
                    .map_or(Offset::OverRange, Offset::Units)
            });
            Some(Metric { ecn: arrived.ecn, offset })
        });
        self.block(ssrc, low, metrics)
    }

    /// Ends the packet with the Report Timestamp (the middle 32 bits of an NTP timestamp) and returns its length.
    ///
    /// # Errors
    /// None in practice: room for it was kept.
    pub fn finish(self, timestamp: u32) -> Result<usize, Malformed> {
        let len = self.len + TAIL;
        Writer::new(self.buf.get_mut(self.len..len).unwrap_or_default()).u32(timestamp)?;
        let words = u16::try_from(len / 4 - 1).map_err(|_| Malformed::Truncated)?;
        Writer::new(self.buf.get_mut(2..4).unwrap_or_default()).u16(words)?;
        Ok(len)
    }
}
