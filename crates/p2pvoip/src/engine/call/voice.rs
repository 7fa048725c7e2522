//! A frame's way out and in: the sealed path of one call, from PCM to packet and back.
//!
//! Out: capture -> encode -> queue -> route -> permit -> slot -> seal. In: open -> note for feedback -> slot -> jitter buffer.
//! After its start nothing here allocates.
//!
//! # Timers
//! - `feedback`: the longest that feedback may wait for a voice packet to ride on (cc).
//! - the controller's and the pacer's (`pace`).
//! - the steps of the sealer's epochs, and the end of the opener's old ones (crypto); what the engines tell each other (asides).

use core::time::Duration;

use p2pvoip_cc::{Class, FeedbackCollector, Report, Sent};
use p2pvoip_core::wire::Writer;
use p2pvoip_core::{DataSize, Ecn, Instant, Outbox, Wake};
use p2pvoip_crypto::{HEADER_LEN, OVERHEAD, Opener, Refused, Sealer};
use p2pvoip_media::{Frame, LARGEST_BODY, Played, Receiver, ReceiverConfig, Sender, SenderConfig};
use p2pvoip_nat::Route;
use p2pvoip_signal::HangUpReason;

use super::asides::Asides;
use super::pace::Pace;
use super::rekey::{Outcome, Rekey};
use crate::codec::{BoxedDecoder, BoxedEncoder, Codec, CodecError};
use crate::engine::Arrival;
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
    /// Of those, packets that left with a mark.
    pub(crate) marked_sent: u64,
    pub(crate) packets_received: u64,
    pub(crate) bytes_received: u64,
    /// Dropped in our own queue: too old, pushed out, or made while the path was broken.
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
    pace: Pace,
    collector: FeedbackCollector,
    sender: Sender<BoxedEncoder>,
    receiver: Receiver<BoxedDecoder>,
    queue: Outbox<Queued, QUEUE>,
    /// What goes out once more right behind itself; its `made` is when it left.
    twin: Option<Queued>,
    asides: Asides,
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
        let encoder = codec.encoder()?;
        let codec_delay = Duration::from_micros(encoder.lookahead() as u64 * 1_000 / 48);
        let mut voice = Self {
            sealer,
            opener,
            pace: Pace::new(now)?,
            collector: FeedbackCollector::new(),
            sender: Sender::new(encoder, &SenderConfig::default()),
            receiver: Receiver::new(codec.decoder()?, &ReceiverConfig::default()),
            queue: Outbox::new(),
            twin: None,
            asides: Asides::new(rekey),
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
        self.opener.on_time(now);
        self.pace.on_time(now);
        self.spend(now);
        self.drop_stale(now);
        match route.map(|route| self.send_on(route, buf, now)) {
            Some(Ok(sent)) => sent,
            Some(Err(wake)) => Sending::Wait(Wake::earliest(wake, self.pace.next_at())),
            None => Sending::Wait(self.pace.next_at()),
        }
    }

    /// The same on a route that there is, or when to ask again.
    fn send_on(&mut self, route: &Route, buf: &mut [u8], now: Instant) -> Result<Sending, Option<Wake>> {
        let overhead = self.pace.follow(route, now);
        self.spend(now);
        let class = self.due(now).ok_or_else(|| self.next_at())?;
        let slot_len = self.slot_len();
        let size = overhead + bytes(slot_len + OVERHEAD);
        let twinned = self.permit(size, class, now).map_err(Some)?;
        let (front, packet) = buf.split_at_mut_checked(route.prefix.len()).ok_or(None)?;
        // Before the packet gets its number: one that could not leave must not leave a hole.
        route.prefix.write(slot_len + OVERHEAD, front).map_err(|_| None)?;
        let (number, len) = self.seal(packet, slot_len, twinned, now).ok_or(None)?;
        self.pace.on_sent(Sent { number, size, path: route.path }, now);
        let ecn = self.pace.mark(route);
        self.counters.packets_sent += 1;
        self.counters.bytes_sent += size.as_bytes();
        self.counters.marked_sent += u64::from(ecn != Ecn::NotEct);
        Ok(Sending::Packet { len: route.prefix.len() + len, ecn })
    }

    /// A datagram of the call: authenticate it, then hand its chunks to whom they belong.
    pub(crate) fn receive(&mut self, datagram: &[u8], path: u8, arrival: Arrival, now: Instant) -> Received {
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
        self.counters.bytes_received += (self.pace.below() + bytes(datagram.len())).as_bytes();
        self.last_received = Some(now);
        self.collector.on_received(opened.number, path, arrival.ecn, now - arrival.waited);
        let Some(chunks) = (opened.stream == SLOTS).then(|| slot::parse(opened.payload).ok()).flatten()
        else {
            self.counters.refused_slots += 1;
            return Received::Refused;
        };
        let (mut feedback, mut control) = (None, None);
        for (kind, bytes) in chunks {
            let refused = match kind {
                Kind::Audio => self.receiver.push(bytes, now).is_err(),
                Kind::Feedback => self.pace.read(bytes).map(|report| feedback = Some(report)).is_err(),
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

    pub(crate) const fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(crate) const fn pace_mut(&mut self) -> &mut Pace {
        &mut self.pace
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
    fn adapt(&mut self, feedback: &Report, now: Instant) {
        self.pace.on_feedback(feedback, now);
        self.spend(now);
    }

    /// Hands the controller's target to those who spend it.
    fn spend(&mut self, now: Instant) {
        if let Some(budget) = self.pace.news(now) {
            self.sender.set_budget(budget);
        }
    }

    /// Whether a packet of that size may leave now, and then whether it may be followed by itself. One permit is for both:
    /// they have to leave together. The controller counts the first of them, so it is asked before.
    fn permit(&mut self, size: DataSize, class: Class, now: Instant) -> Result<bool, Wake> {
        if class == Class::Probe {
            return Ok(false);
        }
        let wants = class == Class::Audio && !self.stopped && self.pace.wants_twin(size);
        if wants && self.pace.permit(size + size, class, now).is_ok() {
            return Ok(true);
        }
        self.pace.permit(size, class, now).map(|()| false)
    }

    /// What a packet would be sent for now.
    fn due(&mut self, now: Instant) -> Option<Class> {
        // A twin that did not get away at once tells nothing any more.
        self.twin = self.twin.take().filter(|twin| twin.made == now && !self.stopped);
        if self.twin.is_some() {
            return Some(Class::Probe);
        }
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
        let first = self.twin.as_ref().or_else(|| self.queue.peek());
        let body = first.map_or_else(|| self.sender.rung().body_len(), |queued| queued.len);
        body + FEEDBACK_ROOM
    }

    /// Fills a slot and seals it: only here a packet gets its number. Voice that is `twinned` is kept to go out once more.
    fn seal(
        &mut self,
        packet: &mut [u8],
        slot_len: usize,
        twinned: bool,
        now: Instant,
    ) -> Option<(u64, usize)> {
        let mut writer = Writer::new(packet.get_mut(HEADER_LEN..HEADER_LEN + slot_len)?);
        let mut scratch = [0; MAX_CHUNK];
        let aside = if let Some(twin) = self.twin.take() {
            writer.bytes(twin.body.get(..twin.len)?).ok()?;
            None
        } else if let Some(queued) = self.queue.pop() {
            writer.bytes(queued.body.get(..queued.len)?).ok()?;
            self.twin = twinned.then_some(Queued { made: now, ..queued });
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

    /// Drops what would come too late, and all voice while the path is broken.
    fn drop_stale(&mut self, now: Instant) {
        let broken = self.pace.is_broken();
        while self.queue.peek().is_some_and(|queued| broken || queued.made + STALE < now) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        self.counters.queue_drops += u64::from(self.queue.pop().is_some());
    }
}

/// That many bytes.
pub(super) const fn bytes(count: usize) -> DataSize {
    DataSize::from_bytes(count as u64)
}

impl core::fmt::Debug for Voice {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Voice").field("counters", &self.counters).finish_non_exhaustive()
    }
}
