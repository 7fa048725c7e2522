//! The demo in small: it passes when the voices arrive, and fails loudly when they do not.

use std::io::BufRead as _;
use std::path::Path;
use std::process::Stdio;

use crate::common::{failure, program, recording, run};
use serde_json::Value;

/// Runs a demo with short voices and gives its exit code, what it complained of, and its summary.
fn demo(folder: &Path, more: &[&str]) -> (i32, String, Value) {
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    recording(&folder.join("a.wav"), 4, 1);
    recording(&folder.join("b.wav"), 4, 2);
    let (a, b, out) = (file("a.wav"), file("b.wav"), file("out"));
    let line = [&["demo", "--out", &out, "--voice-a", &a, "--voice-b", &b], more].concat();
    let (code, said) = failure(&run(&line));
    let summary = std::fs::read(folder.join("out/summary.json")).unwrap();
    (code, said, serde_json::from_slice(&summary).unwrap())
}

#[test]
fn both_voices_arrive_through_a_network_that_loses() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said, summary) = demo(folder.path(), &[]);
    assert_eq!((code, &summary["passed"]), (0, &Value::from(true)), "{said}\n{summary:#}");
    let out = folder.path().join("out");
    for name in [
        "original-a.wav",
        "received-a.wav",
        "received-b.wav",
        "caller.jsonl",
        "callee.jsonl",
        "forwarder.json",
    ] {
        assert!(out.join(name).metadata().unwrap().len() > 0, "{name}");
    }
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.ends_with("</html>\n") && !page.contains("<script"));
    assert_eq!(page.matches("class=\"line").count(), 20, "five plots a way have two lines each");
}

#[test]
fn recordings_that_the_demo_did_not_write_stay_and_bad_voices_cost_no_results() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let out = folder.path().to_str().unwrap();
    recording(Path::new(&at("original-a.wav")), 1, 1);
    let before = std::fs::read(at("original-a.wav")).unwrap();
    for voice in ["original-a.wav", "none.wav"] {
        let (code, said) = failure(&run(&["demo", "--out", out, "--voice-a", &at(voice)]));
        assert_eq!(code, 3, "{said}");
        assert!(said.contains(&at(voice)), "{said}");
    }
    assert_eq!(failure(&run(&["demo", "--out", out])).0, 3, "the folder holds a file of somebody");
    // Results of an earlier demo survive a voice that cannot be used.
    std::fs::write(at(".p2pvoip-demo"), "").unwrap();
    std::fs::write(at("summary.json"), "{}").unwrap();
    assert_eq!(failure(&run(&["demo", "--out", out, "--voice-b", &at("none.wav")])).0, 3);
    assert!(Path::new(&at("summary.json")).exists());
    assert_eq!(std::fs::read(at("original-a.wav")).unwrap(), before);
}

#[test]
fn a_network_that_loses_everything_fails_loudly() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said, summary) = demo(folder.path(), &["--loss", "100"]);
    assert_eq!((code, &summary["passed"]), (10, &Value::from(false)));
    assert!(said.contains("caller to callee") && said.contains("callee to caller"), "{said}");
    assert!(!folder.path().join("out/received-a.wav").exists());
}

#[test]
fn a_cut_silences_the_call_so_no_voice_passes_the_network_by() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said, summary) = demo(folder.path(), &["--cut-after", "2", "--loss", "0"]);
    assert_eq!(code, 10, "{said}\n{summary:#}");
    assert!(said.contains("The network was cut"), "{said}");
    for way in summary["ways"].as_array().unwrap() {
        let present = way["present_percent"].as_f64().unwrap();
        assert!(present < 70.0, "{summary:#}");
        assert!(way["needed_percent"].as_f64().unwrap() > 89.9, "{summary:#}");
        assert!(way["network"]["cut"].as_u64().unwrap() > 0);
    }
}

/// The processes that a process started.
#[cfg(target_os = "linux")]
fn children(of: u32) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let started = processes.filter(|path| {
        let stat = std::fs::read_to_string(path.join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1));
        parent == Some(of.to_string().as_str())
    });
    started.map(|path| path.to_str().unwrap().to_owned()).collect()
}

/// Whether a process runs; one that ended and was not yet waited for does not.
#[cfg(target_os = "linux")]
fn runs(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[cfg(target_os = "linux")]
#[test]
fn no_child_outlives_the_demo_however_it_ends() {
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let mut demo =
            program(&["demo", "--out", out.to_str().unwrap()]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = std::io::BufReader::new(demo.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains("callee             connected")));
        let children = children(demo.id());
        assert_eq!(children.len(), 4, "{children:?}");
        let pid = demo.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
        assert_eq!(demo.wait().unwrap().code(), code);
        let gone = (0..100).any(|_| {
            let running = children.iter().any(|child| runs(child));
            if running {
                std::process::Command::new("sleep").arg("0.1").status().unwrap();
            }
            !running
        });
        assert!(gone, "after {signal} there still run {children:?}");
        assert!(!out.join("report.html").exists(), "there is no verdict of half a call");
    }
}
