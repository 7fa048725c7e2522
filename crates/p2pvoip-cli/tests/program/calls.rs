//! Whole calls between real processes: how they begin, and every way in which they end.

use crate::common::{Running, caller, listener, recording, server};

#[test]
fn a_call_ends_by_itself_when_the_recording_was_said_and_both_have_heard() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    recording(folder.path().join("a.wav").as_path(), 2, 1);
    recording(folder.path().join("b.wav").as_path(), 1, 2);
    let (_server, url) = server();
    let (mut listener, card) =
        listener(&url, &["--once", "--input", &file("b.wav"), "--output", &file("heard-a.wav")]);
    let mut caller =
        caller(&card, &["--input", &file("a.wav"), "--output", &file("heard-b.wav"), "--tail", "0.5"]);
    let encrypted = caller.expect("encrypted");
    assert_eq!(encrypted["version"], "1.1");
    assert_eq!(caller.expect("trust")["trust"], "first-contact");
    let code = caller.expect("sas");
    assert_eq!(code["words"].as_array().map(Vec::len), Some(6));
    assert_eq!(listener.expect("sas")["words"], code["words"], "both see the same code");
    let path = caller.expect("path");
    assert_eq!(path["kind"], "direct");
    assert!(path.get("remote").is_none(), "addresses are shown only when asked for: {path}");
    assert_eq!(caller.expect("ended")["reason"], "hung-up");
    assert_eq!(listener.expect("ended")["reason"], "peer-hung-up");
    assert_eq!((caller.code(), listener.code()), (0, 0));
    for name in ["heard-a.wav", "heard-b.wav"] {
        let len = std::fs::metadata(folder.path().join(name)).unwrap().len();
        assert!((150_000..500_000).contains(&len), "{name} has {len} bytes");
    }
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

#[test]
fn ctrl_c_hangs_up_and_the_other_side_is_told() {
    let (_server, url) = server();
    let (mut listener, card) = listener(&url, &["--once"]);
    let mut caller = caller(&card, &[]);
    caller.reach("connected");
    listener.reach("connected");
    caller.signal("-INT");
    assert_eq!(listener.expect("ended")["reason"], "peer-hung-up");
    assert_eq!(caller.expect("ended")["reason"], "hung-up");
    assert_eq!((caller.code(), listener.code()), (0, 0), "nothing was left to be said");
}

#[test]
fn ctrl_c_before_all_was_said_is_130() {
    let folder = tempfile::tempdir().unwrap();
    let voice = folder.path().join("a.wav");
    recording(&voice, 60, 1);
    let (_server, url) = server();
    let (mut listener, card) = listener(&url, &["--once"]);
    let mut caller = caller(&card, &["--input", voice.to_str().unwrap()]);
    caller.reach("connected");
    listener.reach("connected");
    caller.signal("-INT");
    assert_eq!((caller.code(), listener.code()), (130, 0));
}

#[test]
fn a_listener_tells_that_its_server_went_away() {
    let (server, url) = server();
    let (mut listener, _) = listener(&url, &[]);
    server.signal("-KILL");
    listener.expect("offline");
    drop(server);
    let _server = Running::start(&["rendezvous", "--bind", url.trim_start_matches("ws://")]);
    listener.expect("online");
    listener.signal("-INT");
    assert_eq!(listener.code(), 0);
}

#[test]
fn ctrl_c_before_the_call_is_answered_is_130() {
    let (_server, url) = server();
    let (listener, card) = listener(&url, &[]);
    // The callee's process stands still, so nobody answers.
    listener.signal("-STOP");
    let mut caller = caller(&card, &[]);
    caller.expect("state");
    caller.signal("-INT");
    assert_eq!(caller.code(), 130);
}

#[test]
fn a_peer_that_is_killed_ends_the_call_with_a_typed_reason() {
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard.wav");
    let (_server, url) = server();
    let (mut listener, card) = listener(&url, &["--once", "--output", heard.to_str().unwrap()]);
    let mut caller = caller(&card, &[]);
    listener.reach("connected");
    caller.reach("connected");
    caller.signal("-KILL");
    let reason = listener.expect("ended")["reason"].clone();
    assert_eq!(reason, "peer-vanished");
    assert_eq!(listener.code(), 9);
    assert!(heard.exists(), "what was heard until then is kept");
}

#[test]
fn a_call_does_not_need_the_server_any_more_once_it_is_connected() {
    let folder = tempfile::tempdir().unwrap();
    let voice = folder.path().join("a.wav");
    recording(&voice, 3, 1);
    let (server, url) = server();
    let (mut listener, card) = listener(&url, &["--once"]);
    let mut caller = caller(&card, &["--input", voice.to_str().unwrap(), "--tail", "0.2"]);
    caller.reach("connected");
    listener.reach("connected");
    server.signal("-KILL");
    assert_eq!(caller.expect("ended")["reason"], "hung-up");
    assert_eq!(listener.expect("ended")["reason"], "peer-hung-up");
    assert_eq!((caller.code(), listener.code()), (0, 0));
}

#[test]
fn who_calls_during_a_call_hears_that_we_are_busy() {
    let (_server, url) = server();
    let (mut listener, card) = listener(&url, &["--once"]);
    let mut first = caller(&card, &[]);
    first.reach("connected");
    listener.reach("connected");
    assert_eq!(caller(&card, &[]).code(), 7);
    first.signal("-INT");
    assert_eq!(listener.expect("ended")["reason"], "peer-hung-up");
}

#[test]
fn statistics_come_five_times_a_second_and_the_way_docs_say() {
    let (_server, url) = server();
    let (_listener, card) = listener(&url, &["--once"]);
    let mut caller = caller(&card, &[]);
    caller.reach("connected");
    let times: Vec<u64> = (0..11).map(|_| caller.expect("stats")["at_ms"].as_u64().unwrap()).collect();
    let took = times[10] - times[0];
    assert!((1_500..3_000).contains(&took), "ten intervals took {took} ms");
    caller.signal("-INT");
    assert_eq!(caller.code(), 0);
}
