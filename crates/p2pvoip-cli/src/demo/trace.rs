//! How one direction of a call fared over time, read from the statistics of its sender and its receiver.

use p2pvoip::telemetry::Congestion;
use serde_json::Value;

use super::play::{Performance, Side};
use super::plot::{Line, Span};

/// Over how many statistics (200 ms each) a rate or a loss is counted: two seconds.
const WINDOW: usize = 10;

/// One direction over time. Seconds count from the moment that its side was connected.
#[derive(Debug)]
pub(super) struct Trace {
    sent: Vec<(f64, Value)>,
    heard: Vec<(f64, Value)>,
}

impl Trace {
    /// The direction from one side to the other.
    pub(super) fn of(from: &Side, to: &Side) -> Self {
        Self { sent: statistics(from), heard: statistics(to) }
    }

    /// How long there are statistics.
    pub(super) fn seconds(&self) -> f64 {
        let last = |all: &[(f64, Value)]| all.last().map_or(0.0, |(seconds, _)| *seconds);
        last(&self.sent).max(last(&self.heard))
    }

    /// The opinion score of what is heard, without and with what delay costs a conversation.
    pub(super) fn quality(&self) -> Vec<Line> {
        let scores =
            |name, class, field| Line { name, class, points: points(&self.heard, |now| number(now, field)) };
        vec![scores("listening", "two", "/quality/mos_listening"), scores("conversation", "one", MOS)]
    }

    /// The least, the mean and the last opinion score of the conversation; nothing when there was none.
    pub(super) fn opinion(&self) -> Option<Opinion> {
        Opinion::of(points(&self.heard, |now| number(now, MOS)).into_iter().map(|(_, mos)| mos))
    }

    /// What was sent, and what the controller allowed.
    pub(super) fn bitrate(&self) -> Vec<Line> {
        vec![
            Line {
                name: "target",
                class: "two",
                points: points(&self.sent, |now| kbps(now, "/outbound/target_bitrate")),
            },
            Line {
                name: "sent",
                class: "one",
                points: points(&self.sent, |now| kbps(now, "/outbound/bitrate")),
            },
        ]
    }

    /// The queue that packets met in the network, and how much sound each held.
    pub(super) fn queue(&self) -> Vec<Line> {
        vec![
            Line {
                name: "packet time",
                class: "two",
                points: steps(&points(&self.sent, |now| number(now, "/outbound/ptime_ms"))),
            },
            Line { name: "queue", class: "one", points: points(&self.sent, |now| number(now, QUEUE)) },
        ]
    }

    /// When the congestion controller did anything else than to grow, and what.
    pub(super) fn congestion(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let mut before = 0.0;
        for (seconds, event) in &self.sent {
            let from = std::mem::replace(&mut before, *seconds);
            let told = event.pointer("/outbound/congestion").and_then(Value::as_str);
            let Some(name) = EVENTFUL.into_iter().find(|name| told == Some(*name)) else { continue };
            match spans.last_mut().filter(|last| last.name == name && last.seconds.1 >= from) {
                Some(last) => last.seconds.1 = *seconds,
                None => spans.push(Span { seconds: (from, *seconds), name }),
            }
        }
        spans
    }

    /// What was lost on the way, and what no repair brought back.
    pub(super) fn loss(&self) -> Vec<Line> {
        let share = |part: &'static str, whole: fn(&Value) -> f64| {
            over_window(&self.heard, move |then, now| {
                100.0 * (number(now, part) - number(then, part)) / (whole(now) - whole(then))
            })
        };
        vec![
            Line { name: "on the way", class: "two", points: share(LOST, expected) },
            Line {
                name: "after repair",
                class: "three",
                points: share(CONCEALED, |event| number(event, PLAYED)),
            },
        ]
    }

    /// From arrival to ear, and what the jitter buffer aims at.
    pub(super) fn delay(&self) -> Vec<Line> {
        vec![
            Line {
                name: "target",
                class: "two",
                points: points(&self.heard, |now| number(now, "/inbound/target_playout_delay_ms")),
            },
            Line {
                name: "playout",
                class: "one",
                points: points(&self.heard, |now| number(now, "/inbound/playout_delay_ms")),
            },
        ]
    }
}

/// How the opinion score went.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Opinion {
    /// The least.
    pub(super) least: f64,
    /// The mean over time.
    pub(super) mean: f64,
    /// The last one.
    pub(super) last: f64,
}

impl Opinion {
    fn of(scores: impl Iterator<Item = f64>) -> Option<Self> {
        let (mut sum, mut count, mut least, mut last) = (0.0, 0.0, f64::INFINITY, None);
        for score in scores {
            sum += score;
            count += 1.0;
            least = score.min(least);
            last = Some(score);
        }
        last.map(|last| Self { least, mean: sum / count, last })
    }
}

/// Two lines for the terminal: how both directions fare now; nothing before there are statistics.
pub(super) fn live(performance: &Performance) -> Vec<String> {
    let Performance { caller, callee, .. } = performance;
    let ways = [("caller to callee", caller, callee), ("callee to caller", callee, caller)];
    let lines = ways.into_iter().filter_map(|(name, from, to)| {
        let trace = Trace::of(from, to);
        let loss = trace.loss();
        let newest = |line: Option<&Line>| line.and_then(|line| line.points.last()).map_or(f64::NAN, |point| point.1);
        let (_, sent) = trace.sent.last()?;
        let (seconds, heard) = trace.heard.last()?;
        Some(format!(
            "  {seconds:4.0} s  {name}  {:5.1} of {:5.1} kbit/s   queue {:3.0} ms   lost {:4.1} %, after repair {:4.1} %   delay {:4.0} ms   MOS {}",
            kbps(sent, "/outbound/bitrate"),
            kbps(sent, "/outbound/target_bitrate"),
            number(sent, QUEUE),
            newest(loss.first()),
            newest(loss.last()),
            number(heard, "/inbound/playout_delay_ms"),
            trace.opinion().map_or_else(|| "  -".to_owned(), |opinion| format!("{:.1}", opinion.last)),
        ))
    });
    lines.collect()
}

/// A side's statistics with their seconds.
fn statistics(side: &Side) -> Vec<(f64, Value)> {
    let start = side
        .events
        .iter()
        .find(|event| event["state"] == "connected")
        .map_or(0.0, |event| number(event, "/at_ms"));
    let all = side.events.iter().filter(|event| event["event"] == "stats");
    all.map(|event| ((number(event, "/at_ms") - start) / 1_000.0, event.clone())).collect()
}

fn points(all: &[(f64, Value)], of: impl Fn(&Value) -> f64) -> Vec<(f64, f64)> {
    all.iter().map(|(seconds, event)| (*seconds, of(event))).filter(|(_, value)| value.is_finite()).collect()
}

/// What changed between each statistics and those of [`WINDOW`] before, or the first.
fn over_window(all: &[(f64, Value)], of: impl Fn(&Value, &Value) -> f64) -> Vec<(f64, f64)> {
    let changes = all.iter().enumerate().skip(1).filter_map(|(at, (seconds, now))| {
        let (_, then) = all.get(at.saturating_sub(WINDOW))?;
        Some((*seconds, of(then, now)))
    });
    changes.filter(|(_, value)| value.is_finite()).collect()
}

fn kbps(event: &Value, field: &str) -> f64 {
    number(event, field) / 1_000.0
}

/// The same for a value that jumps: each holds until the next one.
fn steps(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut before = None;
    let corner = |(at, value): &(f64, f64)| [(*at, before.replace(*value).unwrap_or(*value)), (*at, *value)];
    points.iter().flat_map(corner).collect()
}

/// How many packets there were to receive.
pub(super) fn expected(event: &Value) -> f64 {
    number(event, "/inbound/packets_received") + number(event, LOST)
}

/// What the congestion controller does when it does not grow.
const EVENTFUL: [&str; 3] =
    [Congestion::Draining.as_str(), Congestion::Competing.as_str(), Congestion::Silent.as_str()];
/// Where the queue in the network is told.
const QUEUE: &str = "/path/queueing_delay_ms";
/// Where the opinion score of the conversation is told.
const MOS: &str = "/quality/mos";
/// Where the number of packets that were lost on the way is told.
pub(super) const LOST: &str = "/inbound/packets_lost";
/// Where it is told how much sound was made up, in milliseconds.
pub(super) const CONCEALED: &str = "/inbound/concealed_ms";
/// Where it is told how much sound was played.
pub(super) const PLAYED: &str = "/inbound/played_ms";

/// The number that a pointer (RFC 6901) leads to; not a number when there is none.
pub(super) fn number(event: &Value, field: &str) -> f64 {
    event.pointer(field).and_then(Value::as_f64).unwrap_or(f64::NAN)
}
