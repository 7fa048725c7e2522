//! What the program understands on its command line.

mod people;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand};

use p2pvoip::{ServerUrl, TurnUrl};

use crate::exit;

pub(crate) use people::{
    By, Contacts, ContactsCommand, Id, IdCommand, Join, Link, Protect, Revoke, Show, Verify,
};

/// Peer-to-peer encrypted voice calls.
#[derive(Debug, Parser)]
#[command(name = "p2pvoip", version, after_help = exit::HELP, max_term_width = 100)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// What holds for every command.
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options of every command.
#[derive(Clone, Debug, Group)]
pub(crate) struct Common {
    /// Print events as JSON lines on standard output (docs/cli.md tells their fields)
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print plain lines where a live view would be shown, on a terminal
    #[arg(long, global = true)]
    pub(crate) plain: bool,
    /// Log to standard error; twice for decisions, three times for every packet
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// End when standard input is closed: a parent that dies takes its children along
    #[arg(long, global = true, hide = true)]
    pub(crate) with_parent: bool,
}

/// Who calls or is called.
#[derive(Clone, Debug, Group)]
pub(crate) struct Who {
    /// The file of the own identity [default: $XDG_CONFIG_HOME/p2pvoip/identity or ~/.config/p2pvoip/identity]
    #[arg(long, value_name = "FILE", conflicts_with = "throwaway")]
    pub(crate) identity: Option<PathBuf>,
    /// Use a new identity for this run alone; nothing is stored
    #[arg(long, conflicts_with_all = ["passphrase_file", "key_file"])]
    pub(crate) throwaway: bool,
    /// The file whose first line is the passphrase of the identity
    /// [default: the value of P2PVOIP_PASSPHRASE, else asked on the terminal]
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The key file of the identity, on a stick, say [default: the identity's name with .key behind it]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the own fingerprint and contact card; the first use makes the identity. Also: protect it, link devices
    Id(Id),
    /// List the contacts, add, rename and introduce them: `p2pvoip call NAME` calls them
    Contacts(Contacts),
    /// Make sure that a contact is who it should be, face to face: compare fingerprints, or scan a code
    Verify(Verify),
    /// Print the contact card and answer calls
    Listen(Listen),
    /// Call a contact, or the owner of a contact card
    Call(Call),
    /// List microphones and speakers
    Devices,
    /// Run a rendezvous server until Ctrl-C
    Rendezvous(Rendezvous),
    /// Keep records of a DHT by which contacts find one another without a server, until Ctrl-C
    DhtNode(DhtNode),
    /// Tell how this network behaves, which servers answer, and what to expect of calls
    Netcheck(Netcheck),
    /// Prove it: two programs call each other through a network that loses packets
    Demo(Demo),
    /// The network of the demo: a NAT in user space which loses, delays and reorders
    #[command(hide = true)]
    Forwarder(Forwarder),
}

/// Whether a listener shows its contact card as a QR code.
#[derive(Clone, Copy, Debug, Group)]
pub(crate) struct Code {
    /// Show the contact card as a QR code wherever the output goes [default: on a terminal where it fits]
    #[arg(long, conflicts_with_all = ["no_qr", "json"])]
    qr: bool,
    /// Show no QR code
    #[arg(long)]
    no_qr: bool,
}

impl Code {
    /// What that comes to.
    pub(crate) const fn wanted(self) -> ShowQr {
        match (self.qr, self.no_qr) {
            (true, _) => ShowQr::Always,
            (false, true) => ShowQr::Never,
            (false, false) => ShowQr::OnTerminal,
        }
    }
}

/// Whether a QR code is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShowQr {
    /// Wherever the output goes.
    Always,
    /// On a terminal where it fits.
    OnTerminal,
    /// Nowhere.
    Never,
}

/// How calls reach the network.
#[derive(Clone, Debug, Group)]
pub(crate) struct Network {
    /// Use this own address alone; may be given several times [default: every usable interface]
    #[arg(long, value_name = "IP")]
    pub(crate) bind: Vec<IpAddr>,
    /// A STUN server which tells the own public address; may be given several times
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) stun: Vec<String>,
    /// A TURN server, turn:HOST or turn:HOST:PORT, which relays calls that find no direct path; up to two
    /// [default: the value of P2PVOIP_TURN]
    #[arg(long, value_name = "URL")]
    pub(crate) turn: Vec<TurnUrl>,
    /// The user name at the TURN servers [default: the value of P2PVOIP_TURN_USER]
    #[arg(long, value_name = "NAME")]
    pub(crate) turn_user: Option<String>,
    /// The file whose first line is the password at the TURN servers; no option takes the password itself,
    /// which other users could see [default: the value of P2PVOIP_TURN_PASSWORD]
    #[arg(long, value_name = "FILE")]
    pub(crate) turn_password_file: Option<PathBuf>,
    /// A node of the DHT, HOST:PORT or a multiaddr; may be given several times. There contacts look for who is no longer at
    /// the server on its card, and are told where we listen [default: the value of P2PVOIP_DHT]
    #[arg(long = "dht-peer", value_name = "ADDR")]
    pub(crate) dht_peers: Vec<String>,
    /// Tell the other side only addresses learnt from STUN servers, none of the own interfaces
    #[arg(long, requires = "stun")]
    pub(crate) reflexive_only: bool,
    /// Talk through a TURN server alone, so that the other side learns none of the own addresses
    #[arg(long, conflicts_with = "reflexive_only")]
    pub(crate) relay_only: bool,
    /// Trust this certificate (PEM) as well as the system's
    #[arg(long, value_name = "CERT.pem")]
    pub(crate) trust: Option<PathBuf>,
    /// Show addresses of the path in the output
    #[arg(long)]
    pub(crate) show_addresses: bool,
}

/// What is said and what is heard.
#[derive(Clone, Debug, Group)]
pub(crate) struct Sound {
    /// Say this recording (WAV, any rate and channels), from the moment of connection, and not what the microphone hears
    #[arg(long, value_name = "WAV")]
    pub(crate) input: Option<PathBuf>,
    /// Write what is heard to this file (WAV, 48 kHz, mono, 16 bit) when the call ends; no speaker plays unless one is named
    #[arg(long, value_name = "WAV")]
    pub(crate) output: Option<PathBuf>,
    /// Speak into this microphone: an id, a name or part of it, or `default` [default: the system's, if there is one; none with --json]
    #[arg(long, value_name = "NAME", conflicts_with = "input")]
    pub(crate) microphone: Option<String>,
    /// Hear by this speaker: an id, a name or part of it, or `default` [default: the system's, if there is one; none with --json]
    #[arg(long, value_name = "NAME")]
    pub(crate) speaker: Option<String>,
    /// Open neither microphone nor speaker
    #[arg(long, visible_alias = "no-devices", conflicts_with_all = ["microphone", "speaker"])]
    pub(crate) silent: bool,
}

/// `p2pvoip listen`.
#[derive(Debug, Group)]
pub(crate) struct Listen {
    /// Who calls or is called.
    #[command(flatten)]
    pub(crate) who: Who,
    /// The rendezvous server where callers find us, ws://HOST:PORT or wss://HOST
    /// [default: the value of P2PVOIP_SERVER]
    #[arg(long, value_name = "URL", value_parser = server)]
    pub(crate) server: Option<String>,
    /// End after the first call
    #[arg(long)]
    pub(crate) once: bool,
    /// Stop listening after that time, a call in progress included
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) limit: Option<f64>,
    /// Decline every call, by this reason
    #[arg(long, value_name = "REASON")]
    pub(crate) decline: Option<Decline>,
    /// Let calls ring until a key answers or declines them; needs a terminal
    #[arg(long, conflicts_with_all = ["decline", "json", "plain"])]
    pub(crate) ask: bool,
    /// Whether the contact card is shown as a QR code.
    #[command(flatten)]
    pub(crate) code: Code,
    /// What is said and heard.
    #[command(flatten)]
    pub(crate) sound: Sound,
    /// How calls reach the network.
    #[command(flatten)]
    pub(crate) network: Network,
}

/// Why calls are declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Decline {
    /// Not wanted.
    Declined,
    /// In another call.
    Busy,
}

/// `p2pvoip call`.
#[derive(Debug, Group)]
pub(crate) struct Call {
    /// Who calls or is called.
    #[command(flatten)]
    pub(crate) who: Who,
    /// Whom to call: a name from `p2pvoip contacts`, or a contact card, p2pvoip:...
    #[arg(value_name = "CONTACT")]
    pub(crate) contact: String,
    /// How long to listen on after the recording has been said
    #[arg(long, value_name = "SECONDS", default_value = "1.5", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) tail: f64,
    /// What is said and heard.
    #[command(flatten)]
    pub(crate) sound: Sound,
    /// How calls reach the network.
    #[command(flatten)]
    pub(crate) network: Network,
}

/// `p2pvoip rendezvous`.
#[derive(Debug, Group)]
pub(crate) struct Rendezvous {
    /// The address to serve at; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8765")]
    pub(crate) bind: SocketAddr,
    /// Serve wss:// with this certificate chain (PEM)
    #[arg(long, value_name = "PEM", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "PEM", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}

/// `p2pvoip dht-node`.
#[derive(Debug, Group)]
pub(crate) struct DhtNode {
    /// The address to serve at, which others must be able to reach; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8766")]
    pub(crate) bind: SocketAddr,
    /// Another node of the DHT, HOST:PORT or a multiaddr; may be given several times. The first node of a network has none
    /// [default: the value of P2PVOIP_DHT]
    #[arg(long = "dht-peer", value_name = "ADDR")]
    pub(crate) dht_peers: Vec<String>,
}

/// `p2pvoip netcheck`.
#[derive(Debug, Group)]
pub(crate) struct Netcheck {
    /// A STUN server to ask; may be given several times, at best one with two addresses (RFC 5780)
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) stun: Vec<String>,
    /// The rendezvous server, ws://HOST:PORT or wss://HOST [default: the value of P2PVOIP_SERVER]
    #[arg(long, value_name = "URL", value_parser = server)]
    pub(crate) server: Option<String>,
    /// A TURN server, turn:HOST or turn:HOST:PORT; up to two. Whether it is there is asked, nothing is allocated
    /// [default: the value of P2PVOIP_TURN]
    #[arg(long, value_name = "URL")]
    pub(crate) turn: Vec<TurnUrl>,
    /// Check from this own address, one of each family [default: what the system would use]
    #[arg(long, value_name = "IP")]
    pub(crate) bind: Vec<IpAddr>,
    /// Trust this certificate (PEM) as well as the system's
    #[arg(long, value_name = "CERT.pem")]
    pub(crate) trust: Option<PathBuf>,
    /// Show the own addresses in the output
    #[arg(long)]
    pub(crate) show_addresses: bool,
}

/// How bad the network of the demo is.
#[derive(Clone, Copy, Debug, Group)]
pub(crate) struct Impairment {
    /// How many datagrams of a hundred are lost on the way, each by its own dice
    #[arg(long, value_name = "PERCENT", default_value = "5", value_parser = percent, allow_negative_numbers = true)]
    pub(crate) loss: f64,
    /// The standard deviation of the delay in milliseconds; may reorder
    #[arg(long, value_name = "MS", default_value = "8", value_parser = milliseconds, allow_negative_numbers = true)]
    pub(crate) jitter: f64,
    /// The delay one way in milliseconds
    #[arg(long, value_name = "MS", default_value = "20", value_parser = milliseconds, allow_negative_numbers = true)]
    pub(crate) delay: f64,
    /// Drop everything from that many seconds after the first datagram on
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) cut_after: Option<f64>,
    /// The number that all of the network's chance comes from
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub(crate) seed: u64,
}

/// `p2pvoip demo`.
#[derive(Debug, Group)]
pub(crate) struct Demo {
    /// The folder for recordings, statistics and the report; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// What the caller says instead of the recording that comes with the program
    #[arg(long, value_name = "WAV")]
    pub(crate) voice_a: Option<PathBuf>,
    /// What the callee says instead of the recording that comes with the program
    #[arg(long, value_name = "WAV")]
    pub(crate) voice_b: Option<PathBuf>,
    /// How bad the network is.
    #[command(flatten)]
    pub(crate) impairment: Impairment,
}

/// `p2pvoip forwarder`.
#[derive(Debug, Group)]
pub(crate) struct Forwarder {
    /// How bad the network is.
    #[command(flatten)]
    pub(crate) impairment: Impairment,
}

/// The longest time that an option takes: a day, in seconds.
const LONGEST_SECONDS: f64 = 86_400.0;

/// The longest delay of the demo's network, in milliseconds.
const LONGEST_DELAY_MS: f64 = 10_000.0;

fn within(text: &str, most: f64, what: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=most).contains(&number) => Ok(number),
        _ => Err(format!("give {what} from 0 to {most}")),
    }
}

/// The address of a rendezvous server as contact cards hold it.
pub(crate) fn server(text: &str) -> Result<String, String> {
    let url: Result<ServerUrl, _> = text.parse();
    url.map(|url| url.as_str().to_owned()).map_err(|error| error.to_string())
}

fn percent(text: &str) -> Result<f64, String> {
    within(text, 100.0, "a percentage")
}

fn milliseconds(text: &str) -> Result<f64, String> {
    within(text, LONGEST_DELAY_MS, "milliseconds")
}

fn seconds(text: &str) -> Result<f64, String> {
    within(text, LONGEST_SECONDS, "seconds")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn numbers_outside_of_their_range_are_refused() {
        assert_eq!(percent("5"), Ok(5.0));
        for bad in ["-1", "101", "NaN", "inf", "much"] {
            assert!(percent(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_throwaway_identity_excludes_an_identity_file() {
        let line = ["p2pvoip", "id", "--throwaway", "--identity", "x"];
        assert!(Args::try_parse_from(line).is_err());
    }

    #[test]
    fn a_certificate_needs_its_key() {
        assert!(Args::try_parse_from(["p2pvoip", "rendezvous", "--cert", "c.pem"]).is_err());
        assert!(Args::try_parse_from(["p2pvoip", "rendezvous", "--cert", "c.pem", "--key", "k.pem"]).is_ok());
    }
}
