//! The TURN servers that the command line and the environment name, and the secret that opens them.
//!
//! A password is read from a file or from the environment, never from the command line: what stands there every user
//! of the machine can read.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use p2pvoip::nat::Password;
use p2pvoip::{TurnServer, TurnUrl};

use crate::args::Network;
use crate::environment::{TURN as SERVERS, TURN_PASSWORD as PASSWORD, TURN_USER as USER};
use crate::exit::Failure;

/// The most TURN servers of one call.
const MOST: usize = 2;

/// Bytes read of a password file at most.
const LONGEST: u64 = 1_024;

/// The servers of the options, or else of the environment, with their credentials.
pub(crate) fn servers(
    network: &Network,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Vec<TurnServer>, Failure> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let urls = named(&network.turn, variable)?;
    if urls.len() > MOST {
        return Err(Failure::Usage(format!(
            "no more than {MOST} TURN servers are used; name fewer by --turn"
        )));
    }
    if urls.is_empty() {
        let lonely = network.turn_user.is_some() || network.turn_password_file.is_some();
        return match (network.relay_only, lonely) {
            (true, _) => Err(Failure::Usage(format!(
                "--relay-only needs a TURN server; name one by --turn or {SERVERS}"
            ))),
            (false, true) => Err(Failure::Usage(format!(
                "there is no TURN server to log in at; name one by --turn or {SERVERS}"
            ))),
            (false, false) => Ok(Vec::new()),
        };
    }
    let user = network.turn_user.clone().or_else(|| variable(USER));
    let user = user.ok_or_else(|| {
        Failure::Usage(format!("a TURN server wants a user name; give it by --turn-user or {USER}"))
    })?;
    let password = match &network.turn_password_file {
        Some(path) => from_file(path)?,
        None => variable(PASSWORD).map(Password::new).ok_or_else(|| {
            Failure::Usage(format!(
                "a TURN server wants a password; put it into a file for --turn-password-file, or into {PASSWORD}"
            ))
        })?,
    };
    Ok(urls.into_iter().map(|url| TurnServer::new(url, user.clone(), password.clone())).collect())
}

/// The servers that the command line names, or else the environment.
pub(crate) fn named(
    given: &[TurnUrl],
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Vec<TurnUrl>, Failure> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    let value = variable(SERVERS).unwrap_or_default();
    let urls: Result<Vec<TurnUrl>, _> = value.split_whitespace().map(str::parse).collect();
    urls.map_err(|error| Failure::Usage(format!("{SERVERS} in the environment: {error}")))
}

/// The first line of the file, which ends within the first [`LONGEST`] bytes.
fn from_file(path: &Path) -> Result<Password, Failure> {
    let bytes = beginning(path).map_err(|error| {
        Failure::file(path, &format!("cannot be read ({error}); it holds the TURN password"))
    })?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    // A line that fills all that was read may go on behind it.
    let is_whole = line.len() as u64 != LONGEST;
    match str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)) {
        Ok(line) if is_whole && !line.is_empty() => Ok(Password::new(line)),
        _ => Err(Failure::file(path, &"its first line is no password; write the TURN password there")),
    }
}

/// What may hold a password; a file without end is not read to its end.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Command};

    fn network(options: &[&str]) -> Network {
        let line = ["p2pvoip", "call", "p2pvoip:x"].iter().chain(options);
        let Command::Call(call) = Args::try_parse_from(line).unwrap().command else {
            unreachable!("the line says call")
        };
        call.network
    }

    fn environment(name: &str) -> Option<String> {
        let value = match name {
            SERVERS => "turn:192.0.2.1 turn:relay.example.org:5000",
            USER => "alice",
            PASSWORD => "secret",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn the_command_line_goes_before_the_environment() {
        let servers = |options: &[&str]| super::servers(&network(options), environment).unwrap();
        let from_environment = servers(&[]);
        assert_eq!(from_environment.len(), 2);
        assert_eq!((from_environment[1].url.port(), from_environment[1].username.as_str()), (5000, "alice"));
        let given = servers(&["--turn", "turn:192.0.2.9", "--turn-user", "bob"]);
        assert_eq!((given.len(), given[0].url.host(), given[0].username.as_str()), (1, "192.0.2.9", "bob"));
        assert!(given[0].password == Password::new("secret"));
    }

    #[test]
    fn the_first_line_of_a_file_is_the_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "from the file\nand more\n").unwrap();
        let options =
            ["--turn", "turn:a", "--turn-user", "b", "--turn-password-file", path.to_str().unwrap()];
        let servers = super::servers(&network(&options), environment).unwrap();
        assert!(servers[0].password == Password::new("from the file"));
        std::fs::write(&path, "from Windows\r\n").unwrap();
        let servers = super::servers(&network(&options), environment).unwrap();
        assert!(servers[0].password == Password::new("from Windows"));
        for wrong in ["\n".to_owned(), "x".repeat(1_024), "x".repeat(5_000)] {
            std::fs::write(&path, wrong).unwrap();
            assert!(matches!(super::servers(&network(&options), environment), Err(Failure::File { .. })));
        }
        std::fs::write(&path, "x".repeat(1_023)).unwrap();
        assert!(super::servers(&network(&options), environment).is_ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_end_is_not_read_to_its_end() {
        assert!(matches!(from_file(Path::new("/dev/zero")), Err(Failure::File { .. })));
    }

    #[test]
    fn what_is_missing_is_told() {
        let nothing = |_: &str| None;
        assert!(super::servers(&network(&[]), nothing).unwrap().is_empty());
        for options in [
            &["--relay-only"][..],
            &["--turn-user", "a"],
            &["--turn", "turn:a"],
            &["--turn", "turn:a", "--turn-user", "b"],
        ] {
            assert!(
                matches!(super::servers(&network(options), nothing), Err(Failure::Usage(_))),
                "{options:?}"
            );
        }
        assert!(Args::try_parse_from(["p2pvoip", "call", "x", "--turn", "turns:a"]).is_err());
        assert!(Args::try_parse_from(["p2pvoip", "call", "x", "--relay-only", "--reflexive-only"]).is_err());
    }
}
