//! The play itself: four processes on this machine, a call from its first word to its end, and what all of them said.
//!
//! A rendezvous server, the forwarder, a callee and a caller; everything on 127.0.0.1, ports as the system gives them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{interval_at, sleep_until};

use super::processes::Child;
use super::trace;
use crate::args::Impairment;
use crate::clock;
use crate::events::{self, Paint};
use crate::exit::Failure;
use crate::interrupt::Interrupt;

/// How long a child may take until it is ready.
const READY: Duration = Duration::from_secs(15);

/// How much longer than its recordings the whole call may take: to ring, connect, notice that a path is gone.
const OVERTIME: Duration = Duration::from_secs(75);

/// How long the callee may take to notice that the caller ended.
const FAREWELL: Duration = Duration::from_secs(10);

/// What is played.
#[derive(Debug)]
pub(super) struct Script {
    /// What the caller says.
    pub(super) caller_says: PathBuf,
    /// What the callee says.
    pub(super) callee_says: PathBuf,
    /// Where the callee writes what it hears.
    pub(super) callee_hears: PathBuf,
    /// Where the caller writes what it hears.
    pub(super) caller_hears: PathBuf,
    /// How long the longer voice lasts.
    pub(super) lasts: Duration,
    /// How long the caller listens on after its own voice.
    pub(super) tail: Duration,
    /// The network.
    pub(super) impairment: Impairment,
}

/// What one side said in events.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// All events in their order.
    pub(super) events: Vec<Value>,
    /// What it complained of on standard error.
    pub(super) complaints: String,
    /// Its exit code; none when it was killed.
    pub(super) code: Option<i32>,
}

impl Side {
    /// The last event of that name.
    pub(super) fn last(&self, name: &str) -> Option<&Value> {
        self.events.iter().rev().find(|event| event["event"] == name)
    }

    /// All events as JSON lines.
    pub(super) fn lines(&self) -> String {
        self.events.iter().flat_map(|event| [event.to_string(), "\n".to_owned()]).collect()
    }
}

/// What happened.
#[derive(Debug, Default)]
pub(super) struct Performance {
    /// The caller.
    pub(super) caller: Side,
    /// The callee.
    pub(super) callee: Side,
    /// The forwarder's counters.
    pub(super) network: Value,
}

/// The processes that a call takes.
struct Cast {
    rendezvous: Child,
    forwarder: Child,
    callee: Child,
    caller: Child,
}

/// Plays the whole script. Every child is dead when this returns, or is dropped.
pub(super) async fn perform(
    script: &Script,
    interrupt: &mut Interrupt,
    quiet: bool,
) -> Result<Performance, Failure> {
    let say = |text: &str| {
        if !quiet {
            events::plain(text);
        }
    };
    let mut cast = tokio::select! {
        cast = assemble(script, &say) => cast?,
        () = interrupt.asked() => return Err(Failure::Interrupted),
    };
    let mut performance = Performance::default();
    tokio::select! {
        followed = follow(&mut cast, &mut performance, script, &say) => followed?,
        () = interrupt.asked() => {
            cast.caller.ask_to_end();
            cast.callee.ask_to_end();
            let _ = tokio::join!(cast.caller.end(), cast.callee.end());
            return Err(Failure::Interrupted);
        }
    }
    let last = cast.forwarder.end().await?;
    performance.network = last.into_iter().next_back().unwrap_or(Value::Null);
    cast.rendezvous.end().await?;
    Ok(performance)
}

/// Starts one process after the other, each knowing what the earlier ones printed.
async fn assemble(script: &Script, say: &impl Fn(&str)) -> Result<Cast, Failure> {
    let mut rendezvous = Child::start("rendezvous server", &words(["rendezvous", "--bind", "127.0.0.1:0"]))?;
    let server = rendezvous.expect("serving", "url", READY).await?;
    say(&format!("  rendezvous server  {server}"));

    let Impairment { loss, jitter, delay, cut_after, seed } = script.impairment;
    let mut forwarder = words(["forwarder"]);
    let numbers = [("loss", loss), ("jitter", jitter), ("delay", delay)];
    forwarder.extend(numbers.map(|(name, value)| OsString::from(format!("--{name}={value}"))));
    forwarder.push(format!("--seed={seed}").into());
    forwarder.extend(cut_after.map(|seconds| OsString::from(format!("--cut-after={seconds}"))));
    let mut forwarder = Child::start("forwarder", &forwarder)?;
    let stun = forwarder.expect("forwarding", "stun", READY).await?;
    say(&format!("  network            {loss} % loss, {delay} ms delay, {jitter} ms jitter, seed {seed}"));

    let mut callee = words(["listen", "--once", "--server", &server]);
    callee.extend(peer(&stun, &script.callee_says, &script.callee_hears));
    let mut callee = Child::start("callee", &callee)?;
    let card = callee.expect("listening", "card", READY).await?;
    say(&format!("  callee             listens, its card has {} bytes", card.len()));

    let mut caller = words(["call", &card, "--tail", &script.tail.as_secs_f64().to_string()]);
    caller.extend(peer(&stun, &script.caller_says, &script.caller_hears));
    let caller = Child::start("caller", &caller)?;
    say("  caller             dials");
    Ok(Cast { rendezvous, forwarder, callee, caller })
}

fn words<const N: usize>(words: [&str; N]) -> Vec<OsString> {
    let mut all: Vec<OsString> = words.into_iter().map(OsString::from).collect();
    all.extend(["--json", "--with-parent"].map(OsString::from));
    all
}

/// The options that caller and callee share.
fn peer(stun: &str, says: &Path, hears: &Path) -> Vec<OsString> {
    let fixed =
        ["--throwaway", "--bind", "127.0.0.1", "--reflexive-only", "--show-addresses", "--stun", stun];
    let mut all: Vec<OsString> = fixed.map(OsString::from).to_vec();
    all.extend(["--input".into(), says.into(), "--output".into(), hears.into()]);
    all
}

/// Collects what both sides say until both are at their end.
async fn follow(
    cast: &mut Cast,
    performance: &mut Performance,
    script: &Script,
    say: &impl Fn(&str),
) -> Result<(), Failure> {
    let second = Duration::from_secs(1);
    let mut ticks = interval_at(clock::now() + second, second);
    let mut deadline = clock::now() + script.lasts + script.tail + OVERTIME;
    let (mut caller_talks, mut callee_talks) = (true, true);
    let mut told = 0;
    while caller_talks || callee_talks {
        tokio::select! {
            event = cast.caller.event(), if caller_talks => {
                caller_talks = keep(event?, &mut performance.caller, "caller", say);
                if !caller_talks {
                    deadline = deadline.min(clock::now() + FAREWELL);
                }
            }
            event = cast.callee.event(), if callee_talks => {
                callee_talks = keep(event?, &mut performance.callee, "callee", say);
            }
            _ = ticks.tick() => {
                let count = performance.caller.events.len() + performance.callee.events.len();
                if count > told {
                    told = count;
                    for line in trace::live(performance) {
                        say(&line);
                    }
                }
            }
            () = sleep_until(deadline) => break,
        }
    }
    for (child, side) in
        [(&mut cast.caller, &mut performance.caller), (&mut cast.callee, &mut performance.callee)]
    {
        side.events.extend(child.end().await?);
        side.code = child.status().await?.code();
        side.complaints = child.last_words();
    }
    Ok(())
}

/// Keeps an event and tells the ones that people wait for; says whether there may be more.
fn keep(event: Option<Value>, side: &mut Side, who: &str, say: &impl Fn(&str)) -> bool {
    let Some(event) = event else { return false };
    let text = |field: &str| event[field].as_str().unwrap_or("?").to_owned();
    let told = match event["event"].as_str() {
        Some("state") => Some(text("state")),
        Some("encrypted") => Some(format!("encrypted, {} with {}", text("cipher"), text("handshake"))),
        Some("path") => Some(format!("path: {}, {} to {}", text("kind"), text("local"), text("remote"))),
        Some("ended") => Some(format!("ended: {}", text("message"))),
        Some("error") => Some(Paint::stdout().bad(&format!("error: {}", text("message")))),
        _ => None,
    };
    if let Some(told) = told {
        say(&format!("  {who:<18} {told}"));
    }
    side.events.push(event);
    true
}
