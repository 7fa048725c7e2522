//! The ring between a stream's callback and the rest: mono samples at the device's rate, one end each, no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rtrb::{Consumer, Producer, RingBuffer};

/// Sound that a ring holds at most, in milliseconds.
pub const RING_MILLIS: u32 = 500;

/// What both sides of a ring count and tell, without a lock.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Callbacks so far; it stands still when the device does.
    callbacks: AtomicUsize,
    /// Samples of the largest callback since it was last asked for.
    largest: AtomicUsize,
    /// Somebody reads or writes the other end, so that gaps count.
    used: AtomicBool,
    /// Samples that must wait before a speaker begins, or begins again.
    start: AtomicUsize,
    underruns: AtomicUsize,
    overruns: AtomicUsize,
    xruns: AtomicUsize,
    lost: AtomicBool,
}

impl Shared {
    pub(super) fn on_callback(&self, samples: usize) {
        self.callbacks.fetch_add(1, Ordering::Relaxed);
        self.largest.fetch_max(samples, Ordering::Relaxed);
    }

    pub(super) fn callbacks(&self) -> usize {
        self.callbacks.load(Ordering::Relaxed)
    }

    pub(super) fn take_largest(&self) -> usize {
        self.largest.swap(0, Ordering::Relaxed)
    }

    pub(super) fn on_use(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    pub(super) fn set_start(&self, samples: usize) {
        self.start.store(samples, Ordering::Relaxed);
    }

    pub(super) fn start(&self) -> usize {
        self.start.load(Ordering::Relaxed)
    }

    pub(super) fn on_underrun(&self) {
        self.count(&self.underruns);
    }

    pub(super) fn on_overrun(&self) {
        self.count(&self.overruns);
    }

    fn count(&self, what: &AtomicUsize) {
        if self.used.load(Ordering::Relaxed) {
            what.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn on_xrun(&self) {
        self.xruns.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn underruns(&self) -> usize {
        self.underruns.load(Ordering::Relaxed)
    }

    pub(super) fn overruns(&self) -> usize {
        self.overruns.load(Ordering::Relaxed)
    }

    pub(super) fn xruns(&self) -> usize {
        self.xruns.load(Ordering::Relaxed)
    }

    pub(super) fn on_lost(&self) {
        self.lost.store(true, Ordering::Release);
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }
}

/// A ring of [`RING_MILLIS`] at this rate, and what its sides share.
pub(super) fn ring(rate: u32) -> (Producer<f32>, Consumer<f32>, Arc<Shared>) {
    let samples = u64::from(rate) * u64::from(RING_MILLIS) / 1_000;
    let (producer, consumer) = RingBuffer::new(usize::try_from(samples).unwrap_or(usize::MAX));
    (producer, consumer, Arc::new(Shared::default()))
}
