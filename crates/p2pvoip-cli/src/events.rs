//! What the program says on standard output: plain lines for people, or JSON lines for programs (docs/cli.md).

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::error::ErrorKind;
use p2pvoip::telemetry::{CallStats, Summary};
use p2pvoip::{
    CallEvent, CallState, ContactCard, Encryption, EndReason, Fingerprint, Lookup, Path, RelayFailure, Trust,
};
use serde_json::{Map, Value, json};

use crate::clock;
use crate::exit::Failure;
use crate::people::People;
use crate::stats;
use crate::view::{self, Held, trust::level};

/// How often a person is told how the call fares: once in so many statistics (one each 200 ms).
const STATS_A_LINE: u32 = 25;

/// Prints one JSON value as a line. A reader that went away is no reason to end a call, so errors are ignored.
pub(crate) fn line(value: &Value) {
    plain(&value.to_string());
}

/// Prints one line.
pub(crate) fn plain(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Rings the terminal's bell, where there is a terminal.
pub(crate) fn bell() {
    let mut out = std::io::stdout().lock();
    if std::io::stdout().is_terminal() {
        let _ = write!(out, "\x07").and_then(|()| out.flush());
    }
}

/// Prints a failure: a sentence on standard error, and an event when the output is JSON.
pub(crate) fn failure(failure: &Failure, json: bool) {
    let message = failure.to_string();
    let _ = writeln!(std::io::stderr().lock(), "{} {message}", Paint::stderr().bad("error:"));
    if json {
        error_line(failure);
    }
}

/// Prints what is not well but stops nothing, on standard error.
pub(crate) fn warning(sentence: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{} {sentence}", Paint::stderr().strong("warning:"));
}

/// Prints what is good to know and no matter of this run, on standard error.
pub(crate) fn note(sentence: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{} {sentence}", Paint::stderr().strong("note:"));
}

/// Prints a command line that is wrong, or the help that was asked for; says how the program ends.
pub(crate) fn usage(error: &clap::Error, json: bool) -> ExitCode {
    let own = error.kind() == ErrorKind::MissingSubcommand;
    let text = error.to_string();
    let sentence = if own || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "name a command; `p2pvoip --help` lists them"
    } else {
        text.strip_prefix("error: ").unwrap_or(&text).split("\n\n").next().unwrap_or_default()
    };
    let wrong = Failure::Usage(sentence.to_owned());
    if own {
        failure(&wrong, json);
        return wrong.exit_code();
    }
    // Nobody is left to be told that the terminal is gone.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    if json {
        error_line(&wrong);
    }
    wrong.exit_code()
}

fn error_line(failure: &Failure) {
    let (code, reason, message) = (failure.code(), failure.word(), failure.to_string());
    line(&json!({ "event": "error", "code": code, "reason": reason, "message": message }));
}

/// Colours, where there is a terminal that shows them and nobody minds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(bool);

impl Paint {
    /// For standard output.
    pub(crate) fn stdout() -> Self {
        Self(std::io::stdout().is_terminal() && wanted())
    }

    /// For standard error.
    pub(crate) fn stderr() -> Self {
        Self(std::io::stderr().is_terminal() && wanted())
    }

    /// Whether anything is painted.
    pub(crate) const fn is_on(self) -> bool {
        self.0
    }

    /// Green.
    pub(crate) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Red.
    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Bold.
    pub(crate) fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Whether colours are wanted at all (no-color.org).
fn wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Tells what happens, in one of the two forms, and to the view where one is shown.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    json: bool,
    show_addresses: bool,
    paint: Paint,
    start: tokio::time::Instant,
    told: u32,
    path: Option<(SocketAddr, SocketAddr)>,
    view: view::Handle,
    people: People,
}

impl Printer {
    /// A printer whose clock starts now.
    pub(crate) fn new(json: bool, show_addresses: bool) -> Self {
        let view = view::Handle::default();
        let (paint, start, people) = (Paint::stdout(), clock::now(), People::default());
        Self { json, show_addresses, paint, start, told: 0, path: None, view, people }
    }

    /// The same, which tells a view as well.
    pub(crate) fn with_view(self, view: view::Handle) -> Self {
        Self { view, ..self }
    }

    /// The same, which knows these people.
    pub(crate) fn with_people(self, people: People) -> Self {
        Self { people, ..self }
    }

    /// What the owner calls who has that fingerprint.
    pub(crate) fn name(&self, peer: &Fingerprint) -> Option<String> {
        self.people.name(peer).map(ToOwned::to_owned)
    }

    /// Writes down what a call teaches of a contact. A book that cannot be written is told, and the call goes on.
    pub(crate) fn learn(&self, event: &CallEvent) {
        if let Err(failure) = self.people.note(event) {
            self.view.print(Held::Warning(format!("the contact book was not written: {failure}")));
        }
    }

    /// The view, as long as it is shown.
    pub(crate) const fn view(&self) -> &view::Handle {
        &self.view
    }

    /// Whether it speaks JSON.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Our own card, by which others call us.
    pub(crate) fn listening(&self, card: &ContactCard) {
        self.tell("listening", json!({ "card": card.to_string() }), || {
            format!(
                "Listening. Others reach you by this contact card; give it to whom you trust:\n\n{card}\n"
            )
        });
    }

    /// The server connection is lost, or back.
    pub(crate) fn connection(&self, online: bool) {
        let (event, sentence) = if online {
            ("online", "The rendezvous server is reached again; others can call.")
        } else {
            (
                "offline",
                "The connection with the rendezvous server is lost; nobody can call until it is back.",
            )
        };
        self.tell(event, json!({}), || sentence.to_owned());
    }

    /// Whether the DHT tells contacts where we are.
    pub(crate) fn findable(&self, findable: bool) {
        self.tell("findable", json!({ "findable": findable }), || {
            let sentence = if findable {
                "The DHT tells your contacts where you listen, whatever server their card names."
            } else {
                "No node of the DHT keeps your record; contacts find you at the server on their card alone."
            };
            sentence.to_owned()
        });
    }

    /// How the search for the contact in the DHT goes.
    pub(crate) fn lookup(&self, how: Lookup) {
        let sentence = match how {
            Lookup::Started => {
                "The server on the card does not lead to the contact; looking it up in the DHT ..."
            }
            Lookup::Found => "The DHT names another server; trying it ...",
            Lookup::NoAnswer => "No node of the DHT answers.",
            Lookup::NotFound | _ => "The DHT names no other server of the contact.",
        };
        self.tell("lookup", json!({ "status": how.as_str() }), || sentence.to_owned());
    }

    /// The DHT node runs.
    #[cfg(feature = "dht")]
    pub(crate) fn serving_dht(&self, address: SocketAddr) {
        self.tell("serving", json!({ "address": address.to_string() }), || {
            format!("Keeping records of the DHT at {} until Ctrl-C", self.paint.strong(&address.to_string()))
        });
    }

    /// A new call begins: what was told of an earlier one counts no more.
    pub(crate) fn begin_call(&mut self) {
        (self.told, self.path) = (0, None);
    }

    /// Somebody calls.
    pub(crate) fn incoming(&self, peer: Fingerprint, trust: Trust) {
        let name = self.people.name(&peer);
        let body = json!({ "peer": peer.to_string(), "name": name, "trust": trust.word() });
        self.tell("incoming", body, || match name {
            Some(name) => format!("A call from {name} ({}), {peer}", level(trust)),
            None => format!("A call from {peer} ({})", level(trust)),
        });
    }

    /// The call stands elsewhere.
    pub(crate) fn state(&self, state: CallState) {
        self.view.note(|model| model.on_state(state));
        // The end has an event of its own, which says more.
        if !state.is_ended() {
            let sentence = match state {
                CallState::Dialing => "Looking for the other side ...",
                CallState::Ringing => "Ringing ...",
                CallState::Connecting => "Accepted; looking for a path ...",
                CallState::Connected | CallState::Ended(_) | _ => "Connected.",
            };
            self.tell_shown("state", json!({ "state": state.as_str() }), || sentence.to_owned());
        }
    }

    /// Keys are agreed.
    pub(crate) fn encrypted(&self, with: &Encryption) {
        self.view.note(|model| model.on_encrypted(with));
        let version = version(with.version);
        let body = json!({
            "version": version, "cipher": with.aead, "handshake": with.handshake, "peer": with.peer.to_string(),
        });
        self.tell_shown("encrypted", body, || {
            format!("Encrypted end to end: P2P VoIP {version}, {}, {}", with.aead, with.handshake)
        });
    }

    /// A TURN server is of no use; the call may need none.
    pub(crate) fn relay_failed(&self, failure: RelayFailure) {
        let message = failure.to_string();
        if self.json {
            self.tell("relay-failed", json!({ "message": message }), String::new);
        } else {
            self.view.note(|model| model.on_notice(&message));
            self.view.print(Held::Warning(message));
        }
    }

    /// Voice takes another path.
    pub(crate) fn path(&mut self, path: &Path) {
        self.view.note(|model| model.on_path(path, self.show_addresses));
        let known = self.path.replace((path.local, path.remote));
        if !self.json && known == self.path {
            // The same path, measured again.
            return;
        }
        let kind = route(path);
        let rtt_ms = path.rtt.map(|rtt| rtt.as_secs_f64() * 1_000.0);
        let mut body = json!({ "kind": kind, "rtt_ms": rtt_ms });
        let shown = |address: SocketAddr| Value::from(address.to_string());
        if let (true, Value::Object(fields)) = (self.show_addresses, &mut body) {
            fields.insert("local".into(), shown(path.local));
            fields.insert("remote".into(), shown(path.remote));
        }
        let addresses =
            if self.show_addresses { format!(" ({} to {})", path.local, path.remote) } else { String::new() };
        self.tell_shown("path", body, || match rtt_ms {
            Some(rtt_ms) => format!("Path: {kind}{addresses}, round trip {rtt_ms:.0} ms"),
            None => format!("Path: {kind}{addresses}"),
        });
    }

    /// How the call fares.
    pub(crate) fn stats(&mut self, stats: &CallStats) {
        self.told += 1;
        if self.view.note(|model| model.on_stats(stats)) {
            return;
        }
        if self.json {
            self.tell("stats", Value::Object(stats::fields(stats)), String::new);
        } else if self.told.is_multiple_of(STATS_A_LINE) {
            plain(&stats::sentence(stats));
        }
    }

    /// How the call fared from beginning to end.
    pub(crate) fn summary(&self, summary: &Summary) {
        self.tell_shown("summary", Value::Object(stats::spreads(summary)), || {
            format!("In this call, least / median / most: {}", summary.to_string().replace('\n', "\n  "))
        });
    }

    /// The call is over.
    pub(crate) fn ended(&self, reason: EndReason) {
        // People read of a bad end once, as the failure that the program ends with.
        if self.json || Failure::of_end(reason).is_ok() || reason.is_normal() {
            let body = json!({ "reason": reason.as_str(), "message": reason.to_string() });
            self.tell_shown("ended", body, || reason.to_string());
        }
    }

    /// A recording is complete.
    pub(crate) fn written(&self, path: &std::path::Path, seconds: f64) {
        self.tell("written", json!({ "file": path.display().to_string(), "seconds": seconds }), || {
            format!("Wrote {} ({seconds:.1} s)", path.display())
        });
    }

    /// The rendezvous server runs.
    pub(crate) fn serving(&self, url: &str) {
        self.tell("serving", json!({ "url": url }), || {
            format!("Serving at {} until Ctrl-C", self.paint.strong(url))
        });
    }

    /// Any event: `body` is the JSON object's other fields, `sentence` makes what people read, also in the view.
    pub(crate) fn tell(&self, event: &str, body: Value, sentence: impl FnOnce() -> String) {
        self.tell_shown(event, body, || {
            let sentence = sentence();
            self.view.note(|model| model.on_notice(&sentence));
            sentence
        });
    }

    /// The same for what the view shows in a row of its own.
    pub(crate) fn tell_shown(&self, event: &str, body: Value, sentence: impl FnOnce() -> String) {
        if !self.json {
            self.view.print(Held::Line(sentence()));
            return;
        }
        let mut fields = Map::from_iter([
            ("event".to_owned(), Value::from(event)),
            (
                "at_ms".to_owned(),
                Value::from(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)),
            ),
        ]);
        if let Value::Object(body) = body {
            fields.extend(body);
        }
        line(&Value::Object(fields));
    }
}

/// The words for a path's kind.
fn route(path: &Path) -> &'static str {
    match path.kind {
        p2pvoip::nat::RouteKind::Direct => "direct",
        p2pvoip::nat::RouteKind::Relayed => "relayed",
    }
}

/// A version as people write it: 0x11 is 1.1.
pub(crate) fn version(byte: u8) -> String {
    format!("{}.{}", byte >> 4, byte & 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_written_with_a_dot() {
        assert_eq!((version(0x11), version(0x10)), ("1.1".to_owned(), "1.0".to_owned()));
    }

    #[test]
    fn nothing_is_painted_where_nobody_sees_it() {
        assert_eq!(Paint(false).bad("x"), "x");
        assert_eq!(Paint(true).bad("x"), "\x1b[31mx\x1b[0m");
    }
}
