//! The verdict: was everything heard that was said, and did nothing pass the forwarder by?

mod words;

use std::path::Path;

use p2pvoip::media::{compare, wav};
use serde_json::Value;

use super::play::{Performance, Script, Side};
use super::trace::{CONCEALED, Opinion, PLAYED, Trace, number};
use crate::args::Impairment;
use crate::exit::Failure;

/// The part of what was said that must be heard where nothing was concealed. The rest is the uncertainty of comparing
/// speech that a codec went over.
const HEARD: f64 = 0.95;

/// How much of what was said may be forgiven when it was concealed, on any network. More is forgiven only where the user
/// asked for more loss and the forwarder counted it.
const FORGIVEN: f64 = 0.05;

/// The longest stretch that may go unheard, in milliseconds: a word. Losses that come by chance are far shorter.
const LONGEST_GAP_MS: usize = 500;

/// Packets that a side may still send after its last statistics: the repeated farewell.
const FAREWELL_PACKETS: u64 = 40;

/// How well one voice was heard.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// The part of what was said that was heard, 0 to 1.
    pub(super) share: f64,
    /// How alike the spectra are on average, 0 to 1.
    pub(super) similarity: f64,
    /// How much later the received recording has it.
    pub(super) offset_ms: f64,
    /// The longest stretch that was not heard.
    pub(super) longest_gap_ms: usize,
}

/// What the three witnesses of one direction counted: sealed packets of the call.
#[derive(Clone, Debug, Default)]
struct Passage {
    sent: u64,
    network: Value,
    received: u64,
}

/// One direction of the call.
#[derive(Clone, Debug)]
pub(super) struct Way {
    name: &'static str,
    /// Its name as a heading.
    pub(super) title: &'static str,
    /// The file of what was said.
    pub(super) original: &'static str,
    /// The file of what was heard.
    pub(super) received: &'static str,
    /// How well it was heard, or why not at all.
    pub(super) heard: Result<Heard, String>,
    passage: Passage,
    /// The part of all datagrams that the user asked the network to lose, 0 to 1.
    asked: f64,
    /// The last statistics of who speaks and who hears.
    speaker: Value,
    hearer: Value,
    /// How good it probably sounded.
    opinion: Option<Opinion>,
}

/// The whole verdict.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    /// Caller to callee, callee to caller.
    pub(super) ways: [Way; 2],
    encrypted: Option<Value>,
    /// How far the caller trusts the callee.
    trust: Option<Value>,
    path: Option<Value>,
    ends: [String; 2],
    impairment: Impairment,
    /// Datagrams that came from neither side.
    pub(super) strangers: u64,
}

impl Summary {
    /// Judges what was played.
    pub(super) fn judge(performance: &Performance, script: &Script) -> Result<Self, Failure> {
        let Performance { caller, callee, network } = performance;
        let way = |name, title, voice: char, from, to, said: &Path, got: &Path| {
            let (original, received) = match voice {
                'a' => ("original-a.wav", "received-a.wav"),
                _ => ("original-b.wav", "received-b.wav"),
            };
            let heard = listen(said, got)?;
            let stats = |side: &Side| side.last("stats").cloned().unwrap_or(Value::Null);
            let (speaker, hearer) = (stats(from), stats(to));
            let passage = Passage {
                sent: count(&speaker["outbound"], "packets_sent"),
                network: counters(network, from),
                received: count(&hearer["inbound"], "packets_received"),
            };
            let asked = script.impairment.loss / 100.0;
            let opinion = Trace::of(from, to).opinion();
            Ok::<_, Failure>(Way {
                name,
                title,
                original,
                received,
                heard,
                passage,
                asked,
                speaker,
                hearer,
                opinion,
            })
        };
        let says = (&script.caller_says, &script.callee_says);
        let hears = (&script.callee_hears, &script.caller_hears);
        Ok(Self {
            ways: [
                way("caller to callee", "Caller to callee", 'a', caller, callee, says.0, hears.0)?,
                way("callee to caller", "Callee to caller", 'b', callee, caller, says.1, hears.1)?,
            ],
            encrypted: caller.last("encrypted").cloned(),
            trust: caller.last("trust").cloned(),
            path: caller.last("path").cloned(),
            ends: [end(caller), end(callee)],
            impairment: script.impairment,
            strangers: network["strangers"].as_u64().unwrap_or_default(),
        })
    }

    /// Whether all is well.
    pub(super) fn passed(&self) -> bool {
        self.complaints().is_empty()
    }

    /// What is not well, in sentences.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut all: Vec<String> = self.ways.iter().flat_map(Way::complaints).collect();
        if self.encrypted.is_none() {
            all.push("No keys were agreed, so nothing was encrypted.".to_owned());
        }
        if !all.is_empty() {
            let [caller, callee] = &self.ends;
            all.push(format!("The caller's end: {caller} The callee's end: {callee}"));
        }
        all
    }
}

impl Way {
    fn complaints(&self) -> Vec<String> {
        let mut all = Vec::new();
        match &self.heard {
            Ok(heard) if heard.longest_gap_ms > LONGEST_GAP_MS => all.push(format!(
                "The voice from {} has a hole: {} ms in a stretch were not heard, {LONGEST_GAP_MS} ms are forgiven.",
                self.name, heard.longest_gap_ms
            )),
            Ok(heard) if heard.share < self.needed() => all.push(format!(
                "The voice from {} did not arrive whole: {:.1} % of it was heard, {:.1} % are needed.",
                self.name,
                heard.share * 100.0,
                self.needed() * 100.0
            )),
            Ok(_) => {}
            Err(why) => all.push(format!("The voice from {} did not arrive: {why}.", self.name)),
        }
        let cut = count(&self.passage.network, "cut");
        if cut > 0 {
            all.push(format!("The network was cut: {cut} packets from {} ended there.", self.name));
        }
        all.extend(self.passage.leak().map(|leak| format!("From {}: {leak}.", self.name)));
        all
    }

    /// The part of what was said that must be heard, given what was concealed. The hearer's own count excuses no more
    /// than the forwarder says was lost, and no more than the user asked it to lose.
    fn needed(&self) -> f64 {
        HEARD - self.concealed().min(self.passage.lost().min(self.asked).max(FORGIVEN))
    }

    /// The part of the sound that had to be made up, 0 to 1.
    fn concealed(&self) -> f64 {
        ratio(number(&self.hearer, CONCEALED), number(&self.hearer, PLAYED))
    }
}

impl Passage {
    /// The part of the packets that the forwarder lost by its dice.
    #[expect(clippy::cast_precision_loss, reason = "counts of one call's packets")]
    fn lost(&self) -> f64 {
        ratio(count(&self.network, "lost") as f64, count(&self.network, "arrived") as f64)
    }

    /// Packets that the speaker's program sent after its last statistics: the repeated farewell.
    fn farewells(&self) -> u64 {
        count(&self.network, "arrived").saturating_sub(self.sent)
    }

    /// What is wrong with the conservation of packets, if anything.
    fn leak(&self) -> Option<String> {
        let (arrived, delivered) = (count(&self.network, "arrived"), count(&self.network, "delivered"));
        if self.sent > arrived {
            return Some(format!(
                "{} packets were sent, but only {arrived} came to the forwarder",
                self.sent
            ));
        }
        if arrived > self.sent + FAREWELL_PACKETS {
            return Some(format!(
                "{arrived} packets came to the forwarder, but only {} were sent",
                self.sent
            ));
        }
        if self.received > delivered {
            return Some(format!(
                "{} packets were received, but the forwarder sent on only {delivered}",
                self.received
            ));
        }
        None
    }
}

/// Compares what was said with what was heard.
fn listen(said: &Path, heard: &Path) -> Result<Result<Heard, String>, Failure> {
    let original = wav::read(said).map_err(|error| Failure::file(said, &error))?;
    if !heard.exists() {
        return Ok(Err("nothing was recorded at the other side".to_owned()));
    }
    let received = wav::read(heard).map_err(|error| Failure::file(heard, &error))?;
    let alignment = compare::align(&original, &received);
    let active: Vec<f64> = alignment
        .frames
        .iter()
        .filter(|frame| frame.active)
        .map(|frame| f64::from(frame.similarity))
        .collect();
    if active.is_empty() {
        return Ok(Err("nothing is said in the recording; choose another".to_owned()));
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of 10 ms frames, and samples of one recording")]
    Ok(Ok(Heard {
        share: f64::from(alignment.share()),
        similarity: active.iter().sum::<f64>() / active.len() as f64,
        offset_ms: alignment.offset as f64 / 48.0,
        longest_gap_ms: alignment.longest_gap() * 10,
    }))
}

/// The forwarder's counters for what that side sent, found by its address.
fn counters(network: &Value, from: &Side) -> Value {
    let local = from.last("path").map(|path| path["local"].clone());
    let clients = network["clients"].as_array().map(Vec::as_slice).unwrap_or_default();
    let client = clients.iter().find(|client| Some(&client["owner"]) == local.as_ref());
    client.map_or(Value::Null, |client| client["packets"].clone())
}

/// How a side says that the call ended.
fn end(side: &Side) -> String {
    let said = side.last("ended").or_else(|| side.last("error")).and_then(|event| event["message"].as_str());
    match (said, side.complaints.lines().last()) {
        (Some(said), _) => said.to_owned(),
        (None, Some(complaint)) => complaint.to_owned(),
        (None, None) => "It never had a call.".to_owned(),
    }
}

/// A part of a whole; none of nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn count(event: &Value, field: &str) -> u64 {
    event[field].as_u64().unwrap_or_default()
}

#[cfg(test)]
impl Summary {
    /// A verdict of a call in which all went well, made of what both sides said.
    pub(super) fn example(caller: &Side, callee: &Side) -> Self {
        let way = |name, title, original, received, from: &Side, to: &Side| Way {
            name,
            title,
            original,
            received,
            heard: Ok(Heard { share: 0.991, similarity: 0.94, offset_ms: 96.0, longest_gap_ms: 40 }),
            passage: Passage { sent: 0, network: Value::Null, received: 0 },
            asked: 0.05,
            speaker: from.last("stats").cloned().unwrap_or_default(),
            hearer: to.last("stats").cloned().unwrap_or_default(),
            opinion: Trace::of(from, to).opinion(),
        };
        Self {
            ways: [
                way(
                    "caller to callee",
                    "Caller to callee",
                    "original-a.wav",
                    "received-a.wav",
                    caller,
                    callee,
                ),
                way(
                    "callee to caller",
                    "Callee to caller",
                    "original-b.wav",
                    "received-b.wav",
                    callee,
                    caller,
                ),
            ],
            trust: Some(serde_json::json!({ "trust": "first-contact", "how": null })),
            encrypted: Some(
                serde_json::json!({ "version": "1.1", "cipher": "AES-256-GCM", "handshake": "Noise_IK" }),
            ),
            path: Some(
                serde_json::json!({ "kind": "direct", "local": "127.0.0.1:1", "remote": "127.0.0.1:2" }),
            ),
            ends: ["You ended the call.".to_owned(), "The other side ended the call.".to_owned()],
            impairment: Impairment { loss: 5.0, jitter: 8.0, delay: 20.0, cut_after: None, seed: 1 },
            strangers: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passage(sent: u64, arrived: u64, delivered: u64, received: u64) -> Passage {
        Passage { sent, network: json!({ "arrived": arrived, "delivered": delivered }), received }
    }

    #[test]
    fn packets_that_pass_the_forwarder_by_are_noticed() {
        assert!(passage(100, 100, 95, 95).leak().is_none());
        assert!(passage(100, 103, 98, 95).leak().is_none(), "the farewell comes after the last statistics");
        assert!(passage(100, 99, 95, 95).leak().is_some(), "one packet took another way");
        assert!(passage(100, 100, 95, 96).leak().is_some(), "one packet came another way");
        assert!(passage(100, 200, 95, 95).leak().is_some(), "somebody else sends");
    }

    /// A direction of which so much was concealed, lost at the forwarder and asked to be lost, in percent.
    fn way(share: f64, concealed: u32, lost: u32, asked: u32) -> Way {
        let network = json!({ "arrived": 100, "lost": lost, "delivered": 100 - lost });
        Way {
            name: "x",
            title: "X",
            original: "",
            received: "",
            heard: Ok(Heard { share, similarity: 0.9, offset_ms: 0.0, longest_gap_ms: 0 }),
            passage: Passage { sent: 100, network, received: 100 - u64::from(lost) },
            asked: f64::from(asked) / 100.0,
            speaker: Value::Null,
            hearer: json!({ "inbound": { "concealed_ms": concealed, "played_ms": 100 } }),
            opinion: None,
        }
    }

    #[test]
    fn on_the_default_network_nine_tenths_must_be_heard_however_much_was_concealed() {
        let needed = |concealed| way(1.0, concealed, 5, 5).needed();
        assert!((needed(0) - 0.95).abs() < 1e-9);
        assert!((needed(2) - 0.93).abs() < 1e-9);
        assert!((needed(60) - 0.90).abs() < 1e-9);
        assert_eq!((way(0.91, 60, 5, 5).complaints().len(), way(0.89, 60, 5, 5).complaints().len()), (0, 1));
    }

    #[test]
    fn more_is_forgiven_only_when_it_was_asked_for_and_lost_and_concealed() {
        let needed = |concealed, lost, asked| way(1.0, concealed, lost, asked).needed();
        assert!((needed(90, 20, 20) - 0.75).abs() < 1e-9);
        assert!((needed(90, 20, 5) - 0.90).abs() < 1e-9, "not asked for");
        assert!((needed(90, 3, 20) - 0.90).abs() < 1e-9, "not lost by the forwarder");
        assert!((needed(10, 20, 20) - 0.85).abs() < 1e-9, "not concealed");
    }

    #[test]
    fn a_hole_or_a_cut_fails_whatever_else_was_heard() {
        let hole = |longest_gap_ms| {
            let mut way = way(0.99, 0, 5, 40);
            way.heard = Ok(Heard { share: 0.99, similarity: 0.9, offset_ms: 0.0, longest_gap_ms });
            way.complaints().len()
        };
        assert_eq!((hole(500), hole(510)), (0, 1));
        let mut cut = way(0.99, 0, 5, 5);
        cut.passage.network["cut"] = json!(1);
        assert_eq!(cut.complaints().len(), 1);
    }
}
