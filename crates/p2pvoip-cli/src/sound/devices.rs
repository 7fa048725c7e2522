//! Microphone and speaker of a call, by the facade's devices.

use std::io::IsTerminal as _;
use std::time::Duration;

use p2pvoip::media::device::{
    self, Choice, DeviceError, DeviceEvent, DeviceStats, Kind, Listed, Microphone, Speaker,
};
use p2pvoip::{AudioSender, Frame};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};

use super::{Want, wants};
use crate::args::{self, Sound};
use crate::events::{self, Printer};
use crate::exit::Failure;

/// Frames kept ready for the call, which takes one every 10 ms: enough for this program to be late by one.
const AHEAD: usize = 2;

/// How often it is looked whether the call took one.
const LOOK: Duration = Duration::from_millis(5);

/// The devices of one call.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    microphone: Option<Microphone>,
    speaker: Option<Speaker>,
    /// What is not there, in words.
    missing: Vec<String>,
}

impl Devices {
    /// Opens what the command line asks for. Waits for the system's sound, so it tells the runtime.
    pub(crate) fn open(sound: &Sound, json: bool) -> Result<Self, Failure> {
        let (microphone, speaker) = wants(sound, json);
        if (&microphone, &speaker) == (&Want::No, &Want::No) {
            return Ok(Self::default());
        }
        let nothing_else = sound.input.is_none() && sound.output.is_none();
        tokio::task::block_in_place(|| {
            let (microphone, no_microphone) = opened(&microphone, Microphone::open)?;
            let (speaker, no_speaker) = opened(&speaker, Speaker::open)?;
            let missing = missing(no_microphone.as_ref(), no_speaker.as_ref());
            let useless = nothing_else && no_microphone.is_some() && no_speaker.is_some();
            match missing.first() {
                // A person who would hear nothing and say nothing is told before it rings; a script may mean it.
                Some(why) if useless && std::io::stdin().is_terminal() => Err(Failure::Device(why.clone())),
                _ => Ok(Self { microphone, speaker, missing }),
            }
        })
    }

    /// Tells what is not there, on standard error.
    pub(crate) fn warn(&self) {
        for sentence in &self.missing {
            events::warning(sentence);
        }
    }

    /// Gives both away, and tells which they are.
    pub(crate) fn take(self, printer: &Printer) -> (Option<Mouth>, Option<Ear>) {
        let mouth = self.microphone.map(|microphone| {
            tell(printer, Kind::Microphone, "open", microphone.name());
            Mouth { microphone, printer: printer.clone(), watch: Watch::default() }
        });
        let ear = self.speaker.map(|speaker| {
            tell(printer, Kind::Speaker, "open", speaker.name());
            Ear { speaker, printer: printer.clone(), watch: Watch::default() }
        });
        (mouth, ear)
    }
}

/// A device, or why there is none although that is no failure.
fn opened<D>(
    want: &Want,
    open: impl FnOnce(&Choice) -> Result<D, DeviceError>,
) -> Result<(Option<D>, Option<DeviceError>), Failure> {
    let choice = match want {
        Want::No => return Ok((None, None)),
        Want::IfThere | Want::Must(None) => Choice::Default,
        Want::Must(Some(name)) => Choice::Named(name.clone()),
    };
    match open(&choice) {
        Ok(device) => Ok((Some(device), None)),
        Err(error) if *want == Want::IfThere => Ok((None, Some(error))),
        Err(error @ (DeviceError::NotFound { .. } | DeviceError::Ambiguous { .. })) => {
            Err(Failure::Device(format!("{error} (`p2pvoip devices` lists them)")))
        }
        Err(error) => Err(Failure::Device(error.to_string())),
    }
}

/// What is missing and what to do, in one sentence.
fn missing(microphone: Option<&DeviceError>, speaker: Option<&DeviceError>) -> Vec<String> {
    let sentence = match (microphone, speaker) {
        (None, None) => return Vec::new(),
        (Some(why), Some(_)) => format!(
            "{why}; there is no speaker either: name recordings by --input and --output, or be silent by --silent"
        ),
        (Some(why), None) => {
            format!("{why}; the other side hears nothing from you unless you say a recording by --input")
        }
        (None, Some(why)) => {
            format!("{why}; you hear nothing, but can keep what the other side says by --output")
        }
    };
    vec![sentence]
}

fn tell(printer: &Printer, kind: Kind, state: &str, name: &str) {
    let shown = match kind {
        Kind::Microphone => "Microphone",
        Kind::Speaker => "Speaker",
    };
    printer.tell("device", json!({ "kind": kind.as_str(), "state": state, "name": name }), || match state {
        "lost" => format!("{shown} {name} went away; the call goes on without it while others are tried."),
        "gone" => format!("{shown}: nothing came back; the call goes on without it."),
        _ => format!("{shown}: {name}"),
    });
}

fn follow(event: Option<DeviceEvent>, printer: &Printer, kind: Kind, name: &str) {
    match event {
        Some(DeviceEvent::Lost) => tell(printer, kind, "lost", name),
        Some(DeviceEvent::Back(name)) => tell(printer, kind, "back", &name),
        Some(DeviceEvent::GaveUp(_)) => tell(printer, kind, "gone", name),
        // What a later version tells besides is not for this output.
        Some(_) | None => {}
    }
}

/// Tells programs how often the sound was broken, once a second while it is.
#[derive(Debug, Default)]
struct Watch {
    frames: u32,
    told: (u64, u64, u64),
}

impl Watch {
    fn on_frame(&mut self, printer: &Printer, kind: Kind, stats: impl FnOnce() -> DeviceStats) {
        self.frames += 1;
        if !self.frames.is_multiple_of(100) || !printer.is_json() {
            return;
        }
        let stats = stats();
        let now = (stats.underruns, stats.overruns, stats.xruns);
        if now != self.told {
            self.told = now;
            let waiting = stats.waiting.as_secs_f64() * 1_000.0;
            let body = json!({
                "kind": kind.as_str(), "state": "glitched", "underruns": now.0, "overruns": now.1, "xruns": now.2,
                "waiting_ms": waiting,
            });
            printer.tell("device", body, String::new);
        }
    }
}

/// What is said, from a microphone.
#[derive(Debug)]
pub(crate) struct Mouth {
    microphone: Microphone,
    printer: Printer,
    watch: Watch,
}

impl Mouth {
    /// Hands the call a frame whenever it took one, from the moment of connection to its end; `each` sees every frame.
    pub(crate) async fn talk(
        mut self,
        sender: AudioSender,
        connected: oneshot::Receiver<()>,
        mut each: impl FnMut(&Frame),
    ) {
        if connected.await.is_err() {
            return;
        }
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            looks.tick().await;
            while sender.queued() < AHEAD {
                let mut frame = Frame::SILENCE;
                self.microphone.read(&mut frame);
                each(&frame);
                self.watch.on_frame(&self.printer, Kind::Microphone, || self.microphone.stats());
                if sender.send(frame).await.is_err() {
                    return;
                }
            }
            follow(self.microphone.event(), &self.printer, Kind::Microphone, self.microphone.name());
        }
    }
}

/// What is heard, by a speaker.
#[derive(Debug)]
pub(crate) struct Ear {
    speaker: Speaker,
    printer: Printer,
    watch: Watch,
}

impl Ear {
    /// Plays a frame.
    pub(crate) fn play(&mut self, frame: &Frame) {
        self.speaker.write(frame);
        self.watch.on_frame(&self.printer, Kind::Speaker, || self.speaker.stats());
        follow(self.speaker.event(), &self.printer, Kind::Speaker, self.speaker.name());
    }
}

/// The command `devices`: lists microphones and speakers.
pub(crate) fn list(common: &args::Common) -> Result<(), Failure> {
    let all = device::list().map_err(|error| Failure::Device(error.to_string()))?;
    let of = |kind| all.iter().filter(move |info| info.kind == kind);
    let printer = Printer::new(common.json, false);
    let objects = |kind| of(kind).map(object).collect::<Vec<_>>();
    let body = json!({ "microphones": objects(Kind::Microphone), "speakers": objects(Kind::Speaker) });
    printer.tell("devices", body, || {
        let lines = |kind| of(kind).map(line).collect::<Vec<_>>();
        table(&lines(Kind::Microphone), &lines(Kind::Speaker))
    });
    Ok(())
}

fn object(info: &Listed) -> Value {
    json!({ "name": info.name, "id": info.id, "default": info.is_default, "monitor": info.is_monitor })
}

fn line(info: &Listed) -> String {
    let mark = if info.is_default { '*' } else { ' ' };
    format!("{mark} {}  [{}]", info.name, info.id)
}

fn table(microphones: &[String], speakers: &[String]) -> String {
    let mut text = String::new();
    for (title, lines) in [("Microphones", microphones), ("Speakers", speakers)] {
        text.push_str(title);
        text.push('\n');
        let none = ["  none; plug one in and check that the sound server runs".to_owned()];
        for line in if lines.is_empty() { &none } else { lines } {
            text.push_str(line);
            text.push('\n');
        }
    }
    text + "Those with * are used; choose others by --microphone and --speaker with a name or part of it, or an [id]."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_one_sentence_that_says_what_to_do() {
        let none = DeviceError::NoneFound;
        assert_eq!(missing(None, None), Vec::<String>::new());
        let both = missing(Some(&none(Kind::Microphone)), Some(&none(Kind::Speaker)));
        assert!(both[0].contains("--silent") && both.len() == 1, "{both:?}");
        assert!(missing(Some(&none(Kind::Microphone)), None)[0].contains("--input"));
        assert!(missing(None, Some(&none(Kind::Speaker)))[0].contains("--output"));
    }

    #[test]
    fn a_named_device_that_is_not_there_is_a_failure_and_a_default_one_is_not() {
        let gone = |_: &Choice| Err::<(), _>(DeviceError::NotFound { kind: Kind::Speaker, name: "x".into() });
        let failure = opened(&Want::Must(Some("x".into())), gone).unwrap_err();
        assert_eq!((failure.code(), failure.word()), (3, "device"));
        assert!(failure.to_string().contains("p2pvoip devices"));
        assert!(matches!(opened(&Want::IfThere, gone), Ok((None, Some(_)))));
        assert!(matches!(opened(&Want::No, gone), Ok((None, None))));
    }

    #[test]
    fn the_table_names_every_device_and_says_where_there_is_none() {
        let text = table(&[], &["* Hi-Fi  [card0]".to_owned()]);
        assert!(text.starts_with("Microphones\n  none; ") && text.contains("* Hi-Fi  [card0]\n"), "{text}");
    }
}
