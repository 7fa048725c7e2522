//! How a call fares, as JSON fields and as a line for people.

use std::time::Duration;

use p2pvoip::telemetry::{
    CallStats, InboundStats, Metric, OutboundStats, PathStats, Quality, RefusedStats, Summary,
};
use serde_json::{Map, Value, json};

/// Samples in a millisecond of sound.
const SAMPLES_A_MILLISECOND: u64 = 48;

/// All statistics, under the names of [`CallStats`]; times in milliseconds, rates in bits a second.
pub(crate) fn fields(stats: &CallStats) -> Map<String, Value> {
    Map::from_iter([
        ("duration_ms".to_owned(), ms(stats.duration).into()),
        ("outbound".to_owned(), outbound(&stats.outbound)),
        ("inbound".to_owned(), inbound(&stats.inbound)),
        ("path".to_owned(), path(&stats.path)),
        ("refused".to_owned(), refused(&stats.refused)),
        ("quality".to_owned(), stats.quality.as_ref().map_or(Value::Null, quality)),
    ])
}

/// The spread of every metric that was known, from the beginning of a call to its end.
pub(crate) fn spreads(summary: &Summary) -> Map<String, Value> {
    let known = Metric::ALL.into_iter().filter_map(|metric| Some((metric, summary.get(metric)?)));
    let spreads = known.map(|(metric, spread)| {
        let body =
            json!({ "unit": metric.unit(), "min": spread.min, "median": spread.median, "max": spread.max });
        (metric.name().replace(' ', "_"), body)
    });
    let duration = ("duration_ms".to_owned(), ms(summary.duration()).into());
    std::iter::once(duration).chain(spreads).collect()
}

/// How a call fares, for people.
pub(crate) fn sentence(stats: &CallStats) -> String {
    let (outbound, inbound) = (&stats.outbound, &stats.inbound);
    format!(
        "{:5.0} s  sending {} kbit/s, receiving {} kbit/s, lost {}, after repair {}, delay {:.0} ms, MOS {}",
        stats.duration.as_secs_f64(),
        outbound.bitrate.as_bps() / 1_000,
        inbound.bitrate.as_bps() / 1_000,
        percent(inbound.packets_lost, inbound.packets_received + inbound.packets_lost),
        percent(inbound.concealed_samples, inbound.total_samples),
        ms(inbound.playout_delay),
        stats.quality.map_or_else(|| "-".to_owned(), |quality| format!("{:.1}", quality.mos)),
    )
}

fn outbound(of: &OutboundStats) -> Value {
    json!({
        "packets_sent": of.packets_sent,
        "bytes_sent": of.bytes_sent,
        "copies_sent": of.copies_sent,
        "frames_dropped": of.frames_dropped,
        "packets_lost": of.packets_lost,
        "fraction_lost": of.fraction_lost,
        "packets_sent_with_ect": of.packets_sent_with_ect,
        "packets_marked": of.packets_marked,
        "target_bitrate": of.target_bitrate.as_bps(),
        "bitrate": of.bitrate.as_bps(),
        "congestion": of.congestion.as_str(),
        "ptime_ms": ms(of.ptime),
    })
}

fn inbound(of: &InboundStats) -> Value {
    json!({
        "packets_received": of.packets_received,
        "bytes_received": of.bytes_received,
        "packets_lost": of.packets_lost,
        "packets_recovered": of.packets_recovered,
        "packets_discarded": of.packets_discarded,
        "packets_duplicated": of.packets_duplicated,
        "played_ms": of.total_samples / SAMPLES_A_MILLISECOND,
        "concealed_ms": of.concealed_samples / SAMPLES_A_MILLISECOND,
        "concealment_events": of.concealment_events,
        "inserted_ms": of.inserted_samples / SAMPLES_A_MILLISECOND,
        "removed_ms": of.removed_samples / SAMPLES_A_MILLISECOND,
        "frames_played": of.frames_played,
        "frames_missed": of.frames_missed,
        "bursts": of.bursts.bursts,
        "burst_density": of.bursts.burst_density,
        "burst_ms": ms(of.bursts.burst_duration),
        "gap_density": of.bursts.gap_density,
        "gap_ms": ms(of.bursts.gap_duration),
        "jitter_ms": ms(of.jitter),
        "playout_delay_ms": ms(of.playout_delay),
        "target_playout_delay_ms": ms(of.target_playout_delay),
        "bitrate": of.bitrate.as_bps(),
    })
}

fn path(of: &PathStats) -> Value {
    json!({
        "kind": of.kind.map(p2pvoip::telemetry::PathKind::as_str),
        "round_trip_time_ms": of.round_trip_time.map(ms),
        "min_round_trip_time_ms": of.min_round_trip_time.map(ms),
        "queueing_delay_ms": of.queueing_delay.map(ms),
        "changes": of.changes,
    })
}

fn refused(of: &RefusedStats) -> Value {
    json!({
        "malformed": of.malformed,
        "unauthenticated": of.unauthenticated,
        "replayed": of.replayed,
        "unknown_source": of.unknown_source,
        "limited": of.limited,
    })
}

fn quality(of: &Quality) -> Value {
    json!({
        "r": of.r,
        "mos": of.mos,
        "mos_listening": of.mos_listening,
        "grade": of.grade().as_str(),
        "mouth_to_ear_ms": ms(of.mouth_to_ear),
        "loss": of.loss,
        "burst_ratio": of.burst_ratio,
    })
}

/// Milliseconds, to the microsecond.
fn ms(time: Duration) -> f64 {
    Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts of one call, shown with one decimal")]
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_units_are_those_of_the_documentation() {
        let mut stats = CallStats::default();
        stats.duration = Duration::from_millis(1_500);
        stats.inbound.total_samples = 48_000;
        stats.inbound.concealed_samples = 480;
        stats.quality = Some(Quality::default());
        let fields = Value::Object(fields(&stats));
        assert_eq!(fields["duration_ms"], 1_500.0);
        assert_eq!(
            (&fields["inbound"]["played_ms"], &fields["inbound"]["concealed_ms"]),
            (&json!(1_000), &json!(10))
        );
        let docs = include_str!("../../../docs/cli.md");
        for (group, members) in fields.as_object().unwrap() {
            for name in members.as_object().map(|members| members.keys()).into_iter().flatten() {
                assert!(docs.contains(&format!("`{name}`")), "{group}.{name} is not in docs/cli.md");
            }
        }
    }

    #[test]
    fn a_call_without_packets_has_no_loss_to_speak_of() {
        assert!(sentence(&CallStats::default()).contains("lost -, after repair -"));
    }
}
