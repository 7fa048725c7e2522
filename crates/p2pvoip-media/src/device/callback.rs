//! What the callbacks of streams do: samples from the device into a ring, and from a ring to the device.
//!
//! They run on the system's own thread under a deadline: arithmetic and the ring's ends, no allocation, no lock (a test counts).

use std::sync::Arc;

use cpal::{FromSample, Sample};
use rtrb::{Consumer, Producer};

use super::ring::Shared;

/// The callback of a microphone: the mean of all channels goes into the ring; what finds no room is lost and counted.
#[derive(Debug)]
pub(super) struct Capture {
    ring: Producer<f32>,
    channels: usize,
    shared: Arc<Shared>,
}

impl Capture {
    pub(super) fn new(ring: Producer<f32>, channels: u16, shared: Arc<Shared>) -> Self {
        Self { ring, channels: usize::from(channels.max(1)), shared }
    }

    /// Takes what the device recorded, its channels interleaved.
    pub(super) fn take<T: Sample>(&mut self, recorded: &[T])
    where
        f32: FromSample<T>,
    {
        let frames = recorded.len() / self.channels;
        self.shared.on_callback(frames);
        let room = self.ring.slots().min(frames);
        if room < frames {
            self.shared.on_overrun();
        }
        if let Ok(chunk) = self.ring.write_chunk_uninit(room) {
            chunk.fill_from_iter(recorded.chunks_exact(self.channels).map(mean));
        }
    }
}

/// The mean of the channels; what is not a number is silence.
fn mean<T: Sample>(channels: &[T]) -> f32
where
    f32: FromSample<T>,
{
    #[expect(clippy::cast_precision_loss, reason = "the number of channels is small")]
    let mean = channels.iter().map(|sample| sample.to_sample::<f32>()).sum::<f32>() / channels.len() as f32;
    if mean.is_finite() { mean } else { 0.0 }
}

/// The callback of a speaker: the ring goes to the first two channels, others stay silent; so does what the ring lacks.
#[derive(Debug)]
pub(super) struct Playout {
    ring: Consumer<f32>,
    channels: usize,
    shared: Arc<Shared>,
    /// Enough waited once, and the ring did not run dry since.
    running: bool,
}

impl Playout {
    pub(super) fn new(ring: Consumer<f32>, channels: u16, shared: Arc<Shared>) -> Self {
        Self { ring, channels: usize::from(channels.max(1)), shared, running: false }
    }

    /// Gives the device what it is to play, its channels interleaved.
    pub(super) fn give<T: Sample + FromSample<f32>>(&mut self, played: &mut [T]) {
        let frames = played.len() / self.channels;
        self.shared.on_callback(frames);
        let waiting = self.ring.slots();
        // A device may ask for more at once than the ring is meant to hold: what half fills it is enough.
        let start = self.shared.start().max(frames).min(self.ring.buffer().capacity() / 2);
        self.running |= start > 0 && waiting >= start;
        let ready = if self.running { waiting.min(frames) } else { 0 };
        let mut rest = played.chunks_exact_mut(self.channels);
        if let Ok(chunk) = self.ring.read_chunk(ready) {
            for (sample, out) in chunk.into_iter().zip(rest.by_ref()) {
                spread(sample, out);
            }
        }
        for out in rest {
            out.fill(T::EQUILIBRIUM);
        }
        if self.running && ready < frames {
            self.running = false;
            self.shared.on_underrun();
        }
    }
}

/// The loudest sample of 24 bits, the widest that `f32` holds exactly.
const LOUDEST: f32 = 1.0 - 1.0 / 8_388_608.0;

/// What is too loud is cut: the resampler overshoots, and 24 bits in 32 would go over into the other sign.
fn spread<T: Sample + FromSample<f32>>(sample: f32, out: &mut [T]) {
    let sample = sample.clamp(-1.0, LOUDEST);
    for (channel, to) in out.iter_mut().enumerate() {
        *to = if channel < 2 { T::from_sample(sample) } else { T::EQUILIBRIUM };
    }
}

#[cfg(test)]
mod tests {
    use p2pvoip_sim::alloc::allocations;

    use super::super::ring::{RING_MILLIS, ring};
    use super::*;

    #[test]
    fn channels_are_mixed_down_with_equal_weight_and_any_format_is_understood() {
        fn captured<T: Sample>(recorded: &[T]) -> Vec<f32>
        where
            f32: FromSample<T>,
        {
            let (producer, mut consumer, shared) = ring(48_000);
            Capture::new(producer, 2, shared).take(recorded);
            std::iter::from_fn(|| consumer.pop().ok()).collect()
        }
        assert_eq!(captured(&[0.5_f32, 0.25, -1.0, 0.0]), [0.375, -0.5]);
        assert_eq!(captured(&[i16::MIN, i16::MIN, 16_384, 0]), [-1.0, 0.25]);
        assert_eq!(captured(&[128_u8, 128, 192, 192]), [0.0, 0.5]);
        assert_eq!(captured(&[0_u16, 0]), [-1.0]);
        assert_eq!(captured(&[i32::MIN, i32::MIN]), [-1.0]);
        assert_eq!(captured(&[f64::NAN, 0.0, f64::INFINITY, 0.0]), [0.0, 0.0]);
    }

    #[test]
    fn voice_goes_to_the_first_two_channels_and_what_is_missing_is_silence() {
        let (mut producer, consumer, shared) = ring(48_000);
        shared.set_start(2);
        shared.on_use();
        let mut playout = Playout::new(consumer, 3, Arc::clone(&shared));
        producer.push_entire_slice(&[0.5, -0.5]).unwrap();
        let mut played = [1_u8; 6];
        playout.give(&mut played);
        assert_eq!(played, [192, 192, 128, 64, 64, 128]);
        playout.give(&mut played);
        assert_eq!((played, shared.underruns()), ([128; 6], 1));
        // It begins again only when enough waits.
        producer.push(0.5).unwrap();
        playout.give(&mut played);
        assert_eq!((played, shared.underruns()), ([128; 6], 1));
        producer.push(0.5).unwrap();
        playout.give(&mut played);
        assert_eq!(played[0], 192);
    }

    #[test]
    fn what_is_too_loud_is_cut_at_full_scale_in_24_bits() {
        let (mut producer, consumer, shared) = ring(48_000);
        shared.set_start(4);
        let mut playout = Playout::new(consumer, 1, shared);
        producer.push_entire_slice(&[1.0, 1.3, -1.0, -1.3]).unwrap();
        let mut played = [cpal::I24::EQUILIBRIUM; 4];
        playout.give(&mut played);
        assert_eq!(played.map(cpal::I24::inner), [8_388_607, 8_388_607, -8_388_608, -8_388_608]);
    }

    #[test]
    fn what_finds_no_room_in_the_ring_is_dropped_and_counted_once_somebody_listens() {
        let (producer, consumer, shared) = ring(48_000);
        let limit = 48 * RING_MILLIS as usize;
        assert_eq!(producer.buffer().capacity(), limit);
        let mut capture = Capture::new(producer, 1, Arc::clone(&shared));
        capture.take(&vec![0.1_f32; limit + 1]);
        assert_eq!((consumer.slots(), shared.overruns()), (limit, 0), "nobody reads yet");
        shared.on_use();
        capture.take(&[0.1_f32]);
        assert_eq!((consumer.slots(), shared.overruns()), (limit, 1));
    }

    #[test]
    fn a_device_that_asks_for_more_than_the_ring_holds_is_played_to_all_the_same() {
        let (mut producer, consumer, shared) = ring(8_000);
        shared.set_start(100);
        let mut playout = Playout::new(consumer, 1, shared);
        producer.push_entire_slice(&[0.5; 2_000]).unwrap();
        let mut played = vec![0.0_f32; 6_000];
        playout.give(&mut played);
        assert_eq!(played.iter().filter(|sample| **sample > 0.0).count(), 2_000);
    }

    #[test]
    fn callbacks_allocate_nothing() {
        let (producer, _consumer, shared) = ring(48_000);
        let mut capture = Capture::new(producer, 2, shared);
        let (mut filled, consumer, shared) = ring(48_000);
        shared.set_start(480);
        shared.on_use();
        let mut playout = Playout::new(consumer, 2, shared);
        filled.push_entire_slice(&[0.5; 4_000]).unwrap();
        let (recorded, mut played) = ([1_i16; 960], [0_i16; 960]);
        // Fifty of them: some find sound and room, some find the ring empty or full.
        let count = allocations(|| {
            for _ in 0..60 {
                capture.take(&recorded);
                playout.give(&mut played);
            }
        });
        assert_eq!(count, 0);
    }
}
