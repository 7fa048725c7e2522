//! `netcheck` in front of NATs of the kernel, and on loopback: each is named rightly.

use serde_json::Value;

use super::lab::{Host, Lab, Nat, Plan, RENDEZVOUS, STUN, obstacle};
use super::servers::{Servers, coturn, until_it_listens};
use crate::common::{Running, failure, passed_over, program, run};

/// The last event of `netcheck`, its exit code, and the names of all events.
fn check(mut running: Running) -> (Value, i32, Vec<String>) {
    let (mut last, mut names) = (Value::Null, Vec::new());
    while let Some(event) = running.next() {
        names.push(event["event"].as_str().unwrap_or_default().to_owned());
        if event["event"] == "netcheck" {
            last = event;
        }
    }
    (last, running.code(), names)
}

/// What `netcheck` says on the caller's host behind that NAT.
fn behind(nat: Nat, more: &[&str]) -> Option<Value> {
    if let Some(why) = obstacle() {
        passed_over("networks", &why);
        return None;
    }
    let lab = Lab::build(Plan::Apart(nat, Nat::Port));
    let servers = Servers::start(&lab);
    let stun = format!("{}:3478", STUN[0]);
    let line = [&["netcheck", "--stun", &stun, "--server", &servers.url], more].concat();
    let (found, code, names) = check(Running::of(lab.on(Host::A, &program(&line))));
    assert_eq!(code, 0, "{found}");
    for name in ["stun-server", "mapping", "filtering", "rendezvous-server"] {
        assert!(names.iter().any(|told| told == name), "{name} is told as it is found out: {names:?}");
    }
    assert_eq!(found["rendezvous"]["answered"], true, "{found}");
    assert!(found["rendezvous"]["rtt_ms"].is_number(), "{found}");
    assert_eq!(found["ipv4"]["stun"][0]["rfc5780"], true, "{found}");
    assert_eq!(found["ipv6"]["available"], false, "{found}");
    Some(found)
}

#[test]
fn masquerading_is_endpoint_independent_and_filters_by_address_and_port() {
    let Some(found) = behind(Nat::Port, &[]) else { return };
    let v4 = &found["ipv4"];
    assert_eq!((&v4["nat"], &v4["keeps_port"]), (&Value::from(true), &Value::from(true)), "{found}");
    assert_eq!(v4["mapping"], "endpoint-independent", "{found}");
    assert_eq!(v4["filtering"], "address-and-port-dependent", "{found}");
    assert_eq!(v4["hairpin"], false, "{found}");
    assert_eq!((found["outlook"].as_str(), found["relay"].as_str()), (Some("direct"), Some("none")));
    assert!(v4.get("local").is_none() && v4["stun"][0].get("mapped").is_none(), "shown only when asked for");
}

#[test]
fn random_ports_are_address_and_port_dependent_and_a_relay_is_found() {
    let turn = format!("turn:{}", STUN[0]);
    let Some(found) = behind(Nat::Symmetric, &["--turn", &turn, "--show-addresses"]) else { return };
    let v4 = &found["ipv4"];
    assert_eq!(v4["mapping"], "address-and-port-dependent", "{found}");
    assert_eq!(v4["filtering"], "address-and-port-dependent", "{found}");
    assert_eq!((found["outlook"].as_str(), found["relay"].as_str()), (Some("symmetric"), Some("ready")));
    assert_eq!(v4["local"], "10.1.0.2", "{found}");
    let mapped = v4["stun"][0]["mapped"].as_str().unwrap();
    assert!(mapped.starts_with("198.51.100.10:"), "{found}");
}

#[test]
fn an_open_host_has_no_nat_and_no_filter() {
    let Some(found) = behind(Nat::Open, &[]) else { return };
    let v4 = &found["ipv4"];
    assert_eq!((&v4["nat"], &v4["keeps_port"]), (&Value::from(false), &Value::Null), "{found}");
    assert_eq!(v4["filtering"], "endpoint-independent", "{found}");
    assert_eq!(found["outlook"], "open");
}

#[test]
fn where_nobody_answers_it_says_so_in_time_and_ends_with_11() {
    if let Some(why) = obstacle() {
        passed_over("networks", &why);
        return;
    }
    let lab = Lab::build(Plan::Apart(Nat::Port, Nat::Port));
    let (stun, turn) = (format!("{}:3478", STUN[0]), format!("turn:{}", STUN[1]));
    let url = format!("ws://{RENDEZVOUS}:8765");
    let line = ["netcheck", "--stun", &stun, "--turn", &turn, "--server", &url];
    let (found, code, _) = check(Running::of(lab.on(Host::A, &program(&line))));
    assert_eq!((code, found["outlook"].as_str()), (11, Some("unreachable")), "{found}");
    assert_eq!(
        (&found["relay"], &found["rendezvous"]["answered"]),
        (&"silent".into(), &false.into()),
        "{found}"
    );
    assert!(found["at_ms"].as_u64().is_some_and(|at| at < 8_000), "{found}");
}

/// A coturn on two addresses of loopback, killed when dropped.
struct OnLoopback {
    coturn: std::process::Child,
    _folder: tempfile::TempDir,
    port: u16,
}

impl OnLoopback {
    fn start() -> Option<Self> {
        // Two ports in a row that were free a moment ago.
        let port = (0..50).find_map(|_| {
            let one = std::net::UdpSocket::bind("127.0.0.1:0").ok()?;
            let port = one.local_addr().ok()?.port();
            std::net::UdpSocket::bind(("127.0.0.1", port.checked_add(1)?)).ok().map(|_| port)
        })?;
        let folder = tempfile::tempdir().unwrap();
        let mut command = coturn(folder.path(), &["127.0.0.1", "127.0.0.2"], port);
        command.current_dir(folder.path()).stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        match command.spawn() {
            Ok(coturn) => {
                let server = Self { coturn, _folder: folder, port };
                assert!(until_it_listens(port).status().unwrap().success(), "coturn does not listen");
                Some(server)
            }
            Err(error) => {
                passed_over("coturn", &format!("turnserver cannot be started ({error}); install coturn"));
                None
            }
        }
    }
}

impl Drop for OnLoopback {
    fn drop(&mut self) {
        let _ = self.coturn.kill();
        let _ = self.coturn.wait();
    }
}

#[test]
fn on_loopback_there_is_no_nat_and_people_read_so() {
    if !cfg!(target_os = "linux") {
        passed_over("coturn", "this system has no second loopback address unless it is told so");
        return;
    }
    let Some(server) = OnLoopback::start() else { return };
    let (stun, turn) = (format!("127.0.0.1:{}", server.port), format!("turn:127.0.0.1:{}", server.port));
    let line = ["netcheck", "--stun", &stun, "--turn", &turn];
    let (found, code, _) = check(Running::start(&line));
    assert_eq!(
        (code, found["outlook"].as_str(), found["relay"].as_str()),
        (0, Some("open"), Some("ready")),
        "{found}"
    );
    let output = run(&line);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.starts_with("Direct calls will work: this network lets everybody in.\n"), "{page}");
    assert!(page.contains("stun:127.0.0.1") && page.contains("answers after"), "{page}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn without_a_server_to_ask_it_says_what_to_name() {
    let (code, said) = failure(&run(&["netcheck"]));
    assert!(code == 2 && said.contains("--stun"), "{said}");
    let (code, said) = failure(&run(&["netcheck", "--stun", "example.org"]));
    assert!(code == 2 && said.contains("HOST:PORT"), "{said}");
}
