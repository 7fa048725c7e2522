//! The servers of the public segment: coturn with two addresses, and a rendezvous server of this program.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::lab::{Lab, RENDEZVOUS, STUN};
use crate::common::{Running, program};

/// Who may use the relay.
pub(crate) const USER: &str = "caller";
/// And by which password.
pub(crate) const PASSWORD: &str = "on loan";

/// The servers; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Servers {
    _rendezvous: Running,
    coturn: Child,
    _folder: tempfile::TempDir,
    /// The rendezvous server's address.
    pub(crate) url: String,
}

impl Servers {
    /// Starts both.
    pub(crate) fn start(lab: &Lab) -> Self {
        let bind = format!("{RENDEZVOUS}:8765");
        let mut rendezvous = Running::of(lab.in_public(&program(&["rendezvous", "--bind", &bind])));
        let url = rendezvous.expect("serving")["url"].as_str().unwrap().to_owned();
        let folder = tempfile::tempdir().unwrap();
        let coturn = coturn(folder.path(), &STUN, 3478);
        let coturn = lab
            .in_public(&coturn)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert!(lab.in_public(&until_it_listens(3478)).status().unwrap().success(), "coturn does not listen");
        Self { _rendezvous: rendezvous, coturn, _folder: folder, url }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.coturn.kill();
        let _ = self.coturn.wait();
    }
}

/// A command that ends well once something listens at this UDP port, and badly after ten seconds.
pub(crate) fn until_it_listens(port: u16) -> Command {
    let script = format!(
        "for _ in $(seq 200); do grep -q ':{port:04X} ' /proc/net/udp && exit; sleep 0.05; done; exit 1"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    command
}

/// The `turnserver` that listens at both addresses, so that it does RFC 5780, and relays for [`USER`].
pub(crate) fn coturn(folder: &Path, addresses: &[&str; 2], port: u16) -> Command {
    let mut command = Command::new("turnserver");
    command
        .args(["-n", "--no-tls", "--no-dtls", "--no-tcp", "--no-cli", "--lt-cred-mech", "--fingerprint"])
        .args(["--realm", "lab", "--user", &format!("{USER}:{PASSWORD}"), "--log-file", "stdout"])
        .args(["--listening-ip", addresses[0], "--listening-ip", addresses[1], "--relay-ip", addresses[0]])
        .args(["--listening-port", &port.to_string(), "--alt-listening-port", &(port + 1).to_string()])
        .arg(format!("--pidfile={}", folder.join("pid").display()))
        .arg(format!("--db={}", folder.join("db").display()));
    command
}
