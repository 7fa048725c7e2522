//! A bounded series of samples: when it is full, pairs are merged and each sample stands for twice the time.

use core::time::Duration;

/// The most samples kept: with one a second, four minutes at full resolution, an hour at 16 s, and so on without end.
pub const SAMPLES: usize = 240;
const _: () = assert!(SAMPLES.is_multiple_of(2), "pairs are merged");

/// What is recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Metric {
    /// Round-trip time in milliseconds.
    RoundTripTime,
    /// Packets lost before repair, in percent of those that were expected in the sample's time.
    Loss,
    /// Sound that was made up, in percent of what was played in the sample's time.
    Concealed,
    /// Deviation of arrival times in milliseconds.
    Jitter,
    /// From arrival to the speaker, in milliseconds.
    PlayoutDelay,
    /// Sent on the wire, in kbit/s.
    SentBitrate,
    /// Received on the wire, in kbit/s.
    ReceivedBitrate,
    /// Allowed on the wire, in kbit/s.
    TargetBitrate,
    /// The queue that this side's packets meet in the network, in milliseconds.
    QueueingDelay,
    /// Sound in a packet that is sent, in milliseconds.
    Ptime,
    /// Packets that a router marked as having met congestion, in percent of those that could be marked, in the sample's time.
    Marked,
    /// The opinion score of the conversation, 1 to 4.5.
    Mos,
    /// The rating of the conversation, 0 to 100.
    RFactor,
}

impl Metric {
    /// All of them, in the order of their places.
    pub const ALL: [Self; 13] = [
        Self::RoundTripTime,
        Self::Loss,
        Self::Concealed,
        Self::Jitter,
        Self::PlayoutDelay,
        Self::SentBitrate,
        Self::ReceivedBitrate,
        Self::TargetBitrate,
        Self::QueueingDelay,
        Self::Ptime,
        Self::Marked,
        Self::Mos,
        Self::RFactor,
    ];

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundTripTime => "round trip",
            Self::Loss => "loss",
            Self::Concealed => "concealed",
            Self::Jitter => "jitter",
            Self::PlayoutDelay => "playout delay",
            Self::SentBitrate => "sent",
            Self::ReceivedBitrate => "received",
            Self::TargetBitrate => "target",
            Self::QueueingDelay => "queue",
            Self::Ptime => "packet time",
            Self::Marked => "marked",
            Self::Mos => "mos",
            Self::RFactor => "r factor",
        }
    }

    /// Its unit; the opinion score and the rating have none.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::RoundTripTime | Self::Jitter | Self::PlayoutDelay | Self::QueueingDelay | Self::Ptime => {
                "ms"
            }
            Self::Loss | Self::Concealed | Self::Marked => "%",
            Self::SentBitrate | Self::ReceivedBitrate | Self::TargetBitrate => "kbit/s",
            Self::Mos | Self::RFactor => "",
        }
    }
}

/// Values over one stretch of time, or means of them.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Sample {
    /// Its end, since the recording began.
    pub at: Duration,
    values: [Option<f32>; Metric::ALL.len()],
}

impl Sample {
    pub(crate) const fn new(at: Duration) -> Self {
        Self { at, values: [None; Metric::ALL.len()] }
    }

    /// The value of a metric, if it was known.
    pub fn get(&self, metric: Metric) -> Option<f32> {
        self.values.get(metric as usize).copied().flatten()
    }

    pub(crate) fn set(&mut self, metric: Metric, value: Option<f32>) {
        if let Some(place) = self.values.get_mut(metric as usize) {
            *place = value;
        }
    }

    /// One sample for two neighbours of the same length.
    fn merged(self, later: Self) -> Self {
        let mut both = Self::new(later.at);
        for metric in Metric::ALL {
            let value = match (self.get(metric), later.get(metric)) {
                (Some(a), Some(b)) => Some(f32::midpoint(a, b)),
                (a, b) => a.or(b),
            };
            both.set(metric, value);
        }
        both
    }
}

/// Fewer than [`SAMPLES`] samples between two calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    samples: Vec<Sample>,
}

impl Series {
    pub(crate) fn new() -> Self {
        Self { samples: Vec::with_capacity(SAMPLES) }
    }

    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Adds a sample; whether pairs were merged, so that the next should stand for twice the time.
    pub(crate) fn push(&mut self, sample: Sample) -> bool {
        self.samples.push(sample);
        if self.samples.len() < SAMPLES {
            return false;
        }
        let pairs = self.samples.as_chunks::<2>().0;
        let merged: Vec<_> = pairs.iter().map(|[earlier, later]| earlier.merged(*later)).collect();
        self.samples.clear();
        self.samples.extend(merged);
        true
    }
}
