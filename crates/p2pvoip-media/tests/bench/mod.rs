//! The test bench: a codec that can be seen through, traces of links, and a call over one of them.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::cast_precision_loss,
    reason = "each test uses its part of the bench"
)]

use core::time::Duration;
use p2pvoip_core::{Bitrate, DataSize, Instant, Rng, Seed};
use p2pvoip_media::codec::{CodecError, Decoder, Encoder, Setup};
use p2pvoip_media::payload::{Chunks, Kind};
use p2pvoip_media::{
    Budget, FRAME, Frame, Packed, Played, PlayedKind, Receiver, ReceiverConfig, ReceiverStats, Sender,
    SenderConfig, SenderStats,
};

/// A codec which keeps the first sample of each 10 ms, of this frame and, for repair, of the one before.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    setup: Option<Setup>,
    before: Vec<i16>,
    last: i16,
}

impl Encoder for Plain {
    fn configure(&mut self, setup: Setup) -> Result<(), CodecError> {
        self.setup = Some(setup);
        Ok(())
    }

    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, CodecError> {
        let setup = self.setup.unwrap();
        assert_eq!(pcm.len(), FRAME * usize::try_from(setup.rung.ptime.as_millis()).unwrap() / 10);
        let now: Vec<i16> = pcm.chunks(FRAME).map(|part| part[0]).collect();
        let repair = setup.fec && self.before.len() == now.len();
        let before = if repair { self.before.clone() } else { Vec::new() };
        let bytes = now.iter().chain(&before).flat_map(|sample| sample.to_le_bytes());
        let out = &mut out[..setup.rung.payload];
        out.fill(0);
        out[0] = u8::try_from(now.len() * 2 + usize::from(repair)).unwrap();
        for (to, from) in out[1..].iter_mut().zip(bytes) {
            *to = from;
        }
        self.before = now;
        Ok(out.len())
    }

    fn lookahead(&self) -> usize {
        0
    }
}

impl Plain {
    fn expand(&mut self, samples: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        for (part, pair) in out.chunks_mut(FRAME).zip(samples.chunks_exact(2)) {
            self.last = i16::from_le_bytes([pair[0], pair[1]]);
            part.fill(self.last);
        }
        Ok(samples.len() / 2 * FRAME)
    }
}

impl Decoder for Plain {
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        let len = usize::from(payload[0] / 2) * 2;
        self.expand(payload.get(1..=len).ok_or(CodecError::Undecodable)?, out)
    }

    fn can_recover(&self, next: &[u8]) -> bool {
        next[0] % 2 == 1
    }

    fn recover(&mut self, next: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        let len = usize::from(next[0] / 2) * 2;
        self.expand(next.get(1 + len..=2 * len).ok_or(CodecError::Undecodable)?, out)
    }

    fn conceal(&mut self, out: &mut [i16]) -> Result<usize, CodecError> {
        out.fill(self.last);
        Ok(out.len())
    }
}

/// A budget in which the ladder gives packets of 20 ms.
pub(crate) fn budget() -> Budget {
    Budget {
        wire: Bitrate::from_kbps(100),
        overhead: DataSize::from_bytes(67),
        ptime: Duration::from_millis(20),
        loss: 0.0,
        burst: 1.0,
        largest: 300,
    }
}

/// What the `n`-th pushed frame sounds like: never quiet, and told apart from its neighbours.
#[allow(clippy::cast_possible_truncation, reason = "1,000 to 5,095")]
pub(crate) fn mark(n: u64) -> i16 {
    1_000 + (n % 4_096) as i16
}

/// A link: when the packet sent at that moment arrives, and how often.
pub(crate) type Link<'a> = &'a mut dyn FnMut(u64, Instant, &mut Rng) -> Vec<Instant>;

/// Independent Gaussian lateness, folded to be positive.
pub(crate) fn gauss(sigma_ms: f64, rng: &mut Rng) -> Duration {
    let (a, b) = (1.0 - rng.unit(), rng.unit());
    let normal = (-2.0 * a.ln()).sqrt() * (core::f64::consts::TAU * b).cos();
    Duration::from_secs_f64((normal * sigma_ms).abs() / 1_000.0)
}

/// Exponential lateness.
pub(crate) fn exponential(mean_ms: f64, rng: &mut Rng) -> Duration {
    Duration::from_secs_f64(-(1.0 - rng.unit()).ln() * mean_ms / 1_000.0)
}

/// What a call gave.
pub(crate) struct Outcome {
    pub(crate) pulls: Vec<(Frame, Played)>,
    pub(crate) received: ReceiverStats,
    pub(crate) sent: SenderStats,
}

impl Outcome {
    /// The mean playout delay in milliseconds after the first two seconds.
    pub(crate) fn mean_delay(&self) -> f64 {
        let settled = self.pulls.iter().skip(200).filter(|pull| pull.1.kind != PlayedKind::Silence);
        let delays: Vec<f64> = settled.map(|pull| pull.1.delay.as_secs_f64() * 1_000.0).collect();
        delays.iter().sum::<f64>() / delays.len() as f64
    }

    /// The part of the pulls that was concealed.
    pub(crate) fn concealed(&self) -> f64 {
        self.received.concealed as f64 / self.received.played.max(1) as f64
    }

    /// Whether the `n`-th frame was played as it was said.
    pub(crate) fn heard(&self, n: u64) -> bool {
        self.pulls.iter().any(|(frame, _)| frame.0.iter().all(|sample| *sample == mark(n)))
    }
}

/// A call of `frames` times 10 ms; the budget may change at any frame.
pub(crate) fn call(frames: u64, seed: u64, mut spend: impl FnMut(u64) -> Budget, link: Link<'_>) -> Outcome {
    let mut rng = Seed::from_u64(seed).derive("link").rng();
    let mut sender = Sender::new(Plain::default(), &SenderConfig::default());
    let mut receiver = Receiver::new(Plain::default(), &ReceiverConfig::default());
    let mut way: Vec<(Instant, u64, Vec<u8>)> = Vec::new();
    let mut pulls = Vec::new();
    let mut packet = 0;
    for n in 0..frames {
        let now = Instant::from_millis(5_000 + 10 * n);
        sender.set_budget(spend(n));
        sender.push(&Frame([mark(n); FRAME]), now);
        let mut out = [0; 300];
        while let Some(Packed { len, rung, .. }) = sender.pull(&mut out) {
            assert_eq!(len, rung.body_len());
            for at in link(packet, now, &mut rng) {
                way.push((at, packet, out[..len].to_vec()));
            }
            packet += 1;
        }
        way.sort_by_key(|(at, packet, _)| (*at, *packet));
        let due = way.partition_point(|(at, ..)| *at <= now);
        for (at, _, body) in way.drain(..due) {
            deliver(&mut receiver, &body, at);
        }
        let mut frame = Frame::SILENCE;
        let played = receiver.pull(&mut frame, now);
        pulls.push((frame, played));
    }
    Outcome { pulls, received: receiver.stats(), sent: sender.stats() }
}

/// Hands each audio chunk of a body to the receiver.
pub(crate) fn deliver(receiver: &mut Receiver<Plain>, body: &[u8], at: Instant) {
    for chunk in Chunks::new(body) {
        let (kind, inside) = chunk.unwrap();
        if kind == Kind::AUDIO {
            receiver.push(inside, at).unwrap();
        }
    }
}
