//! Network namespaces: a public segment with servers, and hosts behind NATs of the kernel (nftables). Needs root.
//!
//! ```text
//!   host a -- router a --\                /-- router b -- host b
//!                          public segment
//!                          .10 .11 coturn, .12 rendezvous
//! ```
//! Nothing in it leaves the machine. The namespaces are named by the process and a counter, so that runs do not meet,
//! and go when the lab is dropped, on a panic too, with every program that still runs in one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common;

/// Where coturn listens, so that it can do RFC 5780.
pub(crate) const STUN: [&str; 2] = ["203.0.113.10", "203.0.113.11"];
/// Where the rendezvous server is.
pub(crate) const RENDEZVOUS: &str = "203.0.113.12";

/// What is between a host and the public segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nat {
    /// Nothing: the host has a public address, and nobody is kept out.
    Open,
    /// Masquerading, ports kept: endpoint-independent mapping and address- and port-dependent filtering while ports do not clash.
    Port,
    /// Masquerading with a new random port for every destination: address- and port-dependent mapping.
    Symmetric,
}

impl Nat {
    /// The rule of nftables that translates.
    const fn rule(self) -> &'static str {
        match self {
            Self::Open => "",
            Self::Port => "oifname wan0 masquerade",
            Self::Symmetric => "oifname wan0 masquerade random,fully-random",
        }
    }
}

/// Where the hosts are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    /// Each behind a NAT of its own.
    Apart(Nat, Nat),
    /// Both on one local network behind one NAT.
    SameLan(Nat),
}

/// One of the two hosts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Host {
    /// The caller's.
    A,
    /// The callee's.
    B,
}

/// The words which stand before a command that needs root: none for root itself.
fn as_root() -> &'static [&'static str] {
    static WORDS: std::sync::OnceLock<&'static [&'static str]> = std::sync::OnceLock::new();
    WORDS.get_or_init(|| {
        let id = Command::new("id").arg("-u").output();
        let root = id.is_ok_and(|output| output.stdout.trim_ascii() == b"0");
        // Nobody is made root unasked: only where the test must run.
        if !root && common::peers_required() { &["sudo", "-n"] } else { &[] }
    })
}

/// A command as root.
fn root(words: &[&str]) -> Command {
    let all = [as_root(), words].concat();
    let mut command = Command::new(all[0]);
    command.args(&all[1..]).stdin(Stdio::null());
    command
}

fn output(words: &[&str]) -> std::io::Result<Output> {
    root(words).output()
}

/// Runs `sh` as root with this script, of which every line must succeed.
fn shell(script: &str) -> Result<(), String> {
    let mut child = root(&["sh", "-e"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    child.stdin.take().unwrap().write_all(script.as_bytes()).map_err(|error| error.to_string())?;
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// Why no network can be built here, if none can.
pub(crate) fn obstacle() -> Option<String> {
    static PROBE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    for (program, package) in [("ip", "iproute2"), ("nft", "nftables"), ("turnserver", "coturn")] {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
        if !found.is_ok_and(|output| output.status.success()) {
            return Some(format!("{program} is not installed; install {package}"));
        }
    }
    PROBE
        .get_or_init(|| {
            let name = unused_name();
            let tried = shell(&format!(
                "ip netns add {name}\nip netns exec {name} nft add table ip probe\nip netns del {name}\n"
            ));
            tried.err().map(|why| {
                format!("network namespaces with nftables need root and the kernel's leave ({why})")
            })
        })
        .clone()
}

fn unused_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("p2pvoip-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The networks of one test.
#[derive(Debug)]
pub(crate) struct Lab {
    name: String,
}

impl Lab {
    /// Builds the networks.
    pub(crate) fn build(plan: Plan) -> Self {
        // Made before anything is built, so that what was built goes when the rest fails.
        let lab = Self { name: unused_name() };
        let built = shell(&lab.script(plan));
        assert!(built.is_ok(), "{plan:?}: {built:?}");
        lab
    }

    fn script(&self, plan: Plan) -> String {
        let name = &self.name;
        let mut script = String::new();
        for place in ["srv", "ha", "hb", "ra", "rb"] {
            let _infallible =
                writeln!(script, "ip netns add {name}-{place}\nip -n {name}-{place} link set dev lo up");
        }
        // The rest of the internet, where packets for unknown addresses go and are lost: without such a way a relay would
        // be told so, and coturn ends an allocation then.
        let _infallible = write!(
            script,
            "ip netns exec {name}-srv sysctl -qw net.ipv4.ip_forward=1
ip -n {name}-srv link add rest type veth peer name void
ip -n {name}-srv link set dev void up
ip -n {name}-srv link set dev rest arp off up
ip -n {name}-srv route add default dev rest
"
        );
        for address in STUN.iter().chain([&RENDEZVOUS]) {
            let _infallible = writeln!(script, "ip -n {name}-srv addr add {address}/32 dev lo");
        }
        match plan {
            Plan::Apart(a, b) => {
                self.site(&mut script, 1, "a", a, &["ha"]);
                self.site(&mut script, 2, "b", b, &["hb"]);
            }
            Plan::SameLan(nat) => self.site(&mut script, 1, "a", nat, &["ha", "hb"]),
        }
        script
    }

    /// A router with its NAT, its link to the public segment, and its hosts on one local network.
    fn site(&self, script: &mut String, number: u8, side: &str, nat: Nat, hosts: &[&str]) {
        let name = &self.name;
        let (public, gateway) =
            (format!("198.51.100.{}", number * 8 + 2), format!("198.51.100.{}", number * 8 + 1));
        let inner = if nat == Nat::Open { format!("h{side}") } else { format!("r{side}") };
        let _infallible = write!(
            script,
            "ip -n {name}-{inner} link add wan0 type veth peer name {side} netns {name}-srv
ip -n {name}-{inner} addr add {public}/30 dev wan0
ip -n {name}-{inner} link set dev wan0 up
ip -n {name}-srv addr add {gateway}/30 dev {side}
ip -n {name}-srv link set dev {side} up
ip -n {name}-{inner} route add default via {gateway}
"
        );
        if nat == Nat::Open {
            return;
        }
        let _infallible = write!(
            script,
            "ip -n {name}-{inner} link add lan0 type bridge
ip -n {name}-{inner} addr add 10.{number}.0.1/24 dev lan0
ip -n {name}-{inner} link set dev lan0 up
ip netns exec {name}-{inner} sysctl -qw net.ipv4.ip_forward=1
"
        );
        for (host, last) in hosts.iter().zip(2..) {
            let _infallible = write!(
                script,
                "ip -n {name}-{host} link add eth0 type veth peer name {host} netns {name}-{inner}
ip -n {name}-{inner} link set dev {host} master lan0 up
ip -n {name}-{host} addr add 10.{number}.0.{last}/24 dev eth0
ip -n {name}-{host} link set dev eth0 up
ip -n {name}-{host} route add default via 10.{number}.0.1
"
            );
        }
        let _infallible = write!(
            script,
            "ip netns exec {name}-{inner} nft -f - <<'RULES'
table ip lab {{
 chain after {{ type nat hook postrouting priority 100; {rule}; }}
 chain own {{ type filter hook input priority 0; policy accept; iifname wan0 ct state new drop; }}
 chain through {{ type filter hook forward priority 0; policy accept; iifname wan0 ct state new drop; }}
}}
RULES
",
            rule = nat.rule()
        );
    }

    /// A program of a host, as that host runs it.
    pub(crate) fn on(&self, host: Host, program: &Command) -> Command {
        self.inside(if host == Host::A { "ha" } else { "hb" }, program)
    }

    /// A program of the public segment.
    pub(crate) fn in_public(&self, program: &Command) -> Command {
        self.inside("srv", program)
    }

    /// The same command inside a namespace, its changes of the environment included.
    fn inside(&self, place: &str, program: &Command) -> Command {
        let name = format!("{}-{place}", self.name);
        // `sudo` keeps no environment, so it is told in the command.
        let mut command = root(&["ip", "netns", "exec", &name, "env"]);
        let (set, unset): (Vec<_>, Vec<_>) = program.get_envs().partition(|(_, value)| value.is_some());
        for (key, _) in unset {
            command.arg("-u").arg(key);
        }
        for (key, value) in set {
            command.arg(format!("{}={}", key.display(), value.unwrap_or_default().display()));
        }
        command.arg(program.get_program()).args(program.get_args());
        command
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for place in ["ha", "hb", "ra", "rb", "srv"] {
            let name = format!("{}-{place}", self.name);
            let inside =
                output(&["ip", "netns", "pids", &name]).map(|found| found.stdout).unwrap_or_default();
            let inside = String::from_utf8_lossy(&inside);
            let pids: Vec<&str> = inside.split_whitespace().collect();
            if !pids.is_empty() {
                let _ = output(&[&["kill", "-KILL"], pids.as_slice()].concat());
            }
            let _ = output(&["ip", "netns", "del", &name]);
        }
    }
}
