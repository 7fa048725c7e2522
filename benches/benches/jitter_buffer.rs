//! The jitter buffer with a codec that costs nothing: 20 ms in, two times 10 ms out.
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has to stop")]

use core::time::Duration;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use p2pvoip_core::Instant;
use p2pvoip_media::codec::{CodecError, Decoder};
use p2pvoip_media::payload::{Chunk, Span};
use p2pvoip_media::{Frame, Receiver, ReceiverConfig};

/// Half of a packet.
const PULL: Duration = Duration::from_millis(10);
/// Units of 2.5 ms in a packet of 20 ms.
const TICKS: u16 = 8;

/// Plays the first byte.
struct Tone;

impl Decoder for Tone {
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        out.fill(payload.first().copied().map_or(0, i16::from));
        Ok(out.len())
    }

    fn can_recover(&self, _next: &[u8]) -> bool {
        false
    }

    fn recover(&mut self, next: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        self.decode(next, out)
    }

    fn conceal(&mut self, out: &mut [i16]) -> Result<usize, CodecError> {
        out.fill(0);
        Ok(out.len())
    }
}

/// A stream of packets, of which every `lost`-th does not come (0: all come).
struct Stream {
    receiver: Receiver<Tone>,
    now: Instant,
    packets: u64,
    media_time: u16,
    lost: u64,
}

impl Stream {
    fn new(lost: u64) -> Self {
        let receiver = Receiver::new(Tone, &ReceiverConfig::default());
        Self { receiver, now: Instant::from_millis(1_000), packets: 0, media_time: 0, lost }
    }

    fn step(&mut self, out: &mut Frame) {
        let span = Span::of(2 * PULL).expect("there are frames of 20 ms");
        let payload = &[9; 60];
        let chunk = Chunk { marker: false, span, distance: 0, media_time: self.media_time, payload };
        let mut bytes = [0; 65];
        let len = chunk.emit(&mut bytes).expect("it fits");
        self.packets += 1;
        self.media_time = self.media_time.wrapping_add(TICKS);
        if self.lost == 0 || !self.packets.is_multiple_of(self.lost) {
            self.receiver.push(black_box(&bytes[2..len]), self.now).expect("it is in time");
        }
        for _ in 0..2 {
            self.receiver.pull(out, self.now);
            self.now += PULL;
        }
    }
}

fn stream(criterion: &mut Criterion) {
    let mut out = Frame::SILENCE;
    for (name, lost) in [("jitter_buffer/all-come", 0), ("jitter_buffer/one-of-ten-lost", 10)] {
        let mut stream = Stream::new(lost);
        criterion.bench_function(name, |bencher| bencher.iter(|| stream.step(&mut out)));
        let stats = stream.receiver.stats();
        // Nothing was run when another name was asked for.
        let was_run = stats.played > 0 || stats.concealed > 0;
        assert!(!was_run || stats.played > stats.concealed, "the stream was heard");
    }
}

criterion_group!(benches, stream);
criterion_main!(benches);
