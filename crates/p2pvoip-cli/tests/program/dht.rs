//! Contacts who find one another through a DHT, as real processes.

use crate::common::{Running, caller, failure, listener, run, server};

/// A DHT node, and its address.
fn node(peers: &[&str]) -> (Running, String) {
    let more: Vec<&str> = peers.iter().flat_map(|peer| ["--dht-peer", peer]).collect();
    let mut node = Running::start(&[&["dht-node", "--bind", "127.0.0.1:0"], &more[..]].concat());
    let address = node.expect("serving")["address"].as_str().unwrap().to_owned();
    (node, address)
}

#[test]
fn a_contact_is_called_whose_card_names_a_server_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let identity = folder.path().join("identity");
    let identity = identity.to_str().unwrap();
    let (first, first_address) = node(&[]);
    let (_second, second_address) = node(&[&first_address]);
    // The card names the first rendezvous server, which ends; its owner listens at another one.
    let (old, old_url) = server();
    let shown = run(&["id", "--identity", identity, "--server", &old_url, "--json"]);
    let card = String::from_utf8(shown.stdout).unwrap();
    let card: serde_json::Value = serde_json::from_str(card.lines().next().unwrap()).unwrap();
    let card = card["card"].as_str().unwrap().to_owned();
    drop(old);
    let (_new, new_url) = server();
    let at = ["listen", "--identity", identity, "--bind", "127.0.0.1", "--server", &new_url, "--once"];
    let mut listener = Running::start(&[&at[..], &["--dht-peer", &first_address]].concat());
    assert_eq!(listener.expect("findable")["findable"], true);
    let mut caller = caller(&card, &["--dht-peer", &second_address]);
    assert_eq!(caller.expect("lookup")["status"], "started");
    assert_eq!(caller.expect("lookup")["status"], "found");
    caller.reach("connected");
    listener.reach("connected");
    caller.signal("-INT");
    assert_eq!(listener.expect("ended")["reason"], "peer-hung-up");
    assert_eq!((caller.code(), listener.code()), (0, 0));
    first.signal("-INT");
    assert_eq!(first.code(), 0);
}

#[test]
fn a_contact_who_is_nowhere_is_told_from_a_dht_that_is_gone() {
    let (old, old_url) = server();
    let (away, card) = listener(&old_url, &[]);
    drop((away, old));
    let (_node, address) = node(&[]);
    for (peer, status) in [(address.as_str(), "not-found"), ("127.0.0.1:9", "no-answer")] {
        let mut caller = caller(&card, &["--dht-peer", peer]);
        assert_eq!(caller.expect("lookup")["status"], "started");
        assert_eq!(caller.expect("lookup")["status"], status);
        assert_eq!(caller.expect("error")["reason"], "server-unreachable");
        assert_eq!(caller.code(), 4);
    }
}

#[test]
fn what_is_no_node_is_a_wrong_command_line() {
    let (code, told) = failure(&run(&["dht-node", "--dht-peer", "nonsense"]));
    assert_eq!(code, 2);
    assert!(told.contains("--dht-peer: nonsense"), "{told}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, told) = failure(&run(&["dht-node", "--bind", &address]));
    assert_eq!(code, 2);
    assert!(told.contains("--bind"), "{told}");
}
