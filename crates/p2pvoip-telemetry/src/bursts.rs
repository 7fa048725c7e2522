//! Bursts and gaps of losses (RFC 3611 section 4.7.2; what its appendix A.2 computes, by the section's own definition).
//!
//! A burst begins and ends with a bad packet (lost or discarded) and holds no [`GMIN`] good ones in a row; everything else is
//! gap. A bad packet with that many good ones on both sides is isolated, and part of the gap. The call is taken to be preceded and
//! followed by good packets. Appendix A.2 counts transitions of states and loses the first and the last stretch; here nothing is.

use core::time::Duration;

/// Good packets in a row that end a burst (RFC 3611 section 4.7.6, recommended).
pub const GMIN: u64 = 16;

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Fate {
    /// It came in time, or was brought back.
    Received,
    /// It never came, and nothing brought it back.
    Lost,
    /// It came, but too late to be played.
    Discarded,
}

/// What is known of bursts and gaps.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Bursts {
    /// The share of packets that were lost, 0 to 1.
    pub loss_rate: f32,
    /// The share of packets that were discarded, 0 to 1.
    pub discard_rate: f32,
    /// The share of packets in bursts that were bad, 0 to 1.
    pub burst_density: f32,
    /// The share of packets in gaps that were bad, 0 to 1.
    pub gap_density: f32,
    /// The mean duration of a burst; zero when there was none.
    pub burst_duration: Duration,
    /// The time in gaps for each burst; all of it when there was none (appendix A.2; the example of section 4.7.2).
    pub gap_duration: Duration,
    /// How many bursts there were.
    pub bursts: u64,
}

/// Packets of a stretch.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    packets: u64,
    bad: u64,
    time: Duration,
}

impl Stretch {
    const fn one(bad: bool, time: Duration) -> Self {
        Self { packets: 1, bad: bad as u64, time }
    }

    const fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.bad += other.bad;
        self.time = self.time.saturating_add(other.time);
    }

    #[expect(clippy::cast_precision_loss, reason = "shown to people with three digits")]
    fn density(&self) -> f32 {
        share(self.bad as f32, self.packets)
    }
}

/// Estimator: is told the fate of each packet in order, and says how losses cluster.
#[derive(Clone, Debug, Default)]
pub struct BurstGap {
    gaps: Stretch,
    in_bursts: Stretch,
    bursts: u64,
    lost: u64,
    discarded: u64,
    /// From a bad packet to the last one so far: a burst, or an isolated loss.
    open: Option<Stretch>,
    /// The good packets since.
    since: Stretch,
}

impl BurstGap {
    /// Has heard of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next packet, in the order of sending, and how much sound it held.
    pub fn on_packet(&mut self, fate: Fate, time: Duration) {
        let bad = fate != Fate::Received;
        let packet = Stretch::one(bad, time);
        self.lost += u64::from(fate == Fate::Lost);
        self.discarded += u64::from(fate == Fate::Discarded);
        match (&mut self.open, bad) {
            (None, false) => self.gaps.add(packet),
            (None, true) => self.open = Some(packet),
            (Some(_), false) => {
                self.since.add(packet);
                if self.since.packets >= GMIN {
                    self.close();
                }
            }
            (Some(open), true) => {
                open.add(core::mem::take(&mut self.since));
                open.add(packet);
            }
        }
    }

    /// What is known so far, as if only good packets followed.
    pub fn report(&self) -> Bursts {
        let mut ended = self.clone();
        ended.close();
        let packets = ended.gaps.packets + ended.in_bursts.packets;
        let times = u32::try_from(ended.bursts).unwrap_or(u32::MAX).max(1);
        #[expect(clippy::cast_precision_loss, reason = "shown to people with three digits")]
        let (lost, discarded) = (self.lost as f32, self.discarded as f32);
        Bursts {
            loss_rate: share(lost, packets),
            discard_rate: share(discarded, packets),
            burst_density: ended.in_bursts.density(),
            gap_density: ended.gaps.density(),
            burst_duration: ended.in_bursts.time / times,
            gap_duration: ended.gaps.time / times,
            bursts: ended.bursts,
        }
    }

    /// What is open is a burst, or a gap when it is a single loss; what followed it is a gap.
    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            if open.bad == 1 {
                self.gaps.add(open);
            } else {
                self.in_bursts.add(open);
                self.bursts += 1;
            }
        }
        self.gaps.add(core::mem::take(&mut self.since));
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown to people with three digits")]
fn share(part: f32, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { part / whole as f32 }
}
