//! A frame's way out and in: the sealed path of one call, from PCM to packet and back.
//!
//! Out: capture -> encode -> queue -> route -> permit -> slot -> seal. In: open -> feedback bookkeeping -> slot -> jitter buffer.
//! After the start nothing on this path allocates.

use core::time::Duration;

use p2pvoip_cc::{AudioController, Class, Controller, Feedback, FeedbackCollector, Pacer, Sent};
use p2pvoip_core::wire::Writer;
use p2pvoip_core::{DataSize, Ecn, Instant, Outbox, Wake};
use p2pvoip_crypto::{HEADER_LEN, OVERHEAD, Opener, Sealer, Session};
use p2pvoip_media::{Budget, Frame, Played, Receiver, Sender};
use p2pvoip_nat::Route;

use crate::codec::{BoxedDecoder, BoxedEncoder, Codec, CodecError};
use crate::engine::control::{Control, MAX_CONTROL};
use crate::engine::slot::{self, FEEDBACK_ROOM, Kind};

/// The largest sealed packet: fits the smallest IPv6 MTU with room for a relay's header (RFC 8200 section 5).
pub(crate) const MAX_PACKET: usize = 1_200;
/// The largest audio body that fits it.
const MAX_BODY: usize = MAX_PACKET - OVERHEAD - FEEDBACK_ROOM;
/// Packets that wait for a route or a permit; beyond, the oldest is dropped.
const QUEUE: usize = 8;
/// A packet that waited longer than this would come too late to be played.
const STALE: Duration = Duration::from_millis(200);
/// The stream that slots travel on.
const SLOTS: u8 = 0;

/// What the sealed path counts; read by `stats`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) packets_sent: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) packets_received: u64,
    pub(crate) bytes_received: u64,
    /// Dropped in our own queue: too old, or pushed out.
    pub(crate) queue_drops: u64,
    /// Packets that did not open: forged, replayed or too old.
    pub(crate) refused_packets: u64,
    /// Authenticated slots that are not as specified: a bug of the peer.
    pub(crate) refused_slots: u64,
}

/// An encoded packet that waits for a route and a permit.
struct Queued {
    body: [u8; MAX_BODY],
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
    /// The control message that rides in slots until it is acknowledged, and the acknowledgement that is owed.
    control: Option<Control>,
    ack: Option<u8>,
    path: Option<u8>,
    last_received: Option<Instant>,
    counters: Counters,
    scratch: Box<[u8; MAX_PACKET]>,
}

impl core::fmt::Debug for Voice {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Voice").field("counters", &self.counters).finish_non_exhaustive()
    }
}

/// What came out of a received packet, for the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Received {
    /// Voice or feedback: dealt with here.
    Media,
    /// A control message.
    Control(Control),
    /// It did not authenticate, or is not as specified; counted.
    Refused,
}

/// What the sealed path wants to do now.
pub(crate) enum Sending {
    /// Send that many bytes of the buffer on the route.
    Packet(usize),
    /// Nothing, until the moment where there is one.
    Wait(Option<Wake>),
}

impl Voice {
    pub(crate) fn new(sealer: Sealer, opener: Opener, codec: &dyn Codec, now: Instant) -> Result<Self, CodecError> {
        let mut voice = Self {
            sealer,
            opener,
            controller: AudioController::new(now),
            collector: FeedbackCollector::new(),
            pacer: Pacer::new(now),
            sender: Sender::new(codec.encoder()?),
            receiver: Receiver::new(codec.decoder()?),
            queue: Outbox::new(),
            control: None,
            ack: None,
            path: None,
            last_received: None,
            counters: Counters::default(),
            scratch: Box::new([0; MAX_PACKET]),
        };
        voice.spend(now);
        Ok(voice)
    }

    /// A captured frame enters: encode, packetise, and queue for the pacer.
    pub(crate) fn capture(&mut self, frame: &Frame, now: Instant) {
        self.sender.push(frame, now);
        let mut queued = Queued { body: [0; MAX_BODY], len: 0, made: now };
        while let Some(packed) = self.sender.pull(&mut queued.body) {
            queued.len = packed.len;
            if self.queue.room() == 0 {
                self.drop_oldest();
            }
            let full = Queued { body: queued.body, ..queued };
            debug_assert!(self.queue.push(full).is_ok(), "room was made");
        }
    }

    /// The speaker asks for its next frame.
    pub(crate) fn playout(&mut self, frame: &mut Frame, now: Instant) -> Played {
        self.receiver.pull(frame, now)
    }
}
