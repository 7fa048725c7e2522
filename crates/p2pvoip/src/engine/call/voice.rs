//! A frame's way out and in: the sealed path of one call, from PCM to packet and back.
//!
//! Out: capture -> encode -> queue -> route -> permit -> slot -> seal. In: open -> note for feedback -> slot -> jitter buffer.
//! After its start nothing here allocates.
//!
//! # Timers
//! - `feedback`: the longest that feedback may wait for a voice packet to ride on (cc).
//! - the pacer's, when a packet waits for its permit.
//! - the steps of the sealer's epochs, and the end of the opener's old ones (crypto); what the engines tell each other (asides).

use core::time::Duration;

use p2pvoip_cc::{
    AudioConfig, AudioController, Breaker, Class, Controller, Feedback, FeedbackCollector, Pacer, Sent,
};
use p2pvoip_core::wire::Writer;
use p2pvoip_core::{DataSize, Ecn, Instant, Outbox, Wake};
use p2pvoip_crypto::{HEADER_LEN, OVERHEAD, Opener, Refused, Sealer};
use p2pvoip_media::{Budget, Frame, LARGEST_BODY, Played, Receiver, ReceiverConfig, Sender, SenderConfig};
use p2pvoip_nat::{Route, RouteKind};
use p2pvoip_signal::HangUpReason;

use super::asides::Asides;
use super::rekey::{Outcome, Rekey};
use crate::codec::{BoxedDecoder, BoxedEncoder, Codec, CodecError};
use crate::engine::control::Control;
use crate::engine::slot::{self, FEEDBACK_ROOM, Kind};

/// The largest sealed packet in bytes: a relay's header and the smallest IPv6 MTU leave more (RFC 8200 section 5).
pub(crate) const MAX_PACKET: usize = 1_200;
const _: () = assert!(LARGEST_BODY + FEEDBACK_ROOM + OVERHEAD <= MAX_PACKET, "every rung fits into a packet");
/// Packets that wait for a route or a permit; beyond, the oldest is dropped.
const QUEUE: usize = 8;
/// A packet that waited longer than this would come too late to be played.
const STALE: Duration = Duration::from_millis(200);
/// The stream that slots travel on.
const SLOTS: u8 = 0;
/// The largest chunk of feedback or control.
const MAX_CHUNK: usize = 64;

/// What the sealed path counts; bytes are those on the wire, IP and UDP headers included.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) packets_sent: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) packets_received: u64,
    pub(crate) bytes_received: u64,
    /// Dropped in our own queue: too old, or pushed out.
    pub(crate) queue_drops: u64,
    /// Datagrams too long to be a packet.
    pub(crate) refused_long: u64,
    /// Authenticated slots or chunks that are not as specified: a bug of the peer.
    pub(crate) refused_slots: u64,
    /// Fresh keys that the peer has begun to use.
    pub(crate) rekeys: u64,
}

/// An encoded packet that waits for a route and a permit.
struct Queued {
    body: [u8; LARGEST_BODY],
    len: usize,
    made: Instant,
}

/// Stage: the sealed path of one call.
pub(crate) struct Voice {
    sealer: Sealer,
    opener: Opener,
    controller: AudioController,
    collector: FeedbackCollector,
    pacer: Pacer,
    sender: Sender<BoxedEncoder>,
    receiver: Receiver<BoxedDecoder>,
    queue: Outbox<Queued, QUEUE>,
    asides: Asides,
    /// The path of the last packet, and its bytes a packet below the sealed one.
    path: Option<(u8, DataSize)>,
    last_received: Option<Instant>,
    stopped: bool,
    counters: Counters,
    scratch: Box<[u8; MAX_PACKET]>,
    /// How far the codec looks ahead.
    codec_delay: Duration,
}

/// What came out of a received packet, for the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Received {
    /// Voice, feedback, or keys: dealt with here.
    Media,
    /// The peer has hung up.
    HangUp(HangUpReason),
    /// It did not authenticate, or is not as specified; counted.
    Refused,
    /// So many were forged that nothing is opened any more: the call has to end.
    Worn,
}

/// What the sealed path wants to do now.
pub(crate) enum Sending {
    /// Send the first `len` bytes of the buffer on the route, with this mark.
    Packet { len: usize, ecn: Ecn },
    /// Nothing, until the moment where there is one.
    Wait(Option<Wake>),
}

/// Why the sealed path could not be opened: a fault of this side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum VoiceError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    Controller(#[from] p2pvoip_cc::ConfigError),
}

impl Voice {
    pub(crate) fn new(
        sealer: Sealer,
        opener: Opener,
        rekey: Rekey,
        codec: &dyn Codec,
        now: Instant,
    ) -> Result<Self, VoiceError> {
        let controller = AudioController::new(AudioConfig::default())?;
        let pacer = Pacer::new(&controller.target(), now);
        let encoder = codec.encoder()?;
        let codec_delay = Duration::from_micros(encoder.lookahead() as u64 * 1_000 / 48);
        let mut voice = Self {
            sealer,
            opener,
            controller,
            collector: FeedbackCollector::new(),
            pacer,
            sender: Sender::new(encoder, &SenderConfig::default()),
            receiver: Receiver::new(codec.decoder()?, &ReceiverConfig::default()),
            queue: Outbox::new(),
            asides: Asides::new(rekey),
            path: None,
            last_received: None,
            stopped: false,
            counters: Counters::default(),
            scratch: Box::new([0; MAX_PACKET]),
            codec_delay,
        };
        voice.spend(now);
        Ok(voice)
    }

    /// Mixes fresh chance of the system into that of the re-keys to come.
    pub(crate) fn stir(&mut self, chance: &[u8; 32]) {
        self.asides.rekey.stir(chance);
    }

    /// A captured frame enters: encode, packetise, and queue for the pacer.
    pub(crate) fn capture(&mut self, frame: &Frame, now: Instant) {
        self.sender.push(frame, now);
        loop {
            let mut queued = Queued { body: [0; LARGEST_BODY], len: 0, made: now };
            let Some(packed) = self.sender.pull(&mut queued.body) else { return };
            queued.len = packed.len;
            if self.queue.room() == 0 {
                self.drop_oldest();
            }
            let pushed = self.queue.push(queued);
            debug_assert!(pushed.is_ok(), "room was made");
        }
    }

    /// The speaker asks for its next frame.
    pub(crate) fn playout(&mut self, frame: &mut Frame, now: Instant) -> Played {
        self.receiver.pull(frame, now)
    }

    /// Sends the next packet on the route, if one is due and permitted; its bytes stand at the front of `buf`.
    pub(crate) fn send_next(&mut self, route: Option<&Route>, buf: &mut [u8], now: Instant) -> Sending {
        self.drop_stale(now);
        self.opener.on_time(now);
        let Some(route) = route else { return Sending::Wait(None) };
        let overhead = self.follow(route, now);
        let Some(class) = self.due(now) else { return Sending::Wait(self.next_at()) };
        let slot_len = self.slot_len();
        let size = overhead + bytes(slot_len + OVERHEAD);
        if let Err(wake) = self.pacer.permit(size, class, now) {
            return Sending::Wait(Some(wake));
        }
        let Some((front, packet)) = buf.split_at_mut_checked(route.prefix.len()) else {
            return Sending::Wait(None);
        };
        // Before the packet gets its number: one that could not leave must not leave a hole.
        if route.prefix.write(slot_len + OVERHEAD, front).is_err() {
            return Sending::Wait(None);
        }
        let Some((number, len)) = self.seal(packet, slot_len, now) else { return Sending::Wait(None) };
        let before = self.controller.target();
        self.controller.on_sent(Sent { number, size, path: route.path }, now);
        // Without feedback only sending lets the controller know that time passes.
        if self.controller.target() != before {
            self.spend(now);
        }
        self.counters.packets_sent += 1;
        self.counters.bytes_sent += size.as_bytes();
        Sending::Packet { len: route.prefix.len() + len, ecn: mark(Ecn::NotEct, route.kind) }
    }

    /// A datagram of the call: authenticate it, then hand its chunks to whom they belong.
    pub(crate) fn receive(&mut self, datagram: &[u8], path: u8, ecn: Ecn, now: Instant) -> Received {
        let Some(copy) = self.scratch.get_mut(..datagram.len()) else {
            self.counters.refused_long += 1;
            return Received::Refused;
        };
        copy.copy_from_slice(datagram);
        self.opener.on_time(now);
        let awaited = self.opener.awaits_mix();
        let opened = match self.opener.open(copy) {
            Ok(opened) => opened,
            Err(Refused::Worn) => return Received::Worn,
            Err(_) => return Received::Refused,
        };
        if awaited && !self.opener.awaits_mix() {
            self.counters.rekeys += 1;
            self.asides.rekey.on_followed().into_iter().for_each(|secret| self.sealer.mix(secret));
        }
        self.counters.packets_received += 1;
        let below = self.path.map_or(IPV4_AND_UDP, |(_, overhead)| overhead);
        self.counters.bytes_received += (below + bytes(datagram.len())).as_bytes();
        self.last_received = Some(now);
        self.collector.on_received(opened.number, path, ecn, now);
        let Some(chunks) = (opened.stream == SLOTS).then(|| slot::parse(opened.payload).ok()).flatten()
        else {
            self.counters.refused_slots += 1;
            return Received::Refused;
        };
        let (mut feedback, mut control) = (None, None);
        for (kind, bytes) in chunks {
            let refused = match kind {
                Kind::Audio => self.receiver.push(bytes, now).is_err(),
                Kind::Feedback => Feedback::parse(bytes).map(|parsed| feedback = Some(parsed)).is_err(),
                Kind::Control => Control::parse(bytes).map(|parsed| control = Some(parsed)).is_err(),
            };
            self.counters.refused_slots += u64::from(refused);
        }
        if let Some(feedback) = feedback {
            self.adapt(&feedback, now);
        }
        control.map_or(Received::Media, |control| self.on_control(control, now))
    }

    /// Tells the peer in its path that the call is over; repeated until it says that it knows.
    pub(crate) fn hang_up(&mut self, reason: HangUpReason, now: Instant) {
        self.asides.hang_up(reason, now);
    }

    /// No more voice is taken; what waits, and what is owed to the peer, is still sent.
    pub(crate) const fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether the end of the call is still being told or acknowledged in the path.
    pub(crate) const fn is_hanging_up(&self) -> bool {
        self.asides.is_hanging_up()
    }

    /// Whether the peer has not been hearing anything for so long that sending on would only congest (RFC 8083 section 4.5).
    pub(crate) fn is_path_broken(&self) -> bool {
        !self.stopped && self.controller.target().breaker == Breaker::Open
    }

    /// When the last authenticated packet came.
    pub(crate) const fn last_received(&self) -> Option<Instant> {
        self.last_received
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) const fn opener(&self) -> &p2pvoip_crypto::Counters {
        self.opener.counters()
    }

    /// As if as many packets had been forged as may be.
    #[cfg(test)]
    pub(super) const fn wear(&mut self) {
        self.opener.wear();
    }

    pub(crate) const fn controller(&self) -> &AudioController {
        &self.controller
    }

    pub(crate) const fn sender(&self) -> &Sender<BoxedEncoder> {
        &self.sender
    }

    pub(crate) const fn receiver(&self) -> &Receiver<BoxedDecoder> {
        &self.receiver
    }

    /// What the codec adds to the delay beside the packet time.
    pub(crate) const fn codec_delay(&self) -> Duration {
        self.codec_delay
    }

    /// The one place where feedback becomes a decision: controller, then pacer and sender.
    fn adapt(&mut self, feedback: &Feedback, now: Instant) {
        self.controller.on_feedback(feedback, now);
        self.spend(now);
    }

    /// Hands the controller's target to those who spend it.
    fn spend(&mut self, now: Instant) {
        let target = self.controller.target();
        let below = self.path.map_or(IPV4_AND_UDP, |(_, overhead)| overhead);
        self.pacer.set_target(&target, now);
        self.sender.set_budget(Budget {
            wire: target.wire,
            overhead: below + bytes(OVERHEAD + FEEDBACK_ROOM),
            ptime: target.ptime,
            loss: target.loss,
            burst: target.burst,
            largest: LARGEST_BODY,
        });
    }

    /// Tells the controller when the route is another one; gives the bytes that each packet costs below the sealed one.
    fn follow(&mut self, route: &Route, now: Instant) -> DataSize {
        let ip = if route.remote.is_ipv6() { IPV6_AND_UDP } else { IPV4_AND_UDP };
        let overhead = ip + bytes(route.prefix.len());
        if self.path != Some((route.path, overhead)) {
            self.path = Some((route.path, overhead));
            self.controller.on_path(route.path, overhead, now);
            self.spend(now);
        }
        overhead
    }

    /// What a packet would be sent for now.
    fn due(&mut self, now: Instant) -> Option<Class> {
        let control = self.asides.is_due(now);
        if !self.queue.is_empty() {
            return Some(Class::Audio);
        }
        let feedback = self.feedback_at().is_some_and(|wake| wake.at <= now);
        (control || feedback).then_some(Class::Control)
    }

    fn next_at(&self) -> Option<Wake> {
        Wake::earliest(Wake::earliest(self.asides.next_at(), self.feedback_at()), self.opener.next_at())
    }

    /// When feedback goes even without voice.
    fn feedback_at(&self) -> Option<Wake> {
        let Wake { at, why } = self.collector.next_at().filter(|_| !self.stopped)?;
        Some(Wake { at: at + self.asides.patience(self.sender.rung().ptime), why })
    }

    /// A slot's size depends on the rung alone: that of the packet that waits, or the one to come.
    fn slot_len(&self) -> usize {
        let body = self.queue.peek().map_or_else(|| self.sender.rung().body_len(), |queued| queued.len);
        body + FEEDBACK_ROOM
    }

    /// Fills a slot and seals it: only here a packet gets its number.
    fn seal(&mut self, packet: &mut [u8], slot_len: usize, now: Instant) -> Option<(u64, usize)> {
        let mut writer = Writer::new(packet.get_mut(HEADER_LEN..HEADER_LEN + slot_len)?);
        let mut scratch = [0; MAX_CHUNK];
        let aside = if let Some(queued) = self.queue.pop() {
            writer.bytes(queued.body.get(..queued.len)?).ok()?;
            let ptime = self.sender.rung().ptime;
            if self.stopped { None } else { self.asides.beside_voice(ptime, now) }
        } else {
            self.asides.alone(now)
        };
        if let Some(control) = aside {
            slot::write_chunk(&mut writer, Kind::Control, &mut scratch, |room| control.emit(room)).ok()?;
        }
        let collector = &mut self.collector;
        // A slot without room for it is no fault: feedback rides in the next one.
        let _later =
            slot::write_chunk(&mut writer, Kind::Feedback, &mut scratch, |room| collector.emit(room, now));
        writer.pad();
        self.sealer.on_time(now);
        let sealed = self.sealer.seal(SLOTS, packet, slot_len).ok()?;
        Some((sealed.number, sealed.len))
    }

    fn on_control(&mut self, control: Control, now: Instant) -> Received {
        match control {
            Control::Ack { number } => self.asides.on_ack(number),
            Control::HangUp { number, reason } => {
                self.asides.on_hang_up(number);
                return Received::HangUp(reason);
            }
            Control::Arrived { odd, bits } => self.asides.rekey.on_arrived(odd, bits),
            Control::Fragment(fragment) => match self.asides.rekey.on_fragment(&fragment, now) {
                Ok(Outcome::Nothing) => {}
                Ok(Outcome::Opener(secret)) => self.opener.mix(secret),
                Ok(Outcome::Both(secret)) => {
                    self.opener.mix(secret.clone());
                    self.sealer.mix(secret);
                }
                Err(_) => self.counters.refused_slots += 1,
            },
        }
        Received::Media
    }

    fn drop_stale(&mut self, now: Instant) {
        while self.queue.peek().is_some_and(|queued| queued.made + STALE < now) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        self.counters.queue_drops += u64::from(self.queue.pop().is_some());
    }
}

/// The mark of a packet on this kind of route. None enters a relay: that may clear marks (RFC 8656 section 3.6), and
/// would hide from both ends that a router marked a packet instead of dropping it.
const fn mark(wanted: Ecn, kind: RouteKind) -> Ecn {
    match kind {
        RouteKind::Direct => wanted,
        RouteKind::Relayed => Ecn::NotEct,
    }
}

/// Bytes of an IPv4 and a UDP header (RFC 791, RFC 768).
const IPV4_AND_UDP: DataSize = DataSize::from_bytes(28);
/// Bytes of an IPv6 and a UDP header (RFC 8200, RFC 768).
const IPV6_AND_UDP: DataSize = DataSize::from_bytes(48);

const fn bytes(count: usize) -> DataSize {
    DataSize::from_bytes(count as u64)
}

impl core::fmt::Debug for Voice {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Voice").field("counters", &self.counters).finish_non_exhaustive()
    }
}
