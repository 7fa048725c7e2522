//! The thread that owns a stream, which need not be `Send`: it opens it, notices when it dies, and opens another.
//!
//! # Timers
//! - Every 250 ms it looks whether callbacks still come; after 2 s without one the device counts as lost.
//! - Ten glitches reported within 10 s: the stream is opened again with a larger buffer, while there is a larger one.
//! - After a loss it tries once a second, the wanted device first, then the default one, [`ATTEMPTS`] times: at once when the stream
//!   had lived for 10 s, which gives all attempts back, and after a pause when it had not. A device that opens and fails at
//!   once, again and again, is given up after as many attempts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, Thread};
use std::time::Duration;

use super::host;
use super::ring::Shared;
use super::stream::{self, CALLBACKS, Opened, Way};
use super::{Choice, DeviceError, DeviceEvent, DeviceStats};

/// Attempts to get a device back, one a second.
pub const ATTEMPTS: u32 = 60;

/// Between two looks at a stream.
const LOOK: Duration = Duration::from_millis(250);
/// Looks without a callback after which a device counts as lost: 2 s.
const SILENT_LOOKS: u32 = 8;
/// Looks over which glitches are counted, and after which a stream counts as steady: 10 s.
const LOOKS_OF_A_WINDOW: u32 = 40;
/// Glitches in that time that are too many.
const MOST_GLITCHES: usize = 10;
/// Between two attempts to get a device back.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the first opening may take, a sound server that hangs included.
const OPENING: Duration = Duration::from_secs(8);
/// News that wait to be taken: the keeper waits when there are more.
const NEWS: usize = 8;

/// What the keeper tells.
enum News<L> {
    Open { line: L, name: String, rate: u32 },
    Lost,
    GaveUp(DeviceError),
}

/// A device that is kept open, seen from outside: a line to it while there is one.
pub(super) struct Kept<L> {
    news: Receiver<News<L>>,
    stop: Arc<AtomicBool>,
    thread: Thread,
    line: Option<L>,
    name: String,
    rate: u32,
    /// What happened last and was not asked for yet.
    event: Option<DeviceEvent>,
    /// What lines that are gone went through.
    before: DeviceStats,
}

impl<L: Way> Kept<L> {
    /// Opens the chosen device and keeps it open.
    pub(super) fn open(choice: &Choice) -> Result<Self, DeviceError> {
        let (tell, news) = sync_channel(NEWS);
        let stop = Arc::new(AtomicBool::new(false));
        let keeper = Keeper { choice: choice.clone(), tell, stop: Arc::clone(&stop), callbacks: 0 };
        let thread = thread::Builder::new()
            .name(format!("p2pvoip-{}", L::KIND))
            .spawn(move || keeper.run())
            .map_err(|error| DeviceError::System(error.to_string()))?
            .thread()
            .clone();
        let mut kept = Self {
            news,
            stop,
            thread,
            line: None,
            name: String::new(),
            rate: 0,
            event: None,
            before: DeviceStats::default(),
        };
        let slow = |_| DeviceError::System("it does not answer".to_owned());
        match kept.news.recv_timeout(OPENING).map_err(slow)? {
            News::Open { line, name, rate } => {
                (kept.line, kept.name, kept.rate) = (Some(line), name, rate);
                Ok(kept)
            }
            News::GaveUp(error) => Err(error),
            News::Lost => Err(DeviceError::Gone { kind: L::KIND, name: String::new() }),
        }
    }

    /// The line to the device, while there is one.
    pub(super) fn line(&mut self) -> Option<&mut L> {
        self.follow();
        self.line.as_mut()
    }

    /// What happened last, once.
    pub(super) fn event(&mut self) -> Option<DeviceEvent> {
        self.follow();
        self.event.take()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn rate(&self) -> u32 {
        self.rate
    }

    /// What all lines went through.
    pub(super) fn stats(&self) -> DeviceStats {
        let now = self.line.as_ref().map(L::stats).unwrap_or_default();
        DeviceStats {
            underruns: self.before.underruns + now.underruns,
            overruns: self.before.overruns + now.overruns,
            xruns: self.before.xruns + now.xruns,
            waiting: now.waiting,
        }
    }

    fn follow(&mut self) {
        match self.news.try_recv() {
            Ok(News::Open { line, name, rate }) => {
                // A line that was never lost has a larger buffer now: nobody needs to hear of it, unless it is another device.
                let is_told = self.line.is_none() || self.name != name;
                self.before = self.stats();
                (self.line, self.rate) = (Some(line), rate);
                self.name.clone_from(&name);
                if is_told {
                    self.event = Some(DeviceEvent::Back(name));
                }
            }
            Ok(News::Lost) => {
                self.before = self.stats();
                self.line = None;
                self.event = Some(DeviceEvent::Lost);
            }
            Ok(News::GaveUp(error)) => {
                self.before = self.stats();
                self.line = None;
                self.event = Some(DeviceEvent::GaveUp(error));
            }
            // The keeper ends after it gave up, which was told.
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
        }
    }
}

impl<L> Drop for Kept<L> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Not waited for: a sound server that hangs must not hold up the end of a call.
        self.thread.unpark();
    }
}

impl<L> core::fmt::Debug for Kept<L> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Kept").field("name", &self.name).field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// Why a stream is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Over {
    /// Nobody wants it any more.
    Stopped,
    /// The device went away; whether it had been steady before.
    Lost { steady: bool },
    /// Its buffer is too small.
    Glitches,
}

struct Keeper<L> {
    choice: Choice,
    tell: SyncSender<News<L>>,
    stop: Arc<AtomicBool>,
    /// Which of [`CALLBACKS`] is asked for.
    callbacks: usize,
}

impl<L: Way> Keeper<L> {
    fn run(mut self) {
        let mut left = ATTEMPTS;
        let mut opened = self.try_open(&self.choice);
        loop {
            let over = match opened {
                Ok(open) => self.keep(open),
                Err(error) => {
                    // Whoever does not listen any more needs no answer.
                    let _ = self.tell.send(News::GaveUp(error));
                    return;
                }
            };
            // A larger buffer is no loss: the next line takes the place of this one, and only a device that does not
            // open again is told as lost.
            let told = match over {
                Over::Stopped => return,
                Over::Lost { steady } => {
                    if steady {
                        left = ATTEMPTS;
                    }
                    self.tell.send(News::Lost)
                }
                Over::Glitches => {
                    self.callbacks += 1;
                    left = ATTEMPTS;
                    Ok(())
                }
            };
            if told.is_err() {
                return;
            }
            let pauses = over == Over::Lost { steady: false };
            let again = again(
                &mut left,
                pauses,
                || self.stop.load(Ordering::Acquire),
                || thread::park_timeout(PAUSE),
                || self.wanted_or_default(),
            );
            let Some(again) = again else { return };
            opened = again;
        }
    }

    /// Tells of a stream and watches it to its end.
    fn keep(&self, open: Opened<L>) -> Over {
        let Opened { stream, shared, line, name, rate } = open;
        if self.tell.send(News::Open { line, name, rate }).is_err() {
            return Over::Stopped;
        }
        let over =
            watch(&shared, &self.stop, self.callbacks + 1 < CALLBACKS.len(), || thread::park_timeout(LOOK));
        drop(stream);
        over
    }

    /// The wanted device, or else the default one.
    fn wanted_or_default(&self) -> Result<Opened<L>, DeviceError> {
        self.try_open(&self.choice).or_else(|error| {
            if self.choice == Choice::Default { Err(error) } else { self.try_open(&Choice::Default) }
        })
    }

    fn try_open(&self, choice: &Choice) -> Result<Opened<L>, DeviceError> {
        let callbacks = CALLBACKS.get(self.callbacks).or(CALLBACKS.last()).copied().unwrap_or(50);
        let found = host::find(L::KIND, choice)?;
        stream::open(&found, callbacks, &thread::current())
    }
}

/// Opens a device again while there are attempts left; `pauses` before the first as well. `None` when nobody wants it any
/// more. Without an attempt left it fails without another try, so that streams that die at once do not go on for ever.
fn again<T>(
    left: &mut u32,
    pauses: bool,
    is_stopped: impl Fn() -> bool,
    mut pause: impl FnMut(),
    mut open: impl FnMut() -> Result<T, DeviceError>,
) -> Option<Result<T, DeviceError>> {
    let mut last = DeviceError::System("it opens, and fails at once".to_owned());
    let mut pauses = pauses;
    loop {
        if *left == 0 {
            return Some(Err(last));
        }
        if pauses {
            pause();
        }
        if is_stopped() {
            return None;
        }
        *left -= 1;
        match open() {
            Ok(open) => return Some(Ok(open)),
            Err(error) => last = error,
        }
        pauses = true;
    }
}

/// Looks at a stream until it is over; `pause` waits until the next look.
fn watch(shared: &Shared, stop: &AtomicBool, can_grow: bool, mut pause: impl FnMut()) -> Over {
    let (mut looks, mut silent, mut callbacks, mut glitches) = (0_u32, 0, 0, 0);
    loop {
        pause();
        looks = looks.saturating_add(1);
        if stop.load(Ordering::Acquire) {
            return Over::Stopped;
        }
        silent = if shared.callbacks() == callbacks { silent + 1 } else { 0 };
        callbacks = shared.callbacks();
        if shared.is_lost() || silent >= SILENT_LOOKS {
            return Over::Lost { steady: looks >= LOOKS_OF_A_WINDOW };
        }
        if can_grow && shared.xruns() - glitches >= MOST_GLITCHES {
            return Over::Glitches;
        }
        if looks.is_multiple_of(LOOKS_OF_A_WINDOW) {
            glitches = shared.xruns();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(can_grow: bool, mut each: impl FnMut(u32, &Shared, &AtomicBool)) -> (Over, u32) {
        let (shared, stop, mut looks) = (Shared::default(), AtomicBool::new(false), 0);
        let over = watch(&shared, &stop, can_grow, || {
            looks += 1;
            each(looks, &shared, &stop);
        });
        (over, looks)
    }

    #[test]
    fn a_device_that_opens_and_fails_at_once_is_given_up_after_sixty_attempts_one_a_second() {
        let (mut left, mut pauses, mut opened) = (ATTEMPTS, 0, 0);
        while let Some(Ok(())) = again(&mut left, true, || false, || pauses += 1, || Ok(())) {
            opened += 1;
            assert!(opened <= ATTEMPTS, "it goes on for ever");
        }
        assert_eq!((opened, pauses), (ATTEMPTS, ATTEMPTS));
    }

    #[test]
    fn a_steady_device_is_tried_at_once_then_once_a_second_and_its_last_error_is_told() {
        let (mut left, mut pauses, mut tried) = (ATTEMPTS, 0, 0);
        let gone = DeviceError::NoneFound(super::super::Kind::Speaker);
        let mut open = || {
            tried += 1;
            Err::<(), _>(gone.clone())
        };
        assert_eq!(again(&mut left, false, || false, || pauses += 1, &mut open), Some(Err(gone.clone())));
        assert_eq!((tried, pauses), (ATTEMPTS, ATTEMPTS - 1));
        assert_eq!(again(&mut 5, true, || true, || {}, || Ok(())), None);
    }

    #[test]
    fn a_device_whose_callbacks_stop_is_lost_after_two_seconds() {
        let over = watched(true, |look, shared, _| {
            if look <= 3 {
                shared.on_callback(480);
            }
        });
        assert_eq!(over, (Over::Lost { steady: false }, 3 + SILENT_LOOKS));
    }

    #[test]
    fn a_reported_loss_is_noticed_at_once_and_a_stream_of_ten_seconds_counts_as_steady() {
        let over = watched(true, |look, shared, _| {
            shared.on_callback(480);
            if look == LOOKS_OF_A_WINDOW {
                shared.on_lost();
            }
        });
        assert_eq!(over, (Over::Lost { steady: true }, LOOKS_OF_A_WINDOW));
    }

    #[test]
    fn many_glitches_ask_for_a_larger_buffer_and_few_or_the_largest_do_not() {
        let glitchy = |can_grow, every: u32| {
            watched(can_grow, move |look, shared, stop| {
                shared.on_callback(480);
                if look % every == 0 {
                    shared.on_xrun();
                }
                stop.store(look == 1_000, Ordering::Release);
            })
        };
        assert_eq!(glitchy(true, 2), (Over::Glitches, 20));
        assert_eq!(glitchy(true, 5), (Over::Stopped, 1_000));
        assert_eq!(glitchy(false, 1), (Over::Stopped, 1_000));
    }
}
