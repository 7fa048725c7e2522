//! The command `demo`: proves on one machine that two programs which know only each other's contact card hear each
//! other, encrypted, through a network that loses, delays and reorders; then judges what arrived and reports it.

mod forwarder;
mod network;
mod play;
mod plot;
mod processes;
mod report;
mod trace;
mod verdict;

use std::path::{Path, PathBuf};
use std::time::Duration;

use p2pvoip::media::wav::Source;

pub(crate) use forwarder::run as forward;

use crate::args;
use crate::events::{self, Paint, Printer};
use crate::exit::Failure;
use crate::files;
use crate::interrupt::Interrupt;
use play::{Performance, Script};
use trace::Trace;
use verdict::Summary;

/// What the caller says unless told otherwise.
const VOICE_A: &[u8] = include_bytes!("../../assets/voice-a.wav");
/// What the callee says unless told otherwise.
const VOICE_B: &[u8] = include_bytes!("../../assets/voice-b.wav");

/// How long the caller listens on after the longer voice is over.
const TAIL: Duration = Duration::from_millis(1_500);

/// At 48 kHz.
const SAMPLES_A_MILLISECOND: u64 = 48;

/// All files of the demo, named once.
const FILES: [&str; 9] = [
    "original-a.wav",
    "original-b.wav",
    "received-a.wav",
    "received-b.wav",
    "caller.jsonl",
    "callee.jsonl",
    "forwarder.json",
    "summary.json",
    "report.html",
];

/// The file that marks a folder as written by the demo.
const MARK: &str = ".p2pvoip-demo";
/// What it says to who opens it.
const MARK_TEXT: &[u8] = b"A demo of p2pvoip wrote this folder; the next one replaces its results.\n";

/// Plays, judges, reports.
pub(crate) async fn run(common: &args::Common, demo: &args::Demo) -> Result<(), Failure> {
    let printer = Printer::new(common.json, false);
    let mut interrupt = Interrupt::watch(common.with_parent)?;
    let voice_a = voice(demo.voice_a.as_deref(), VOICE_A, &demo.out)?;
    let voice_b = voice(demo.voice_b.as_deref(), VOICE_B, &demo.out)?;
    let folder = Folder::prepare(&demo.out)?;
    let [original_a, original_b, received_a, received_b, ..] = FILES;
    files::write(&folder.path(original_a), &voice_a)?;
    files::write(&folder.path(original_b), &voice_b)?;
    let lasts = [length(&folder.path(original_a))?, length(&folder.path(original_b))?];
    let script = Script {
        caller_says: folder.path(original_a),
        callee_says: folder.path(original_b),
        callee_hears: folder.path(received_a),
        caller_hears: folder.path(received_b),
        lasts: lasts.into_iter().max().unwrap_or_default(),
        tail: lasts[1].saturating_sub(lasts[0]) + TAIL,
        impairment: demo.impairment,
    };
    let performance = play::perform(&script, &mut interrupt, common.json).await?;
    let summary = Summary::judge(&performance, &script)?;
    folder.report(&performance, &summary)?;
    tell(&summary, &folder, &printer);
    if summary.passed() { Ok(()) } else { Err(Failure::Verdict(summary.complaints().join(" "))) }
}

fn tell(summary: &Summary, folder: &Folder, printer: &Printer) {
    if printer.is_json() {
        printer.tell("verdict", summary.to_json(), String::new);
        return;
    }
    let paint = Paint::stdout();
    let headline = summary.headline();
    events::plain("");
    events::plain(&paint.strong(&if summary.passed() {
        paint.good(&headline)
    } else {
        paint.bad(&headline)
    }));
    for line in summary.lines() {
        events::plain(&line);
    }
    events::plain(&format!("  report             {}", folder.path("report.html").display()));
}

/// The folder that the demo writes to.
struct Folder(PathBuf);

impl Folder {
    /// Makes it, and removes what an earlier demo wrote there, so that its results are not taken for new ones. What
    /// no demo wrote is not removed: only a folder that a demo marked as its own is emptied of its files.
    fn prepare(path: &Path) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| {
            Failure::file(path, &format!("cannot be used ({error}); choose another folder by --out"))
        };
        std::fs::create_dir_all(path).map_err(cannot)?;
        if !path.join(MARK).is_file() {
            for name in FILES {
                let file = path.join(name);
                if std::fs::symlink_metadata(&file).is_ok() {
                    return Err(Failure::file(
                        &file,
                        "was not written by a demo and would be replaced; choose another folder by --out",
                    ));
                }
            }
            files::write(&path.join(MARK), MARK_TEXT)?;
        }
        for name in FILES {
            match std::fs::remove_file(path.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cannot(error)),
                _ => {}
            }
        }
        Ok(Self(path.to_owned()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn report(&self, performance: &Performance, summary: &Summary) -> Result<(), Failure> {
        let traces = [
            Trace::of(&performance.caller, &performance.callee),
            Trace::of(&performance.callee, &performance.caller),
        ];
        let [first, second] = &traces;
        files::write(&self.path("caller.jsonl"), performance.caller.lines().as_bytes())?;
        files::write(&self.path("callee.jsonl"), performance.callee.lines().as_bytes())?;
        files::write(&self.path("forwarder.json"), format!("{:#}\n", performance.network).as_bytes())?;
        files::write(&self.path("summary.json"), format!("{:#}\n", summary.to_json()).as_bytes())?;
        files::write(&self.path("report.html"), report::page(summary, [first, second]).as_bytes())
    }
}

/// A recording: the one that the user names, checked before anything is written, or ours.
fn voice(chosen: Option<&Path>, own: &[u8], out: &Path) -> Result<Vec<u8>, Failure> {
    let Some(path) = chosen else { return Ok(own.to_owned()) };
    length(path)?;
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    let given = whole(path);
    if FILES.iter().any(|name| given.is_some() && whole(&out.join(name)) == given) {
        return Err(Failure::file(
            path,
            "the demo would write over this recording; choose another folder by --out",
        ));
    }
    std::fs::read(path).map_err(|error| {
        Failure::file(path, &format!("cannot be read ({error}); choose a file that you may read"))
    })
}

/// How long a recording lasts.
fn length(path: &Path) -> Result<Duration, Failure> {
    let source = Source::open(path).map_err(|error| Failure::file(path, &error))?;
    Ok(Duration::from_micros(source.samples().saturating_mul(1_000) / SAMPLES_A_MILLISECOND))
}
