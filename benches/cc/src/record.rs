//! What is noted while a run goes on.

use crate::time::{MILLI, Micros};

/// The finest unit of rates over time.
pub const BIN: Micros = 20 * MILLI;
/// The unit of plots (RFC 8867 section 3).
pub const PLOT: Micros = 200 * MILLI;

/// Sums over equal spans of time.
#[derive(Clone, Debug)]
pub struct Bins {
    span: Micros,
    sums: Vec<u64>,
}

impl Bins {
    /// Bins of `span` up to `end`.
    pub fn new(span: Micros, end: Micros) -> Self {
        Self { span, sums: vec![0; (end / span + 1) as usize] }
    }

    /// Adds at a moment.
    pub fn add(&mut self, at: Micros, value: u64) {
        if let Some(sum) = self.sums.get_mut((at / self.span) as usize) {
            *sum += value;
        }
    }

    /// Keeps the largest of a span.
    pub fn raise(&mut self, at: Micros, value: u64) {
        if let Some(sum) = self.sums.get_mut((at / self.span) as usize) {
            *sum = (*sum).max(value);
        }
    }

    /// What was added from one moment to another, whole bins.
    pub fn between(&self, from: Micros, to: Micros) -> u64 {
        let place = |at: Micros| ((at / self.span) as usize).min(self.sums.len());
        self.sums[place(from)..place(to).max(place(from))].iter().sum()
    }

    /// All of them.
    pub fn sums(&self) -> &[u64] {
        &self.sums
    }
}

/// A frame of adaptive sound.
#[derive(Clone, Copy, Debug)]
pub struct Sound {
    /// When its packet was made.
    pub made: Micros,
    /// How long it lasts.
    pub ptime: Micros,
    /// How much later than without any queue it came, by the first copy that came.
    pub late: Option<Micros>,
    /// How much later than itself the packet was made that brought it first.
    pub repaired: Micros,
    /// The sender never sent it.
    pub skipped: bool,
}

/// What is noted of one flow.
#[derive(Clone, Debug)]
pub struct FlowRecord {
    /// Of each media packet that left its last link: when, and how long it queued.
    pub queued: Vec<(Micros, u32)>,
    /// When packets left their last link that had waited for others for long.
    pub waited: Vec<Micros>,
    /// Of each that arrived: the time since it was made, less propagation.
    pub late: Vec<u32>,
    /// Bytes that left the last link and were not lost behind it.
    pub delivered: Bins,
    /// Bytes that were sent.
    pub sent: Bins,
    /// Bytes of sound without headers and copies, that were sent.
    pub payload: u64,
    /// Packets sent.
    pub packets: u64,
    /// Packets that were dropped or lost, by plot bins.
    pub lost: Bins,
    /// The last target of each plot bin.
    pub target: Bins,
    /// The worst queueing delay in each plot bin.
    pub queue: Bins,
    /// Bytes of feedback, without headers.
    pub feedback: u64,
    /// Feedback packets.
    pub feedbacks: u64,
    /// Frames of adaptive sound.
    pub sound: Vec<Sound>,
    /// Video frames that the source left out because the sender's queue was old.
    pub skipped_frames: u64,
    /// Packets marked on their way.
    pub marked: u64,
}

impl FlowRecord {
    /// Nothing yet.
    pub fn new(end: Micros) -> Self {
        Self {
            queued: Vec::new(),
            waited: Vec::new(),
            late: Vec::new(),
            delivered: Bins::new(BIN, end),
            sent: Bins::new(PLOT, end),
            payload: 0,
            packets: 0,
            lost: Bins::new(PLOT, end),
            target: Bins::new(PLOT, end),
            queue: Bins::new(PLOT, end),
            feedback: 0,
            feedbacks: 0,
            sound: Vec::new(),
            skipped_frames: 0,
            marked: 0,
        }
    }
}
