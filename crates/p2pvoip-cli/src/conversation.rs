//! One call from its first state to its end: what is said comes from a recording or a microphone, what is heard goes to another
//! recording or a speaker.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use p2pvoip::media::wav::{Sink, Source};
use p2pvoip::{AudioReceiver, AudioSender, Call, CallEvent, CallState, EndReason, Frame};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::args::Sound;
use crate::clock;
use crate::events::Printer;
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::sound::{Devices, Ear, Mouth};
use crate::view::{Action, Meter, View};

/// How long the own hang-up may take until the call counts as over.
const HANG_UP: Duration = Duration::from_secs(3);

/// The length of a frame, in seconds.
const FRAME_SECONDS: f64 = 0.01;

/// What is said and heard, opened before the call so that a bad file is told at once.
pub(crate) struct Voices {
    source: Option<(PathBuf, Source)>,
    sink: Option<(PathBuf, Sink)>,
    devices: Devices,
    tail: Option<Duration>,
}

impl Voices {
    /// Opens the files and devices of call number `number`, counted from 1; later calls write to numbered files. With a `tail` the
    /// call is hung up that long after the recording was said. With `json` no device is opened that is not named.
    pub(crate) fn open(
        sound: &Sound,
        json: bool,
        number: u32,
        tail: Option<Duration>,
    ) -> Result<Self, Failure> {
        let source = sound.input.as_ref().map(|path| match Source::open(path) {
            Ok(source) => Ok((path.clone(), source)),
            Err(error) => Err(Failure::file(path, &error)),
        });
        let output = sound.output.as_ref().map(|path| numbered(path, number));
        if let (Some(input), Some(output)) = (&sound.input, &output)
            && is_same(input, output)
        {
            return Err(Failure::file(
                output,
                "what is heard would replace what is said; name another file by --output",
            ));
        }
        let sink = output.map(|path| match Sink::create(&path) {
            Ok(sink) => Ok((path, sink)),
            Err(error) => Err(Failure::file(&path, &error)),
        });
        let (source, sink) = (source.transpose()?, sink.transpose()?);
        Ok(Self { source, sink, devices: Devices::open(sound, json)?, tail })
    }

    /// Tells which devices a person may miss.
    pub(crate) fn warn(&self) {
        self.devices.warn();
    }
}

/// Whether two names lead to the same file.
fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    whole(one).is_some_and(|one| Some(one) == whole(other))
}

/// `name.wav` for the first call, `name-2.wav` for the second.
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number < 2 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Why this side wants the call to end.
#[derive(Debug)]
enum Wish {
    /// All was said, or the time is over.
    Done,
    /// Ctrl-C.
    Interrupted,
    /// The recording cannot be said to its end.
    Failed(Failure),
}

/// The parts of a call that run beside its events.
struct Held {
    connected: Option<oneshot::Sender<()>>,
    talker: JoinHandle<Result<(), Failure>>,
    listener: JoinHandle<Result<Option<(PathBuf, f64)>, Failure>>,
    over: oneshot::Sender<()>,
}

/// Follows a call to its end and tells about it. Ctrl-C and the `until` moment hang up.
pub(crate) async fn hold(
    mut call: Call,
    voices: Voices,
    printer: &mut Printer,
    interrupt: &mut Interrupt,
    view: &mut View,
    until: Option<Instant>,
) -> Result<EndReason, Failure> {
    let (tail, silent) = (voices.tail, voices.source.is_none());
    let mut held = begin(&mut call, voices, printer)?;
    let followed = follow(&mut call, &mut held, tail, printer, interrupt, view, until).await;
    held.talker.abort();
    // The listener is gone only when it failed, which it tells itself.
    let _ = held.over.send(());
    let heard = held.listener.await.map_err(|error| Failure::Internal(error.to_string()))?;
    let (reason, wish) = followed;
    view.close().await;
    printer.learn(&CallEvent::State(CallState::Ended(reason)));
    printer.ended(reason);
    if let Some((path, seconds)) = heard? {
        printer.written(&path, seconds);
    }
    // Ctrl-C is the regular end of a call in which nothing was left to be said.
    let regular = silent && held.connected.is_none();
    match wish {
        Some(Wish::Failed(failure)) => Err(failure),
        Some(Wish::Interrupted) if !regular => Err(Failure::Interrupted),
        _ => Ok(reason),
    }
}

fn begin(call: &mut Call, voices: Voices, printer: &Printer) -> Result<Held, Failure> {
    let (sender, receiver) = call
        .take_audio()
        .ok_or_else(|| Failure::Internal("the call has no sound; report this bug".into()))?;
    let (connected, starts) = oneshot::channel();
    let (over, ends) = oneshot::channel();
    let (mouth, ear) = voices.devices.take(printer);
    let meters = printer.view().meters();
    Ok(Held {
        connected: Some(connected),
        talker: tokio::spawn(talk(sender, voices.source, mouth, starts, meters.microphone)),
        listener: tokio::spawn(listen(receiver, voices.sink, ear, ends, meters.speaker)),
        over,
    })
}

async fn follow(
    call: &mut Call,
    held: &mut Held,
    tail: Option<Duration>,
    printer: &mut Printer,
    interrupt: &mut Interrupt,
    view: &mut View,
    until: Option<Instant>,
) -> (EndReason, Option<Wish>) {
    let mut said = false;
    let mut wish = None;
    let mut hang_up_at = pin!(sleep_until(until.unwrap_or_else(clock::never)));
    let mut give_up_at = pin!(sleep_until(clock::never()));
    loop {
        let wanted = tokio::select! {
            event = call.next_event() => match event {
                Some(CallEvent::State(CallState::Ended(reason))) => return (reason, wish),
                Some(event) => {
                    tell(&event, held, printer);
                    None
                }
                None => return (call.ended().await, wish),
            },
            talked = &mut held.talker, if !said => {
                said = true;
                let talked = talked.unwrap_or_else(|error| Err(Failure::Internal(error.to_string())));
                if let (Ok(()), Some(tail)) = (&talked, tail) {
                    let at = clock::now() + tail;
                    hang_up_at.as_mut().reset(at);
                }
                talked.err().filter(|_| wish.is_none()).map(Wish::Failed)
            }
            () = &mut hang_up_at, if wish.is_none() => Some(Wish::Done),
            action = view.next(), if wish.is_none() => obey(action, call, printer).await,
            () = interrupt.asked(), if wish.is_none() => Some(Wish::Interrupted),
            () = &mut give_up_at, if wish.is_some() => return (EndReason::HungUp, wish),
        };
        if wanted.is_some() {
            wish = wanted;
            give_up_at.as_mut().reset(clock::now() + HANG_UP);
            call.hang_up().await;
        }
    }
}

/// What a key asks of a call that runs.
async fn obey(action: Action, call: &Call, printer: &Printer) -> Option<Wish> {
    match action {
        Action::Mute => {
            let muted = !call.is_muted();
            call.set_muted(muted);
            printer.view().note(|model| model.on_muted(muted));
            None
        }
        Action::HangUp => Some(Wish::Done),
        Action::Compared(same) => {
            call.confirm_sas(same).await;
            None
        }
        // What rang was answered before.
        Action::Answer | Action::Decline => None,
    }
}

fn tell(event: &CallEvent, held: &mut Held, printer: &mut Printer) {
    printer.learn(event);
    match event {
        CallEvent::State(state) => {
            if let Some(connected) = held.connected.take_if(|_| *state == CallState::Connected) {
                // The talker is gone only when the call is.
                let _ = connected.send(());
            }
            printer.state(*state);
        }
        CallEvent::Lookup(how) => printer.lookup(*how),
        CallEvent::Encrypted(encryption) => printer.encrypted(encryption),
        CallEvent::Trust(trust) => printer.trust(*trust),
        CallEvent::TrustFell { from, to } => printer.trust_fell(*from, *to),
        CallEvent::Sas(sas) => printer.sas(*sas),
        CallEvent::Path(path) => printer.path(path),
        CallEvent::RelayFailed(failure) => printer.relay_failed(*failure),
        CallEvent::Stats(stats) => printer.stats(stats),
        CallEvent::Summary(summary) => printer.summary(summary),
        // What a later version of the facade tells besides is not for this output.
        CallEvent::Rekeyed | _ => {}
    }
}

/// Says the recording from the moment of connection, and ends when all of it has left the ring; or what the microphone hears.
async fn talk(
    sender: AudioSender,
    source: Option<(PathBuf, Source)>,
    mouth: Option<Mouth>,
    connected: oneshot::Receiver<()>,
    meter: Meter,
) -> Result<(), Failure> {
    if let Some(mouth) = mouth {
        mouth.talk(sender, connected, |frame| meter.pass(frame)).await;
        return Ok(());
    }
    let Some((path, mut source)) = source else { return std::future::pending().await };
    if connected.await.is_err() {
        return Ok(());
    }
    for frame in &mut source {
        let frame = frame.map_err(|error| Failure::file(&path, &error))?;
        meter.pass(&frame);
        if sender.send(frame).await.is_err() {
            return Ok(());
        }
    }
    while sender.queued() > 0 {
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// The next frame. A call that is over may still hold its ring open, to tell the other side; what is in it is taken.
async fn next(receiver: &mut AudioReceiver, over: &mut oneshot::Receiver<()>) -> Option<Frame> {
    tokio::select! {
        biased;
        frame = receiver.recv() => frame,
        _ = over => None,
    }
}

/// Plays and writes what is heard, until the call is over; nothing is written when it was never connected.
async fn listen(
    mut receiver: AudioReceiver,
    mut sink: Option<(PathBuf, Sink)>,
    mut ear: Option<Ear>,
    mut over: oneshot::Receiver<()>,
    meter: Meter,
) -> Result<Option<(PathBuf, f64)>, Failure> {
    let mut frames = 0_u32;
    while let Some(frame) = next(&mut receiver, &mut over).await {
        frames += 1;
        meter.pass(&frame);
        if let Some(ear) = &mut ear {
            ear.play(&frame);
        }
        if let Some((path, sink)) = &mut sink {
            sink.write(&frame).map_err(|error| Failure::file(path, &error))?;
        }
    }
    match sink {
        Some((path, sink)) if frames > 0 => {
            sink.finish().map_err(|error| Failure::file(&path, &error))?;
            Ok(Some((path, f64::from(frames) * FRAME_SECONDS)))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_calls_write_to_numbered_files() {
        let name = |number| numbered(Path::new("a/heard.wav"), number);
        assert_eq!(name(1), Path::new("a/heard.wav"));
        assert_eq!(name(2), Path::new("a/heard-2.wav"));
        assert_eq!(numbered(Path::new("heard"), 3), Path::new("heard-3"));
    }
}
