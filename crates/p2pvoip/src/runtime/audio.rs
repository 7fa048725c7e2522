//! PCM in and out of a call without a sound device: two bounded rings of frames.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use p2pvoip_media::Frame;
use tokio::sync::mpsc;

/// Frames that a ring holds: 200 ms.
const RING: usize = 20;

/// The call has ended; no more frames are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the call has ended and takes no more sound")]
pub struct AudioClosed;

/// The microphone's end: what is sent here is heard by the other side.
#[derive(Clone, Debug)]
pub struct AudioSender(mpsc::Sender<Frame>);

impl AudioSender {
    /// Hands over the next 10 ms of sound (48 kHz, mono). Waits while the ring of 200 ms is full, so that a file plays at its own
    /// pace. When nothing is sent the other side hears silence.
    ///
    /// # Errors
    /// The call has ended.
    pub async fn send(&self, frame: Frame) -> Result<(), AudioClosed> {
        self.0.send(frame).await.map_err(|_| AudioClosed)
    }

    /// How many frames wait to be sent.
    pub fn queued(&self) -> usize {
        RING - self.0.capacity()
    }
}

/// The speaker's end: one frame every 10 ms, from the moment the call is connected to its end.
#[derive(Debug)]
pub struct AudioReceiver(mpsc::Receiver<Frame>);

impl AudioReceiver {
    /// The next 10 ms of sound (48 kHz, mono), or `None` after the call's end. When frames are not taken for 200 ms, later ones are lost.
    pub async fn recv(&mut self) -> Option<Frame> {
        self.0.recv().await
    }
}

/// Whether silence is sent in place of what is captured; the owner sets it, the driver obeys from the next frame on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mute(Arc<AtomicBool>);

impl Mute {
    pub(crate) fn set(&self, muted: bool) {
        self.0.store(muted, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The driver's ends of both rings.
#[derive(Debug)]
pub(crate) struct Rings {
    capture: mpsc::Receiver<Frame>,
    playout: mpsc::Sender<Frame>,
    mute: Mute,
}

impl Rings {
    /// Both rings of a call: the driver's ends and the owner's.
    pub(crate) fn new(mute: Mute) -> (Self, (AudioSender, AudioReceiver)) {
        let (to_engine, capture) = mpsc::channel(RING);
        let (playout, from_engine) = mpsc::channel(RING);
        (Self { capture, playout, mute }, (AudioSender(to_engine), AudioReceiver(from_engine)))
    }

    /// The next captured frame; silence when there is none or the owner is muted, so that the wire does not tell who
    /// speaks. What is captured meanwhile is taken all the same: it is not said later.
    pub(crate) fn captured(&mut self) -> Frame {
        let captured = self.capture.try_recv().unwrap_or_default();
        if self.mute.is_set() { Frame::SILENCE } else { captured }
    }

    /// Hands a frame to the speaker; it is lost when nobody takes frames.
    pub(crate) fn play(&self, frame: &Frame) {
        // A full or closed ring is the listener's choice not to listen.
        let _lost = self.playout.try_send(*frame);
    }
}
