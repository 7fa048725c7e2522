//! Each way to fail has its exit code and says what to do (docs/cli.md).

use crate::common::{Running, failure, listener, program, recording, run, server};
use serde_json::Value;

/// A card that is well formed, of nobody, at a server.
fn card_at(server: &str) -> String {
    let shown = run(&["id", "--throwaway", "--json", "--server", server]);
    let value: Value = serde_json::from_slice(&shown.stdout).unwrap();
    value["card"].as_str().unwrap().to_owned()
}

/// An address where nothing listens: the system gave it and took it back.
fn nowhere() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("ws://{}", socket.local_addr().unwrap())
}

#[test]
fn a_wrong_command_line_is_2() {
    for line in [&["dance"][..], &[], &["call"], &["listen"], &["demo", "--out", "x", "--loss", "120"]] {
        assert_eq!(failure(&run(line)).0, 2, "{line:?}");
    }
}

#[test]
fn a_number_below_its_range_is_told_the_range() {
    for line in [&["demo", "--out", "x", "--loss", "-5"][..], &["call", "x", "--tail", "-1"]] {
        let (code, said) = failure(&run(line));
        assert!(code == 2 && said.contains("from 0 to"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn an_identity_that_others_can_read_is_warned_of_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity");
    let show = || failure(&run(&["id", "--identity", path.to_str().unwrap()]));
    assert_eq!(show(), (0, String::new()));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said) = show();
    assert_eq!((code, said.matches("warning:").count()), (0, 1), "{said}");
    let (code, said) = failure(&run(&["id", "--identity", "/dev/zero"]));
    assert_eq!(code, 3, "{said}");
}

#[test]
fn a_wrong_command_line_is_an_event_too() {
    for line in [&["--json"][..], &["--json", "dance"], &["demo", "--json", "--out", "x", "--loss", "-5"]] {
        let output = run(line);
        let event: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&event["event"], &event["code"]), (&Value::from("error"), &Value::from(2)), "{line:?}");
    }
}

#[test]
fn a_server_that_nobody_could_call_at_is_2() {
    for url in ["foo", "http://x", "example.org:7000", ""] {
        let (code, said) = failure(&run(&["id", "--throwaway", "--server", url]));
        assert_eq!(code, 2, "{url}: {said}");
        assert!(url.is_empty() || said.contains("ws://host:port"), "{url}: {said}");
    }
    let with = |value| program(&["id", "--throwaway"]).env("P2PVOIP_SERVER", value).output().unwrap();
    assert_eq!((failure(&with("")).0, failure(&with("foo")).0), (0, 2), "an empty variable is no variable");
}

#[test]
fn an_address_that_is_not_ours_is_2() {
    let card = card_at("ws://127.0.0.1:1");
    let (code, said) = failure(&run(&["call", &card, "--throwaway", "--bind", "192.0.2.1"]));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--bind"), "{said}");
}

#[test]
fn help_names_every_exit_code() {
    let help = run(&["--help"]);
    let text = String::from_utf8(help.stdout).unwrap();
    assert_eq!(help.status.code(), Some(0));
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130] {
        assert!(text.lines().any(|line| line.trim_start().starts_with(&format!("{code} "))), "{code}");
    }
}

#[test]
fn a_missing_or_broken_recording_is_3_and_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.wav");
    std::fs::write(&broken, b"this is no recording").unwrap();
    let missing = folder.path().join("missing.wav");
    let short = folder.path().join("short.wav");
    recording(&short, 1, 1);
    std::fs::OpenOptions::new().write(true).open(&short).unwrap().set_len(50_000).unwrap();
    let card = card_at("ws://127.0.0.1:1");
    for file in [&broken, &missing, &short] {
        let file = file.to_str().unwrap();
        let (code, said) = failure(&run(&["call", &card, "--throwaway", "--input", file]));
        assert_eq!(code, 3, "{said}");
        assert!(said.contains(file), "{said}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_3() {
    let card = card_at("ws://127.0.0.1:1");
    let (code, said) =
        failure(&run(&["call", &card, "--throwaway", "--output", "/no/such/folder/heard.wav"]));
    assert_eq!(code, 3, "{said}");
}

#[test]
fn an_output_that_would_replace_something_else_is_3_before_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let voice = folder.path().join("voice.wav");
    recording(&voice, 1, 1);
    let voice = voice.to_str().unwrap();
    let roundabout = format!("{}/./voice.wav", folder.path().to_str().unwrap());
    let new = format!("{}/new/", folder.path().to_str().unwrap());
    let card = card_at("ws://127.0.0.1:1");
    for output in ["/dev/null", "/dev/stdout", folder.path().to_str().unwrap(), &new, voice, &roundabout] {
        let line = ["call", &card, "--throwaway", "--input", voice, "--output", output];
        let (code, said) = failure(&run(&line));
        assert_eq!(code, 3, "{output}: {said}");
        assert!(said.contains("name a"), "{output}: {said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_damaged_identity_is_3_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity");
    std::fs::write(&path, b"p2pvoip\x01 what is left of it").unwrap();
    let (code, said) = failure(&run(&["id", "--identity", path.to_str().unwrap()]));
    assert_eq!(code, 3);
    assert!(said.contains("damaged"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), b"p2pvoip\x01 what is left of it");
}

#[test]
fn a_server_that_is_down_is_4_for_both_sides() {
    let server = nowhere();
    let (code, said) = failure(&run(&["listen", "--throwaway", "--server", &server, "--once"]));
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("server"), "{said}");
    let (code, said) = failure(&run(&["call", &card_at(&server), "--throwaway"]));
    assert_eq!(code, 4, "{said}");
}

#[test]
fn a_wrong_card_is_5() {
    let good = card_at("ws://127.0.0.1:1");
    let mistyped = good.replace('@', "x@");
    for card in ["hello", "p2pvoip:", &mistyped] {
        let (code, said) = failure(&run(&["call", card, "--throwaway"]));
        assert_eq!(code, 5, "{card}: {said}");
        assert!(said.contains("card"), "{said}");
    }
}

#[test]
fn an_absent_callee_is_6() {
    let (_server, url) = server();
    let (code, said) = failure(&run(&["call", &card_at(&url), "--throwaway", "--bind", "127.0.0.1"]));
    assert_eq!(code, 6, "{said}");
}

#[test]
fn a_callee_that_declines_or_is_busy_is_7() {
    let (_server, url) = server();
    for (reason, word, own) in [("declined", "rejected", 0), ("busy", "busy", 7)] {
        let (listener, card) = listener(&url, &["--once", "--decline", reason]);
        let called = run(&["call", &card, "--throwaway", "--bind", "127.0.0.1", "--json"]);
        assert_eq!(failure(&called).0, 7, "{}", failure(&called).1);
        let last = String::from_utf8(called.stdout).unwrap();
        let last: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
        assert_eq!((&last["event"], &last["reason"]), (&Value::from("error"), &Value::from(word)));
        assert_eq!(listener.code(), own);
    }
}

#[test]
fn nobody_calling_within_the_time_is_8() {
    let (_server, url) = server();
    let (listener, _) = listener(&url, &["--once", "--for", "0.2"]);
    assert_eq!(listener.code(), 8);
}

#[test]
fn the_identity_is_made_once_and_shown_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity");
    let show = || -> Value {
        let shown =
            run(&["id", "--json", "--server", "wss://example.org", "--identity", path.to_str().unwrap()]);
        serde_json::from_slice(&shown.stdout).unwrap()
    };
    let (first, second) = (show(), show());
    assert_eq!((&first["new"], &second["new"]), (&Value::from(true), &Value::from(false)));
    assert_eq!(first["card"], second["card"]);
    assert!(first["card"].as_str().unwrap().starts_with("p2pvoip:"));
}

#[test]
fn a_server_with_an_own_certificate_is_reached_when_it_is_trusted_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(file("cert.pem"), signed.cert.pem()).unwrap();
    std::fs::write(file("key.pem"), signed.signing_key.serialize_pem()).unwrap();
    let line =
        ["rendezvous", "--bind", "127.0.0.1:0", "--cert", &file("cert.pem"), "--key", &file("key.pem")];
    let mut server = Running::start(&line);
    let url = server.expect("serving")["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("wss://"), "{url}");
    let (trusting, _) = listener(&url, &["--once", "--for", "0.2", "--trust", &file("cert.pem")]);
    assert_eq!(trusting.code(), 8);
    let (code, said) = failure(&run(&["listen", "--throwaway", "--once", "--server", &url]));
    assert_eq!(code, 4, "{said}");
    let (code, said) =
        failure(&run(&["listen", "--throwaway", "--server", &url, "--trust", &file("none.pem")]));
    assert_eq!(code, 3, "{said}");
}
