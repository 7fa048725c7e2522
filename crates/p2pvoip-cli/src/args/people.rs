//! What the command line says of people: the own identity and its devices, the contacts, their verification.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand, ValueEnum};

use super::{Who, server};

/// `p2pvoip id`.
#[derive(Debug, Group)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Id {
    /// What to do with it, besides showing it.
    #[command(subcommand)]
    pub(crate) what: Option<IdCommand>,
    /// What is shown.
    #[command(flatten)]
    pub(crate) show: Show,
}

/// What of the identity is shown.
#[derive(Debug, Group)]
pub(crate) struct Show {
    /// Who calls or is called.
    #[command(flatten)]
    pub(crate) who: Who,
    /// The rendezvous server that the contact card names, ws://HOST:PORT or wss://HOST
    /// [default: the value of P2PVOIP_SERVER]
    #[arg(long, value_name = "URL", value_parser = server)]
    pub(crate) server: Option<String>,
    /// Show the contact card as a QR code too; the fingerprint, when there is no server
    #[arg(long, conflicts_with = "json")]
    pub(crate) qr: bool,
}

/// What is done with an identity.
#[derive(Debug, Subcommand)]
pub(crate) enum IdCommand {
    /// Choose what protects the identity and the contacts on this disk
    Protect(Protect),
    /// On a new device: ask to become a device of an identity that is elsewhere, then take its grant
    Join(Join),
    /// On the first device: let another device speak for this identity
    Link(Link),
    /// List the devices of this identity
    Devices(Devices),
    /// On the first device: strike a device off, which was lost, say
    Revoke(Revoke),
}

/// `p2pvoip id protect`.
#[derive(Debug, Group)]
pub(crate) struct Protect {
    /// Who calls or is called.
    #[command(flatten)]
    pub(crate) who: Who,
    /// What shall protect them
    #[arg(value_name = "BY")]
    pub(crate) by: By,
    /// The file whose first line is the new passphrase [default: asked on the terminal]
    #[arg(long, value_name = "FILE")]
    pub(crate) new_passphrase_file: Option<PathBuf>,
}

/// What protects an identity on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// A passphrase that you type
    Passphrase,
    /// A file with a key, beside the identity or at --key-file: who has both files has everything
    KeyFile,
    /// The keyring of the system, which your login unlocks
    Keyring,
}

/// `p2pvoip id join`.
#[derive(Debug, Group)]
pub(crate) struct Join {
    /// Who calls or is called.
    #[command(flatten)]
    pub(crate) who: Who,
    /// What the first device granted, p2pvoip-grant:...; without it the request is shown that the first device is to be given
    #[arg(value_name = "GRANT")]
    pub(crate) grant: Option<String>,
    /// Show the request as a QR code too
    #[arg(long, conflicts_with = "json")]
    pub(crate) qr: bool,
}

/// `p2pvoip id link`.
#[derive(Debug, Group)]
pub(crate) struct Link {
    /// Who calls or is called.
    #[command(flatten)]
    pub(crate) who: Who,
    /// What the new device asks with, p2pvoip-device:...
    #[arg(value_name = "REQUEST")]
    pub(crate) request: String,
    /// The code that the new device shows; asked on the terminal when it is not given
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// Show the grant as a QR code too
    #[arg(long, conflicts_with = "json")]
    pub(crate) qr: bool,
}

/// `p2pvoip id devices`.
#[derive(Debug, Group)]
pub(crate) struct Devices {
    /// Who calls or is called.
    #[command(flatten)]
    pub(crate) who: Who,
}

/// `p2pvoip id revoke`.
#[derive(Debug, Group)]
pub(crate) struct Revoke {
    /// Who calls or is called.
    #[command(flatten)]
    pub(crate) who: Who,
    /// The number of the device, as `p2pvoip id devices` lists it
    #[arg(value_name = "NUMBER")]
    pub(crate) number: u8,
}

/// `p2pvoip contacts`.
#[derive(Debug, Group)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Contacts {
    /// What to do with them, besides listing them.
    #[command(subcommand)]
    pub(crate) what: Option<ContactsCommand>,
    /// Who calls or is called.
    #[command(flatten)]
    pub(crate) who: Who,
}

/// What is done with contacts.
#[derive(Debug, Subcommand)]
pub(crate) enum ContactsCommand {
    /// List all contacts
    List {
        /// Whose.
        #[command(flatten)]
        who: Who,
    },
    /// Add somebody by a name of your choice and their contact card
    Add {
        /// Whose.
        #[command(flatten)]
        who: Who,
        /// What you call them; case does not matter
        name: String,
        /// Their contact card, p2pvoip:...
        card: String,
    },
    /// Take somebody out, and forget what is known of their key
    Remove {
        /// Whose.
        #[command(flatten)]
        who: Who,
        /// Whom
        name: String,
    },
    /// Call somebody by another name
    Rename {
        /// Whose.
        #[command(flatten)]
        who: Who,
        /// Whom
        name: String,
        /// The new name
        new_name: String,
    },
    /// Give somebody a new card of theirs, with another server or a new key, say
    Card {
        /// Whose.
        #[command(flatten)]
        who: Who,
        /// Whom
        name: String,
        /// Their new contact card, p2pvoip:...
        card: String,
        /// Take it although it is of another key than they had: calls warn until you verify them anew
        #[arg(long)]
        new_key: bool,
    },
    /// Show what is known of somebody: fingerprint, trust, how it came about, dates
    Show {
        /// Whose.
        #[command(flatten)]
        who: Who,
        /// Whom
        name: String,
        /// Show their contact card as a QR code too; it lets whoever scans it ring
        #[arg(long, conflicts_with = "json")]
        qr: bool,
    },
    /// Print an introduction of somebody whom you verified, for a contact of yours who trusts you
    Introduce {
        /// Whose.
        #[command(flatten)]
        who: Who,
        /// Whom you introduce
        name: String,
        /// Show it as a QR code too
        #[arg(long, conflicts_with = "json")]
        qr: bool,
    },
    /// Take an introduction that a contact, whom you verified, made of another contact
    Accept {
        /// Whose.
        #[command(flatten)]
        who: Who,
        /// What they sent, p2pvoip-introduction:...
        introduction: String,
    },
    /// Write names and cards as JSON, without what is known of keys
    Export {
        /// Whose.
        #[command(flatten)]
        who: Who,
    },
    /// Read names and cards that `export` wrote; nobody in them counts as verified
    Import {
        /// Whose.
        #[command(flatten)]
        who: Who,
        /// The file; - is standard input
        file: PathBuf,
    },
}

/// `p2pvoip verify`.
#[derive(Debug, Group)]
pub(crate) struct Verify {
    /// Who calls or is called.
    #[command(flatten)]
    pub(crate) who: Who,
    /// Whom
    pub(crate) name: String,
    /// What their screen shows: the text of the code, p2pvoip-verify:..., or the fingerprint, with or without blanks.
    /// Without it both fingerprints are shown, to be compared
    #[arg(value_name = "CODE|FINGERPRINT", conflicts_with_all = ["qr", "forget"])]
    pub(crate) shown: Vec<String>,
    /// Show the code which the other one scans, or types into `p2pvoip verify`
    #[arg(long)]
    pub(crate) qr: bool,
    /// Take back what was verified
    #[arg(long, conflicts_with = "qr")]
    pub(crate) forget: bool,
}
