//! Which networks reach one another directly, which by a relay, and what is said when neither is possible.

use std::path::PathBuf;

use serde_json::Value;

use super::lab::{Host, Lab, Nat, Plan, STUN, obstacle};
use super::servers::{PASSWORD, Servers, USER};
use crate::common::{Running, passed_over, program, recording};

/// What came of a call, at one of its ends.
#[derive(Debug)]
struct End {
    code: i32,
    paths: Vec<String>,
    reason: String,
    message: String,
    heard: PathBuf,
}

impl End {
    /// Reads what a program says to its end.
    fn of(mut program: Running, heard: PathBuf) -> Self {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let (mut paths, mut reason, mut message) = (Vec::new(), String::new(), String::new());
        while let Some(event) = program.next() {
            match event["event"].as_str() {
                Some("path") => paths.push(text(&event, "kind")),
                Some("ended") => reason = text(&event, "reason"),
                Some("error") => message = text(&event, "message"),
                _ => {}
            }
        }
        Self { code: program.code(), paths, reason, message, heard }
    }

    /// How many milliseconds were recorded.
    fn recorded_ms(&self) -> u64 {
        // 48 samples of two bytes each.
        std::fs::metadata(&self.heard).map_or(0, |file| file.len() / 96)
    }
}

/// Whether the two may use the relay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relay {
    Given,
    None,
}

/// One call between two hosts, of which each says two seconds; `None` when no networks can be built here.
fn call(plan: Plan, relay: Relay) -> Option<(End, End, tempfile::TempDir)> {
    if let Some(why) = obstacle() {
        passed_over("networks", &why);
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    recording(&path("a.wav"), 2, 1);
    recording(&path("b.wav"), 2, 2);
    let file = |name: &str| path(name).to_str().unwrap().to_owned();
    let lab = Lab::build(plan);
    let servers = Servers::start(&lab);
    let stun = format!("{}:3478", STUN[0]);
    let turn = format!("turn:{stun}");
    let mut network = vec!["--throwaway", "--stun", &stun];
    if relay == Relay::Given {
        network.extend(["--turn", &turn, "--turn-user", USER]);
    }
    let run = |host, arguments: &[&str]| {
        Running::of(lab.on(host, program(arguments).env("P2PVOIP_TURN_PASSWORD", PASSWORD)))
    };

    let said = ["--once", "--input", &file("b.wav"), "--output", &file("heard-of-a.wav")];
    let listen = [&["listen", "--server", &servers.url][..], &network, &said].concat();
    let mut listener = run(Host::B, &listen);
    let card = listener.expect("listening")["card"].as_str().unwrap().to_owned();
    let said = ["--input", &file("a.wav"), "--output", &file("heard-of-b.wav"), "--tail", "0.5"];
    let caller = run(Host::A, &[&["call", &card][..], &network, &said].concat());
    // The callee is read beside, so that neither waits for the other's output to be taken.
    let heard = path("heard-of-a.wav");
    let callee = std::thread::spawn(move || End::of(listener, heard));
    let caller = End::of(caller, path("heard-of-b.wav"));
    Some((caller, callee.join().unwrap(), folder))
}

/// Both ended well, on a path of that kind, and have heard the other.
fn talked(plan: Plan, relay: Relay, kind: &str) {
    let Some((caller, callee, _folder)) = call(plan, relay) else { return };
    for end in [&caller, &callee] {
        assert_eq!(end.code, 0, "{plan:?}: {end:?}");
        assert_eq!(end.paths.last().map(String::as_str), Some(kind), "{plan:?}: {end:?}");
        assert!(end.recorded_ms() > 1_500, "{plan:?}: {} ms of {end:?}", end.recorded_ms());
    }
    assert_eq!((caller.reason.as_str(), callee.reason.as_str()), ("hung-up", "peer-hung-up"));
}

#[test]
fn two_nats_that_keep_their_mapping_are_crossed() {
    talked(Plan::Apart(Nat::Port, Nat::Port), Relay::None, "direct");
}

#[test]
fn two_hosts_on_one_local_network_talk_there() {
    talked(Plan::SameLan(Nat::Symmetric), Relay::None, "direct");
}

#[test]
fn an_open_host_is_reached_from_behind_a_symmetric_nat() {
    talked(Plan::Apart(Nat::Symmetric, Nat::Open), Relay::None, "direct");
}

#[test]
fn a_relay_that_is_not_needed_is_not_used() {
    talked(Plan::Apart(Nat::Port, Nat::Port), Relay::Given, "direct");
}

#[test]
fn a_symmetric_nat_and_one_that_filters_by_port_meet_at_a_relay() {
    talked(Plan::Apart(Nat::Symmetric, Nat::Port), Relay::Given, "relayed");
}

#[test]
fn two_symmetric_nats_meet_at_a_relay() {
    talked(Plan::Apart(Nat::Symmetric, Nat::Symmetric), Relay::Given, "relayed");
}

#[test]
fn two_symmetric_nats_without_a_relay_end_the_call_typed() {
    let Some((caller, callee, _folder)) = call(Plan::Apart(Nat::Symmetric, Nat::Symmetric), Relay::None)
    else {
        return;
    };
    assert_eq!((caller.code, caller.reason.as_str()), (9, "no-path"), "{caller:?}");
    assert!(caller.message.contains("relay"), "it says what to do: {caller:?}");
    assert_eq!((callee.code, callee.reason.as_str()), (9, "no-path"), "{callee:?}");
}
