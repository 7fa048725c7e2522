//! What the picture says, row by row, from the model: words first, so that nothing is told by colour alone.

use std::time::Duration;

use p2pvoip::media::{Level, QUIETEST};
use p2pvoip::nat::RouteKind;
use p2pvoip::telemetry::{CallStats, Grade};
use p2pvoip::{CallState, Fingerprint};

use super::history::Curve;
use super::model::Model;
use super::palette::Tone;
use crate::events::version;

/// What stands where a figure is not known yet.
const UNKNOWN: &str = "–";
/// Groups of the fingerprint that are shown: 64 bits.
const GROUPS: usize = 4;
/// Loss before repair, in per cent, that repair copes with, and that it does not.
const LOSS_BEFORE: (f32, f32) = (2.0, 10.0);
/// Loss after repair, in per cent, that is hardly heard, and that disturbs.
const LOSS_AFTER: (f32, f32) = (1.0, 5.0);
/// Levels, in dBFS, at which a voice is loud, and at which it is about to be cut.
const LOUD: (f32, f32) = (-12.0, -3.0);
/// The least that a curve of loss reaches up to, in per cent, so that one lost packet does not look like many.
const LEAST_TOP_LOSS: f32 = 5.0;
/// The same for delay, in milliseconds.
const LEAST_TOP_DELAY: f32 = 100.0;

/// Words with a tone.
pub(super) type Words = Vec<(String, Tone)>;

/// One row of the picture.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) label: &'static str,
    /// Rows of a lower number give way first when there is no room.
    pub(super) keep: u8,
    pub(super) body: Body,
}

/// What stands in a row.
#[derive(Debug)]
pub(super) enum Body {
    /// A line, with the label as its heading.
    Rule,
    /// Words.
    Words(Words),
    /// How loud it is, whether it is heard, and the same in words.
    Meter(Level, bool, Words),
    /// The last minute up to this value, and the newest in words.
    Curve(Curve, f32, Words),
}

/// All rows, from above.
pub(super) fn rows(model: &Model) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |keep, label, body| rows.push(Row { label, keep, body });
    row(1, "Call", Body::Rule);
    row(9, "With", Body::Words(with(model)));
    row(8, "Path", Body::Words(path(model)));
    row(3, "Cipher", Body::Words(sealed(model)));
    row(7, "Trust", Body::Words(trust(model)));
    for (age, notice) in model.notices.iter().rev().enumerate().rev() {
        // The newest stays as long as who it is, the one before it goes before how the call fares.
        let (keep, label) = if age == 0 { (9, "News") } else { (6, "") };
        row(keep, label, Body::Words(plain(notice)));
    }
    row(1, "Sound", Body::Rule);
    row(6, "You", Body::Meter(model.sound.microphone, !model.sound.muted, own_level(model)));
    row(6, "They", Body::Meter(model.sound.speaker, true, vec![loudness(model.sound.speaker)]));
    row(1, "Quality", Body::Rule);
    row(5, "MOS", Body::Words(opinion(model)));
    row(8, "Loss", Body::Words(loss(model)));
    row(4, "Rate", Body::Words(rate(model)));
    row(4, "Delay", Body::Words(delay(model)));
    row(1, "Last 60 s", Body::Rule);
    for (label, curve, top, words) in curves(model) {
        row(2, label, Body::Curve(curve, top, words));
    }
    rows
}

/// Where the call stands, in the bar above.
pub(super) fn state(model: &Model) -> String {
    let stands = match model.state {
        CallState::Dialing => "looking for the other side".to_owned(),
        CallState::Ringing if model.asks => "somebody calls: a answers, d declines".to_owned(),
        CallState::Ringing => "ringing".to_owned(),
        CallState::Connecting => "accepted, looking for a path".to_owned(),
        CallState::Connected => format!("connected {}", clock(model.stats.as_deref())),
        CallState::Ended(_) | _ => "over".to_owned(),
    };
    let muted = if model.sound.muted { "  MUTED" } else { "" };
    let leaving = if model.hanging_up { "  hanging up" } else { "" };
    format!("{stands}{muted}{leaving}")
}

fn clock(stats: Option<&CallStats>) -> String {
    let seconds = stats.map_or(0, |stats| stats.duration.as_secs());
    match seconds / 3_600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

fn plain(words: impl Into<String>) -> Words {
    vec![(words.into(), Tone::Plain)]
}

/// The first groups of a fingerprint.
fn short(fingerprint: Fingerprint) -> String {
    let whole = fingerprint.to_string();
    let mut groups: Vec<&str> = whole.split(' ').take(GROUPS).collect();
    groups.push("…");
    groups.join(" ")
}

fn with(model: &Model) -> Words {
    let fingerprint = [(short(model.peer), Tone::Plain), ("  key fingerprint".to_owned(), Tone::Dim)];
    let name = model.name.as_ref().map(|name| (format!("{name}  "), Tone::Plain));
    name.into_iter().chain(fingerprint).collect()
}

fn path(model: &Model) -> Words {
    let Some(route) = model.route else { return plain("none yet") };
    let (kind, tone) = match route.kind {
        RouteKind::Direct => ("direct", Tone::Good),
        RouteKind::Relayed => ("relayed", Tone::Fair),
    };
    let measured = model.stats.as_ref().and_then(|stats| stats.path.round_trip_time);
    let mut words = vec![(kind.to_owned(), tone)];
    let mut more = |text: String| words.push((text, Tone::Plain));
    if let Some(rtt) = measured.or(route.rtt) {
        more(format!(", round trip {}", ms(rtt)));
    }
    let changes = model.stats.as_ref().map_or(0, |stats| stats.path.changes);
    if changes > 1 {
        more(format!(", path {changes} of this call"));
    }
    if let Some((local, remote)) = route.addresses {
        more(format!(", {local} to {remote}"));
    }
    words
}

fn sealed(model: &Model) -> Words {
    match &model.encryption {
        Some(with) => vec![
            ("end to end".to_owned(), Tone::Good),
            (
                format!(", {} (P2P VoIP {}), {}", with.aead, version(with.version), with.handshake),
                Tone::Plain,
            ),
        ],
        None => vec![("no keys yet, nothing is said".to_owned(), Tone::Fair)],
    }
}

fn trust(model: &Model) -> Words {
    let (words, tone) = super::trust::words(&model.who);
    vec![(words.to_owned(), tone)]
}

fn own_level(model: &Model) -> Words {
    if model.sound.muted {
        return vec![("muted, sends silence".to_owned(), Tone::Bad)];
    }
    vec![loudness(model.sound.microphone)]
}

fn loudness(level: Level) -> (String, Tone) {
    if level.peak <= QUIETEST {
        return ("silent".to_owned(), Tone::Dim);
    }
    (format!("{:3.0} dB, peak {:3.0}", level.rms, level.peak), level_tone(level.peak))
}

/// How loud a peak is.
pub(super) fn level_tone(peak: f32) -> Tone {
    graded(peak, LOUD)
}

fn graded(value: f32, (fair, bad): (f32, f32)) -> Tone {
    if value >= bad {
        Tone::Bad
    } else if value >= fair {
        Tone::Fair
    } else {
        Tone::Good
    }
}

fn opinion(model: &Model) -> Words {
    let Some(quality) = model.stats.as_ref().and_then(|stats| stats.quality) else { return plain(UNKNOWN) };
    let tone = match quality.grade() {
        Grade::Good => Tone::Good,
        Grade::Fair => Tone::Fair,
        Grade::Poor => Tone::Bad,
    };
    vec![
        (format!("{:.1} {}", quality.mos, quality.grade().as_str()), tone),
        (format!(", R {:.0}, mouth to ear {}", quality.r, ms(quality.mouth_to_ear)), Tone::Plain),
    ]
}

fn loss(model: &Model) -> Words {
    let recent = model.history.recent_loss();
    let mut words = vec![
        share(recent.before, LOSS_BEFORE),
        (" before repair, ".to_owned(), Tone::Plain),
        share(recent.after, LOSS_AFTER),
        (" after".to_owned(), Tone::Plain),
    ];
    if let Some(stats) = &model.stats {
        let theirs = 100.0 * stats.outbound.fraction_lost;
        words.push((format!("; of ours {theirs:.1} % lost"), Tone::Dim));
    }
    words
}

fn share(percent: Option<f32>, limits: (f32, f32)) -> (String, Tone) {
    match percent {
        Some(percent) => (format!("{percent:.1} %"), graded(percent, limits)),
        None => (UNKNOWN.to_owned(), Tone::Plain),
    }
}

fn rate(model: &Model) -> Words {
    let Some(stats) = &model.stats else { return plain(UNKNOWN) };
    let kbit = |rate: p2pvoip::core::Bitrate| rate.as_bps() / 1_000;
    let (outbound, inbound) = (&stats.outbound, &stats.inbound);
    plain(format!(
        "sent {} (target {}), received {} kbit/s, packets of {}",
        kbit(outbound.bitrate),
        kbit(outbound.target_bitrate),
        kbit(inbound.bitrate),
        ms(outbound.ptime)
    ))
}

fn delay(model: &Model) -> Words {
    let Some(stats) = &model.stats else { return plain(UNKNOWN) };
    let inbound = &stats.inbound;
    let playout =
        format!("playout {} (target {})", ms(inbound.playout_delay), ms(inbound.target_playout_delay));
    let queue = stats.path.queueing_delay.map_or_else(|| UNKNOWN.to_owned(), ms);
    plain(format!("{playout}, jitter {}, queue {queue}", ms(inbound.jitter)))
}

fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

type Curved = (&'static str, Curve, f32, Words);

/// Curves of one kind share a scale, so that they can be compared.
fn curves(model: &Model) -> [Curved; 6] {
    let most = |curve| highest(model, curve);
    let rate = most(Curve::Target).max(most(Curve::Sent)).max(1.0);
    let loss = most(Curve::Lost).max(most(Curve::Concealed)).max(LEAST_TOP_LOSS);
    let delay = most(Curve::Queue).max(most(Curve::Playout)).max(LEAST_TOP_DELAY);
    let recent = model.history.recent_loss();
    let newest = |curve, unit| match model.history.columns(curve, 1).first() {
        Some(Some(_)) => now(model, curve, unit),
        _ => plain(UNKNOWN),
    };
    let lost = |percent, limits, what: &str| vec![share(percent, limits), (what.to_owned(), Tone::Plain)];
    [
        ("Target", Curve::Target, rate, newest(Curve::Target, "kbit/s")),
        ("Sent", Curve::Sent, rate, newest(Curve::Sent, "kbit/s")),
        ("Lost", Curve::Lost, loss, lost(recent.before, LOSS_BEFORE, " before repair")),
        ("Left", Curve::Concealed, loss, lost(recent.after, LOSS_AFTER, " after repair")),
        ("Queue", Curve::Queue, delay, newest(Curve::Queue, "ms")),
        ("Playout", Curve::Playout, delay, newest(Curve::Playout, "ms")),
    ]
}

/// How a curve is drawn: loss in the colour of its height.
pub(super) fn curve_tone(curve: Curve, value: f32) -> Tone {
    match curve {
        Curve::Target => Tone::Dim,
        Curve::Sent | Curve::Queue | Curve::Playout => Tone::Plain,
        Curve::Lost => graded(value, LOSS_BEFORE),
        Curve::Concealed => graded(value, LOSS_AFTER),
    }
}

fn highest(model: &Model, curve: Curve) -> f32 {
    model.history.columns(curve, 60).into_iter().flatten().fold(0.0, f32::max)
}

fn now(model: &Model, curve: Curve, unit: &str) -> Words {
    // The newest column of many is the newest figure.
    let newest = model.history.columns(curve, 300).last().copied().flatten();
    newest.map_or_else(|| plain(UNKNOWN), |value| plain(format!("{value:.0} {unit}")))
}
