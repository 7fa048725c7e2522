//! What the verdict says: to people on the terminal and in the report, to programs as JSON.

use p2pvoip::telemetry::Grade;
use serde_json::{Value, json};

use super::{Heard, Passage, Summary, Way, count, number};
use crate::args::Impairment;

impl Summary {
    /// The verdict in a few words.
    pub(in crate::demo) fn headline(&self) -> String {
        let heard = self.ways.iter().filter(|way| way.complaints().is_empty()).count();
        match (self.passed(), heard) {
            (true, _) => "Both voices arrived, encrypted end to end".to_owned(),
            (false, 1) => "One of the two voices did not arrive as it should".to_owned(),
            (false, 0) => "Neither voice arrived as it should".to_owned(),
            (false, _) => "The call is not as it should be".to_owned(),
        }
    }

    /// What was done, in a sentence.
    pub(in crate::demo) fn lead(&self) -> String {
        let Impairment { loss, delay, jitter, .. } = self.impairment;
        format!(
            "Two separate programs on this machine called each other through a network that loses {loss} % of all \
             datagrams and delays the others by {delay} ms, give or take {jitter} ms. Each said a recording and \
             wrote down what it heard."
        )
    }

    /// Facts of the whole call: name and value.
    pub(in crate::demo) fn facts(&self) -> Vec<(&'static str, String)> {
        let text = |value: &Option<Value>, field: &str| {
            value.as_ref().and_then(|value| value[field].as_str()).unwrap_or("none").to_owned()
        };
        let [caller, callee] = &self.ends;
        let path = if self.path.is_some() {
            let field = |name| text(&self.path, name);
            format!("{}, {} to {}", field("kind"), field("local"), field("remote"))
        } else {
            "none".to_owned()
        };
        vec![
            ("Protocol", format!("P2P VoIP {}", text(&self.encrypted, "version"))),
            ("Encryption", text(&self.encrypted, "cipher")),
            ("Key agreement", text(&self.encrypted, "handshake")),
            ("Trust", self.trust()),
            ("Path", path),
            ("Caller's end", caller.clone()),
            ("Callee's end", callee.clone()),
        ]
    }

    /// How far the caller trusts the callee, which it knows by its card alone.
    fn trust(&self) -> String {
        let field = |name| self.trust.as_ref().and_then(|trust| trust[name].as_str());
        match (field("trust"), field("how")) {
            (Some(trust), Some(how)) => format!("{trust} ({how})"),
            (Some(trust), None) => trust.to_owned(),
            (None, _) => "none".to_owned(),
        }
    }

    /// The summary for the terminal.
    pub(in crate::demo) fn lines(&self) -> Vec<String> {
        let mut all = Vec::new();
        for way in &self.ways {
            let rows = way.rows();
            let row = |name: &str| {
                rows.iter()
                    .find(|(known, _)| *known == name)
                    .map_or_else(|| "?".to_owned(), |(_, value)| value.clone())
            };
            all.push(format!(
                "  {:<18} heard {}, lost on the way {}, after repair {}, playout delay {}, MOS {}",
                way.name,
                row("Heard of what was said"),
                row("Lost on the way"),
                row("Lost after repair"),
                row("Playout delay"),
                way.opinion.map_or_else(|| "-".to_owned(), |opinion| format!("{:.1}", opinion.mean)),
            ));
        }
        let proof = if self.ways.iter().all(|way| way.passage.sent == 0) {
            "no packet was sent"
        } else if self.ways.iter().all(|way| way.passage.leak().is_none()) {
            "every packet accounted for"
        } else {
            "packets unaccounted for"
        };
        all.push(format!("  network            {proof}, {} datagrams of strangers", self.strangers));
        all.extend(
            self.facts()
                .into_iter()
                .take(5)
                .map(|(name, value)| format!("  {:<18} {value}", name.to_lowercase())),
        );
        all
    }

    /// The summary for programs.
    pub(in crate::demo) fn to_json(&self) -> Value {
        json!({
            "event": "verdict",
            "passed": self.passed(),
            "headline": self.headline(),
            "complaints": self.complaints(),
            "ways": self.ways.iter().map(Way::to_json).collect::<Vec<_>>(),
            "encrypted": self.encrypted,
            "trust": self.trust,
            "path": self.path,
            "ends": self.ends,
            "strangers": self.strangers,
        })
    }
}

impl Way {
    /// What the table of the report says.
    pub(in crate::demo) fn rows(&self) -> Vec<(&'static str, String)> {
        let share = |heard: &Heard| format!("{:.1} %", heard.share * 100.0);
        let of = |say: fn(&Heard) -> String| self.heard.as_ref().map_or_else(|_| "-".to_owned(), say);
        let when_sent = |share: f64| {
            if self.passage.sent > 0 { format!("{:.1} %", share * 100.0) } else { "-".to_owned() }
        };
        let kbps =
            |bps: f64| if bps.is_finite() { format!("{:.1} kbit/s", bps / 1_000.0) } else { "-".to_owned() };
        let ms = |value: f64| if value.is_finite() { format!("{value:.0} ms") } else { "-".to_owned() };
        vec![
            ("Opinion score (MOS), mean and least", self.score()),
            ("Heard of what was said", self.heard.as_ref().map_or_else(|_| "nothing".to_owned(), share)),
            ("Likeness of the spectra", of(|heard| format!("{:.2}", heard.similarity))),
            ("Longest stretch not heard", of(|heard| format!("{} ms", heard.longest_gap_ms))),
            ("Recording begins later by", of(|heard| format!("{:.0} ms", heard.offset_ms))),
            ("Lost on the way", when_sent(self.passage.lost())),
            ("Lost after repair", when_sent(self.concealed())),
            ("Playout delay", ms(number(&self.hearer, "/inbound/playout_delay_ms"))),
            ("Round trip", ms(number(&self.speaker, "/path/round_trip_time_ms"))),
            (
                "Allowed by congestion control at the end",
                kbps(number(&self.speaker, "/outbound/target_bitrate")),
            ),
            ("Bitrate at the end", kbps(number(&self.speaker, "/outbound/bitrate"))),
        ]
    }

    /// How good it probably sounded, in a number and a word.
    fn score(&self) -> String {
        let word = |mos| Grade::of_mos(mos).as_str();
        self.opinion.map_or_else(
            || "-".to_owned(),
            |opinion| format!("{:.1} ({}), {:.1}", opinion.mean, word(opinion.mean), opinion.least),
        )
    }

    /// Where its packets went.
    pub(in crate::demo) fn passage_rows(&self) -> Vec<(&'static str, String)> {
        let Passage { sent, network, received } = &self.passage;
        let there = |field: &str| count(network, field).to_string();
        vec![
            ("Sent by the speaker's program", sent.to_string()),
            ("Arrived at the forwarder", there("arrived")),
            ("Of these, farewells after the last count", self.passage.farewells().to_string()),
            ("Lost there on purpose", there("lost")),
            ("Cut off there", there("cut")),
            ("Sent on by the forwarder", there("delivered")),
            ("Received by the hearer's program", received.to_string()),
            ("Proof", self.passage.leak().unwrap_or_else(|| "holds".to_owned())),
        ]
    }

    fn to_json(&self) -> Value {
        let heard = self.heard.as_ref().ok();
        json!({
            "way": self.name,
            "arrived": self.complaints().is_empty(),
            "present_percent": heard.map_or(0.0, |heard| heard.share * 100.0),
            "needed_percent": self.needed() * 100.0,
            "similarity": heard.map(|heard| heard.similarity),
            "offset_ms": heard.map(|heard| heard.offset_ms),
            "longest_gap_ms": heard.map(|heard| heard.longest_gap_ms),
            "lost_percent": 100.0 * self.passage.lost(),
            "lost_after_repair_percent": 100.0 * self.concealed(),
            "mos": self.opinion.map(|opinion| opinion.mean),
            "mos_least": self.opinion.map(|opinion| opinion.least),
            "mos_last": self.opinion.map(|opinion| opinion.last),
            "playout_delay_ms": self.hearer["inbound"]["playout_delay_ms"],
            "packets_sent": self.passage.sent,
            "packets_received": self.passage.received,
            "network": self.passage.network,
        })
    }
}
